"""Folds: several keys read off list pages by one task.

Each key's flight is settled as soon as a page shows its row, so no key waits for another's page.
When nobody waits for any of them, the task is stopped.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gateway.errors import UpstreamInvalid
from gateway.upstream.entities import Bridge, Job
from gateway.upstream.pages import KeysetPage, OffsetPage

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable

    from gateway.loaders.flight import Flight
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
        flights: dict[int, Flight[Row]],
    ) -> None:
        self.scope = scope
        self.project = project
        self.calls = 0
        self._estimated = len(flights)
        self._seen = seen
        # Those that no page has shown.
        self._flights = flights
        self._task = loop.create_task(self._run())
        stop = self._stop
        for flight in flights.values():
            flight.stop = stop

    def missing(self) -> list[int]:
        """The ids that somebody waits for and no page has shown."""
        return [row_id for row_id, flight in self._flights.items() if not flight.done()]

    async def read_pages(self) -> None:
        """Read pages (`take`) while that is worth it."""
        raise NotImplementedError

    def settle(self, row_id: int, flight: Flight[Row], failure: Exception | None) -> int:
        """Settle, or carry on, the flight of an id that no page has shown; the number of calls that
        this takes.
        """
        raise NotImplementedError

    async def take(self, call: Awaitable[Page], *, patience_s: float | None = None) -> Page:
        """Read a page and settle the flights of the rows it shows."""
        self.calls += 1
        async with asyncio.timeout(patience_s):
            page = await call
        found: list[Row] = []
        for row in page.items:
            if not isinstance(row, UpstreamInvalid):
                flight = self._flights.pop(row.id, None)
                if flight is not None:
                    # A loader knows its flights, they know the fold, the fold knows the loader: let
                    # go of each other, here and below, or pages of jobs wait for the collector.
                    flight.stop = None
                    if not flight.done():
                        flight.set_result(row)
                    found.append(row)
        # The others go with the page.
        self._seen.add(self.project, found)
        return page

    async def _run(self) -> None:
        failure = None
        try:
            await self.read_pages()
        except Exception as error:  # noqa: BLE001 - the waiters' to handle
            failure = error
        calls = self.calls
        for row_id, flight in self._flights.items():
            flight.stop = None
            if not flight.done():
                calls += self.settle(row_id, flight, failure)
        # A key is estimated at one call; what a fold made in vain comes on top.
        self.scope.tally.retried += max(0, calls - self._estimated)

    def _stop(self) -> None:
        if not self.missing():
            self._task.cancel()
