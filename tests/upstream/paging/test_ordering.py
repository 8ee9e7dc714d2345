"""A project's pipelines in other orders than newest id first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import BadInput, UpstreamInvalid
from gateway.upstream.entities import Pipeline
from gateway.upstream.pages import OffsetPage
from gateway.upstream.paging import calls_at_most, walk_pipelines, window_of
from tests.upstream.paging.conftest import settle

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from gateway.upstream.paging import Listing

START = datetime(2026, 11, 1, tzinfo=UTC)
ORDERS = [("id", "asc"), ("updated_at", "asc"), ("updated_at", "desc")]


class Pipelines:
    """A project's pipelines by the time of their last change, in seconds; stands in for the client.
    `before_call` may change them.
    """

    def __init__(self, changed: dict[int, int]) -> None:
        self.changed = changed
        self.before_call: Callable[[], None] = lambda: None
        self.unreadable: set[int] = set()
        self.calls = 0
        self.scope: Any = SimpleNamespace(tally=SimpleNamespace(calls=0, retried=0))

    def ids(self, by: str, sort: str) -> list[int]:
        """In order; of those that changed at one time the odd ones first."""
        if by == "id":
            return sorted(self.changed, reverse=sort == "desc")
        odd_first = sorted(self.changed, key=lambda row: (-(row % 2), row))
        return sorted(odd_first, key=self.changed.__getitem__, reverse=sort == "desc")

    async def pipelines_page(
        self, *_place: Any, filters: Any, page: int, per_page: int, **_others: Any
    ) -> OffsetPage[Pipeline]:
        self.before_call()
        self.calls += 1
        given = dict(filters)
        ids = self.ids(given["order_by"], given["sort"])
        start = (page - 1) * per_page
        rows = [self.row(number) for number in ids[start : start + per_page]]
        more = start + per_page < len(ids)
        return OffsetPage(rows, page + 1 if more else None, len(ids))

    def row(self, number: int) -> Pipeline | UpstreamInvalid:
        if number in self.unreadable:
            return UpstreamInvalid("no", endpoint=None)
        at = START + timedelta(seconds=self.changed[number])
        return Pipeline(number, updated_at=at.isoformat(), project_id=1)

    def read(self, by: str, sort: str, **position: Any) -> Listing[Pipeline]:
        filters = (("order_by", by), ("sort", sort))
        client: Any = self
        return settle(walk_pipelines(client, self.scope, 1, None, filters, window_of(**position)))

    def walk(self, by: str, sort: str, size: int) -> list[int]:
        """The ids of all pages, one after the other."""
        seen: list[int] = []
        position: dict[str, Any] = {"first": size}
        while True:
            listing = self.read(by, sort, **position)
            seen += [row.id for row in listing.items if isinstance(row, Pipeline)]
            if not listing.has_next:
                return seen
            position["after"] = listing.cursor_of(listing.items[-1])


def still(count: int) -> Pipelines:
    """Pipelines whose order by change is not that of their ids."""
    return Pipelines({number: number * 7919 % 1009 for number in range(1, count + 1)})


@pytest.mark.parametrize(("by", "sort"), ORDERS)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_pages_follow_the_order_and_each_takes_the_calls_of_any_other_page(by, sort, size):
    pipelines = still(40 if size == 1 else 230)

    seen = pipelines.walk(by, sort, size)

    pages = -(-len(seen) // size)
    assert seen == pipelines.ids(by, sort)
    assert pipelines.calls <= 1 + (pages - 1) * calls_at_most(size, backward=False, has_cursor=True)


@pytest.mark.parametrize(("by", "sort"), ORDERS)
@settings(max_examples=12, deadline=None)
@given(random=st.randoms(use_true_random=False), rate=st.sampled_from([0.2, 1.0]))
def test_a_pipeline_that_keeps_still_is_shown_once_whatever_the_others_do(by, sort, random, rate):
    pipelines = still(200)
    kept = set(pipelines.changed)
    now = 2000

    def change(draw: Random = random) -> None:
        nonlocal now
        if now > 2300 or draw.random() >= rate:
            return
        for _ in range(draw.randint(1, 5)):
            now += 1
            which = draw.choice([*pipelines.changed])
            match draw.choice(["change", "delete", "create"]):
                case "change":
                    pipelines.changed[which] = now
                    kept.difference_update({which} if by == "updated_at" else ())
                case "delete":
                    del pipelines.changed[which]
                    kept.discard(which)
                case _:
                    pipelines.changed[max(pipelines.changed) + 1] = now

    pipelines.before_call = change

    seen = pipelines.walk(by, sort, 7)

    assert [number for number in seen if number in kept] == [
        number for number in pipelines.ids(by, sort) if number in kept
    ]


@pytest.mark.parametrize(("by", "sort"), ORDERS)
def test_rows_that_changed_at_the_same_time_are_not_lost_between_pages(by, sort):
    pipelines = Pipelines(dict.fromkeys(range(1, 31), 5))

    assert pipelines.walk(by, sort, 7) == pipelines.ids(by, sort)


@pytest.mark.parametrize(("by", "sort"), ORDERS)
@pytest.mark.parametrize("size", [1, 3])
def test_a_row_that_cannot_be_read_costs_only_itself(by, sort, size):
    pipelines = still(20)
    first, *_, last = pipelines.ids(by, sort)
    pipelines.unreadable = {first, 4, last}
    first_page = pipelines.read(by, sort, first=size)

    again = pipelines.read(by, sort, first=20, after=first_page.cursor_of(first_page.items[0]))

    readable = [row.id for row in again.items if isinstance(row, Pipeline)]
    assert readable == [row for row in pipelines.ids(by, sort) if row not in pipelines.unreadable]


@pytest.mark.parametrize("by", ["status", "ref", "user_id"])
def test_where_rows_do_not_tell_their_place_there_is_the_first_page_alone(by):
    pipelines = still(30)
    listing = pipelines.read(by, "asc", first=20)

    with pytest.raises(BadInput, match="page by ID or UPDATED_AT"):
        pipelines.read(by, "asc", first=20, after=listing.cursor_of(listing.items[-1]))

    assert len(listing.items) == 20
    assert (listing.has_next, listing.total) == (True, 30)
    assert pipelines.calls == 1


def test_a_cursor_belongs_to_its_order():
    pipelines = still(30)
    listing = pipelines.read("id", "asc", first=2)
    cursor = listing.cursor_of(listing.items[-1])

    with pytest.raises(BadInput, match="another list"):
        pipelines.read("updated_at", "asc", first=2, after=cursor)
