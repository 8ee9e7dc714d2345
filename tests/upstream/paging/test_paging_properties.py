"""Whatever happens to a list between two calls, a walk shows every row that stays exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.upstream.paging import calls_at_most, window_of

if TYPE_CHECKING:
    from random import Random

WAYS = ["keyset", "offset"]
walks = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
windows = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Life:
    """Changes a list now and then: jobs are created, and retried ones drop out as a new one comes
    in. In a list by status, jobs also come in and drop out anywhere as theirs changes.
    """

    def __init__(
        self, jobs: Any, random: Random, *, rate: float, burst: int, by_status: bool = False
    ) -> None:
        self.kinds = ["create", "retry", "retry", "drop"] + by_status * ["enter", "enter", "drop"]
        self.jobs = jobs
        self.random = random
        self.rate = rate
        self.burst = burst
        self.stayed = set(jobs.ids)
        self.next_id = max(jobs.ids, default=0) + 1
        # A list that grows faster than it is walked through has no end.
        self.left = 300

    def go_on(self) -> None:
        if not self.left or self.random.random() >= self.rate:
            return
        self.left -= 1
        for _ in range(self.random.randint(1, self.burst)):
            match self.random.choice(self.kinds):
                case "create":
                    self.create()
                case "retry":
                    self.drop()
                    self.create()
                case "enter":
                    self.jobs.enter(self.random.randint(1, self.next_id - 1))
                case _:
                    self.drop()

    def create(self) -> None:
        self.next_id += self.random.randint(0, 3)
        self.jobs.create(self.next_id)
        self.next_id += 1

    def drop(self) -> None:
        if self.jobs.rows:
            dropped = self.random.choice(self.jobs.rows).id
            self.jobs.drop(dropped)
            self.stayed.discard(dropped)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("statuses", [(), ("failed",)], ids=["all", "filtered"])
@walks
@given(
    random=st.randoms(use_true_random=False),
    rate=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    burst=st.sampled_from([1, 3, 20]),
    counts=st.booleans(),
)
def test_a_walk_by_sevens_shows_every_job_that_stays_exactly_once(
    one_list, way, backward, statuses, random, rate, burst, counts
):
    jobs = one_list(random.sample(range(1, 5000), 1000))
    jobs.counts = counts or backward
    life = Life(jobs, random, rate=rate, burst=burst, by_status=bool(statuses))
    jobs.before_call = life.go_on

    seen: list[int] = []
    position: dict[str, Any] = {"last": 7} if backward else {"first": 7}
    while True:
        listing = jobs.read(way, window_of(**position), statuses=statuses)
        page = [job.id for job in listing.items]
        seen = page + seen if backward else seen + page
        if not (listing.has_previous if backward else listing.has_next):
            break
        if backward:
            position["before"] = listing.cursor_of(listing.items[0])
        else:
            position["after"] = listing.cursor_of(listing.items[-1])

    assert seen == sorted(set(seen), reverse=True)
    assert life.stayed <= set(seen)


@pytest.mark.parametrize("way", WAYS)
@windows
@given(
    random=st.randoms(use_true_random=False),
    count=st.sampled_from([0, 1, 2, 5, 19, 20, 21, 60, 99, 100, 101, 150, 250]),
    size=st.sampled_from([1, 2, 7, 20, 50, 98, 99, 100]),
    backward=st.booleans(),
    has_cursor=st.booleans(),
    changes=st.sampled_from([0, 1, 5, 60]),
    wants_next=st.booleans(),
    wants_previous=st.booleans(),
    filtered=st.booleans(),
)
def test_a_window_holds_what_the_list_holds_there_and_tells_of_the_rest(  # noqa: PLR0917 - drawn
    one_list,
    way,
    random,
    count,
    size,
    backward,
    has_cursor,
    changes,
    wants_next,
    wants_previous,
    filtered,
):
    jobs = one_list(random.sample(range(1, 1000), count))
    life = Life(jobs, random, rate=1.0, burst=3, by_status=filtered)
    statuses = ("failed",) if filtered else ()
    position: dict[str, Any] = {"last": size} if backward else {"first": size}
    bound = None
    if has_cursor and count:
        whole = {"first": min(count, 100)}
        listing = jobs.read(way, window_of(**whole), statuses=statuses)
        row = random.choice(listing.items)
        bound = row.id
        position["before" if backward else "after"] = listing.cursor_of(row)
        for _ in range(changes):
            life.go_on()
    jobs.calls = jobs.scope.tally.retried = 0

    window = window_of(**position, wants_next=wants_next, wants_previous=wants_previous)
    listing = jobs.read(way, window, statuses=statuses)

    if backward:
        side = [row for row in jobs.ids if bound is None or row > bound]
        expected = side[-size:]
        has_next = bound is not None and len(side) < len(jobs.ids)
        has_previous = len(side) > size
    else:
        side = [row for row in jobs.ids if bound is None or row < bound]
        expected = side[:size]
        has_next = len(side) > size
        has_previous = bound is not None and len(side) < len(jobs.ids)
    assert [job.id for job in listing.items] == expected
    if wants_next:
        assert listing.has_next is has_next
    if wants_previous:
        assert listing.has_previous is has_previous
    most = calls_at_most(size, backward=backward, has_cursor=bound is not None)
    assert jobs.calls - jobs.scope.tally.retried <= most
    if not changes:
        assert jobs.scope.tally.retried == 0
