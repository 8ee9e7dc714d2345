"""Feeds: what one listener has not taken yet, in bounded memory.

A listener that is slow gets the newest states, and is told how many it missed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from msgspec import Struct

from gateway.errors import GatewayError
from gateway.watch.changes import Change

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ChangeFeed", "Event", "Feed"]

T = TypeVar("T")

STATES_KEPT: Final = 16


class Event(Struct, Generic[T], eq=False):
    """A state of a subject, or an error: of an upstream that fails for now, or the last thing that
    is told of it. `missed` are the states before it that were dropped, since the listener was slow.
    """

    value: T | GatewayError
    missed: int = 0
    is_last: bool = False


class Feed(Generic[T]):
    """The states of one subject for one listener, which takes them with `next` and leaves with
    `close`.
    """

    def __init__(self) -> None:
        self.has_begun = False
        """Has it been given a state?"""
        self.leave: Callable[[], object] = _nothing
        """Tells the poller that the listener has left."""
        self._events: deque[Event[T]] = deque()
        self._missed = 0
        self.is_closed = False
        """Will nothing more come?"""
        self._waker: asyncio.Future[None] | None = None

    def put(self, value: T | GatewayError, *, is_last: bool = False) -> None:
        """Tell a state or an error."""
        if not isinstance(value, GatewayError):
            self.has_begun = True
        self._add(value, is_last=is_last)
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    def fail(self, error: GatewayError) -> None:
        """Tell an error that may pass, unless the listener has left."""
        if not self.is_closed:
            self.put(error)

    async def next(self) -> Event[T] | None:
        """The next event; None once nothing more will come. One at a time may wait here."""
        while not self._events:
            if self.is_closed:
                return None
            self._waker = asyncio.get_running_loop().create_future()
            try:
                await self._waker
            finally:
                self._waker = None
        event = self._events.popleft()
        event.missed, self._missed = self._missed, 0
        if event.is_last:
            self.is_closed = True
        return event

    def end(self) -> None:
        """Nothing more will come, after what waits."""
        self.is_closed = True
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    def close(self) -> None:
        """Listen no more."""
        self._events.clear()
        self.end()
        self.leave()

    def _add(self, value: T | GatewayError, *, is_last: bool) -> None:
        if len(self._events) >= STATES_KEPT:
            self._events.popleft()
            self._missed += 1
        self._events.append(Event(value, is_last=is_last))


class ChangeFeed(Feed[Change]):
    """The changes of a pipeline. Those that wait become one, so none is lost."""

    def _add(self, value: Change | GatewayError, *, is_last: bool) -> None:
        if isinstance(value, Change) and self._events:
            waiting = self._events[-1].value
            if isinstance(waiting, Change):
                self._events.pop()
                self._missed += 1
                value = value.after(waiting)
        super()._add(value, is_last=is_last)


def _nothing() -> None:
    """Nobody to tell."""
