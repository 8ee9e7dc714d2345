"""Walks through a list: what is told at its ends, and how many calls it takes."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import BadInput, UpstreamInvalid
from gateway.upstream.pages import KeysetPage, OffsetPage
from gateway.upstream.paging import calls_at_most, window_of
from gateway.upstream.paging.cursors import Cursor

WAYS = ["keyset", "offset"]


def ids_of(listing: Any) -> list[int]:
    return [job.id for job in listing.items]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cursor", [Cursor("b", 5, 6), Cursor("q", 5, 7), Cursor("p", 5)])
def test_the_cursor_of_another_list_is_refused_without_a_call(one_list, way, cursor):
    jobs = one_list([1, 2, 3])

    with pytest.raises(BadInput, match="belongs to another list"):
        jobs.read(way, window_of(after=str(cursor)))

    assert jobs.calls == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("arguments", [{"first": 20}, {"last": 20}])
def test_an_empty_list_has_nothing_before_and_nothing_after(one_list, way, arguments):
    listing = one_list([]).read(way, window_of(**arguments))

    assert (listing.items, listing.has_next, listing.has_previous) == ([], False, False)
    assert listing.total == (0 if way == "offset" else None)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("arguments", [{"first": 3}, {"last": 3}])
def test_a_window_of_the_whole_list_has_nothing_beyond(one_list, way, arguments):
    listing = one_list([1, 2, 3]).read(way, window_of(**arguments))

    assert (ids_of(listing), listing.has_next, listing.has_previous) == ([3, 2, 1], False, False)


@pytest.mark.parametrize("way", WAYS)
def test_beyond_the_last_row_there_is_an_empty_page_with_rows_before_it(one_list, way):
    jobs = one_list([1, 2, 3])
    whole = jobs.read(way, window_of(3))

    after = jobs.read(way, window_of(2, after=whole.cursor_of(whole.items[-1])))
    before = jobs.read(way, window_of(last=2, before=whole.cursor_of(whole.items[0])))

    assert (after.items, after.has_next, after.has_previous) == ([], False, True)
    assert (before.items, before.has_next, before.has_previous) == ([], True, False)


@pytest.mark.parametrize(
    ("way", "arguments", "calls"),
    [
        ("keyset", {"first": 20}, 1),
        ("keyset", {"first": 100}, 1),
        ("keyset", {"first": 20, "after": 500}, 1),
        ("keyset", {"first": 100, "after": 500, "wants_previous": False}, 1),
        ("keyset", {"first": 100, "after": 500}, 2),
        ("keyset", {"last": 20}, 1),
        ("keyset", {"last": 100}, 2),
        ("keyset", {"last": 20, "before": 500}, 1),
        ("keyset", {"last": 100, "before": 500, "wants_previous": False, "wants_next": False}, 1),
        ("keyset", {"last": 100, "before": 500}, 3),
        ("offset", {"first": 20}, 1),
        ("offset", {"first": 100}, 1),
        ("offset", {"first": 20, "after": 981}, 1),
        ("offset", {"first": 100, "after": 901}, 1),
        ("offset", {"first": 20, "after": 500}, 1),
        ("offset", {"first": 100, "after": 500}, 2),
        ("offset", {"last": 20}, 2),
        ("offset", {"last": 100}, 2),
        ("offset", {"last": 20, "before": 500}, 1),
        ("offset", {"last": 100, "before": 500}, 2),
    ],
)
def test_a_window_on_a_thousand_rows_takes_so_many_calls(one_list, way, arguments, calls):
    jobs = one_list(range(1, 1001))
    for name in ("after", "before"):
        if name in arguments:
            row_id = arguments[name]
            kept = ("q", row_id, 6, 1000 - row_id, 1000) if way == "offset" else ("j", row_id)
            arguments = {**arguments, name: str(Cursor(*kept))}

    listing = jobs.read(way, window_of(**arguments))

    assert len(listing.items) == (arguments.get("first") or arguments["last"])
    assert jobs.calls == calls
    assert jobs.scope.tally.retried == 0


def test_the_second_page_is_the_page_that_anybody_would_ask_for(one_list):
    jobs = one_list(range(1, 101))
    first = jobs.read("offset", window_of(20))

    second = jobs.read("offset", window_of(20, after=first.cursor_of(first.items[-1])))

    assert ids_of(second) == list(range(80, 60, -1))
    assert second.scanned == 20


def test_the_oldest_rows_of_a_list_that_is_not_counted_cannot_be_found(one_list):
    jobs = one_list(range(1, 201))
    jobs.counts = False

    with pytest.raises(BadInput, match="does not count this list"):
        jobs.read("offset", window_of(last=20))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("limit", [1, 7, 50])
def test_pages_shorter_than_asked_for_are_read_on(one_list, way, limit):
    jobs = one_list(range(1, 21))
    jobs.page_limit = limit

    first = jobs.read(way, window_of(8))
    second = jobs.read(way, window_of(8, after=first.cursor_of(first.items[-1])))

    assert ids_of(first) + ids_of(second) == list(range(20, 4, -1))
    assert (first.has_previous, second.has_previous, second.has_next) == (False, True, True)
    most = calls_at_most(8, backward=False, has_cursor=False)
    most += calls_at_most(8, backward=False, has_cursor=True)
    assert jobs.calls - jobs.scope.tally.retried <= most


@pytest.mark.parametrize("way", WAYS)
def test_pages_longer_than_asked_for_are_cut(one_list, way):
    jobs = one_list(range(1, 61))
    jobs.least_page = 20

    first = jobs.read(way, window_of(8))
    second = jobs.read(way, window_of(8, after=first.cursor_of(first.items[-1])))
    back = jobs.read(way, window_of(last=8, before=second.cursor_of(second.items[0])))

    assert ids_of(first) + ids_of(second) == list(range(60, 44, -1))
    assert ids_of(back) == ids_of(first)
    assert (first.has_next, second.has_next, back.has_next) == (True, True, True)


@pytest.mark.parametrize("kind", ["bridges", "pipelines"])
@pytest.mark.parametrize("statuses", [(), ("failed",)])
def test_bridges_and_pipelines_are_walked_like_a_pipelines_jobs(one_list, kind, statuses):
    rows = one_list(range(1, 51))

    first = rows.read(kind, window_of(20), statuses=statuses)
    cursor = first.cursor_of(first.items[-1])
    second = rows.read(kind, window_of(20, after=cursor), statuses=statuses)

    assert ids_of(first) + ids_of(second) == list(range(50, 10, -1))
    assert (second.has_next, second.has_previous, second.total) == (True, True, 50)
    assert rows.calls == 2
    with pytest.raises(BadInput, match="belongs to another list"):
        rows.read("offset", window_of(20, after=cursor))


@pytest.mark.parametrize("arguments", [{"last": 5}, {"last": 5, "before": str(Cursor("j", 10))}])
def test_an_upstream_that_knows_no_way_back_is_told_so(one_list, arguments):
    jobs = one_list(range(1, 21))
    jobs.goes_back = False

    with pytest.raises(UpstreamInvalid, match="does not page backward"):
        jobs.read("keyset", window_of(**arguments))

    assert jobs.calls <= 2


def test_an_upstream_that_knows_no_way_back_still_has_a_last_page(one_list):
    jobs = one_list([1, 2, 3])
    jobs.goes_back = False

    listing = jobs.read("keyset", window_of(last=5))

    assert ids_of(listing) == [3, 2, 1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "page",
    [
        lambda jobs: (jobs.rows[:2], 2),
        lambda _: ([], 2),
        lambda jobs: (jobs.rows[:1], 10**9),
    ],
    ids=["the same page over and over", "empty pages", "a link upward"],
)
def test_links_that_lead_nowhere_end(one_list, way, page):
    jobs = one_list(range(1, 21))

    async def astray(*_: Any, **__: Any) -> Any:
        jobs.calls += 1
        items, following = page(jobs)
        if way == "keyset":
            return KeysetPage(items, items[-1].id if items and following == 2 else 10**9)
        return OffsetPage(items, following, None)

    jobs.project_jobs_page = jobs.pipeline_jobs_page = astray

    kept = ("q", 10, 6, 10, None) if way == "offset" else ("j", 10)
    for arguments in ({"first": 20}, {"first": 20, "after": str(Cursor(*kept))}):
        try:
            listing = jobs.read(way, window_of(**arguments))
        except UpstreamInvalid:
            pass
        else:
            assert len(listing.items) <= 20

    assert jobs.calls < 100


@pytest.mark.parametrize("way", WAYS)
def test_every_row_has_its_cursor(one_list, way):
    jobs = one_list(range(1, 31))
    listing = jobs.read(way, window_of(20))

    for place, job in enumerate(listing.items):
        after = jobs.read(way, window_of(1, after=listing.cursor_of(job)))
        assert ids_of(after) == [job.id - 1], place


def test_a_list_that_shrank_to_a_fraction_is_found_again(one_list):
    jobs = one_list(range(1, 5001))
    for _ in range(1):
        cursor = str(Cursor("q", 1000, 6, 4000, 5000))
    jobs.rows = [row for row in jobs.rows if row.id % 50 == 1]

    listing = jobs.read("offset", window_of(5, after=cursor), statuses=("failed",))

    assert ids_of(listing) == [951, 901, 851, 801, 751]
    assert jobs.calls <= 4


def test_a_list_that_grew_by_thousands_is_found_again(one_list):
    jobs = one_list(range(1, 3001))
    cursor = str(Cursor("q", 100, 6, 10, 110))

    after = jobs.read("offset", window_of(5, after=cursor))
    before = jobs.read("offset", window_of(last=5, before=str(Cursor("q", 2500, 6, 10, 110))))

    assert ids_of(after) == [99, 98, 97, 96, 95]
    assert ids_of(before) == [2505, 2504, 2503, 2502, 2501]
