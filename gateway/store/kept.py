"""Kept reads that gateways share (`gateway.upstream.shared_reads`).

    {owner}:tag:…    the state of an owner's tag: 16 random bytes, others after each drop
    {job …}:tag      the same for a job, whoever's it is
    {owner}:read:…   an answer, sealed, with the mark of its read

A read looks for the state of its tags first, which is made where there is none, so that what a
store forgets is as good as dropped. What was kept is given while the state is what it was when its
read began. No clocks are compared: ages are those of the store's own time. A write of which nobody
knows whether it happened bars its tags for a while: nothing is given or kept.

Each gateway holds what it has given as well, so that the store need not send it again; it is given
only where the store says that it still holds. What could not be dropped, since the store was away,
is dropped when it is back, before this gateway gives anything; and none gives what was read before
all others can have done so.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections import OrderedDict
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.store.connection import CONNECT_TIMEOUT_S, MAX_PAUSE_S
from gateway.store.outcomes import StoreAway
from gateway.store.script import Script
from gateway.upstream.calls.admission import written_by
from gateway.upstream.kept import KeptAnswer, KeptInMemory
from gateway.upstream.shared_reads import Looked, Mark
from gateway.upstream.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.slate import Subject
    from gateway.store.connection import Store
    from gateway.store.sealing import Sealing
    from gateway.upstream.kept import Tag
    from gateway.upstream.shared_reads import Reading

__all__ = ["KeptInStore", "WritesSeen"]

STATE_BYTES: Final = 16
# How a state begins that bars its tag, and any other.
BARS: Final = b"!"
HOLDS: Final = b"."
# Longer than anything is kept; a state that has gone is as good as another one.
STATE_LASTS_MS: Final = 600_000
# Larger ones are for this gateway only: the store is asked by many, one after the other.
MAX_BODY_BYTES: Final = 1_000_000
# Headers of an answer that are read after it was kept.
HEADERS: Final = (
    *("content-type", "link", "x-request-id"),
    *("x-page", "x-per-page", "x-next-page", "x-prev-page", "x-total", "x-total-pages"),
)
# By then every gateway has found a store again that was away for all of them.
SETTLED_S: Final = CONNECT_TIMEOUT_S + MAX_PAUSE_S + 0.5
# What was kept before is older than anything is given after that.
UNTOLD_LASTS_S: Final = 60.0
MAX_OWNERS: Final = 10_000
MAX_UNTOLD: Final = 10_000
RETELL_EVERY_S: Final = 0.1
NOTHING: Final = b"-"

_NOW: Final = "local t = redis.call('TIME'); t = t[1] * 1000 + math.floor(t[2] / 1000)\n"

# KEYS: an answer, tags. ARGV: a state for tags that have none, its age; the state of the answer
# that is at hand, so that it need not be sent, or NOTHING where none is wanted.
LOOK: Final = Script(
    _NOW
    + """
local states = {}
for i = 2, #KEYS do
  local state = redis.call('GET', KEYS[i])
  if not state then
    state = ARGV[1]
    redis.call('SET', KEYS[i], state, 'PX', ARGV[2])
  end
  states[i - 1] = state
end
local state, answer = table.concat(states), false
if ARGV[3] ~= '-' and ARGV[3] ~= state then answer = redis.call('GET', KEYS[1]) end
return {t, state, answer}
"""
)
# KEYS: an answer. ARGV: when it was looked for, how long it may be given, the answer.
KEEP: Final = Script(
    _NOW
    + """
local left = math.min(ARGV[1] + ARGV[2] - t, tonumber(ARGV[2]))
if left > 0 then redis.call('SET', KEYS[1], ARGV[3], 'PX', left) end
"""
)
# KEYS: tags. ARGV: a state, its age. One that bars lasts till its end, whatever comes.
DROP: Final = Script(
    """
for i, key in ipairs(KEYS) do
  local old = redis.call('GET', key)
  local barred = 0
  if old and string.sub(old, 1, 1) == '!' then barred = redis.call('PTTL', key) end
  if string.sub(ARGV[1], 1, 1) == '!' then
    redis.call('SET', key, ARGV[1], 'PX', math.max(barred, tonumber(ARGV[2])))
  elseif barred == 0 then
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
  end
