"""The search box of the log view, in Chromium, by the keyboard."""

import json
from urllib.parse import urlencode

import pytest

from tests.harness.app import running_app

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.sandbox(jobs=0)]

TAIL = """query End($job: ID!) {
  job(by: { path: { project: 1, job: $job } }) { name log { tail(lines: 3) { text } } }
}"""
FOLLOW = """subscription Follow($job: ID!) {
  jobLog(job: { path: { project: 1, job: $job } }, format: RAW) { text endByte }
}"""
# Matches on lines 10, 20, … of 2,000: more than are asked for at once.
LINES = [f"line {number}: {'error' if number % 10 == 0 else 'fine'}" for number in range(1, 2_001)]


@pytest.fixture
async def gateway(sandbox_server):
    settings = {"watch_interval_s": 0.05, "watch_idle_interval_s": 0.1}
    async with running_app(upstream_url=sandbox_server.url, **settings) as api:
        yield api.gateway


class Box:
    """The search box of the one log in view."""

    def __init__(self, explored):
        self.explored = explored
        self.form = explored.page.get_by_role("search", name="Find in the log of ")
        self.input = self.form.get_by_role("searchbox", name="Find")
        self.told = self.form.locator("output")

    async def says(self, text):
        await self.told.get_by_text(text, exact=True).wait_for()

    async def press(self, *keys):
        for key in keys:
            await self.explored.page.keyboard.press(key)

    def line(self, number):
        return self.explored.page.get_by_role("group", name=f"Line {number}", exact=True)


async def opened(explored, address, document, job, token):
    asked = urlencode({"query": document, "variables": json.dumps({"job": str(job)})})
    await explored.open(f"{address}#{asked}")
    page = explored.page
    await page.get_by_role("button", name="Headers", exact=True).click()
    await page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden)").focus()
    await page.keyboard.press("Enter")
    await explored.put(json.dumps({"PRIVATE-TOKEN": token}))
    await page.keyboard.press("Control+Enter")
    return Box(explored)


async def test_finds_lines_of_the_whole_log_by_the_keyboard(
    sandbox_server, explored, address, tmp_path
):
    sandbox, token = sandbox_server.sandbox, sandbox_server.tokens["developer"]
    log = "\n".join(LINES).encode() + b"\n"
    job = sandbox.create_job(1, sandbox.create_pipeline(1), status="success", log=log)
    box = await opened(explored, address, TAIL, job, token)
    await explored.page.get_by_role("button", name="Log", exact=True).click()

    await box.input.fill("error")
    await box.press("Enter")
    await box.says("1 of 100 or more, line 10")
    assert await box.line(10).inner_text() == "\n".join(LINES[7:12])
    assert await box.line(10).locator("mark").all_inner_texts() == ["error"]
    await box.press("Enter")
    await box.says("2 of 100 or more, line 20")
    await box.press("Shift+Enter", "Shift+Enter")
    await box.says("100 of 100 or more, line 1,000")
    await explored.page.screenshot(path=tmp_path / "search.png")
    await box.press("Enter")
    await box.says("101 of 200 or more, line 1,010")
    await box.press(*["Enter"] * 99)
    await box.says("200 of 200 or more, line 2,000")
    await box.press("Enter")
    await box.says("1 of 200, line 10")

    await box.input.fill("ERROR")
    await box.press("Enter")
    await box.says("No line has it")
    await box.form.get_by_label("Regex").check()
    await box.input.fill("(?i)2000: ERROR$")
    await box.press("Enter")
    await box.says("1 of 1, line 2,000")
    await box.input.fill("(")
    await box.press("Enter")
    await box.told.get_by_text("pattern").wait_for()
    await box.press("Escape")
    assert await box.input.input_value() == ""
    assert await box.told.inner_text() == ""
    assert await explored.page.locator(".log-match").count() == 0


async def test_finds_what_a_followed_log_has_got_meanwhile(sandbox_server, explored, address):
    sandbox, token = sandbox_server.sandbox, sandbox_server.tokens["developer"]
    job = sandbox.create_job(1, sandbox.create_pipeline(1), status="pending", log=b"")
    sandbox.set_status(job, "running")
    sandbox.set_log(job, b"one error\n")
    box = await opened(explored, address, FOLLOW, job, token)

    await box.input.fill("error")
    await box.press("Enter")
    await box.says("1 of 1, line 1")
    sandbox.set_log(job, b"one error\nfine\nmore error\n")
    await explored.page.get_by_label("Logs", exact=True).get_by_text("more error").wait_for()
    await box.press("Enter")
    await box.says("2 of 2, line 3")

    await explored.page.get_by_label("Stop query").click()
