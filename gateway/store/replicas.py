"""How many replicas of the gateway there are: each tells the store every now and then that it is
there.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.store.outcomes import StoreAway
from gateway.store.script import Script

if TYPE_CHECKING:
    from gateway.store.connection import Store

__all__ = ["Replicas"]

BEAT_S: Final = 2.0
# Who has told nothing for so long is gone.
GONE_AFTER_S: Final = 7.0

# KEYS[1]: when each replica has last told; ARGV: this one, and after how long one is gone.
_BEAT: Final = Script("""
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
redis.call('ZADD', KEYS[1], string.format('%.3f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.3f', now - tonumber(ARGV[2])))
redis.call('EXPIRE', KEYS[1], 60)
return redis.call('ZCARD', KEYS[1])
""")


class Replicas:
    """Those that share a store. `number` is how many there are; what was known last while the store
    is away, `at_least` so many where it never was up.
    """

    def __init__(self, store: Store, at_least: int = 1) -> None:
        self.number = at_least
        self._store = store
        self._key = store.key("replicas")
        self._name = secrets.token_hex(8)
        self._beating: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Tell for the first time, and go on."""
        await self._beat()
        self._beating = asyncio.create_task(self._go_on())

    async def aclose(self) -> None:
        """Be one of them no more."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])
        with suppress(StoreAway):
            await self._store.run("ZREM", self._key, self._name)

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self._beat()

    async def _beat(self) -> None:
        with suppress(StoreAway):
            found = await self._store.script(_BEAT, [self._key], [self._name, repr(GONE_AFTER_S)])
            self.number = max(found, 1)
