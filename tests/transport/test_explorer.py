"""The explorer in a real browser: our own page, and GraphiQL from its published files."""

import json
import re
import shutil
import subprocess
import tarfile
from base64 import b64encode
from hashlib import sha384

import pytest
from graphql import parse, validate

from gateway.execution.schema import make_schema
from gateway.transport.explorer import ASSETS, CDN, Explorer
from gateway.transport.server import address_of, listen, serving

pytestmark = pytest.mark.anyio

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
DEMO = {"PRIVATE-TOKEN": "glpat-sandbox-developer"}
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Where screenshots go when somebody wants to look at them: pytest --basetemp DIR
SIZE = {"width": 1200, "height": 760}


class TestPage:
    async def test_a_browser_gets_it_and_programs_do_not(self, make_caller):
        caller = make_caller(explorer=Explorer(DEMO, "1"))

        page = await caller.get(accept=BROWSER)
        other = await caller.get("query=%7B+__typename+%7D", accept="*/*")

        assert (page.status, page.media_type) == (200, "text/html")
        assert b"<!doctype html>" in page.body
        assert other.json() == {"data": {"__typename": "Query"}}

    async def test_can_be_turned_off(self, caller):
        answer = await caller.get("query=%7B+__typename+%7D", accept=BROWSER)

        assert answer.json() == {"data": {"__typename": "Query"}}

    async def test_every_answer_has_a_nonce_of_its_own(self, make_caller):
        caller = make_caller(explorer=Explorer())

        pages = [await caller.get(accept=BROWSER) for _ in range(2)]

        nonces = [nonce_of(page) for page in pages]
        assert nonces[0] != nonces[1]
        for page, nonce in zip(pages, nonces, strict=True):
            assert page.body.count(f'nonce="{nonce}"'.encode()) == 1
            assert b"__NONCE__" not in page.body

    async def test_nothing_in_it_can_end_its_script(self, make_caller):
        headers = {"PRIVATE-TOKEN": "</script><script>alert(1)</script>"}

        page = await make_caller(explorer=Explorer(headers)).get(accept=BROWSER)

        assert page.body.count(b"</script>") == 1

    async def test_no_token_is_shown_over_a_real_upstream(self, make_caller):
        page = await make_caller(explorer=Explorer()).get(accept=BROWSER)

        assert b"glpat" not in page.body

    def test_its_query_is_valid(self):
        query = start_of(Explorer())["query"]

        assert validate(make_schema()._schema, parse(query)) == []


@pytest.fixture(scope="module")
def assets(tmp_path_factory, lacking) -> dict[str, bytes]:
    """The files of the CDN by path, as the npm registry has them."""
    npm = shutil.which("npm")
    if npm is None:
        lacking("npm is not installed")
    folder, contents = tmp_path_factory.mktemp("assets"), {}
    for path in ASSETS:
        _, _, package, inside = path.split("/", 3)
        command = [npm, "pack", "--json", "--silent", package]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        if done.returncode:
            lacking(f"npm could not fetch {package}: {done.stderr.decode()[-500:]}")
        with tarfile.open(folder / json.loads(done.stdout)[0]["filename"]) as archive:
            contents[path] = archive.extractfile(f"package/{inside}").read()
    return contents


@pytest.mark.node
def test_the_hashes_are_those_of_the_published_files(assets):
    assert dict(ASSETS) == {
        path: f"sha384-{b64encode(sha384(content).digest()).decode()}"
        for path, content in assets.items()
    }


