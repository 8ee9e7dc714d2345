"""What the transport's tests share: a caller that speaks ASGI, and engines behind the endpoint."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.execution.documents import Documents
from gateway.execution.engine import Engine
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.persisted import PersistedDocuments
from gateway.execution.running import Budget, Running
from gateway.execution.schema import make_schema
from gateway.hooks import Hook, Hooks
from gateway.settings import Settings
from gateway.transport.callers import Callers
from gateway.transport.endpoint import Endpoint
from gateway.transport.records import OperationRecords, Records

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def media_type(self) -> str:
        return self.headers["content-type"].removesuffix("; charset=utf-8")

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.json()["errors"]]


@dataclass(slots=True)
class Exchange:
    """One request and what became of it, from the server's side.

    The body's pieces come at once; unless `is_whole`, more is promised and never comes.
    """

    pieces: list[bytes]
    is_whole: bool = True
    left: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def receive(self) -> dict[str, Any]:
        if self.pieces:
            piece = self.pieces.pop(0)
            more = bool(self.pieces) or not self.is_whole
            return {"type": "http.request", "body": piece, "more_body": more}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def answer(self) -> Answer:
        start, *rest = self.sent
        headers = [(name.decode(), value.decode()) for name, value in start["headers"]]
        twice = [name for name, times in Counter(name for name, _ in headers).items() if times > 1]
        assert not twice, f"sent more than once: {twice}"
        return Answer(
            start["status"], dict(headers), b"".join(part.get("body", b"") for part in rest)
        )


@dataclass(slots=True)
class Caller:
    """Calls an ASGI application, without a server and without tidying anything up."""

    app: Any

    async def post(self, content: Any, *, accept: str | None = None, **headers: str) -> Answer:
        """POST a JSON body, or bytes as they are; `content_type=""` leaves that header out."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        headers = {"content_type": JSON, **headers}
        return await self.call("POST", body=body, accept=accept, **headers)

    async def get(self, query: str = "", *, accept: str | None = None, **headers: str) -> Answer:
        return await self.call("GET", query=query, accept=accept, **headers)

    async def call(
        self,
        method: str,
        *,
        body: bytes | Sequence[bytes] = b"",
        query: str = "",
        accept: str | None = None,
        **headers: str,
    ) -> Answer:
        exchange = Exchange([body] if isinstance(body, bytes) else list(body))
        await self.exchange(exchange, method, query, accept=accept, **headers)
        return exchange.answer

    async def exchange(
        self, exchange: Exchange, method: str = "POST", query: str = "", **headers: str | None
    ) -> None:
        """Call with an exchange of the test's making, to look into it meanwhile."""
        scope = {
            "type": "http",
            "method": method,
            "path": "/graphql",
            "query_string": query.encode(),
            "headers": [
                (name.replace("_", "-").encode(), value.encode())
                for name, value in headers.items()
                if value
            ],
        }
        await self.app(scope, exchange.receive, exchange.send)


class ScriptedEngine(Engine):
    """The engine, but that executing an operation does what a test says: what no operation can be
    made to do. `run` is a coroutine function that takes the scope and gives the `ExecutionResult`.
    """

    def __init__(self, run: Any, **options: Any) -> None:
        super().__init__(NOBODY, NOBODY, **options)
        self._running = ScriptedRunning(NOBODY, NOBODY, self._budget, self._hooks, None)
        self._running.run = run


class ScriptedRunning(Running):
    run: Any

    def start(self, prepared: Any, scope: Any, root: Any = None) -> Any:
        return self.run(scope)


# The real engine runs without an upstream what needs none: `__typename`, introspection, refusals.
NOBODY: Any = None


@pytest.fixture
def make_exchange() -> type[Exchange]:
    return Exchange


@pytest.fixture(scope="session")
def schema() -> Any:
    return make_schema(PlannedExecutor)


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    """The records written so far; those of requests come when `records` is flushed."""
    return []


@pytest.fixture
def records(lines: list[dict[str, Any]]) -> Records:
    return Records(lambda text: lines.extend(map(json.loads, text.splitlines())))


@pytest.fixture
def make_caller(schema: Any, records: Records) -> Any:
    """Makes a caller of an endpoint: `make_caller(run=…, explorer=…, hooks=…, max_batch=…)`. Each
    has seen no document before.

    With `run` it is what a `ScriptedEngine` does. Hooks are `records` unless others are given.
    """

    def make(
        run: Any = None,
        explorer: Any = None,
        hooks: Sequence[Hook] | None = None,
        compressor: Any = None,
        admission: Any = None,
        **knobs: Any,
    ) -> Caller:
        settings = Settings(**knobs)
        told = Hooks(*((OperationRecords(records),) if hooks is None else hooks))
        options: dict[str, Any] = {
            "budget": Budget(response_bytes=settings.max_response_bytes),
            "documents": Documents(schema, Limits()),
            "persisted": PersistedDocuments(settings.persisted_documents),
            "hooks": told,
            "admission": admission,
        }
        engine = ScriptedEngine(run, **options) if run else Engine(NOBODY, NOBODY, **options)
        callers = Callers(b"a key", settings.request_timeout_s)
        return Caller(Endpoint(engine, callers, settings, told, explorer, compressor))

    return make


@pytest.fixture
def caller(make_caller: Any) -> Caller:
    return make_caller()
