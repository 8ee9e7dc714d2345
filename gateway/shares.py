"""Shares: CPU of work that may be long, dealt out to callers in turn.

What a caller asks for the first time (a document, a plan) has to be made on the event loop's
thread, where all others are served. So such work is done in slices: all callers together get half
of the CPU for it at most, each of them the same part whatever they ask for, and between two slices
the loop turns and serves what has come.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from time import thread_time
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable

__all__ = ["Shares"]

T = TypeVar("T")

# CPU time of one slice; a step that is longer adds to it.
SLICE_S: Final = 0.002
# How long nothing is done after a slice, for each second that it took.
REST: Final = 1.0


class Shares:
    """One for all that shares a loop."""

    def __init__(self) -> None:
        self._is_taken = False
        # By the loop's clock: before it no slice begins.
        self._rested_at = 0.0
        # Who waits for a slice: by caller, the one whose turn comes next first.
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    async def run(self, caller: Hashable, steps: Generator[None, None, T], deadline: float) -> T:
        """Run the steps to their end, and give what they return.

        `deadline` is a time of the running loop's clock; raises `TimeoutError` when it has passed
        and not all steps are done.
        """
        loop = asyncio.get_running_loop()
        try:
            while True:
                async with asyncio.timeout_at(deadline):
                    await self._turn(caller, loop)
                began = thread_time()
                try:
                    while thread_time() - began < SLICE_S:
                        next(steps)
                except StopIteration as stop:
                    value: T = stop.value
                    return value
                finally:
                    self._rested_at = loop.time() + REST * (thread_time() - began)
                    self._pass_on()
                if loop.time() > deadline:
                    raise TimeoutError
        finally:
            steps.close()

    async def _turn(self, caller: Hashable, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for the next slice."""
        turn: asyncio.Future[None] = loop.create_future()
        if self._is_taken:
            self._waiting.setdefault(caller, deque()).append(turn)
        else:
            self._is_taken = True
            turn.set_result(None)
        try:
            await turn
            rest_s = self._rested_at - loop.time()
            if rest_s > 0:
                await asyncio.sleep(rest_s)
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Give the next slice to the caller whose turn it is."""
        while self._waiting:
            caller, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[caller] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self._is_taken = False
