"""What the transport's tests share: a caller that speaks ASGI, and engines behind the endpoint."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.execution.engine import Engine, GraphQLRequest, Outcome
from gateway.settings import Settings
from gateway.transport.endpoint import Endpoint
from gateway.transport.records import Records

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


class ScriptedEngine:
    """An engine that does what a test says: for what no operation can be made to do."""

    def __init__(self, run: Any) -> None:
        self._run = run

    async def run(self, request: GraphQLRequest, scope: Any, **_: Any) -> Outcome:
        return await self._run(request, scope)


@pytest.fixture
def make_exchange() -> type[Exchange]:
    return Exchange


@pytest.fixture
def scripted() -> type[ScriptedEngine]:
    return ScriptedEngine


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The real engine without an upstream: enough for `__typename`, introspection and refusals."""
    nothing: Any = None
    return Engine(nothing, nothing)


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    """The records written so far; those of requests come when `records` is flushed."""
    return []


@pytest.fixture
def records(lines: list[dict[str, Any]]) -> Records:
    return Records(lambda text: lines.extend(map(json.loads, text.splitlines())))


@pytest.fixture
def make_caller(engine: Engine, records: Records) -> Any:
    """Makes a caller of an endpoint: `make_caller(engine=…, explorer=…, max_batch=…)`."""

    def make(
        engine: Any = engine, explorer: Any = None, records: Records = records, **settings: Any
    ) -> Caller:
        return Caller(Endpoint(engine, Settings(**settings), records, explorer))

    return make


@pytest.fixture
def caller(make_caller: Any) -> Caller:
    return make_caller()
