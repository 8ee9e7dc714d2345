"""Projects. The Jobs API names them by number or path only, so one is free to hold."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry
from strawberry import UNSET

from gateway.schema.connections import (
    LIST_CALLS,
    LIST_COST,
    After,
    Before,
    First,
    JobConnection,
    Last,
    PipelineConnection,
    Statuses,
    window_for,
)
from gateway.schema.enums import Status, status_words
from gateway.schema.fields import Cost, Gives, Info, derived, edge, plain
from gateway.schema.filters import (
    DEFAULT_SCAN,
    FILTER_CALLS,
    READ_BY_FILTER,
    Filter,
    ScanLimit,
    test_of,
)
from gateway.schema.identity import project_global_id
from gateway.schema.inputs import number_of, why_no_job
from gateway.schema.job import Job
from gateway.schema.node import Node
from gateway.schema.pipeline import Pipeline, read_pipeline
from gateway.schema.scalars import BigInt
from gateway.upstream import entities
from gateway.upstream.entities import Known

__all__ = ["Project"]


async def read_path(project: entities.ProjectHandle, info: Info) -> str | None:
    return getattr(await info.context.project(project.key), "path", None)


async def read_scope(project: entities.ProjectHandle, info: Info) -> bool | None:
    whole = await info.context.project(project.key)
    return getattr(whole, "ci_job_token_scope_enabled", None)


Handle: TypeAlias = strawberry.Parent[entities.ProjectHandle]


@strawberry.type(
    description=(
        "A project, as far as the Jobs API knows it. Whether it exists, and the caller may see it,"
        " is only found out by fields that cost a call."
    )
)
class Project(Node):
    id: strawberry.ID = derived(
        project_global_id,
        "Opaque, stable, unique over all types. Cost: 1 call while only the path is known.",
        needs=Known.SHORT,
    )
    database_id: BigInt | None = plain(
        "number",
        "Numeric id in the upstream. Cost: 1 call while only the path is known, shared.",
        needs=Known.SHORT,
    )

    @edge(
        "Job tokens of the project reach only chosen projects. Cost: 0 beside a job, else 1 call"
        " for the project, shared; null where the upstream does not say.",
        cost=Cost(calls=1),
    )
    def ci_job_token_scope_enabled(parent: Handle, info: Info) -> Gives[bool | None]:
        known = parent.ci_job_token_scope_enabled
        return read_scope(parent, info) if known is None else known

    @edge(
        "Full path, as the upstream spells it. Cost: 0 beside a job or a pipeline, else 1 call for"
        " the project, shared.",
        cost=Cost(needs=Known.SHORT),
    )
    def full_path(parent: Handle, info: Info) -> Gives[str | None]:
        # Without a number the path is what the caller called it: another case, or a former name.
        told = None if parent.number is None else parent.path
        path = info.context.urls.path_of(parent.page_url) or told
        return read_path(parent, info) if path is None else path

    @edge(
        f"Jobs, newest id first, retried ones among them, without bridges. {LIST_CALLS}"
        f" {FILTER_CALLS}",
        cost=LIST_COST,
        reads_with={"filter": READ_BY_FILTER},
    )
    def jobs(
        parent: Handle,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        statuses: Statuses = UNSET,
        filter: Filter = UNSET,
        scan_limit: ScanLimit = DEFAULT_SCAN,
    ) -> Gives[JobConnection | None]:
        window = window_for(info, first, after, last, before)
        if not filter:
            return info.context.project_jobs(parent.key, status_words(statuses), window)
        test = test_of(filter, scan_limit)
        return info.context.project_jobs(parent.key, status_words(statuses), window, test)

    @edge(
        "One job of the project. Cost: 1 call, 0 where it was listed already.",
        cost=Cost(calls=1),
        explain=why_no_job,
    )
    def job(
        parent: Handle,
        info: Info,
        database_id: Annotated[
            strawberry.ID, strawberry.argument(description="Numeric id of the job.")
        ],
    ) -> Gives[Job | None]:
        return info.context.job(parent.key, number_of(database_id, "databaseId"))

    @edge(
        "One pipeline of the project. Cost: at most 1 call, 0 when only its ids and lists are"
        " selected.",
        cost=Cost(calls=1, known=Known.LONG),
    )
    def pipeline(
        parent: Handle,
        info: Info,
        database_id: Annotated[
            strawberry.ID, strawberry.argument(description="Numeric id of the pipeline.")
        ],
    ) -> Gives[Pipeline | None]:
        return read_pipeline(info, parent.key, number_of(database_id, "databaseId"))

    @edge(f"Pipelines, newest id first. {LIST_CALLS}", cost=LIST_COST)
    def pipelines(
        parent: Handle,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        ref: Annotated[
            str | None, strawberry.argument(description="Only those of this branch or tag.")
        ] = UNSET,
        sha: Annotated[
            str | None, strawberry.argument(description="Only those of this commit, by full hash.")
        ] = UNSET,
        status: Annotated[
            Status | None, strawberry.argument(description="Only those with this status.")
        ] = UNSET,
        source: Annotated[
            str | None,
            strawberry.argument(
                description="Only those started by this, e.g. push; parent_pipeline for children."
            ),
        ] = UNSET,
    ) -> Gives[PipelineConnection | None]:
        window = window_for(info, first, after, UNSET, UNSET)
        (word,) = status_words([status] if status else None) or (None,)
        return info.context.pipelines(
            parent.key, ref or None, sha or None, word, source or None, window
        )
