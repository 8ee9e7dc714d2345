"""Walks through lists that the upstream pages by keyset: the jobs of a project (upstream.md, 8.2).

The upstream's cursor is a bound, so any id makes one; the row itself need not exist. Rows beyond a
window's ends are found by asking for one row more, or, where a page is full, by one small call. So
are those after a full page without a link: the list's end and a proxy that drops links look alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from msgspec import Struct

from gateway.errors import UpstreamInvalid
from gateway.upstream.pages import MAX_PER_PAGE, KeysetCursor, lowest_id
from gateway.upstream.paging.window import calls_at_most
from gateway.upstream.routes import PROJECT_JOBS

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gateway.upstream.entities import Job
    from gateway.upstream.pages import KeysetPage
    from gateway.upstream.paging.window import Window
    from gateway.upstream.scope import Tally

__all__ = ["KeysetRows", "walk_keyset"]

T = TypeVar("T")

# Pages that bring nothing, after which an upstream is not asked on.
MAX_EMPTY_PAGES = 3


class KeysetRows(Struct, Generic[T]):
    """The rows of a window.

    `end` is the id that the rows after the last one lie below, where it is known otherwise than
    from the last row, which may be unreadable.
    """

    items: list[T | UpstreamInvalid]
    has_next: bool
    has_previous: bool
    scanned: int
    end: int | None = None
    calls: int = 1


class Read(Protocol):
    """Reads one page."""

    def __call__(
        self, *, per_page: int, cursor: KeysetCursor | None
    ) -> Awaitable[KeysetPage[Job]]: ...


async def walk_keyset(read: Read, tally: Tally, window: Window) -> KeysetRows[Job]:
    """The rows of a window.

    Cost: 1 call; one more for each end that is asked for and that the page itself does not show.
    """
    walker = _Walker(read)
    try:
        if not window.backward:
            return await walker.forward(window)
        if window.cursor is None:
            return await walker.last(window)
        return await walker.backward(window)
    finally:
        planned = calls_at_most(
            window.size, backward=window.backward, has_cursor=window.cursor is not None
        )
        tally.retried += max(0, walker.calls - planned)


class _Walker:
    __slots__ = ("_is_told", "_read", "_scanned", "calls")

    def __init__(self, read: Read) -> None:
        self._read = read
        # Whether the upstream told where the last page ends.
        self._is_told = True
        self._scanned = 0
        self.calls = 0

    async def forward(self, window: Window) -> KeysetRows[Job]:
        """The rows below the cursor, or the newest."""
        size = window.size
        if window.cursor is None:
            items, end = await self._below(None, size)
            has_next = await self._goes_on(end, window)
            return self._rows(items, end, has_next=has_next, has_previous=False)
        bound = window.cursor.id
        # The cursor's own row, if it is still there, shows that there are rows before the window.
        peeks = window.wants_previous and size < MAX_PER_PAGE
        items, end = await self._below(bound + peeks, size + peeks)
        has_previous = peeks and bool(items) and _id_of(items[0]) == bound
        if has_previous:
            del items[0]
        elif peeks and items and _id_of(items[0]) is None:
            # Is this the cursor's own row? Ask in a way that it cannot be.
            items, end = await self._below(bound, size)
        elif len(items) > size:
            end = (_id_of(items.pop()) or bound - 1) + 1
            self._is_told = True
        has_next = await self._goes_on(end, window)
        if window.wants_previous and not has_previous:
            has_previous = await self._exists_from(bound)
        return self._rows(items, end, has_next=has_next, has_previous=has_previous)

    async def backward(self, window: Window) -> KeysetRows[Job]:
        """The rows above the cursor, nearest to it."""
        assert window.cursor is not None  # noqa: S101 - `walk` looked
        size, bound = window.size, window.cursor.id
        # One row more below shows the cursor's own row, one more above that the list goes on.
        peeks_below = window.wants_next and size < MAX_PER_PAGE
        peeks_above = window.wants_previous and size + peeks_below < MAX_PER_PAGE
        items, end = await self._page(
            KeysetCursor(bound - peeks_below, backward=True), size + peeks_below + peeks_above
        )
        if any(row_id <= bound - peeks_below for row_id in map(_id_of, items) if row_id):
            raise _no_way_back()
        has_next = bool(items) and bound in (_id_of(items[-1]), end)
        if has_next:
            items.pop()
            end = None
        elif window.wants_next:
            items_below, _ = await self._page(KeysetCursor(bound + 1), 1)
            has_next = bool(items_below)
        has_previous = len(items) > size
        if not peeks_above and len(items) == size:
            top = _id_of(items[0])
            has_previous = window.wants_previous and (
                top is None or await self._exists_from(top + 1)
            )
        return self._rows(items[-size:], end, has_next=has_next, has_previous=has_previous)

    async def last(self, window: Window) -> KeysetRows[Job]:
        """The oldest rows."""
        size = window.size
        peeks = window.wants_previous and size < MAX_PER_PAGE
        items, next_id = await self._page(KeysetCursor(None, backward=True), size + peeks)
        if next_id is not None:
            # An upstream that knows no way back answers with its first page.
            items_below, _ = await self._page(KeysetCursor(next_id), 1)
            if items_below:
                raise _no_way_back()
        has_previous = len(items) > size
        if window.wants_previous and not peeks and len(items) == size:
            top = _id_of(items[0])
            has_previous = top is None or await self._exists_from(top + 1)
        return self._rows(items[-size:], next_id, has_next=False, has_previous=has_previous)

    async def _below(
        self, bound: int | None, count: int
    ) -> tuple[list[Job | UpstreamInvalid], int | None]:
        """The first `count` rows below a bound, and the id that further ones lie below.

        A page ends where the upstream's link says, whatever its length.
        """
        items: list[Job | UpstreamInvalid] = []
        empty = 0
        while True:
            cursor = None if bound is None else KeysetCursor(bound)
            page, next_id = await self._page(cursor, min(count - len(items), MAX_PER_PAGE))
            if bound is not None and next(filter(None, map(_id_of, page)), 0) >= bound:
                # The cursor was ignored.
                raise _leads_nowhere()
            items += page
            if len(items) > count:
                # A page longer than asked for.
                next_id = (_id_of(items[count]) or 0) + 1
                self._is_told = True
                del items[count:]
            if next_id is None and not self._is_told:
                return items, lowest_id(items)
            if next_id is None or len(items) == count:
                return items, next_id
            empty += not page
            if empty > MAX_EMPTY_PAGES or (bound is not None and next_id >= bound):
                raise _leads_nowhere()
            bound = next_id

    async def _goes_on(self, end: int | None, window: Window) -> bool:
        """Are there rows below the end of a window? Asks where nothing tells, if that is wanted."""
        if self._is_told or not window.wants_next:
            return end is not None
        if end is None:
            raise UpstreamInvalid(
                "no job of a full page can be read, and nothing tells whether others follow; ask"
                " for a page of another size",
                endpoint=PROJECT_JOBS.endpoint,
            )
        items, _ = await self._page(KeysetCursor(end), 1)
        return bool(items)

    async def _exists_from(self, bound: int) -> bool:
        """Is there a row with this id or a higher one? The newest row tells."""
        items, _ = await self._page(None, 1)
        newest = _id_of(items[0]) if items else 0
        return newest is None or newest >= bound

    async def _page(
        self, cursor: KeysetCursor | None, per_page: int
    ) -> tuple[list[Job | UpstreamInvalid], int | None]:
        self.calls += 1
        page = await self._read(per_page=per_page, cursor=cursor)
        self._scanned += len(page.items)
        self._is_told = page.is_told
        return page.items, page.next

    def _rows(
        self,
        items: list[Job | UpstreamInvalid],
        end: int | None,
        *,
        has_next: bool,
        has_previous: bool,
    ) -> KeysetRows[Job]:
        return KeysetRows(items, has_next, has_previous, self._scanned, end, self.calls)


def _id_of(item: Job | UpstreamInvalid) -> int | None:
    return None if isinstance(item, UpstreamInvalid) else item.id


def _no_way_back() -> UpstreamInvalid:
    return UpstreamInvalid(
        "the upstream does not page backward here; page forward, with first and after",
        endpoint=PROJECT_JOBS.endpoint,
    )


def _leads_nowhere() -> UpstreamInvalid:
    return UpstreamInvalid(
        "the upstream's links to next pages lead nowhere", endpoint=PROJECT_JOBS.endpoint
    )
