"""A client, an engine and contexts over an upstream, as a role of its sandbox.

async with over(sandbox_server) as gateway:             inside a test's event loop
    response = await gateway.execute("{ … }")

with over_driven(sandbox_server) as gateway:            on a loop of its own
    response = gateway.run(gateway.execute("{ … }"))
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from gateway.context import Context
from gateway.execution.engine import Engine
from gateway.execution.request import Caller, Carrier, GraphQLRequest
from gateway.settings import Settings
from gateway.upstream.client import Client, ClientConfig
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from gateway.upstream.web_urls import WebUrls
from gateway.upstream.wire import WireOptions
from gateway.upstream.wires import WireName, open_wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

    from gateway.execution.response import GraphQLResponse
    from gateway.execution.running import Budget
    from gateway.testing.server import SandboxServer

__all__ = ["CARRIER", "DrivenOver", "Over", "make_caller", "make_scope", "over", "over_driven"]

REQUEST_ID = "test"
CARRIER = Carrier("test")
WIRE: WireName = Settings().wire


def make_scope(
    credential: Credential | None = None, *, seconds: float = 10.0, request_id: str = REQUEST_ID
) -> CallScope:
    """What the calls of one operation share; inside the test's event loop."""
    return CallScope(credential, asyncio.get_running_loop().time() + seconds, request_id)


def make_caller(
    credential: Credential | None = None,
    *,
    seconds: float = 10.0,
    request_id: str = REQUEST_ID,
    carrier: Carrier = CARRIER,
) -> Caller:
    """Whom an operation is run for; inside the test's event loop."""
    deadline = asyncio.get_running_loop().time() + seconds
    return Caller(carrier, credential, request_id, arrived=perf_counter(), deadline=deadline)


@dataclass(slots=True)
class Over:
    """The gateway's inner parts over a served sandbox."""

    server: SandboxServer
    client: Client
    urls: WebUrls
    engine: Engine
    seconds: float
    """How long the upstream calls of an operation may take."""

    def credential(self, role: str | None = "maintainer") -> Credential | None:
        """What a role of the sandbox presents; nothing for None."""
        if role is None:
            return None
        header = "JOB-TOKEN" if role == "job_token" else "PRIVATE-TOKEN"
        return Credential(header, self.server.tokens[role])

    def scope(self, role: str | None = "maintainer", *, seconds: float | None = None) -> CallScope:
        return make_scope(self.credential(role), seconds=seconds or self.seconds)

    def caller(self, role: str | None = "maintainer") -> Caller:
        return make_caller(self.credential(role), seconds=self.seconds)

    def context(self, role: str | None = "maintainer") -> Context:
        """The context of a new operation."""
        return Context(self.client, self.scope(role), self.urls)

    async def execute(
        self,
        document: str,
        variables: dict[str, Any] | None = None,
        *,
        role: str | None = "maintainer",
        caller: Caller | None = None,
    ) -> GraphQLResponse:
        """Run one operation, for a role or for another caller."""
        request = GraphQLRequest(query=document, variables=variables)
        return await self.engine.execute(request, caller or self.caller(role))


@asynccontextmanager
async def over(
    server: SandboxServer,
    *,
    wire: WireName = WIRE,
    budget: Budget | None = None,
    seconds: float = 10.0,
    **config: Any,
) -> AsyncIterator[Over]:
    """The parts over a served sandbox; reads are retried without a pause. `config` is the
    client's.
    """
    async with open_wire(wire, WireOptions(origin=server.url)) as opened:
        client = Client(opened, ClientConfig(server.api_url, **{"retry_pause_s": 0.0, **config}))
        urls = WebUrls(server.api_url)
        yield Over(server, client, urls, Engine(client, urls, budget=budget), seconds)


@dataclass(slots=True)
class DrivenOver(Over):
    """The same with its own loop, for tests that are not coroutines."""

    runner: asyncio.Runner

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)


@contextmanager
def over_driven(server: SandboxServer, **options: Any) -> Iterator[DrivenOver]:
    """The parts over a served sandbox, on a loop of their own; options as for `over`."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        made = runner.run(stack.enter_async_context(over(server, **options)))
        try:
            yield DrivenOver(made.server, made.client, made.urls, made.engine, made.seconds, runner)
        finally:
            runner.run(stack.aclose())
