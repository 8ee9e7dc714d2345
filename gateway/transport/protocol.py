"""uvicorn's HTTP protocol, bounded in what is no body: heads, trailers, framing, waiting requests.

    piece of data ──┬── parser ── head ── bounds ── body ──┬── cycle ──► application
                    └── the head before, and its body ─────┘

uvicorn keeps whatever headers come until a head is whole, puts trailers among them, and queues as
many requests as a connection sends before the first is answered. Here a connection that goes beyond
a bound, or sends what is no HTTP, gets one answer and is closed. Requests that came whole before
are answered instead, and it is closed after the last.

An offer to go on in another protocol (`Upgrade: h2c`, which Java's HttpClient and curl send) that
is not taken is ignored (RFC 9110, 7.8). httptools ends the request at its head then, and uvicorn
takes the body for the next request. So the head is parsed again without the offer: one parser
decides where the body ends.
"""

from __future__ import annotations

from http import HTTPStatus
from operator import itemgetter
from typing import Any, Final

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from gateway.transport.cycle import CycleProtocol
from gateway.transport.known_head import KnownHead

__all__ = ["BoundedProtocol"]

HEAD_BYTES: Final = 32_768
HEADERS: Final = 100
# Sizes of chunks, extensions and trailers of a body may come to as much as the body, and this.
FRAMING_BYTES: Final = 32_768
# Requests of one connection that wait for the answers to those before them.
REQUESTS_WAITING: Final = 100
# Data is parsed in pieces of this size, and measured in between: a piece holds so little that no
# header has to be counted when it comes.
PIECE_BYTES: Final = 32_768
# How long a refused connection is still read, so that no reset overtakes the answer.
LINGER_S: Final = 1.0


_name: Final = itemgetter(0)


class _OutOfBounds(Exception):
    """Ends the parsing; `_refusal` says why."""


