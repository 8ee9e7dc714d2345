"""How long a poller waits: little while its subject changes, longer while it does not."""

from __future__ import annotations

from dataclasses import dataclass
from random import random
from typing import TYPE_CHECKING, Final

from gateway.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.errors import UpstreamError

__all__ = ["Interval", "Pacing"]

# An idle subject's interval grows by half each time, a failing one's doubles.
IDLE_GROWTH: Final = 1.5
FAULT_GROWTH: Final = 2.0
# Where the upstream says stop, but not for how long: its limits are by the minute.
LIMITED_S: Final = 60.0
# Longer times that an upstream tells are not believed.
MOST_LIMITED_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Pacing:
    """The bounds of all intervals, in seconds: no poll comes sooner after another than `least_s`,
    and none later than `most_s`, but for `jitter`, the part of an interval that is drawn on top so
    that pollers do not march in step. `draw` gives numbers from 0 to 1.
    """

    least_s: float = 2.0
    most_s: float = 15.0
    jitter: float = 0.1
    draw: Callable[[], float] = random


class Interval:
    """The interval of one poller."""

    def __init__(self, pacing: Pacing) -> None:
        self._pacing = pacing
        self._now_s = pacing.least_s

    def after(
        self, *, changed: bool, fault: UpstreamError | None = None, most_s: float | None = None
    ) -> float:
        """Seconds until the next poll, after one that ended so. While nothing changes it comes no
        later than `most_s`, where that is given.
        """
        pacing = self._pacing
        idle_s = pacing.most_s if most_s is None else max(most_s, pacing.least_s)
        if isinstance(fault, RateLimited):
            told_s = LIMITED_S if fault.retry_after_s is None else fault.retry_after_s
            return max(min(told_s, MOST_LIMITED_S), pacing.least_s) + pacing.draw()
        if fault is not None:
            self._now_s = min(self._now_s * FAULT_GROWTH, pacing.most_s)
        elif changed:
            self._now_s = pacing.least_s
        else:
            self._now_s = min(self._now_s * IDLE_GROWTH, idle_s)
        return self._now_s * (1 + pacing.jitter * pacing.draw())
