"""Whole lists: all rows of a list that the upstream pages by offset, up to a limit.

The first page tells how long the list is; the others are then read side by side. Such a list moves
while it is read, so the pages are trusted only where they prove to be one list: all of them tell
the same length, their ids fall from row to row, and there are as many rows as the length says.
Rows come in at the top only, and every retry that lets one drop out lets another one in. So at
equal length the rows have moved down, if anywhere, and then a page begins with a row that the page
before it ends with. Where they prove nothing the list is walked, window by window (`offset`).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from msgspec import Struct

from gateway.errors import UpstreamInvalid
from gateway.upstream.entities import Bridge, Job
from gateway.upstream.pages import MAX_PER_PAGE, lowest_id
from gateway.upstream.paging.cursors import MAX_ID, Cursor
from gateway.upstream.paging.offset import OffsetRows, walk_offset
from gateway.upstream.paging.offset_pages import end_of_taken, start_of_taken
from gateway.upstream.paging.reads import side_by_side
from gateway.upstream.paging.window import Window
from gateway.upstream.scope import Tally

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Sequence

    from gateway.upstream.pages import OffsetPage
    from gateway.upstream.routes import Route

__all__ = ["WholeRows", "read_rest"]

T = TypeVar("T", bound=Job | Bridge)


class WholeRows(Struct, Generic[T]):
    """The rows of a list, newest id first; where the limit cut it (`is_cut`) there are older ones.

    `total` is how many there are in all, where the upstream counts them.
    """

    items: list[T | UpstreamInvalid]
    total: int | None
    is_cut: bool
    _by_name: dict[str, list[T]] = {}

    def named(self, name: str) -> list[T]:
        """Those of this name, newest first."""
        if not self._by_name:
            for row in self.readable:
                self._by_name.setdefault(row.name, []).append(row)
        return self._by_name.get(name, [])

    @property
    def readable(self) -> list[T]:
        """Those that could be read."""
        return [row for row in self.items if not isinstance(row, UpstreamInvalid)]

    @property
    def is_partial(self) -> bool:
        """Is it not the whole list: was it cut, or can a row not be read?"""
        return self.is_cut or any(isinstance(row, UpstreamInvalid) for row in self.items)

    def cut_out(self, window: Window) -> OffsetRows[T] | None:
        """The rows of a window; None for one that reaches beyond what was read."""
        items, cursor = self.items, window.cursor
        count = len(items)
        bound = MAX_ID + 1 if cursor is None else cursor.id
        at = -1 if cursor is None else cursor.offset
        if window.backward:
            end = count if cursor is None else start_of_taken(items, bound, at)
            start = max(end - window.size, 0)
            if self.is_cut and end == count:
                return None
        else:
            start = 0 if cursor is None else end_of_taken(items, bound, at)
            end = min(start + window.size, count)
            if self.is_cut and start + window.size > count:
                return None
        return OffsetRows(
            items[start:end],
            range(start, end),
            has_next=self.is_cut or end < count,
            has_previous=start > 0,
            total=self.total,
            steady_total=self.total,
            scanned=end - start,
        )


class ReadPage(Protocol[T]):
    """Reads one page."""

    def __call__(self, *, page: int, per_page: int) -> Coroutine[Any, Any, OffsetPage[T]]: ...


async def read_rest(
    first: OffsetPage[T], read: ReadPage[T], route: Route, tally: Tally, *, max_rows: int
) -> WholeRows[T]:
    """The list that begins with this page of 100 rows, read just now, up to about so many rows.

    Cost: 1 call for each further 100 rows, side by side; what a list that moves meanwhile takes on
    top counts as retried.
    """
    total = first.total
    if first.next_page is None and first.is_told:
        return WholeRows(first.items, total, is_cut=False)
    most = math.ceil(max_rows / MAX_PER_PAGE)
    calls = 1
    if total is not None and len(first.items) == MAX_PER_PAGE:
        pages = min(math.ceil(total / MAX_PER_PAGE), most)
        others = await side_by_side(
            *[read(page=number, per_page=MAX_PER_PAGE) for number in range(2, pages + 1)]
        )
        calls += len(others)
        items = [*first.items]
        for page in others:
            items += page.items
        wanted = min(total, most * MAX_PER_PAGE)
        if all(page.total == total for page in others) and _is_one_list(items, wanted):
            return WholeRows(items, total, is_cut=wanted < total)
    rows, walked = await _walk(read, route, most)
    tally.retried += max(0, calls + walked - most)
    return rows


def _is_one_list(items: Sequence[Any], length: int) -> bool:
    ids = [row.id for row in items if not isinstance(row, UpstreamInvalid)]
    return len(items) == length and all(above > below for above, below in pairwise(ids))


async def _walk(read: ReadPage[T], route: Route, most: int) -> tuple[WholeRows[T], int]:
    """The list, window by window, each after the one before; and the calls that it took."""
    calls = 0

    def counted(*, page: int, per_page: int) -> Awaitable[OffsetPage[T]]:
        nonlocal calls
        calls += 1
        return read(page=page, per_page=per_page)

    items: list[T | UpstreamInvalid] = []
    cursor: Cursor | None = None
    while True:
        window = Window(MAX_PER_PAGE, cursor=cursor, wants_previous=False)
        rows = await walk_offset(counted, route, Tally(), window, grows_at_top=True)
        items += rows.items
        if not rows.has_next or not rows.items or len(items) >= most * MAX_PER_PAGE:
            return WholeRows(items, rows.total, is_cut=rows.has_next), calls
        # An unreadable row at the end is known by its offset.
        last_id = lowest_id(items)
        bound = MAX_ID if last_id is None else last_id
        cursor = Cursor("q", bound, 0, rows.offsets[-1], rows.steady_total)
