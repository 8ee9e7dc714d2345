"""The page of pipelines in Chromium: what happens is seen, also after what broke."""

import re

import pytest

from gateway.sandbox import Fault
from tests.explorer.conftest import last_line
from tests.explorer.pipelines.conftest import button, line, panel

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


async def test_a_failed_job_is_retried_and_seen_to_run_and_finish(page, root, sandbox):
    await page.goto(f"{root}#project=1&pipeline=6&job=7")
    await panel(page, "teaspoon").get_by_text("script failure").wait_for()

    await panel(page, "teaspoon").get_by_role("button", name="Retry").click()
    await page.get_by_role("status").get_by_text("Retry teaspoon: done").wait_for()
    await line(page, "teaspoon").locator(".state.pending").wait_for()
    sandbox.advance(12)
    await line(page, "teaspoon").locator(".state.running").wait_for()

    # The log is that of the new attempt, and followed to its end.
    log = page.get_by_role("log", name="Log")
    await log.get_by_text("Preparing the").wait_for()
    job = int(re.search(r"· #(\d+)", await panel(page, "teaspoon").inner_text())[1])
    sandbox.advance(30)
    await log.get_by_text(await last_line(sandbox, job)).wait_for()
    sandbox.advance(100)
    await line(page, "teaspoon").locator(".state.success").wait_for()
    await panel(page, "teaspoon").get_by_text("finished", exact=True).wait_for()
    # The end of the log may come a moment after that of the job.
    await log.get_by_text("Job succeeded").wait_for()
    whole = await log.inner_text()
    numbers = [int(one) for one in re.findall(r"^ *(\d+)  ", whole, re.MULTILINE)]
    assert numbers == sorted(set(numbers)), "no line twice"
    assert await line(page, "teaspoon").count() == 1

    await page.get_by_label("Earlier attempts").check()
    earlier = page.get_by_role("list", name="Earlier attempts of teaspoon")
    await earlier.get_by_text("failed").wait_for()
    assert await earlier.get_by_role("link").all_inner_texts() == ["#7"]


async def test_each_piece_of_a_log_is_shown_when_it_comes(page, root, sandbox):
    """Also where nothing else on the page moves: a job that waits counts no seconds."""
    written = b"line 1\n"
    job = sandbox.create_job(1, sandbox.create_pipeline(1), status="pending", log=written)
    await page.goto(f"{root}#project=1&job={job}")
    log = page.get_by_role("log", name="Log")
    await log.get_by_text("line 1").wait_for()

    for number in range(2, 8):
        written += b"line %d\n" % number
        sandbox.set_log(job, written)
        await log.get_by_text(f"line {number}").wait_for()

    assert (await log.inner_text()).split("\n")[:7] == written.decode().splitlines()


async def test_a_skipped_job_that_is_started_after_all_is_followed(page, root, sandbox):
    pipeline = sandbox.create_pipeline(1)
    job = sandbox.create_job(1, pipeline, name="late", status="skipped", log=b"")
    sandbox.create_job(1, pipeline, name="first", status="running")
    await page.goto(f"{root}#project=1&pipeline={pipeline}&job={job}")
    await panel(page, "late").get_by_text("The log is empty.").wait_for()

    sandbox.set_status(job, "running")
    sandbox.set_log(job, b"begun\n")

    await page.get_by_role("log", name="Log").get_by_text("begun").wait_for()


async def test_an_upstream_that_comes_back_is_live_again(page, root, sandbox):
    """Also for a log that has got nothing new meanwhile."""
    await page.goto(f"{root}#project=1&pipeline=6&job=8")
    live = page.get_by_text("live", exact=True)
    await live.nth(1).wait_for()

    sandbox.faults.append(Fault(kind="status", status=503))
    await page.get_by_text("not live", exact=True).nth(1).wait_for()
    await page.get_by_role("alert").get_by_text("Not live: ").nth(1).wait_for()
    sandbox.faults.clear()

    await live.nth(1).wait_for()
    await page.get_by_text("not live").first.wait_for(state="detached")
    assert await page.get_by_role("alert").count() == 0


