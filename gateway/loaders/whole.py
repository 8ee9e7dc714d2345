"""The whole lists of one pipeline: jobs, jobs with the retried ones, bridges. Each is read once for
all that an operation wants of it.

What is asked for in the same tick is read side by side. Windows of these lists that are asked for
meanwhile are cut out of them.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from gateway.errors import UpstreamInvalid
from gateway.loaders.flight import launch
from gateway.upstream.pages import MAX_PER_PAGE
from gateway.upstream.paging import (
    ItemListing,
    Listing,
    WholeRows,
    read_rest,
    walk_all_items,
    walk_all_pipeline_jobs,
    walk_bridges,
    walk_items,
    walk_pipeline_jobs,
)
from gateway.upstream.paging.items import windows_of
from gateway.upstream.paging.walks import check_cursor
from gateway.upstream.routes import PIPELINE_BRIDGES, PIPELINE_JOBS

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from gateway.loaders.flight import Flight
    from gateway.loaders.seen import Seen
    from gateway.upstream.client import Client
    from gateway.upstream.entities import Bridge, Job, ProjectKey
    from gateway.upstream.pages import OffsetPage
    from gateway.upstream.paging import Window
    from gateway.upstream.paging.cursors import ListKind
    from gateway.upstream.pruning import Readers
    from gateway.upstream.scope import CallScope

__all__ = ["MAX_BRIDGES", "MAX_LIST_ROWS", "ListName", "PipelineLists", "pages_of"]

ListName: TypeAlias = Literal["jobs", "all_jobs", "bridges"]

# Rows that are read at most of a list of jobs.
MAX_LIST_ROWS: Final = 500
# A pipeline has few bridges: one page is read of them.
MAX_BRIDGES: Final = MAX_PER_PAGE

# The lists that the window of a walk can be cut out of.
LISTS_OF: Final[dict[Any, tuple[ListName, ...]]] = {
    walk_pipeline_jobs: ("jobs",),
    walk_all_pipeline_jobs: ("all_jobs",),
    walk_bridges: ("bridges",),
    walk_items: ("jobs", "bridges"),
    walk_all_items: ("all_jobs", "bridges"),
}


def pages_of(name: ListName, max_list_rows: int) -> int:
    """How many calls a list takes at most."""
    return 1 if name == "bridges" else math.ceil(max_list_rows / MAX_PER_PAGE)


class PipelineLists:
    """The lists of one pipeline, up to a limit of rows."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        client: Client,
        scope: CallScope,
        seen: Seen,
        readers: Readers,
        project: ProjectKey,
        pipeline_id: int,
        max_rows: int,
    ) -> None:
        self._loop = loop
        self._scope = scope
        self._seen = seen
        self.project = project
        self._pipeline_id = pipeline_id
        self._max_rows = max_rows
        self._flights: dict[ListName, Flight[WholeRows[Any]]] = {}
        self._firsts: dict[ListName, Flight[OffsetPage[Any]]] = {}
        asked = (scope, project, pipeline_id)
        jobs = partial(client.pipeline_jobs_page, *asked, readers=readers)
        self._reads: dict[ListName, Any] = {
            "jobs": jobs,
            "all_jobs": partial(jobs, include_retried=True),
            "bridges": partial(client.bridges_page, *asked, readers=readers),
        }

    def jobs(self) -> Flight[WholeRows[Job]]:
        """The latest runs of its jobs. Cost: 1 call for each 100 rows, up to the limit."""
        return self._load("jobs")

    def all_jobs(self) -> Flight[WholeRows[Job]]:
        """The same with those that were retried. Cost: the same; 1 call where there are none and
        `jobs` is read in the same tick.
        """
        return self._load("all_jobs")

    def bridges(self) -> Flight[WholeRows[Bridge]]:
        """Its bridges, 100 at most. Cost: 1 call."""
        return self._load("bridges")

    async def cut_out(
        self, walk: object, statuses: tuple[str, ...], window: Window
    ) -> Listing[Any] | ItemListing | None:
        """The listing of a walk through lists that somebody wants whole; None where nobody does, or
        where it reaches beyond their limit.
        """
        names = () if statuses else LISTS_OF.get(walk, ())
        flights = [flight for name in names if (flight := self.under_way(name)) is not None]
        if not names or len(flights) < len(names):
            return None
        rows = [await flight for flight in flights]
        if len(names) == 1:
            kind: ListKind = "b" if names == ("bridges",) else "q"
            check_cursor(window.cursor, kind, self._pipeline_id)
            found = rows[0].cut_out(window)
            return Listing(kind, self._pipeline_id, window, found) if found else None
        windows = windows_of(window, self._pipeline_id)
        jobs, bridges = (whole.cut_out(part) for whole, part in zip(rows, windows, strict=True))
        if jobs is None or bridges is None:
            return None
        return ItemListing(self._pipeline_id, window, jobs, bridges)

    def under_way(self, name: ListName) -> Flight[WholeRows[Any]] | None:
        """A list that somebody wants."""
        flight = self._flights.get(name)
        return None if flight is None or flight.cancelled() else flight

    def _load(self, name: ListName) -> Flight[WholeRows[Any]]:
        flight = self.under_way(name)
        if flight is None:
            flight = self._flights[name] = launch(self._loop, self._read(name))
        return flight

    def _first(self, name: ListName) -> Flight[OffsetPage[Any]]:
        flight = self._firsts.get(name)
        if flight is None or flight.cancelled():
            read = self._reads[name](page=1, per_page=MAX_PER_PAGE)
            flight = self._firsts[name] = launch(self._loop, read)
        return flight

    async def _read(self, name: ListName) -> WholeRows[Any]:
        first = self._first(name)
        page = await first
        latest = self.under_way("jobs") if name == "all_jobs" else None
        if latest is not None and await self._are_none_retried(page):
            return await latest
        route = PIPELINE_BRIDGES if name == "bridges" else PIPELINE_JOBS
        rows = await read_rest(
            page,
            self._reads[name],
            route,
            self._scope.tally,
            max_rows=MAX_BRIDGES if name == "bridges" else self._max_rows,
        )
        self._seen.add(self.project, rows.items)
        return rows

    async def _are_none_retried(self, page: OffsetPage[Job]) -> bool:
        """Is the list that this page begins the same as that of the latest runs? Both are as long,
        and a retry in between would show on top of one.
        """
        try:
            latest = await self._first("jobs")
        except Exception:  # noqa: BLE001 - told in its own place
            return False
        if page.total is None and (page.next_page is not None or not page.is_told):
            return False
        return page.total == latest.total and _ids(page) == _ids(latest)


def _ids(page: OffsetPage[Job]) -> list[int | None]:
    return [None if isinstance(row, UpstreamInvalid) else row.id for row in page.items]
