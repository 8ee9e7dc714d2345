"""Projects. The Jobs API names them by number or path only, so one is free to hold."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import strawberry
from strawberry import UNSET

from gateway.errors import Forbidden
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
from gateway.schema.enums import (
    PipelineOrder,
    PipelineScope,
    SortOrder,
    Status,
    status_words,
)
from gateway.schema.fields import Cost, Gives, Info, derived, edge, plain
from gateway.schema.filters import (
    DEFAULT_SCAN,
    FILTER_CALLS,
    READ_BY_FILTER,
    Filter,
    ScanLimit,
    instant_of,
    test_of,
)
from gateway.schema.identity import project_global_id
from gateway.schema.inputs import number_of, why_no_job
from gateway.schema.job import Job
from gateway.schema.node import Node
from gateway.schema.pipeline import Pipeline, read_pipeline
from gateway.schema.scalars import URL, BigInt, DateTime
from gateway.upstream import entities
from gateway.upstream.entities import Known

__all__ = ["Project"]

# What is read of a row where these are given: its place, and whether a filter was heeded.
READ_BY_LISTS: Final = {
    "orderBy": ((entities.Pipeline, "updated_at"),),
    "name": ((entities.Pipeline, "name"),),
    "createdAfter": ((entities.Pipeline, "created_at"),),
    "createdBefore": ((entities.Pipeline, "created_at"),),
}
OWN_CALL: Final = "Cost: 1 call for the project, shared."


async def read_detail(project: entities.ProjectHandle, info: Info, attribute: str) -> object:
    return getattr(await info.context.project(project.key), attribute, None)


def detail_of(project: entities.ProjectHandle, info: Info, attribute: str) -> object:
    """What only the project's own endpoint tells."""
    if isinstance(project, entities.ProjectDetail):
        return getattr(project, attribute)
    return read_detail(project, info, attribute)


def why_no_latest(error: Exception) -> Exception:
    """The error for the latest pipeline: the upstream tells a missing one from a missing right by
    nothing.
    """
    if not isinstance(error, Forbidden):
        return error
    return Forbidden(
        f"{error.message}; the branch or tag has no pipeline, or the caller may not read it",
        endpoint=error.endpoint,
        status=error.status,
        upstream_request_id=error.upstream_request_id,
        reason=error.reason,
    )


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
        if known is None:
            return read_detail(parent, info, "ci_job_token_scope_enabled")
        return known

    @edge(
        "Full path, as the upstream spells it. Cost: 0 beside a job or a pipeline, else 1 call for"
        " the project, shared.",
        cost=Cost(needs=Known.SHORT),
    )
    def full_path(parent: Handle, info: Info) -> Gives[str | None]:
        # Without a number the path is what the caller called it: another case, or a former name.
        told = None if parent.number is None else parent.path
        path = info.context.urls.path_of(parent.page_url) or told
        return read_detail(parent, info, "path") if path is None else path

    @edge(f"Display name. {OWN_CALL}", cost=Cost(needs=Known.LONG))
    def name(parent: Handle, info: Info) -> Gives[str | None]:
        return detail_of(parent, info, "name")

    @edge(f"Address of its page. {OWN_CALL}", cost=Cost(needs=Known.LONG))
    def web_url(parent: Handle, info: Info) -> Gives[URL | None]:
        return detail_of(parent, info, "web_url")

    @edge(f"Its main branch; null while it is empty. {OWN_CALL}", cost=Cost(needs=Known.LONG))
    def default_branch(parent: Handle, info: Info) -> Gives[str | None]:
        return detail_of(parent, info, "default_branch")

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
        test = None if filter is UNSET else test_of(filter, scan_limit)
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

    @edge(
        "The newest pipeline of a branch or tag; null with FORBIDDEN where there is none. Cost: 1"
        " call.",
        cost=Cost(calls=1, known=Known.LONG),
        explain=why_no_latest,
    )
    def latest_pipeline(
        parent: Handle,
        info: Info,
        ref: Annotated[
            str | None,
            strawberry.argument(description="Branch or tag; the default branch if not given."),
        ] = UNSET,
    ) -> Gives[Pipeline | None]:
        return info.context.latest_pipeline(parent.key, ref or None)

    @edge(
        "Pipelines, newest id first unless orderBy and order say otherwise. Filters that an old"
        " upstream passes over (name before GitLab 16.9, createdAfter and createdBefore before 18)"
        " are applied by the gateway, on up to 500 rows a page: then a page may hold few or none;"
        f" go on after its endCursor while hasNextPage. {LIST_CALLS} Calls that an old upstream"
        " makes necessary are counted as retried.",
        cost=LIST_COST,
        reads_with=READ_BY_LISTS,
    )
    def pipelines(  # noqa: PLR0913, PLR0917 - the field's arguments
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
                description="Only those started by this, e.g. push; parent_pipeline for children,"
                " of which GitLab lists none before 17.0."
            ),
        ] = UNSET,
        scope: Annotated[
            PipelineScope | None, strawberry.argument(description="Only those of this group.")
        ] = UNSET,
        name: Annotated[
            str | None,
            strawberry.argument(description="Only those with exactly this name."),
        ] = UNSET,
        username: Annotated[
            str | None, strawberry.argument(description="Only those that this user started.")
        ] = UNSET,
        updated_after: Annotated[
            DateTime | None, strawberry.argument(description="Only those that changed since.")
        ] = UNSET,
        updated_before: Annotated[
            DateTime | None, strawberry.argument(description="Only those unchanged since.")
        ] = UNSET,
        created_after: Annotated[
            DateTime | None, strawberry.argument(description="Only those created since.")
        ] = UNSET,
        created_before: Annotated[
            DateTime | None, strawberry.argument(description="Only those created before.")
        ] = UNSET,
        order_by: Annotated[
            PipelineOrder,
            strawberry.argument(
                description="What they are put in order by. Pages go on by ID and UPDATED_AT; a"
                " cursor belongs to its order."
            ),
        ] = PipelineOrder.ID,
        order: Annotated[
            SortOrder, strawberry.argument(description="Which end of it comes first.")
        ] = SortOrder.DESC,
    ) -> Gives[PipelineConnection | None]:
        window = window_for(info, first, after, UNSET, UNSET)
        (word,) = status_words([status] if status else None) or (None,)
        given = {
            "ref": ref,
            "sha": sha,
            "source": source,
            "scope": str(scope.value) if scope else None,
            "name": name,
            "username": username,
            "updated_after": moment(updated_after, "updatedAfter"),
            "updated_before": moment(updated_before, "updatedBefore"),
            "created_after": moment(created_after, "createdAfter"),
            "created_before": moment(created_before, "createdBefore"),
        }
        if (order_by, order) != (PipelineOrder.ID, SortOrder.DESC):
            given |= {"order_by": str(order_by.value), "sort": str(order.value)}
        filters = tuple((key, value) for key, value in given.items() if value)
        return info.context.pipelines(parent.key, word, filters, window)


def moment(text: str | None, argument: str) -> str | None:
    """An instant as the upstream reads it; raises `BadInput`."""
    return instant_of(text, argument).isoformat() if text else None
