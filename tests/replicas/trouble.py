"""What befalls replicas and store while callers ask, drawn at random."""

from __future__ import annotations

import asyncio
import signal
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from random import Random

    from tests.harness.redis import RedisServer
    from tests.replicas.servers import Replica

__all__ = ["Trouble"]

PAUSE_S = (1.0, 4.0)
FROZEN_S = (0.2, 4.0)
# What a store that has just come back may need to be found again.
FOUND_AGAIN_S = 5.0


class Trouble:
    """Troubles all but the first replica, whose memory is looked at. `happened` counts what."""

    def __init__(
        self, replicas: Sequence[Replica], store: RedisServer | None, random: Random
    ) -> None:
        self._replicas = replicas[1:]
        self._store = store
        self._random = random
        self.happened: dict[str, int] = {}
        # When the store was away last; infinite while it is.
        self._away_until = float("-inf")

    def store_was_away(self, since: float) -> bool:
        """At any moment since a time, or not found again by then."""
        return self._away_until + FOUND_AGAIN_S >= since

    async def make(self, until: float) -> None:
        """One thing after the other, in any order, each before one comes again."""
        kinds = [self._kill, self._end, self._freeze]
        if self._store is not None:
            kinds += [self._kill_store, self._freeze_store]
        left: list[Callable[[], Awaitable[None]]] = []
        while monotonic() < until:
            await asyncio.sleep(self._random.uniform(*PAUSE_S))
            left = left or self._random.sample(kinds, len(kinds))
            kind = left.pop()
            name = kind.__name__.removeprefix("_").replace("_", " the ")
            self.happened[name] = self.happened.get(name, 0) + 1
            await kind()

    async def _kill(self) -> None:
        await self._restart(signal.SIGKILL)

    async def _end(self) -> None:
        await self._restart(signal.SIGTERM)

    async def _restart(self, number: int) -> None:
        replica = self._random.choice(self._replicas)
        await replica.end(number)
        await replica.start()

    async def _freeze(self) -> None:
        await self._random.choice(self._replicas).freeze(self._random.uniform(*FROZEN_S))

    async def _kill_store(self) -> None:
        assert self._store is not None
        self._away_until = float("inf")
        self._store.kill()
        await asyncio.sleep(self._random.uniform(*FROZEN_S))
        await asyncio.to_thread(self._store.start)
        self._away_until = monotonic()

    async def _freeze_store(self) -> None:
        assert self._store is not None
        self._away_until = float("inf")
        self._store.freeze()
        await asyncio.sleep(self._random.uniform(*FROZEN_S))
        self._store.thaw()
        self._away_until = monotonic()
