"""Watched jobs: one poller for each credential and subject, folded into lists."""

import pytest

from gateway.errors import NotFound, Unauthenticated
from gateway.sandbox import Fault
from tests.watch.subjects import statuses

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]


class TestOneJob:
    async def test_is_told_as_it_is_then_with_each_change_until_it_has_finished(
        self, world, running, taken
    ):
        pipeline, job = running
        async with world() as it:
            feed = it.live.job(it.credential(), 1, job, pipeline)

            await it.idle()
            first = taken(feed)
            await it.advance(60)
            rest = taken(feed)

            assert statuses(first) == ["pending"]
            assert statuses(rest)[-1] == "success"
            assert [event.is_last for event in rest][-1]
            assert len(it.live) == 0

    async def test_costs_one_call_a_poll_and_fewer_while_it_idles(self, world, running):
        pipeline, job = running
        async with world() as it:
            it.sandbox.set_status(job, "manual")
            it.live.job(it.credential(), 1, job, pipeline)
            await it.idle()
            assert it.calls() == {"job": 1}

            await it.advance(60, world_s=0)

            # At 2, then 3, 4.5, 6.75, 10.1, 15, 15 seconds after each other.
            assert it.calls() == {"job": 7}

    async def test_has_one_poller_for_a_thousand_listeners(self, world, running, taken):
        pipeline, job = running
        async with world() as it:
            feeds = [it.live.job(it.credential(), 1, job, pipeline) for _ in range(1_000)]
            await it.idle()

            assert len(it.live) == 1
            assert it.calls() == {"job": 1}
            assert all(len(taken(feed)) == 1 for feed in feeds)

    async def test_is_told_to_a_late_listener_without_a_call(self, world, running, taken):
        pipeline, job = running
        async with world() as it:
            it.live.job(it.credential(), 1, job, pipeline)
            await it.idle()
            it.calls()

            late = it.live.job(it.credential(), 1, job, pipeline)
            await it.idle()

            assert statuses(taken(late)) == ["pending"]
            assert it.calls() == {}

    async def test_is_one_subject_by_path_and_by_number(self, world, running, taken):
        pipeline, job = running
        path = "demo/shop"
        async with world() as it:
            path = it.sandbox.store.landmarks().get("path", path)
            by_number = it.live.job(it.credential(), 1, job, pipeline)
            detail = await it.gateway.client.project(it.gateway.scope("developer"), 1)
            by_path = [
                it.live.job(it.credential(), detail.path_with_namespace, job) for _ in range(3)
            ]
            await it.idle()
            assert len(it.live) == 1
            assert all(statuses(taken(feed)) == ["pending"] for feed in (by_number, *by_path))
            it.calls()

            later = it.live.job(it.credential(), detail.path_with_namespace, job)
            await it.idle()

            assert statuses(taken(later)) == ["pending"]
            assert it.calls() == {}

    async def test_is_polled_for_each_credential_apart(self, world, running):
        pipeline, job = running
        async with world() as it:
            it.live.job(it.credential("developer"), 1, job, pipeline)
            it.live.job(it.credential("maintainer"), 1, job, pipeline)
            await it.idle()

            assert len(it.live) == 2
            assert it.calls() == {"job": 2}

    async def test_is_polled_no_more_when_the_last_listener_has_left(self, world, running):
        pipeline, job = running
        async with world() as it:
            feeds = [it.live.job(it.credential(), 1, job, pipeline) for _ in range(2)]
            await it.idle()
            feeds[0].close()
            await it.advance(3, world_s=0)
            assert it.calls() == {"job": 2}

            feeds[1].close()

            assert len(it.live) == 0
            await it.advance(60)
            assert it.calls() == {}

    async def test_that_is_unknown_ends_with_the_error(self, world, taken):
        async with world() as it:
            feed = it.live.job(it.credential(), 1, 999_999_999)
            await it.idle()

            [event] = taken(feed)
            assert isinstance(event.value, NotFound)
            assert event.is_last
            assert len(it.live) == 0

    async def test_is_cut_off_when_the_credential_is_revoked(self, world, running, taken):
        pipeline, job = running
        async with world() as it:
            feed = it.live.job(it.credential(), 1, job, pipeline)
            await it.idle()
            taken(feed)
            it.sandbox.faults.append(Fault(kind="status", status=401))

            await it.advance(5, world_s=0)

            [event] = taken(feed)
            assert isinstance(event.value, Unauthenticated)
            assert event.is_last

    async def test_keeps_the_newest_states_for_a_slow_listener(self, world, running, taken):
        pipeline, job = running
        async with world() as it:
            feed = it.live.job(it.credential(), 1, job, pipeline)
            await it.idle()
            for number in range(30):
                it.sandbox.update_job(job, coverage=float(number))
                await it.advance(2, world_s=0)

            events = taken(feed)

            assert len(events) == 16
            assert events[0].missed == 15
            assert events[-1].value.coverage == 29.0


