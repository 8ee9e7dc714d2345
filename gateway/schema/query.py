"""The roots of reading."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import strawberry

from gateway.errors import BadInput, NotFound
from gateway.schema.agents import AllowedAgents
from gateway.schema.fields import LONG, Cost, Gives, Info, edge
from gateway.schema.ids import parse_global_id
from gateway.schema.inputs import JobRef, PipelineRef, pipeline_target, project_key, target_of
from gateway.schema.job import Job
from gateway.schema.node import Node
from gateway.schema.pipeline import Pipeline, read_pipeline
from gateway.schema.project import Project
from gateway.upstream import entities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.context import Context

__all__ = ["Query"]

Root: TypeAlias = strawberry.Parent[None]


def ids_given(arguments: Mapping[str, Any]) -> int:
    return len(arguments["ids"])


@strawberry.type(
    description="Reads. Every field that can cost an upstream call says so in its description."
)
class Query:
    @edge(
        "Any object by global id; null if it does not exist or is not visible."
        " Cost: at most 1 call.",
        cost=Cost(calls=1, known=LONG),
    )
    def node(
        parent: Root,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="As an id field gave it.")],
    ) -> Gives[Node | None]:
        return read_node(info.context, id)

    @edge(
        "Several objects by global id, in the order asked; null for those that do not exist or are"
        " not visible. Cost: at most 1 call an id; ids of one pipeline share list calls.",
        cost=Cost(calls=ids_given, rows=ids_given, known=LONG),
    )
    async def nodes(
        parent: Root,
        info: Info,
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="As id fields gave them.")
        ],
    ) -> Gives[list[Node | None]]:
        # An exception in the list fails its own place only.
        reads = [read_node(info.context, id) for id in ids]
        return await asyncio.gather(*reads, return_exceptions=True)

    @edge(
        "Handle on a project, by numeric id or full path. Cost: 0; existence is only checked by its"
        " fields.",
        cost=Cost(known=0),
    )
    def project(
        parent: Root,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Numeric id or full path.")],
    ) -> Gives[Project | None]:
        key = project_key(id)
        if isinstance(key, int):
            return entities.ProjectHandle(number=key)
        return entities.ProjectHandle(path=key)

    @edge(
        "One job. Cost: 1 call, 0 when another part of the operation already listed it.",
        cost=Cost(calls=1),
    )
    def job(
        parent: Root,
        info: Info,
        by: Annotated[JobRef, strawberry.argument(description="Which job.")],
    ) -> Gives[Job | None]:
        target = target_of(by, info.context.urls)
        if target.is_bridge:
            raise BadInput("by: the id names a bridge, not a job; node(id:) reads it")
        return info.context.job(target.project, target.number, target.pipeline_id)

    @edge(
        "One pipeline. Cost: at most 1 call, 0 when only its ids and lists are selected.",
        cost=Cost(calls=1, known=LONG),
    )
    def pipeline(
        parent: Root,
        info: Info,
        by: Annotated[PipelineRef, strawberry.argument(description="Which pipeline.")],
    ) -> Gives[Pipeline | None]:
        return read_pipeline(info, *pipeline_target(by, info.context.urls))

    @edge("The job whose CI_JOB_TOKEN is presented. Cost: 1 call.", cost=Cost(calls=1))
    def current_job(parent: Root, info: Info) -> Gives[Job | None]:
        return info.context.current_job()

    @edge("Agents the presented CI_JOB_TOKEN may use. Cost: 1 call.", cost=Cost(calls=1))
    def allowed_agents(parent: Root, info: Info) -> Gives[AllowedAgents | None]:
        return info.context.allowed_agents()


async def read_node(context: Context, text: str) -> Any:
    """What a global id names, None if it is not there; raises `BadInput` for no global id."""
    try:
        match parse_global_id(text):
            case "Job", project, (pipeline_id, number):
                return await context.job(project, number, pipeline_id or None)
            case "Bridge", project, (pipeline_id, number):
                return await context.bridge(project, pipeline_id, number)
            case "Pipeline", project, (number,):
                return await context.pipeline(project, number)
            case _, project, _:
                return await context.project(project)
    except NotFound:
        return None
