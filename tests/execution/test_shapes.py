# ruff: noqa: N805, FBT001, FBT002 - resolvers take (parent, info), and arguments by name
"""Shapes of fields that the graph does not have today and may have tomorrow: edges that may not be
null, lists of lists, hydrated items that may not be null, scalars that change what they are given.
"""

import asyncio
from typing import Any, NewType

import msgspec
import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from gateway.errors import BadInput
from gateway.execution.executor import PlannedExecutor
from gateway.schema.fields import Cost, Gives, Info, derived, edge, plain
from gateway.upstream import entities
from tests.execution.comparison import failures_of

Loud = NewType("Loud", str)
FREE = Cost()


def job(number: int, **values: Any) -> entities.Job:
    return entities.Job(number, "success", f"job {number}", **values)


async def soon(value: Any) -> Any:
    await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


class Hydrating:
    """A context that knows the long form of pipelines, but not of number 13."""

    def hydrate(self, pipeline: entities.Pipeline) -> Any:
        if pipeline.id == 13:
            return asyncio.ensure_future(soon(BadInput("unlucky")))
        return asyncio.ensure_future(soon(entities.PipelineDetail(pipeline.id, duration=1.5)))


def typed(name: str) -> Any:
    """`is_type_of`: any entity; which type it is, the place tells here."""
    return classmethod(lambda _cls, entity, _info: type(entity).__name__.startswith(name))


@strawberry.type
class Pipeline:
    id: int = plain("id", "")
    duration: float | None = plain("duration", "", needs=2)
    is_type_of = typed("Pipeline")


@strawberry.type
class Job:
    name: str = plain("name", "")
    loud: Loud = plain("name", "")
    loud_stage: Loud | None = plain("stage", "")
    tags: list[Loud | None] | None = plain("tag_list", "")
    pipeline: Pipeline | None = plain("pipeline", "")
    is_type_of = typed("Job")

    @edge("", cost=FREE)
    async def must(parent: strawberry.Parent[Any], info: Info) -> Gives[str]:
        return await soon(BadInput("must not") if parent.id == 2 else f"must {parent.id}")

    @edge("", cost=FREE)
    def must_now(parent: strawberry.Parent[Any], info: Info) -> Gives[str]:
        return None if parent.id == 3 else "now"

    @edge("", cost=FREE)
    def refused(parent: strawberry.Parent[Any], info: Info) -> Gives[str | None]:
        return BadInput("as a value")


PIPELINES = [entities.Pipeline(number) for number in (11, 12)]


@strawberry.type
class Query:
    answer: int = derived(lambda _: 42, "")

    @edge("", cost=FREE)
    def strict(parent: strawberry.Parent[None], info: Info, number: int) -> Gives[Job]:
        return soon(BadInput("gone") if number == 1 else job(number))

    @edge("", cost=FREE)
    def grid(parent: strawberry.Parent[None], info: Info) -> Gives[list[list[Job | None]] | None]:
        return [[job(1), None], [], [job(2, tag_list=["a", None]), job(3)]]

    @edge("", cost=FREE)
    def pipelines(
        parent: strawberry.Parent[None], info: Info, unlucky: bool = False
    ) -> Gives[list[Pipeline] | None]:
        return [*PIPELINES, *([entities.Pipeline(13)] if unlucky else [])]

    @edge("", cost=FREE)
    def pipeline_grid(
        parent: strawberry.Parent[None], info: Info
    ) -> Gives[list[list[Pipeline | None] | None] | None]:
        return soon([PIPELINES, None, [None, entities.PipelineDetail(14, duration=2.5)]])

    @edge("", cost=FREE)
    def jobs(parent: strawberry.Parent[None], info: Info) -> Gives[list[Job | None] | None]:
        return [soon(job(1, stage="test")), soon(BadInput("row")), job(2)]


@strawberry.type
class Mutation:
    @edge("", cost=FREE)
    def now(parent: strawberry.Parent[None], info: Info, works: bool) -> Gives[Job]:
        return job(1) if works else BadInput("not now")

    @edge("", cost=FREE)
    async def later(parent: strawberry.Parent[None], info: Info, works: bool) -> Gives[Job]:
        return await soon(job(1) if works else BadInput("not later"))


SCALARS = {Loud: strawberry.scalar(name="Loud", serialize=str.upper)}
REFERENCE, PLANNED = (
    strawberry.Schema(
        Query,
        Mutation,
        config=StrawberryConfig(info_class=Info, scalar_map=SCALARS),
        execution_context_class=executor_class,
    )
    for executor_class in (None, PlannedExecutor)
)


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("{ answer __typename }", []),
        ("{ answer strict(number: 2) { name loud loudStage } }", []),
        ("{ answer strict(number: 1) { name } }", ["strict"]),
        ("{ jobs { name must } }", ["jobs.1", "jobs.2.must"]),
        ("{ jobs { name mustNow loudStage } }", ["jobs.1"]),
        ("{ strict(number: 2) { name must } answer }", ["strict.must"]),
        ("{ strict(number: 3) { name mustNow } answer }", ["strict.mustNow"]),
        ("{ strict(number: 4) { must mustNow refused } }", ["strict.refused"]),
        ("{ grid { name tags loud } }", []),
        ("{ grid { name must } }", ["grid.2.0.must"]),
        ("{ pipelines { id duration } answer }", []),
        ("{ pipelines(unlucky: true) { id duration } answer }", ["pipelines.2.duration"]),
        ("{ pipelineGrid { id duration } }", []),
        ("mutation { now(works: true) { name must } later(works: true) { name } }", []),
        ("mutation { now(works: false) { name } }", ["now"]),
        ("mutation { now(works: true) { name } later(works: false) { name } }", ["later"]),
    ],
)
def test_plan_and_reference_agree(query: str, paths: list[str]) -> None:
    async def run(schema: strawberry.Schema) -> Any:
        return await schema.execute(query, context_value=Hydrating())

    reference, planned = asyncio.run(run(REFERENCE)), asyncio.run(run(PLANNED))

    assert msgspec.json.encode(planned.data) == msgspec.json.encode(reference.data)
    assert failures_of(planned) == failures_of(reference)
    assert sorted(".".join(map(str, found.path)) for found in failures_of(planned)) == paths
