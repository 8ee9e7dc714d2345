"""Where in a log an answer begins, told by the answer.

A log is asked for from a position on. Whether that was honoured may differ from one answer to the
next, since an upstream has many nodes and those may be of two versions. So each answer is held
against what is known of the log: how it begins, and what stands at the position. Where it fits
both, its length may tell: a whole log is no shorter than what was seen of it. Where that does not
tell either, nothing does.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from gateway.upstream.wire import whole_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.upstream.wire import StreamedAnswer

__all__ = ["Origin", "SeenOfLog", "find_origin"]

# Where the bytes fit both, so many are held at most until the length tells.
MAX_HELD_BYTES: Final = 64 * 1024


class Origin(Enum):
    """Where an answer begins."""

    POSITION = "at the position that was asked for"
    START = "at the log's start"
    UNTOLD = "at either of them, or at neither"


class SeenOfLog(Struct, frozen=True):
    """What is known of a log: its first bytes, what stands at the position that is asked for, and
    the bytes that it has at least.
    """

    head: bytes
    at_position: bytes = b""
    size: int = 0


class _Held(NamedTuple):
    origin: Origin
    bytes: bytes


async def find_origin(
    streamed: StreamedAnswer, chunks: AsyncIterator[bytes], seen: SeenOfLog
) -> _Held:
    """Where an answer begins, and its first bytes, which were taken of its `chunks` to tell: no
    more of them than are needed.
    """
    size = None
    if streamed.header("content-encoding") is None:
        size = whole_number(streamed.header("content-length"))
    enough = max(len(seen.head), len(seen.at_position))
    at_most = min(seen.size, MAX_HELD_BYTES)
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        if len(held) >= enough:
            origin = _origin_of(held, size, seen)
            if origin is None and len(held) >= at_most:
                origin = Origin.UNTOLD
            if origin is not None:
                return _Held(origin, bytes(held))
            enough = at_most
    return _Held(_origin_of(held, len(held), seen) or Origin.UNTOLD, bytes(held))


def _origin_of(held: bytearray, size: int | None, seen: SeenOfLog) -> Origin | None:
    """Where an answer begins of which these bytes have come; None where its size might tell."""
    is_part = _agree(held, seen.at_position)
    is_whole = _agree(held, seen.head)
    if size is not None:
        is_part = is_part and size >= len(seen.at_position)
        is_whole = is_whole and size >= seen.size
    if is_part == is_whole:
        return None if is_part and size is None else Origin.UNTOLD
    return Origin.POSITION if is_part else Origin.START


def _agree(held: bytearray, known: bytes) -> bool:
    return held.startswith(known[: len(held)])
