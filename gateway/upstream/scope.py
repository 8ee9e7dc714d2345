"""What the upstream calls of one operation share."""

from __future__ import annotations

from asyncio import Semaphore
from typing import TYPE_CHECKING

from gateway.upstream.pruning import WHOLE

if TYPE_CHECKING:
    from gateway.upstream.credential import Credential

__all__ = ["CallScope", "Tally"]


class Tally:
    """Upstream calls of one operation: every request sent counts as a call, retries also apart.

    `shared` are reads that were answered by a call made for another one; `cached` are reads
    answered without any call.
    """

    __slots__ = ("cached", "calls", "retried", "shared")

    def __init__(self) -> None:
        self.calls = 0
        self.shared = 0
        self.cached = 0
        self.retried = 0


class CallScope:
    """Whose calls these are, until when they may take, how many at once, and what is read of their
    answers.

    `deadline` is a time of the running loop's clock, in seconds.
    """

    __slots__ = (
        "_limiter",
        "_max_at_once",
        "credential",
        "deadline",
        "headers",
        "readers",
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
    ) -> None:
        self.credential = credential
        self.deadline = deadline
        self.request_id = request_id
        self.tally = Tally()
        self.readers = WHOLE
        # The same for all its calls; made with the first.
        self.headers: dict[str, str] | None = None
        self._max_at_once = max_at_once
        self._limiter: Semaphore | None = None

    @property
    def limiter(self) -> Semaphore:
        """Bounds the operation's calls in flight."""
        if self._limiter is None:
            self._limiter = Semaphore(self._max_at_once)
        return self._limiter
