"""The world's time. It stands still and is driven, or it follows a source."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EPOCH", "Clock", "seconds", "timestamp"]

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
"""The time in a fresh world that is driven, so that bodies are the same in every run."""


_FIRST_DAY = date(1970, 1, 1).toordinal()


def timestamp(at: float) -> str:
    """Epoch seconds as the API writes them: `2026-11-01T00:00:00.000Z`."""
    day, ms = divmod(round(at * 1e6) // 1000, 86_400_000)
    second, ms = divmod(ms, 1000)
    minute, second = divmod(second, 60)
    return f"{_date(day)}T{minute // 60:02}:{minute % 60:02}:{second:02}.{ms:03}Z"


@lru_cache(maxsize=1024)
def _date(day: int) -> str:
    return date.fromordinal(_FIRST_DAY + day).isoformat()


def seconds(text: str) -> float:
    """Epoch seconds of an API timestamp with any offset."""
    return datetime.fromisoformat(text).timestamp()


class Clock:
    """Epoch seconds: a source's (or a fixed start) plus what `skip` has added."""

    def __init__(self, start: datetime, source: Callable[[], datetime] | None = None) -> None:
        self._start = start.timestamp()
        self._source = source
        self.skipped_s = 0.0
        """By how much the clock is ahead of its source."""
        self.held_at: float | None = None
        """While the simulated runner catches up: the time of the step it takes."""

    def now(self) -> float:
        if self.held_at is not None:
            return self.held_at
        base = self._start if self._source is None else self._source().timestamp()
        return base + self.skipped_s

    def text(self) -> str:
        return timestamp(self.now())

    def skip(self, by_s: float) -> None:
        self.skipped_s += by_s