class BoundedProtocol(CycleProtocol):
    """A connection. `is_refused` once nothing more is taken from it."""

    # Slots: with as many attributes in its dictionary, Python looks up all of them more slowly.
    __slots__ = (
        "_body_bytes",
        "_framing_bytes",
        "_headless_bytes",
        "_heads",
        "_in_body",
        "_is_upgraded",
        "_known",
        "_offers",
        "_refusal",
        "_since_head_bytes",
        "is_refused",
    )

    # None has come before the first request.
    url = b""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.is_refused = False
        self._refusal: tuple[int, str] | None = None
        self._in_body = False
        # Does the head that ends make an offer that is not taken? Then it is parsed again.
        self._offers = False
        # And one that is taken?
        self._is_upgraded = False
        self._heads = 0
        # Of all pieces from the last in which a head ended: no head is longer.
        self._since_head_bytes = 0
        # Of pieces in which neither a head nor a body ended, since the last that did.
        self._headless_bytes = self._framing_bytes = self._body_bytes = 0
        # Of the last request that came whole in one piece.
        self._known: KnownHead | None = None

    def data_received(self, data: bytes) -> None:
        known = self._known
        if known is not None and (body := known.body_of(data)) is not None and self._is_between():
            self._take_again(known, body)
            return
        if len(data) > PIECE_BYTES:
            for start in range(0, len(data), PIECE_BYTES):
                BoundedProtocol.data_received(self, data[start : start + PIECE_BYTES])
            return
        if self.is_refused or self.transport.is_closing():
            return
        was_in_body, heads, body_bytes = self._in_body, self._heads, self._body_bytes
        was_between = self._is_between()
        self._since_head_bytes += len(data)
        self._idle_since = None
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(offer, data)
        except httptools.HttpParserError:
            self._stopped()
        if heads != self._heads:
            self._since_head_bytes = len(data)
            if was_between and heads + 1 == self._heads:
                self._learn(data)
        elif not self.is_refused:
            self._measure(len(data), self._body_bytes - body_bytes, was_in_body=was_in_body)

    # Heads that are known

    def _is_between(self) -> bool:
        """Were all requests answered, and has no other one begun to come?"""
        scope: Any = self.scope  # none before the first request
        return scope is None or (
            not (self._in_body or self.is_refused or self.transport.is_closing())
            and "path" in scope
            and self.cycle.response_complete
        )

    def _learn(self, piece: bytes) -> None:
        """Know the head of the request that has begun in a piece, if that is all there is in it."""
        cycle = self.cycle
        is_whole = not (self._in_body or self.is_refused) and "path" in self.scope
        if is_whole and cycle.keep_alive and not cycle.waiting_for_100_continue:
            self._known = KnownHead.of(piece, self._body_bytes, self.scope) or self._known

    def _take_again(self, known: KnownHead, body: bytes) -> None:
        """Answer a request whose head is known."""
        self._idle_since = None
        self._heads += 1
        self._since_head_bytes = known.request_bytes
        self._headless_bytes = self._framing_bytes = 0
        self.begin_again(known.scope_again(self.app_state.copy()), body)

    def _measure(self, piece_bytes: int, body_bytes: int, *, was_in_body: bool) -> None:
        """Bound what comes without the end of a head: a head, a body's framing, its trailers."""
        if was_in_body and self._in_body:
            self._framing_bytes += piece_bytes - body_bytes
            if self._framing_bytes > FRAMING_BYTES + self._body_bytes:
                self._refuse(400, "the body comes in chunks that are too small")
            elif self.headers and (excess := self._excess_of_head()):
                self._refuse(*excess)
        elif not was_in_body:
            self._headless_bytes += piece_bytes
            if excess := self._excess_of_head(self._headless_bytes):
                self._refuse(*excess)

    def _excess_of_head(self, size_bytes: int = 0) -> tuple[int, str] | None:
        """The status and the reason to refuse a head, or trailers, as far as they have come: at
        least so many bytes.
        """
        if len(self.url) > HEAD_BYTES:
            return 414, f"the address has more than {HEAD_BYTES} bytes; send a POST instead"
        headers = self.headers or ()
        if len(headers) > HEADERS:
            return 431, f"the request has more than {HEADERS} headers; send fewer"
        told_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in headers)
        if max(size_bytes, told_bytes) > HEAD_BYTES:
            return 431, HEAD_TOO_LARGE
        return None

    def _decline(self, offer: httptools.HttpParserUpgrade, piece: bytes) -> None:
        """Parse the rest of a piece as if nothing had been offered; there may be more offers."""
        while True:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
                return
            piece = self._without_offer() + piece[offer.args[0] :]
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade as another:
                offer = another
            except httptools.HttpParserError:
                self._stopped()
                return
            else:
                return

    # The parser's callbacks. They name the class above: `super()` costs more than the call.

    def on_headers_complete(self) -> None:
        """As uvicorn's, and bounded."""
        parser, headers = self.parser, self.headers
        if self._since_head_bytes > HEAD_BYTES or len(headers) > HEADERS:
            self._refusal = self._excess_of_head()
            if self._refusal:
                raise _OutOfBounds
        names = list(map(_name, headers))
        hosts, version = names.count(b"host"), parser.get_http_version()
        if hosts != 1 and (hosts or version != "1.0"):
            # A proxy in front may have looked at another one (RFC 9112, 3.2).
            self._stop(400, f"the request has {hosts or 'no'} Host headers; send one")
        is_offer = parser.should_upgrade()
        self._is_upgraded = is_offer and self._should_upgrade()
        self._offers = is_offer and not self._is_upgraded
        if self._offers:
            if parser.get_method() == b"CONNECT":
                self._stop(405, "no tunnels are made here")
            return
        if len(self.pipeline) >= REQUESTS_WAITING:
            self._stop(400, f"more than {REQUESTS_WAITING} requests wait for answers")
        self._in_body = True
        self._heads += 1
        self._headless_bytes = self._framing_bytes = self._body_bytes = 0
        self.scope["method"] = parser.get_method().decode("ascii")
        self.scope["http_version"] = version
        if not self._is_upgraded:
            # Trailers are no headers (RFC 9110, 6.5.1); nobody here reads them.
            self.headers = []
            self.begin(
                is_last=version == "1.0" or not parser.should_keep_alive(),
                expects_continue=b"expect" in names and _expects_continue(headers),
            )

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        cycle = self.cycle
        if self._is_upgraded or cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self._offers:
            return
        self._in_body = False
        cycle = self.cycle
        if self._is_upgraded or cycle.response_complete:
            return
        cycle.more_body = False
        cycle.message_event.set()

    # Offers to go on in another protocol

    def handle_websocket_upgrade(self) -> None:
        # From here on the connection is another protocol's.
        self.is_refused = True
        super().handle_websocket_upgrade()

    def _should_upgrade(self) -> bool:
        """Is the offer of this request taken? By none where the server has no WebSockets; they are
        offered by GET.
        """
        return self.parser.get_method() == b"GET" and super()._should_upgrade()

    def _without_offer(self) -> bytes:
        """The head that has just been parsed, without its offer, for a parser that begins anew."""
        old, self.parser = self.parser, httptools.HttpRequestParser(self)
        # As uvicorn does: what follows a request that closes the connection is ignored.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        lines = [b"%b %b HTTP/%b" % (old.get_method(), self.url, old.get_http_version().encode())]
        for name, value in self.headers:
            if name == b"connection":
                tokens = [token.strip() for token in value.split(b",")]
                value = b", ".join(  # noqa: PLW2901 - the rest of it
                    token for token in tokens if token.lower() != b"upgrade"
                )
            if name != b"upgrade" and (value or name != b"connection"):
                lines.append(b"%b: %b" % (name, value))
        return b"\r\n".join([*lines, b"", b""])

    # The end

    def _stop(self, status: int, text: str) -> None:
        """End the parsing, from within a callback."""
        self._refusal = (status, text)
        raise _OutOfBounds

    def _stopped(self) -> None:
        """The parsing has ended, by one of ours or because there is no HTTP."""
        self._refuse(*(self._refusal or (400, "this is no HTTP request")))

    def _refuse(self, status: int, text: str) -> None:
        self.is_refused = True
        self.logger.warning("a connection was refused: %s", text)
        broken = self.cycle if self._in_body else None
        if self.pipeline and self.pipeline[0][0] is broken:
            self.pipeline.popleft()
        last = self.pipeline[0][0] if self.pipeline else self._running
        if last is not None and last is not broken and not last.response_complete:
            last.keep_alive = False
        elif broken is not None and (broken.response_started or broken.response_complete):
            self.transport.close()
        else:
            if broken is not None:
                broken.disconnected = True
                broken.message_event.set()
            self._answer(status, text)

    def _answer(self, status: int, text: str) -> None:
        phrase = HTTPStatus(status).phrase
        body = f"{phrase}: {text}\n".encode()
        self.transport.write(
            STATUS_LINE[status]
            + b"content-type: text/plain; charset=utf-8\r\n"
            + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            + body
        )
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_S, self.transport.close)


def _expects_continue(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)


HEAD_TOO_LARGE: Final = (
    f"the request's head has more than {HEAD_BYTES} bytes; send fewer or shorter headers"
)
