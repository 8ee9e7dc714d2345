"""A log in lines, found while its bytes come in.

A line ends in a line feed, unless what follows says that it goes on (`sequences.joints_in`). A
longer line than 64 KiB counts as lines of 64 KiB, none of which cuts a sequence or a character. So
whether a position is the end of a line is told by the bytes from the line's start to a little
beyond, wherever reading began before, and each line becomes text by itself: pieces that end at line
ends put together are the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.upstream.logs.sequences import (
    LOOKAHEAD_BYTES,
    MAX_SEQUENCE_BYTES,
    begun_at,
    joints_in,
    whole_character_at,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.upstream.wire import Body

__all__ = ["AHEAD_BYTES", "MAX_LINE_BYTES", "Block", "LineScanner", "find_block", "line_starts"]

MAX_LINE_BYTES: Final = 64 * 1024
# Bytes beyond a line that may be needed to tell its end.
AHEAD_BYTES: Final = MAX_SEQUENCE_BYTES + LOOKAHEAD_BYTES


class Block(NamedTuple):
    """Lines that follow one another, 64 KiB at most."""

    raw: bytes
    start_byte: int
    lines: int
    # It begins, or ends, where a longer line was cut.
    begins_inside: bool
    ends_inside: bool


class Found(NamedTuple):
    end: int
    lines: int
    ends_inside: bool


def find_block(window: Body, limit: int, *, at_end: bool) -> Found | None:
    """The most lines that fit into `limit` bytes (64 KiB at most), or the first line where it alone
    is longer; None where the window must hold more to tell.

    The window begins with a line. `at_end` says that nothing comes after it.
    """
    size = len(window)
    if size <= limit and at_end:
        joints = joints_in(window, size)
        ends = window.count(b"\n") - len(joints)
        return Found(size, ends + (size > 0 and not window.endswith(b"\n")), ends_inside=False)
    if size < limit + LOOKAHEAD_BYTES and not at_end:
        return None
    joints = joints_in(window, limit)
    last = window.rfind(b"\n", 0, limit)
    while last in joints:
        last = window.rfind(b"\n", 0, last)
    if last >= 0:
        joined = sum(joint < last for joint in joints)
        return Found(last + 1, window.count(b"\n", 0, last + 1) - joined, ends_inside=False)
    return _find_long(window, limit, at_end=at_end)


def _find_long(window: Body, limit: int, *, at_end: bool) -> Found | None:
    """The first line, which is longer than the limit."""
    size = len(window)
    joints = joints_in(window, min(MAX_LINE_BYTES, size))
    first = window.find(b"\n", limit, MAX_LINE_BYTES)
    while first in joints:
        first = window.find(b"\n", first + 1, MAX_LINE_BYTES)
    if first >= 0:
        is_sure = at_end or size > first + LOOKAHEAD_BYTES
        return Found(first + 1, 1, ends_inside=False) if is_sure else None
    if at_end and size <= MAX_LINE_BYTES:
        return Found(size, 1, ends_inside=False)
    if size < MAX_LINE_BYTES + AHEAD_BYTES and not at_end:
        return None
    cut = begun_at(window, MAX_LINE_BYTES)
    if cut == MAX_LINE_BYTES:
        cut, _ = whole_character_at(window, cut)
    return Found(cut, 1, ends_inside=True)


def line_starts(block: Block) -> Iterator[int]:
    """Where the lines of a block begin in it, the last one first."""
    raw = block.raw
    joints = joints_in(raw, len(raw))
    end = len(raw) - raw.endswith(b"\n")
    while (end := raw.rfind(b"\n", 0, end)) >= 0:
        if end not in joints:
            yield end + 1
    if raw:
        yield 0


class LineScanner:
    """Takes bytes in, gives blocks of lines; holds little more than the longest line."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._start_byte = 0
        self._is_inside = False

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """Take in the next bytes; the lines that are sure to have ended."""
        self._buffer += chunk
        while len(self._buffer) >= MAX_LINE_BYTES + AHEAD_BYTES:
            yield self._take(at_end=False)

    def end(self) -> Iterator[Block]:
        """The lines that are left: no bytes will come."""
        while self._buffer:
            yield self._take(at_end=True)

    def _take(self, *, at_end: bool) -> Block:
        found = find_block(self._buffer, MAX_LINE_BYTES, at_end=at_end)
        assert found is not None  # noqa: S101 - there is enough, or all
        end, lines, ends_inside = found
        raw = bytes(self._buffer[:end])
        block = Block(raw, self._start_byte, lines, self._is_inside, ends_inside)
        del self._buffer[:end]
        self._start_byte += end
        self._is_inside = ends_inside
        return block
