"""A connection with a deadline for requests to arrive.

uvicorn bounds how long a connection may idle between requests, not how long a request may take to
arrive; sockets that send slowly stay open. Here they are closed, and so are those of callers who
don't read. How much a request's head may hold, `gateway.transport.protocol` bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.transport.protocol import BoundedProtocol
from gateway.transport.sending import MAX_WAITING_BYTES, Sending

if TYPE_CHECKING:
    import asyncio

    from uvicorn._types import HTTPScope
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

__all__ = ["ArrivalProtocol", "arrival_protocol"]

_TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class ArrivalProtocol(BoundedProtocol):
    """The protocol with a deadline for requests to arrive.

    The timer runs only from the opening of a connection, and from a piece of data that leaves a
    request unfinished. While an answer is being made it waits: a late body is the endpoint's to
    answer.
    """

    arrival_timeout_s = 10.0
    sending = Sending(10.0)
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        self._start_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.sending.wait(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.sending.end(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self.sending.end(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        BoundedProtocol.data_received(self, data)
        if self.is_refused:
            self._stop_timer()
            self.start_begun()
            return
        # What comes after an answer without beginning a request (blank lines, the rest of a body
        # nobody read) counts as well: it has just stopped uvicorn's own timer.
        scope: Any = self.scope  # None before the first request
        cycle = self.cycle
        is_arriving = scope is not None and "path" in scope
        if not is_arriving or cycle.more_body or cycle.response_complete:
            if self._timer is None and not self.transport.is_closing():
                self._start_timer()
        elif self._timer is not None:
            self._stop_timer()
        if self._begun is not None:
            self.start_begun()

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


def arrival_protocol(
    timeout_s: float, send_timeout_s: float = 10.0, max_waiting_bytes: int = MAX_WAITING_BYTES
) -> type[ArrivalProtocol]:
    """The protocol with these deadlines: uvicorn takes a class."""
    sending = Sending(send_timeout_s, max_waiting_bytes)
    attributes = {"arrival_timeout_s": timeout_s, "sending": sending}
    return type("ArrivalProtocol", (ArrivalProtocol,), attributes)
