"""How long a command to the store is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["GRACE_TURNS", "PATIENCE_S", "SILENT_TIMES", "Patience"]

PATIENCE_S: Final = 0.01
# After so many times that without any answer it is away: busy machines pause anybody for a moment.
SILENT_TIMES: Final = 5
# What the loop may need to give an answer that has come to who waits for it.
GRACE_TURNS: Final = 8
# As often a timer that was late itself, since the loop was busy, is set again.
MAX_LATE: Final = 3


class Patience:
    """How long one command is waited for: `times` a patience. Then `give_up` is called with its
    future and the time at which it was asked. A loop that was busy may be late itself: what it has
    not looked at yet counts as in time.
    """

    __slots__ = (
        *("_asked_at", "_due", "_future", "_give_up", "_late", "_loop", "_patience_s"),
        *("_timer", "_turns"),
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        future: asyncio.Future[Any],
        give_up: Callable[[asyncio.Future[Any], float], None],
        patience_s: float,
        times: int,
    ) -> None:
        self._loop = loop
        self._future = future
        self._give_up = give_up
        self._patience_s = patience_s
        self._turns = self._late = 0
        self._asked_at = loop.time()
        self._due = self._asked_at + times * patience_s
        self._timer: asyncio.Handle = loop.call_at(self._due, self._look)

    def end(self) -> None:
        """It has been answered, or nobody waits any more."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._future.done():
            return
        now = self._loop.time()
        is_late = now - self._due > self._patience_s / 2
        if self._turns == 0 and is_late and self._late < MAX_LATE:
            self._late += 1
            self._due = now + self._patience_s
            self._timer = self._loop.call_at(self._due, self._look)
        elif self._turns < GRACE_TURNS:
            self._turns += 1
            self._timer = self._loop.call_soon(self._look)
        else:
            self._give_up(self._future, self._asked_at)
