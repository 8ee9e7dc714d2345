"""The explorer's page and files as they are served, and the plain page in a real browser.

What the full explorer does in a browser is in tests/explorer.
"""

import gzip
import json
import re
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from graphql import parse, validate
from starlette.applications import Starlette

from gateway.execution.schema import make_schema
from gateway.transport.explorer import Bundle, Examples, Explorer
from tests.harness.app import caller_of, listening
from tests.harness.browser import browsing

pytestmark = pytest.mark.anyio

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
DEMO = {"PRIVATE-TOKEN": "glpat-sandbox-developer"}
SCRIPT = b"console.log(1);\n" * 200


@pytest.fixture
def folder(tmp_path):
    """A bundle as a build leaves it, with one script."""
    (tmp_path / "files").mkdir()
    (tmp_path / "page.html").write_text(
        '<!doctype html><script type="application/json" id="start">__START__</script>'
    )
    (tmp_path / "licences.txt").write_text("MIT")
    (tmp_path / "secret.txt").write_text("not to be served")
    (tmp_path / "files" / "index-abc123.js.gz").write_bytes(gzip.compress(SCRIPT, mtime=0))
    return tmp_path


@pytest.fixture
def without_bundle(tmp_path):
    return Bundle(tmp_path / "nowhere")


class TestPage:
    async def test_a_browser_gets_it_and_programs_do_not(self, make_caller, folder):
        caller = make_caller(explorer=Explorer(DEMO, bundle=Bundle(folder)))

        page = await caller.get(accept=BROWSER)
        other = await caller.get("query=%7B+__typename+%7D", accept="*/*")

        assert (page.status, page.media_type) == (200, "text/html")
        assert page.body.startswith(b"<!doctype html>")
        assert other.json() == {"data": {"__typename": "Query"}}

    async def test_can_be_turned_off(self, caller):
        answer = await caller.get("query=%7B+__typename+%7D", accept=BROWSER)

        assert answer.json() == {"data": {"__typename": "Query"}}

    async def test_its_policy_lets_in_nothing_from_elsewhere(self, make_caller, folder):
        page = await make_caller(explorer=Explorer(bundle=Bundle(folder))).get(accept=BROWSER)

        text = page.headers["content-security-policy"]
        policy = dict(part.strip().split(" ", 1) for part in text.split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["connect-src"] == policy["worker-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert "http" not in text
        assert "unsafe-eval" not in text
        assert page.headers["referrer-policy"] == "no-referrer"

    async def test_the_plain_pages_policy_names_its_one_script(self, make_caller, without_bundle):
        page = await make_caller(explorer=Explorer(bundle=without_bundle)).get(accept=BROWSER)

        [script] = re.findall(rb"<script>(.*?)</script>", page.body, re.DOTALL)
        digest = b64encode(sha256(script).digest()).decode()
        assert f"script-src 'sha256-{digest}';" in page.headers["content-security-policy"]

    @pytest.mark.parametrize("has_bundle", [True, False])
    async def test_nothing_in_it_can_end_its_script(
        self, make_caller, folder, without_bundle, has_bundle
    ):
        headers = {"PRIVATE-TOKEN": "</script><script>alert(1)</script>"}
        bundle = Bundle(folder) if has_bundle else without_bundle

        page = await make_caller(explorer=Explorer(headers, bundle=bundle)).get(accept=BROWSER)

        assert page.body.count(b"</script>") == page.body.count(b"<script")
        assert b"alert(1)</script>" not in page.body
        assert json.loads(start_of(page)["headers"]) == headers

    async def test_no_token_is_shown_over_a_real_upstream(self, make_caller, folder):
        page = await make_caller(explorer=Explorer(bundle=Bundle(folder))).get(accept=BROWSER)

        assert b"glpat" not in page.body

    async def test_its_tabs_are_valid_operations_that_say_what_they_show(self, make_caller, folder):
        explorer = Explorer(examples=Examples(project="7"), bundle=Bundle(folder))

        tabs = start_of(await make_caller(explorer=explorer).get(accept=BROWSER))["tabs"]

        assert len(tabs) == 10
        for tab in tabs:
            document = parse(tab["query"])
            operation: Any
            [operation] = [one for one in document.definitions if hasattr(one, "operation")]
            needed = {one.variable.name.value for one in operation.variable_definitions}
            assert validate(make_schema()._schema, document) == []
            assert tab["query"].startswith("# ")
            assert set(json.loads(tab["variables"])) == needed
        assert json.loads(tabs[0]["variables"]) == {"project": "7"}
        assert "<" not in "".join(tab["variables"] for tab in tabs)


class TestFiles:
    @pytest.fixture
    async def files(self, folder):
        app = Starlette(routes=[Bundle(folder).route("/graphql/explorer")])
        async with caller_of(app) as client:
            client.headers.pop("accept-encoding")
            yield client

    async def get(self, files, name="index-abc123.js", **headers):
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return await files.get(f"/graphql/explorer/{name}", headers=named)

    async def test_are_sent_packed_and_kept_for_ever(self, files):
        answer = await self.get(files, accept_encoding="gzip, deflate, br")

        assert answer.status_code == 200
        assert answer.content == SCRIPT
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < len(SCRIPT) / 10
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "accept-encoding"
        assert answer.headers["x-content-type-options"] == "nosniff"

    @pytest.mark.parametrize("encoding", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0, br"])
    async def test_are_unpacked_for_those_who_want_it(self, files, encoding):
        answer = await self.get(files, accept_encoding=encoding)

        assert answer.content == SCRIPT
        assert "content-encoding" not in answer.headers

    @pytest.mark.parametrize("encoding", ["gzip", "br,gzip;q=0.5", "*", "GZIP", "x-gzip"])
    async def test_are_packed_however_that_is_asked_for(self, files, encoding):
        answer = await self.get(files, accept_encoding=encoding)

        assert answer.headers["content-encoding"] == "gzip"

    async def test_are_not_sent_to_those_who_have_them(self, files):
        first = await self.get(files, accept_encoding="gzip")
        tag = first.headers["etag"]

        again = await self.get(files, accept_encoding="gzip", if_none_match=f'"other", W/{tag}')
        unpacked = await self.get(files, accept_encoding="identity", if_none_match=tag)

        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert unpacked.status_code == 200
        assert unpacked.headers["etag"] != tag

    @pytest.mark.parametrize(
        "name", ["none.js", "page.html", "secret.txt", "..%2Fsecret.txt", "index-abc123.js.gz"]
    )
    async def test_nothing_else_is_served(self, files, name):
        answer = await self.get(files, name)

        assert answer.status_code == 404

    async def test_licences_are_served(self, files):
        answer = await self.get(files, "licences.txt")

        assert (answer.status_code, answer.text) == (200, "MIT")


@pytest.fixture
async def page(lacking, chromium, tmp_path):
    viewport = {"width": 1200, "height": 760}
    async with browsing(chromium, tmp_path / "profile", viewport=viewport) as browser:
        page = await browser.new_page()
        page.set_default_timeout(20_000)
        yield page
        await browser.close()


@pytest.fixture
async def address(make_caller, without_bundle):
    """A gateway whose installation has no bundle, over HTTP."""
    async with listening(
        make_caller(explorer=Explorer(DEMO, bundle=without_bundle)).app
    ) as address:
        yield address


@pytest.mark.browser
async def test_the_plain_page_works_and_says_how_to_get_the_full_one(page, address, tmp_path):
    await page.goto(address)

    notice = await page.locator("#notice").inner_text()
    headers = await page.get_by_label("Headers").input_value()
    await page.get_by_label("Query").fill("query ($name: String!) { __type(name: $name) { kind } }")
    await page.get_by_label("Variables").fill('{"name": "Job"}')
    await page.get_by_label("Query").press("Control+Enter")
    await page.get_by_text("status 200").wait_for()

    await page.screenshot(path=tmp_path / "plain.png")
    result = json.loads(await page.locator("#result").inner_text())
    assert "pip install --force-reinstall" in notice
    assert json.loads(headers) == DEMO
    assert result == {"data": {"__type": {"kind": "OBJECT"}}}


@pytest.mark.browser
async def test_mistakes_are_told_on_the_plain_page(page, address):
    await page.goto(f"{address}?query=%7B+asked+%7D")

    asked = await page.get_by_label("Query").input_value()
    await page.get_by_label("Variables").fill("{")
    await page.get_by_role("button", name="Run").click()
    await page.get_by_text("The variables are no JSON").wait_for()
    await page.get_by_label("Variables").fill("")
    await page.get_by_role("button", name="Run").click()
    await page.get_by_text("Cannot query field 'asked'").wait_for()

    assert asked == "{ asked }"


def start_of(page):
    found = re.search(rb'<script type="application/json" id="start">(.*?)</script>', page.body)
    return json.loads(found[1])
