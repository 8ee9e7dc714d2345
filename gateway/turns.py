"""Turns: long work on the event loop's thread, in steps, with the loop turning in between.

All work of a gateway that may be long takes its turns from one `Turns`: however many ask at once,
together they hold the loop for little more than a slice, and the longest takes no more of it than
the others.
"""

from __future__ import annotations

import asyncio
from time import thread_time
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Turns"]

T = TypeVar("T")

# CPU time between two turns of the loop; a step that is longer adds to it.
SLICE_S: Final = 0.005


class Turns:
    """One for all that shares a loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        # Since the loop turned last.
        self._used_s = 0.0

    async def run(self, steps: Generator[None, None, T]) -> T:
        """Run the steps to their end, and give what they return."""
        while True:
            async with self._lock:
                if self._used_s >= SLICE_S:
                    await asyncio.sleep(0)
                if not self._used_s:
                    asyncio.get_running_loop().call_soon(self._turned)
                began = thread_time()
                left_s = SLICE_S - self._used_s
                try:
                    while thread_time() - began < left_s:
                        next(steps)
                except StopIteration as stop:
                    value: T = stop.value
                    return value
                finally:
                    self._used_s += max(thread_time() - began, 1e-9)

    def _turned(self) -> None:
        self._used_s = 0.0
