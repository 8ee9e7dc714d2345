"""Reads that are kept for a moment, to answer the same question again.

What is kept belongs to one credential, an *owner* told by its fingerprint, and to the target that
was read. Tags say what it shows; dropping a tag drops all that has it, and all that was being read
then: an answer is kept only if its read began after the last drop of each of its tags.

`KeptReads` is what has to be done for one process. `KeptInMemory` does it, and never waits, so that
a kept read costs next to nothing. What several gateways share is kept otherwise (`shared_reads`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from gateway.upstream.wire import Answer

__all__ = ["KeptAnswer", "KeptInMemory", "KeptReads", "Tag"]

# An owner's project, as it was named, or None for all that is the owner's; or a job, whoever's.
Tag: TypeAlias = tuple[str, int | str | None] | int

# What an answer takes beside its body: some thirty headers, and what holds it.
HEAD_BYTES: Final = 6_000
# The body, and what was decoded of it.
TIMES_BODY: Final = 4
# One credential gets this part of the memory at most.
LARGEST_PART: Final = 4
MAX_DROPS: Final = 10_000
# How often what has grown old is looked for.
SWEEP_EVERY_S: Final = 10.0


class KeptAnswer(Struct, eq=False):
    """An answer that may be given again `until` a time. `begun` is when its read began."""

    answer: Answer
    tags: tuple[Tag, ...]
    begun: float
    until: float
    size_bytes: int
    # Whether it shows what lasts; looked at when it is first asked for late.
    lasts: bool | None = None


class KeptReads(Protocol):
    """Kept reads at hand. Times are of the running loop's clock, in seconds."""

    def at_hand(self, owner: str, target: str, now: float, max_age_s: float) -> KeptAnswer | None:
        """What is kept of a target and may still be given, if its read began no longer ago than
        `max_age_s`.
        """

    async def set(
        self,
        owner: str,
        target: str,
        answer: Answer,
        *,
        begun: float,
        until: float,
        tags: tuple[Tag, ...],
    ) -> None:
        """Keep an answer, unless one of its tags was dropped since its read began."""

    async def drop(self, *tags: Tag, at: float) -> None:
        """Drop what has one of these tags, and keep nothing of them whose read began before `at`,
        which may lie ahead.
        """


class KeptInMemory:
    """Keeps up to `max_bytes`, as far as they can be estimated, and of one owner up to a quarter of
    that; the oldest goes first.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._owners: dict[str, _Owner] = {}
        self._dropped: dict[Tag, float] = {}
        # The latest drop that was forgotten: it counts for all tags.
        self._forgotten = -math.inf
        self._swept_at = -math.inf
        self.size_bytes = 0
        """What is kept, as far as it can be estimated."""

    def at_hand(self, owner: str, target: str, now: float, max_age_s: float) -> KeptAnswer | None:
        holder = self._owners.get(owner)
        kept = holder and holder.answers.get(target)
        if not kept or now >= kept.until or now - kept.begun > max_age_s:
            return None
        return kept if self._is_valid(kept.tags, kept.begun) else None

    async def set(
        self,
        owner: str,
        target: str,
        answer: Answer,
        *,
        begun: float,
        until: float,
        tags: tuple[Tag, ...],
    ) -> None:
        size_bytes = HEAD_BYTES + TIMES_BODY * len(answer.body)
        largest = self.max_bytes // LARGEST_PART
        if size_bytes > largest or not self._is_valid(tags, begun):
            return
        if begun - self._swept_at > SWEEP_EVERY_S:
            self._sweep(begun)
        holder = self._owners.pop(owner, None) or _Owner()
        # Owners that were given something last are at the end.
        self._owners[owner] = holder
        if target in holder.answers:
            self.size_bytes -= holder.take_out(target)
        while holder.answers and holder.size_bytes + size_bytes > largest:
            self.size_bytes -= holder.take_out(next(iter(holder.answers)))
        holder.answers[target] = KeptAnswer(answer, tags, begun, until, size_bytes)
        holder.size_bytes += size_bytes
        self.size_bytes += size_bytes
        while self.size_bytes > self.max_bytes:
            name, oldest = next(iter(self._owners.items()))
            self.size_bytes -= oldest.take_out(next(iter(oldest.answers)))
            if not oldest.answers:
                del self._owners[name]

    async def drop(self, *tags: Tag, at: float) -> None:
        for tag in tags:
            if isinstance(tag, tuple) and tag[1] is None:
                gone = self._owners.pop(tag[0], None)
                self.size_bytes -= 0 if gone is None else gone.size_bytes
            # The last ones are at the end.
            self._dropped[tag] = max(at, self._dropped.pop(tag, -math.inf))
        while len(self._dropped) > MAX_DROPS:
            forgotten = self._dropped.pop(next(iter(self._dropped)))
            self._forgotten = max(self._forgotten, forgotten)

    def _is_valid(self, tags: tuple[Tag, ...], begun: float) -> bool:
        dropped = self._dropped
        if not dropped:
            return True
        latest = self._forgotten
        return latest < begun and all(dropped.get(tag, latest) < begun for tag in tags)

    def _sweep(self, now: float) -> None:
        """Take out what is too old to be given."""
        self._swept_at = now
        for name, holder in list(self._owners.items()):
            for target, kept in list(holder.answers.items()):
                if kept.until <= now:
                    self.size_bytes -= holder.take_out(target)
            if not holder.answers:
                del self._owners[name]


class _Owner:
    """What is kept of one owner, by target, the oldest first."""

    __slots__ = ("answers", "size_bytes")

    def __init__(self) -> None:
        self.answers: dict[str, KeptAnswer] = {}
        self.size_bytes = 0

    def take_out(self, target: str) -> int:
        """How many bytes went with the target; 0 where it was not kept."""
        gone = self.answers.pop(target, None)
        if gone is None:
            return 0
        self.size_bytes -= gone.size_bytes
        return gone.size_bytes
