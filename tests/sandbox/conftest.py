"""The fixtures of the sandbox's tests: callers of fresh sandboxes, and the JSON schemas."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.sandbox import Sandbox
from gateway.sandbox.world.rows import ProjectRow
from tests.sandbox.callers import WORLD, Caller, Lab
from tests.sandbox.json_schemas import Schemas

PROFILES = ("16", "17", "18")


@pytest.fixture
def make_lab(loop: asyncio.Runner) -> Iterator[Callable[..., Lab]]:
    """Makes labs, each in a fresh world; all are closed at the end."""
    made: list[Sandbox] = []

    def make(**options: Any) -> Lab:
        made.append(Sandbox(**{"world": WORLD, **options}))
        if "world" not in options:
            made[-1].update_project(13, refreshing=1)
        return Lab(made[-1], runner=loop)

    yield make
    for sandbox in made:
        sandbox.close()


@pytest.fixture
def lab(make_lab: Callable[..., Lab], sandbox_options: dict[str, Any]) -> Lab:
    """A lab of this test's own (options: `@pytest.mark.sandbox(...)`)."""
    return make_lab(**sandbox_options)


@pytest.fixture(scope="session")
def schemas() -> Schemas:
    return Schemas()


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    """Each version profile in turn."""
    return request.param


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def reader(loop: asyncio.Runner) -> Iterator[Caller]:
    """A caller of a world that a whole module only reads."""
    sandbox = Sandbox()
    yield Caller(sandbox, runner=loop)
    sandbox.close()


@pytest.fixture(scope="module")
def project_ids(reader: Caller) -> list[int]:
    """Every project of the demo world."""
    return [row.id for row in reader.sandbox.store.all(ProjectRow)]


@pytest.fixture
def api(sandbox: Sandbox, loop: asyncio.Runner) -> Caller:
    """A caller of this test's own sandbox (options: `@pytest.mark.sandbox(...)`)."""
    return Caller(sandbox, runner=loop)


@pytest.fixture
def caller_of(loop: asyncio.Runner) -> Iterator[Callable[..., Caller]]:
    """Makes callers of sandboxes with options of their own; all are closed at the end."""
    made: list[Sandbox] = []

    def make(**options: Any) -> Caller:
        made.append(Sandbox(**options))
        return Caller(made[-1], runner=loop)

    yield make
    for sandbox in made:
        sandbox.close()


@pytest.fixture(scope="session")
def target_of() -> Any:
    """Path and query of a URL handed out by the sandbox, below /api/v4, ready to be called."""

    def target(url: str) -> str:
        parts = urlsplit(url)
        return f"{parts.path.removeprefix('/api/v4')}?{parts.query}"

    return target
