"""Walks through lists that the upstream pages by offset only: a pipeline's jobs and bridges, the
pipelines of a project (upstream.md, 8.1).

Such a list moves under a walk. Rows that are created push the others down; rows that drop out, as a
retried job does, let those below them up. So a walk goes by ids and takes offsets for hints: from
the last row taken it reads on where that row was seen, drops what it has taken already, and trusts
a page to leave no gap only if

- the page shows a row that was taken before, or
- it is the list's first page (its last one, walking up), or
- walking down, the list is no shorter than it was, and rows can come in at its top only: then
  those above the last row are no fewer, and nothing below it has moved up.

Otherwise it steps back. So nothing is repeated and nothing is skipped. A list that keeps still
costs one call, for the smallest page that holds all that is wanted; where nothing tells whether
there are rows after a full page, one more asks for the next row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from msgspec import Struct

from gateway.errors import BadInput, UpstreamInvalid
from gateway.upstream.entities import Bridge, Job, Pipeline
from gateway.upstream.pages import MAX_PER_PAGE
from gateway.upstream.paging.cursors import MAX_ID
from gateway.upstream.paging.offset_pages import (
    Page,
    Search,
    end_of_row,
    end_of_taken,
    id_of,
    page_holding,
    start_of_taken,
)
from gateway.upstream.paging.window import calls_at_most

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from gateway.upstream.pages import OffsetPage
    from gateway.upstream.paging.offset_pages import PlaceOf
    from gateway.upstream.paging.ordering import Ordering
    from gateway.upstream.paging.window import Window
    from gateway.upstream.routes import Route
    from gateway.upstream.scope import Tally

__all__ = ["OffsetRows", "walk_offset"]

T = TypeVar("T", bound=Job | Bridge | Pipeline)

# Calls after which a list that moves too fast, or leads astray, is given up.
MAX_CALLS: Final = 25


class OffsetRows(Struct, Generic[T]):
    """The rows of a window, each with its offset in the list.

    `steady_total` is for their cursors: the total, where rows can come in at the list's top only.
    """

    items: list[T | UpstreamInvalid]
    offsets: Sequence[int]
    has_next: bool
    has_previous: bool
    total: int | None
    steady_total: int | None
    scanned: int
    calls: int = 1


class Read(Protocol[T]):
    """Reads one page."""

    def __call__(self, *, page: int, per_page: int) -> Awaitable[OffsetPage[T]]: ...


async def walk_offset(
    read: Read[T],
    route: Route,
    tally: Tally,
    window: Window,
    *,
    grows_at_top: bool,
    ordering: Ordering | None = None,
) -> OffsetRows[T]:
    """The rows of a window of the list that `read` reads pages of. `grows_at_top` says that rows
    can come in nowhere else. In another order than newest id first there is no way back.

    Cost: 1 call; 2 where no page holds all that is wanted; one more to find the oldest rows of a
    list over 100.
    """
    walker = _Walker(read, route, grows_at_top=grows_at_top, wants_next=window.wants_next)
    size, cursor = window.size, window.cursor
    try:
        if ordering is not None:
            bound, at = ordering.place_in(cursor), -1 if cursor is None else cursor.offset
            return await walker.down(size, bound, at, None, place_of=ordering.place_of)
        if window.backward:
            if cursor is None:
                return await walker.oldest(size)
            return await walker.up(size, cursor.id, cursor.offset)
        if cursor is None:
            return await walker.down(size, MAX_ID + 1, -1, None)
        return await walker.down(size, cursor.id, cursor.offset, cursor.total)
    finally:
        planned = calls_at_most(size, backward=window.backward, has_cursor=cursor is not None)
        tally.retried += max(0, walker.calls - planned)


class _Walker(Generic[T]):
    __slots__ = (
        "_grows_at_top",
        "_longest",
        "_per_page",
        "_read",
        "_route",
        "_scanned",
        "_wants_next",
        "calls",
    )

    def __init__(
        self, read: Read[T], route: Route, *, grows_at_top: bool, wants_next: bool
    ) -> None:
        self._read = read
        self._route = route
        self._grows_at_top = grows_at_top
        self._wants_next = wants_next
        self._per_page = MAX_PER_PAGE
        self._longest = 0
        self._scanned = 0
        self.calls = 0

    async def down(
        self,
        size: int,
        bound: Any,
        at: int,
        total: int | None,
        *,
        place_of: PlaceOf = id_of,
    ) -> OffsetRows[T]:
        """The first rows below the `bound`, of which the offset was `at` when the list was `total`
        long. It is an id, or a place in another order.
        """
        items: list[T | UpstreamInvalid] = []
        offsets: list[int] = []
        search: Search | None = None
        while True:
            missing = size - len(items)
            proves = self._grows_at_top and total is not None
            low = at if at >= 0 and not proves else at + 1
            page = await self._page(low, low + self._per_page if search else at + missing)
            first = next(filter(None, map(place_of, page.items)), None)
            is_proven = proves and page.start <= low and (page.total or 0) >= (total or 0)
            # Rows of one time come in any order: the last one itself tells best where to go on.
            after = end_of_row(page.items, bound, place_of) if place_of is not id_of else None
            is_proven |= after is not None
            if page.start and (first is None or first < bound) and not is_proven:
                # What lay on this page may have moved up, out of it.
                search = search or Search(self._per_page)
                at, total = search.before(page), None
                continue
            cut = after or end_of_taken(page.items, bound, at - page.start, place_of)
            taken = page.items[cut : cut + missing]
            items += taken
            offsets += range(page.start + cut, page.start + cut + len(taken))
            is_cut = cut + len(taken) < len(page.items)
            if len(items) == size or not await self._goes_on(page):
                has_next = is_cut or (self._wants_next and await self._goes_on(page))
                return self._rows(
                    items,
                    offsets,
                    page,
                    has_next=has_next,
                    has_previous=(offsets[0] if offsets else page.start + cut) > 0,
                )
            if taken:
                places = [place for place in map(place_of, taken) if place is not None]
                if places:
                    bound = min(places) if place_of is id_of else places[-1]
                at, total, search = page.end - 1, page.total, None
            else:
                search = search or Search(self._per_page)
                at = search.beyond(page)
                total = page.total if at == page.end - 1 else None

    async def up(self, size: int, bound: int, at: int) -> OffsetRows[T]:
        """The last rows above the id `bound`, of which the offset was `at`."""
        items: list[T | UpstreamInvalid] = []
        offsets: list[int] = []
        has_next: bool | None = None
        search: Search | None = None
        while True:
            missing = size - len(items)
            if search:
                page = await self._page(at, at + self._per_page)
            else:
                # Bound 0 is below all ids: the row at the list's end is wanted itself.
                page = await self._page(max(at - missing + (not bound), 0), at, keep_high=True)
            last_id = next(filter(None, map(id_of, reversed(page.items))), bound + 1)
            if last_id > bound and await self._goes_on(page):
                # What lay above the bound may have moved down, out of this page.
                search = search or Search(self._per_page)
                at = search.beyond(page)
                continue
            cut = start_of_taken(page.items, bound, at - page.start)
            if page.start and not cut:
                search = search or Search(self._per_page)
                at = search.before(page)
                continue
            if has_next is None:
                has_next = cut < len(page.items) or (self._wants_next and await self._goes_on(page))
            taken = page.items[max(cut - missing, 0) : cut]
            items[:0] = taken
            offsets[:0] = range(page.start + cut - len(taken), page.start + cut)
            if len(items) == size or not page.start:
                return self._rows(
                    items,
                    offsets,
                    page,
                    has_next=has_next,
                    has_previous=bool(offsets) and offsets[0] > 0,
                )
            bound = max(filter(None, map(id_of, taken)), default=bound)
            at, search = page.start, None

    async def oldest(self, size: int) -> OffsetRows[T]:
        """The last rows of the list."""
        page = await self._page(0, MAX_PER_PAGE - 1)
        count = len(page.items)
        if not await self._goes_on(page):
            start = max(count - size, 0)
            return self._rows(
                page.items[start:],
                range(start, count),
                page,
                has_next=False,
                has_previous=start > 0,
            )
        if page.total is None:
            raise BadInput(
                "last: the upstream does not count this list, so its end is not known;"
                " page from its start, with first and after"
            )
        return await self.up(size, 0, page.total - 1)

    async def _page(self, low: int, high: int, *, keep_high: bool = False) -> Page[T]:
        """The smallest page that holds these offsets, else one that holds most of them."""
        number, per_page = page_holding(low, high, self._per_page, keep_high=keep_high)
        page = await self._read_page(number, per_page)
        count = len(page.items)
        more = page.next_page is not None
        if more and not count:
            raise self._leads_nowhere("the upstream's next pages lead nowhere")
        if count > per_page or (more and count < per_page):
            # The upstream's pages are not as long as asked for.
            self._per_page = min(self._per_page, count)
            per_page = count
        self._scanned += count
        self._longest = max(self._longest, page.total or 0)
        start = (number - 1) * per_page
        return Page(page.items, start, more if page.is_told else None, page.total)

    async def _goes_on(self, page: Page[T]) -> bool:
        """Are there rows after a page? Where nothing tells, the next row is asked for."""
        if page.more is None:
            page.more = bool((await self._read_page(page.end + 1, 1)).items)
        return page.more

    async def _read_page(self, number: int, per_page: int) -> OffsetPage[T]:
        if self.calls == MAX_CALLS:
            raise self._leads_nowhere("the upstream's list moves too fast to be followed")
        self.calls += 1
        return await self._read(page=number, per_page=per_page)

    def _rows(
        self,
        items: list[T | UpstreamInvalid],
        offsets: Sequence[int],
        page: Page[T],
        *,
        has_next: bool,
        has_previous: bool,
    ) -> OffsetRows[T]:
        is_steady = self._grows_at_top and page.total is not None
        return OffsetRows(
            items,
            offsets,
            has_next,
            has_previous,
            page.total,
            self._longest if is_steady else None,
            self._scanned,
            self.calls,
        )

    def _leads_nowhere(self, message: str) -> UpstreamInvalid:
        return UpstreamInvalid(message, endpoint=self._route.endpoint)
