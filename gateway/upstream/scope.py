"""The scope of an operation: what all its upstream calls have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Struct, UnsetType, field

from gateway.errors import ReadTooLarge, ResponseTooLarge

if TYPE_CHECKING:
    from asyncio import Future
    from collections import deque

    from gateway.hooks import CallEvent, OperationEvent, Origin, SubscriptionEvent
    from gateway.upstream.credential import Credential

__all__ = ["CallScope", "Tally"]


class Tally(Struct, eq=False):
    """Upstream calls of one operation.

    `calls` counts every request that was sent for it, `retried` those among them that were not
    estimated: repeated ones, followed redirects, and pages that were read in vain. `shared` counts
    reads that were answered by another operation's call, `cached` reads answered without a call.
    """

    calls: int = 0
    shared: int = 0
    cached: int = 0
    retried: int = 0
    # What has been read of answers, and held of logs: all texts of the response come of it.
    read_bytes: int = 0


class CallScope(Struct, eq=False):
    """One operation, as its upstream calls see it: the credential they are made with, the time by
    which they must have ended, how many of them may be under way at once, and their count.

    `deadline` is a time of the running loop's clock, in seconds. The reads of an operation that is
    `alone` are never answered by a call that was made for another one: set it where a write hangs
    on what was read. Those of one that wants it all `fresh` are not answered by what is kept, nor
    by a call that began before; what they read is kept for others.
    One that polls may hold `tags`, the entity tags of earlier answers by target: what has not
    changed since raises `NotModified`; its calls are `patient`, which come after those of
    operations wherever calls wait.
    `origin` has the headers that are passed on; `told` is what hooks were told when the operation
    began, and `made` when its last call did, where they were; `heard` is all that they were told of
    its calls, where somebody collects it.
    `max_bytes` bounds what logs may give to the answer, `max_read_bytes` what may be read: answers,
    and of logs what is held. `under_way` is how many calls are,
    `waiting` are those that wait until they may.
    """

    credential: Credential | None
    deadline: float
    request_id: str = ""
    max_at_once: int = 16
    fresh: bool = False
    max_bytes: int = 50_000_000
    max_read_bytes: int = 100_000_000
    alone: bool = False
    # How the credential stands with the upstream (a `Standing` of `calls`); found with the first
    # call.
    standing: Any = None
    # As whose its reads are kept; None where they are not (`calls.keep`). Found with the first.
    kept_as: str | UnsetType | None = UNSET
    tally: Tally = field(default_factory=Tally)
    # The same for all its calls; filled with the first.
    headers: dict[str, str] = field(default_factory=dict)
    under_way: int = 0
    waiting: deque[Future[None]] | None = None
    tags: dict[str, str] | None = None
    patient: bool = False
    read_bytes: int = 0
    origin: Origin | None = None
    told: OperationEvent | SubscriptionEvent | None = None
    made: CallEvent | None = None
    is_timed: bool = True
    heard: list[CallEvent] | None = None
    _held_bytes: int = 0

    def note_answer(self, size_bytes: int) -> None:
        """Count an answer."""
        self.tally.read_bytes += size_bytes
        self.read_bytes += size_bytes

    def check_read(self) -> None:
        """Raise `ReadTooLarge` where more has been read than may be."""
        if self.read_bytes > self.max_read_bytes:
            raise ReadTooLarge.by_bytes(self.read_bytes, self.max_read_bytes)

    def hold(self, size_bytes: int) -> None:
        """Count bytes of logs that are held for the answer; raises `ResponseTooLarge`."""
        self._held_bytes += size_bytes
        self.read_bytes += size_bytes
        # Of a control character JSON makes six.
        self.tally.read_bytes += 6 * size_bytes
        if self._held_bytes > self.max_bytes:
            raise ResponseTooLarge.by_bytes(self.max_bytes)
