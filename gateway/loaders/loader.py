"""Loaders: keys that are loaded in one tick of the event loop are planned together.

aiodataloader collects the keys and calls `batch_load_fn` once. There it would settle all keys when
the slowest read is done; so the batch function plans: it groups keys into upstream calls and gives
one future for each key, its flight, which is settled by its own read (architecture.md, every key
on its own).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import aiodataloader
from aiodataloader import DataLoader, dispatch_queue

from gateway.loaders.flight import Flight

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

__all__ = ["Loader"]

K = TypeVar("K")
V = TypeVar("V")


class Loader(DataLoader[K, V]):
    """Reads by key; one read a key, unless `plan` does better."""

    cache = False

    def __init__(self, loop: AbstractEventLoop) -> None:
        # What aiodataloader's own sets, but for its look at whether `batch_load_fn` is a coroutine
        # function, and for what it keeps values in: that is done for each operation.
        self.loop = loop
        self._queue = []
        self.flights: dict[K, Flight[V]] = {}

    def load(self, key: K) -> Flight[V]:
        """The value of a key, on its way; equal keys share it."""
        flight = self.flights.get(key)
        if flight is None or flight.cancelled():
            flight = self.flights[key] = Flight(loop=self.loop)
            known = self.known(key)
            if known is None:
                self.do_resolve_reject(key, flight)
            else:
                flight.set_result(known)
        return flight

    def do_resolve_reject(self, key: K, future: Future[V]) -> None:
        """Put a key into the queue. The loop's second turn takes them, as with aiodataloader's own,
        so that those of resolvers that are coroutines are there; but no task is made for waiting.
        """
        self._queue.append(aiodataloader.Loader(key, future))
        if len(self._queue) == 1:
            self.loop.call_soon(self.loop.call_soon, dispatch_queue, self)

    async def batch_load_fn(self, keys: list[K]) -> list[Flight[V]]:  # type: ignore[override]
        """Start the reads for the keys that somebody still waits for; each key's own future. The
        first of the reads by key is done here, in the batch's task.
        """
        flights = [self.flights[key] for key in keys]
        singly = self.plan(
            {key: flight for key, flight in zip(keys, flights, strict=True) if not flight.done()}
        )
        if singly:
            (first, flight), *others = singly.items()
            for key, other in others:
                other.carry(self.read(key))
            await flight.bring(self.read(first))
        return flights

    def plan(self, wanted: dict[K, Flight[V]]) -> dict[K, Flight[V]]:
        """Start the reads that settle several of these flights; those to be read by key."""
        return wanted

    def known(self, key: K) -> V | None:  # noqa: ARG002 - for loaders that look somewhere first
        """The value of a key where it was read already."""
        return None

    async def read(self, key: K) -> V:
        """Read one key by itself."""
        raise NotImplementedError
