"""The page of pipelines in Chromium, over the living sandbox: what a person sees and does."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from gateway.app import Gateway
from gateway.hooks import CallEvent, Hook
from gateway.sandbox import Fault, Sandbox
from gateway.settings import Settings
from gateway.transport.records import Records
from gateway.transport.server import address_of, listen, serving
from tests.explorer.conftest import Explored, last_line

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

# Over a fresh browser; a change that makes the page heavier says so here.
MOST_REQUESTS = 9
MOST_BYTES = 190_000


class Calls(Hook):
    """The calls to the upstream, by route."""

    def __init__(self) -> None:
        self.routes: list[str] = []

    def call_ended(self, call: CallEvent) -> None:
        if not call.is_kept:
            self.routes.append(call.route)


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A world whose time the test moves."""
    with closing(Sandbox(jobs=50)) as sandbox:
        yield sandbox


@pytest.fixture
async def gateway(request, sandbox, calls) -> AsyncIterator[Gateway]:
    """Over the test's world, looking often, so that nobody waits; or as it starts by itself."""
    if getattr(request, "param", "") == "by itself":
        async with _running(Settings(sandbox_jobs=50), calls) as gateway:
            yield gateway
        return
    listener = listen("127.0.0.1", 0)
    async with serving(sandbox.app, listener, shutdown_timeout_s=1):
        often = {"watch_interval_s": 0.2, "watch_idle_interval_s": 0.5}
        settings = Settings(upstream_url=address_of(listener), **often)
        async with _running(settings, calls) as gateway:
            yield gateway


@asynccontextmanager
async def _running(settings: Settings, *hooks: Hook) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings, Records(lambda _: None), *hooks)
    async with gateway.running():
        yield gateway


@pytest.fixture
def root(address) -> str:
    """Where the page is."""
    return address.removesuffix("graphql")


@pytest.fixture
async def page(explored, sandbox):
    """With the credential where the explorer keeps it."""
    headers = json.dumps({"PRIVATE-TOKEN": sandbox.tokens["developer"]})
    kept = f"sessionStorage.setItem('jobs-gateway:headers', {json.dumps(headers)})"
    await explored.page.context.add_init_script(kept)
    return explored.page


def panel(page, name):
    return page.get_by_role("region", name=re.compile(name))


def line(page, name):
    """A job's or bridge's line in its stage."""
    return page.locator(".line").filter(has_text=name)


def button(page, name):
    return page.get_by_role("button", name=name)


@pytest.mark.parametrize("gateway", ["by itself"], indirect=True)
async def test_it_opens_light_and_reads_what_its_operations_need(explored, root, calls):
    page, responses = explored.page, []
    page.on("response", lambda one: responses.append(one))  # noqa: PLW0108 - Playwright marks it

    await page.goto(root)
    await panel(page, "Pipeline #6").get_by_text("live", exact=True).wait_for()

    opening = Counter(calls.routes)
    lengths = [int(one.headers.get("content-length", 0)) for one in responses]
    asked = [one for one in explored.requests if one.endswith("/graphql")]
    assert [one for one in explored.requests if not one.startswith((root, "data:"))] == []
    assert len(explored.requests) <= MOST_REQUESTS
    assert sum(lengths) <= MOST_BYTES
    assert len(asked) == 2, "the pipelines, and the one that is open"
    # One for the query, which needs earlier attempts as well for the order of stages; one for the
    # first look of those that watch, who answer for all further ones. What one of them has just
    # read is not read again by the other.
    assert opening <= Counter(
        project_pipelines=1,
        project=1,
        pipeline=1 + 1,
        pipeline_jobs=2 + 1,
        pipeline_bridges=1 + 1,
    )
    assert "glpat" not in page.url


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
    whole = await log.inner_text()
    assert "Job succeeded" in whole
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


