"""Subscriptions in the explorer, in Chromium: a log that is followed to its end, and the tabs that
begin with one.
"""

import asyncio
import json
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.explorer.conftest import last_line
from tests.harness.app import running_app
from tests.harness.command import get

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

LOG = """subscription Follow($job: ID!) {
  jobLog(job: { path: { project: 1, job: $job } }, format: RAW) { text endByte }
}"""


@pytest.fixture
async def gateway(request):
    """Over a sandbox whose time the test drives where it asks for one, else over its own."""
    over = {"sandbox_jobs": 50}
    if "sandbox_server" in request.fixturenames:
        over = {"upstream_url": request.getfixturevalue("sandbox_server").url}
    async with running_app(watch_interval_s=0.05, watch_idle_interval_s=0.1, **over) as api:
        yield api.gateway


@pytest.mark.sandbox(jobs=30)
async def test_a_log_is_followed_to_its_end(sandbox_server, explored, address, tmp_path):
    sandbox, token = sandbox_server.sandbox, sandbox_server.tokens["developer"]
    job = sandbox.create_job(
        name="long", status="pending", moves=True, planned_s=60.0, log_lines=400
    )
    asked = urlencode({"query": LOG, "variables": json.dumps({"job": str(job)})})
    await explored.open(f"{address}#{asked}")
    page = explored.page
    await _put_token(explored, token)

    await page.keyboard.press("Control+Enter")
    await page.get_by_label("Stop query").wait_for()
    log = page.get_by_label("Logs", exact=True)
    # As it grows, which takes a minute, and then its end.
    for seconds in (15, 15, 15, 30):
        sandbox.advance(seconds)
        await log.get_by_text(await last_line(sandbox, job)).first.wait_for()
    await page.get_by_label("Execute query").wait_for()
    await page.screenshot(path=tmp_path / "followed.png")
    end = await log.evaluate("it => it.scrollTop + it.clientHeight >= it.scrollHeight - 1")
    async with page.expect_download() as downloading:
        await log.get_by_role("button", name="Download").click()
    saved = await (await downloading.value).path()

    content = _bytes_of(saved)
    trace = await asyncio.to_thread(
        get, f"{sandbox_server.api_url}/projects/1/jobs/{job}/trace", token
    )
    assert content == trace.content
    assert len(content) > 10_000
    assert end, "its end is in sight"
    assert await log.locator("a, img, script, iframe").count() == 0
    facts = await explored.facts.inner_text()
    assert re.search(r"Calls of this event\s+none of its own\s+Events\s+\d+", facts)
    assert "of at most" not in facts


async def test_of_an_event_that_takes_calls_they_are_told(explored, address):
    query = """subscription { jobUpdated(job: { path: { project: 1, job: 8 } }) {
      name log { tail(lines: 1) { text } } } }"""
    await explored.open(f"{address}#{urlencode({'query': query})}")

    await explored.page.get_by_label("Execute query").click()
    await explored.facts.get_by_text("Calls of this event").wait_for()

    facts = await explored.facts.inner_text()
    await explored.page.get_by_label("Stop query").click()
    assert re.search(r"Calls of this event\s+1 of at most \d\s+Shared\s+0", facts)


async def test_the_tabs_that_watch_run_and_stop(explored, address):
    await explored.open(address)
    page = explored.page

    await page.get_by_role("button", name="FollowLog").first.click()
    await page.get_by_label("Execute query").click()
    await page.get_by_label("Logs", exact=True).get_by_text("Running with").wait_for()
    await page.get_by_label("Stop query").click()
    await page.get_by_label("Execute query").wait_for()
    await page.get_by_role("button", name="WatchPipeline").first.click()
    await page.get_by_label("Execute query").click()
    await explored.facts.get_by_text("Events").wait_for()

    assert '"changed"' in await explored.text_of("response.json")
    await page.get_by_label("Stop query").click()

    # A wrong token is told as for any operation.
    await _put_token(explored, "wrong")
    await page.keyboard.press("Control+Enter")
    await explored.facts.get_by_text("set PRIVATE-TOKEN under Headers").wait_for()
    assert "UNAUTHENTICATED" in await explored.text_of("response.json")


async def _put_token(explored, token):
    page = explored.page
    await page.get_by_role("button", name="Headers", exact=True).click()
    await page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden)").focus()
    await page.keyboard.press("Enter")
    await explored.put(json.dumps({"PRIVATE-TOKEN": token}))


def _bytes_of(path):
    return Path(path).read_bytes()
