"""The smallest interface through which the client speaks HTTP (architecture.md, the wire).

A wire sends one request and gives status, headers and bounded bytes, or a stream. It follows no
redirect, keeps no cookie, retries nothing, reads no environment, and sends path and headers as they
are given. A cancelled exchange ends at once, its connection with it. tests/upstream/wires
holds every wire to this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from msgspec import Struct

from gateway.upstream.causes import Cause

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

__all__ = [
    "Answer",
    "AnswerTooLong",
    "Body",
    "ConnectionBroken",
    "HeaderLookUp",
    "HeaderValues",
    "NotConnected",
    "StreamedAnswer",
    "TimedOut",
    "Wire",
    "WireError",
    "WireOptions",
    "check_request",
    "whole_number",
]

Body: TypeAlias = bytes | bytearray

# The first value of a header, whatever the case of its name; None without one.
HeaderLookUp: TypeAlias = Callable[[str], str | None]
# All values of a header that came several times, in order.
HeaderValues: TypeAlias = Callable[[str], Sequence[str]]


# So many digits fit into 64 bits whatever they are. Python refuses to read thousands of them.
MAX_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class WireOptions:
    """What every wire needs to know. `origin` and `proxy` are scheme, host and port; the proxy's
    address may hold a user and a password, percent-encoded.

    `client_cert` is a PEM file of a certificate and its key, shown to who asks for one.
    `ca_file` holds further authorities (PEM) that may sign the certificate of the upstream, or of a
    proxy that is asked over TLS.

    A kept connection may have gone deaf: one on which nothing of a read's answer has come after
    `silence_s` is given up with `TimedOut`, and so are those that were kept beside it. A connection
    older than `max_age_s` is used no more, so that a name that moves is looked up anew.
    """

    origin: str
    connect_timeout_s: float = 5.0
    max_connections: int = 64
    max_answer_bytes: int = 16_000_000
    verify_tls: bool = True
    ca_file: str | None = None
    client_cert: str | None = None
    proxy: str | None = field(default=None, repr=False)
    silence_s: float = 10.0
    max_age_s: float = 300.0


class WireError(Exception):
    """The wire could not bring an answer. The text names no credential and no address.

    `was_sent` tells whether the request may have reached the upstream, and been acted upon; `cause`
    why there is no answer, where it is known. Where the answer's head has come, and only its body
    could not be read, `answered` is that head.
    """

    answered: Answer | None = None

    def __init__(self, message: str, *, was_sent: bool = True, cause: Cause | None = None) -> None:
        super().__init__(message)
        self.was_sent = was_sent
        self.cause = cause


class NotConnected(WireError):
    """No connection was made, so nothing was sent."""

    cause: Cause

    def __init__(self, cause: Cause = Cause.CONNECTION_LOST) -> None:
        super().__init__(cause.sentence, was_sent=False, cause=cause)


class ConnectionBroken(WireError):
    """The connection ended before the answer was whole, or the answer is no HTTP."""


class TimedOut(WireError):
    """The answer was not whole in time."""


class AnswerTooLong(WireError):
    """The body is longer than the wire's bound."""


class Answer(Struct, eq=False):
    """A whole answer. Without `values` its headers came once each. One that is kept and given
    several times is read once by each reader (`decoded`, by reader).
    """

    status: int
    header: HeaderLookUp
    body: Body
    values: HeaderValues | None = None
    decoded: dict[object, Any] | None = None

    def header_values(self, name: str) -> Sequence[str]:
        """All values of a header, in order."""
        if self.values is not None:
            return self.values(name)
        value = self.header(name)
        return () if value is None else (value,)


class StreamedAnswer(Protocol):
    """An answer whose body is read in pieces while the stream is open."""

    @property
    def status(self) -> int: ...

    @property
    def header(self) -> HeaderLookUp: ...

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
        """Send one request to a target (encoded path and query) and read the answer whole. The time
        may be infinite, for who ends the exchange by cancelling it.
        """

    def stream(
        self, method: str, target: str, headers: Mapping[str, str], *, timeout_s: float
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        """Send one request and read the answer's body in pieces; the time is for all of it."""

    async def aclose(self) -> None:
        """Close the connections; what is in flight fails with `ConnectionBroken`."""


def check_request(target: str, headers: Mapping[str, str]) -> None:
    """Raise `ValueError` for a target or header that would not stay on its line."""
    if not (target.isascii() and target.isprintable()) or " " in target:
        raise ValueError("a target is visible ASCII, encoded by its maker")
    values = "".join(headers.values())
    if "\n" in values or "\r" in values or "\0" in values:
        raise ValueError("a header's value is one line")


def whole_number(text: str | None) -> int | None:
    """The number that a text is; None for any other text, and for numbers beyond 64 bits."""
    if text is None:
        return None
    if text.isdecimal() and text.isascii() and len(text) <= MAX_DIGITS:
        return int(text)
    digits = text.strip()
    return None if digits == text else whole_number(digits)
