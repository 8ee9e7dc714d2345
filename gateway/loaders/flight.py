"""Flights, and the loaders that give one for each key (architecture.md, every key on its own).

A `Flight` is a value on its way to all who wait for it.

    waiter ──┐
    waiter ──┼── Flight ◄── whatever reads it (`stop` calls that off)
    callback ┘

A waiter that is cancelled leaves alone; when the last one has left, the read is stopped. A failure
that nobody waits for any more is no reason to warn. (Futures that are shared as they are do the
opposite of all three.)

An offered read starts by itself, in a task, when the loop turns. Until then somebody who has
nothing else to wait for can take it over (`drive`).

A `Loader` plans what is asked of it in one tick of the event loop: it groups keys into upstream
calls and gives the flight of each key, which is settled by its own read. It stands in the place of
aiodataloader's, which collects keys the same way, and settles all of them when the slowest read is
done. What reads a single key can be taken over, too.
"""

from __future__ import annotations

from asyncio import CancelledError, Future, ensure_future
from typing import TYPE_CHECKING, Any, TypeVar

from aiodataloader import DataLoader

from gateway.errors import GatewayError
from gateway.frames import without_frames

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable

__all__ = ["Flight", "Loader", "launch", "offer", "outcomes"]

K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V")


class Flight(Future[T]):
    """A future that is made for sharing.

    `await` it, or add callbacks; who added one and loses interest removes it and calls `cancel`.
    `asyncio.gather` does not remove its own, so it would keep a read going: several flights are
    under way already, await one after the other (`outcomes`).
    """

    # Calls off what is to settle it. A default of the class, so that C alone makes a flight.
    stop: Callable[[], object] | None = None
    # A read that has not started.
    offered: Coroutine[Any, Any, T] | None = None
    # Whose queue begins with its key.
    loader: Loader[Any, T] | None = None
    # One that a task is to begin.
    _unbegun: Coroutine[Any, Any, T] | None = None
    _is_driven = False

    def __await__(self) -> Generator[Any, None, T]:
        if not self.done():
            if self.offered is not None:
                self.start()
            # A future of the waiter's own: cancelling it does not touch the others.
            waiter: Future[None] = self.get_loop().create_future()

            def wake(_: Future[T]) -> None:
                if not waiter.done():
                    waiter.set_result(None)

            self.add_done_callback(wake)
            try:
                yield from waiter
            except CancelledError:
                self.remove_done_callback(wake)
                self.cancel()
                raise
        return self.result()

    def cancel(self, msg: Any | None = None) -> bool:
        """Leave: stops the read unless somebody else waits for it."""
        if self.done() or self._callbacks or self._is_driven:
            return False
        super().cancel(msg)
        if self.offered is not None:
            self.offered.close()
            self.offered = None
        if self.stop is not None:
            self.stop()
        if self._unbegun is not None:
            self._unbegun.close()
            self._unbegun = None
        return True

    def set_exception(self, exception: type[BaseException] | BaseException, /) -> None:
        """Settle with a failure, which waiters may never come for. Of one of ours the frames tell
        nothing, and hold the answer that failed.
        """
        if isinstance(exception, GatewayError):
            without_frames(exception)
        super().set_exception(exception)
        self.exception()

    def carry(self, read: Coroutine[Any, Any, T]) -> None:
        """Start the read that settles it, in a task of its own."""
        self._unbegun = read
        self.stop = self.get_loop().create_task(self._bring(read)).cancel

    def start(self) -> None:
        """Start what was offered, if nobody has yet."""
        if self.offered is not None:
            read, self.offered = self.offered, None
            self.carry(read)

    def take(self) -> Coroutine[Any, Any, T] | None:
        """The read that settles it, for the caller to `drive`; None where it is not to be had: it
        has begun, or goes with others.
        """
        if self.loader is not None:
            return self.loader.take_only(self)
        read, self.offered = self.offered, None
        return read

    async def drive(self, read: Coroutine[Any, Any, T]) -> None:
        """Do the read that was taken in the caller's own task. Others can wait for it meanwhile,
        but cancelling this caller cancels it for all.
        """
        self._is_driven = True
        await self._bring(read)

    async def _bring(self, read: Coroutine[Any, Any, T]) -> None:
        self._unbegun = None
        try:
            value = await read
        except CancelledError:
            super().cancel()
            raise
        except Exception as error:  # noqa: BLE001 - the waiters' to handle
            if not self.done():
                self.set_exception(error)
        else:
            if not self.done():
                self.set_result(value)


