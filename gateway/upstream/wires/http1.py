"""The default wire: HTTP/1.1 by ourselves, over asyncio with httptools' parser.

It costs about half the CPU of the fastest library we know on small answers, as much on large ones
(tests/benchmarks/wires.py), and it ends when its caller does. pyreqwest 0.15, next in speed, lets a
cancelled request run on, its connection with it, until it times out, and does not tell a request
that was sent from one that was not.
"""

from __future__ import annotations

import asyncio
import math
import select
from collections import deque
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.upstream.wire import ConnectionBroken, NotConnected, TimedOut, check_request
from gateway.upstream.wires.dialing import Dialer
from gateway.upstream.wires.states import IDLE, SILENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from socket import socket

    from gateway.upstream.wire import Answer, StreamedAnswer, WireOptions
    from gateway.upstream.wires.connection import Connection

__all__ = ["Http1Wire"]

# A header's line, of its name and value; in C alone.
_line_of: Final = ": ".join
# Below the minute after which common front ends close an idle connection.
MAX_IDLE_S: Final = 50.0
# The upstream, or something on the way, may have ended an idle connection without our knowing yet.
# A read is sent again; a write cannot be, so it goes out on a new connection, or on one that
# brought a whole answer this short a time ago: as between the writes of one operation.
MAX_IDLE_BEFORE_WRITE_S: Final = 0.1
# One that was in use this short a time ago has not gone deaf unnoticed: where nothing comes, the
# upstream is slow.
SURELY_HEARD_S: Final = 2.0


