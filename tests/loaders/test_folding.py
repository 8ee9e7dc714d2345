"""Single jobs read off list pages: the calls that it takes, and what happens when lists fail."""

from __future__ import annotations

import asyncio
import gc
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import (
    Forbidden,
    NotFound,
    RateLimited,
    Unauthenticated,
    UpstreamInvalid,
    UpstreamUnavailable,
)
from gateway.loaders.flight import Flight
from gateway.loaders.fold import Fold
from gateway.upstream.entities import Job
from gateway.upstream.job_spans import MAX_PAGES, JobSpans

pytestmark = pytest.mark.anyio


def ids_of(results):
    return [result.id if isinstance(result, Job) else type(result) for result in results]


async def test_sixty_jobs_of_a_pipeline_of_two_hundred_builds_take_two_calls(
    memory, context, outcomes
):
    memory.add_jobs(range(1, 201))
    wanted = Random(1).sample(range(1, 201), 60)

    read = context()
    jobs = await outcomes(read.job(1, job_id, 6) for job_id in wanted)

    assert ids_of(jobs) == wanted
    assert memory.calls == ["jobs of pipeline 6, page 1", "jobs of pipeline 6, page 2"]


async def test_sixty_jobs_on_the_first_page_take_one_call(memory, context, outcomes):
    memory.add_jobs(range(1, 201))
    wanted = list(range(120, 180))

    read = context()
    jobs = await outcomes(read.job(1, job_id, 6) for job_id in wanted)

    assert ids_of(jobs) == wanted
    assert memory.calls == ["jobs of pipeline 6, page 1"]


@pytest.mark.parametrize("spread", ["even", "bunched low", "highest alone", "random"])
@pytest.mark.parametrize("gap", [1, 10**6], ids=["alike", "dense on top"])
async def test_fifty_jobs_within_three_hundred_builds_of_a_project_take_three_calls(
    memory, context, outcomes, spread, gap
):
    # Ids lie far apart in places, where many projects share an upstream.
    random = Random(2)
    builds = [gap * number for number in range(1, 301)]
    builds += range(builds[-1] + 1, builds[-1] + 101)
    memory.add_jobs(builds[:200], pipeline_id=5)
    memory.add_jobs(builds[200:], pipeline_id=6)
    recent = builds[-300:]
    wanted = {
        "even": recent[5::6],
        "bunched low": recent[:50],
        "highest alone": [*recent[:49], recent[-1]],
        "random": random.sample(recent, 50),
    }[spread]

    read = context()
    jobs = await outcomes(read.job("group/project", job_id) for job_id in wanted)

    assert ids_of(jobs) == wanted
    assert len(memory.calls) <= 3


async def test_windows_are_one_round_trip_where_it_is_known_how_far_they_reach(
    memory, context, outcomes
):
    # Ids lie nearer to each other the higher they are.
    builds = [number * number for number in range(1, 301)]
    builds.reverse()
    memory.add_jobs(builds)
    wanted = builds[::6]
    windows = [f"jobs below {wanted[place] + 1}" for place in (0, 17, 34)]
    let_go = asyncio.Event()

    cold, warm = context(), context()
    first = await outcomes(cold.job(1, job_id) for job_id in wanted)
    calls_at_first = list(memory.calls)
    memory.calls.clear()
    memory.held = dict.fromkeys(windows, let_go)
    jobs = asyncio.ensure_future(outcomes(warm.job(1, job_id) for job_id in wanted))
    for _ in range(10):
        await asyncio.sleep(0)
    calls_before_any_answer = list(memory.calls)
    let_go.set()

    assert ids_of(first) == ids_of(await jobs) == wanted
    assert calls_before_any_answer == memory.calls == calls_at_first == windows


async def test_the_first_windows_of_a_project_leave_no_gaps(memory, context, outcomes):
    # Farther apart, then nearer to each other, then farther apart again.
    builds = [
        *range(40_000, 30_000, -100),
        *range(30_000, 26_000, -40),
        *range(26_000, 16_000, -100),
    ]
    memory.add_jobs(builds)
    wanted = builds[::6]

    read = context()
    jobs = await outcomes(read.job(1, job_id) for job_id in wanted)

    assert ids_of(jobs) == wanted
    assert len(memory.calls) == 3