@pytest.fixture
async def page(lacking, tmp_path):
    """A page of a fresh browser; what its console reports as an error fails the test."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        lacking("Chromium is not installed")
    from playwright.async_api import async_playwright  # noqa: PLC0415 - slow to import

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium, args=FLAGS, viewport=SIZE
        )
        page = await browser.new_page()
        page.set_default_timeout(20_000)
        yield page
        await browser.close()


@pytest.fixture
async def address(make_caller):
    """A gateway with the explorer on, over HTTP."""
    listener = listen("127.0.0.1", 0)
    app = make_caller(explorer=Explorer(DEMO, "1")).app
    async with serving(app, listener, shutdown_timeout_s=1):
        yield f"{address_of(listener)}/graphql"


@pytest.mark.browser
async def test_our_own_page_works_where_the_cdn_does_not_answer(page, address, tmp_path):
    await page.route(f"{CDN}/**", lambda route: route.abort())
    await page.goto(address)
    await page.get_by_text("GraphiQL could not be loaded").wait_for()

    headers = await page.get_by_label("Headers").input_value()
    await page.get_by_label("Query").fill("query ($name: String!) { __type(name: $name) { kind } }")
    await page.get_by_label("Variables").fill('{"name": "Job"}')
    await page.get_by_role("button", name="Run").click()
    await page.get_by_text("status 200").wait_for()

    await page.screenshot(path=tmp_path / "plain.png")
    result = json.loads(await page.locator("#result").inner_text())
    assert json.loads(headers) == DEMO
    assert result == {"data": {"__type": {"kind": "OBJECT"}}}


@pytest.mark.browser
async def test_our_own_page_works_while_the_cdn_is_silent(page, address):
    await page.route(f"{CDN}/**", lambda _: None)
    await page.goto(address, wait_until="commit")

    await page.get_by_label("Query").fill("{ __typename }")
    await page.get_by_label("Query").press("Control+Enter")
    await page.get_by_text('"__typename": "Query"').wait_for()


@pytest.mark.browser
async def test_mistakes_are_told_on_our_own_page(page, address):
    await page.route(f"{CDN}/**", lambda route: route.abort())
    await page.goto(f"{address}?query=%7B+asked+%7D")

    asked = await page.get_by_label("Query").input_value()
    await page.get_by_label("Variables").fill("{")
    await page.get_by_role("button", name="Run").click()
    await page.get_by_text("The variables are no JSON").wait_for()
    await page.get_by_label("Variables").fill("")
    await page.get_by_role("button", name="Run").click()
    await page.get_by_text("Cannot query field 'asked'").wait_for()

    assert asked == "{ asked }"


@pytest.mark.browser
@pytest.mark.node
async def test_graphiql_takes_its_place_where_it_loads(page, address, assets, tmp_path):
    faults = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    await _serve_assets(page, assets)
    await page.goto(f"{address}?query=%7B+__typename+%7D")

    await page.locator(".graphiql-execute-button").click()
    await page.locator(".result-window").get_by_text('"Query"').wait_for()
    await page.get_by_label("Show Documentation Explorer").click()
    await page.get_by_text("Root Types").wait_for()

    await page.screenshot(path=tmp_path / "graphiql.png")
    assert await page.get_by_text("glpat-sandbox-developer").is_visible()
    assert await page.locator("#plain").count() == 0
    line = await page.locator(".graphiql-query-editor .CodeMirror-line").bounding_box()
    assert line["height"] < 40, "our own page's styles reach into GraphiQL"
    assert faults == []


@pytest.mark.browser
@pytest.mark.node
async def test_a_file_that_was_changed_is_not_run(page, address, assets):
    changed = {path: content + b"\n" for path, content in assets.items()}
    await _serve_assets(page, changed)
    await page.goto(address)

    await page.get_by_text("GraphiQL could not be loaded").wait_for()
    assert await page.evaluate("typeof GraphiQL") == "undefined"


@pytest.mark.browser
@pytest.mark.node
async def test_what_was_typed_is_not_taken_away(page, address, assets):
    held = []
    await page.route(f"{CDN}/**", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks the function
    await page.goto(address, wait_until="commit")

    await page.get_by_label("Query").fill("{ mine }")
    for route in held:
        await _fulfil(route, assets)
    await page.get_by_text("GraphiQL is ready").wait_for()

    assert await page.get_by_label("Query").input_value() == "{ mine }"


async def _serve_assets(page, assets):
    async def fulfil(route):
        await _fulfil(route, assets)

    await page.route(f"{CDN}/**", fulfil)


async def _fulfil(route, assets):
    path = route.request.url.removeprefix(CDN)
    kind = "text/css" if path.endswith(".css") else "text/javascript"
    await route.fulfill(
        body=assets[path], content_type=kind, headers={"access-control-allow-origin": "*"}
    )


def nonce_of(page) -> str:
    return re.search(r"script-src 'nonce-([\w-]+)'", page.headers["content-security-policy"])[1]


def start_of(explorer: Explorer):
    body, _ = explorer.page()
    return json.loads(re.search(rb"const start = (.*);\n", body)[1])
