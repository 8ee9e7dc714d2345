"""The jobs and bridges of a pipeline as one list, newest id first.

The upstream has them in two lists. A window of the merged list is cut out of a window of each, so
it costs both, side by side. Its cursors tell where they stand in both (`cursors`), so going on
costs no more.
"""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from gateway.errors import BadInput, UpstreamInvalid
from gateway.upstream.entities import Bridge, Job
from gateway.upstream.paging.cursors import ITEM_KINDS, MAX_ID, Cursor
from gateway.upstream.paging.offset import walk_offset
from gateway.upstream.paging.reads import side_by_side
from gateway.upstream.paging.window import Window
from gateway.upstream.pruning import WHOLE
from gateway.upstream.routes import PIPELINE_BRIDGES, PIPELINE_JOBS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.upstream.client import Client
    from gateway.upstream.entities import Item, ProjectKey
    from gateway.upstream.paging.offset import OffsetRows
    from gateway.upstream.pruning import Readers
    from gateway.upstream.scope import CallScope

__all__ = ["ItemListing", "walk_all_items", "walk_items", "windows_of"]

T = TypeVar("T", bound=Job | Bridge)


class _Side(Generic[T]):
    """The rows of one of the two lists. `seen` is how many of its rows the window's cursor told to
    stand at or above it.
    """

    __slots__ = ("_offsets", "_seen", "_taken", "rows", "total")

    def __init__(self, rows: OffsetRows[T], seen: int) -> None:
        self.rows = rows
        self.total = rows.steady_total
        self._offsets = rows.offsets
        self._seen = seen
        # The indices of its rows that the window has.
        self._taken: range = range(0)

    def take(self, taken: range) -> None:
        self._taken = taken

    def above(self, count: int) -> int:
        """How many of its rows stand above the window's row that `count` rows of it come before."""
        place = self._taken.start + count
        if count:
            return self._offsets[place - 1] + 1
        return self._offsets[place] if place < len(self._offsets) else self._seen


class ItemListing:
    """The rows of a window, as a `Listing` has them."""

    __slots__ = (
        "_bridges",
        "_cursors",
        "_jobs",
        "_kinds",
        "_parent",
        "_window",
        "has_next",
        "has_previous",
        "items",
        "scanned",
        "total",
    )

    def __init__(
        self,
        parent: int,
        window: Window,
        jobs: OffsetRows[Job],
        bridges: OffsetRows[Bridge],
    ) -> None:
        cursor = window.cursor
        self._parent = parent
        self._window = window
        self._jobs = _Side(jobs, 0 if cursor is None else cursor.offset)
        self._bridges = _Side(bridges, 0 if cursor is None else cursor.bridges)
        self._cursors: dict[int, str] | None = None
        rows = _merged(jobs.items, bridges.items)
        size = min(window.size, len(rows))
        start = len(rows) - size if window.backward else 0
        taken = rows[start : start + size]
        self.items: list[Item | UpstreamInvalid] = [row for row, _ in taken]
        self._kinds = [is_job for _, is_job in taken]
        jobs_before = sum(is_job for _, is_job in rows[:start])
        jobs_taken = sum(self._kinds)
        bridges_before = start - jobs_before
        self._jobs.take(range(jobs_before, jobs_before + jobs_taken))
        self._bridges.take(range(bridges_before, bridges_before + size - jobs_taken))
        self.has_next = start + size < len(rows) or jobs.has_next or bridges.has_next
        self.has_previous = start > 0 or jobs.has_previous or bridges.has_previous
        self.scanned = jobs.scanned + bridges.scanned
        counted = jobs.total is not None and bridges.total is not None
        self.total = (jobs.total or 0) + (bridges.total or 0) if counted else None

    @property
    def by_kind(self) -> tuple[list[Any], list[Any]]:
        """The jobs and the bridges among the items."""
        rows = list(zip(self.items, self._kinds, strict=True))
        return [row for row, is_job in rows if is_job], [row for row, is_job in rows if not is_job]

    def cursor_of(self, item: Item | UpstreamInvalid) -> str:
        """The cursor of one of the items (this very object)."""
        if self._cursors is None:
            self._cursors = self._all_cursors()
        return self._cursors[id(item)]

    def _all_cursors(self) -> dict[int, str]:
        cursors = {}
        jobs_before = 0
        for place, (item, is_job) in enumerate(zip(self.items, self._kinds, strict=True)):
            jobs_before += is_job
            cursors[id(item)] = str(
                Cursor(
                    "m" if is_job else "n",
                    self._bound_at(place) if isinstance(item, UpstreamInvalid) else item.id,
                    self._parent,
                    self._jobs.above(jobs_before),
                    self._jobs.total,
                    self._bridges.above(place + 1 - jobs_before),
                    self._bridges.total,
                )
            )
        return cursors

    def _bound_at(self, place: int) -> int:
        """An id for the unreadable row at this place: the rows after it lie below."""
        for item in self.items[place:]:
            if not isinstance(item, UpstreamInvalid):
                return item.id + 1
        for item in reversed(self.items[:place]):
            if not isinstance(item, UpstreamInvalid):
                return item.id
        cursor = self._window.cursor
        return MAX_ID if cursor is None else cursor.id


