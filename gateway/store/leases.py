"""Leases of what is watched, and what those who hold them have read (architecture.md, one poller
for a subject). It is what `gateway.watch.sharing` asks of a store, by `lease_scripts`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.store.lease_scripts import CLAIM, LEAVE, LOOK, NEWS, PUT, RENEW, TELL
from gateway.store.outcomes import StoreAway
from gateway.team import News  # noqa: TC001 - read by msgspec
from gateway.upstream.credential import owner_of
from gateway.watch.sharing import Look, SharingAway, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from gateway.store.connection import Store
    from gateway.store.script import Script
    from gateway.store.sealing import Seal, Sealing
    from gateway.upstream.credential import Credential

__all__ = ["SharedSubjects"]

_log: Final = logging.getLogger("gateway.store")

# Of the smallest interval: so long who reads may be silent while a round is under way.
SILENT: Final = 1.5
# What is told, and who wants something, is forgotten after so long without a word.
KEPT_MS: Final = 60_000
# How long to wait until a channel is heard, before the first claim.
HEARD_S: Final = 0.5
MICRO: Final = 1_000_000
# Digits of a time.
STAMP: Final = 16
NEWS_NAME: Final = b"news of what is watched"
# What is being told when all ends may take so long.
LAST_S: Final = 1.0
# Longer parts are made shorter.
LONG_BYTES: Final = 1_024
AS_IT_IS: Final = b"\0"
SHORTER: Final = b"\1"

_encode_news = msgspec.json.Encoder().encode


class _Heard(msgspec.Struct, array_like=True):
    """News, and the replica that tells them."""

    by: str
    news: News


_heard_in = msgspec.json.Decoder(_Heard).decode


class SharedSubjects:
    """What this replica shares with the others through a store (`gateway.watch.sharing`).
    `least_s` is the smallest interval of polling. `aclose` it before the store.
    """

    def __init__(self, store: Store, sealing: Sealing, least_s: float) -> None:
        self.store = store
        self.sealing = sealing
        self.lease_s = SILENT * least_s
        self._me = secrets.token_hex(8)
        self._news = store.key("watched", "news")
        self._tasks: set[asyncio.Task[Any]] = set()
        self.telling: asyncio.Task[None] | None = None
        """News on their way: a claim for them must not overtake them."""
        self._ends: list[Callable[[], object]] = []

    def subject(
        self, credential: Credential | None, name: str, noticed: Callable[[], object]
    ) -> SharedSubject:
        """One poller's side of a subject."""
        return SharedSubject(self, credential, name, noticed)

    def tell(self, news: News) -> bool:
        """Tell all other replicas; False where the store is away."""
        if self.store.is_up:
            sealed = self.sealing.documents.close(_encode_news(_Heard(self._me, news)), NEWS_NAME)
            self.telling = asyncio.create_task(self._tell(sealed))
            self.own(self.telling)
        return self.store.is_up

    def on_news(self, listener: Callable[[News, float], object]) -> None:
        """Tell a listener what other replicas tell, and when that was by the store's clock."""

        def hear(message: bytes) -> None:
            try:
                at = int(message[:STAMP])
                heard = _heard_in(self.sealing.documents.open(message[STAMP:], NEWS_NAME) or b"")
            except (ValueError, msgspec.MsgspecError):
                # By another version of this, or by a stranger.
                return
            if heard.by != self._me:
                listener(heard.news, at)

        self._ends.append(self.store.on(self._news, hear))

    def on_return(self, listener: Callable[[], object]) -> None:
        """Tell a listener when the store is back."""
        self._ends.append(self.store.on_return(listener))

    async def _tell(self, sealed: bytes) -> None:
        with suppress(StoreAway):
            await self.store.run("EVAL", NEWS, 1, self._news, sealed)

    async def aclose(self) -> None:
        """Hear nothing more, and wait for what is being told."""
        for end in self._ends:
            end()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=LAST_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def own(self, task: asyncio.Task[Any]) -> None:
        """Let a task outlive who began it."""
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, SharingAway):
            _log.error("what is watched was not shared", exc_info=error)


