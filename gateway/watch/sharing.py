"""What replicas share of what they watch: one of them reads, the others take in what it read.

    claim ── granted ──► read ── tell ──────────────► parts, and an index of them
      └───── not ──────► look ◄── noticed ◄──────────────┘

A *subject* is what one poller polls, for one credential. Who reads it holds its lease, until a
little after the next round is due; whoever is late, or has ended, loses it to the next who claims.
Rounds have numbers that only grow. What is told under an older number than the last is refused, so
one that was frozen while it read tells nothing.

This is what a store has to do (`gateway.store.leases`). Where it cannot, it raises `SharingAway`,
and each replica polls by itself.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from gateway.team import News
    from gateway.upstream.credential import Credential

__all__ = ["Look", "Sharing", "SharingAway", "Subject", "Turn"]


class SharingAway(Exception):
    """Nothing can be shared for now."""


class Look(Struct, frozen=True, eq=False):
    """A subject as it stands: the number of the round that was told last (0 for none), when it
    began by the store's clock, how long ago that was, and its index. `rest_s` is how long who
    follows may wait: until whoever reads is late, or, where nobody holds the lease, until the next
    round is due. A round that is under way began `under_way_s` ago.
    """

    number: int = 0
    began: float = -math.inf
    age_s: float = math.inf
    index: bytes = b""
    rest_s: float = 0.0
    under_way_s: float | None = None


class Turn(Struct, frozen=True, eq=False):
    """What came of a claim. With a `number` the next round is the claimer's to read, for what
    others want (`wants`), too; its lease is kept alive until that is told or given up.
    """

    look: Look
    number: int | None = None
    wants: tuple[bytes, ...] = ()


class Subject(Protocol):
    """One poller's side of a subject. All but `leave` raise `SharingAway`."""

    async def look(self, wants: bytes) -> Look:
        """The subject as it stands; `wants` is what this poller wants of it, told to who reads."""

    async def claim(self, wants: bytes, good_s: float, since: float = -math.inf) -> Turn:
        """Ask for the next round. It is granted where nobody holds the lease, and to who does; to
        others where no round is under way, and the last one began longer ago than `good_s`, or
        before `since` by the store's clock.
        """

    def has_lost(self, number: int) -> bool:
        """Was it so long that somebody else may have been granted a round since this one?"""

    async def part(self, name: str) -> bytes | None:
        """A part that was told; None where it is not there any more."""

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
        """Tell what a round read: its index, parts that are new, and the names of all that the
        index names. The next round is due in so long; the lease is held for that and `late_s`.
        False where a later round has been granted. What is told is told whole, even where who
        tells it is cancelled meanwhile.
        """

    def leave(self) -> None:
        """Want no more, and give the lease back."""


class Sharing(Protocol):
    """What is shared, and with whom."""

    def subject(
        self, credential: Credential | None, name: str, noticed: Callable[[], object]
    ) -> Subject:
        """A subject, for one more poller; `noticed` is called when a look at it is worth it."""

    def tell(self, news: News) -> bool:
        """Tell all others that something has happened; False where they cannot be told."""

    def on_news(self, listener: Callable[[News, float], object]) -> None:
        """Tell a listener what others tell, and when that was by the store's clock."""

    def on_return(self, listener: Callable[[], object]) -> None:
        """Tell a listener when others can be heard again, and may have told something meanwhile."""
