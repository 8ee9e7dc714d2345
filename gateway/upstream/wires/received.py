"""What a connection has received of an answer: headers, a body to be unpacked, a stream; or why it
has not.
"""

from __future__ import annotations

import asyncio
import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from gateway.upstream.wire import Answer, AnswerTooLong, NotConnected, TimedOut, WireError
from gateway.upstream.wires.packing import Unpacker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator

    from gateway.turns import Turns
    from gateway.upstream.causes import Cause
    from gateway.upstream.wire import Body

__all__ = ["Failure", "Headers", "Streamed", "too_long", "unpacked", "unpacked_pieces"]


class Headers(Struct, eq=False):
    """An answer's headers: `fields` has the first of each by its name in lower case."""

    fields: dict[str, bytes]
    _names: list[bytes]
    _values: list[bytes]

    @classmethod
    def of(cls, names: list[bytes], values: list[bytes]) -> Headers:
        """The headers that came so: the first name has the first value."""
        known = _known_as(tuple(names))
        return cls(dict(zip(known, values, strict=True)), names, values)

    def get(self, name: str) -> str | None:
        """The first value, without regard to the name's case."""
        value = self.fields.get(name)
        if value is not None:
            return value.decode("latin-1")
        lowered = name.lower()
        return None if lowered == name else self.get(lowered)

    def values(self, name: str) -> list[str]:
        """All values, in order."""
        if "" not in self.fields:
            # No name came twice.
            value = self.get(name)
            return [] if value is None else [value]
        wanted = name.lower().encode()
        return [
            value.decode("latin-1")
            for found, value in zip(self._names, self._values, strict=True)
            if found.lower() == wanted
        ]


# The answers of an upstream have the same few sets of headers.
@lru_cache(maxsize=64)
def _known_as(names: tuple[bytes, ...]) -> tuple[str, ...]:
    """Names in lower case; of one that came twice only the first is known by it."""
    lowered = [name.lower().decode("latin-1") for name in names]
    return tuple("" if name in lowered[:place] else name for place, name in enumerate(lowered))


class Failure(NamedTuple):
    """Why an answer is not whole. (An error would hold its frames, and they the connection.)"""

    kind: type[WireError]
    message: str
    cause: Cause | None

    def error(self, status: int, headers: Headers) -> WireError:
        """The error to raise. It has the answer's head, where that had come."""
        if self.kind is NotConnected and self.cause is not None:
            return NotConnected(self.cause)
        error = self.kind(self.message, cause=self.cause)
        if status >= 200:
            error.answered = Answer(status, headers.get, b"")
        return error


class Streamed:
    """An answer's head, and its body in pieces: `next_piece` gives them as they were sent, and None
    at the end. What is packed is unpacked in `turns`.
    """

    def __init__(
        self,
        status: int,
        headers: Headers,
        encoding: bytes,
        next_piece: Callable[[], Awaitable[bytes | None]],
        turns: Turns,
    ) -> None:
        self.status = status
        self.header = headers.get
        self._encoding = encoding
        self._next_piece = next_piece
        self._turns = turns

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body's pieces, unpacked."""
        next_piece = self._next_piece
        if not self._encoding:
            while (piece := await next_piece()) is not None:
                yield piece
            return
        unpacked = unpacked_pieces(self._encoding, next_piece, self._turns)
        async for piece in unpacked:
            yield piece

    async def read(self, max_bytes: int) -> bytes:
        """The whole body."""
        body = bytearray()
        async for piece in self.chunks():
            body += piece
            if len(body) > max_bytes:
                raise AnswerTooLong(too_long(max_bytes))
        return bytes(body)


async def unpacked_pieces(
    encoding: bytes, next_piece: Callable[[], Awaitable[bytes | None]], turns: Turns
) -> AsyncIterator[bytes]:
    """What a packed body unpacks to, in pieces and in turns: few bytes may become many."""
    unpacker = Unpacker(encoding)
    while (packed := await next_piece()) is not None:
        pieces = unpacker.pieces(packed)
        while (piece := await turns.run(_next_of(pieces))) is not None:
            yield piece
    unpacker.end()


def _next_of(pieces: Iterator[bytes]) -> Generator[None, None, bytes | None]:
    """One step."""
    yield from ()
    return next(pieces, None)


async def unpacked(
    body: Body, encoding: bytes, max_bytes: int, deadline: float, turns: Turns
) -> bytearray:
    """What a packed body unpacks to, `max_bytes` at most. `deadline` is a time of the running
    loop's clock; raises `WireError`s.
    """
    try:
        async with asyncio.timeout_at(deadline if deadline < math.inf else None):
            return await turns.run(_unpacking(body, encoding, max_bytes))
    except TimeoutError:
        raise TimedOut("the answer could not be unpacked in time") from None


def _unpacking(body: Body, encoding: bytes, max_bytes: int) -> Generator[None, None, bytearray]:
    """The steps."""
    unpacker = Unpacker(encoding)
    whole = bytearray()
    for piece in unpacker.pieces(body):
        whole += piece
        if len(whole) > max_bytes:
            raise AnswerTooLong(too_long(max_bytes))
        yield
    unpacker.end()
    return whole


def too_long(max_bytes: int) -> str:
    """What is told of a body that is longer."""
    return f"the answer is longer than {max_bytes} bytes"
