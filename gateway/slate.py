"""A slate: numbers that the workers of one gateway share, in memory that each of them maps.

    totals   workers wanted, workers that are up                       written by the parent
    row      connections taken, connections open, last change of all   written by one worker,
             last change by place, PLACES of them                      read by all

Everybody writes numbers of their own only, each of them whole (8 bytes), so nobody waits for
anybody, and a process that is killed leaves nothing half done. What changed, a *subject*, has a
place by its hash: two of one place only make each other be read anew. Times are those of
`time.monotonic`, which all processes of a machine share, and event loops with them.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Changes", "Slate", "Subject"]

# A number is its own hash; a text's is the same in all processes.
Subject: TypeAlias = str | int

PLACES: Final = 4_096
_WANTED, _UP = 0, 1
_TOTALS: Final = 2
_TAKEN, _OPEN, _LATEST = 0, 1, 2
_FIRST_PLACE: Final = 3
_ROW: Final = _FIRST_PLACE + PLACES


class Slate:
    """A slate of so many rows in the file of a descriptor, of which `row` is one's own."""

    def __init__(self, descriptor: int, rows: int, row: int = 0) -> None:
        self.descriptor = descriptor
        self.rows = rows
        self._map = mmap.mmap(descriptor, 8 * (_TOTALS + rows * _ROW))
        self._numbers: memoryview[float] = memoryview(self._map).cast("d")
        self._own = _TOTALS + row * _ROW

    @classmethod
    def make(cls, rows: int) -> Slate:
        """A new one, in a file that has no name."""
        with tempfile.TemporaryFile() as file:
            os.ftruncate(file.fileno(), 8 * (_TOTALS + rows * _ROW))
            return cls(os.dup(file.fileno()), rows)

    def close(self) -> None:
        """Use it no more."""
        self._numbers.release()
        self._map.close()
        os.close(self.descriptor)

    # -- the parent's ------------------------------------------------------------------------------

    def tell_workers(self, *, wanted: int, up: int) -> None:
        """How many workers there should be, and are."""
        self._numbers[_WANTED], self._numbers[_UP] = wanted, up

    def open_row(self, row: int) -> None:
        """A row is about to be another worker's. Its changes stay: they did happen."""
        first = _TOTALS + row * _ROW
        self._numbers[first + _TAKEN] = self._numbers[first + _OPEN] = 0

    def connections_of(self, row: int) -> tuple[int, int]:
        """How many connections the worker of a row has taken since it began, and has open."""
        first = _TOTALS + row * _ROW
        return int(self._numbers[first + _TAKEN]), int(self._numbers[first + _OPEN])

    # -- a worker's --------------------------------------------------------------------------------

    @property
    def workers(self) -> tuple[int, int]:
        """How many workers are wanted, and how many are up."""
        return int(self._numbers[_WANTED]), int(self._numbers[_UP])

    def count(self, taken: int, is_open: int) -> None:
        """So many connections were taken since this began, and are open."""
        self._numbers[self._own + _TAKEN], self._numbers[self._own + _OPEN] = taken, is_open

    def changes(self, clock: Callable[[], float] = monotonic) -> Changes:
        """What has changed, as far as any worker told."""
        return Changes(self._numbers, self._own, self.rows, clock)


class Changes:
    """When what callers see has changed last, by subject, whichever worker knows of it."""

    def __init__(
        self, numbers: memoryview[float], own: int, rows: int, clock: Callable[[], float]
    ) -> None:
        self._numbers = numbers
        self._own = own
        self._firsts = [_TOTALS + row * _ROW for row in range(rows)]
        self._clock = clock

    def now(self) -> float:
        """The time, to ask later what has changed since."""
        return self._clock()

    def note(self, subject: Subject, at: float = 0.0) -> None:
        """It has changed now, or `at` a time that lies ahead. All workers know when this returns.

        Now is asked of the clock: an event loop's may lag, and what another worker has begun to
        read meanwhile would count as begun later.
        """
        at = max(at, self._clock())
        numbers, place = self._numbers, self._own + _FIRST_PLACE + _place_of(subject)
        numbers[place] = max(numbers[place], at)
        numbers[self._own + _LATEST] = max(numbers[self._own + _LATEST], at)

    def since(self, time: float, *subjects: Subject) -> bool:
        """May any of these have changed at this time or later?"""
        numbers = self._numbers
        rows = [first for first in self._firsts if numbers[first + _LATEST] >= time]
        if not rows:
            return False
        places = [_FIRST_PLACE + _place_of(subject) for subject in subjects]
        return any(numbers[first + place] >= time for first in rows for place in places)


def _place_of(subject: Subject) -> int:
    number = subject if isinstance(subject, int) else crc32(subject.encode(errors="replace"))
    return number % PLACES
