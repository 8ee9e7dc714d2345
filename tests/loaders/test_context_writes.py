"""What a write may have changed is read again by its operation, and its answer is known."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import OutcomeUnknown
from gateway.upstream.entities import Bridge, Job
from gateway.upstream.paging import window_of

pytestmark = pytest.mark.anyio


async def test_after_a_write_its_answer_is_known_and_all_else_is_read_again(memory, context):
    memory.add_jobs([1, 2])
    read = context()
    await read.job(1, 1)
    await read.job(1, 2)
    await read.pipeline_jobs(1, 6, (), include_retried=False, window=window_of())
    memory.calls.clear()

    await read.cancel(1, 1)
    written = await read.job(1, 1)
    other = await read.job(1, 2)
    listing = await read.pipeline_jobs(1, 6, (), include_retried=False, window=window_of())

    assert (written.status, other.status) == ("after cancel", "success")
    assert [job.status for job in listing.items] == ["success", "after cancel"]
    assert memory.calls == ["cancel 1", "job 2", "jobs of pipeline 6, page 1"]


async def test_after_a_write_that_got_lost_the_job_is_read_again(memory, context):
    memory.add_jobs([1])
    read = context()
    await read.job(1, 1)
    memory.failing["erase 1"] = OutcomeUnknown("lost", endpoint="POST")

    with pytest.raises(OutcomeUnknown):
        await read.erase(1, 1)
    await read.job(1, 1)

    assert memory.calls == ["job 1", "erase 1", "job 1"]


async def test_a_read_that_began_before_a_write_is_not_taken_for_what_is_there_after(
    memory, context
):
    memory.add_jobs([1])
    held = memory.held["job 1"] = asyncio.Event()
    read = context()
    before = read.job(1, 1)
    await memory.is_called()

    await read.cancel(1, 1)
    after = read.job(1, 1)
    held.set()
    await before

    assert after is not before
    assert (await after).status == "after cancel"


async def test_an_answer_that_leaves_things_out_is_not_taken_for_the_job(memory, context):
    memory.add_jobs([1])
    memory.make_job = lambda job_id, **_: Job(job_id, "pending", "job", asked_project=1)
    read = context()

    answer = await read.cancel(1, 1)
    memory.add_jobs = None
    await read.job(1, 1)

    assert answer.pipeline is None
    assert memory.calls == ["cancel 1", "job 1"]


async def test_the_retry_of_a_bridge_is_a_bridge(memory, context):
    memory.add_bridges([7])
    read = context()
    await read.bridge(1, 6, 7)

    again = await read.retry(1, 7)

    assert isinstance(again, Bridge)
    assert again.pipeline.id == 6
