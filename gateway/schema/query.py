"""The roots of reading."""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import strawberry

from gateway.errors import BadInput, NotFound
from gateway.loaders.flight import outcomes
from gateway.schema.agents import AllowedAgents
from gateway.schema.fields import Cost, Gives, Info, edge
from gateway.schema.ids import count_logs, names_log, parse_global_id
from gateway.schema.inputs import (
    JOB_BY_NUMBER,
    JobRef,
    PipelineRef,
    pipeline_target,
    project_key,
    target_of,
    why_no_job,
)
from gateway.schema.job import Job
from gateway.schema.log import log_of
from gateway.schema.node import Node
from gateway.schema.people import User
from gateway.schema.pipeline import Pipeline, read_pipeline
from gateway.schema.project import Project
from gateway.schema.rate_limit import RateLimit, rate_limit_now
from gateway.schema.upstream import Upstream
from gateway.upstream import entities
from gateway.upstream.entities import Known

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from gateway.context import Context
    from gateway.loaders.logs import LogOfJob
    from gateway.upstream.entities import ProjectKey

__all__ = ["Query"]

Root: TypeAlias = strawberry.Parent[None]


def ids_given(arguments: Mapping[str, Any]) -> int:
    return len(arguments["ids"])


def calls_for_id(arguments: Mapping[str, Any]) -> int:
    return 1 + names_log(arguments["id"])


def calls_for_ids(arguments: Mapping[str, Any]) -> int:
    # A log is found by its job, and read by one call more.
    return len(arguments["ids"]) + count_logs(arguments["ids"])


@strawberry.type(
    description="Reads. Every field that can cost an upstream call says so in its description."
)
class Query:
    @edge(
        "Any object by global id; null if it does not exist or is not visible."
        " Cost: at most 1 call; a bridge is looked for in its pipeline's list; a log's fields share"
        " 1 call more.",
        cost=Cost(calls=calls_for_id, known=Known.LONG),
    )
    def node(
        parent: Root,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="As an id field gave it.")],
    ) -> Gives[Node | None]:
        return null_if_missing(ask_for_node(info.context, id))

    @edge(
        "Several objects by global id, in the order asked; null for those that do not exist or are"
        " not visible. Cost: at most 1 call an id; ids of one pipeline share list calls; the fields"
        " of a log share 1 call more.",
        cost=Cost(calls=calls_for_ids, rows=ids_given, known=Known.LONG),
    )
    def nodes(
        parent: Root,
        info: Info,
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="As id fields gave them.")
        ],
    ) -> Gives[list[Node | None]]:
        return read_nodes(info.context, ids)

    @edge(
        "Handle on a project, by numeric id or full path. Cost: 0, existence is only checked by"
        " its fields; 1 call, shared, where a field is selected that it was made without.",
        cost=Cost(known=Known.HANDLE),
    )
    def project(
        parent: Root,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Numeric id or full path.")],
    ) -> Gives[Project | None]:
        return handle_for(info, project_key(id))

    @edge(
        "Handles on several projects, in the order asked; each is found, or fails, by itself. Cost:"
        " as project, for each; what is selected of them is read side by side.",
        cost=Cost(rows=ids_given, known=Known.HANDLE),
    )
    def projects(
        parent: Root,
        info: Info,
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="Numeric ids or full paths.")
        ],
    ) -> Gives[list[Project | None]]:
        return read_projects(info, ids)

    @edge(
        "One job. Cost: 1 call, 0 when another part of the operation already listed it.",
        cost=Cost(calls=1),
        explain=why_no_job,
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
        cost=Cost(calls=1, known=Known.LONG),
    )
    def pipeline(
        parent: Root,
        info: Info,
        by: Annotated[PipelineRef, strawberry.argument(description="Which pipeline.")],
    ) -> Gives[Pipeline | None]:
        return read_pipeline(info, *pipeline_target(by, info.context.urls))

    @edge(
        "What this operation costs and what the caller's upstream budget still holds. Cost: 0.",
        cost=Cost(),
    )
    def rate_limit(parent: Root, info: Info) -> Gives[RateLimit | None]:
        return rate_limit_now(info.context)

    @edge("The job whose CI_JOB_TOKEN is presented. Cost: 1 call.", cost=Cost(calls=1))
    def current_job(parent: Root, info: Info) -> Gives[Job | None]:
        return info.context.current_job()

    @edge(
        "Who the presented credential is; null with an error without one, and for a CI_JOB_TOKEN."
        " Cost: 1 call.",
        cost=Cost(calls=1),
    )
    def current_user(parent: Root, info: Info) -> Gives[User | None]:
        return info.context.current_user()

    @edge(
        "The upstream behind this gateway. Cost: 0 for its address, else 1 call.",
        cost=Cost(known=Known.HANDLE),
    )
    def upstream(parent: Root, info: Info) -> Gives[Upstream | None]:
        return entities.UpstreamHandle(info.context.urls.web_url)

    @edge(
        "Agents the presented CI_JOB_TOKEN may use. Cost: 1 call.",
        cost=Cost(calls=1, known=Known.HANDLE),
    )
    def allowed_agents(parent: Root, info: Info) -> Gives[AllowedAgents | None]:
        return info.context.allowed_agents()


