"""What somebody embeds who needs the client alone."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import upstream
from gateway.upstream import (
    Call,
    CallScope,
    Circuit,
    Client,
    ClientConfig,
    Credential,
    Standings,
    WireOptions,
    open_wire,
    standard_chain,
)

pytestmark = pytest.mark.anyio


def test_exported_members() -> None:
    tree = ast.parse(Path(upstream.__file__).read_text())
    imported = [
        alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    ]

    assert sorted(imported) == sorted(upstream.__all__)
    assert all(hasattr(upstream, name) for name in upstream.__all__)


def test_knows_no_graphql() -> None:
    """And no web framework either: importing it is cheap for who has neither."""
    asked = "import gateway.upstream, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True)

    modules = set(loaded.stdout.decode().split())
    assert "gateway.upstream.client" in modules
    assert modules.isdisjoint({"strawberry", "graphql", "starlette", "uvicorn", "gateway.app"})


async def test_the_client_serves_alone(sandbox_server) -> None:
    async with open_wire("http1", WireOptions(sandbox_server.url)) as wire:
        client = Client(wire, ClientConfig(sandbox_server.api_url))
        deadline = asyncio.get_running_loop().time() + 10
        scope = CallScope(Credential("PRIVATE-TOKEN", sandbox_server.tokens["developer"]), deadline)

        job = await client.job(scope, 1, 8)

    assert (job.id, scope.tally.calls) == (8, 1)


async def test_a_layer_of_ones_own_can_stand_in_front(over, answer) -> None:
    class Counting:
        def __init__(self, below):
            self.below = below
            self.targets = []

        async def send(self, call: Call):
            self.targets.append(call.target)
            return await self.below.send(call)

    it = over(answer({"id": 7, "status": "success", "name": "build"}))
    config = ClientConfig("https://gitlab.test/api/v4")
    counting = Counting(standard_chain(it.wire, config, circuit=Circuit(), standings=Standings()))

    await Client.over(counting).job(it.scope(), 1, 7)

    assert counting.targets == ["/projects/1/jobs/7"]
