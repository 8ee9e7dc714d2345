"""Replicas that share what they watch: one poller for each subject over all of them.

What they share by is a model of the store in memory (`tests/watch/sharing.py`); that the store does
the same is shown in `tests/store/test_leases.py` and `tests/store/test_polling.py`.
"""

import asyncio
from collections import Counter

import pytest

from gateway.errors import NotFound, Unauthenticated
from gateway.sandbox import Fault
from gateway.team import News
from tests.watch.subjects import statuses

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]


async def followed(it, pipeline, job, taken):
    """Feeds of the job, one at each replica, that have taken how it is."""
    feeds = [live.job(it.credential(), 1, job, pipeline) for live in it.lives]
    await it.idle()
    for feed in feeds:
        taken(feed)
    it.calls()
    return feeds


@pytest.fixture
def idle(sandbox_server):
    """A pipeline with a job that waits for somebody, and that job."""
    sandbox = sandbox_server.sandbox
    pipeline = sandbox.create_pipeline(1)
    return pipeline, sandbox.create_job(1, pipeline, status="manual")


class TestOneJob:
    async def test_has_one_poller_for_a_thousand_listeners_of_three_replicas(
        self, together, idle, taken
    ):
        pipeline, job = idle
        async with together() as it:
            feeds = [
                live.job(it.credential(), 1, job, pipeline) for live in it.lives for _ in range(334)
            ]
            await it.idle()
            assert it.calls() == {"job": 1}

            await it.advance(60, world_s=0)

            # As of one replica: `test_jobs.py`.
            assert it.calls() == {"job": 7}
            assert [statuses(taken(feed)) for feed in feeds] == [["manual"]] * len(feeds)

    async def test_is_told_at_all_with_each_change_until_it_has_finished(
        self, together, running, taken
    ):
        pipeline, job = running
        async with together() as it:
            feeds = [live.job(it.credential(), 1, job, pipeline) for live in it.lives]
            await it.idle()
            for _ in range(60):
                await it.advance(1)

            told = [taken(feed) for feed in feeds]

            assert [statuses(events) for events in told] == [["pending", "running", "success"]] * 3
            assert all(events[-1].is_last for events in told)
            assert it.pollers == 0

    async def test_is_told_at_once_to_who_joins_another_replica(self, together, idle, taken):
        pipeline, job = idle
        async with together() as it:
            it.lives[0].job(it.credential(), 1, job, pipeline)
            await it.advance(1, world_s=0)
            it.calls()

            late = it.lives[1].job(it.credential(), 1, job, pipeline)
            await it.idle()

            assert statuses(taken(late)) == ["manual"]
            assert it.calls() == {}

    async def test_is_read_at_once_for_who_joins_when_what_was_told_is_old(
        self, together, idle, taken
    ):
        pipeline, job = idle
        async with together() as it:
            first = it.lives[0].job(it.credential(), 1, job, pipeline)
            await it.advance(30, world_s=0)
            it.calls()
            taken(first)
            it.sandbox.set_status(job, "canceled")

            late = it.lives[1].job(it.credential(), 1, job, pipeline)
            await it.idle()

            assert it.calls() == {"job": 1}
            assert statuses(taken(late)) == statuses(taken(first)) == ["canceled"]

    async def test_is_polled_for_each_credential_apart(self, together, idle):
        pipeline, job = idle
        async with together() as it:
            it.lives[0].job(it.credential("developer"), 1, job, pipeline)
            it.lives[1].job(it.credential("maintainer"), 1, job, pipeline)
            await it.idle()

            assert it.calls() == {"job": 2}

    async def test_is_one_subject_by_path_and_by_number(self, together, idle, taken):
        pipeline, job = idle
        async with together() as it:
            project = await it.gateway.client.project(it.gateway.scope("developer"), 1)
            it.calls()
            path = project.path_with_namespace
            feeds = [it.lives[0].job(it.credential(), path, job)]
            feeds.append(it.lives[1].job(it.credential(), 1, job, pipeline))
            feeds.append(it.lives[2].job(it.credential(), path, job))
            await it.idle()
            it.calls()

            await it.advance(60, world_s=0)

            assert it.calls() == {"job": 7}
            assert [statuses(taken(feed)) for feed in feeds] == [["manual"]] * 3

    async def test_that_is_unknown_ends_with_the_error_at_all(self, together, taken):
        async with together() as it:
            feeds = [live.job(it.credential(), 1, 999_999_999) for live in it.lives]
            await it.idle()

            for feed in feeds:
                [event] = taken(feed)
                assert isinstance(event.value, NotFound)
                assert event.is_last
            assert it.calls() == {"job": 1}
            assert it.pollers == 0

    async def test_a_credential_that_is_revoked_is_cut_off_at_all(self, together, idle, taken):
        pipeline, job = idle
        async with together() as it:
            feeds = await followed(it, pipeline, job, taken)
            it.sandbox.faults.append(Fault(kind="status", status=401))

            await it.advance(5, world_s=0)

            for feed in feeds:
                [event] = taken(feed)
                assert isinstance(event.value, Unauthenticated)
                assert event.is_last
            assert it.calls() == {"job": 1}

    async def test_faults_are_told_once_at_all_and_polled_on_by_one(self, together, idle, taken):
        pipeline, job = idle
        async with together() as it:
            feeds = await followed(it, pipeline, job, taken)
            it.sandbox.faults.append(Fault(kind="status", status=503))

            await it.advance(60, world_s=0)

            # After 2, 4, 8, 15, 15 and 15 seconds.
            assert it.calls() == {"job": 6}
            for feed in feeds:
                [told] = taken(feed)
                assert told.value.code == "UPSTREAM_UNAVAILABLE"
                assert not told.is_last
            it.sandbox.faults.clear()
            await it.advance(20, world_s=0)
            assert [statuses(taken(feed)) for feed in feeds] == [["manual"]] * 3


