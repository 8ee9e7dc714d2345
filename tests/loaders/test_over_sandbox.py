"""The loaders with the real client, over HTTP, against the sandbox."""

from __future__ import annotations

from random import Random

import pytest

from gateway.errors import NotFound
from gateway.upstream.entities import Bridge
from gateway.upstream.paging import window_of
from tests.harness.over import over

pytestmark = pytest.mark.anyio


@pytest.fixture
async def operation(sandbox_server):
    """Makes the context of a new operation of a maintainer."""
    async with over(sandbox_server, seconds=60) as gateway:
        yield gateway.context


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("way", ["keyset", "offset"])
async def test_a_walk_by_sevens_shows_every_job_that_stays_exactly_once(
    operation, sandbox_server, way, backward
):
    sandbox = sandbox_server.sandbox
    random = Random(3)
    pipeline = sandbox.create_pipeline(1)
    made = [sandbox.create_job(1, pipeline) for _ in range(300)]
    builds = sandbox.jobs(1) if way == "keyset" else sandbox.jobs(1, pipeline)
    stayed = {job.id for job in builds if not job.bridge}

    seen, position = [], {"last": 7} if backward else {"first": 7}
    while True:
        read, window = operation(), window_of(**position)
        if way == "keyset":
            listing = await read.project_jobs(1, (), window)
        else:
            listing = await read.pipeline_jobs(
                1, pipeline, (), include_retried=False, window=window
            )
        page = [job.id for job in listing.items]
        seen = page + seen if backward else seen + page
        if not (listing.has_previous if backward else listing.has_next):
            break
        if backward:
            position["before"] = listing.cursor_of(listing.items[0])
        else:
            position["after"] = listing.cursor_of(listing.items[-1])
        if random.random() < 0.7:
            retried = made.pop(random.randrange(len(made)))
            sandbox.retry(retried)
            if way == "offset":
                stayed.discard(retried)

    assert seen == sorted(set(seen), reverse=True)
    assert stayed <= set(seen)


async def test_many_jobs_of_a_pipeline_take_a_call_a_hundred(operation, sandbox_server, outcomes):
    sandbox = sandbox_server.sandbox
    pipeline = sandbox.create_pipeline(1)
    made = [sandbox.create_job(1, pipeline) for _ in range(190)]
    for job_id in made[:10]:
        sandbox.retry(job_id)
    wanted = Random(1).sample(made, 60)
    read = operation()

    jobs = await outcomes(read.job(1, job_id, pipeline) for job_id in wanted)

    assert [job.id for job in jobs] == wanted
    assert (read.tally.calls, read.tally.retried) == (2, 0)


async def test_many_jobs_of_a_project_take_a_call_a_hundred(operation, sandbox_server, outcomes):
    recent = [job.id for job in sandbox_server.sandbox.jobs(6) if not job.bridge][:300]
    wanted = Random(1).sample(recent, 50)
    read = operation()

    jobs = await outcomes(read.job(6, job_id) for job_id in wanted)

    assert [job.id for job in jobs] == wanted
    assert (read.tally.calls, read.tally.retried) == (3, 0)


async def test_an_unknown_job_among_many_is_not_found_and_harms_no_other(operation, outcomes):
    read = operation()

    jobs = await outcomes(read.job(1, job_id, 6) for job_id in (6, 7, 8, 10**12))

    assert [getattr(job, "id", type(job)) for job in jobs] == [6, 7, 8, NotFound]
    assert read.tally.calls - read.tally.retried <= 4


async def test_a_bridge_is_found_in_its_list_and_its_retry_is_a_bridge(operation, sandbox_server):
    bridge_id = sandbox_server.sandbox.create_job(1, 6, bridge=True)
    read = operation()

    found = await read.bridge(1, 6, bridge_id)
    again = await read.retry(1, bridge_id)

    assert isinstance(found, Bridge)
    assert isinstance(again, Bridge)
    assert again.id != found.id
    assert read.tally.calls == 2


async def test_what_is_asked_of_a_log_at_once_takes_one_call(operation, sandbox_server, outcomes):
    sandbox_server.sandbox.set_log(1, b"one\ntwo\nthree\n")
    log = (read := operation()).log(1, 1)

    tail, piece, size = await outcomes([log.tail(1, 100), log.slice(4, 3), log.byte_count()])

    assert (tail.raw, piece.raw, size) == (b"three\n", b"two\n", 14)
    assert read.tally.calls == 1