async def test_a_connection_that_breaks_is_made_again(page, root, sandbox):
    written = b"before\n"
    job = sandbox.create_job(1, 6, name="long", status="running", log=written)
    opened, is_away = [], False

    async def through(socket):
        opened.append(socket)
        if is_away:
            await socket.close(code=1012)
        else:
            socket.connect_to_server()

    await page.route_web_socket("**/graphql", through)
    await page.goto(f"{root}#project=1&pipeline=6&job={job}")
    log = page.get_by_role("log", name="Log")
    await page.get_by_text("live", exact=True).nth(1).wait_for()
    sandbox.set_log(job, written := written + b"followed\n")
    await log.get_by_text("followed").wait_for()

    is_away = True
    await opened[0].close(code=1012)
    await page.get_by_text("connecting again…", exact=True).nth(1).wait_for()
    sandbox.set_log(job, written + b"meanwhile\n")
    is_away = False
    await log.get_by_text("meanwhile").wait_for()

    await page.get_by_text("live", exact=True).nth(1).wait_for()
    assert (await log.inner_text()).split() == ["before", "followed", "meanwhile"]


async def test_a_credential_that_is_refused_is_not_shown_again_and_again(page, root, sandbox):
    sockets = []
    page.on("websocket", lambda one: sockets.append(one))  # noqa: PLW0108 - Playwright marks it
    await page.clock.install()
    await page.add_init_script(
        "sessionStorage.setItem('jobs-gateway:headers', '{\"PRIVATE-TOKEN\": \"wrong\"}')"
    )
    await page.goto(f"{root}#project=1&pipeline=6")
    told = panel(page, "Pipeline #6")
    await told.get_by_text("not live", exact=True).wait_for()
    await told.get_by_text("Not live: the upstream does not accept the credential").wait_for()

    await page.clock.fast_forward("10:00")
    await page.evaluate("new Promise(done => requestAnimationFrame(done))")

    assert len(sockets) == 1


async def test_a_manual_job_is_played_by_keyboard(page, root, sandbox):
    job = sandbox.create_job(
        1, 6, name="by hand", stage="deploy", status="manual", run_when="manual", allow_failure=1
    )
    await page.goto(f"{root}#project=1&pipeline=6&job={job}")
    play = line(page, "by hand").get_by_role("button", name="Play by hand")

    await play.focus()
    await page.keyboard.press("Enter")
    await line(page, "by hand").locator(".state.pending").wait_for()
    sandbox.advance(12)
    await line(page, "by hand").locator(".state.running").wait_for()
    await panel(page, "by hand").get_by_text("running").first.wait_for()
    await line(page, "by hand").get_by_role("button", name="Cancel by hand").click()
    await page.get_by_role("status").get_by_text("Cancel by hand: done").wait_for()
    sandbox.advance(12)
    await line(page, "by hand").locator(".state.canceled").wait_for()


async def test_child_pipelines_unfold_and_are_live(page, root, sandbox):
    await page.goto(f"{root}#project=1&pipeline=6")
    unfold = button(page, "downstream")
    assert await unfold.get_attribute("aria-expanded") == "false"

    await unfold.click()
    child = panel(page, "Pipeline #5")
    await child.get_by_text("live", exact=True).wait_for()
    sandbox.set_status(5, "failed")
    await child.locator(".line").filter(has_text="smoke").locator(".state.failed").wait_for()
    await button(child, "Retry all failed (1)").click()

    await page.get_by_role("status").get_by_text("Retry all failed: 1 of 1 done").wait_for()
    await child.locator(".line").filter(has_text="smoke").locator(".state.pending").wait_for()
    # What had ended begins again.
    await child.get_by_text("live", exact=True).wait_for()


async def test_ten_tabs_have_the_upstream_asked_as_for_one(page, root, gateway):
    tabs = [page, *[await page.context.new_page() for _ in range(9)]]

    for tab in tabs:
        await tab.goto(f"{root}#project=1&pipeline=6&job=8")
        await tab.get_by_role("log").wait_for()
        await tab.get_by_text("live", exact=True).nth(1).wait_for()

    # The pipeline with its jobs, and the log.
    assert len(gateway.live.pollers) == 2