async def pipeline_by(it, watch, seconds=200):
    """Watch a pipeline that runs, as `watch` says, and count the calls."""
    sandbox = it.sandbox
    pipeline = sandbox.create_pipeline(1)
    jobs = [
        sandbox.create_job(1, pipeline, status="running", moves=True, planned_s=20.0 + 9 * number)
        for number in range(9)
    ]
    sandbox.create_job(1, pipeline, status="manual")
    feeds = watch(it.lives, it.credential(), pipeline, jobs)
    await it.idle()
    for _ in range(seconds):
        await it.advance(1)
    return feeds, Counter(it.calls())


def watch_all(lives, credential, pipeline, jobs):
    return [live.pipeline(credential, 1, pipeline) for live in lives for _ in range(3)]


def watch_some(lives, credential, pipeline, jobs):
    """All of it at one, jobs at each."""
    feeds = [live.job(credential, 1, job, pipeline) for live in lives for job in jobs[:2]]
    return [lives[0].pipeline(credential, 1, pipeline), *feeds]


def watch_each(lives, credential, pipeline, jobs):
    """Each job at one of them."""
    return [
        lives[number % len(lives)].job(credential, 1, job, pipeline)
        for number, job in enumerate(jobs)
    ]


class TestOnePipeline:
    @pytest.mark.parametrize("watch", [watch_all, watch_some])
    async def test_costs_three_replicas_as_many_calls_as_one(self, together, watch, taken):
        async with together(1) as it:
            _, of_one = await pipeline_by(it, watch)
        async with together(3) as it:
            feeds, of_three = await pipeline_by(it, watch)

            assert of_three == of_one
            for feed in feeds:
                last = taken(feed)[-1].value
                if hasattr(last, "items"):
                    assert last.pipeline.status in {"manual", "success"}
                else:
                    assert last.status == "success"

    async def test_jobs_that_are_watched_at_different_replicas_are_read_off_its_list_once(
        self, together, taken
    ):
        async with together(1) as it:
            _, of_one = await pipeline_by(it, watch_each)
        async with together(3) as it:
            feeds, of_three = await pipeline_by(it, watch_each)

            assert of_three["jobs"] <= of_one["jobs"] + 2
            assert of_three["job"] <= of_one["job"] + 6
            assert [taken(feed)[-1].value.status for feed in feeds] == ["success"] * 9


class TestLeaders:
    async def test_that_died_are_followed_within_two_intervals(self, together, running, taken):
        pipeline, job = running
        async with together() as it:
            feeds = [live.job(it.credential(), 1, job, pipeline) for live in it.lives]
            await it.idle()
            await it.kill(0)
            it.calls()
            for feed in feeds:
                taken(feed)
            it.sandbox.set_status(job, "canceled")

            await it.advance(4, world_s=0)

            assert [statuses(taken(feed)) for feed in feeds[1:]] == [["canceled"]] * 2
            assert it.calls() == {"job": 1}

    async def test_that_lost_their_last_listener_hold_up_nobody(self, together, idle):
        pipeline, job = idle
        async with together() as it:
            feeds = [live.job(it.credential(), 1, job, pipeline) for live in it.lives]
            await it.idle()
            it.calls()

            feeds[0].close()
            await it.advance(60, world_s=0)

            assert len(it.lives[0]) == 0
            # At the times at which the one that left would have polled.
            assert it.calls() == {"job": 7}

    async def test_that_were_frozen_while_they_read_show_no_earlier_state(
        self, together, idle, taken
    ):
        pipeline, job = idle
        async with together(2) as it:
            feeds = [live.job(it.credential(), 1, job, pipeline) for live in it.lives]
            await it.idle()
            for feed in feeds:
                taken(feed)
            frozen = it.replicas[0]
            client = it.lives[0]._around.client
            read = client.job

            async def read_and_freeze(*arguments, **named):
                found = await read(*arguments, **named)
                frozen.is_frozen = True
                it.sandbox.update_job(job, coverage=1.0)
                await it.clock.wait(it.thawed, 10)
                frozen.is_frozen = False
                return found

            it.thawed = asyncio.Event()
            client.job = read_and_freeze
            it.sandbox.update_job(job, coverage=0.5)
            await it.advance(8, world_s=0)
            at_the_other = [event.value.coverage for event in taken(feeds[1])]
            client.job = read
            await it.advance(8, world_s=0)

            assert at_the_other == [1.0]
            assert [event.value.coverage for event in taken(feeds[0])] == [1.0]


