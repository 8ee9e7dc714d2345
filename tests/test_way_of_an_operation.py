"""How a warm `{ job { name } }` travels through the gateway, from its request to its response.

Counted are the distinct functions that it enters, the modules that these are in, and the moves to a
higher layer: two calls in a row, the second of them in a layer above the first. A coroutine that
goes on is a call as well. Comprehensions belong to the function they stand in. The functions that
were compiled for the operation belong to no module, and are not counted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tomllib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import gateway
from gateway.app import create_app
from gateway.settings import Settings
from tests.harness.turns import turns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from gateway.testing.server import SandboxServer

# The way stays below these: what it was before each layer of an upstream call was a class of its
# own.
FUNCTIONS = 111
MODULES = 29
RISES = 10
# What is read of the upstream goes through the layers that hold callers apart (places, standings,
# what was read of a bound), past the hooks of waits and shared calls, and tells that it runs, for
# whoever asks the same meanwhile: that way is longer than it was then, and grows no further.
FUNCTIONS_READING = 128
MODULES_READING = 40
RISES_READING = 11

ROOT = Path(gateway.__file__).parent


class Way:
    """The functions that were called, in order, each as a module and a name in it."""

    def __init__(self, layers: list[str]) -> None:
        self.functions: list[tuple[str, str]] = []
        self._layers = layers

    def add(self, module: str, function: str) -> None:
        self.functions.append((module, function.partition(".<locals>.<")[0]))

    @property
    def modules(self) -> set[str]:
        return {module for module, _ in self.functions}

    @property
    def rises(self) -> list[tuple[str, str]]:
        """The calls that lie in a higher layer than the call before them."""
        heights = [self._height(module) for module, _ in self.functions]
        return [
            function
            for function, height, before in zip(
                self.functions[1:], heights[1:], heights[:-1], strict=True
            )
            if height > before
        ]

    def __str__(self) -> str:
        return (
            f"{len(set(self.functions))} functions in {len(self.modules)} modules,"
            f" {len(self.rises)} moves to a higher layer"
        )

    def _height(self, module: str) -> int:
        for height, layer in enumerate(reversed(self._layers)):
            for name in layer.split(" | "):
                if module == name or module.startswith(f"{name}."):
                    return height
        raise LookupError(f"{module} is in none of the layers in pyproject.toml")


@pytest.mark.parametrize(
    ("kept_reads", "functions", "modules", "rises"),
    [
        (True, FUNCTIONS, MODULES, RISES),
        (False, FUNCTIONS_READING, MODULES_READING, RISES_READING),
    ],
    ids=["kept", "read"],
)
def test_a_warm_operation_takes_no_longer_way_than_before(
    sandbox_server: SandboxServer,
    capsys: pytest.CaptureFixture[str],
    *,
    kept_reads: bool,
    functions: int,
    modules: int,
    rises: int,
) -> None:
    job = sandbox_server.sandbox.landmarks["debug_job"]
    query = f'{{ job(by: {{path: {{project: "1", job: "{job}"}}}}) {{ name }} }}'

    way, answer = asyncio.run(
        way_of(
            query, sandbox_server.url, sandbox_server.tokens["maintainer"], kept_reads=kept_reads
        )
    )

    with capsys.disabled():
        print(f"\n{{ job {{ name }} }}{'' if kept_reads else ', not kept'}: {way}")  # noqa: T201 - the figures are what it is for
    assert answer["data"]["job"]["name"]
    assert len(set(way.functions)) < functions
    assert len(way.modules) < modules
    assert len(way.rises) < rises


def test_the_way_is_counted_as_described() -> None:
    way = Way(["top", "middle", "bottom | ground"])

    for module, function in (
        ("top", "f"),
        ("ground", "g"),
        ("bottom.part", "C.h"),
        ("middle", "f"),
        ("middle", "f.<locals>.<listcomp>"),
        ("top", "f"),
    ):
        way.add(module, function)

    assert way.rises == [("middle", "f"), ("top", "f")]
    assert str(way) == "4 functions in 4 modules, 2 moves to a higher layer"


def test_a_module_outside_the_layers_is_an_error() -> None:
    way = Way(["top"])
    way.add("topping", "f")
    way.add("top", "f")

    with pytest.raises(LookupError, match="topping is in none"):
        str(way)


async def way_of(query: str, url: str, token: str, *, kept_reads: bool) -> tuple[Way, Any]:
    """The way of a query that was asked before, over the application as a server calls it.

    It is the shortest of several: on a busy machine a timer can come in between.
    """
    app = create_app(Settings(upstream_url=url, kept_reads=kept_reads))
    ways = []
    async with app.running():
        for _ in range(20):
            way = Way(layers())
            # What the operation before leaves to be done is not counted here.
            await turns(10)
            with walked(way):
                answer = await ask(app, query, token)
            ways.append(way)
    return min(ways, key=lambda way: len(set(way.functions))), json.loads(answer)


async def ask(app: Any, query: str, token: str) -> bytes:
    """Ask the application as an ASGI server does; the body of its answer."""
    body = json.dumps({"query": query}).encode()
    headers = {
        "host": "gateway",
        "accept": "application/json",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "private-token": token,
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    coming = [{"type": "http.request", "body": body, "more_body": False}]
    sent = []

    async def receive() -> dict[str, Any]:
        if coming:
            return coming.pop()
        return await asyncio.get_running_loop().create_future()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return b"".join(message.get("body", b"") for message in sent)


@contextmanager
def walked(way: Way) -> Iterator[None]:
    """Add what is called of the gateway in this thread, while the block runs."""
    files: dict[str, str] = {}
    for path in ROOT.rglob("*.py"):
        files[str(path)] = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and (module := files.get(frame.f_code.co_filename)):
            way.add(module, frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def layers() -> list[str]:
    """The layers of the import contract, the highest first."""
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    return next(contract for contract in contracts if "containers" not in contract)["layers"]
