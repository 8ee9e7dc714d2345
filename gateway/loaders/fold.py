"""Folds: several keys read off list pages by one task.

Each key has a seat, a flight that is settled as soon as a page shows its row; so no key waits for
another's page. When all seats are left the task is stopped.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gateway.errors import UpstreamInvalid
from gateway.loaders.flight import Flight
from gateway.upstream.entities import Bridge, Job
from gateway.upstream.pages import KeysetPage, OffsetPage

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Iterable

    from gateway.loaders.seen import Seen
    from gateway.upstream.entities import ProjectKey
    from gateway.upstream.scope import CallScope

__all__ = ["Fold"]

Row = TypeVar("Row", bound=Job | Bridge)
Page = TypeVar("Page", bound=KeysetPage[Any] | OffsetPage[Any])


class Fold(Generic[Row]):
    """Rows of one project by id. Subclasses say which pages are read, and what becomes of ids that
    they do not show.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        scope: CallScope,
        seen: Seen,
        project: ProjectKey,
        ids: Iterable[int],
    ) -> None:
        self.scope = scope
        self.project = project
        self.calls = 0
        self._loop = loop
        self._seen = seen
        self._seats = {row_id: Flight[Row](loop, self._leave) for row_id in ids}
        self._task = loop.create_task(self._run())

    @property
    def seats(self) -> Iterable[Flight[Row]]:
        """A future for each id, in order."""
        return self._seats.values()

    def missing(self) -> list[int]:
        """The ids that somebody waits for and no page has shown."""
        return [row_id for row_id, seat in self._seats.items() if not seat.done()]

    async def read_pages(self) -> None:
        """Read pages (`take`) while that is worth it."""
        raise NotImplementedError

    def settle(self, seat: Flight[Row], row_id: int, failure: Exception | None) -> int:
        """Settle the seat of an id that no page has shown; the number of calls that this takes."""
        raise NotImplementedError

    async def take(self, call: Awaitable[Page], *, patience_s: float | None = None) -> Page:
        """Read a page and settle the seats of the rows it shows."""
        self.calls += 1
        async with asyncio.timeout(patience_s):
            page = await call
        self._seen.add(self.project, page.items)
        for row in page.items:
            if not isinstance(row, UpstreamInvalid):
                seat = self._seats.get(row.id)
                if seat is not None and not seat.done():
                    seat.set_result(row)
        return page

    async def _run(self) -> None:
        failure = None
        try:
            await self.read_pages()
        except Exception as error:  # noqa: BLE001 - the waiters' to handle
            failure = error
        calls = self.calls
        for row_id in self.missing():
            calls += self.settle(self._seats[row_id], row_id, failure)
        # A key is estimated at one call; what a fold made in vain comes on top.
        self.scope.tally.retried += max(0, calls - len(self._seats))

    def _leave(self) -> None:
        if not self.missing():
            self._task.cancel()
