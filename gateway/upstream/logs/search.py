"""Lines of a log that match, found while its bytes come in.

What is searched is the plain text, line by line, whatever the log is shown as. Searches for the
same share one pass, and the lines around all matches are kept once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gateway.upstream.logs.patterns import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from gateway.turns import Work
    from gateway.upstream.logs.blocks import NumberedBlock
    from gateway.upstream.logs.patterns import Pattern
    from gateway.upstream.logs.pieces import LogPiece

__all__ = ["LogMatch", "Search", "SearchScan"]


@dataclass(frozen=True, slots=True)
class Search:
    """The first lines that match, from a position on, each with lines around it."""

    pattern: str
    is_regex: bool
    from_byte: int
    before: int
    after: int
    first: int


class LogMatch(NamedTuple):
    """A line that matches, counted from 1, and the lines around it."""

    number: int
    line: LogPiece
    before: list[LogPiece]
    after: list[LogPiece]


class SearchScan:
    """All searches of a log. The lines that they give are kept once, whatever asks for them."""

    def __init__(self, wants: Sequence[Search], hold: Callable[[int], None]) -> None:
        self._hold = hold
        searches: dict[tuple[str, bool, int], list[Search]] = {}
        for want in wants:
            searches.setdefault((want.pattern, want.is_regex, want.from_byte), []).append(want)
        self._searches = {key: _Search(same) for key, same in searches.items()}
        self._before = max((want.before for want in wants), default=0)
        self._recent: deque[NumberedBlock] = deque()
        self._lines: dict[int, LogPiece] = {}
        # The line until which all lines are kept.
        self._until = 0

    @property
    def is_done(self) -> bool:
        """Can nothing that comes change what was found?"""
        return all(search.is_full for search in self._searches.values()) and (
            not self._recent or self._recent[-1].last >= self._until
        )

    def steps(self, block: NumberedBlock) -> Generator[Work | None, None, None]:
        """Take in the next lines: a step for each search."""
        if not self._searches:
            return
        recent = self._recent
        recent.append(block)
        self._keep(block.first, self._until)
        for search in self._searches.values():
            if search.is_full or block.block.start_byte + len(block.block.raw) <= search.from_byte:
                continue
            known = len(search.found)
            if search.pattern.is_slow:
                _ = block.plain

                def work(search: _Search = search) -> None:
                    search.look(block)

                yield work
            else:
                search.look(block)
                yield None
            for number in search.found[known:]:
                self._keep(number - search.before, number + search.after)
        while len(recent) > 1 and recent[1].first <= block.last + 1 - self._before:
            recent.popleft()

    def matches(self, want: Search) -> list[LogMatch]:
        """What was found, in order."""
        found = self._searches[want.pattern, want.is_regex, want.from_byte].found[: want.first]
        return [
            LogMatch(
                number,
                self._lines[number],
                self._kept(number - want.before, number - 1),
                self._kept(number + 1, number + want.after),
            )
            for number in found
        ]

    def _kept(self, first: int, last: int) -> list[LogPiece]:
        lines = self._lines
        return [lines[number] for number in range(first, last + 1) if number in lines]

    def _keep(self, first: int, last: int) -> None:
        """Keep these lines, now or when they come."""
        self._until = max(self._until, last)
        for block in self._recent:
            for number in range(max(first, block.first), min(last, block.last) + 1):
                if number not in self._lines:
                    line = block.line(number)
                    self._hold(len(line.raw))
                    self._lines[number] = line


class _Search:
    """One pattern, from one position on; the most of what is asked of it."""

    def __init__(self, wants: Sequence[Search]) -> None:
        first = wants[0]
        self.pattern: Pattern = compile_pattern(first.pattern, is_regex=first.is_regex)
        self.from_byte = first.from_byte
        self.before = max(want.before for want in wants)
        self.after = max(want.after for want in wants)
        self._first = max(want.first for want in wants)
        self.found: list[int] = []
        """The numbers of the lines that match."""

    @property
    def is_full(self) -> bool:
        return len(self.found) >= self._first

    def look(self, block: NumberedBlock) -> None:
        """Look for lines of a block that match."""
        number = block.first
        from_number = number
        if block.block.start_byte < self.from_byte:
            from_number += bisect_left(block.starts, self.from_byte - block.block.start_byte)
        for lines, is_one in block.plain:
            for skipped in self._places(lines, is_one=is_one):
                if number + skipped >= from_number:
                    self.found.append(number + skipped)
                    if self.is_full:
                        return
            number += 1

    def _places(self, lines: bytes, *, is_one: bool) -> Iterator[int]:
        """Which lines match, counted from 0."""
        number = start = 0
        while start <= len(lines):
            at = self.pattern.find(lines, start)
            if at < 0:
                return
            number += 0 if is_one else lines.count(b"\n", start, at)
            yield number
            end = -1 if is_one else lines.find(b"\n", at)
            if end < 0:
                return
            number += 1
            start = end + 1