async def outcomes(reads: Iterable[Awaitable[T]]) -> list[T | Exception]:
    """The values of reads that are under way, in order; the exception where one fails. When this is
    cancelled, it leaves them all.
    """
    futures = iter([read if isinstance(read, Future) else ensure_future(read) for read in reads])
    found: list[T | Exception] = []
    try:
        for future in futures:
            try:
                found.append(await future)
            except Exception as error:  # noqa: BLE001 - told in its place
                # With its frames it would hold this one, and all that is found here.
                found.append(without_frames(error) if isinstance(error, GatewayError) else error)
    except CancelledError:
        for future in futures:
            future.cancel()
        raise
    return found


def launch(loop: AbstractEventLoop, read: Coroutine[Any, Any, T]) -> Flight[T]:
    """Start a read; its value, on its way."""
    flight: Flight[T] = Flight(loop=loop)
    flight.carry(read)
    return flight


def offer(loop: AbstractEventLoop, read: Coroutine[Any, Any, T]) -> Flight[T]:
    """Start a read when the loop turns, unless it is taken over; its value, on its way."""
    flight: Flight[T] = Flight(loop=loop)
    flight.offered = read
    loop.call_soon(flight.start)
    return flight


class Loader(DataLoader[K, V]):
    """Reads by key; one read a key, unless `plan` does better."""

    cache = False

    def __init__(self, loop: AbstractEventLoop) -> None:
        # What aiodataloader's own sets, but for its look at whether `batch_load_fn` is a coroutine
        # function, and for what it keeps values in: that is done for each operation.
        self.loop = loop
        self._keys: list[K] = []
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

    def do_resolve_reject(self, key: K, future: Flight[V]) -> None:  # type: ignore[override]  # its futures
        """Put a key into the queue. The loop's second turn takes them, as with aiodataloader's own,
        so that those of resolvers that are coroutines are there; but no task is made for waiting.
        """
        self._keys.append(key)
        if len(self._keys) == 1:
            future.loader = self
            self.loop.call_soon(self.loop.call_soon, self._dispatch)

    def _dispatch(self) -> None:
        """Start the reads for the keys that somebody still waits for, unless they were taken."""
        if self._keys:
            for key, flight in self._planned().items():
                flight.carry(self.read(key))

    def _planned(self) -> dict[K, Flight[V]]:
        """Plan what is in the queue; those to be read by key."""
        keys, self._keys = self._keys, []
        wanted: dict[K, Flight[V]] = {}
        for key in keys:
            flight = self.flights[key]
            # It knows its loader no longer, or both would wait for the collector.
            flight.loader = None
            if not flight.done():
                wanted[key] = flight
        try:
            return self.plan(wanted) if wanted else {}
        except Exception as error:  # noqa: BLE001 - the waiters' to handle
            for flight in wanted.values():
                if not flight.done():
                    flight.set_exception(error)
            return {}

    def take_only(self, flight: Flight[V]) -> Coroutine[Any, Any, V] | None:
        """The read of this flight's key, to be done by the caller, if no other key is in the queue;
        None where others are, or where it is no read by key.
        """
        if len(self._keys) != 1 or self.flights[self._keys[0]] is not flight:
            return None
        for key in self._planned():
            return self.read(key)
        return None

    def plan(self, wanted: dict[K, Flight[V]]) -> dict[K, Flight[V]]:
        """Start the reads that settle several of these flights; those to be read by key."""
        return wanted

    def known(self, key: K) -> V | None:  # noqa: ARG002 - for loaders that look somewhere first
        """The value of a key where it was read already."""
        return None

    async def read(self, key: K) -> V:
        """Read one key by itself."""
        raise NotImplementedError
