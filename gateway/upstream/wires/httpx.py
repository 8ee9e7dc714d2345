"""The reference wire, over httpx: slower, and a second opinion on how a wire behaves."""

from __future__ import annotations

import asyncio
import gc
import math
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final

import httpx

from gateway.turns import Turns
from gateway.upstream.causes import Troubles
from gateway.upstream.wire import Answer, AnswerTooLong, TimedOut, check_request
from gateway.upstream.wires.dialing import tls_context
from gateway.upstream.wires.httpx_exchange import HttpxExchange
from gateway.upstream.wires.received import too_long, unpacked_pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from gateway.upstream.wire import StreamedAnswer, WireOptions

__all__ = ["HttpxWire"]

COLLECT_AFTER_S: Final = 1.0


class HttpxWire:
    """One `httpx.AsyncClient`. Tests may give it a transport of their own."""

    def __init__(
        self, options: WireOptions, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._options = options
        self._in_flight: set[HttpxExchange] = set()
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
        exchange = HttpxExchange(
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


def _proxy_of(options: WireOptions) -> httpx.Proxy | None:
    if options.proxy is None:
        return None
    is_secure = options.proxy.startswith("https:")
    return httpx.Proxy(options.proxy, ssl_context=tls_context(options) if is_secure else None)


class _Streamed:
    def __init__(self, response: httpx.Response, exchange: HttpxExchange, turns: Turns) -> None:
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
                raise AnswerTooLong(too_long(max_bytes))
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
