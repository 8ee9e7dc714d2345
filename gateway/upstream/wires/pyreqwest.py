"""The default wire, over pyreqwest (Rust's reqwest): the least CPU for each call we found."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import (
    PoolTimeoutError,
    RequestError,
    RequestTimeoutError,
)
from pyreqwest.proxy import ProxyBuilder

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

    from pyreqwest.client import Client
    from pyreqwest.request import StreamRequest
    from pyreqwest.response import Response

    from gateway.upstream.wire import StreamedAnswer, WireOptions

__all__ = ["PyreqwestWire"]


class PyreqwestWire:
    """One reqwest client, made with the first request so that it belongs to the running loop."""

    def __init__(self, options: WireOptions) -> None:
        self._options = options
        self._origin = options.origin.rstrip("/")
        self._client: Client | None = None

    def _build(self) -> Client:
        options = self._options
        builder = (
            ClientBuilder()
            .http1_only()
            .follow_redirects(enable=False)
            .default_cookie_store(enable=False)
            .gzip(enable=True)
            .connect_timeout(timedelta(seconds=options.connect_timeout_s))
            .max_connections(options.max_connections)
            .pool_max_idle_per_host(options.max_connections)
            # Below the sixty seconds after which common front ends close an idle connection.
            .pool_idle_timeout(timedelta(seconds=50))
            .tcp_nodelay(True)  # noqa: FBT003 - positional there
        )
        if options.proxy is None:
            builder = builder.no_proxy()
        else:
            builder = builder.proxy(ProxyBuilder.all(options.proxy))
        if not options.verify_tls:
            builder = builder.danger_accept_invalid_certs(enable=True)
        if options.ca_file is not None:
            builder = builder.add_root_certificate_pem(Path(options.ca_file).read_bytes())
        return builder.build()

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        timeout_s: float,
    ) -> Answer:
        with _translated():
            async with self._request(method, target, headers, body, timeout_s) as response:
                limit = self._options.max_answer_bytes
                content = await response.body_reader.read(limit + 1) or b""
                if len(content) > limit:
                    raise AnswerTooLong(f"the answer is longer than {limit} bytes")
                return Answer(response.status, response.get_header, bytes(content))

    @asynccontextmanager
    async def _stream(
        self, method: str, target: str, headers: Mapping[str, str], timeout_s: float
    ) -> AsyncIterator[StreamedAnswer]:
        with _translated():
            async with self._request(method, target, headers, None, timeout_s) as response:
                yield _Streamed(response)

    def stream(
        self, method: str, target: str, headers: Mapping[str, str], *, timeout_s: float
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        return self._stream(method, target, headers, timeout_s)

    def _request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
    ) -> StreamRequest:
        if self._client is None:
            self._client = self._build()
        if timeout_s <= 0:
            raise TimedOut("no time is left for this call")
        builder = self._client.request(method, self._origin + target).headers(headers)
        if body is not None:
            builder = builder.body_bytes(body)
        return builder.timeout(timedelta(seconds=timeout_s)).build_streamed()

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()


class _Streamed:
    def __init__(self, response: Response) -> None:
        self._response = response
        self.status = response.status

    def header(self, name: str) -> str | None:
        return self._response.get_header(name)

    async def chunks(self) -> AsyncIterator[bytes]:
        reader = self._response.body_reader
        with _translated():
            while (chunk := await reader.read_chunk()) is not None:
                yield bytes(chunk)

    async def read(self, max_bytes: int) -> bytes:
        with _translated():
            content = await self._response.body_reader.read(max_bytes + 1) or b""
        if len(content) > max_bytes:
            raise AnswerTooLong(f"the answer is longer than {max_bytes} bytes")
        return bytes(content)


@contextmanager
def _translated() -> Iterator[None]:
    """Pyreqwest's exceptions as ours; texts are ours too, since its own name addresses."""
    try:
        yield
    except PoolTimeoutError as error:
        raise NotConnected("no free connection to the upstream") from error
    except RequestError as error:
        # Every failure before the answer's head is a ConnectError there, a lost answer to a write
        # among them. Only this cause says that no connection was made.
        causes = (error.details or {}).get("causes") or ()
        if any(cause["message"] == "client error (Connect)" for cause in causes):
            raise NotConnected("no connection to the upstream") from error
        if isinstance(error, RequestTimeoutError):
            raise TimedOut("the upstream did not answer in time") from error
        raise ConnectionBroken("the connection to the upstream broke") from error
