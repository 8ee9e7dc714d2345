"""A raw HTTP/1.1 server and a wire, whose answers a test writes by hand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from gateway.upstream.client import Client, ClientConfig
from gateway.upstream.credential import Credential
from gateway.upstream.wire import Answer
from tests.harness.over import make_scope
from tests.harness.turns import turns

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    from gateway.upstream.scope import CallScope


class RawServer:
    """Answers each request with what `answer` writes; keeps the requests' heads and bodies."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.answer: Callable[[asyncio.StreamWriter], Awaitable[None]] = say(b"{}")
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()
        self.origin = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._readers: dict[asyncio.StreamWriter, asyncio.StreamReader] = {}

    async def never(self, writer: asyncio.StreamWriter) -> None:
        """An answer that never comes; `left` is set when the wire has closed the connection."""
        with suppress(ConnectionError):
            await self._readers[writer].read()
        self.left.set()
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self._readers[writer] = reader
        self._tasks.append(asyncio.current_task())
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next(
                    (
                        int(line.split(":")[1])
                        for line in head.splitlines()
                        if line.lower().startswith("content-length:")
                    ),
                    0,
                )
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(length))
                self.arrived.set()
                await self.answer(writer)
                await writer.drain()
                if writer.is_closing():
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        host, port = server.sockets[0].getsockname()
        self.origin = f"{'https' if tls else 'http'}://{host}:{port}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


def say(
    body: bytes, *, status: str = "200 OK", headers: tuple[str, ...] = (), length: int | None = None
) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    """An answer with a body, whose announced length may be another than its own."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        lines = [
            f"HTTP/1.1 {status}",
            f"content-length: {len(body) if length is None else length}",
            *headers,
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        if length is not None and length > len(body):
            await writer.drain()
            writer.close()

    return answer


@pytest.fixture(autouse=True)
async def _closed_connections(anyio_backend: str) -> AsyncIterator[None]:
    """Gives transports the turns of the loop that they need to close."""
    yield
    await turns(20)


@pytest.fixture
async def server(anyio_backend: str) -> AsyncIterator[RawServer]:
    async with RawServer().running() as running:
        yield running


class Sent(NamedTuple):
    """A request that the client gave to the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None
    timeout_s: float


class ScriptedWire:
    """A wire whose answers are written by hand: each request takes the next of `answers`, and the
    last one stays. An exception is raised, a coroutine function is called with the request.
    """

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.sent: list[Sent] = []

    @property
    def targets(self) -> list[str]:
        return [f"{sent.method} {sent.target}" for sent in self.sent]

    async def send(self, method, target, headers, *, body=None, timeout_s):
        sent = Sent(method, target, dict(headers), body, timeout_s)
        self.sent.append(sent)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return await answer(sent) if callable(answer) else answer

    @asynccontextmanager
    async def stream(self, method, target, headers, *, timeout_s):
        yield ScriptedStream(await self.send(method, target, headers, timeout_s=timeout_s))

    async def aclose(self) -> None:
        """Nothing is open."""


class ScriptedStream:
    """The answer's body in pieces of 5 bytes; a body that is a list holds its own pieces."""

    def __init__(self, answer: Answer) -> None:
        self.status, self.header, self._body = answer.status, answer.header, answer.body

    async def chunks(self):
        pieces: Any = self._body
        if not isinstance(pieces, list):
            pieces = [pieces[start : start + 5] for start in range(0, len(pieces), 5)]
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def read(self, max_bytes: int) -> bytes:
        return b"".join([piece async for piece in self.chunks()])[:max_bytes]


def an_answer(body: object = b"", status: int = 200, **headers: str) -> Answer:
    """An answer; a body that is no bytes is sent as JSON; `_` in names stands for `-`."""
    values = {name.replace("_", "-"): value for name, value in headers.items()}
    if not isinstance(body, bytes):
        body = msgspec.json.encode(body)
    return Answer(status, lambda name: values.get(name.lower()), body)


class ClientOverScript:
    """A client whose retries don't wait, the wire below it, and scopes with a demo credential."""

    def __init__(self, *answers: object, url: str = "https://gitlab.test/api/v4") -> None:
        self.wire = ScriptedWire(*answers)
        self.client = Client(self.wire, ClientConfig(url, retry_pause_s=0))

    def scope(self, seconds: float = 30, token: str | None = "glpat-secret-1") -> CallScope:
        credential = None if token is None else Credential("PRIVATE-TOKEN", token)
        return make_scope(credential, seconds=seconds, request_id="request-1")


@pytest.fixture
def over() -> type[ClientOverScript]:
    return ClientOverScript


@pytest.fixture
def answer() -> Callable[..., Answer]:
    return an_answer
