"""The pages of a list that moves while it is read by offset (`offset`): which one to ask for, and
which of its rows were taken already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from msgspec import Struct

from gateway.errors import UpstreamInvalid
from gateway.upstream.entities import Bridge, Job, Pipeline
from gateway.upstream.pages import MAX_PER_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Page",
    "PlaceOf",
    "Search",
    "end_of_row",
    "end_of_taken",
    "id_of",
    "page_holding",
    "rows_in_one_page",
    "start_of_taken",
]

T = TypeVar("T", bound=Job | Bridge | Pipeline)
# Gives a row's place in its list, None where it tells none; those further down are lower.
PlaceOf: TypeAlias = "Callable[[Any], Any]"


class Page(Struct, Generic[T]):
    """A page and where it lies: `start` is its first row's offset. `more` is None where nothing
    tells whether there are rows after it.
    """

    items: list[T | UpstreamInvalid]
    start: int
    more: bool | None
    total: int | None

    @property
    def end(self) -> int:
        """The offset after its last row."""
        return self.start + len(self.items)


class Search:
    """Where to look for the rows next to a bound, once they are not where they were seen.

    First near by, then twice as far each time; between two places that are too high and too low, in
    the middle.
    """

    __slots__ = ("_gap", "_reach", "_too_high", "_too_low")

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._gap = 0
        self._too_high = -1
        self._too_low: int | None = None

    def beyond(self, page: Page[Any]) -> int:
        """An offset to look at: the rows lie after this page."""
        self._too_high = page.end - 1
        if self._too_low is not None and self._too_low <= self._too_high:
            # The list has moved since.
            self._too_low = None
        return self._aim()

    def before(self, page: Page[Any]) -> int:
        """An offset to look at: the rows begin before this page, which may lie behind the end."""
        self._too_low = page.start if page.total is None else min(page.start, page.total)
        if self._too_high >= self._too_low:
            self._too_high = -1
        return self._aim()

    def _aim(self) -> int:
        gap, self._gap = self._gap, max(self._gap * 2, self._reach)
        if self._too_low is None:
            return self._too_high + gap
        if self._too_high < 0:
            return max(self._too_low - self._reach - gap, 0)
        return max((self._too_high + self._too_low - self._reach) // 2, self._too_high)


def page_holding(low: int, high: int, most: int, *, keep_high: bool) -> tuple[int, int]:
    """Number and length of the smallest page that holds the offsets from `low` to `high`; where
    none of at most `most` rows does, of the one that reaches furthest from the end to keep.
    """
    for length in range(high - low + 1, most + 1):
        if low // length == high // length:
            return low // length + 1, length
    if keep_high:
        length = max(range(1, most + 1), key=lambda length: high % length)
        return high // length + 1, length
    length = max(range(1, most + 1), key=lambda length: length - low % length)
    return low // length + 1, length


def rows_in_one_page(low: int, most: int = MAX_PER_PAGE) -> int:
    """How many rows from the offset `low` on a single page can hold."""
    return max(length - low % length for length in range(1, most + 1))


def end_of_taken(
    items: Sequence[T | UpstreamInvalid],
    bound: Any,
    at: int,
    place_of: PlaceOf | None = None,
) -> int:
    """The index in a page at which the rows below the `bound` begin: an id, or what `place_of`
    gives.

    The rows before it were taken already. An unreadable row has no place: it counts as taken if a
    readable row after it was taken, or if its index is not above `at`.
    """
    end = 0
    for index, place in enumerate(map(place_of or id_of, items)):
        if place is None:
            if end == index <= at:
                end = index + 1
        elif place < bound:
            break
        else:
            end = index + 1
    return end


def end_of_row(items: Sequence[T | UpstreamInvalid], place: Any, place_of: PlaceOf) -> int | None:
    """The index in a page after the row of this place; None where the page does not show it."""
    return next((index for index, item in enumerate(items, 1) if place_of(item) == place), None)


def start_of_taken(items: Sequence[T | UpstreamInvalid], bound: int, at: int) -> int:
    """The index in a page at which the rows above the id `bound` end.

    The rows from there on were taken already. An unreadable row has no id: it counts as taken if
    no row after it is still to be taken, and its index is not below `at`.
    """
    start = 0
    for index, item in enumerate(items):
        if isinstance(item, UpstreamInvalid):
            if index < at:
                start = index + 1
        elif item.id <= bound:
            break
        else:
            start = index + 1
    return start


def id_of(item: T | UpstreamInvalid) -> int | None:
    """The id of a row; None where it cannot be read."""
    return None if isinstance(item, UpstreamInvalid) else item.id
