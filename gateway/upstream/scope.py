"""The scope of an operation: what all its upstream calls have in common."""

from __future__ import annotations

from asyncio import Semaphore
from typing import TYPE_CHECKING

from gateway.errors import ResponseTooLarge

if TYPE_CHECKING:
    from gateway.upstream.credential import Credential

__all__ = ["CallScope", "Tally"]


class Tally:
    """Upstream calls of one operation.

    `calls` counts every request that was sent for it, `retried` those among them that were not
    estimated: repeated ones, followed redirects, and pages that were read in vain. `shared` counts
    reads that were answered by another operation's call, `cached` reads answered without a call.
    """

    __slots__ = ("cached", "calls", "read_bytes", "retried", "shared")

    def __init__(self) -> None:
        self.calls = 0
        self.shared = 0
        self.cached = 0
        self.retried = 0
        # What has been read of answers, and held of logs: all texts of the response come of it.
        self.read_bytes = 0


class CallScope:
    """One operation, as its upstream calls see it: the credential they are made with, the time by
    which they must have ended, how many of them may be under way at once, and their count.

    `deadline` is a time of the running loop's clock, in seconds. The reads of an operation that is
    `alone` are never answered by a call that was made for another one: set it where a write hangs
    on what was read.
    `max_bytes` bounds what logs may give to the answer.
    """

    __slots__ = (
        "_held_bytes",
        "_limiter",
        "_max_at_once",
        "alone",
        "credential",
        "deadline",
        "headers",
        "max_bytes",
        "request_id",
        "tally",
    )

    def __init__(
        self,
        credential: Credential | None,
        deadline: float,
        request_id: str = "",
        *,
        max_at_once: int = 16,
        alone: bool = False,
        max_bytes: int = 50_000_000,
    ) -> None:
        self.max_bytes = max_bytes
        self._held_bytes = 0
        self.credential = credential
        self.deadline = deadline
        self.request_id = request_id
        self.alone = alone
        self.tally = Tally()
        # The same for all its calls; made with the first.
        self.headers: dict[str, str] | None = None
        self._max_at_once = max_at_once
        self._limiter: Semaphore | None = None

    def hold(self, size_bytes: int) -> None:
        """Count bytes of logs that are held for the answer; raises `ResponseTooLarge`."""
        self._held_bytes += size_bytes
        # Of a control character JSON makes six.
        self.tally.read_bytes += 6 * size_bytes
        if self._held_bytes > self.max_bytes:
            raise ResponseTooLarge.by_bytes(self.max_bytes)

    @property
    def limiter(self) -> Semaphore:
        """Bounds the operation's calls in flight."""
        if self._limiter is None:
            self._limiter = Semaphore(self._max_at_once)
        return self._limiter

    @property
    def owner(self) -> str:
        """The credential's fingerprint; empty for a caller without a credential."""
        return "" if self.credential is None else self.credential.fingerprint

    def exchange_timeout_s(self, now: float) -> float:
        """How long one exchange may take that begins now."""
        return self.deadline - now
