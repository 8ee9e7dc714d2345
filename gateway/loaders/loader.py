"""Loaders: keys that are loaded in one tick of the event loop are planned together.

aiodataloader collects the keys and calls `batch_load_fn` once. There it would settle all keys when
the slowest read is done; so the batch function only plans: it groups keys into upstream calls and
gives one future for each key, its flight, which is settled by its own read (design, decision 4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from aiodataloader import DataLoader

from gateway.loaders.flight import Flight

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["Loader"]

K = TypeVar("K")
V = TypeVar("V")


class Loader(DataLoader[K, V]):
    """Reads by key; one read a key, unless `plan` does better."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.flights: dict[K, Flight[V]] = {}
        super().__init__(loop=loop, cache=False)

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

    async def batch_load_fn(self, keys: list[K]) -> list[Flight[V]]:  # type: ignore[override]
        """Start the reads for the keys that somebody still waits for; each key's own future."""
        flights = [self.flights[key] for key in keys]
        self.plan(
            {key: flight for key, flight in zip(keys, flights, strict=True) if not flight.done()}
        )
        return flights

    def plan(self, wanted: dict[K, Flight[V]]) -> None:
        """Start the reads that settle these flights."""
        for key, flight in wanted.items():
            flight.carry(self.read(key))

    def known(self, key: K) -> V | None:  # noqa: ARG002 - for loaders that look somewhere first
        """The value of a key where it was read already."""
        return None

    async def read(self, key: K) -> V:
        """Read one key by itself."""
        raise NotImplementedError