class Http1Wire:
    """Keeps up to `max_connections` open; the one used last is taken first."""

    def __init__(self, options: WireOptions) -> None:
        self._dialer = Dialer(options)
        self._line_end = (
            f" HTTP/1.1\r\nHost: {urlsplit(options.origin).netloc.rpartition('@')[2]}\r\n"
            f"{self._dialer.fields}"
        )
        self._max_answer_bytes = options.max_answer_bytes
        self._max_connections = options.max_connections
        self._silence_s = options.silence_s
        self._max_age_s = options.max_age_s
        # When one fell silent: those kept since before may have, too.
        self._silent_at = -math.inf
        self._connections: set[Connection] = set()
        self._being_dialed = 0
        # Those given back last are at the end.
        self._idle: list[Connection] = []
        # Who waits for a connection is handed one, or None where there is room to dial one.
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._is_closed = False

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        timeout_s: float,
    ) -> Answer:
        request = self._request(method, target, headers, body)
        now = asyncio.get_running_loop().time()
        deadline, is_read = now + timeout_s, method == "GET"
        connection = self._take_idle(now, deadline, is_read=is_read)
        if connection is None:
            connection = await self._take(deadline, is_read=is_read)
        try:
            return await connection.exchange(
                request,
                deadline,
                self._max_answer_bytes,
                heard_by=self._heard_by(connection, now) if is_read else math.inf,
            )
        finally:
            self._give_back(connection)

    def stream(
        self, method: str, target: str, headers: Mapping[str, str], *, timeout_s: float
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        return self._stream(method, target, headers, timeout_s)

    @asynccontextmanager
    async def _stream(
        self, method: str, target: str, headers: Mapping[str, str], timeout_s: float
    ) -> AsyncIterator[StreamedAnswer]:
        request = self._request(method, target, headers, None)
        now = asyncio.get_running_loop().time()
        deadline, is_read = now + timeout_s, method == "GET"
        connection = self._take_idle(now, deadline, is_read=is_read)
        if connection is None:
            connection = await self._take(deadline, is_read=is_read)
        try:
            heard_by = self._heard_by(connection, now)
            yield await connection.open(request, deadline, heard_by=heard_by)
        finally:
            # Its reader may have left before the end.
            connection.let_go()
            self._give_back(connection)

    async def aclose(self) -> None:
        self._is_closed = True
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(_closed())
        for connection in list(self._connections):
            connection.close()
        while self._connections:  # noqa: ASYNC110 - each tells of its end in the next round
            await asyncio.sleep(0)

    def _request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> bytes:
        check_request(target, headers)
        begin = f"{method} {self._dialer.target_prefix}{target}{self._line_end}"
        lines = [f"{begin}Accept-Encoding: gzip", *map(_line_of, headers.items()), "\r\n"]
        if body is not None or method != "GET":
            lines.insert(1, f"Content-Length: {len(body or b'')}")
        head = "\r\n".join(lines).encode("latin-1")
        return head + body if body else head

    def _heard_by(self, connection: Connection, now: float) -> float:
        """When something of an answer has to have come on a connection that may have gone deaf, the
        time being now or a wait ago.
        """
        if now - connection.idle_since < SURELY_HEARD_S:
            return math.inf
        return now + self._silence_s

    # -- the pool --------------------------------------------------------------------------------

    def _take_idle(self, now: float, deadline: float, *, is_read: bool) -> Connection | None:
        """One that is open already, to be given back afterwards, in whatever state."""
        if self._is_closed:
            raise _closed()
        if now >= deadline:
            raise TimedOut("no time is left for this call", was_sent=False)
        while self._idle:
            if not is_read and not _is_surely_alive(self._idle[-1], now):
                # Reads may take it still, and those below, unless one's room is needed.
                if len(self._connections) + self._being_dialed >= self._max_connections:
                    self._idle.pop(0).close()
                break
            connection = self._idle.pop()
            if (
                connection.state is IDLE
                and now - connection.idle_since < MAX_IDLE_S
                and connection.idle_since > self._silent_at
                and now - connection.made_at < self._max_age_s
            ):
                return connection
            # Those below were given back earlier still.
            connection.close()
        return None

    async def _take(self, deadline: float, *, is_read: bool) -> Connection:
        """Another one: one that comes free in time, or a new one."""
        loop = asyncio.get_running_loop()
        while len(self._connections) + self._being_dialed >= self._max_connections:
            handed_on = await self._wait(loop, deadline)
            if handed_on is not None and handed_on.state is IDLE:
                if is_read or _is_surely_alive(handed_on, loop.time()):
                    return handed_on
                handed_on.close()
        return await self._dial(deadline)

    async def _dial(self, deadline: float) -> Connection:
        self._being_dialed += 1
        try:
            connection = await self._dialer.dial(self._lost, deadline)
        except BaseException:
            self._being_dialed -= 1
            self._hand_on(None)
            raise
        self._being_dialed -= 1
        if connection.state is not IDLE:
            self._hand_on(None)
            raise NotConnected
        self._connections.add(connection)
        if self._is_closed:
            connection.close()
            raise _closed()
        return connection

    async def _wait(self, loop: asyncio.AbstractEventLoop, deadline: float) -> Connection | None:
        waiting: asyncio.Future[Connection | None] = loop.create_future()
        self._waiting.append(waiting)
        timer = loop.call_at(deadline, _time_out, waiting) if deadline < math.inf else None
        try:
            return await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled() and waiting.exception() is None:
                # It was handed something in the same moment.
                connection = waiting.result()
                if connection is None:
                    self._hand_on(None)
                else:
                    self._give_back(connection)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _give_back(self, connection: Connection) -> None:
        # A whole answer, just now.
        if connection.state is IDLE and not self._is_closed:
            if connection.idle_since - connection.made_at < self._max_age_s:
                if not self._waiting or not self._hand_on(connection):
                    self._idle.append(connection)
                return
        elif connection.state is SILENT:
            self._silent_at = asyncio.get_running_loop().time()
        connection.let_go()
        connection.close()

    def _hand_on(self, connection: Connection | None) -> bool:
        """Give a connection, or the room for one, to who has waited longest; False if nobody."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(connection)
                return True
        return False

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        with suppress(ValueError):
            self._idle.remove(connection)
        self._hand_on(None)


def _is_surely_alive(connection: Connection, now: float) -> bool:
    """May a write go out on it, though nobody could send that again?"""
    is_recent = now - connection.idle_since < MAX_IDLE_BEFORE_WRITE_S
    return connection.state is IDLE and is_recent and _is_quiet(connection.socket)


def _is_quiet(sock: socket | None) -> bool:
    """Has nothing arrived that the loop did not tell of yet: an end, a reset, or words that nobody
    asked for?
    """
    if sock is None or sock.fileno() < 0:
        return False
    waiting = select.poll()
    waiting.register(sock.fileno(), select.POLLIN)
    return not waiting.poll(0)


def _time_out(waiting: asyncio.Future[Connection | None]) -> None:
    if not waiting.done():
        waiting.set_exception(
            TimedOut("no connection to the upstream came free in time", was_sent=False)
        )


def _closed() -> ConnectionBroken:
    return ConnectionBroken("the gateway is shutting down", was_sent=False)