def windows_of(window: Window, pipeline_id: int) -> tuple[Window, Window]:
    """The windows of the jobs and of the bridges that a window of both is cut out of; raises
    `BadInput` for another list's cursor.
    """
    cursor = window.cursor
    if cursor is None:
        return window, window
    if cursor.kind not in ITEM_KINDS or cursor.parent != pipeline_id:
        raise BadInput("the cursor belongs to another list; give it back where it came from")

    def side(kind: Any, above: int, total: int | None, *, is_own: bool) -> Window:
        # The row itself stands in one list only. In the other one the walk down begins after the
        # row above it, the walk up before the row below it.
        at = above - 1 if is_own or not window.backward else above
        return Window(
            window.size,
            window.backward,
            Cursor(kind, cursor.id, pipeline_id, at, total),
            window.wants_next,
            window.wants_previous,
        )

    is_job = cursor.kind == "m"
    return (
        side("q", cursor.offset, cursor.total, is_own=is_job),
        side("b", cursor.bridges, cursor.bridges_total, is_own=not is_job),
    )


async def walk_items(
    client: Client,
    scope: CallScope,
    project: ProjectKey,
    pipeline_id: int,
    statuses: tuple[str, ...],
    window: Window,
    *,
    include_retried: bool = False,
    readers: Readers = WHOLE,
) -> ItemListing:
    """Jobs and bridges of a pipeline; retried jobs only on request. Cost: `calls_at_most` of each
    list, side by side.
    """
    of_jobs, of_bridges = windows_of(window, pipeline_id)
    asked = (scope, project, pipeline_id)
    read_jobs = partial(
        client.pipeline_jobs_page,
        *asked,
        statuses=statuses,
        include_retried=include_retried,
        readers=readers,
    )
    read_bridges = partial(client.bridges_page, *asked, statuses=statuses, readers=readers)
    at_top = not statuses
    jobs, bridges = await side_by_side(
        walk_offset(read_jobs, PIPELINE_JOBS, scope.tally, of_jobs, grows_at_top=at_top),
        walk_offset(read_bridges, PIPELINE_BRIDGES, scope.tally, of_bridges, grows_at_top=at_top),
    )
    return ItemListing(pipeline_id, window, jobs, bridges)


walk_all_items: Final = partial(walk_items, include_retried=True)


def _merged(
    jobs: Sequence[Job | UpstreamInvalid], bridges: Sequence[Bridge | UpstreamInvalid]
) -> list[tuple[Any, bool]]:
    """Both, newest id first, each with whether it is a job. An unreadable row has no id: it keeps
    its place before the next readable one of its own list.
    """
    keyed = chain(
        ((key, row, True) for key, row in _keyed(jobs)),
        ((key, row, False) for key, row in _keyed(bridges)),
    )
    return [(row, is_job) for _, row, is_job in sorted(keyed, key=lambda each: each[0])]


def _keyed(rows: Sequence[Any]) -> list[tuple[tuple[int, bool], Any]]:
    keyed: list[tuple[tuple[int, bool], Any]] = []
    below = 0
    for row in reversed(rows):
        if isinstance(row, UpstreamInvalid):
            keyed.append(((-below, False), row))
        else:
            below = row.id
            keyed.append(((-below, True), row))
    keyed.reverse()
    return keyed
