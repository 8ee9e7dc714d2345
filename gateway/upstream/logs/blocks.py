"""Lines of a log with their numbers, and what they look like."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from gateway.upstream.logs.lines import line_starts
from gateway.upstream.logs.pieces import LogPiece
from gateway.upstream.logs.sequences import SEQUENCES
from gateway.upstream.logs.text import without, without_marks, without_returns

if TYPE_CHECKING:
    from gateway.upstream.logs.lines import Block

__all__ = ["NumberedBlock"]


class NumberedBlock:
    """Lines that follow one another, the number of the first one, and what they look like."""

    def __init__(self, block: Block, first: int) -> None:
        self.block = block
        self.first = first
        self.last = first + block.lines - 1

    @cached_property
    def starts(self) -> list[int]:
        """Where each line begins, by bytes of the block; and where the last one ends."""
        return [*reversed(list(line_starts(self.block))), len(self.block.raw)]

    @cached_property
    def plain(self) -> list[tuple[bytes, bool]]:
        """The plain text in one or two parts, without the last line feed; a part may be of one
        line, though it has line feeds.
        """
        block = self.block
        raw = block.raw
        is_ended = raw.endswith(b"\n")
        if _is_plain(raw):
            whole = raw[:-1] if is_ended else raw
            if not block.begins_inside or b"\n" not in whole:
                return [(whole, block.lines == 1)]
        text = without(SEQUENCES, without_marks(raw.decode("utf-8", "replace")))
        if block.ends_inside or (block.start_byte == 0 and "\n" not in text):
            return [(text.replace("\r", "\n").encode(), True)]
        if is_ended:
            text = text.removesuffix("\n")
        parts = []
        if block.begins_inside:
            part, line_feed, text = text.partition("\n")
            parts.append((part.replace("\r", "\n").encode(), True))
            if not line_feed:
                return parts
        parts.append(
            (without_returns(text, begins_inside=False, ends_inside=False).encode(), False)
        )
        return parts

    def position(self, number: int) -> int:
        """Where one of its lines begins in the log; that after the last begins where it ends."""
        return self.block.start_byte + self.starts[number - self.first]

    def line(self, number: int) -> LogPiece:
        """One of its lines."""
        block, at = self.block, number - self.first
        start, end = self.starts[at : at + 2]
        return LogPiece(
            block.raw[start:end],
            block.start_byte + start,
            block.start_byte + end,
            truncated=False,
            begins_inside=block.begins_inside and at == 0,
            ends_inside=block.ends_inside,
        )


def _is_plain(raw: bytes) -> bool:
    """Is there nothing but text, and nothing that may be a mark?"""
    if b"\x1b" in raw or b"\r" in raw or b"section_" in raw or b"Z " in raw:
        return False
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
