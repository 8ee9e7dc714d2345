"""A value on its way to all who wait for it.

    waiter ──┐
    waiter ──┼── Flight ──── a read (task or future)
    callback ┘

A waiter that is cancelled leaves alone; when the last one has left, the read is stopped. A failure
that nobody waits for any more is no reason to warn. (Futures that are shared as they are do the
opposite of all three.)
"""

from __future__ import annotations

from asyncio import CancelledError, Future
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Coroutine, Generator

__all__ = ["Flight", "launch"]

T = TypeVar("T")


class Flight(Future[T]):
    """A future that is made for sharing.

    `await` it, or add callbacks; who added one and loses interest removes it and calls `cancel`.
    Settled with another future, it follows that one. `stop` is called when nobody is left.
    """

    __slots__ = ("_stop",)

    def __init__(self, loop: AbstractEventLoop, stop: Callable[[], object] | None = None) -> None:
        super().__init__(loop=loop)
        self._stop = stop

    def __await__(self) -> Generator[Any, None, T]:
        if not self.done():
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
        if self.done() or self._callbacks:
            return False
        super().cancel(msg)
        if self._stop is not None:
            self._stop()
        return True

    def set_result(self, result: T | Future[T]) -> None:
        """Settle; a future as the result is followed."""
        if isinstance(result, Future):
            self._stop = partial(self._let_go, result)
            result.add_done_callback(self._land)
        else:
            super().set_result(result)

    def set_exception(self, exception: type[BaseException] | BaseException, /) -> None:
        """Settle with a failure, which waiters may never come for."""
        super().set_exception(exception)
        self.exception()

    def _let_go(self, followed: Future[T]) -> None:
        followed.remove_done_callback(self._land)
        followed.cancel()

    def _land(self, followed: Future[T]) -> None:
        if followed.cancelled():
            super().cancel()
        elif (error := followed.exception()) is not None:
            self.set_exception(error)
        else:
            super().set_result(followed.result())


def launch(loop: AbstractEventLoop, read: Coroutine[Any, Any, T]) -> Flight[T]:
    """Start a read; its value, on its way."""
    flight: Flight[T] = Flight(loop)
    task = loop.create_task(_carry(read, flight))
    flight._stop = task.cancel  # noqa: SLF001 - made here
    return flight


async def _carry(read: Coroutine[Any, Any, T], flight: Flight[T]) -> None:
    try:
        value = await read
    except CancelledError:
        Future.cancel(flight)
        raise
    except Exception as error:  # noqa: BLE001 - the waiters' to handle
        if not flight.done():
            flight.set_exception(error)
    else:
        if not flight.done():
            Future.set_result(flight, value)
