"""What all pollers share: the client, time, intervals, and the order of their rounds."""

from __future__ import annotations

import asyncio
import math
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from gateway.upstream.credential import owner_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.upstream.client import Client
    from gateway.upstream.credential import Credential
    from gateway.watch.clock import Clock
    from gateway.watch.interval import Pacing

__all__ = ["CALLS_AT_ONCE", "Rounds", "Surroundings"]

CALLS_AT_ONCE: Final = 4


class Rounds:
    """The rounds of one credential's pollers: so many at once, in order of asking, and of all
    credentials' as many as `beyond` lets in. Enter it for one.
    """

    def __init__(self, at_once: int, beyond: asyncio.Semaphore) -> None:
        self._own = asyncio.Semaphore(at_once)
        self._beyond = beyond

    async def __aenter__(self) -> None:
        await self._own.acquire()
        try:
            await self._beyond.acquire()
        except BaseException:
            self._own.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._beyond.release()
        self._own.release()


class Surroundings:
    """Made once; `forget` is told of pollers that have stopped, `settle` of those that may know
    their pipeline now.

    At most `rounds_at_once` rounds are under way for one credential, four times as many for all
    together, and `CALLS_AT_ONCE` calls in each. A round takes `poll_timeout_s` at most. Where
    replicas share, `together` makes what a poller goes together with others by (`Company`).
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        pacing: Pacing,
        *,
        forget: Callable[[Any], object],
        settle: Callable[[Any], object],
        poll_timeout_s: float = 30.0,
        rounds_at_once: int = 4,
        together: Callable[[Any], Any] | None = None,
    ) -> None:
        self.client = client
        self.together = together
        self.returned_at = -math.inf
        """When others could be heard again: what they told before may be older than what was shown
        here meanwhile.
        """
        self.clock = clock
        self.pacing = pacing
        self.forget = forget
        self.settle = settle
        self.poll_timeout_s = poll_timeout_s
        self._rounds_at_once = rounds_at_once
        self._all = asyncio.Semaphore(4 * rounds_at_once)
        # They live as long as a poller of theirs.
        self._rounds: WeakValueDictionary[str, Rounds] = WeakValueDictionary()
        self._numbers = count(1)

    def rounds(self, credential: Credential | None) -> Rounds:
        """Those of a credential's pollers."""
        owner = owner_of(credential)
        rounds = self._rounds.get(owner)
        if rounds is None:
            rounds = self._rounds[owner] = Rounds(self._rounds_at_once, self._all)
        return rounds

    def request_id(self) -> str:
        """A name for the calls of one round, as the upstream and the records see them."""
        return f"watch-{next(self._numbers):x}"
