"""An event loop on which what is waited for settles in a fixed order, driven by idleness instead of
time.

A fake upstream hands its answers to the loop's `Settler` with a rank. Whenever the loop has nothing
left to do, the lowest rank settles. So an executor has always asked for all it can ask for before
the next answer comes, and two executors that ask for the same things get them in the same order.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import selectors
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, TypeVarTuple, Unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

__all__ = ["SettlingLoop", "settling_loop"]

Rank: TypeAlias = tuple[Any, ...]
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Settler(selectors.DefaultSelector):
    """A selector of which the loop asks what to do when it is idle."""

    def __init__(self) -> None:
        super().__init__()
        self.due: list[tuple[Rank, Callable[[], None]]] = []

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout != 0:
            assert self.due, "the loop waits for something that nothing will settle"
            _, settle = heapq.heappop(self.due)
            settle()
        events: list[Any] = super().select(0)
        return events


class SettlingLoop(asyncio.SelectorEventLoop):
    """The loop; `settle(rank, act)` has `act` called when it is its turn. Ranks are distinct."""

    def __init__(self) -> None:
        self._settler = Settler()
        super().__init__(self._settler)

    def settle(self, rank: Rank, act: Callable[[], None]) -> None:
        heapq.heappush(self._settler.due, (rank, act))

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Done at once: while a thread works, the loop would be idle and settle too early."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            done.set_exception(error)
        return done

    def when_settled(self) -> asyncio.Future[None]:
        """Settles after all that is due, and all that comes of it."""
        last = self.create_future()
        self.settle((math.inf,), lambda: last.set_result(None))
        return last

    def drain(self) -> None:
        self.run_until_complete(self.when_settled())


@contextmanager
def settling_loop() -> Iterator[SettlingLoop]:
    loop = SettlingLoop()
    try:
        yield loop
    finally:
        loop.close()
