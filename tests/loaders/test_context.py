"""What an operation reads is read once."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import NotFound, UpstreamInvalid, UpstreamUnavailable
from gateway.upstream.entities import Job, Pipeline, PipelineHandle, ProjectHandle
from gateway.upstream.pages import OffsetPage
from gateway.upstream.paging import window_of

pytestmark = pytest.mark.anyio

PATH = "group/project"
DOWN = UpstreamUnavailable("down", endpoint="GET", status=500)


async def test_equal_reads_are_one(memory, context):
    memory.add_jobs([1])
    read = context()

    flights = [read.job(1, 1), read.job(1, 1), read.job(1, 1, 6)]
    await flights[0]

    assert flights[0] is flights[1] is flights[2]
    assert read.job(1, 1) is flights[0]
    assert memory.calls == ["job 1"]


async def test_equal_listings_are_one(memory, context):
    memory.add_jobs(range(1, 31))
    read = context()

    flights = [
        read.pipeline_jobs(1, 6, (), include_retried=False, window=window_of(20)) for _ in range(3)
    ]
    await flights[0]

    assert flights[0] is flights[1] is flights[2]
    assert memory.calls == ["jobs of pipeline 6, page 1"]


@pytest.mark.parametrize(
    "other",
    [
        lambda read: read.pipeline_jobs(1, 6, (), include_retried=True, window=window_of(20)),
        lambda read: read.pipeline_jobs(
            1, 6, ("failed",), include_retried=False, window=window_of(20)
        ),
        lambda read: read.pipeline_jobs(1, 6, (), include_retried=False, window=window_of(21)),
        lambda read: read.bridges(1, 6, (), window_of(20)),
        lambda read: read.project_jobs(1, (), window_of(20)),
    ],
)
async def test_different_listings_are_not_mixed_up(memory, context, other):
    memory.add_jobs(range(1, 31))
    read = context()

    first, second = (
        read.pipeline_jobs(1, 6, (), include_retried=False, window=window_of(20)),
        other(read),
    )
    await first, await second

    assert first is not second
    assert len(memory.calls) == 2


async def test_listed_jobs_and_their_commits_are_not_read_again(memory, context):
    memory.add_jobs(range(1, 31))
    read = context()
    listing = await read.pipeline_jobs(PATH, 6, (), include_retried=False, window=window_of(20))
    listed = listing.items[3]

    again = read.job(PATH, listed.id), read.job(1, listed.id)
    commit = read.commit(1, listed.commit.id)

    assert [flight.done() for flight in again] == [True, True]
    assert {id(await flight) for flight in again} == {id(listed)}
    assert await commit == listed.commit
    assert len(memory.calls) == 1


async def test_listed_bridges_are_not_read_again(memory, context):
    memory.add_bridges([7, 8])
    read = context()
    await read.bridges(1, 6, (), window_of())

    bridge = await read.bridge(1, 6, 7)

    assert bridge.id == 7
    assert len(memory.calls) == 1


async def test_a_job_that_was_read_by_path_is_known_by_number(memory, context):
    memory.add_jobs([5])
    read = context()
    by_path = await read.job(PATH, 5)

    by_number = await read.job(1, 5)

    assert by_number is by_path
    assert memory.calls == ["job 5"]


async def test_jobs_that_were_asked_for_of_a_list_are_known_to_later_reads(
    memory, context, outcomes
):
    """The others on its pages are let go: nobody asked, and they are most of the memory."""
    memory.add_jobs(range(1, 21))
    read = context()
    by_path = await outcomes(read.job(PATH, job_id, 6) for job_id in range(1, 6))

    by_number = [await read.job(1, job_id) for job_id in range(1, 6)]
    await read.job(1, 12)

    assert by_number == by_path
    assert memory.calls == ["jobs of pipeline 6, page 1", "job 12"]


async def test_a_failed_listing_fails_those_who_asked_for_it_only(memory, context, outcomes):
    memory.add_jobs(range(1, 3), pipeline_id=5)
    memory.failing["jobs of pipeline 6, page 1"] = DOWN
    read = context()

    six, five = await outcomes(
        read.pipeline_jobs(1, number, (), include_retried=False, window=window_of())
        for number in (6, 5)
    )

    assert six is DOWN
    assert [job.id for job in five.items] == [2, 1]


async def test_a_listing_that_everybody_left_is_read_anew(memory, context):
    memory.add_jobs([1])
    held = memory.held["jobs of pipeline 6, page 1"] = asyncio.Event()
    read = context()
    left = read.pipeline_jobs(1, 6, (), include_retried=False, window=window_of())
    await memory.is_called()

    left.cancel()
    held.set()
    listing = await read.pipeline_jobs(1, 6, (), include_retried=False, window=window_of())

    assert [job.id for job in listing.items] == [1]
    assert len(memory.calls) == 2


async def test_a_job_that_everybody_left_before_the_batch_is_not_read(memory, context):
    memory.add_jobs([1, 2])
    read = context()
    left, stays = read.job(1, 1), read.job(1, 2)

    left.cancel()
    await stays

    assert memory.calls == ["job 2"]


async def test_reads_of_plain_and_async_resolvers_share_a_batch(memory, context, outcomes):
    memory.add_jobs(range(1, 11))
    read = context()

    async def resolver(job_id):
        return await read.job(1, job_id, 6)

    await outcomes(
        read.job(1, job_id, 6) if job_id % 2 else asyncio.ensure_future(resolver(job_id))
        for job_id in range(1, 11)
    )

    assert memory.calls == ["jobs of pipeline 6, page 1"]


async def test_bridges_of_a_pipeline_share_its_list(memory, context, outcomes):
    memory.add_bridges(range(1, 121))
    read = context()

    bridges = await outcomes(read.bridge(1, 6, bridge_id) for bridge_id in (120, 60, 500))

    assert [getattr(bridge, "id", type(bridge)) for bridge in bridges] == [120, 60, NotFound]
    assert memory.calls == ["bridges of pipeline 6, page 1", "bridges of pipeline 6, page 2"]


async def test_a_bridge_that_may_be_the_unreadable_row_is_not_called_absent(memory, context):
    unreadable = UpstreamInvalid("row", endpoint="GET")
    memory.page_of = lambda *_: OffsetPage([unreadable], None, 1)
    read = context()

    with pytest.raises(UpstreamInvalid):
        await read.bridge(1, 6, 5)


async def test_bridges_fail_with_their_list(memory, context, outcomes):
    memory.failing["bridges of pipeline 6, page 1"] = DOWN
    memory.add_bridges([9], pipeline_id=7)
    read = context()

    failed, found = await outcomes([read.bridge(1, 6, 5), read.bridge(1, 7, 9)])

    assert failed is DOWN
    assert found.id == 9


async def test_pipelines_and_commits_are_read_once_each(memory, context, outcomes):
    read = context()

    await outcomes(
        [read.pipeline(1, 6), read.pipeline(1, 6), read.commit(1, "abc"), read.commit(1, "abc")]
    )

    assert sorted(memory.calls) == ["commit abc", "pipeline 6"]


@pytest.mark.parametrize("entity", [PipelineHandle(6, 1), Pipeline(6, project_id=1)])
async def test_a_pipeline_is_hydrated_by_its_long_form(memory, context, entity):
    read = context()

    detail = await read.hydrate(entity)

    assert detail.known == 2
    assert memory.calls == ["pipeline 6"]


async def test_a_project_is_hydrated_by_one_call(memory, context):
    read = context()

    project = await read.hydrate(ProjectHandle(path=PATH))

    assert (project.number, project.path) == (1, PATH)
    assert memory.calls == [f"project {PATH}"]


async def test_the_number_of_a_project_is_known_from_its_jobs(memory, context):
    memory.add_jobs([1])
    read = context()
    await read.project_jobs(PATH, (), window_of())

    project = await read.hydrate(ProjectHandle(path=PATH))

    # The path is what the caller called it: nothing has told how the upstream spells it.
    assert (project.number, project.path) == (1, None)
    assert memory.calls == ["jobs"]


async def test_artifacts_that_an_answer_left_out_are_read_with_the_job(memory, context):
    memory.add_jobs([1])
    read = context()
    incomplete = Job(1, "success", "job", pipeline=Pipeline(6, project_id=1))

    artifacts = [*await asyncio.gather(read.artifacts(incomplete), read.artifacts(incomplete))]

    assert artifacts == [[], []]
    assert memory.calls == ["job 1"]


async def test_the_job_of_the_token_is_read_once_and_known_by_id(memory, context):
    memory.add_jobs([1])
    read = context()

    job = await read.current_job()

    assert read.current_job() is read.current_job()
    assert await read.job(1, job.id) is job
    assert memory.calls == ["current job"]


async def test_a_context_that_reads_nothing_makes_no_loader(memory, context):
    read = context()

    made = [getattr(read, name) for name in ("_jobs", "_bridges", "_pipelines", "_commits")]

    assert made == [None] * 4
