"""The walk through a project's pipelines: newest id first, or in an order of the upstream's
(`ordering`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.errors import BadInput, UpstreamInvalid
from gateway.upstream.paging.filtered import FilteredListing, walk_filtered
from gateway.upstream.paging.offset import OffsetRows, walk_offset
from gateway.upstream.paging.ordering import Ordering, ordering_of
from gateway.upstream.paging.passed_over import test_of_filters
from gateway.upstream.paging.walks import Listing, check_cursor
from gateway.upstream.pruning import WHOLE
from gateway.upstream.routes import PROJECT_PIPELINES

if TYPE_CHECKING:
    from gateway.upstream.client import Client
    from gateway.upstream.entities import Pipeline, ProjectKey
    from gateway.upstream.pages import Filters
    from gateway.upstream.paging.offset import Read
    from gateway.upstream.paging.window import Window
    from gateway.upstream.pruning import Readers
    from gateway.upstream.scope import CallScope, Tally

__all__ = ["walk_pipelines"]


async def walk_pipelines(
    client: Client,
    scope: CallScope,
    project: ProjectKey,
    status: str | None,
    filters: Filters,
    window: Window,
    *,
    readers: Readers = WHOLE,
) -> Listing[Pipeline] | FilteredListing[Pipeline]:
    """Pipelines of a project. Cost: `calls_at_most`.

    `filters` may name an order (`order_by`, `sort`). Windows go on in orders of `id` and
    `updated_at`; in the others there is only the first. Filters that the upstream passes over are
    applied here, on up to 500 rows; the calls for that count as retried.
    """
    read = partial(
        client.pipelines_page,
        scope,
        project,
        status=status,
        filters=filters,
        readers=readers,
    )
    ordering = ordering_of(filters)
    if ordering is None:
        unfiltered = status is None and not filters
        walk = partial(_walk_newest_first, read, scope.tally, unfiltered=unfiltered)
    else:
        walk = partial(_walk_ordered, read, scope.tally, ordering)
    listing = await walk(window)
    test = test_of_filters(filters, from_newest=ordering is None)
    if test is None or not test.is_passed_over(listing.items):
        return listing
    if ordering is not None and not ordering.tells:
        raise BadInput(
            "orderBy: this upstream passes over a filter that was given, and in this order there is"
            " no way through the list to apply it; order by ID or UPDATED_AT, or leave it out"
        )
    return await walk_filtered(walk, scope.tally, window, test, is_planned=False)


async def _walk_newest_first(
    read: Read[Pipeline], tally: Tally, window: Window, *, unfiltered: bool
) -> Listing[Pipeline]:
    check_cursor(window.cursor, "p", 0)
    rows = await walk_offset(read, PROJECT_PIPELINES, tally, window, grows_at_top=unfiltered)
    return Listing("p", 0, window, rows)


async def _walk_ordered(
    read: Read[Pipeline], tally: Tally, ordering: Ordering, window: Window
) -> Listing[Pipeline]:
    check_cursor(window.cursor, "o", ordering.code)
    if ordering.tells:
        rows = await walk_offset(
            read, PROJECT_PIPELINES, tally, window, grows_at_top=False, ordering=ordering
        )
        return OrderedListing(ordering, window, rows)
    if window.cursor is not None:
        raise BadInput(
            "after: in this order the upstream gives rows that are alike in any order, so no page"
            " follows the first; ask for up to 100 rows by first, or page by ID or UPDATED_AT"
        )
    return OrderedListing(ordering, window, await _read_first(read, window))


async def _read_first(read: Read[Pipeline], window: Window) -> OffsetRows[Pipeline]:
    """The first rows, in whatever order they come. Cost: 1 call."""
    page = await read(page=1, per_page=window.size)
    rows = page.items[: window.size]
    is_full = len(rows) == window.size
    goes_on = page.next_page is not None or len(page.items) > len(rows)
    return OffsetRows(
        rows,
        range(len(rows)),
        has_next=goes_on or (is_full and not page.is_told),
        has_previous=False,
        total=page.total,
        steady_total=None,
        scanned=len(page.items),
    )


class OrderedListing(Listing["Pipeline"]):
    """The rows of a window in an order of their own."""

    __slots__ = ("_ordering",)

    def __init__(self, ordering: Ordering, window: Window, rows: OffsetRows[Pipeline]) -> None:
        super().__init__("o", ordering.code, window, rows)
        self._ordering = ordering

    def cursor_of(self, item: Pipeline | UpstreamInvalid) -> str:
        """The cursor of one of the items (this very object); where it does not tell its place, of
        the one before it.
        """
        position = next(place for place, known in enumerate(self.items) if known is item)
        rows = self._rows
        assert isinstance(rows, OffsetRows)  # noqa: S101 - none other is given
        offset = rows.offsets[position]
        for row in self.items[position::-1]:
            if not isinstance(row, UpstreamInvalid) and self._ordering.place_of(row) is not None:
                return str(self._ordering.cursor_of(row, offset))
        return str(self._window.cursor or self._ordering.cursor_at_top)
