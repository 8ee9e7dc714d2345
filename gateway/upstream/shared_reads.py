"""Kept reads that several gateways share, each of them at another place: what their store has to
do (architecture.md, a store is asked, not believed).

Nobody can know without asking it whether another gateway has written meanwhile. So a read looks
there first: it is told what is kept, and a *mark*, which stands for all that was dropped so far. An
answer is kept with the mark of its read, and given again while its tags have that mark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from msgspec import Struct

if TYPE_CHECKING:
    from gateway.slate import Subject
    from gateway.upstream.credential import Credential
    from gateway.upstream.kept import KeptAnswer, KeptReads, Tag
    from gateway.upstream.wire import Answer

__all__ = ["KnownChanges", "Looked", "Mark", "Reading", "SharedReads"]


class Mark(Struct, frozen=True, eq=False):
    """What was dropped when it was looked for a read: the state of its tags, one after the other,
    the store's time, in milliseconds, and the loop's.
    """

    state: bytes
    at_ms: int
    looked_at: float


class Looked(Struct, frozen=True, eq=False):
    """What was found: an answer that may be given, and the mark to keep another one with. Without a
    mark none is kept.
    """

    kept: KeptAnswer | None = None
    mark: Mark | None = None


class Reading(Struct, frozen=True, eq=False):
    """A read: whose it is, with which credential, what is asked for, and what it shows."""

    owner: str
    credential: Credential | None
    target: str
    tags: tuple[Tag, ...]


class KnownChanges(Protocol):
    """What has changed, as far as others told, by a clock of its own; see `gateway.slate`."""

    def now(self) -> float: ...

    def note(self, subject: Subject) -> None: ...

    def since(self, time: float, *subjects: Subject) -> bool: ...


@runtime_checkable
class SharedReads(Protocol):
    """A store that several gateways share. Times are of the running loop's clock, in seconds. None
    of its methods raises where the store is away, nor waits for long.
    """

    held: KeptReads
    """What this gateway holds of them, so that it need not be sent again."""
    changes: KnownChanges
    """Whose writes have ended, as far as looking has told."""

    async def look(self, reading: Reading, *, now: float, max_age_s: float) -> Looked:
        """What is kept, if its read began no longer ago than `max_age_s`; nothing is given where
        that is less than 0.
        """

    async def observe(self, owner: str) -> bool:
        """Let `changes` know what another gateway wrote for an owner. False where the store cannot
        tell.
        """

    async def keep(self, reading: Reading, answer: Answer, mark: Mark, age_s: float) -> None:
        """Keep an answer to a read that has looked, for so long after it looked."""

    async def drop(self, *tags: Tag, at: float) -> None:
        """As `KeptReads.drop`, at all gateways; where the store is away, as soon as it is back."""