async def test_where_one_of_several_windows_fails_the_others_are_of_use(memory, context, outcomes):
    memory.add_jobs(range(1, 301))
    memory.job_spans.learn(1, 1000, 901)
    memory.failing = {"jobs below 199": UpstreamUnavailable("down", endpoint="GET", status=500)}
    wanted = list(range(300, 0, -6))

    read = context()
    jobs = await outcomes(read.job(1, job_id) for job_id in wanted)

    assert ids_of(jobs) == wanted
    assert memory.calls[:3] == ["jobs below 301", "jobs below 199", "jobs below 97"]
    assert memory.calls[3:] == [f"job {job_id}" for job_id in range(198, 98, -6)]


async def test_what_is_remembered_of_a_list_costs_no_more_than_a_call(memory, context, outcomes):
    """Where jobs lie nearer to each other, or farther apart, than those that were read before."""
    memory.add_jobs(range(0, 30_000, 100))
    wanted = list(range(29_900, 20_000, -200))

    calls = []
    for span in (100, 10_000, 10**9):
        memory.job_spans.learn(1, 10**9, 10**9 - span + 1)
        memory.calls.clear()
        read = context()
        await outcomes(read.job(1, job_id) for job_id in wanted)
        calls.append(len(memory.calls))

    assert calls == [1, 1, 1]


