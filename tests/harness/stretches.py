"""How long work holds the event loop: the most CPU time between two turns of it.

    stretch, answer = await shortest_stretch(lambda: api(query), limit_s=STRETCH_S)

    assert stretch < STRETCH_S

On a machine that others keep busy the same work takes several times its CPU time: caches are cold,
and a core is shared. So a test measures up to five times and looks at the best, and times are those
of a reference machine: a loop of known work is measured beside them. Tests that measure are marked
`timed`, and run without coverage's tracer.
"""

from __future__ import annotations

import asyncio
import gc
from time import thread_time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["TRIES", "reference_s", "shortest_stretch"]

TRIES = 5
# What the loop of known work takes on the reference machine.
KNOWN_WORK_S = 0.003
Value = TypeVar("Value")


async def shortest_stretch(
    work: Callable[[], Awaitable[Value]], *, limit_s: float
) -> tuple[float, Value]:
    """The longest stretch of the try in which it was shortest, in reference seconds, and what the
    last try gave. Trying ends with the first below the limit; each try does `work` anew.
    """
    shortest = float("inf")
    for _ in range(TRIES):
        # Neither is garbage of other tests this work's, nor what they keep.
        gc.collect()
        gc.freeze()
        try:
            stretch, value = await _longest_stretch(work())
        finally:
            gc.unfreeze()
        shortest = min(shortest, reference_s(stretch))
        if shortest < limit_s:
            break
    return shortest, value


def reference_s(measured_s: float) -> float:
    """CPU seconds that were measured just now, as seconds of the reference machine."""
    return measured_s * min(1.0, KNOWN_WORK_S / _known_work_s())


async def _longest_stretch(work: Awaitable[Value]) -> tuple[float, Value]:
    working = asyncio.ensure_future(work)
    longest, last = 0.0, thread_time()
    while not working.done():
        await asyncio.sleep(0)
        now = thread_time()
        longest, last = max(longest, now - last), now
    return longest, await working


def _known_work_s() -> float:
    started = thread_time()
    kept: dict[int, str] = {}
    for number in range(20_000):
        kept[number % 1_000] = str(number)
    return thread_time() - started
