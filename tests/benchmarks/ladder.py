"""One operation, done as far as each layer of the gateway: a ladder, whose rungs are counted.

    floor                                          the floor over the gateway's own wire

    gateway   bytes to bytes                       server    the server, over nothing
    recorded  the engine, with records
    engine    a request to a response              preparing, encoding    parts of it, alone
    plan      a prepared operation to its data     shown     the same of what is at hand
    client    upstream calls, to entities
    calls     the same, to answers
    wire      the same, over the wire alone
    upstream  the prepared answers, over nothing

Each rung does what the rung above it asked of it when it was watched, as often, and side by side
what was side by side. So what a layer costs is the difference between two rungs, and all
differences come to the whole.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import ExecutionResult
from msgspec import structs

from gateway.app import Gateway
from gateway.context import Context
from gateway.execution.engine import Engine
from gateway.execution.executor import PlanExecution, execute_plan
from gateway.execution.operation import Prepared
from gateway.execution.persisted import PersistedDocuments
from gateway.execution.preparing import Preparation
from gateway.execution.request import Caller, Carrier, GraphQLRequest
from gateway.execution.response import encode
from gateway.hooks import Hooks
from gateway.parts import admission_of, budget_of, client_of, documents_of, wire_options_of
from gateway.settings import Settings
from gateway.team import Team
from gateway.transport.arrival import arrival_protocol
from gateway.transport.records import OperationRecords, Records
from gateway.turns import Turns
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from gateway.upstream.web_urls import WebUrls
from gateway.upstream.wires import open_wire
from tests.benchmarks.driver import request_of
from tests.benchmarks.floor import Floor, by_own_wire
from tests.benchmarks.in_process import Server
from tests.benchmarks.upstream import TOKEN
from tests.benchmarks.watching import AtHand, Loads, Watch, ask_again

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from gateway.upstream.calls import Layer
    from gateway.upstream.wire import Wire
    from tests.benchmarks.in_process import Loop
    from tests.benchmarks.operation import Operation
    from tests.benchmarks.watching import Asked, Loaded, Waves

    # What it gives tells whether it did what it should.
    Rung = Callable[[], Awaitable[Any]]

__all__ = ["RUNGS", "Rung", "rungs"]

# `nothing` is what being asked costs by itself.
RUNGS = (
    *("nothing", "upstream", "wire", "calls", "client", "shown", "plan"),
    *("preparing", "encoding", "engine", "recorded", "server", "gateway", "floor"),
)

URL = "http://127.0.0.1:1"
API_URL = f"{URL}/api/v4"
# What is learned of the upstream, such as how near ids lie to each other, is known after so many.
LEARNED = 3
DEADLINE_S = 3600.0
# As the wire has it.
SCRATCH_BYTES = 64 * 1024

_CARRIER = Carrier("http", "POST", statuses={"executed": 200})


@asynccontextmanager
async def rungs(loop: Loop, operation: Operation) -> AsyncIterator[dict[str, Rung]]:
    """The rungs of an operation, by name. Each has been climbed once, and gave what it should."""
    async with AsyncExitStack() as stack:
        settings = Settings(upstream_url=URL, kept_reads=False)
        options = wire_options_of(settings, API_URL, Team())
        wire = await stack.enter_async_context(open_wire(settings.wire, options))
        below = _Below(loop, settings, wire, operation)
        await below.prepare()
        watched = await below.watch()
        made: dict[str, Rung] = {
            "nothing": _nothing,
            "upstream": await _asks_upstream(loop, watched.of_wire),
            "wire": partial(ask_again, watched.of_wire, below.ask_wire),
            "calls": partial(ask_again, watched.of_calls, below.ask_chain),
            "client": partial(ask_again, watched.of_client, below.ask_client),
            "shown": partial(below.show, below.context(), watched.loaded),
            "plan": below.plan,
            "preparing": below.prepare,
            "encoding": partial(_encoded, await below.plan()),
            "engine": partial(below.execute, below.engine(Hooks())),
            "recorded": partial(
                below.execute, below.engine(Hooks(OperationRecords(Records(_nobody))))
            ),
        }
        gateway = Gateway(settings, Records(_nobody))
        await stack.enter_async_context(gateway.running())
        floor = Floor(by_own_wire(API_URL))
        await stack.enter_async_context(floor.running())
        protocol, request = arrival_protocol(settings.receive_timeout_s), request_of(operation)
        made["gateway"] = _served(Server(gateway, protocol), request)
        made["floor"] = _served(Server(floor, "httptools", names_itself=True), request)
        body = await made["gateway"]()
        made["server"] = _served(Server(_Responder(body), protocol), request)
        yield {name: made[name] for name in RUNGS}


async def _nothing() -> None: ...


def _nobody(_: bytes) -> None: ...


async def _encoded(data: Any) -> bytes:
    return encode({"data": data})


def _served(server: Server, request: bytes) -> Rung:
    caller = server.connect()

    async def serve() -> bytes:
        await caller.ask(request)
        return caller.body

    return serve


class _Responder:
    """The least that an application on our server can do (`gateway.transport.cycle`)."""

    begins_at_once = True

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        cycle = send.__self__
        cycle.take_body()
        cycle.respond(200, b"content-length: %d\r\n" % len(self._body), self._body)


class _Below:
    """The rungs below the server, over one wire."""

    def __init__(self, loop: Loop, settings: Settings, wire: Wire, operation: Operation) -> None:
        self._loop = loop
        self._settings = settings
        self._wire = wire
        self._hooks = Hooks()
        self._budget = budget_of(settings)
        self._documents = documents_of(settings)
        self._reached = client_of(settings, wire, API_URL, Team(), self._hooks, None)
        self._client = self._reached.client
        self._chain: Any = None
        self._client.through(self._note_chain)
        self._urls = WebUrls(API_URL)
        self._turns = Turns()
        self._request = GraphQLRequest(query=operation.text, variables=operation.variables)
        credential = Credential("PRIVATE-TOKEN", TOKEN)
        deadline = loop.time() + DEADLINE_S
        self._caller = Caller(_CARRIER, credential, "benchmark", perf_counter(), deadline)
        self._preparation = Preparation(
            self._documents,
            PersistedDocuments(0),
            max_calls=self._budget.calls,
            max_nodes=self._budget.response_nodes,
            max_list_rows=self._budget.list_rows,
        )
        self._prepared: Prepared

    def _note_chain(self, chain: Layer) -> Layer:
        self._chain = chain
        return chain

    def engine(self, hooks: Hooks) -> Engine:
        """As the application makes it."""
        return Engine(
            self._client,
            self._urls,
            budget=self._budget,
            documents=self._documents,
            admission=admission_of(self._settings, self._reached.standings),
            hooks=hooks,
            flights=self._reached.flights,
        )

    async def execute(self, engine: Engine) -> bytes:
        """Have an engine execute the operation."""
        self._caller.estimated_calls = self._caller.estimated_nodes = 0
        response = await engine.execute(self._request, self._caller)
        return response.body

    async def prepare(self) -> Prepared:
        """What is known of it without a call: by a look, once it has been prepared."""
        caller, request = self._caller, self._request
        caller.estimated_calls = caller.estimated_nodes = 0
        found = self._preparation.find(request, caller)
        if not isinstance(found, Prepared):
            found = await self._preparation.take(found, request, caller, "")
        self._prepared = found
        return found

    async def plan(self) -> Any:
        """Its data, by its plan."""
        result = self._execute(self.context)
        return _data_of(result if isinstance(result, ExecutionResult) else await result)

    async def show(self, context: Context, loaded: Loaded) -> Any:
        """The same of what was loaded before, in a context that is there."""
        result = self._execute(partial(AtHand, context, loaded))
        return _data_of(result)

    def _execute(self, context: Callable[[], Any]) -> ExecutionResult | Awaitable[ExecutionResult]:
        prepared = self._prepared
        root = prepared.plan.root
        if not prepared.plan.slots and root.project is not None:
            # As the engine does it.
            return ExecutionResult(root.project(None), None)
        return execute_plan(
            PlanExecution(
                prepared.operation,
                prepared.plan,
                prepared.variables,
                context(),
                arguments=prepared.estimate.arguments,
                turns=self._turns,
                deadline=self._caller.deadline,
            )
        )

    def context(self) -> Context:
        """That of an operation of its own."""
        return self._context(self._client)

    def _context(self, client: Any) -> Context:
        return Context(
            client,
            self._scope(),
            self._urls,
            costs=(self._prepared.estimate.calls, self._budget.calls),
            max_page_size=self._budget.page_size,
            max_list_rows=self._budget.list_rows,
            readers=self._prepared.plan.readers,
            turns=self._turns,
        )

    def _scope(self) -> CallScope:
        return CallScope(self._caller.credential, self._caller.deadline, "benchmark")

    async def watch(self) -> _Watched:
        """Execute the plan, with somebody standing between all layers."""
        wire = Watch(self._wire)
        below: Any = wire
        reached = client_of(self._settings, below, API_URL, Team(), self._hooks, None)
        calls: list[Watch] = []

        def watch(chain: Any) -> Any:
            calls.append(Watch(chain))
            return calls[0]

        client = Watch(reached.client.through(watch))
        for _ in range(LEARNED - 1):
            await self._load(client)
        for seen in (wire, *calls, client):
            seen.waves = []
        loaded = await self._load(client)
        return _Watched(wire.waves, calls[0].waves, client.waves, loaded)

    async def _load(self, client: Watch) -> Loaded:
        """What is loaded by a client for the operation."""
        loads = Loads(self._context(client))
        result = self._execute(lambda: loads)
        _data_of(result if isinstance(result, ExecutionResult) else await result)
        return loads.loaded

    async def ask_wire(self, asked: Asked) -> Any:
        name, arguments, options = asked
        return await getattr(self._wire, name)(*arguments, **options)

    async def ask_chain(self, asked: Asked) -> Any:
        name, (call,), _ = asked
        return await getattr(self._chain, name)(structs.replace(call, scope=self._scope()))

    async def ask_client(self, asked: Asked) -> Any:
        name, (_, *arguments), options = asked
        return await getattr(self._client, name)(self._scope(), *arguments, **options)


class _Watched(NamedTuple):
    """What was asked of each layer for the operation, and what was loaded."""

    of_wire: Waves
    of_calls: Waves
    of_client: Waves
    loaded: Loaded


def _data_of(result: ExecutionResult) -> Any:
    if result.errors:
        raise RuntimeError(f"unexpected errors: {result.errors}")
    return result.data


class _Bare(asyncio.BufferedProtocol):
    """A connection that takes whole answers for what they are: bytes."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._buffer = memoryview(bytearray(SCRATCH_BYTES))
        self._left = 0
        self._answered: asyncio.Future[None]

    async def ask(self, request: bytes, size_bytes: int) -> None:
        """Ask for what is so long."""
        self._left = size_bytes
        self._answered = self._loop.create_future()
        self._transport.write(request)
        await self._answered

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def get_buffer(self, sizehint: int) -> Any:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._left -= nbytes
        if not self._left:
            self._answered.set_result(None)


async def _asks_upstream(loop: Loop, waves: Waves) -> Rung:
    """What asks for the prepared answers with nothing in between."""
    connections: list[_Bare] = []
    while len(connections) < max(map(len, waves), default=0):
        _, bare = await loop.create_connection(partial(_Bare, loop))
        connections.append(bare)
    rounds = []
    for wave in waves:
        requests = [
            f"{method} {target} HTTP/1.1\r\nPRIVATE-TOKEN: {TOKEN}\r\n\r\n".encode()
            for _, (method, target, _), _ in wave
        ]
        rounds.append([(request, len(loop.answers.of(request))) for request in requests])

    async def ask() -> None:
        for asked in rounds:
            if len(asked) == 1:
                await connections[0].ask(*asked[0])
            else:
                await asyncio.gather(
                    *[bare.ask(*one) for bare, one in zip(connections, asked, strict=False)]
                )

    return ask