def test_the_pages_read_last_are_remembered():
    spans = JobSpans()

    for number in range(MAX_PAGES):
        spans.learn(number, 1000, 901)
    known = [number for number in range(MAX_PAGES) if spans.of(number, 1000)]

    assert known == list(range(MAX_PAGES // 2, MAX_PAGES))


async def test_three_jobs_are_read_singly(memory, context, outcomes):
    memory.add_jobs(range(1, 11))

    read = context()
    jobs = await outcomes(read.job(1, job_id, 6) for job_id in (3, 2, 1))

    assert ids_of(jobs) == [3, 2, 1]
    assert memory.calls == ["job 3", "job 2", "job 1"]


async def test_jobs_of_several_pipelines_are_folded_each_with_its_own(memory, context, outcomes):
    memory.add_jobs(range(1, 11), pipeline_id=5)
    memory.add_jobs(range(11, 21), pipeline_id=6)

    read = context()
    await outcomes(
        read.job(1, job_id, pipeline_id)
        for job_id, pipeline_id in [
            (1, 5),
            (12, 6),
            (3, 5),
            (14, 6),
            (5, 5),
            (16, 6),
            (7, 5),
            (18, 6),
        ]
    )

    assert memory.calls == ["jobs of pipeline 5, page 1", "jobs of pipeline 6, page 1"]


async def test_few_jobs_of_many_pipelines_of_a_project_share_a_window(memory, context, outcomes):
    for pipeline_id in range(1, 9):
        memory.add_jobs([10 * pipeline_id, 10 * pipeline_id + 1], pipeline_id)

    read = context()
    await outcomes(read.job(1, 10 * number, number) for number in range(1, 9))

    assert memory.calls == ["jobs below 81"]


async def test_jobs_far_apart_are_not_looked_for_window_by_window(memory, context, outcomes):
    memory.add_jobs(range(1, 20_001))
    wanted = list(range(2_000, 20_001, 2_000))

    read = context()
    jobs = await outcomes(read.job(1, job_id) for job_id in wanted)

    assert ids_of(jobs) == wanted
    assert memory.calls[0] == "jobs below 20001"
    assert len(memory.calls) == len(wanted)


async def test_jobs_that_no_window_shows_are_not_looked_for_in_the_next(memory, context, outcomes):
    memory.add_jobs(range(1, 20_001))
    wanted = list(range(20_000, 18_800, -60))
    memory.hidden = set(wanted)

    read = context()
    jobs = await outcomes(read.job(1, job_id) for job_id in wanted)

    assert ids_of(jobs) == wanted
    assert len(memory.calls) == 1 + len(wanted)
    assert read.tally.retried == 1


async def test_pages_are_read_on_only_while_that_takes_fewer_calls(memory, context, outcomes):
    memory.add_jobs(range(1, 601))

    read = context()
    jobs = await outcomes(read.job(1, job_id, 6) for job_id in (600, 599, 2, 1))

    assert ids_of(jobs) == [600, 599, 2, 1]
    assert memory.calls == ["jobs of pipeline 6, page 1", "job 2", "job 1"]


async def test_a_job_that_the_list_does_not_show_is_read_singly(memory, context, outcomes):
    memory.add_jobs(range(1, 11))
    memory.hidden = {3}

    read = context()
    jobs = await outcomes(read.job(1, job_id, 6) for job_id in (1, 2, 3, 4, 5))

    assert ids_of(jobs) == [1, 2, 3, 4, 5]
    assert memory.calls == ["jobs of pipeline 6, page 1", "job 3"]
    assert read.tally.retried == 0


async def test_a_job_that_is_not_there_is_not_found_and_harms_no_other(memory, context, outcomes):
    memory.add_jobs(range(1, 11))

    read = context()
    jobs = await outcomes(read.job(1, job_id, 6) for job_id in (1, 2, 99, 4, 5))

    assert ids_of(jobs) == [1, 2, NotFound, 4, 5]


@pytest.mark.parametrize(
    "failure",
    [
        Forbidden("no", endpoint="GET", status=403),
        UpstreamUnavailable("down", endpoint="GET", status=500),
        UpstreamInvalid("html", endpoint="GET"),
    ],
    ids=lambda failure: failure.code,
)
@pytest.mark.parametrize("folded", ["pipeline", "project"])
async def test_where_the_list_fails_each_job_is_read_singly(
    memory, context, outcomes, failure, folded
):
    memory.add_jobs(range(1, 11))
    memory.failing = {"jobs of pipeline 6, page 1": failure, "jobs below 11": failure}

    read = context()
    pipeline_id = 6 if folded == "pipeline" else None
    jobs = await outcomes(read.job(1, job_id, pipeline_id) for job_id in range(1, 11))

    assert ids_of(jobs) == list(range(1, 11))
    assert len(memory.calls) == 11
    # Calls that were made in vain are no part of what was estimated.
    assert read.tally.retried == 1


async def test_where_a_later_page_fails_the_jobs_of_the_first_are_there(memory, context, outcomes):
    memory.add_jobs(range(1, 201))
    down = UpstreamUnavailable("down", endpoint="GET", status=500)
    memory.failing = {"jobs of pipeline 6, page 2": down, "job 50": down}

    read = context()
    jobs = await outcomes(read.job(1, job_id, 6) for job_id in (200, 199, 50, 49, 48))

    assert ids_of(jobs) == [200, 199, UpstreamUnavailable, 49, 48]


@pytest.mark.parametrize("kind", [Unauthenticated, RateLimited, NotFound])
async def test_what_single_reads_would_be_told_as_well_is_not_asked_again(
    memory, context, outcomes, kind
):
    memory.failing = {"jobs of pipeline 6, page 1": kind("no", endpoint="GET")}

    read = context()
    jobs = await outcomes(read.job(1, job_id, 6) for job_id in range(1, 11))

    assert ids_of(jobs) == [kind] * 10
    assert len(memory.calls) == 1


async def test_a_list_that_is_slow_is_given_up_for_single_reads(memory, context, outcomes):
    memory.add_jobs(range(1, 11))
    memory.held["jobs of pipeline 6, page 1"] = asyncio.Event()

    read = context(seconds=0.06)
    jobs = await outcomes(read.job(1, job_id, 6) for job_id in range(1, 6))

    assert ids_of(jobs) == [1, 2, 3, 4, 5]
    assert memory.stopped == ["jobs of pipeline 6, page 1"]


async def test_a_slow_key_holds_no_other(memory, context):
    memory.add_jobs(range(1, 11))
    memory.hidden = {3}
    memory.held["job 3"] = asyncio.Event()

    read = context()
    flights = {job_id: read.job(1, job_id, 6) for job_id in range(1, 6)}
    others = [(await flights[job_id]).id for job_id in (1, 2, 4, 5)]
    was_done = flights[3].done()
    memory.held["job 3"].set()

    assert others == [1, 2, 4, 5]
    assert not was_done
    assert (await flights[3]).id == 3


async def test_a_fold_stops_when_all_who_waited_have_left(memory, context):
    memory.add_jobs(range(1, 11))
    memory.held["jobs of pipeline 6, page 1"] = asyncio.Event()
    read = context()

    async def wait(job_id):
        return await read.job(1, job_id, 6)

    waiters = [asyncio.create_task(wait(job_id)) for job_id in range(1, 6)]
    await memory.is_called()
    for waiter in waiters[1:]:
        waiter.cancel()
    await asyncio.wait(waiters[1:])
    assert memory.stopped == []
    waiters[0].cancel()
    await asyncio.wait(waiters)
    await asyncio.sleep(0)

    assert memory.stopped == ["jobs of pipeline 6, page 1"]
    assert memory.calls == ["jobs of pipeline 6, page 1"]


async def test_jobs_are_not_read_for_those_who_left_before_the_list_came(memory, context):
    memory.add_jobs(range(1, 11))
    memory.hidden = {3}
    memory.held["jobs of pipeline 6, page 1"] = asyncio.Event()
    read = context()
    flights = {job_id: read.job(1, job_id, 6) for job_id in range(1, 6)}
    await memory.is_called()

    flights[3].cancel()
    memory.held["jobs of pipeline 6, page 1"].set()
    await flights[1]
    await asyncio.sleep(0)

    assert memory.calls == ["jobs of pipeline 6, page 1"]


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    random=st.randoms(use_true_random=False),
    builds=st.sampled_from([0, 5, 50, 150, 400]),
    pipelines=st.sampled_from([1, 2, 7]),
    wanted=st.sampled_from([1, 3, 4, 8, 20, 60]),
    unknown=st.sampled_from([0.0, 0.1, 1.0]),
    knows_pipelines=st.booleans(),
)
async def test_folding_never_takes_more_calls_than_there_are_keys(
    context, outcomes, random, builds, pipelines, wanted, unknown, knows_pipelines
):
    read = context()
    memory = read.client
    memory.__init__()
    ids = random.sample(range(1, 10 * builds + 1), builds)
    for job_id in ids:
        memory.add_jobs([job_id], random.randint(1, pipelines))
    keys = {}
    for _ in range(wanted):
        if not ids or random.random() < unknown:
            keys[random.randint(10_001, 20_000)] = 1
        else:
            job_id = random.choice(ids)
            keys[job_id] = memory.jobs[job_id].pipeline.id

    jobs = await outcomes(
        read.job(1, job_id, pipeline_id if knows_pipelines else None)
        for job_id, pipeline_id in keys.items()
    )

    assert ids_of(jobs) == [job_id if job_id in memory.jobs else NotFound for job_id in keys]
    assert len(memory.calls) - read.tally.retried <= len(keys)
    if ids and not unknown:
        assert read.tally.retried == 0


@pytest.mark.parametrize("pipeline_id", [6, None], ids=["pipeline", "project"])
@pytest.mark.parametrize("hidden", [set(), {3}], ids=["all listed", "one read singly"])
async def test_a_fold_leaves_nothing_to_the_collector(
    memory, context, outcomes, pipeline_id, hidden
):
    """Pages of jobs in a cycle would pile up until the collector comes, which it rarely does."""
    memory.add_jobs(range(1, 11))
    memory.hidden = hidden
    gc.disable()
    try:
        before = live()
        read = context()
        assert (
            len(await outcomes(read.job(1, job_id, pipeline_id) for job_id in range(1, 11))) == 10
        )
        del read
        await asyncio.sleep(0)

        assert live() == before
    finally:
        gc.enable()


def live():
    return sum(isinstance(found, Flight | Fold) for found in gc.get_objects())
