"""Filtered lists: rows of a list that fit a test which the upstream cannot make.

Pages are read and tested until a window is full, the list ends, or as many rows have been read as
the caller allows. A window that ends by that limit may hold few rows or none: its end is the last
row that was read, so that the next window goes on from there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from msgspec import Struct

from gateway.errors import UpstreamInvalid
from gateway.upstream.entities import Job, Pipeline
from gateway.upstream.pages import MAX_PER_PAGE
from gateway.upstream.paging.cursors import Cursor
from gateway.upstream.paging.offset_pages import rows_in_one_page
from gateway.upstream.paging.window import Window, calls_at_most
from gateway.upstream.patterns import NamePatterns
from gateway.upstream.timestamps import instant_of

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import datetime

    from gateway.upstream.paging.walks import Listing
    from gateway.upstream.scope import Tally

__all__ = ["FilteredListing", "JobTest", "filtered_calls", "walk_filtered"]

R = TypeVar("R", Job, Pipeline)
Row_contra = TypeVar("Row_contra", Job, Pipeline, contravariant=True)


class RowTest(Protocol[Row_contra]):
    """What a row must be like. `max_rows` are read to find such rows; `names` are patterns."""

    @property
    def names(self) -> tuple[str, ...] | None: ...

    @property
    def max_rows(self) -> int: ...

    def fits(self, row: Row_contra, patterns: NamePatterns | None, /) -> bool:
        """Is a row like that? `patterns` are those of the names."""

    def is_too_old(self, row: Row_contra, /) -> bool:
        """Is none after it like that?"""


class JobTest(Struct, frozen=True):
    """What a job must be like; all that is given must hold, and lists mean any of. `max_rows` are
    read to find such jobs.
    """

    names: tuple[str, ...] | None = None
    stages: frozenset[str] | None = None
    refs: frozenset[str] | None = None
    # All of them.
    tags: frozenset[str] | None = None
    # Words of the upstream; the empty one for those that are not among `known_reasons`.
    failure_reasons: frozenset[str] | None = None
    known_reasons: frozenset[str] = frozenset()
    sources: frozenset[str] | None = None
    has_artifacts: bool | None = None
    allow_failure: bool | None = None
    created_after: datetime | None = None
    min_duration_s: float | None = None
    max_rows: int = 500

    @property
    def ref(self) -> str | None:
        """The one ref that can be asked for upstream."""
        return next(iter(self.refs)) if self.refs is not None and len(self.refs) == 1 else None

    def fits(self, job: Job, patterns: NamePatterns | None) -> bool:
        """Is a job like that? `patterns` are those of its names."""
        return (
            (patterns is None or patterns.fit(job.name))
            and (self.stages is None or job.stage in self.stages)
            and (self.refs is None or job.ref in self.refs)
            and (self.tags is None or self.tags.issubset(job.tag_list or ()))
            and (self.failure_reasons is None or self._fits_reason(job.failure_reason))
            and (self.sources is None or job.source in self.sources)
            and (self.has_artifacts is None or _has_artifacts(job) is self.has_artifacts)
            and (self.allow_failure is None or bool(job.allow_failure) is self.allow_failure)
            and (self.min_duration_s is None or (job.duration or 0.0) >= self.min_duration_s)
            and not self.is_too_old(job)
        )

    def is_too_old(self, job: Job) -> bool:
        """Was it, and so were all after it, created too early?"""
        if self.created_after is None:
            return False
        created = instant_of(job.created_at)
        return created is not None and created <= self.created_after

    def _fits_reason(self, reason: str | None) -> bool:
        assert self.failure_reasons is not None  # noqa: S101 - the caller looked
        if reason is None:
            return False
        return reason in self.failure_reasons or (
            "" in self.failure_reasons and reason not in self.known_reasons
        )


def _has_artifacts(job: Job) -> bool:
    """Did it leave files besides its log?"""
    if job.artifacts_file is not None and job.artifacts_file.filename is not None:
        return True
    return any(
        not isinstance(file, UpstreamInvalid) and file.file_type != "trace"
        for file in job.artifacts or ()
    )


class FilteredListing(Generic[R]):
    """The rows of a window that fit, as a `Listing` has them. A row that cannot be read cannot be
    tested: it is among them.

    `start` and `end` are the cursors that pages before and after begin at. `has_next` and
    `has_previous` tell whether there is more to look through.
    """

    __slots__ = (
        "_listings",
        "end",
        "has_next",
        "has_previous",
        "items",
        "scanned",
        "start",
        "total",
    )

    def __init__(self) -> None:
        self.items: list[R | UpstreamInvalid] = []
        self.has_next = False
        self.has_previous = False
        self.scanned = 0
        self.total: Final = None
        self.start: str | None = None
        self.end: str | None = None
        self._listings: dict[int, Listing[R]] = {}

    def cursor_of(self, item: R | UpstreamInvalid) -> str:
        """The cursor of one of the items (this very object)."""
        return self._listings[id(item)].cursor_of(item)

    def add(self, found: list[R | UpstreamInvalid], listing: Listing[R]) -> None:
        """Add rows of a page, in the order they were looked at."""
        self.items += found
        self._listings.update([(id(item), listing) for item in found])


class WalkWindow(Protocol[R]):
    """Walks one window of the list."""

    def __call__(self, window: Window) -> Awaitable[Listing[R]]: ...


def filtered_calls(max_rows: int, *, backward: bool, has_cursor: bool) -> int:
    """Calls that looking through so many rows may take."""
    return math.ceil(max_rows / MAX_PER_PAGE) + (3 if backward or has_cursor else 1)


async def walk_filtered(
    walk: WalkWindow[R],
    tally: Tally,
    window: Window,
    test: RowTest[R],
    *,
    is_planned: bool = True,
) -> FilteredListing[R]:
    """The rows of a window that fit. Cost: `filtered_calls`; 1 call for each 100 rows looked at.
    Where nobody has planned for them, all of these count as retried.
    """
    scan = _Scan(walk, window, test)
    try:
        await scan.run()
    finally:
        tally.retried += scan.unplanned if is_planned else scan.uncounted
    return scan.found


class _Scan(Generic[R]):
    def __init__(self, walk: WalkWindow[R], window: Window, test: RowTest[R]) -> None:
        self.found: FilteredListing[R] = FilteredListing()
        self._walk: WalkWindow[R] = walk
        self._window = window
        self._test: RowTest[R] = test
        self._patterns = None if test.names is None else NamePatterns(test.names)
        self._planned = filtered_calls(
            test.max_rows, backward=window.backward, has_cursor=window.cursor is not None
        )
        self._calls = 0
        # Those of them that the walks have counted as retried.
        self._counted = 0

    @property
    def uncounted(self) -> int:
        """Calls that nobody has counted as retried."""
        return self._calls - self._counted

    @property
    def unplanned(self) -> int:
        """Those of them beyond the calls that were planned."""
        return max(0, self.uncounted - self._planned)

    async def run(self) -> None:
        """Look through windows until there is an end to it."""
        backward, size = self._window.backward, self._window.size
        cursor = self._window.cursor
        is_first = True
        while True:
            listing: Listing[R] = await self._page(cursor, is_first=is_first)
            if is_first:
                self._begin(listing)
            is_first = False
            rows: list[Any] = [*reversed(listing.items)] if backward else [*listing.items]
            fitting, is_over = self._fitting(rows)
            missing = size - len(self.found.items)
            self.found.add(fitting[:missing], listing)
            goes_on = (listing.has_previous if backward else listing.has_next) and not is_over
            if len(fitting) > missing or (len(fitting) == missing and goes_on):
                self._end(self.found.cursor_of(self.found.items[-1]), goes_on=True)
                return
            last = listing.cursor_of(rows[-1]) if rows else None
            is_enough = self.found.scanned >= self._test.max_rows or self._calls >= self._planned
            if not goes_on or is_enough or last is None:
                self._end(last, goes_on=goes_on)
                return
            cursor = Cursor.parse(last, "after")

    async def _page(self, cursor: Cursor | None, *, is_first: bool) -> Listing[R]:
        window, left = self._window, self._test.max_rows - self.found.scanned
        size = min(MAX_PER_PAGE, left)
        if cursor is not None and cursor.kind != "j" and not window.backward:
            # Pages by number begin at multiples of their length.
            proves = cursor.total is not None
            overlap = 0 if proves else 1
            low = max(cursor.offset + 1 - overlap, 0)
            size = max(min(size, rows_in_one_page(low) - overlap), 1)
        asked = Window(
            size,
            window.backward,
            cursor,
            wants_next=not window.backward or (is_first and window.wants_next),
            wants_previous=window.backward or (is_first and window.wants_previous),
        )
        listing = await self._walk(asked)
        self.found.scanned += len(listing.items)
        self._calls += listing.calls
        planned = calls_at_most(size, backward=window.backward, has_cursor=cursor is not None)
        self._counted += max(0, listing.calls - planned)
        return listing

    def _begin(self, listing: Listing[R]) -> None:
        """Note where the window begins."""
        edge = None
        if listing.items:
            edge = listing.cursor_of(listing.items[-1 if self._window.backward else 0])
        if self._window.backward:
            self.found.end, self.found.has_next = edge, listing.has_next
        else:
            self.found.start, self.found.has_previous = edge, listing.has_previous

    def _fitting(self, rows: list[Any]) -> tuple[list[Any], bool]:
        """The rows that fit, and whether no further ones can."""
        fitting = []
        for row in rows:
            if isinstance(row, UpstreamInvalid):
                fitting.append(row)
                continue
            if not self._window.backward and self._test.is_too_old(row):
                return fitting, True
            if self._test.fits(row, self._patterns):
                fitting.append(row)
        return fitting, False

    def _end(self, edge: str | None, *, goes_on: bool) -> None:
        """Note where the window ends, and put it in order."""
        found = self.found
        if self._window.backward:
            found.items.reverse()
            found.start, found.has_previous = edge, goes_on
        else:
            found.end, found.has_next = edge, goes_on
        # Where rows fit, the pages beside them begin at them; but at the end that a limit has set.
        if found.items:
            first, last = (found.cursor_of(found.items[place]) for place in (0, -1))
            if self._window.backward:
                found.end = last
                found.start = found.start or first
            else:
                found.start = first
                found.end = found.end or last
