"""One connection that speaks HTTP/1.1 (RFC 9112): a request out, its answer in, then the next.

The framing of answers is httptools' (llhttp) business; long bodies of known length are received
straight into the buffer that is given out. Here are the ends of an exchange: answered, out of time,
cancelled, cut off, too long. All but the first close the connection, so one that can be used again
stands at the start of the next answer. What follows what is in `states`.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

import gateway.upstream.wires.states as events
from gateway.upstream.causes import NOT_UNDERSTOOD, Cause, broken_by, speaks_tls
from gateway.upstream.wire import (
    Answer,
    AnswerTooLong,
    ConnectionBroken,
    NotConnected,
    TimedOut,
    WireError,
)
from gateway.upstream.wires.received import Failure, Headers, Streamed, too_long, unpacked
from gateway.upstream.wires.states import FOLLOWS, HELD_BACK, IDLE, STREAMING, UNDER_WAY, WAITING

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from gateway.turns import Turns
    from gateway.upstream.causes import Troubles
    from gateway.upstream.wire import Body
    from gateway.upstream.wires.states import Event, State

__all__ = ["Connection"]

# A stream's reader that falls behind by this much makes the upstream wait.
MAX_AHEAD_BYTES: Final = 256 * 1024
# Far above what front ends let pass.
MAX_HEAD_BYTES: Final = 256 * 1024
_NOTHING: Final = memoryview(b"")


class Connection(asyncio.BufferedProtocol):
    """`on_lost` is called once, when the connection is gone; `troubles` are told why, where the
    upstream has to be set up otherwise.

    What comes in goes through `scratch` and is gone from there when the loop turns to the next
    connection, so all connections may share one. They share `turns`, too: packed answers are
    unpacked in them.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        scratch: memoryview,
        on_lost: Callable[[Connection], None],
        troubles: Troubles,
        turns: Turns,
    ) -> None:
        self.state: State = events.NEW
        self.idle_since = 0.0
        """The loop's time at which its last answer was whole, or it was made."""
        self.made_at = 0.0
        """The loop's time at which it was made."""
        self.unanswered_as = Cause.CONNECTION_LOST
        """What it means that it ends before a first answer begins."""
        self._loop = loop
        self._scratch = scratch
        self._on_lost = on_lost
        self._troubles = troubles
        self._turns = turns
        self._transport: asyncio.Transport | None = None
        # Headers as they come: the first name has the first value.
        self._names: list[bytes] = []
        self._values: list[bytes] = []
        self._parser = HttpResponseParser(self)
        # The exchange. Its reader waits for the answer, or for a stream's next piece.
        self._max_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._failure: Failure | None = None
        # The answer, as far as it has come; `_rest` is the part of `_body` that has not.
        self._status = 0
        self._head_bytes = 0
        self._headers = Headers({}, [], [])
        self._length = -1
        self._encoding = b""
        self._pieces: deque[bytes] = deque()
        self._pieces_bytes = 0
        self._body: bytearray | None = None
        self._rest = _NOTHING

    async def exchange(
        self, request: bytes, deadline: float, max_bytes: int, *, heard_by: float = math.inf
    ) -> Answer:
        """Send a request and read its answer whole; its body is `max_bytes` at most. Something of
        it has to have come by `heard_by`.
        """
        self._max_bytes = max_bytes
        self._begin(request, deadline, heard_by, events.ASKED)
        # As `_wait`, without calling it.
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self._end(ConnectionBroken, "the call was cancelled")
            raise
        finally:
            self._waiter = None
        if self._failure is not None:
            raise self._failure.error(self._status, self._headers)
        pieces = self._pieces
        body: Body | None = self._body
        if body is None:
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._body = None
        pieces.clear()
        self._pieces_bytes = 0
        if self._encoding:
            try:
                body = await unpacked(body, self._encoding, max_bytes, deadline, self._turns)
            except WireError as error:
                error.answered = Answer(self._status, self._headers.get, b"")
                raise
        return Answer(self._status, self._headers.get, body, self._headers.values)

    async def open(
        self, request: bytes, deadline: float, *, heard_by: float = math.inf
    ) -> Streamed:
        """Send a request and read its answer's head; the time is for the whole answer."""
        self._begin(request, deadline, heard_by, events.ASKED_FOR_STREAM)
        await self._wait()
        if self._failure is not None and not self._pieces:
            raise self._failure.error(self._status, self._headers)
        return Streamed(self._status, self._headers, self._encoding, self._next_piece, self._turns)

    async def _next_piece(self) -> bytes | None:
        """The stream's next piece as it was sent; None at the end."""
        while not self._pieces:
            if self._failure is not None:
                raise self._failure.error(self._status, self._headers)
            if self.state not in UNDER_WAY:
                return None
            await self._wait()
        piece = self._pieces.popleft()
        self._pieces_bytes -= len(piece)
        if self.state is HELD_BACK and self._pieces_bytes <= MAX_AHEAD_BYTES:
            self.state = FOLLOWS[self.state][events.CAUGHT_UP]
            self._transport.resume_reading()  # type: ignore[union-attr]  # it is open
        return piece

    @property
    def socket(self) -> socket | None:
        """None where it is gone."""
        return None if self._transport is None else self._transport.get_extra_info("socket")

    def let_go(self) -> None:
        """Drop what is left of an answer: its reader has gone."""
        self._pieces.clear()
        self._pieces_bytes = 0
        self._body = None
        self._rest = _NOTHING

    def close(self) -> None:
        """Drop the connection at once; an exchange under way fails."""
        if self.state in UNDER_WAY:
            self._end_by(Cause.CONNECTION_LOST)
            return
        self.state = FOLLOWS[self.state][events.ENDED]
        if self._transport is not None:
            self._transport.abort()

    # -- the exchange ----------------------------------------------------------------------------

    def _begin(self, request: bytes, deadline: float, heard_by: float, asked: Event) -> None:
        if self._transport is None or self.state is not IDLE:
            message = "the connection to the upstream broke"
            raise ConnectionBroken(message, was_sent=False, cause=Cause.CONNECTION_LOST)
        self._status = self._head_bytes = 0
        self._length = -1
        self._encoding = b""
        self.state = FOLLOWS[self.state][asked]
        self._timer = None
        if heard_by < deadline:
            self._timer = self._loop.call_at(heard_by, self._listen, deadline)
        elif deadline < math.inf:
            self._timer = self._loop.call_at(deadline, self._time_out)
        self._transport.write(request)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self._end(ConnectionBroken, "the call was cancelled")
            raise
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _end(
        self,
        kind: type[WireError] | None = None,
        message: str = "",
        cause: Cause | None = None,
        by: Event = events.ENDED,
    ) -> None:
        """The exchange is over: the answer is whole, or there is an error."""
        if self.state in UNDER_WAY:
            if kind is not None:
                self._failure = Failure(kind, message, cause)
                self.state = FOLLOWS[self.state][by]
            else:
                if self.state is HELD_BACK:
                    # What its reader has yet to take is here: the next answer must get through.
                    self._transport.resume_reading()  # type: ignore[union-attr]  # it is open
                is_kept = self._parser.should_keep_alive()
                self.state = FOLLOWS[self.state][
                    events.ANSWERED if is_kept else events.ANSWERED_LAST
                ]
                self.idle_since = self._loop.time()
                self.unanswered_as = Cause.CONNECTION_LOST
            if self._timer is not None:
                self._timer.cancel()
            waiter = self._waiter
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
        if kind is not None:
            self.close()

    def _end_by(self, cause: Cause, detail: object = "") -> None:
        """The other side ended it. What it did not understand it did not act upon."""
        if self.state in UNDER_WAY and cause is not Cause.CONNECTION_LOST:
            self._troubles.tell(cause, detail)
        if cause in NOT_UNDERSTOOD and not self._status:
            self._end(NotConnected, cause=cause)
        else:
            self._end(ConnectionBroken, cause.sentence, cause)

    def _listen(self, deadline: float) -> None:
        """Give the connection up unless it has said something; else go on until the deadline."""
        if not self._status and not self._head_bytes:
            told = "the connection to the upstream fell silent"
            self._end(TimedOut, told, by=events.FELL_SILENT)
        elif deadline < math.inf:
            self._timer = self._loop.call_at(deadline, self._time_out)

    def _time_out(self) -> None:
        self._end(TimedOut, "the upstream did not answer in time")

    # -- asyncio.BufferedProtocol ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # create_connection makes a stream's
        self.state = FOLLOWS[self.state][events.MADE]
        self.made_at = self.idle_since = self._loop.time()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's signature
        return self._rest or self._scratch

    def buffer_updated(self, nbytes: int) -> None:
        if self.state not in UNDER_WAY:
            # Nothing was asked: some servers answer 408 before they close an idle connection.
            self.close()
        elif self._rest:
            self._rest = self._rest[nbytes:]
            if not self._rest:
                self._rest = _NOTHING
                self._end()
                # The old parser still waits for the body that went past it.
                self._parser = HttpResponseParser(self)
        else:
            self._parse(self._scratch[:nbytes])

    def _parse(self, received: memoryview) -> None:
        try:
            self._parser.feed_data(received)
        except HttpParserUpgrade:
            self._end(ConnectionBroken, f"the upstream left HTTP/1.1 (HTTP {self._status})")
        except HttpParserError:
            self._end_by(Cause.TLS_EXPECTED if speaks_tls(received) else Cause.NOT_HTTP)
        if self.state not in UNDER_WAY:
            return
        if self._status < 200:
            self._head_bytes += len(received)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._end(AnswerTooLong, "the answer's head does not end")
        elif self._length > 0 and self.state is WAITING:
            self._make_room()

    def _make_room(self) -> None:
        """For the whole body, whose length is known: the rest is received straight into it."""
        if self._length > self._max_bytes:
            self._end(AnswerTooLong, too_long(self._max_bytes))
            return
        self._body = bytearray(self._length)
        self._body[: self._pieces_bytes] = b"".join(self._pieces)
        self._rest = memoryview(self._body)[self._pieces_bytes :]

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None and self._ends_with_connection():
            self._end()
        cause = broken_by(exc)
        if cause is Cause.CONNECTION_LOST and not self._status and not self._head_bytes:
            cause = self.unanswered_as
        self._end_by(cause, exc or "")
        self._transport = None
        # It holds this connection, too.
        del self._parser
        self._on_lost(self)

    def _ends_with_connection(self) -> bool:
        """Is the body all that comes until the end (RFC 9112, 6.3, rule 8)?"""
        return (
            self.state in UNDER_WAY
            and self._status >= 200
            and self._length < 0
            and self._headers.get("transfer-encoding") is None
        )

    # -- httptools' callbacks --------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.state not in UNDER_WAY:
            raise ValueError("a second answer to one request")
        # What is there are trailers of the answer before; nothing of ours comes in one.
        self._names, self._values = [], []

    def on_header(self, name: bytes, value: bytes) -> None:
        # This runs for some thirty headers an answer: all else is done with them together.
        self._names.append(name)
        self._values.append(value)

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        self._headers = headers = Headers.of(self._names, self._values)
        self._names, self._values = [], []
        if (length := headers.fields.get("content-length")) is not None:
            self._length = int(length)
        if (encoding := headers.fields.get("content-encoding")) is not None:
            self._encoding = encoding.strip().lower().replace(b"identity", b"")
        if self.state is STREAMING and self._status >= 200:
            self._wake()

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._pieces_bytes += len(body)
        if self.state is not WAITING:
            if self._pieces_bytes > MAX_AHEAD_BYTES and self.state is STREAMING:
                self.state = FOLLOWS[self.state][events.FELL_BEHIND]
                self._transport.pause_reading()  # type: ignore[union-attr]  # it is open
            self._wake()
        elif self._pieces_bytes > self._max_bytes:
            self._end(AnswerTooLong, too_long(self._max_bytes))

    def on_message_complete(self) -> None:
        if self._status >= 200:
            self._end()
        else:
            # "100 Continue", "103 Early Hints": the answer is yet to come.
            self._length = -1
