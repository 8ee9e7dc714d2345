"""A watched pipeline: its page, its jobs and its bridges, side by side."""

import asyncio
import gc

import pytest

from gateway.sandbox import Fault
from gateway.watch import Change

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]


@pytest.fixture
def working(sandbox_server):
    """A pipeline of two stages whose first job works for ten seconds."""
    sandbox = sandbox_server.sandbox
    pipeline = sandbox.create_pipeline(1)
    build = sandbox.create_job(
        1, pipeline, name="build", stage="build", status="pending", moves=True, planned_s=10.0
    )
    test = sandbox.create_job(
        1, pipeline, name="test", stage="test", status="created", planned_s=10.0
    )
    return pipeline, build, test


async def test_is_told_whole_then_what_changes_until_it_has_finished(world, working, taken):
    pipeline, build, test = working
    async with world() as it:
        feed = it.live.pipeline(it.credential(), 1, pipeline)
        await it.idle()
        [first] = taken(feed)
        for _ in range(60):
            await it.advance(1)
        rest = taken(feed)

        assert first.value.pipeline.id == pipeline
        assert {item.id for item in first.value.items} == {build, test}
        # What waited was put together: no item's last state is lost.
        last = {item.id: item.status for item in rest[-1].value.items}
        assert last == {build: "success", test: "success"}
        assert rest[-1].value.pipeline.status == "success"
        assert rest[-1].is_last
        assert len(it.live) == 0


async def test_takes_three_calls_a_poll(world, working):
    pipeline, build, _ = working
    async with world() as it:
        it.live.pipeline(it.credential(), 1, pipeline)
        it.live.job(it.credential(), 1, build, pipeline)
        await it.idle()

        assert it.calls() == {"pipeline": 1, "jobs": 1, "bridges": 1}
        assert len(it.live) == 1


async def test_asks_only_for_what_has_been_modified(world, working):
    pipeline, *_ = working
    async with world() as it:
        it.live.pipeline(it.credential(), 1, pipeline)
        await it.idle()
        it.calls()

        await it.advance(2, world_s=0)

        answered = [one.status for one in it.sandbox.received]
        # It has no bridges, and never will.
        assert answered == [304, 304]


async def test_shows_a_new_attempt(world, sandbox_server, taken):
    sandbox = sandbox_server.sandbox
    pipeline = sandbox.create_pipeline(1)
    failed = sandbox.create_job(1, pipeline, status="failed", allow_failure=1)
    sandbox.create_job(1, pipeline, status="running")
    async with world() as it:
        feed = it.live.pipeline(it.credential(), 1, pipeline)
        await it.idle()
        taken(feed)

        made = sandbox.retry(failed)
        it.live.wake(pipeline_id=pipeline, at_once=True)
        await it.idle()

        [event] = taken(feed)
        assert [item.id for item in event.value.items] == [made]


async def test_a_fault_of_one_part_is_told_and_passes(world, working, taken):
    pipeline, *_ = working
    async with world() as it:
        feed = it.live.pipeline(it.credential(), 1, pipeline)
        await it.idle()
        taken(feed)
        it.sandbox.faults.append(Fault(kind="status", status=500, route="*/bridges"))
        await it.advance(30, world_s=0)
        it.sandbox.faults.clear()
        [told] = taken(feed)
        await it.advance(30, world_s=0)
        [well_again] = taken(feed)

        assert told.value.code == "UPSTREAM_UNAVAILABLE"
        assert isinstance(well_again.value, Change)


@pytest.mark.parametrize("turns", range(1, 8))
async def test_who_leaves_at_any_moment_leaves_no_read_unbegun(world, working, turns):
    pipeline, *_ = working
    async with world() as it:
        feed = it.live.pipeline(it.credential(), 1, pipeline)
        for _ in range(turns):
            await asyncio.sleep(0)

        feed.close()

        await it.idle()
        # What was begun outside of a read that never ran would warn here.
        gc.collect()
        assert len(it.live) == 0


