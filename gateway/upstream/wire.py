"""The wire: the smallest interface through which the client speaks HTTP (design, decision 15).

A wire sends one request and gives status, headers and bounded bytes, or a stream. It follows no
redirect, keeps no cookie, retries nothing, and sends path and headers as they are given. Its errors
say what the client has to know: whether the request can have reached the upstream.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "Answer",
    "AnswerTooLong",
    "ConnectionBroken",
    "NotConnected",
    "StreamedAnswer",
    "TimedOut",
    "Wire",
    "WireError",
    "WireOptions",
]


@dataclass(frozen=True, slots=True)
class WireOptions:
    """What every wire needs to know. `origin` is scheme, host and port without a path."""

    origin: str
    connect_timeout_s: float = 5.0
    max_connections: int = 64
    max_answer_bytes: int = 64 * 1024 * 1024
    verify_tls: bool = True
    ca_file: str | None = None
    proxy: str | None = None


class WireError(Exception):
    """The wire could not bring an answer. The text names no credential and no address."""


class NotConnected(WireError):
    """No connection was made, so nothing was sent."""


class ConnectionBroken(WireError):
    """The connection ended before the answer was whole; the request may have been acted upon."""


class TimedOut(WireError):
    """The answer was not whole in time; the request may have been acted upon."""


class AnswerTooLong(WireError):
    """The body is longer than the wire's bound."""


class Answer:
    """A whole answer. `header` looks names up without regard to case."""

    __slots__ = ("_header", "body", "status")

    def __init__(self, status: int, header: HeaderLookUp, body: bytes) -> None:
        self.status = status
        self._header = header
        self.body = body

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return self._header(name)


class HeaderLookUp(Protocol):
    def __call__(self, name: str, /) -> str | None: ...


class StreamedAnswer(Protocol):
    """An answer whose body is read in pieces while the stream is open."""

    status: int

    def header(self, name: str) -> str | None: ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body's pieces, decompressed; raises `WireError`s."""

    async def read(self, max_bytes: int) -> bytes:
        """The whole body; raises `AnswerTooLong` beyond the bound."""


class Wire(Protocol):
    """One connection pool towards one origin."""

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        timeout_s: float,
    ) -> Answer:
        """Send one request to a target (encoded path and query) and read the answer whole."""

    def stream(
        self, method: str, target: str, headers: Mapping[str, str], *, timeout_s: float
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        """Send one request and read the answer's body in pieces. The time is for the whole of it."""

    async def aclose(self) -> None:
        """Close the connections; what is in flight fails with `ConnectionBroken`."""
