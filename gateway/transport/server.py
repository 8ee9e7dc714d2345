"""uvicorn as we run it: in an owner's task, without signal handling, with a deadline for headers.

uvicorn bounds how long a connection may idle between requests, not how long a request may take to
arrive; sockets that send slowly stay open. `ArrivalProtocol` closes them. How much a request's head
may hold, `gateway.transport.protocol` bounds.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from gateway.transport.protocol import BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from uvicorn._types import HTTPScope
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

__all__ = [
    "ArrivalProtocol",
    "CannotListen",
    "address_of",
    "arrival_protocol",
    "listen",
    "new_loop",
    "serving",
]


class CannotListen(Exception):
    """An address that cannot be listened on; the message says which and why."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises `CannotListen`."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror}") from error


def address_of(listener: socket.socket) -> str:
    """The address to reach a listener at from this machine, `http://host:port`."""
    host, port = listener.getsockname()[:2]
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound here
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def new_loop() -> asyncio.AbstractEventLoop:
    """The event loop to run on: uvloop's where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - not there on every platform
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@asynccontextmanager
async def serving(
    app: Any,
    listener: socket.socket,
    *,
    shutdown_timeout_s: float,
    receive_timeout_s: float = 10.0,
    lifespan: bool = False,
) -> AsyncIterator[None]:
    """Serve an ASGI application on a listener until the block is left.

    Then nothing new is accepted, running requests get `shutdown_timeout_s` to finish and are
    cancelled after that.
    """
    server = _Server(
        uvicorn.Config(
            app,
            http=arrival_protocol(receive_timeout_s),
            ws="none",
            lifespan="on" if lifespan else "off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, round(shutdown_timeout_s)),
        )
    )
    running = asyncio.create_task(server.serve([listener]))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
        if not server.started:
            await running
            raise RuntimeError("the server did not start; the records say why")
        yield
    finally:
        ready.cancel()
        server.should_exit = True
        await running


class _Server(uvicorn.Server):
    """uvicorn that says when it has started, and leaves signals to its owner."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ArrivalProtocol(BoundedProtocol):
    """The protocol with a deadline for requests to arrive.

    The timer runs only from the opening of a connection, and from a piece of data that leaves a
    request unfinished. While an answer is being made it waits: a late body is the endpoint's to
    answer.
    """

    arrival_timeout_s = 10.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.is_refused:
            self._stop_timer()
            return
        # What comes after an answer without beginning a request (blank lines, the rest of a body
        # nobody read) counts as well: it has just stopped uvicorn's own timer.
        scope: HTTPScope | None = self.scope  # none before the first request
        cycle = self.cycle
        is_arriving = scope is not None and "path" in scope
        if not is_arriving or cycle.more_body or cycle.response_complete:
            if self._timer is None and not self.transport.is_closing():
                self._start_timer()
        elif self._timer is not None:
            self._stop_timer()

    def _has_head(self) -> bool:
        """Has the request that is arriving, or has arrived last, told its head?"""
        scope: HTTPScope | None = self.scope  # none before the first request
        return scope is not None and "path" in scope

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.arrival_timeout_s, self._on_late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_late(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request
        if cycle is not None and not cycle.response_complete:
            self._start_timer()
            return
        if not self._has_head():
            self.transport.write(_TOO_LATE)
        self.transport.close()


def arrival_protocol(timeout_s: float) -> type[ArrivalProtocol]:
    """The protocol with this deadline: uvicorn takes a class."""
    return type("ArrivalProtocol", (ArrivalProtocol,), {"arrival_timeout_s": timeout_s})


_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