end
"""
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[dict[str, list[str]], bytes]).decode


class _Held(Answer, eq=False, kw_only=True):
    """An answer as this gateway holds it, with the state of its tags."""

    state: bytes


class KeptInStore:
    """Shares reads by a store; holds up to `max_bytes` of them. Close it before the store."""

    def __init__(self, store: Store, sealing: Sealing, max_bytes: int) -> None:
        self.held = KeptInMemory(max_bytes)
        """What this gateway holds."""
        self.changes = WritesSeen()
        self._store = store
        self._sealing = sealing
        # The state of owners as they were seen last.
        self._seen: OrderedDict[str, bytes] = OrderedDict()
        # What could not be dropped at the store, and until when it is barred.
        self._untold: dict[Tag, tuple[float, float]] = {}
        self._retelling: asyncio.Task[None] | None = None
        self._given_from = -math.inf
        self._telling: set[asyncio.Task[None]] = set()
        self._off = store.on_return(self._returned)

    async def aclose(self) -> None:
        """Wait for what is being told, which is not long."""
        self._off()
        if self._telling:
            await asyncio.wait(self._telling)
        if self._retelling is not None:
            self._retelling.cancel()
            await asyncio.wait([self._retelling])

    # -- reads -------------------------------------------------------------------------------------

    async def look(self, reading: Reading, *, now: float, max_age_s: float) -> Looked:
        """As `SharedReads.look`. Cost: one command of the store, two where a job is shown."""
        if not self._is_asked():
            return Looked()
        near = None
        wanted = NOTHING
        if max_age_s >= 0:
            near = self.held.at_hand(reading.owner, reading.target, now, max_age_s)
            wanted = near.answer.state if near and isinstance(near.answer, _Held) else b""
        own = [tag for tag in reading.tags if isinstance(tag, tuple)]
        jobs = [tag for tag in reading.tags if not isinstance(tag, tuple)]
        key = self._key_of(reading)
        try:
            at_ms, state, value = await self._state(reading.owner, key, own, jobs, wanted)
        except StoreAway:
            return Looked()
        self._see(reading.owner, state[:STATE_BYTES])
        if any(state[place] == BARS[0] for place in range(0, len(state), STATE_BYTES)):
            return Looked()
        mark = Mark(state, at_ms, now)
        if near is not None and wanted == state:
            return Looked(near if near.begun >= self._given_from else None, mark)
        return Looked(await self._opened(reading, key, mark, value, now, max_age_s), mark)

    async def observe(self, owner: str) -> bool:
        """As `SharedReads.observe`. Cost: one command of the store."""
        if not self._is_asked():
            return False
        try:
            _, state, _ = await self._state(owner, "", [(owner, None)], [], NOTHING)
        except StoreAway:
            return False
        self._see(owner, state)
        return True

    async def keep(self, reading: Reading, answer: Answer, mark: Mark, age_s: float) -> None:
        """As `SharedReads.keep`; does not wait."""
        began = mark.looked_at
        await self._hold(reading, answer, mark.state, began, began + age_s)
        if len(answer.body) > MAX_BODY_BYTES or not self._store.is_up:
            return
        key, age_ms = self._key_of(reading), int(1000 * age_s)
        head = mark.at_ms.to_bytes(8, "big") + age_ms.to_bytes(4, "big") + mark.state
        fields = {name: list(answer.header_values(name)) for name in HEADERS}
        plain = _encode((fields, bytes(answer.body)))
        sealed = self._sealing.of(reading.credential).close(plain, key.encode() + head)
        self._store.tell_script(KEEP, [key], [mark.at_ms, age_ms, head + sealed])

    def _is_asked(self) -> bool:
        """Is the store there, and does it know all that was dropped here?"""
        if self._store.is_up:
            return not self._untold
        self._store.counts.away += 1
        return False

    async def _state(
        self, owner: str, key: str, own: Sequence[Tag], jobs: Sequence[Tag], wanted: bytes
    ) -> tuple[int, bytes, bytes | None]:
        """The store's time, the state of tags, and an answer that was kept."""
        fresh = HOLDS + os.urandom(STATE_BYTES - 1)
        keys = [key or self._tag_key((owner, None)), *map(self._tag_key, own)]
        size = STATE_BYTES * len(own)
        known = wanted if wanted == NOTHING else wanted[:size]
        asked = self._store.script(LOOK, keys, [fresh, STATE_LASTS_MS, known])
        if not jobs:
            at_ms, state, value = await asked
            return at_ms, state, value
        key_of_job = self._tag_key(jobs[0])
        of_job = self._store.script(LOOK, [key_of_job] * 2, [fresh, STATE_LASTS_MS, NOTHING])
        told: Sequence[Any] = await asyncio.gather(asked, of_job)
        (at_ms, state, value), (_, state_of_job, _) = told
        return at_ms, state + state_of_job, value

    async def _opened(
        self,
        reading: Reading,
        key: str,
        mark: Mark,
        value: bytes | None,
        now: float,
        max_age_s: float,
    ) -> KeptAnswer | None:
        """The answer in a value of the store, if it may be given."""
        size = 12 + len(mark.state)
        if value is None or value[12:size] != mark.state:
            return None
        head, sealed = value[:size], value[size:]
        age_s = (mark.at_ms - int.from_bytes(head[:8], "big")) / 1000
        left_s = int.from_bytes(head[8:12], "big") / 1000 - age_s
        begun = now - age_s
        if not 0 <= age_s <= max_age_s or left_s <= 0 or begun < self._given_from:
            return None
        plain = self._sealing.of(reading.credential).open(sealed, key.encode() + head)
        if plain is None:
            return None
        fields, body = _decode(plain)

        def values(name: str) -> list[str]:
            return fields.get(name.lower(), [])

        def header(name: str) -> str | None:
            return next(iter(values(name)), None)

        answer = Answer(200, header, body, values, decoded={})
        held = await self._hold(reading, answer, mark.state, begun, now + left_s)
        return KeptAnswer(held, reading.tags, begun, now + left_s, len(body))

    async def _hold(
        self, reading: Reading, answer: Answer, state: bytes, begun: float, until: float
    ) -> Answer:
        held = _Held(
            answer.status, answer.header, answer.body, answer.values, answer.decoded, state=state
        )
        await self.held.set(
            reading.owner, reading.target, held, begun=begun, until=until, tags=reading.tags
        )
        return held

    def _see(self, owner: str, state: bytes) -> None:
        """Another state of an owner than before tells of a write, as far as is known."""
        before = self._seen.pop(owner, None)
        self._seen[owner] = state
        if before != state:
            self.changes.note(written_by(owner))
        if len(self._seen) > MAX_OWNERS:
            self._seen.popitem(last=False)

    # -- drops -------------------------------------------------------------------------------------

    async def drop(self, *tags: Tag, at: float) -> None:
        """As `SharedReads.drop`. Cost: one command of the store for an owner, one for a job."""
        await self.held.drop(*tags, at=at)
        # It goes on when who asked for it has left.
        telling = asyncio.create_task(self._tell(tags, at))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        await asyncio.shield(telling)

    async def _tell(self, tags: tuple[Tag, ...], at: float) -> None:
        now = asyncio.get_running_loop().time()
        try:
            await self._drop(tags, at - now)
        except StoreAway:
            for tag in tags:
                _, until = self._untold.get(tag, (now, at))
                self._untold[tag] = now, max(at, until)
            while len(self._untold) > MAX_UNTOLD:
                del self._untold[next(iter(self._untold))]
            # It was slow, or refused this only; else it is told when the store is back.
            self._retell()

    async def _drop(self, tags: tuple[Tag, ...], late_s: float) -> None:
        is_barred = late_s > 0
        state = (BARS if is_barred else HOLDS) + os.urandom(STATE_BYTES - 1)
        lasts_ms = math.ceil(1000 * late_s) if is_barred else STATE_LASTS_MS
        asked = []
        for _, group in groupby(tags, lambda tag: tag[0] if isinstance(tag, tuple) else tag):
            keys = [self._tag_key(tag) for tag in group]
            asked.append(self._store.script(DROP, keys, [state, lasts_ms], is_patient=True))
        await asyncio.gather(*asked)

    def _returned(self) -> None:
        """The store is back."""
        self._given_from = asyncio.get_running_loop().time() + SETTLED_S
        self._retell()

    def _retell(self) -> None:
        if self._untold and (self._retelling is None or self._retelling.done()):
            self._retelling = asyncio.create_task(self._tell_untold())

    async def _tell_untold(self) -> None:
        """Drop what could not be dropped, until all is, or the store is away again."""
        while self._untold and self._store.is_up:
            now = asyncio.get_running_loop().time()
            tag, told = next(iter(self._untold.items()))
            noted, until = told
            try:
                if now < max(noted, until) + UNTOLD_LASTS_S:
                    await self._drop((tag,), until - now)
            except StoreAway:
                await asyncio.sleep(RETELL_EVERY_S)
                continue
            if self._untold.get(tag) == told:
                del self._untold[tag]

    # -- names -------------------------------------------------------------------------------------

    def _key_of(self, reading: Reading) -> str:
        owner = reading.owner or "-"
        return self._store.key(owner, "read", self._sealing.digest("read", reading.target))

    def _tag_key(self, tag: Tag) -> str:
        if isinstance(tag, tuple):
            owner, what = tag
            name = "all" if what is None else self._sealing.digest("tag", what)
            return self._store.key(owner or "-", "tag", name)
        return self._store.key(self._sealing.digest("job", tag), "tag")


class WritesSeen:
    """Whose writes have ended, here or elsewhere, in the order in which this gateway learned it
    (`KnownChanges`): times are numbers that grow with each look.
    """

    def __init__(self) -> None:
        self._turn = 0.0
        self._at: OrderedDict[Subject, float] = OrderedDict()
        # The latest that was forgotten: it counts for all.
        self._forgotten = 0.0

    def now(self) -> float:
        self._turn += 1.0
        return self._turn

    def note(self, subject: Subject) -> None:
        self._at.pop(subject, None)
        self._at[subject] = self.now()
        if len(self._at) > MAX_OWNERS:
            _, forgotten = self._at.popitem(last=False)
            self._forgotten = max(self._forgotten, forgotten)

    def since(self, time: float, *subjects: Subject) -> bool:
        latest = self._forgotten
        return any(self._at.get(subject, latest) >= time for subject in subjects)