class TestCalls:
    """What a minute costs, and how late a change shows. Time is driven, without jitter."""

    MINUTE_S = 60

    def waiting(self, sandbox):
        """A pipeline that waits for a manual job, with one behind it."""
        pipeline = sandbox.create_pipeline(1)
        sandbox.create_job(1, pipeline, name="build", stage="build")
        manual = sandbox.create_job(
            1, pipeline, name="go", stage="test", status="created", run_when="manual"
        )
        sandbox.create_job(1, pipeline, name="ship", stage="deploy", status="created")
        sandbox.set_status(manual, "manual")
        return pipeline, manual

    async def test_one_that_waits_for_a_manual_job_takes_four_a_minute(self, world, sandbox_server):
        pipeline, _ = self.waiting(sandbox_server.sandbox)
        async with world() as it:
            feeds = [it.live.pipeline(it.credential(), 1, pipeline) for _ in range(10)]
            await it.advance(self.MINUTE_S)
            it.calls()

            minutes = []
            for _ in range(4):
                await it.advance(self.MINUTE_S)
                minutes.append(it.calls())

            assert len(feeds) == 10
            assert minutes == [{"pipeline": 4}] * 4

    async def test_what_starts_of_it_shows_with_its_next_round(self, world, sandbox_server, taken):
        pipeline, manual = self.waiting(sandbox_server.sandbox)
        async with world() as it:
            feed = it.live.pipeline(it.credential(), 1, pipeline)
            await it.advance(self.MINUTE_S)
            taken(feed)

            it.sandbox.advance(1)
            it.sandbox.set_status(manual, "running")
            await it.advance(15)

            [event] = taken(feed)
            assert {item.id: item.status for item in event.value.items} == {manual: "running"}

    async def test_what_its_page_does_not_tell_shows_within_ten_minutes(
        self, world, sandbox_server, taken
    ):
        pipeline, _ = self.waiting(sandbox_server.sandbox)
        [build] = [job.id for job in sandbox_server.sandbox.jobs(1, pipeline, name="build")]
        async with world() as it:
            feed = it.live.pipeline(it.credential(), 1, pipeline)
            await it.advance(self.MINUTE_S)
            taken(feed)

            it.sandbox.update_job(build, erased_at="2026-11-01T00:00:00.000Z")
            await it.advance(10 * self.MINUTE_S, world_s=0)

            [event] = taken(feed)
            assert [item.id for item in event.value.items] == [build]

    @pytest.mark.parametrize(("bridges", "most"), [(0, 17), (1, 31)])
    async def test_one_that_runs_shows_each_change_within_five_seconds(
        self, world, sandbox_server, taken, bridges, most
    ):
        sandbox = sandbox_server.sandbox
        pipeline = sandbox.create_pipeline(1)
        running = sandbox.create_job(1, pipeline, status="running")
        for _ in range(bridges):
            sandbox.create_job(1, pipeline, name="child", bridge=True, status="success")
        async with world() as it:
            feed = it.live.pipeline(it.credential(), 1, pipeline)
            await it.advance(self.MINUTE_S)
            it.calls()
            await it.advance(self.MINUTE_S)
            calls = sum(it.calls().values())
            taken(feed)

            it.sandbox.set_status(running, "failed")
            await it.advance(5, world_s=0)

            [event] = taken(feed)
            assert calls <= most
            assert [(item.id, item.status) for item in event.value.items] == [(running, "failed")]
            assert event.value.pipeline.status == "failed"

    async def test_a_wake_has_all_of_it_read(self, world, sandbox_server):
        pipeline, _ = self.waiting(sandbox_server.sandbox)
        async with world() as it:
            feed = it.live.pipeline(it.credential(), 1, pipeline)
            await it.advance(self.MINUTE_S)
            it.calls()

            it.live.wake(pipeline_id=pipeline, at_once=True)
            await it.idle()

            assert it.calls() == {"pipeline": 1, "jobs": 1, "bridges": 1}
            assert feed.has_begun

    @pytest.mark.parametrize("tabs", [1, 10])
    async def test_a_running_pipeline_and_a_followed_log_take_fifty_a_minute_at_most(
        self, world, tabs
    ):
        async def drain(log):
            while await log.next() is not None:
                pass

        async with world() as it:
            feeds = [it.live.pipeline(it.credential(), 1, 6) for _ in range(tabs)]
            logs = [it.live.log(it.credential(), 1, 8) for _ in range(tabs)]
            following = [asyncio.ensure_future(drain(log)) for log in logs]
            for _ in range(self.MINUTE_S):
                await it.advance(1)
            it.calls()

            for _ in range(self.MINUTE_S):
                await it.advance(1)

            calls = it.calls()
            for task in following:
                task.cancel()
            await asyncio.wait(following)
            for each in (*logs, *feeds):
                each.close()
            assert calls["trace"] >= 6
            assert sum(calls.values()) <= 50, calls