@pytest.mark.parametrize("width", [1024, 420])
async def test_what_is_chosen_comes_into_sight(page, root, width):
    await page.set_viewport_size({"width": width, "height": 860})
    await page.goto(f"{root}#project=1")
    chosen = page.locator(".pipelines a").filter(has_text="#6 ")
    await chosen.or_(page.get_by_role("button", name="Older")).first.wait_for()
    while not await chosen.count():
        await button(page, "Older").click()
        await page.locator(".panel[aria-busy=false] .pipelines").wait_for()

    await chosen.click()
    await line(page, "teaspoon").wait_for()
    heading = panel(page, "Pipeline #6").get_by_role("heading").first
    pipeline = await _is_in_sight(heading, upper=0.4)
    await page.get_by_role("link", name="teaspoon").click()
    await panel(page, "teaspoon").get_by_text("script failure").wait_for()
    job = await _is_in_sight(panel(page, "teaspoon").get_by_text("script failure"))

    assert (pipeline, job) == (True, True)


async def _is_in_sight(found, upper=1.0):
    """Whole, and in the upper part of the window."""
    return await found.evaluate(
        "(it, upper) => { const {top, bottom} = it.getBoundingClientRect();"
        " return top >= 0 && bottom <= innerHeight * upper }",
        upper,
    )


async def test_the_list_marks_the_open_pipeline_also_one_of_another_page(page, root):
    await page.goto(f"{root}#project=1&pipeline=6")
    open_ones = page.locator(".pipelines [aria-current]")
    await open_ones.wait_for()
    elsewhere = await open_ones.inner_text()
    await button(page, "Cancel pipeline").click()
    await open_ones.locator(".state.failed").wait_for()

    chosen = page.locator(".pipelines a:not([aria-current])").first
    number = re.search(r"#\d+", await chosen.inner_text())[0]
    await chosen.click()
    await panel(page, f"Pipeline {number}").wait_for()

    assert "#6 " in elsewhere
    assert "on another page" in elsewhere
    assert await open_ones.count() == 1
    assert number in await open_ones.inner_text()
    assert "on another page" not in await open_ones.inner_text()


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


async def test_refusals_and_errors_are_told_where_they_belong(page, root, sandbox):
    await page.goto(f"{root}#project=1&pipeline=6")
    retry = button(page, "Retry teaspoon")
    await retry.wait_for()

    sandbox.faults.append(Fault(kind="status", method="POST", status=403))
    await retry.click()
    await page.get_by_role("status").get_by_text("FORBIDDEN").wait_for()
    await page.goto(f"{root}#project=1&pipeline=999999")
    told = panel(page, "Pipeline #999999").get_by_role("alert").first
    await told.wait_for()
    assert (await told.inner_text()).startswith("pipeline 999999 of project 1: it does not exist")
    await page.goto(f"{root}#project=1&pipeline=13")
    await (
        panel(page, "Pipeline #13")
        .get_by_role("button", name="to secret-deploy", exact=True)
        .wait_for()
    )


async def test_a_credential_is_given_and_goes_into_no_address(explored, root, sandbox):
    page = explored.page
    await page.goto(root)
    await page.get_by_text("Name a project").wait_for()
    await page.get_by_label("Project").fill("demo/closed-kitchen")
    await button(page, "Show").click()
    await panel(page, "kitchen").get_by_role("alert").first.wait_for()

    await page.get_by_text("Credential", exact=True).click()
    await page.get_by_label("Value").fill(sandbox.tokens["developer"])
    await button(page, "Use it").click()
    await page.locator(".pipelines a").first.wait_for()

    assert not await page.get_by_label("Value").is_visible()
    stored = await page.evaluate("[JSON.stringify(localStorage), sessionStorage.length]")
    assert stored == ["{}", 1]
    assert not [one for one in explored.requests if "glpat" in one]


async def test_the_credential_is_left_by_escape_by_a_click_elsewhere_and_by_the_keyboard(
    page, root
):
    await page.goto(root)
    opens, value = page.get_by_text("Credential", exact=True), page.get_by_label("Value")
    shown = []

    for leave in (
        lambda: page.keyboard.press("Escape"),
        lambda: page.get_by_role("heading", name="Pipelines").click(),
        lambda: page.get_by_label("Project").focus(),
    ):
        await opens.click()
        await value.fill("half of one")
        shown.append(await value.is_visible())
        await leave()
        shown.append(await value.is_visible())

    assert shown == [True, False] * 3


