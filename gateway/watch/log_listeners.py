"""Who listens where a log is followed: a caller to the log, and the log's poller to the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.errors import GatewayError
from gateway.watch.feed import Feed
from gateway.watch.tape import LogEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.upstream.entities import Job
    from gateway.watch.tape import TapeReader

__all__ = ["LogFollower", "StatusFeed"]


class Tell(Protocol):
    """Is told a state or an error."""

    def __call__(self, job: Job | GatewayError, *, is_last: bool) -> None: ...


class StatusFeed(Feed["Job"]):
    """Tells what comes at once, instead of keeping it."""

    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell

    def _add(self, value: Job | GatewayError, *, is_last: bool) -> None:
        self._tell(value, is_last=is_last)


class LogFollower:
    """One listener of a log. It begins with the job, which tells where the log belongs; `begin`
    gives the reader then.
    """

    def __init__(self, job: Feed[Job], begin: Callable[[Job], TapeReader]) -> None:
        self._job: Feed[Job] | None = job
        self._begin = begin
        self._reader: TapeReader | None = None

    async def next(self) -> LogEvent | None:
        """The next piece or error; None once nothing more will come."""
        if self._job is not None:
            event = await self._job.next()
            if event is None:
                return None
            if isinstance(event.value, GatewayError):
                return LogEvent(event.value, event.is_last)
            self._reader = self._begin(event.value)
            job, self._job = self._job, None
            job.close()
        return None if self._reader is None else await self._reader.next()

    def close(self) -> None:
        """Listen no more."""
        if self._job is not None:
            self._job.close()
        if self._reader is not None:
            self._reader.close()
