"""Turns: long work on the event loop's thread, in steps, with the loop turning in between.

All work of a gateway that may be long takes its turns from one `Turns`: however many ask at once,
together they hold the loop for little more than a slice, and the longest takes no more of it than
the others. After a slice the loop turns so often that what others ask is answered meanwhile, though
not for longer than the slice took: long work gets at least half of the time. A step may give work
that lets go of the interpreter and has no shorter steps: a thread does it beside the loop, one
piece of work at a time.
"""

from __future__ import annotations

import asyncio
from time import thread_time
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Generator

__all__ = ["Turns", "Work", "finished"]

T = TypeVar("T")
Work: TypeAlias = "Callable[[], None]"

# CPU time between two turns of the loop; a step that is longer adds to it. An operation of another
# caller meets a slice or two: where it comes, and where its upstream answers.
SLICE_S: Final = 0.002
# Turns of the loop after a slice: from the request of one job to its answer it takes up to nine.
TURNS: Final = 10


def finished(steps: Generator[None, None, T]) -> T:
    """What the steps return, all of them taken at once."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            value: T = stop.value
            return value


class Turns:
    """One for all that shares a loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._thread_is_free = asyncio.Lock()
        # Since the loop turned last.
        self._used_s = 0.0

    async def run(self, steps: Generator[Work | None, None, T]) -> T:
        """Run the steps to their end, and give what they return."""
        work: Work | None = None
        while True:
            if work is not None:
                await self._beside(work)
            async with self._lock:
                if self._used_s >= SLICE_S:
                    await self._let_others()
                if not self._used_s:
                    asyncio.get_running_loop().call_soon(self._turned)
                began = thread_time()
                left_s = SLICE_S - self._used_s
                work = None
                try:
                    while work is None and thread_time() - began < left_s:
                        work = next(steps)
                except StopIteration as stop:
                    value: T = stop.value
                    return value
                finally:
                    self._used_s += max(thread_time() - began, 1e-9)

    async def _let_others(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._used_s
        for _ in range(TURNS):
            await asyncio.sleep(0)
            if loop.time() >= until:
                return

    async def _beside(self, work: Work) -> None:
        """Do the work on a thread. Who leaves does not end it: the next waits until it has."""
        await self._thread_is_free.acquire()
        doing = asyncio.get_running_loop().run_in_executor(None, work)
        doing.add_done_callback(self._free_thread)
        await asyncio.shield(doing)

    def _free_thread(self, done: Future[None]) -> None:
        self._thread_is_free.release()
        if not done.cancelled():
            # Known, though nobody may be there any more.
            done.exception()

    def _turned(self) -> None:
        self._used_s = 0.0
