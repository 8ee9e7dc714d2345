"""The reference wire, over httpx: slower, and a second opinion on how a wire behaves."""

from __future__ import annotations

import asyncio
import gc
import math
import re
from contextlib import asynccontextmanager, contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final

import httpx

from gateway.frames import without_frames
from gateway.turns import Turns
from gateway.upstream.causes import (
    NOT_UNDERSTOOD,
    Cause,
    Troubles,
    broken_by,
    cause_of,
    cause_of_refused_tunnel,
)
from gateway.upstream.wire import (
    Answer,
    AnswerTooLong,
    ConnectionBroken,
    NotConnected,
    TimedOut,
    WireError,
    check_request,
)
from gateway.upstream.wires.dialing import tls_context
from gateway.upstream.wires.received import unpacked_pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from gateway.upstream.wire import StreamedAnswer, WireOptions

__all__ = ["HttpxWire"]

COLLECT_AFTER_S: Final = 1.0

# h11 says in its texts alone what was wrong.
_HUNG_UP: Final = re.compile(r"disconnected|closed connection|without sending")
# It begins with a byte that no text begins with, such as a TLS alert's.
_TLS_ALERT: Final = "illegal request line"


class HttpxWire:
    """One `httpx.AsyncClient`. Tests may give it a transport of their own."""

    def __init__(
        self, options: WireOptions, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._options = options
        self._in_flight: set[_Exchange] = set()
        self._troubles = Troubles(options.origin)
        self._collects = False
        self._turns = Turns()
        self._client = self._client_of(transport, kept=options.max_connections)
        # A kept connection may have ended without our knowing, and a write cannot be sent again:
        # each has one of its own.
        self._writing_client = self._client_of(transport, kept=0)
        self._room = asyncio.Semaphore(options.max_connections)

    def _client_of(
        self, transport: httpx.AsyncBaseTransport | None, *, kept: int
    ) -> httpx.AsyncClient:
        options = self._options
        return httpx.AsyncClient(
            transport=transport,
            verify=tls_context(options),
            proxy=_proxy_of(options),
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            event_hooks={"response": [_hide_location]},
            timeout=httpx.Timeout(None, connect=options.connect_timeout_s),
            limits=httpx.Limits(
                max_connections=options.max_connections, max_keepalive_connections=kept
            ),
        )

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        timeout_s: float,
    ) -> Answer:
        async with self._open(method, target, headers, body, timeout_s) as streamed:
            content = await streamed.read(self._options.max_answer_bytes)
            return Answer(streamed.status, streamed.header, content, streamed.header_values)

    def stream(
        self, method: str, target: str, headers: Mapping[str, str], *, timeout_s: float
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        return self._open(method, target, headers, None, timeout_s)

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
    ) -> AsyncIterator[_Streamed]:
        check_request(target, headers)
        if timeout_s <= 0:
            raise TimedOut("no time is left for this call", was_sent=False)
        exchange = _Exchange(
            self._troubles,
            goes_by_proxy=self._options.proxy is not None,
            is_plain=self._options.proxy is None and self._options.origin.startswith("http:"),
            silence_s=self._options.silence_s if method == "GET" else math.inf,
        )
        with exchange.translated():
            if self._client.is_closed:
                raise exchange.closed()
            # httpx would collapse dot segments and encode anew: the target is given as raw path.
            url = httpx.URL(self._options.origin).copy_with(raw_path=target.encode("ascii"))
            client = self._client if method == "GET" else self._writing_client
            request = client.build_request(
                method,
                url,
                headers={"Accept-Encoding": "gzip", **headers},
                content=body,
                extensions={"trace": exchange.trace},
            )
            self._in_flight.add(exchange)
            try:
                async with (
                    asyncio.timeout(
                        timeout_s if timeout_s < math.inf else None
                    ) as exchange.timeout,
                    self._room,
                ):
                    response = await client.send(request, stream=True)
                    exchange.answered = _head_of(response)
                    streamed = _Streamed(response, exchange, self._turns)
                    try:
                        yield streamed
                    finally:
                        await response.aclose()
                        if not streamed.is_whole:
                            self._collect_soon()
            finally:
                self._in_flight.discard(exchange)

    def _collect_soon(self) -> None:
        """Let go within a second of what came of an answer and was not read: httpx's and anyio's
        objects hold it in cycles.
        """
        if not self._collects:
            self._collects = True
            asyncio.get_running_loop().call_later(COLLECT_AFTER_S, self.collect)

    def collect(self) -> None:
        self._collects = False
        gc.collect(1)

    async def aclose(self) -> None:
        for exchange in self._in_flight:
            exchange.close()
        await self._client.aclose()
        await self._writing_client.aclose()


class _Exchange:
    """How far a request has come, which httpx's exceptions do not tell."""

    timeout: asyncio.Timeout
    answered: Answer | None = None

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


def _proxy_of(options: WireOptions) -> httpx.Proxy | None:
    if options.proxy is None:
        return None
    is_secure = options.proxy.startswith("https:")
    return httpx.Proxy(options.proxy, ssl_context=tls_context(options) if is_secure else None)


class _Streamed:
    def __init__(self, response: httpx.Response, exchange: _Exchange, turns: Turns) -> None:
        self._response = response
        self._exchange = exchange
        self._turns = turns
        head = _head_of(response)
        self.status = head.status
        self.header = head.header
        self.header_values = head.header_values
        self.is_whole = False

    async def chunks(self) -> AsyncIterator[bytes]:
        with self._exchange.translated():
            async for chunk in self._pieces():
                yield chunk
        self.is_whole = True

    def _pieces(self) -> AsyncIterator[bytes]:
        """The body's pieces. Httpx would unpack each of them whole, whatever it becomes."""
        raw = self._response.aiter_raw()
        encoding = (self.header("content-encoding") or "").strip().lower().replace("identity", "")
        if not encoding:
            return raw

        async def next_piece() -> bytes | None:
            return await anext(raw, None)

        return unpacked_pieces(encoding.encode("latin-1"), next_piece, self._turns)

    async def read(self, max_bytes: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > max_bytes:
                raise AnswerTooLong(f"the answer is longer than {max_bytes} bytes")
            pieces.append(chunk)
        return b"".join(pieces)


async def _hide_location(response: httpx.Response) -> None:
    """Keep a redirect's headers from httpx, which takes their address apart although it does not
    follow it, and fails where that is none.
    """
    if "location" in response.headers:
        response.extensions["headers"] = response.headers
        response.headers = response.headers.copy()
        del response.headers["location"]


def _head_of(response: httpx.Response) -> Answer:
    headers = response.extensions.get("headers", response.headers)

    def header(name: str) -> str | None:
        # `get` would join them.
        values = headers.get_list(name)
        return values[0] if values else None

    return Answer(response.status_code, header, b"", headers.get_list)
