"""The reference wire, over httpx: slower, and the measure of how a wire behaves."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpx

from gateway.upstream.wire import (
    Answer,
    AnswerTooLong,
    ConnectionBroken,
    NotConnected,
    TimedOut,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from gateway.upstream.wire import StreamedAnswer, WireOptions

__all__ = ["HttpxWire"]


class HttpxWire:
    """One `httpx.AsyncClient`. Tests may give it a transport of their own."""

    def __init__(
        self, options: WireOptions, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._options = options
        self._client = httpx.AsyncClient(
            transport=transport,
            verify=_tls(options),
            proxy=options.proxy,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=options.connect_timeout_s),
            limits=httpx.Limits(
                max_connections=options.max_connections,
                max_keepalive_connections=options.max_connections,
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
            return Answer(streamed.status, streamed.header, content)

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
        if self._client.is_closed:
            raise ConnectionBroken("the gateway is shutting down")
        # httpx would collapse dot segments and encode anew: the path is given as it goes out.
        url = httpx.URL(self._options.origin).copy_with(raw_path=target.encode("ascii"))
        request = self._client.build_request(method, url, headers=dict(headers), content=body)
        with _translated():
            async with asyncio.timeout(max(timeout_s, 0)):
                response = await self._client.send(request, stream=True)
                try:
                    yield _Streamed(response)
                finally:
                    await response.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()


class _Streamed:
    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code

    def header(self, name: str) -> str | None:
        return self._response.headers.get(name)

    async def chunks(self) -> AsyncIterator[bytes]:
        with _translated():
            async for chunk in self._response.aiter_bytes():
                yield chunk

    async def read(self, max_bytes: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > max_bytes:
                raise AnswerTooLong(f"the answer is longer than {max_bytes} bytes")
            pieces.append(chunk)
        return b"".join(pieces)


@contextmanager
def _translated() -> Iterator[None]:
    """Httpx's exceptions as ours; texts are ours too, since httpx's may name addresses."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise NotConnected("no connection to the upstream") from error
    except httpx.PoolTimeout as error:
        raise NotConnected("no free connection to the upstream") from error
    except (httpx.TimeoutException, TimeoutError) as error:
        raise TimedOut("the upstream did not answer in time") from error
    except (httpx.TransportError, httpx.StreamError) as error:
        raise ConnectionBroken("the connection to the upstream broke") from error


def _tls(options: WireOptions) -> ssl.SSLContext | bool:
    if not options.verify_tls:
        return False
    return ssl.create_default_context(cafile=options.ca_file) if options.ca_file else True
