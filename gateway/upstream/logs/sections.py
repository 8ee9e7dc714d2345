"""Sections of a log, found while its bytes come in (upstream.md, 3.5).

Sections may be nested, and a name may come again. The end of a section ends the last one of its
name that is open; one that never ends has no end. What is no mark in plain text begins and ends
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from gateway.upstream.logs.sequences import MARKS, SEQUENCES
from gateway.upstream.logs.text import with_marks, without, without_returns

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from gateway.upstream.logs.blocks import NumberedBlock

__all__ = ["MAX_HEADER_LENGTH", "LogSection", "SectionScan", "Sections"]

MAX_HEADER_LENGTH: Final = 1_000
# What a mark takes of a log beside its name, at least.
MARK_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Sections:
    """The sections that begin first."""

    first: int


class LogSection(Struct):
    """A section: lines are counted from 1, positions are bytes of the log.

    `header` is the plain text beside the mark, None where there is none. `end_line` is the last
    line of the section and `end_byte` the position after it; None while it is open. `duration_s` is
    None too where the times make none.
    """

    name: str
    header: str | None
    start_line: int
    start_byte: int
    started_at: int
    is_collapsed: bool
    end_line: int | None = None
    end_byte: int | None = None
    duration_s: int | None = None


class SectionScan:
    """Finds the sections of a log; remembers no more than are wanted."""

    def __init__(self, wants: Sequence[Sections], hold: Callable[[int], None]) -> None:
        self._hold = hold
        self._most = max((want.first for want in wants), default=0)
        self._sections: list[LogSection] = []
        self._open: dict[str, list[LogSection]] = {}
        # Open ones of these names that are not remembered.
        self._unknown: dict[str, int] = {}

    @property
    def is_done(self) -> bool:
        """Can nothing that comes change what was found?"""
        return not self._open and len(self._sections) >= self._most

    def steps(self, block: NumberedBlock) -> Generator[None, None, None]:
        """Take in the next lines: a step where there are marks."""
        if b"section_" in block.block.raw and not self.is_done:
            self._take(block)
            yield

    def sections(self, want: Sections) -> list[LogSection]:
        """Those that began first, in order."""
        return self._sections[: want.first]

    def _take(self, block: NumberedBlock) -> None:
        text = with_marks(block.block.raw.decode("utf-8", "replace"))
        number, seen = block.first, 0
        is_visible = False
        marks = list(MARKS.finditer(text))
        for mark, following in zip_longest(marks, marks[1:]):
            between = text[seen : mark.start()]
            number += between.count("\n")
            _, line_feed, before = between.rpartition("\n")
            is_visible = _plain(before + "\n") != "" or (is_visible and not line_feed)
            seen = mark.end()
            kind, time, name, options = mark.groups()
            if kind == "end":
                self._end(name, int(time), block, number, is_visible=is_visible)
                continue
            beside, line_feed, _ = text[seen : following and following.start()].partition("\n")
            is_cut = not line_feed and not following
            header = _plain(beside if is_cut else beside + "\n")
            self._begin(
                LogSection(
                    name,
                    header[:MAX_HEADER_LENGTH] or None,
                    start_line=number,
                    start_byte=block.position(number),
                    started_at=int(time),
                    is_collapsed="collapsed=true" in (options or "").split(","),
                )
            )

    def _begin(self, section: LogSection) -> None:
        name = section.name
        if len(self._sections) < self._most:
            self._hold(len(name) + len(section.header or "") + MARK_BYTES)
            self._sections.append(section)
            self._open.setdefault(name, []).append(section)
        elif name in self._open:
            self._unknown[name] = self._unknown.get(name, 0) + 1

    def _end(
        self, name: str, ended_at: int, block: NumberedBlock, number: int, *, is_visible: bool
    ) -> None:
        """A mark that ends a section, at the start of its line unless something `is_visible`
        before it.
        """
        if self._unknown.get(name):
            self._unknown[name] -= 1
            return
        if name not in self._open:
            return
        section = self._open[name].pop()
        if not self._open[name]:
            del self._open[name]
        is_before = not is_visible and number > section.start_line
        section.end_line = number - is_before
        section.end_byte = block.position(section.end_line + 1)
        if ended_at >= section.started_at:
            section.duration_s = ended_at - section.started_at


def _plain(text: str) -> str:
    """What of a line is shown. (It has its end, for that may end a sequence.)"""
    text = without(SEQUENCES, text).removesuffix("\n")
    return without_returns(text, begins_inside=False, ends_inside=False)
