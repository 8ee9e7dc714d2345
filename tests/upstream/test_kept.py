"""The store of kept reads: what it gives, what it drops, and how much it holds."""

from __future__ import annotations

import asyncio

from gateway.upstream.kept import HEAD_BYTES, MAX_DROPS, TIMES_BODY, KeptInMemory
from gateway.upstream.wire import Answer

OF_TEN = HEAD_BYTES + 10 * TIMES_BODY


def answer(size=10):
    return Answer(200, {}.get, b"x" * size)


def keep(store, owner="a", target="/1", *, at=0.0, age_s=10.0, size=10, tags=()):
    kept = answer(size)
    setting = store.set(
        owner, target, kept, begun=at, until=at + age_s, tags=((owner, None), *tags)
    )
    asyncio.run(setting)
    return kept


def given(store, owner="a", target="/1", *, at=0.0, max_age_s=1e9):
    kept = store.at_hand(owner, target, at, max_age_s)
    return kept and kept.answer


def drop(store, *tags, at):
    asyncio.run(store.drop(*tags, at=at))


def held(store):
    return sum(owner.size_bytes for owner in store._owners.values())


class TestAge:
    def test_ends_what_is_kept(self):
        store = KeptInMemory(1_000_000)
        kept = keep(store, at=5, age_s=2)

        assert [given(store, at=at) for at in (5, 6.9, 7)] == [kept, kept, None]

    def test_may_be_asked_to_be_less(self):
        store = KeptInMemory(1_000_000)
        kept = keep(store, at=5, age_s=60)

        assert [given(store, at=6, max_age_s=age_s) for age_s in (0.5, 1)] == [None, kept]

    def test_frees_the_memory_in_time(self):
        store = KeptInMemory(1_000_000)
        keep(store, "a", at=0, age_s=2)
        keep(store, "b", at=20, age_s=2)

        assert list(store._owners) == ["b"]
        assert store.size_bytes == held(store) == OF_TEN


class TestDrops:
    def test_take_what_has_the_tag(self):
        store = KeptInMemory(1_000_000)
        keep(store, "a", "/1", tags=[("a", 1), 7])
        other = keep(store, "a", "/2", tags=[("a", 2)])
        drop(store, ("a", 1), at=1)

        assert (given(store, "a", "/1", at=1), given(store, "a", "/2", at=1)) == (None, other)

    def test_of_a_job_are_for_all_owners(self):
        store = KeptInMemory(1_000_000)
        for owner in "ab":
            keep(store, owner, tags=[7])
        drop(store, 7, at=1)

        assert [given(store, owner, at=1) for owner in "ab"] == [None, None]

    def test_of_an_owner_leave_the_others(self):
        store = KeptInMemory(1_000_000)
        keep(store, "a")
        other = keep(store, "b")
        drop(store, ("a", None), at=1)

        assert (given(store, "a", at=1), given(store, "b", at=1)) == (None, other)
        assert store.size_bytes == held(store) == OF_TEN

    def test_keep_out_what_was_being_read(self):
        store = KeptInMemory(1_000_000)
        drop(store, ("a", 1), at=5)
        keep(store, at=5, tags=[("a", 1)])
        before = given(store, at=6)
        later = keep(store, at=5.1, tags=[("a", 1)])

        assert (before, given(store, at=6)) == (None, later)

    def test_may_lie_ahead(self):
        store = KeptInMemory(1_000_000)
        drop(store, 7, at=60)
        keep(store, at=59, tags=[7])
        drop(store, 7, at=2)

        assert given(store, at=59) is None
        keep(store, at=59.5, tags=[7])
        assert given(store, at=59.5) is None

    def test_that_are_forgotten_count_for_all(self):
        store = KeptInMemory(1_000_000)
        keep(store, "a", at=1, age_s=100)
        for number in range(MAX_DROPS + 1):
            drop(store, number, at=2)

        assert len(store._dropped) == MAX_DROPS
        assert given(store, "a", at=3) is None
        keep(store, "a", at=4)
        assert given(store, "a", at=4) is not None


class TestMemory:
    def test_is_bounded_and_the_oldest_goes_first(self):
        store = KeptInMemory(8 * OF_TEN)
        for number in range(100):
            keep(store, f"owner {number}", at=0)

        assert store.size_bytes == held(store) == 8 * OF_TEN
        assert list(store._owners) == [f"owner {number}" for number in range(92, 100)]

    def test_of_one_owner_is_a_quarter(self):
        store = KeptInMemory(8 * OF_TEN)
        other = keep(store, "b")
        for number in range(100):
            keep(store, "a", f"/{number}")

        assert list(store._owners["a"].answers) == ["/98", "/99"]
        assert given(store, "b") is other

    def test_holds_no_answer_above_that(self):
        store = KeptInMemory(8 * OF_TEN)
        other = keep(store, "a", "/1")
        keep(store, "a", "/2", size=3 * OF_TEN)

        assert (given(store, "a", "/1"), given(store, "a", "/2")) == (other, None)

    def test_counts_what_is_replaced_once(self):
        store = KeptInMemory(8 * OF_TEN)
        for _ in range(5):
            last = keep(store)

        assert given(store) is last
        assert store.size_bytes == held(store) == OF_TEN
