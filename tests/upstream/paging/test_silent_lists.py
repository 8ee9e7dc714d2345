"""Walks through lists of which little is known: rows that cannot be read, and answers that do not
tell whether there is a next page.
"""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import UpstreamInvalid
from gateway.upstream.pages import KeysetPage, OffsetPage
from gateway.upstream.paging import window_of
from gateway.upstream.paging.cursors import Cursor

WAYS = ["keyset", "offset"]


class Unreadable(UpstreamInvalid):
    """A row whose id only the upstream knows."""

    def __init__(self, row_id: int) -> None:
        super().__init__("row", endpoint="GET")
        self.id = row_id


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("bad", [{8, 4}, {10}, {2}, {8, 6}, {10, 8, 6, 4, 2}], ids=str)
def test_rows_that_cannot_be_read_keep_their_place(one_list, way, size, bad):
    jobs = one_list([10, 8, 6, 4, 2])
    jobs.rows = [Unreadable(row.id) if row.id in bad else row for row in jobs.rows]

    seen: list[Any] = []
    position: dict[str, Any] = {"first": size}
    while len(seen) < 20:
        listing = jobs.read(way, window_of(**position))
        seen += listing.items
        if not listing.has_next:
            break
        position["after"] = listing.cursor_of(listing.items[-1])

    assert seen == jobs.rows


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bad", [{8, 4}, {10}, {2}, {8, 6}], ids=str)
def test_a_walk_back_over_rows_that_cannot_be_read_ends_with_all_rows(one_list, way, bad):
    jobs = one_list([10, 8, 6, 4, 2])
    jobs.rows = [Unreadable(row.id) if row.id in bad else row for row in jobs.rows]

    seen: list[Any] = []
    position: dict[str, Any] = {"last": 2}
    while len(seen) < 20:
        listing = jobs.read(way, window_of(**position))
        # A row whose id is not known may be shown twice; none is left out.
        seen = [item for item in listing.items if item not in seen] + seen
        if not listing.has_previous:
            break
        position["before"] = listing.cursor_of(listing.items[0])

    assert seen == jobs.rows


@pytest.fixture
def silent(one_list: Any):
    """A list whose answers do not tell whether there is a next page."""

    class Silent(one_list):
        async def project_jobs_page(self, *place, per_page, cursor, **filters):
            page = await super().project_jobs_page(
                *place, per_page=per_page, cursor=cursor, **filters
            )
            is_told = len(page.items) < per_page or (cursor is not None and cursor.backward)
            return KeysetPage(page.items, None, is_told=is_told)

        async def pipeline_jobs_page(self, *place, page, per_page, **filters):
            told = await super().pipeline_jobs_page(*place, page=page, per_page=per_page)
            is_full = len(told.items) == per_page
            return OffsetPage(told.items, page + 1 if is_full else None, None, not is_full)

    return Silent


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("count", "has_next", "calls"), [(19, False, 1), (20, False, 2), (21, True, 2)]
)
def test_after_a_full_page_that_tells_nothing_the_next_row_is_asked_for(
    silent, way, count, has_next, calls
):
    jobs = silent(range(1, count + 1))

    listing = jobs.read(way, window_of(20))

    assert (len(listing.items), listing.has_next) == (min(count, 20), has_next)
    assert (jobs.calls, jobs.scope.tally.retried) == (calls, calls - 1)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_asked_for_where_nobody_wants_to_know_of_a_next_page(silent, way):
    jobs = silent(range(1, 41))

    listing = jobs.read(way, window_of(20, wants_next=False))

    assert len(listing.items) == 20
    assert jobs.calls == 1


@pytest.fixture
def unreadable(silent: Any):
    """A silent list of which no job can be read."""
    base: Any = silent

    class Unreadable(base):
        async def project_jobs_page(self, *place, per_page, cursor, **filters):
            page = await super().project_jobs_page(
                *place, per_page=per_page, cursor=cursor, **filters
            )
            page.items = [UpstreamInvalid("no id", endpoint="GET /jobs") for _ in page.items]
            return page

    return Unreadable


@pytest.mark.parametrize("after", [False, True])
def test_a_full_silent_page_of_which_nothing_can_be_read_does_not_end_the_list(unreadable, after):
    jobs = unreadable(range(1, 41))
    window = window_of(5, after=str(Cursor("j", 30)) if after else None)

    with pytest.raises(UpstreamInvalid, match="nothing tells whether others follow"):
        jobs.read("keyset", window)


def test_a_short_page_of_which_nothing_can_be_read_ends_the_list(unreadable):
    listing = unreadable(range(1, 5)).read("keyset", window_of(5))

    assert (len(listing.items), listing.has_next) == (4, False)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [1, 7, 20, 100])
def test_a_silent_list_is_walked_to_its_end(silent, way, size):
    jobs = silent(range(1, 141))

    seen: list[int] = []
    position: dict[str, Any] = {"first": size}
    while True:
        listing = jobs.read(way, window_of(**position))
        seen += [job.id for job in listing.items]
        if not listing.has_next:
            break
        position["after"] = listing.cursor_of(listing.items[-1])

    assert seen == list(range(140, 0, -1))