async def test_each_panel_tells_its_cost_and_opens_in_graphiql(explored, page, root):
    await page.goto(f"{root}#project=1&pipeline=6&job=8")
    shown = panel(page, "Pipeline #6")
    await shown.get_by_text(re.compile(r"^\d of at most \d+ upstream calls$")).wait_for()
    links = page.get_by_role("link", name="Open in GraphiQL")
    await page.get_by_role("log").wait_for()
    assert await links.count() == 3

    async with page.context.expect_page() as opening:
        await shown.get_by_role("link", name="Open in GraphiQL").click()
    explorer = Explored(await opening.value)
    await explorer.be_ready()
    await explorer.page.get_by_label("Execute query").click()
    await explorer.facts.get_by_text("of at most").wait_for()
    answer = await explorer.text_of("response.json")
    await explorer.page.close()

    assert '"teaspoon"' in answer


async def test_ten_tabs_have_the_upstream_asked_as_for_one(page, root, gateway):
    tabs = [page, *[await page.context.new_page() for _ in range(9)]]

    for tab in tabs:
        await tab.goto(f"{root}#project=1&pipeline=6&job=8")
        await tab.get_by_role("log").wait_for()
        await tab.get_by_text("live", exact=True).nth(1).wait_for()

    # The pipeline with its jobs, and the log.
    assert len(gateway.live.pollers) == 2


@pytest.mark.parametrize("stays", [True, False], ids=["left on", "taken off"])
async def test_it_works_behind_a_path_prefix(explored, page, sandbox, calls, stays):
    async def behind(scope, receive, send):
        """As a proxy that passes on what is below its prefix alone."""
        if "path" in scope:
            assert scope["path"].startswith("/ci/tools/")
            if not stays:
                scope = {**scope, "path": scope["path"].removeprefix("/ci/tools")}
        await gateway(scope, receive, send)

    upstream, proxy = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    settings = Settings(upstream_url=address_of(upstream), path_prefix="/ci/tools" if stays else "")
    async with (
        serving(sandbox.app, upstream, shutdown_timeout_s=1),
        _running(settings, calls) as gateway,
        serving(
            behind,
            proxy,
            shutdown_timeout_s=1,
            hang_up=gateway.hang_up,
            max_message_bytes=100_000,
        ),
    ):
        root = f"{address_of(proxy)}/ci/tools/"
        await page.goto(f"{root}#project=1&pipeline=6&job=8")
        await panel(page, "Pipeline #6").get_by_text("live", exact=True).wait_for()
        await page.get_by_role("log").wait_for()
        link = page.get_by_role("link", name="Open in GraphiQL").first
        opened = await link.evaluate("link => link.href")

        assert opened.startswith(f"{root}graphql")
        outside = [one for one in explored.requests if not one.startswith((root, "data:"))]
        assert outside == []
        # It would report that the servers end.
        await page.close()


LOOKS = {"light": ("light", 1400), "dark": ("dark", 1400), "narrow": ("light", 420)}


@pytest.mark.node
# Axe brings a script of its own, which the page's policy would refuse.
@pytest.mark.parametrize("explored", [{"bypass_csp": True}], indirect=True)
async def test_axe_finds_nothing(page, root, explorer_project, tmp_path):
    axe = (explorer_project / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    await page.goto(f"{root}#project=1&pipeline=6&job=8")
    await button(page, "downstream").click()
    await panel(page, "Pipeline #5").get_by_role("link", name="smoke").wait_for()
    await page.get_by_label("Earlier attempts").first.check()
    await button(page, "Retry teaspoon").click()
    await page.get_by_role("status").get_by_text("done").wait_for()
    await page.get_by_role("log").wait_for()
    await page.get_by_text("Credential", exact=True).click()
    await page.evaluate(axe)

    violations = {}
    for look, (scheme, width) in LOOKS.items():
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size({"width": width, "height": 860})
        found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        violations[look] = [
            f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:120]}"
            for one in found["violations"]
        ]
        await page.screenshot(path=tmp_path / f"{look}.png", full_page=True)

    assert violations == {look: [] for look in LOOKS}
