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
        assert answered == [304, 304, 304]


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