class SharedSubject:
    """One poller's side of a subject (`gateway.watch.sharing.Subject`)."""

    def __init__(
        self,
        shared: SharedSubjects,
        credential: Credential | None,
        name: str,
        noticed: Callable[[], object],
    ) -> None:
        self._shared = shared
        self._store = shared.store
        self._seal: Seal = shared.sealing.of(credential)
        tag = shared.sealing.digest("watched", owner_of(credential), name)
        key = shared.store.key
        self._state, self._lease = key(tag, "state"), key(tag, "lease")
        self._wants, self._channel = key(tag, "wants"), key(tag, "told")
        # A value opens only where it was put.
        self._name = tag.encode()
        self._me = secrets.token_hex(8)
        self._off = shared.store.on(self._channel, self._hear)
        self._noticed = noticed
        self._is_heard = self._has_left = False
        self._held_until = 0.0
        self._keeping: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[bool] | None = None

    async def look(self, wants: bytes) -> Look:
        found = await self._script(LOOK, self._all, (self._me, self._sealed(wants), KEPT_MS))
        return self._look_of(found)

    async def claim(self, wants: bytes, good_s: float, since: float = -math.inf) -> Turn:
        clock = asyncio.get_running_loop().time
        called = clock()
        if not self._is_heard:
            await self._until_heard()
        telling = self._shared.telling
        if telling is not None and not telling.done():
            await asyncio.wait([telling])
        asked = clock()
        # What began meanwhile is as good as when this was called.
        good_s += asked - called
        good = -1 if math.isinf(good_s) else max(int(good_s * MICRO), 0)
        lease_s = self._shared.lease_s
        begun = int(max(since, 0.0))
        lease_ms = int(lease_s * 1000)
        arguments = (self._me, self._sealed(wants), KEPT_MS, good, lease_ms, begun)
        found = await self._script(CLAIM, self._all, arguments)
        if not found[0]:
            return Turn(self._look_of(found))
        self._held_until = asked + lease_s
        self._keep_no_more()
        self._keeping = asyncio.create_task(self._keep())
        self._shared.own(self._keeping)
        others = [self._opened(one) for one in found[1:]]
        return Turn(Look(), found[0], tuple(one for one in others if one is not None))

    def has_lost(self, number: int) -> bool:  # noqa: ARG002 - one round at a time is under way
        return asyncio.get_running_loop().time() > self._held_until

    async def part(self, name: str) -> bytes | None:
        try:
            sealed = await self._store.run("HGET", self._state, f"part {name}")
        except StoreAway:
            raise SharingAway from None
        return None if sealed is None else self._opened(sealed, name)

    async def tell(
        self,
        number: int,
        index: bytes,
        parts: Mapping[str, bytes],
        kept: Collection[str],
        *,
        due_s: float,
        late_s: float,
    ) -> bool:
        due_ms, late_ms = int(due_s * 1000), int((due_s + late_s) * 1000)
        telling = self._tell(number, index, parts, kept, due_ms, late_ms)
        self._telling = asyncio.create_task(telling)
        self._shared.own(self._telling)
        return await asyncio.shield(self._telling)

    def leave(self) -> None:
        if not self._has_left:
            self._has_left = True
            self._off()
            self._shared.own(asyncio.create_task(self._leave()))

    # -- how -------------------------------------------------------------------------------------

    @property
    def _all(self) -> tuple[str, str, str]:
        return self._state, self._lease, self._wants

    def _hear(self, message: bytes) -> None:
        if message != self._me.encode():
            self._noticed()

    async def _until_heard(self) -> None:
        """What is told after this is heard, or soon will be."""
        if self._store.is_up:
            try:
                async with asyncio.timeout(HEARD_S):
                    await self._store.heard()
            except TimeoutError:
                return
            self._is_heard = True

    async def _keep(self) -> None:
        """Keep the lease while a round is under way."""
        lease_s, loop = self._shared.lease_s, asyncio.get_running_loop()
        while True:
            await asyncio.sleep(lease_s / 3)
            asked = loop.time()
            try:
                is_held = await self._store.script(
                    RENEW,
                    [self._lease, self._state],
                    [self._me, int(lease_s * 1000), KEPT_MS],
                )
            except StoreAway:
                continue
            if not is_held:
                return
            self._held_until = asked + lease_s

    def _keep_no_more(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None

    async def _tell(
        self,
        number: int,
        index: bytes,
        parts: Mapping[str, bytes],
        kept: Collection[str],
        due_ms: int,
        late_ms: int,
    ) -> bool:
        try:
            # One by one: a store that has much to do for us does nothing for others meanwhile.
            for name, part in parts.items():
                await self._script(PUT, [self._state], (number, name, self._sealed(part, name)))
            told = (self._me, number, self._sealed(index), due_ms, late_ms, KEPT_MS)
            keys = [self._state, self._lease]
            return bool(await self._script(TELL, keys, (*told, self._channel, *kept)))
        finally:
            self._keep_no_more()

    async def _leave(self) -> None:
        if self._telling is not None:
            await asyncio.wait([self._telling])
        self._keep_no_more()
        keys = [self._lease, self._wants]
        # Where it is not given back it lapses.
        with suppress(StoreAway):
            await self._store.script(LEAVE, keys, [self._me, self._channel])

    async def _script(
        self, script: Script, keys: Collection[str], arguments: tuple[bytes | str | int, ...]
    ) -> Any:
        try:
            return await self._store.script(script, list(keys), arguments)
        except StoreAway:
            raise SharingAway from None

    def _look_of(self, found: list[Any]) -> Look:
        _, number, began, now, index, rest, under_way = found
        opened = self._opened(index) if index else b""
        under_way_s = None if under_way < 0 else under_way / MICRO
        age_s = (now - began) / MICRO
        return Look(number, began, age_s, opened or b"", rest / MICRO, under_way_s)

    def _sealed(self, plain: bytes, part: str = "") -> bytes:
        if len(plain) < LONG_BYTES:
            return self._seal.close(AS_IT_IS + plain, self._name + part.encode())
        return self._seal.close(SHORTER + zlib.compress(plain, 1), self._name + part.encode())

    def _opened(self, sealed: bytes, part: str = "") -> bytes | None:
        opened = self._seal.open(sealed, self._name + part.encode())
        if opened is None:
            return None
        return opened[1:] if opened[:1] == AS_IT_IS else zlib.decompress(opened[1:])
