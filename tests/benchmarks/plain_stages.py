"""What a stage's items come to, as one writes it for a page: each time of each item is read."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from tests.benchmarks.plain_values import DateTime, Duration, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["duration_of", "finished_at_of", "started_at_of", "status_of"]


class Timed(Protocol):
    """What is read of an item."""

    status: Status
    allow_failure: bool
    started_at: DateTime | None
    finished_at: DateTime | None
    duration: Duration | None


def status_of(items: Sequence[Timed]) -> Status:
    """What may fail counts as passed where it failed, and not at all where it is manual."""
    found = set()
    for item in items:
        if item.allow_failure and item.status is Status.FAILED:
            found.add(Status.SUCCESS)
        elif not (item.allow_failure and item.status is Status.MANUAL):
            found.add(item.status)
    if not found:
        return Status.SKIPPED
    for status in (Status.RUNNING, Status.MANUAL, Status.FAILED):
        if status in found:
            return status
    return Status.SUCCESS


def started_at_of(items: Sequence[Timed]) -> DateTime | None:
    starts = [item.started_at for item in items if item.started_at]
    return min(starts, key=seconds, default=None)


def finished_at_of(items: Sequence[Timed]) -> DateTime | None:
    """None while one runs."""
    if any(item.started_at and not item.finished_at for item in items):
        return None
    return max([item.finished_at for item in items if item.finished_at], key=seconds, default=None)


def duration_of(items: Sequence[Timed]) -> Duration | None:
    """From the first start to the last end so far, in seconds."""
    starts = [seconds(item.started_at) for item in items if item.started_at]
    ends = [seconds(item.finished_at) for item in items if item.finished_at]
    ends += [
        seconds(item.started_at) + item.duration
        for item in items
        if item.started_at and not item.finished_at and item.duration is not None
    ]
    if not starts or not ends:
        return None
    return Duration(max(round(max(ends) - min(starts), 6), 0.0))


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