def handle_for(info: Info, key: ProjectKey) -> object:
    """A handle on a project; looked up where what is selected needs its number."""
    if isinstance(key, int):
        return entities.ProjectHandle(number=key)
    handle = entities.ProjectHandle(path=key)
    return info.context.hydrate(handle) if any(map(info.selects, ("id", "databaseId"))) else handle


def read_projects(info: Info, ids: list[strawberry.ID]) -> object:
    """Ask for all of them at once; an exception in the list fails its own place only."""
    projects: list[Any] = []
    for id in ids:
        try:
            projects.append(handle_for(info, project_key(id)))
        except BadInput as error:
            projects.append(error)
    places = [place for place, project in enumerate(projects) if isawaitable(project)]
    if not places:
        return projects

    async def fill() -> list[Any]:
        found = await outcomes([projects[place] for place in places])
        for place, project in zip(places, found, strict=True):
            projects[place] = project
        return projects

    return fill()


def ask_for_node(context: Context, text: str) -> Awaitable[Any]:
    """Ask for what a global id names, at once; raises `BadInput` for no global id."""
    type_name, project, numbers = parse_global_id(text, f"job(by: {JOB_BY_NUMBER})")
    match type_name, numbers:
        case "Job", (pipeline_id, number):
            return context.job(project, number, pipeline_id or None)
        case "JobLog", (pipeline_id, number):
            return read_log(context, context.job(project, number, pipeline_id or None))
        case "Bridge", (pipeline_id, number):
            return context.bridge(project, pipeline_id, number)
        case "Pipeline", (number,):
            return context.pipeline(project, number)
        case _:
            return context.project(project)


async def read_log(context: Context, job: Awaitable[entities.Job]) -> LogOfJob:
    return log_of(context, await job)


async def null_if_missing(read: Awaitable[Any]) -> Any:
    try:
        return await read
    except NotFound:
        return None


def read_nodes(context: Context, ids: list[strawberry.ID]) -> Awaitable[list[Any]]:
    """Ask for all of them at once; an exception in the list fails its own place only."""
    reads: dict[int, Awaitable[Any]] = {}
    nodes: list[Any] = []
    for place, id in enumerate(ids):
        try:
            reads[place] = ask_for_node(context, id)
        except BadInput as error:
            nodes.append(error)
        else:
            nodes.append(None)

    async def fill() -> list[Any]:
        for place, found in zip(reads, await outcomes(reads.values()), strict=True):
            nodes[place] = None if isinstance(found, NotFound) else found
        return nodes

    return fill()