class TestFaults:
    async def test_are_told_once_and_polling_goes_on(self, world, running, taken):
        pipeline, job = running
        async with world() as it:
            feed = it.live.job(it.credential(), 1, job, pipeline)
            await it.idle()
            taken(feed)
            it.sandbox.faults.append(Fault(kind="status", status=503))
            await it.advance(60, world_s=0)

            [told] = taken(feed)
            it.sandbox.faults.clear()
            await it.advance(20, world_s=0)
            [well_again] = taken(feed)

            assert told.value.code == "UPSTREAM_UNAVAILABLE"
            assert not told.is_last
            assert well_again.value.status == "pending"

    async def test_are_told_to_who_comes_while_the_upstream_fails(self, world, running, taken):
        pipeline, job = running
        async with world() as it:
            first = it.live.job(it.credential(), 1, job, pipeline)
            it.sandbox.faults.append(Fault(kind="status", status=503))
            await it.idle()
            same, all_of_it = (
                it.live.job(it.credential(), 1, job, pipeline),
                it.live.pipeline(it.credential(), 1, pipeline),
            )
            await it.advance(60, world_s=0)

            told = [taken(feed) for feed in (first, same, all_of_it)]
            it.sandbox.faults.clear()
            await it.advance(60, world_s=0)
            well_again = [taken(feed) for feed in (first, same, all_of_it)]

            assert [[event.value.code for event in events] for events in told] == 3 * [
                ["UPSTREAM_UNAVAILABLE"]
            ]
            assert [len(events) for events in well_again] == [1, 1, 1]

    async def test_a_limit_is_waited_out(self, world, running, taken):
        pipeline, job = running
        async with world() as it:
            it.live.job(it.credential(), 1, job, pipeline)
            await it.idle()
            it.sandbox.faults.append(Fault(kind="rate_limit_endpoint"))
            await it.advance(5, world_s=0)
            it.calls()

            await it.advance(50, world_s=0)

            assert it.calls() == {}


class TestManyJobs:
    async def test_of_one_pipeline_are_read_off_its_list(self, world, sandbox_server, taken):
        sandbox = sandbox_server.sandbox
        pipeline = sandbox.create_pipeline(1)
        jobs = [sandbox.create_job(1, pipeline, status="running") for _ in range(200)]
        async with world() as it:
            feeds = [it.live.job(it.credential(), 1, job, pipeline) for job in jobs]
            await it.idle()
            # The pipeline's length is not known before: the first page tells it.
            assert it.calls() == {"jobs": 2}
            assert all(len(taken(feed)) == 1 for feed in feeds)

            it.sandbox.set_status(jobs[0], "success")
            await it.advance(2, world_s=0)

            assert it.calls() == {"jobs": 2}
            assert [statuses(taken(feed)) for feed in feeds] == [["success"], *[[]] * 199]

    async def test_that_the_list_does_not_show_are_read_singly(self, world, sandbox_server, taken):
        sandbox = sandbox_server.sandbox
        pipeline = sandbox.create_pipeline(1)
        failed = sandbox.create_job(1, pipeline, status="failed")
        jobs = [sandbox.create_job(1, pipeline, status="running") for _ in range(5)]
        sandbox.retry(failed)
        async with world() as it:
            feeds = [it.live.job(it.credential(), 1, job, pipeline) for job in (failed, *jobs)]
            await it.idle()

            assert it.calls() == {"jobs": 1, "job": 1}
            assert [statuses(taken(feed)) for feed in feeds] == [["failed"], *[["running"]] * 5]

    async def test_few_of_a_long_pipeline_are_read_singly(self, world, sandbox_server):
        sandbox = sandbox_server.sandbox
        pipeline = sandbox.create_pipeline(1)
        jobs = [sandbox.create_job(1, pipeline, status="running") for _ in range(450)]
        async with world() as it:
            for job in jobs[:4]:
                it.live.job(it.credential(), 1, job, pipeline)
            await it.idle()
            it.calls()

            await it.advance(3, world_s=0)

            assert it.calls() == {"job": 4}

    async def test_of_many_pipelines_have_their_turns(self, world, sandbox_server, taken):
        sandbox = sandbox_server.sandbox
        pipelines = [sandbox.create_pipeline(1) for _ in range(60)]
        jobs = [sandbox.create_job(1, one, status="running") for one in pipelines]
        async with world() as it:
            feeds = [
                it.live.job(it.credential(), 1, job, pipeline)
                for job, pipeline in zip(jobs, pipelines, strict=True)
            ]
            await it.idle()
            await it.advance(2, world_s=0)

            assert it.calls() == {"job": 120}
            assert all(len(taken(feed)) == 1 for feed in feeds)


class TestWakes:
    async def test_a_write_of_ours_is_seen_at_once(self, world, running, taken):
        pipeline, job = running
        async with world() as it:
            feed = it.live.job(it.credential(), 1, job, pipeline)
            await it.idle()
            taken(feed)
            it.sandbox.set_status(job, "canceled")

            it.live.wake(job_ids=[job], at_once=True)
            await it.idle()

            assert statuses(taken(feed)) == ["canceled"]

    async def test_from_elsewhere_coalesce_and_keep_the_smallest_interval(self, world, running):
        pipeline, job = running
        async with world() as it:
            it.sandbox.set_status(job, "manual")
            it.live.job(it.credential(), 1, job, pipeline)
            await it.advance(20, world_s=0)
            it.calls()

            for _ in range(90):
                it.live.wake(pipeline_id=pipeline)
                await it.advance(0.04, world_s=0)

            assert it.calls() == {"job": 2}
