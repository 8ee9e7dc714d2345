"""What workers share: their numbers, what has changed, and what each has of the whole."""

import pytest

from gateway.slate import PLACES, Slate
from gateway.team import Team
from gateway.upstream.kept_by_workers import KeptByWorkers
from tests.upstream.test_kept import drop, given, keep


@pytest.fixture
def two():
    """The slate as each of two workers has it."""
    first = Slate.make(2)
    second = Slate(first.descriptor, 2, 1)
    yield first, second
    second._numbers.release()
    second._map.close()
    first.close()


def test_what_one_notes_the_other_knows(two):
    mine, others = (slate.changes(clock=lambda: 10.0) for slate in two)

    mine.note("a job")

    assert others.since(10.0, "a job")
    assert others.since(9.0, "something else", "a job")
    assert not others.since(10.1, "a job")
    assert not others.since(9.0, "something else")


def test_a_change_that_lies_ahead_lasts_till_then(two):
    mine, others = (slate.changes(clock=lambda: 10.0) for slate in two)

    mine.note("a write", at=70.0)
    mine.note("a write")

    assert others.since(69.0, "a write")


def test_a_clock_that_lags_hides_no_change(two):
    """An event loop's time is that of its last turn; the other's read may have begun since."""
    mine, others = (slate.changes(clock=lambda: 10.0) for slate in two)

    mine.note("a write", at=9.8)

    assert others.since(9.9, "a write")


def test_two_of_one_place_are_read_anew_together(two):
    mine, others = (slate.changes(clock=lambda: 10.0) for slate in two)

    mine.note(7)

    assert others.since(9.0, 7 + PLACES)
    assert not others.since(9.0, 8)


def test_a_row_that_is_taken_over_keeps_its_changes_and_counts_anew(two):
    parent, worker = two
    worker.count(1, 1)
    worker.changes(clock=lambda: 10.0).note("a job")
    before = parent.connections_of(1)

    parent.open_row(1)

    assert (before, parent.connections_of(1)) == ((1, 1), (0, 0))
    assert parent.changes().since(9.0, "a job")


def test_who_is_up_is_known_to_all(two):
    parent, worker = two

    parent.tell_workers(wanted=4, up=3)

    assert worker.workers == (4, 3)


def test_what_one_worker_drops_no_other_gives(two):
    mine, others = (KeptByWorkers(1_000_000, slate.changes(clock=lambda: 5.5)) for slate in two)
    kept = keep(others, at=5, age_s=60)
    before = given(others, at=5.4)

    drop(mine, ("a", None), at=5.5)

    assert before is kept
    assert given(others, at=5.6) is None


def test_a_read_that_began_before_anothers_write_ended_is_not_kept(two):
    mine, others = (KeptByWorkers(1_000_000, slate.changes(clock=lambda: 5.5)) for slate in two)
    drop(mine, ("a", None), at=5.5)

    keep(others, at=5.4, age_s=60)

    assert others.size_bytes == 0


@pytest.mark.parametrize(("whole", "parts"), [(100, [34, 33, 33]), (4, [2, 1, 1]), (1, [1, 1, 1])])
def test_parts_make_up_the_whole_and_none_is_nothing(whole, parts):
    team = [Team(size=3, number=number) for number in range(3)]

    assert [one.share_of(whole) for one in team] == parts


def test_one_that_does_not_know_its_number_takes_the_least():
    assert Team(size=3, number=2).share_of(100) == 33
