"""One walk for each of the upstream's lists: it reads the pages that hold a window, and gives their
rows as a `Listing`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from gateway.errors import BadInput, UpstreamInvalid
from gateway.upstream.entities import Bridge, Job, Pipeline
from gateway.upstream.paging.cursors import MAX_ID, Cursor
from gateway.upstream.paging.keyset import walk_keyset
from gateway.upstream.paging.offset import OffsetRows, walk_offset
from gateway.upstream.pruning import WHOLE
from gateway.upstream.routes import PIPELINE_BRIDGES, PIPELINE_JOBS

if TYPE_CHECKING:
    from gateway.upstream.client import Client
    from gateway.upstream.entities import ProjectKey
    from gateway.upstream.paging.cursors import ListKind
    from gateway.upstream.paging.keyset import KeysetRows
    from gateway.upstream.paging.window import Window
    from gateway.upstream.pruning import Readers
    from gateway.upstream.scope import CallScope

__all__ = [
    "Listing",
    "walk_all_pipeline_jobs",
    "walk_bridges",
    "walk_pipeline_jobs",
    "walk_project_jobs",
]

T = TypeVar("T", bound=Job | Bridge | Pipeline)


class Listing(Generic[T]):
    """The rows of a window, newest id first.

    A row that the upstream sent and that cannot be read is an `UpstreamInvalid` at its place.
    `total` is the length of the list where the upstream counts it; `scanned` how many rows were
    read to fill the window.
    """

    __slots__ = (
        "_kind",
        "_parent",
        "_positions",
        "_rows",
        "_window",
        "calls",
        "has_next",
        "has_previous",
        "items",
        "scanned",
        "total",
    )

    def __init__(
        self, kind: ListKind, parent: int, window: Window, rows: KeysetRows[T] | OffsetRows[T]
    ) -> None:
        self.items = rows.items
        self.has_next = rows.has_next
        self.has_previous = rows.has_previous
        self.scanned = rows.scanned
        self.calls = rows.calls
        self.total = rows.total if isinstance(rows, OffsetRows) else None
        self._kind = kind
        self._parent = parent
        self._window = window
        self._rows = rows
        self._positions: dict[int, int] | None = None

    def cursor_of(self, item: T | UpstreamInvalid) -> str:
        """The cursor of one of the items (this very object)."""
        items = self.items
        if item is items[-1]:
            position = len(items) - 1
        elif item is items[0]:
            position = 0
        else:
            if self._positions is None:
                self._positions = {id(item): position for position, item in enumerate(items)}
            position = self._positions[id(item)]
        row_id = self._bound_at(position) if isinstance(item, UpstreamInvalid) else item.id
        rows = self._rows
        if isinstance(rows, OffsetRows):
            return str(
                Cursor(self._kind, row_id, self._parent, rows.offsets[position], rows.steady_total)
            )
        return str(Cursor(self._kind, row_id))

    def _bound_at(self, position: int) -> int:
        """An id for the unreadable row at this position: the rows after it lie below."""
        items, rows, cursor = self.items, self._rows, self._window.cursor
        for item in items[position:]:
            if not isinstance(item, UpstreamInvalid):
                return item.id + 1
        if not isinstance(rows, OffsetRows) and rows.end is not None:
            return rows.end if position == len(items) - 1 else rows.end + 1
        if self._window.backward:
            return 1 if cursor is None else cursor.id + 1
        for item in reversed(items[:position]):
            if not isinstance(item, UpstreamInvalid):
                return item.id
        return MAX_ID if cursor is None else cursor.id


async def walk_project_jobs(
    client: Client,
    scope: CallScope,
    project: ProjectKey,
    statuses: tuple[str, ...],
    window: Window,
    *,
    ref: str | None = None,
    readers: Readers = WHOLE,
) -> Listing[Job]:
    """Jobs of a project, retried ones included, without bridges; of one `ref` only where the
    upstream knows that filter. Cost: `calls_at_most`.
    """
    check_cursor(window.cursor, "j", 0)
    read = partial(client.project_jobs_page, scope, project, statuses=statuses, readers=readers)
    if ref is not None:
        read = partial(read, ref=ref)
    return Listing("j", 0, window, await walk_keyset(read, scope.tally, window))


async def walk_pipeline_jobs(
    client: Client,
    scope: CallScope,
    project: ProjectKey,
    pipeline_id: int,
    statuses: tuple[str, ...],
    window: Window,
    *,
    include_retried: bool = False,
    readers: Readers = WHOLE,
) -> Listing[Job]:
    """Jobs of a pipeline, without bridges; retried ones only on request. Cost: `calls_at_most`."""
    check_cursor(window.cursor, "q", pipeline_id)
    read = partial(
        client.pipeline_jobs_page,
        scope,
        project,
        pipeline_id,
        statuses=statuses,
        include_retried=include_retried,
        readers=readers,
    )
    rows = await walk_offset(read, PIPELINE_JOBS, scope.tally, window, grows_at_top=not statuses)
    return Listing("q", pipeline_id, window, rows)


walk_all_pipeline_jobs = partial(walk_pipeline_jobs, include_retried=True)


async def walk_bridges(
    client: Client,
    scope: CallScope,
    project: ProjectKey,
    pipeline_id: int,
    statuses: tuple[str, ...],
    window: Window,
    *,
    readers: Readers = WHOLE,
) -> Listing[Bridge]:
    """Bridges of a pipeline. Cost: `calls_at_most`."""
    check_cursor(window.cursor, "b", pipeline_id)
    read = partial(
        client.bridges_page, scope, project, pipeline_id, statuses=statuses, readers=readers
    )
    rows = await walk_offset(read, PIPELINE_BRIDGES, scope.tally, window, grows_at_top=not statuses)
    return Listing("b", pipeline_id, window, rows)


def check_cursor(cursor: Cursor | None, kind: ListKind, parent: int) -> None:
    """Raise `BadInput` for another list's cursor."""
    if cursor is not None and (cursor.kind != kind or cursor.parent != parent):
        raise BadInput("the cursor belongs to another list; give it back where it came from")
