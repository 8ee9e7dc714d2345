"""Pieces of a log, cut out at line ends in one pass and in bounded memory."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from gateway.upstream.logs.lines import AHEAD_BYTES, MAX_LINE_BYTES, find_block, line_starts
from gateway.upstream.logs.sequences import (
    LOOKAHEAD_BYTES,
    MAX_SEQUENCE_BYTES,
    begun_at,
    whole_character_at,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.upstream.logs.lines import Block

__all__ = ["BEFORE_BYTES", "LogPiece", "Slice", "SliceScan", "Tail", "TailScan"]

# Bytes before a position that tell what stands around it.
BEFORE_BYTES: Final = MAX_SEQUENCE_BYTES
NEWLINE: Final = 0x0A


@dataclass(frozen=True, slots=True)
class Tail:
    """The last lines, as many as fit into `max_bytes`, and the last one in any case."""

    lines: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The lines from a position on, as many as fit into `max_bytes`, and the first one in any
    case.
    """

    from_byte: int
    max_bytes: int


class LogPiece(Struct, frozen=True):
    """Bytes of a log and where they stand in it, end exclusive."""

    raw: bytes
    start_byte: int
    end_byte: int
    # A limit left bytes out that were asked for.
    truncated: bool
    # It begins, or ends, within a line.
    begins_inside: bool = False
    ends_inside: bool = False
    # The beginning of the escape sequence, mark or timestamp that its first bytes end.
    begun: bytes = b""


class TailScan:
    """Keeps the lines that pass last, as many as any tail may need."""

    def __init__(self, wants: Sequence[Tail], hold: Callable[[int], None]) -> None:
        self._hold = hold
        self._keep = max((want.max_bytes for want in wants), default=0)
        self._wanted_lines = max((want.lines for want in wants), default=0)
        self._last: deque[Block] = deque()
        self._last_bytes = 0

    @property
    def is_done(self) -> bool:
        """Can nothing that comes change the tails?"""
        return not self._keep

    def take(self, block: Block) -> None:
        """Take in the next lines."""
        if not self._keep:
            return
        self._last.append(block)
        self._last_bytes += len(block.raw)
        while self._last_bytes - len(self._last[0].raw) >= self._keep:
            self._last_bytes -= len(self._last.popleft().raw)

    def piece(self, want: Tail, byte_count: int, raws: dict[tuple[int, int], bytes]) -> LogPiece:
        """A tail, cut out."""
        end = byte_count
        lines = self._lines
        if not lines:
            return LogPiece(b"", end, end, truncated=False)
        fitting = bisect_right(lines, want.max_bytes, key=lambda line: end - line.start_byte)
        given = max(1, min(fitting, want.lines))
        start, begins_inside = lines[given - 1]
        if (start, end) not in raws:
            self._hold(end - start)
            raws[start, end] = b"".join(
                [block.raw[max(0, start - block.start_byte) :] for block in self._last]
            )
        truncated = given < want.lines and start > 0
        return LogPiece(
            raws[start, end], start, end, truncated=truncated, begins_inside=begins_inside
        )

    @cached_property
    def _lines(self) -> list[_Line]:
        """The last line, the one before and so on; looked for when all have passed."""
        lines: list[_Line] = []
        for block in reversed(self._last):
            for start in line_starts(block):
                if len(lines) >= self._wanted_lines:
                    return lines
                lines.append(_Line(block.start_byte + start, block.begins_inside and not start))
        return lines


class _Line(NamedTuple):
    start_byte: int
    begins_inside: bool


class SliceScan:
    """Cuts one slice out of the bytes that pass."""

    def __init__(self, want: Slice, hold: Callable[[int], None], first_byte: int) -> None:
        self._max_bytes = want.max_bytes
        self._hold = hold
        # What is kept begins a little before the slice, then with its first line.
        self._kept = bytearray()
        self._kept_from = max(first_byte, want.from_byte - BEFORE_BYTES)
        self._position = first_byte
        # Of what is kept: where the slice starts, and where it ends so far.
        self._start = want.from_byte - self._kept_from
        self._end = 0
        self._has_begun = False
        self._begins_inside = self._ends_inside = False
        # So much must be kept before it is worth to look.
        self._enough = self._start + min(self._max_bytes, MAX_LINE_BYTES) + LOOKAHEAD_BYTES
        self.is_done = False

    def feed(self, chunk: bytes) -> bool:
        """Take in the next bytes of the log; True where that took some work."""
        skipped = max(0, self._kept_from + len(self._kept) - self._position)
        self._position += len(chunk)
        if self.is_done or skipped >= len(chunk):
            return False
        self._hold(len(chunk) - skipped)
        self._kept += chunk[skipped:] if skipped else chunk
        if len(self._kept) < self._enough:
            return False
        self._look(at_end=False)
        return True

    def end(self) -> None:
        """No more bytes will come."""
        if not self.is_done:
            self._look(at_end=True)
            self.is_done = True

    def piece(self, byte_count: int, raws: dict[tuple[int, int], bytes]) -> LogPiece:
        """The slice, cut out."""
        if not self._end:
            return LogPiece(b"", byte_count, byte_count, truncated=False)
        start, end = self._kept_from + self._start, self._kept_from + self._end
        raw = raws.setdefault((start, end), bytes(self._kept[self._start : self._end]))
        return LogPiece(
            raw,
            start,
            end,
            truncated=end < byte_count,
            begins_inside=self._begins_inside,
            ends_inside=self._ends_inside,
            begun=bytes(self._kept[: self._start]),
        )

    def _look(self, *, at_end: bool) -> None:
        """Take what lines are there, until the slice is full."""
        if not self._has_begun and not self._begin(at_end=at_end):
            return
        while not self.is_done:
            full = self._start + self._max_bytes
            window = self._kept[self._end : self._end + MAX_LINE_BYTES + AHEAD_BYTES]
            found = find_block(
                window,
                min(full - self._end, MAX_LINE_BYTES),
                at_end=at_end and self._end + len(window) == len(self._kept),
            )
            if found is None:
                # Looking again for each few bytes would take long.
                self._enough = len(self._kept) + min(max(len(window), 1), 16 * 1024)
                return
            end = self._end + found.end
            self.is_done = end >= full or not found.end
            if end <= full or not self._end:
                self._end, self._ends_inside = end, found.ends_inside
        del self._kept[self._end :]

    def _begin(self, *, at_end: bool) -> bool:
        """Find where the slice's first line begins; False while more bytes are needed to tell."""
        start = self._start
        if len(self._kept) <= start:
            return False
        line = start
        if start and self._kept[start - 1] != NEWLINE:
            if len(self._kept) < start + AHEAD_BYTES and not at_end:
                self._enough = start + AHEAD_BYTES
                return False
            self._begins_inside = True
            line = begun_at(self._kept, start)
            if line == start:
                _, line = whole_character_at(self._kept, start)
                start = line
        self._has_begun = True
        del self._kept[:line]
        self._kept_from += line
        self._start = start - line
        return True
