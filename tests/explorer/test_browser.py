"""The explorer in Chromium, with every other host out of reach: what a person sees and does."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, lexicographic_sort_schema, print_schema

from gateway.transport.server import address_of, listen, serving

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

# The first view over a fresh browser; a change that makes it heavier says so here.
MOST_REQUESTS = 20
MOST_BYTES = 1_900_000
TOKEN = "glpat-sandbox-developer"


async def test_the_first_view_is_light_and_asks_no_other_host(explored, address):
    sizes = []
    explored.page.on("response", lambda one: sizes.append(one))  # noqa: PLW0108 - Playwright marks it

    await explored.open(address)

    origin = address.removesuffix("/graphql")
    lengths = [int(one.headers.get("content-length", 0)) for one in sizes]
    assert [url for url in explored.requests if not url.startswith((origin, "data:"))] == []
    assert len(explored.requests) <= MOST_REQUESTS
    assert sum(lengths) <= MOST_BYTES
    assert (
        await explored.page.get_by_role("list", name="Select active operation")
        .get_by_role("listitem")
        .count()
        == 10
    )


async def test_a_second_visit_asks_for_no_file_again(explored, address):
    await explored.open(address)
    # Some files are asked for when the editors are there.
    await explored.page.wait_for_load_state("networkidle")

    entries = "performance.getEntriesByType('resource').map(e => [e.name, e.transferSize])"
    await explored.open(address)

    sent = [name for name, size in await explored.page.evaluate(entries) if size]
    assert [name for name in sent if "/explorer/" in name] == []


async def test_a_query_runs_by_keyboard_and_its_cost_is_told(explored, address, tmp_path):
    await explored.open(address)

    await explored.query_editor.focus()
    await explored.page.keyboard.press("Enter")
    await explored.run()

    facts = await explored.facts.inner_text()
    await explored.page.screenshot(path=tmp_path / "answer.png")
    assert re.search(r"Upstream calls\s+4 of at most 4\s", facts)
    assert re.search(r"Shared\s+0\s+Cached\s+0\s+Retried\s+0\s+Took\s+\d+ ms", facts)
    assert re.search(r"Request\s+[0-9a-f]+-[0-9a-f]+\s", facts)
    assert "Jobs Gateway 0." in facts
    await explored.answer.get_by_text('"brakeman"').first.wait_for()


async def test_nothing_can_be_run_before_the_editors_are_there(explored, address):
    page = explored.page
    held = asyncio.Event()

    async def hold(route):
        await held.wait()
        await route.continue_()

    await page.route("**/monaco-editor-*.js", hold)
    await page.goto(address)
    execute = page.get_by_label("Execute query")
    await execute.wait_for()
    early = await execute.is_disabled()

    held.set()
    await execute.click()
    await explored.facts.get_by_text("4 of at most 4").wait_for()

    assert early


@pytest.mark.parametrize(
    "explored",
    [
        {"viewport": {"width": width, "height": 860}, "color_scheme": scheme}
        for width, scheme in [(1280, "light"), (1024, "dark")]
    ],
    indirect=True,
)
async def test_all_tabs_and_the_whole_operation_are_in_sight(explored, address, tmp_path):
    await explored.open(address)
    page = explored.page
    tabs = page.get_by_role("list", name="Select active operation").get_by_role("listitem")

    await tabs.last.get_by_role("button").first.click()
    await page.screenshot(path=tmp_path / "tabs.png")

    # What is hit where a tab's middle is: the tab, or something that covers it.
    hit = await tabs.evaluate_all(
        "tabs => tabs.map(tab => { const {x, y, width, height} = tab.getBoundingClientRect();"
        " return tab.contains(document.elementFromPoint(x + width / 2, y + height / 2)) })"
    )
    lines = explored.query_editor.locator(".view-line")
    await lines.get_by_text("# Two projects").wait_for()
    cut = await explored.query_editor.locator(".monaco-scrollable-element").first.evaluate(
        "it => [...it.querySelectorAll('.view-line > span')]"
        ".filter(line => line.getBoundingClientRect().right > it.getBoundingClientRect().right)"
        ".map(line => line.textContent)"
    )
    assert hit == [True] * 10
    assert cut == []


@pytest.mark.parametrize("explored", [{"viewport": {"width": 420, "height": 860}}], indirect=True)
async def test_the_headers_tools_are_whole_in_a_narrow_window(explored, address, tmp_path):
    await explored.open(address)
    page = explored.page
    await page.get_by_role("button", name="Headers", exact=True).click()
    tools = page.locator(".graphiql-editor-tools")
    await tools.get_by_label("Remember headers").check()

    hides = tools.locator(".graphiql-toggle-editor-tools")
    await page.screenshot(path=tmp_path / "headers.png")
    right = await hides.evaluate("it => it.getBoundingClientRect().right")
    await hides.click()

    edge = await tools.evaluate("it => it.parentElement.getBoundingClientRect().right")
    assert right <= edge
    await page.get_by_label("Show editor tools").wait_for()


async def test_a_manual_job_is_played_again_and_again_by_keyboard(explored, address):
    await explored.open(address)
    page = explored.page
    await page.get_by_role("button", name="PlayWithVariables").first.focus()
    await page.keyboard.press("Enter")

    await explored.query_editor.focus()
    await page.keyboard.press("Enter")
    await explored.run()
    await explored.facts.get_by_text("made a new attempt").wait_for()

    variables = json.loads(await explored.text_of("variables.json"))
    assert variables["job"] not in {"1", 1}
    assert variables["project"] == "1"
    assert '"userErrors": []' in (await explored.text_of("response.json"))


async def test_a_wrong_token_is_told_and_put_right_by_keyboard(explored, address):
    await explored.open(address)
    page = explored.page
    await page.get_by_role("button", name="Headers", exact=True).focus()
    await page.keyboard.press("Enter")
    headers = page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden)")

    await headers.focus()
    await page.keyboard.press("Enter")
    await explored.put('{"PRIVATE-TOKEN": "wrong"}')
    await explored.run()
    await explored.facts.get_by_text("set PRIVATE-TOKEN under Headers").wait_for()
    refused = await explored.text_of("response.json")
    await explored.put(f'{{"PRIVATE-TOKEN": "{TOKEN}"}}')
    await explored.run()
    await explored.facts.get_by_text("4 of at most 4").wait_for()

    assert "UNAUTHENTICATED" in refused
    # Escape leaves an editor; Tab goes on from there.
    await page.keyboard.press("Escape")
    assert await headers.evaluate("it => it === document.activeElement")


async def test_fields_are_completed_with_what_they_cost(explored, address):
    await explored.open(address)
    page = explored.page
    await explored.query_editor.focus()
    await page.keyboard.press("Enter")
    await explored.put("{ project(id: 1) {  } }")
    for _ in range(4):
        await page.keyboard.press("ArrowLeft")

    await page.keyboard.type("pip")

    suggestions = page.locator(".suggest-widget")
    await suggestions.get_by_text("pipelines").first.wait_for()


async def test_the_documentation_tells_costs(explored, address, tmp_path):
    await explored.open(address)
    page = explored.page

    await page.get_by_label("Show Documentation Explorer").click()
    await page.get_by_role("link", name="Query").first.click()
    cost = page.locator(".graphiql-markdown-description strong", has_text="Cost: at most 1 call;")

    await cost.first.wait_for()
    await page.screenshot(path=tmp_path / "documentation.png")


async def test_logs_are_shown_with_colours_and_folds_as_text_only(explored, address, tmp_path):
    await explored.open(address)
    page = explored.page
    await page.locator(".graphiql-execute-button").click()

    await page.get_by_role("button", name="Logs (3)").click()
    log = page.get_by_label(re.compile("^Log of brakeman")).first
    await log.wait_for()

    await page.screenshot(path=tmp_path / "logs.png")
    view = page.get_by_label("Logs", exact=True)
    text = await log.inner_text()
    assert "\x1b" not in text
    assert "section_start" not in text
    assert "https://example.com/a?b=1&c=<2>" in text
    assert await view.locator("a, img, script, iframe").count() == 0
    folds = log.locator("details")
    opened = await folds.evaluate_all("them => them.map(it => it.open)")
    assert opened == [False, False, True, False]
    colour = await log.get_by_text("deprecated").first.evaluate("it => getComputedStyle(it).color")
    assert colour == "rgb(227, 179, 65)"

    await log.get_by_role("button", name="Unfold all").click()
    assert await folds.evaluate_all("them => them.every(it => it.open)")
    await log.get_by_role("button", name="Copy").click()
    await log.get_by_role("button", name="Copied").wait_for()
    copied = await page.evaluate("navigator.clipboard.readText()")
    async with page.expect_download() as downloading:
        await log.get_by_role("button", name="Download").click()
    saved = await (await downloading.value).path()
    assert "section_start" in copied
    assert _bytes_of(saved).decode() == copied


async def test_one_credential_serves_all_tabs_and_is_kept_for_the_session_only(explored, address):
    await explored.open(address)
    page = explored.page
    await page.get_by_role("button", name="Headers", exact=True).click()
    await page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden)").focus()
    await page.keyboard.press("Enter")
    await explored.put('{"PRIVATE-TOKEN": "mine-alone"}')

    await page.get_by_role("button", name="TwoProjects").first.click()
    in_other_tab = await explored.text_of("request-headers.json")
    await page.get_by_label("New tab").click()
    in_new_tab = await explored.text_of("request-headers.json")
    # GraphiQL stores its tabs half a second later.
    await page.wait_for_function(
        "() => JSON.parse(localStorage['graphiql:tabState']).activeTabIndex === 10"
    )
    stored = await page.evaluate("JSON.stringify({...localStorage})")
    await page.reload()
    await explored.open(address)
    after_reload = await explored.text_of("request-headers.json")

    assert in_other_tab == in_new_tab == after_reload == '{"PRIVATE-TOKEN": "mine-alone"}'
    assert "mine-alone" not in stored

    await page.get_by_role("button", name="Headers", exact=True).click()
    await page.get_by_label("Remember headers").check()
    assert "mine-alone" in await page.evaluate("JSON.stringify({...localStorage})")
    await page.get_by_label("Remember headers").uncheck()
    assert "mine-alone" not in await page.evaluate("JSON.stringify({...localStorage})")


async def test_a_link_brings_an_operation_that_is_not_run(explored, address):
    query = "mutation { jobErase(input: {job: {path: {project: 1, job: 1}}}) { job { id } } }"

    await explored.open(
        f"{address}#query={query}&variables=%7B%7D&headers=%7B%22PRIVATE-TOKEN%22%3A%22theirs%22%7D"
    )

    asked = [url for url in explored.requests if url.partition("#")[0] == address]
    assert await explored.text_of("operation.graphql") == query
    assert TOKEN in await explored.text_of("request-headers.json")
    assert explored.page.url == address
    assert len(asked) == 2, "the page itself, and the schema"


async def test_a_link_is_shared_without_headers(explored, address):
    await explored.open(address)

    await explored.page.get_by_label("Copy a link to this operation").click()
    await explored.page.get_by_text("Link copied").wait_for()

    link = await explored.page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{address}#query=")
    assert "FailedJobs" in link
    assert "PRIVATE" not in link
    assert TOKEN not in link


async def test_the_schema_is_downloaded_as_the_gateway_has_it(explored, address):
    await explored.open(address)

    async with explored.page.expect_download() as downloading:
        await explored.page.get_by_label("Download the schema (SDL)").click()
    saved = await (await downloading.value).path()

    assert _sorted(saved) == _sorted(Path(__file__).parents[2] / "schema.graphql")


async def test_prettify_keeps_comments_and_merge_puts_fragments_in(explored, address):
    await explored.open(address)
    page = explored.page
    await explored.query_editor.focus()
    await page.keyboard.press("Enter")
    await explored.put("# Kept\nquery Latest{project(id:1){...L}}fragment L on Project{name}")
    # It has been read by then.
    await page.get_by_role("button", name="Latest", exact=True).first.wait_for()

    await page.get_by_label("Prettify query").click()
    await explored.until_text(
        "operation.graphql",
        "# Kept\nquery Latest {\n  project(id: 1) {\n    ...L\n  }\n}\n"
        "fragment L on Project {\n  name\n}\n",
    )
    await page.get_by_label("Merge fragments").click()
    await explored.until_text(
        "operation.graphql", "query Latest {\n  project(id: 1) {\n    name\n  }\n}"
    )


async def test_it_works_behind_a_path_prefix(explored, bundle, gateway):
    async def behind(scope, receive, send):
        # As a proxy that takes its own prefix away.
        if scope["type"] == "http":
            assert scope["path"].startswith("/ci/tools/")
            scope = {**scope, "path": scope["path"].removeprefix("/ci/tools")}
        await gateway(scope, receive, send)

    listener = listen("127.0.0.1", 0)
    async with serving(behind, listener, shutdown_timeout_s=1):
        await explored.open(f"{address_of(listener)}/ci/tools/graphql")
        await explored.page.locator(".graphiql-execute-button").click()
        await explored.facts.get_by_text("4 of at most 4").wait_for()

    assert explored.page.url.endswith("/ci/tools/graphql")
    assert all("/ci/tools/" in url for url in explored.requests if not url.startswith("data:"))


async def test_the_stop_button_ends_the_request(explored, address):
    await explored.open(address)
    page = explored.page
    # The gateway's answer is held back for as long as the page waits for it.
    await page.route(address, lambda _: None)

    await page.locator(".graphiql-execute-button").click()
    await page.get_by_label("Stop query").click()

    await page.get_by_label("Execute query").wait_for()


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"color_scheme": "light", "viewport": {"width": 420, "height": 860}},
}


@pytest.mark.node
@pytest.mark.parametrize(
    ("explored", "look"),
    # Axe brings a script of its own, which the page's policy would refuse.
    [(options | {"bypass_csp": True}, look) for look, options in LOOKS.items()],
    indirect=["explored"],
    ids=LOOKS,
)
async def test_axe_finds_nothing(explored, address, look, explorer_project, tmp_path):
    axe = (explorer_project / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    await explored.open(address)
    page = explored.page
    await page.evaluate(axe)

    async def violations():
        found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:120]}"
            for one in found["violations"]
        ]

    at_first = await violations()
    await page.locator(".graphiql-execute-button").click()
    await page.get_by_role("button", name="Logs (3)").click()
    with_logs = await violations()
    await page.screenshot(path=tmp_path / f"{look}.png")
    others = {}
    for panel in ("Documentation Explorer", "History", "Operation Builder"):
        await page.get_by_label(f"Show {panel}").click()
        await page.get_by_label(f"Hide {panel}").wait_for()
        # Its labels are put right a frame later.
        await page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        others[panel] = await violations()

    assert at_first == with_logs == []
    assert others == {panel: [] for panel in others}


def _sorted(path) -> str:
    sdl = Path(path).read_text(encoding="utf-8")
    return print_schema(lexicographic_sort_schema(build_schema(sdl)))


def _bytes_of(path) -> bytes:
    return Path(path).read_bytes()
