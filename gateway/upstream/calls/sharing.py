"""How the pace of one credential begins to be shared.

The first call asks the store which limiters the other replicas know. Where they know none either,
a few *scouts* go ahead, and all others wait for the first answer, but not for long: what it tells
comes too late for calls that are under way already.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from gateway.upstream.calls.shared_limiter import SharedLimiter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.upstream.calls.call import Call
    from gateway.upstream.calls.limiter import Limiter
    from gateway.upstream.calls.shared_pace import Named, SharedPace

__all__ = ["Sharing"]

# Of each replica. What they use up unseen is less than the tenth of a limit that is spread.
SCOUTS: Final = 2
WAIT_S: Final = 3.0


class Sharing:
    """One credential's, by the fingerprint of its `owner`. It `has_begun` once an answer came."""

    __slots__ = ("_asking", "_owner", "_pace", "_scouts", "_waiting", "has_begun")

    def __init__(self, owner: str, pace: SharedPace) -> None:
        self._owner = owner
        self._pace = pace
        self.has_begun = False
        self._asking: asyncio.Future[Sequence[Named]] | None = None
        self._scouts = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def limiter(self, name: str, *, is_general: bool) -> Limiter:
        """A new limiter, shared by all."""
        return SharedLimiter(name, is_general=is_general, owner=self._owner, pace=self._pace)

    async def known(self) -> Sequence[Named]:
        """The limiters that other replicas know; they are asked once. Raises no error."""
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_future()
            found: Sequence[Named] = ()
            try:
                found = await self._pace.known(self._owner)
            finally:
                self._asking.set_result(found)
            return found
        return await asyncio.shield(self._asking)

    async def go_ahead(self, call: Call) -> bool:
        """Wait until a call may go: True as a scout, to `come_back`. Scouts that are slow hold up
        nobody for longer than a moment.
        """
        loop = asyncio.get_running_loop()
        until = min(loop.time() + WAIT_S, call.scope.deadline)
        while not self.has_begun and self._scouts >= SCOUTS:
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append(turn)
            try:
                async with asyncio.timeout_at(until):
                    await turn
            except TimeoutError:
                return False
            finally:
                if turn in self._waiting:
                    self._waiting.remove(turn)
        if self.has_begun:
            return False
        self._scouts += 1
        return True

    def come_back(self, *, is_answered: bool) -> None:
        """A scout has ended; all others may go if it was answered, else one more scout."""
        self._scouts -= 1
        self.has_begun = self.has_begun or is_answered
        ready = list(self._waiting) if self.has_begun else [*self._waiting][:1]
        for turn in ready:
            if not turn.done():
                turn.set_result(None)
