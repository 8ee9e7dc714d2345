"""The page of pipelines in Chromium, over the living sandbox: what a person sees of it."""

import re
from collections import Counter

import pytest

from gateway.sandbox import Fault
from gateway.settings import Settings
from gateway.transport.server import address_of, listen, serving
from tests.explorer.conftest import Explored
from tests.explorer.pipelines.conftest import button, line, panel, running

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

# Over a fresh browser; a change that makes the page heavier says so here.
MOST_REQUESTS = 9
MOST_BYTES = 190_000


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
        running(settings, calls) as gateway,
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
