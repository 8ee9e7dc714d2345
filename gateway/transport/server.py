"""uvicorn as we run it: in an owner's task, without signal handling, with an end in peace.

Its connections are `gateway.transport.arrival`'s.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from gateway.transport.arrival import arrival_protocol
from gateway.transport.protocol import BoundedProtocol
from gateway.transport.sending import MAX_WAITING_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from uvicorn.config import WSProtocolType
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

__all__ = [
    "CannotListen",
    "Serving",
    "address_of",
    "listen",
    "new_loop",
    "serving",
]


_log: Final = logging.getLogger("gateway.transport")
_silent: Final = logging.getLogger("gateway.transport.abandoned")
_silent.setLevel(logging.CRITICAL + 1)

# Chosen by `tests.benchmarks.live`, which compares them (performance.md).
WEB_SOCKETS: Final = "websockets-sansio"
CLOSE: Final = (b"connection", b"close")
LOOK_EVERY_S: Final = 0.02
# How often the date is told anew that responses bear.
DATE_EVERY_S: Final = 1.0
# How long callers have to take the answers to what was cut off.
CUT_OFF_S: Final = 1.0


class CannotListen(Exception):
    """An address that cannot be listened on; the message says which and why."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. `::` takes IPv4 as well, where the system has
    both. Raises `CannotListen`.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        both = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)
    except OSError as error:
        number = error.errno or 0
        # Python adds the address to what the system says.
        reason = os.strerror(number) if number in errno.errorcode else error.strerror
        raise CannotListen(
            f"cannot listen on {host} port {port}: {reason}; take another by --port (GATEWAY_PORT)"
            " or --host (GATEWAY_HOST)"
        ) from error


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
async def serving(  # noqa: PLR0913 - each is a knob of its own
    app: Any,
    listener: socket.socket | None,
    *,
    shutdown_timeout_s: float,
    receive_timeout_s: float = 10.0,
    send_timeout_s: float = 10.0,
    lifespan: bool = False,
    hang_up: Callable[[], None] | None = None,
    cut_off: Callable[[], None] | None = None,
    max_message_bytes: int | None = None,
    web_sockets: WSProtocolType = WEB_SOCKETS,
    max_waiting_bytes: int = MAX_WAITING_BYTES,
    count: Callable[[int, int], object] | None = None,
) -> AsyncIterator[Serving]:
    """Serve an ASGI application on a listener until the block is left; without one, connections
    that are given to `Serving.take`. `count` is told how many connections were taken, and how many
    are open, when that changes.

    WebSockets are served where `max_message_bytes` says how long their messages may be, by the
    implementation of uvicorn's that `web_sockets` names.

    Then nothing new is accepted, `hang_up` ends what would go on for long, and running requests get
    `shutdown_timeout_s` to finish. After that
    `cut_off` is called, which has the application answer what still runs, at once; what is not
    answered `CUT_OFF_S` later is answered 503 without it, and cancelled.
    """
    server = _Server(
        uvicorn.Config(
            app,
            http=arrival_protocol(receive_timeout_s, send_timeout_s, max_waiting_bytes),
            ws="none" if max_message_bytes is None else web_sockets,
            ws_max_size=max_message_bytes or 0,
            # It would hold back what is to be seen at once, and take memory for each connection.
            ws_per_message_deflate=False,
            lifespan="on" if lifespan else "off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        ),
        shutdown_timeout_s,
        hang_up,
        cut_off,
    )
    if count is not None:
        server.server_state.connections = _CountedConnections(count)
    running = asyncio.create_task(server.serve([] if listener is None else [listener]))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
        if not server.started:
            await running
            raise RuntimeError("the server did not start; the records say why")
        yield Serving(server)
    finally:
        ready.cancel()
        server.leave()
        try:
            await running
        finally:
            # Where all tasks of a loop are cancelled at once, the server could not.
            if listener is not None:
                listener.close()


class Serving:
    """A server that runs."""

    def __init__(self, server: _Server) -> None:
        self._server = server

    async def take(self, connection: socket.socket) -> None:
        """Serve a connection that was accepted elsewhere."""
        await self._server.take(connection)

    def close_after_responses(self) -> None:
        """Have callers open new connections, elsewhere if they can: each response from now on is
        the last of its connection.
        """
        self._server.close_after_responses()

    def hurry(self) -> None:
        """Give running requests no more time, once the block is left."""
        self._server.is_hurried.set()


class _Server(uvicorn.Server):
    """uvicorn that says when it has started, leaves signals to its owner, and ends at once and in
    peace.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        shutdown_timeout_s: float,
        hang_up: Callable[[], None] | None,
        cut_off: Callable[[], None] | None,
    ) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.is_hurried = asyncio.Event()
        self._leaving = asyncio.Event()
        self._shutdown_timeout_s = shutdown_timeout_s
        self._hang_up = hang_up
        self._cut_off = cut_off

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    def leave(self) -> None:
        self.should_exit = True
        self._leaving.set()

    async def main_loop(self) -> None:
        """As uvicorn's, which looks ten times a second whether it is to end."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(DATE_EVERY_S):
                    await self._leaving.wait()

    async def take(self, connection: socket.socket) -> None:
        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            )
            return made

        try:
            await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)
        except OSError:
            # Its caller has left.
            connection.close()
            if isinstance(self.server_state.connections, _CountedConnections):
                self.server_state.connections.count_lost()

    def close_after_responses(self) -> None:
        # uvicorn makes the headers of all responses from these, anew each second.
        self.config.encoded_headers.append(CLOSE)
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        for connection in self._connections():
            if connection.cycle is not None:
                connection.cycle.keep_alive = False

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, but that what runs too long is answered before it is cancelled."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in self._connections():
            connection.shutdown()
        if self._hang_up is not None:
            self._hang_up()
        asyncio.get_running_loop().call_later(CUT_OFF_S, self._close_web_sockets)
        if not await self._have_ended(self._shutdown_timeout_s, self.is_hurried):
            if self._cut_off is not None:
                self._cut_off()
            if self._cut_off is None or not await self._have_ended(CUT_OFF_S):
                await self._abandon()
        await self.lifespan.shutdown()

    def _close_web_sockets(self) -> None:
        """Close those whose clients do not answer that they were hung up on."""
        for connection in list(self.server_state.connections):
            if not isinstance(connection, BoundedProtocol):
                connection.shutdown()

    async def _have_ended(self, timeout_s: float, hurried: asyncio.Event | None = None) -> bool:
        """Wait for connections and requests to end, so long at most; tells whether they have."""
        state, loop = self.server_state, asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while state.connections or state.tasks:
            if loop.time() >= until or (hurried is not None and hurried.is_set()):
                return False
            await asyncio.sleep(LOOK_EVERY_S)
        return True

    async def _abandon(self) -> None:
        """Close what is left: callers who don't read or don't send, applications that hang."""
        _log.warning("%d requests were cut off by the end", len(self.server_state.tasks))
        for connection in self._connections():
            cycle: RequestResponseCycle | None = connection.cycle
            if cycle is not None and not cycle.response_complete:
                if not cycle.response_started:
                    connection.transport.write(_STOPPED)
                # Whatever the application still says is not sent, and that it was cancelled is no
                # fault to be recorded.
                cycle.disconnected = True
                cycle.logger = _silent
                if cycle.response_started:
                    # What its caller does not read would keep it open.
                    connection.transport.abort()
                    continue
            connection.transport.close()
        for task in self.server_state.tasks:
            task.cancel()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=CUT_OFF_S)

    def _connections(self) -> list[BoundedProtocol]:
        return [one for one in self.server_state.connections if isinstance(one, BoundedProtocol)]

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _CountedConnections(set[Any]):
    """The connections that are open; tells how many there were ever, and are, when that changes."""

    def __init__(self, tell: Callable[[int, int], object]) -> None:
        super().__init__()
        self._tell = tell
        self._taken = 0

    def add(self, member: Any, /) -> None:
        super().add(member)
        # Each begins by HTTP; what becomes a WebSocket is no other one.
        self._taken += isinstance(member, BoundedProtocol)
        self._tell(self._taken, len(self))

    def discard(self, member: Any, /) -> None:
        super().discard(member)
        self._tell(self._taken, len(self))

    def count_lost(self) -> None:
        """One was taken, and is gone already."""
        self._taken += 1
        self._tell(self._taken, len(self))


_STOPPED = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\n"
    b"connection: close\r\n\r\n"
)
