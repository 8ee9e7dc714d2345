"""One exchange over httpx: how far it has come, and what httpx's exceptions mean at that point.

Httpx tells by one exception what has several causes. What httpcore traces of an exchange tells them
apart: whether the proxy was passed, TLS spoken, the request sent.
"""

from __future__ import annotations

import asyncio
import math
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx

from gateway.frames import without_frames
from gateway.upstream.causes import (
    NOT_UNDERSTOOD,
    Cause,
    broken_by,
    cause_of,
    cause_of_refused_tunnel,
)
from gateway.upstream.wire import ConnectionBroken, NotConnected, TimedOut, WireError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.upstream.causes import Troubles
    from gateway.upstream.wire import Answer

__all__ = ["HttpxExchange"]

# h11 says in its texts alone what was wrong.
_HUNG_UP: Final = re.compile(r"disconnected|closed connection|without sending")
# It begins with a byte that no text begins with, such as a TLS alert's.
_TLS_ALERT: Final = "illegal request line"


class HttpxExchange:
    """Made for one request; httpcore tells `trace` of each step. `troubles` are told the causes."""

    timeout: asyncio.Timeout
    """That of the whole exchange; set by who sends the request, before it is sent."""
    answered: Answer | None = None
    """The answer's head, once it has come."""

    def __init__(
        self, troubles: Troubles, *, goes_by_proxy: bool, is_plain: bool, silence_s: float
    ) -> None:
        self._troubles = troubles
        # Whose fault it is while no connection has been made.
        self._goes_to_proxy = goes_by_proxy
        self._is_plain = is_plain
        self._is_connecting = False
        self._is_securing = False
        self._is_kept = True
        self._silence_s = silence_s
        self._deadline: float | None = None
        self._was_sent = False
        self._is_closed = False

    async def trace(self, event: str, info: Any) -> None:
        """Told by httpcore of each step."""
        if event.endswith("connect_tcp.started"):
            self._is_connecting = True
            self._is_kept = False
        elif event.endswith("start_tls.started"):
            self._is_securing = True
        elif event.endswith("start_tls.complete"):
            self._is_securing = False
        elif event.endswith("send_request_headers.started"):
            # CONNECT is a request to the proxy, before ours.
            self._was_sent = info["request"].method != b"CONNECT"
            self._is_connecting = not self._was_sent
            if self._is_kept and self._was_sent:
                self._listen()
        elif event.endswith("receive_response_headers.complete"):
            # Perhaps to CONNECT: what fails from now on is beyond the proxy.
            self._goes_to_proxy = False
            if self._is_kept:
                self.timeout.reschedule(self._deadline)

    def _listen(self) -> None:
        """Have something come soon: a kept connection may have gone deaf."""
        self._deadline = self.timeout.when()
        heard_by = asyncio.get_running_loop().time() + self._silence_s
        if heard_by < (math.inf if self._deadline is None else self._deadline):
            self.timeout.reschedule(heard_by)

    def close(self) -> None:
        """End it now, as its time out would."""
        self._is_closed = True
        self.timeout.reschedule(0)

    def closed(self) -> ConnectionBroken:
        return ConnectionBroken("the gateway is shutting down", was_sent=self._was_sent)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Translate httpx's exceptions; the texts are ours too, since its may name addresses."""
        try:
            with self._translating():
                yield
        except WireError as error:
            error.answered = self.answered
            raise

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            cause = self._cause_of(error)
            self._troubles.tell(cause, error)
            raise NotConnected(cause) from without_frames(error)
        except (httpx.TimeoutException, TimeoutError) as error:
            if self._is_closed:
                raise self.closed() from None
            message = "the upstream did not answer in time"
            cause = Cause.TLS_UNANSWERED if self._is_securing else Cause.CONNECT_TIMED_OUT
            raise TimedOut(
                message,
                was_sent=self._was_sent,
                cause=cause if self._is_connecting else None,
            ) from without_frames(error)
        except (httpx.StreamError, httpx.DecodingError) as error:
            cause = Cause.CONNECTION_LOST
            raise ConnectionBroken(
                cause.sentence, was_sent=self._was_sent, cause=cause
            ) from without_frames(error)
        except (httpx.TransportError, OSError) as error:
            # An alert in the place of an answer comes through as it is.
            raise self._broken(error) from without_frames(error)

    def _cause_of(self, error: httpx.TransportError) -> Cause:
        """Why no connection was made."""
        if isinstance(error, httpx.ProxyError):
            status = str(error)[:3]
            # Otherwise it is a text about the proxy's protocol.
            return cause_of_refused_tunnel(int(status) if status.isdecimal() else 0)
        if isinstance(error, httpx.ConnectTimeout):
            return Cause.TLS_UNANSWERED if self._is_securing else Cause.CONNECT_TIMED_OUT
        if self._goes_to_proxy:
            return Cause.PROXY_UNREACHABLE
        cause = cause_of(error)
        is_cut_off = self._is_securing and cause is Cause.CONNECTION_LOST
        return Cause.TLS_CUT_OFF if is_cut_off else cause

    def _broken(self, error: httpx.TransportError | OSError) -> WireError:
        if self._goes_to_proxy and not self._was_sent:
            # It hung up before it answered to CONNECT.
            self._troubles.tell(Cause.PROXY_FAILED, error)
            return NotConnected(Cause.PROXY_FAILED)
        cause = broken_by(error)
        if cause in NOT_UNDERSTOOD:
            self._troubles.tell(cause, error)
            return NotConnected(cause)
        text = str(error)
        if isinstance(error, httpx.RemoteProtocolError) and not _HUNG_UP.search(text):
            cause = Cause.TLS_EXPECTED if _TLS_ALERT in text else Cause.NOT_HTTP
            # What follows is quoted of the answer, which may repeat what it was sent.
            self._troubles.tell(cause, text.partition(": ")[0])
        elif self._is_plain and not self._is_kept and self.answered is None:
            cause = Cause.HUNG_UP
            self._troubles.tell(cause, text)
        return ConnectionBroken(cause.sentence, was_sent=self._was_sent, cause=cause)
