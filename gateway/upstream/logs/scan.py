"""One pass over a log, for all that is wanted of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from gateway.upstream.logs.blocks import NumberedBlock
from gateway.upstream.logs.lines import MAX_LINE_BYTES, LineScanner
from gateway.upstream.logs.pieces import LogPiece, Slice, SliceScan, Tail, TailScan
from gateway.upstream.logs.search import LogMatch, Search, SearchScan
from gateway.upstream.logs.sections import LogSection, Sections, SectionScan

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from gateway.turns import Work
    from gateway.upstream.logs.lines import Block

__all__ = ["LogScan", "LogWant"]

LogWant: TypeAlias = Tail | Slice | Search | Sections


def _hold(size_bytes: int) -> None:
    """Without a bound."""


class LogScan:
    """One pass over a log; holds no more than what is wanted of it, and a little more than a line
    for each slice.

    `hold` is told of bytes before they are held for good, and may raise. The pass begins at
    `first_byte`: a later one than 0 is for slices alone. Raises `BadInput` for a pattern that
    cannot be searched for.
    """

    def __init__(
        self,
        wants: Sequence[LogWant],
        hold: Callable[[int], None] = _hold,
        *,
        first_byte: int = 0,
    ) -> None:
        self._wants = wants
        self._slices = {
            want: SliceScan(want, hold, first_byte) for want in wants if isinstance(want, Slice)
        }
        self._tails = TailScan([want for want in wants if isinstance(want, Tail)], hold)
        self._searches = SearchScan([want for want in wants if isinstance(want, Search)], hold)
        self._sections = SectionScan([want for want in wants if isinstance(want, Sections)], hold)
        self._lines = LineScanner()
        self._is_whole = first_byte == 0
        self.byte_count = first_byte
        self.line_count = 0
        """Lines, one that has not ended among them; counted when the pass has ended."""

    @property
    def is_done(self) -> bool:
        """Can nothing that comes change what is wanted?"""
        return (
            self._tails.is_done
            and self._sections.is_done
            and self._searches.is_done
            and all(scan.is_done for scan in self._slices.values())
        )

    def feed(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        _do(self.feed_steps(chunk))

    def feed_steps(self, chunk: bytes) -> Generator[Work | None, None, None]:
        """The same in steps: one for each slice, and for each search of each block of lines. A step
        may give work that has to be done before the next.
        """
        self.byte_count += len(chunk)
        for start in range(0, len(chunk), MAX_LINE_BYTES):
            part = chunk[start : start + MAX_LINE_BYTES]
            for scan in self._slices.values():
                if scan.feed(part):
                    yield None
            if self._is_whole:
                yield from self._take(self._lines.feed(part))
            yield None

    def end(self) -> None:
        """No more bytes will come."""
        _do(self.end_steps())

    def end_steps(self) -> Generator[Work | None, None, None]:
        """The same in steps."""
        for scan in self._slices.values():
            scan.end()
        yield from self._take(self._lines.end())

    def pieces(self) -> list[LogPiece]:
        """The tails and slices that were wanted, in order; those that come to the same bytes share
        them.
        """
        raws: dict[tuple[int, int], bytes] = {}
        return [
            self._tails.piece(want, self.byte_count, raws)
            if isinstance(want, Tail)
            else self._slices[want].piece(self.byte_count, raws)
            for want in self._wants
            if isinstance(want, Tail | Slice)
        ]

    def matches(self, want: Search) -> list[LogMatch]:
        """The lines that a search has found, in order."""
        return self._searches.matches(want)

    def sections(self, want: Sections) -> list[LogSection]:
        """The sections, in the order of their beginnings."""
        return self._sections.sections(want)

    def _take(self, blocks: Iterable[Block]) -> Generator[Work | None, None, None]:
        for block in blocks:
            numbered = NumberedBlock(block, self.line_count + 1)
            self.line_count += block.lines
            self._tails.take(block)
            yield from self._sections.steps(numbered)
            yield from self._searches.steps(numbered)


def _do(steps: Generator[Work | None, None, None]) -> None:
    for work in steps:
        if work is not None:
            work()