class SlowRead:
    """A replica's reads of jobs, each of which takes its time after the answer has come."""

    def __init__(self, it, at, seconds=3.0):
        client = it.lives[at]._around.client
        read = client.job

        async def read_slowly(*arguments, **named):
            client.job = read
            try:
                return await read(*arguments, **named)
            finally:
                # Whether it was modified or not.
                await it.clock.wait(asyncio.Event(), seconds)

        client.job = read_slowly


class TestSlowReads:
    async def test_show_no_earlier_state_to_who_has_read_meanwhile(self, together, idle, taken):
        pipeline, job = idle
        async with together(2) as it:
            feeds = [live.job(it.credential(), 1, job, pipeline) for live in it.lives]
            await it.idle()
            for feed in feeds:
                taken(feed)
            SlowRead(it, 0)
            it.replicas[1].is_away = True
            await it.advance(2, world_s=0)
            it.sandbox.update_job(job, coverage=1.0)
            await it.advance(2, world_s=0)
            alone = [event.value.coverage for event in taken(feeds[1])]
            it.replicas[1].is_away = False
            await it.advance(20, world_s=0)

            assert alone == [1.0]
            assert taken(feeds[1]) == []

    async def test_are_not_enough_for_who_heard_of_a_change_meanwhile(self, together, idle, taken):
        pipeline, job = idle
        async with together() as it:
            feeds = [live.job(it.credential(), 1, job, pipeline) for live in it.lives]
            await it.idle()
            SlowRead(it, 0)
            await it.advance(3, world_s=0)
            it.sandbox.update_job(job, coverage=1.0)
            it.calls()
            for feed in feeds:
                taken(feed)

            # Who reads has not heard of it.
            it.lives[2].hear(News(job_ids=(job,), at_once=True), it.clock.now())
            await it.advance(2.5, world_s=0)

            assert [[e.value.coverage for e in taken(feed)] for feed in feeds] == [[1.0]] * 3
            assert it.calls() == {"job": 1}


class TestWakes:
    async def test_a_write_at_one_is_seen_at_the_others_at_once(self, together, idle, taken):
        pipeline, job = idle
        async with together() as it:
            feeds = [live.job(it.credential(), 1, job, pipeline) for live in it.lives]
            await it.advance(30, world_s=0)
            for feed in feeds:
                taken(feed)
            it.calls()
            for number, status in enumerate(("pending", "running", "canceled")):
                it.sandbox.set_status(job, status)

                it.lives[number].wake(job_ids=[job], at_once=True)
                await it.idle()

                assert [statuses(taken(feed)) for feed in feeds] == [[status]] * 3
                assert it.calls() == {"job": 1}

    async def test_from_elsewhere_keep_the_smallest_interval_over_all(self, together, idle):
        pipeline, job = idle
        async with together() as it:
            for live in it.lives:
                live.job(it.credential(), 1, job, pipeline)
            await it.advance(20, world_s=0)
            it.calls()

            for number in range(90):
                it.lives[number % 3].wake(pipeline_id=pipeline)
                await it.advance(0.04, world_s=0)

            assert it.calls()["job"] <= 2


class TestWithoutTheStore:
    async def test_each_polls_and_they_come_together_again(self, together, idle, taken):
        pipeline, job = idle
        async with together() as it:
            feeds = [live.job(it.credential(), 1, job, pipeline) for live in it.lives]
            await it.idle()
            it.calls()
            it.medium.is_away = True
            it.sandbox.update_job(job, coverage=1.0)
            await it.advance(20, world_s=0)
            assert it.calls()["job"] >= 3 * 4
            assert [taken(feed)[-1].value.coverage for feed in feeds] == [1.0] * 3

            it.medium.come_back()
            await it.advance(15, world_s=0)
            it.calls()
            it.sandbox.update_job(job, coverage=2.0)
            await it.advance(15, world_s=0)

            assert [taken(feed)[-1].value.coverage for feed in feeds] == [2.0] * 3
            assert it.calls()["job"] <= 5
