"""One request and its response on a connection: uvicorn's cycle, with a short way for both.

ASGI carries a body and a response in messages: a dict for each, an event to wait for, every header
looked at again. Where the application stands on the server itself (`HttpRequest.cycle`), a body
that has come whole is taken, and a response that is whole is sent, by one call each. All else goes
the way of messages, as uvicorn has it.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from gateway.eager import start

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

__all__ = ["Cycle", "CycleProtocol", "line_of"]

# From so many bytes on a body is sent by itself: joined with its head it would be copied once more.
LARGE_BODY_BYTES: Final = 16_384


class Cycle(RequestResponseCycle):
    """The cycle of a request and its response."""

    # As each begins.
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0
    task: asyncio.Task[None] | None = None
    """What answers the request, once it had to wait for something."""

    def __init__(self, connection: CycleProtocol, *, is_last: bool, expects_continue: bool) -> None:
        self.scope = connection.scope
        self.transport = connection.transport
        self.flow = connection.flow
        self.logger = connection.logger
        self.access_logger = connection.access_logger
        self.access_log = connection.access_log
        self.default_headers = connection.server_state.default_headers
        self.message_event = asyncio.Event()
        self.on_response = connection.on_response_complete
        self.keep_alive = not is_last
        self.waiting_for_100_continue = expects_continue
        self.body = bytearray()

    @property
    def connection(self) -> CycleProtocol:
        """Its connection, until the application has returned: the two hold each other no longer."""
        connection: CycleProtocol = self.on_response.__self__  # type: ignore[attr-defined]  # a method
        return connection

    async def run_asgi(self, app: ASGI3Application) -> None:
        """As uvicorn's, for an application that is ours; and tells the server when it has ended."""
        tasks = self.connection.tasks
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
            await self._give_up()
        else:
            if not (self.response_complete or self.disconnected):
                self.logger.error("ASGI callable returned without completing response.")
                await self._give_up()
        finally:
            self.on_response = _nothing
            if self.task is not None:
                tasks.discard(self.task)
                # It holds this frame.
                self.task = None

    async def _give_up(self) -> None:
        """Tell of a fault, if nothing else was told."""
        if self.response_started:
            self.transport.close()
        else:
            await self.send_500_response()

    def take_body(self) -> bytes | None:
        """The body, if it has come whole; None where it has not, or its caller has left."""
        if self.more_body or self.disconnected or self.response_complete:
            return None
        self.flow.resume_reading()
        self.message_event.clear()
        body, self.body = bytes(self.body), bytearray()
        return body

    def respond(self, status: int, lines: bytes, body: bytes) -> bool:
        """Send a whole response, with these header lines (`line_of`); false, and nothing is done,
        where the caller does not take what was sent before.
        """
        if self.disconnected:
            return True
        if self.flow.write_paused or self.response_started:
            return False
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        standard, closes = self.connection.standard_lines(self.default_headers)
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            lines += b"connection: close\r\n"
        if self.scope["method"] == "HEAD":
            body = b""
        head = b"%b%b%b\r\n" % (STATUS_LINE[status], standard, lines)
        if len(body) < LARGE_BODY_BYTES:
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self.transport.write(body)
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True


class CycleProtocol(HttpToolsProtocol):
    """uvicorn's protocol, whose cycles are ours. Who inherits from it calls `begin`."""

    # Slots: with as many attributes in its dictionary, Python looks up all of them more slowly.
    __slots__ = (
        "_begins_at_once",
        "_begun",
        "_idle_since",
        "_last_address",
        "_running",
        "_standard",
        "remembered",
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # The request that is being answered, or was last.
        self._running: RequestResponseCycle | None = None
        # One that is to be answered.
        self._begun: Cycle | None = None
        # Does the application's first step need no task (`gateway.eager`)?
        self._begins_at_once = getattr(self.app, "begins_at_once", False)
        # Of the last request: its address, and that taken apart.
        self._last_address: tuple[bytes, str, bytes, bytes] = (b"", "", b"", b"")
        # The headers that the server adds to all responses: the list that it made of them last,
        # these as they are sent, and whether they close the connection.
        self._standard: tuple[Any, bytes, bool] = (None, b"", False)
        # When the last response was sent, if nothing has come since.
        self._idle_since: float | None = None
        self.remembered: Any = None
        """The application's own, as long as the connection is open."""

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def begin(self, *, is_last: bool, expects_continue: bool) -> None:
        """Answer the request whose head has come: now, or once those before it were answered."""
        if self._last_address[0] != self.url:
            self._last_address = (self.url, *_taken_apart(self.url))
        scope = self.scope
        _, scope["path"], scope["raw_path"], scope["query_string"] = self._last_address
        before: RequestResponseCycle | None = self.cycle  # none before the first request
        cycle = self.cycle = Cycle(self, is_last=is_last, expects_continue=expects_continue)
        if before is None or before.response_complete:
            self._start(cycle)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def begin_again(self, scope: Any, body: bytes) -> None:
        """Answer a request that has come whole, with the address of the one before."""
        self.scope = scope
        cycle = self.cycle = Cycle(self, is_last=False, expects_continue=False)
        cycle.body += body
        cycle.more_body = False
        cycle.message_event.set()
        self._start(cycle)

    def _start(self, cycle: Cycle) -> None:
        self._running = cycle
        if self._begins_at_once:
            # When all that has come was parsed: of a small request that is the body, too.
            self._begun = cycle
        else:
            self._start_asgi_task(cycle, self.app)

    def _start_asgi_task(self, cycle: Any, app: ASGI3Application) -> None:
        self._running = cycle
        cycle.task = self.loop.create_task(cycle.run_asgi(app))
        self.tasks.add(cycle.task)

    def start_begun(self) -> None:
        """Begin to answer a request that has come; call it after each piece of data."""
        cycle, self._begun = self._begun, None
        if cycle is not None:
            cycle.task = start(cycle.run_asgi(self.app), self.loop)
            if cycle.task is not None:
                self.tasks.add(cycle.task)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._watch_idling(self.timeout_keep_alive)

    def standard_lines(self, headers: Any) -> tuple[bytes, bool]:
        """The headers that the server adds to all responses, as they are sent; and whether these
        are the last of their connections. The server makes a new list of them each second.
        """
        made_of, lines, closes = self._standard
        if made_of is not headers:
            lines = b"".join([line_of(name, value) for name, value in headers])
            closes = any(name == b"connection" for name, _ in headers)
            self._standard = (headers, lines, closes)
        return lines, closes

    # Connections on which nothing comes. One timer looks now and then, instead of one a request.

    def _watch_idling(self, after_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            after_s, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._idle_since is None or self.transport.is_closing():
            # The next response sets it again.
            return
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._watch_idling(left_s)
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        running = self._running
        if running is not None and not running.response_complete:
            # uvicorn tells the last request only, and others may wait behind the one that runs.
            running.disconnected = True
            running.message_event.set()


def _nothing() -> None: ...


@lru_cache(maxsize=256)
def line_of(name: bytes, value: bytes) -> bytes:
    """A header as it is sent; raises `ValueError` for what no header may hold."""
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        raise ValueError("a header holds characters that no header may hold")
    return b"%b: %b\r\n" % (name, value)


def _taken_apart(url: bytes) -> tuple[str, bytes, bytes]:
    """The path of an address, decoded and as it came, and its query."""
    parsed = httptools.parse_url(url)
    raw_path = parsed.path
    path = raw_path.decode("ascii")
    return unquote(path) if "%" in path else path, raw_path, parsed.query or b""
