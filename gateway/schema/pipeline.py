"""Pipelines. The short form comes with jobs, bridges and lists; the long form is a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import msgspec
import strawberry
from strawberry import UNSET

from gateway.schema.commit import Commit
from gateway.schema.connections import (
    ITEMS_COST,
    LIST_CALLS,
    PIPELINE_LIST_COST,
    After,
    Before,
    BridgeConnection,
    First,
    JobConnection,
    Last,
    PipelineItemConnection,
    Statuses,
    window_for,
)
from gateway.schema.descendants import (
    MAX_DEPTH,
    MAX_DESCENDANTS,
    AtMost,
    MaxDepth,
    PipelineDescendantList,
    check_reach,
    descendants_calls,
    descendants_shown,
)
from gateway.schema.detailed_status import DetailedStatus
from gateway.schema.enums import Status, status_words
from gateway.schema.fields import Cost, Edge, Gives, Info, Read, derived, edge, fields_by, plain
from gateway.schema.filters import (
    DEFAULT_SCAN,
    FILTER_CALLS,
    READ_BY_FILTER,
    Filter,
    ScanLimit,
    test_of,
)
from gateway.schema.identity import AnyPipeline, pipeline_global_id, project_of_pipeline
from gateway.schema.node import Node
from gateway.schema.people import User
from gateway.schema.pipeline_variable import PipelineVariable
from gateway.schema.reported_tests import TestReportSummary
from gateway.schema.scalars import URL, BigInt, DateTime, Duration
from gateway.schema.stages import (
    READ_BY_STAGES,
    READ_BY_SUMMARY,
    PipelineSummary,
    StageList,
    read_figures,
    read_stages,
)
from gateway.upstream import entities
from gateway.upstream.entities import Known, PipelineHandle

if TYPE_CHECKING:
    from gateway.schema.project import Project
    from gateway.upstream.entities import ProjectKey

__all__ = ["Pipeline", "read_pipeline"]

IncludeRetried: TypeAlias = Annotated[
    bool, strawberry.argument(description="Also those that were run again since.")
]
SHORT_FORM = "Cost: 0 beside a job, a bridge or in a list, else 1 call for the pipeline, shared."
WHOLE_LISTS = (
    "Cost: 1 call for each 100 jobs, up to GATEWAY_MAX_LIST_ROWS, and 1 for the bridges, side by"
    " side, shared by all fields of this pipeline that need these lists"
)
LONG_FORM = "Cost: 1 call for the pipeline, shared by all such fields of it."


def coverage_of(pipeline: entities.PipelineDetail) -> float | None:
    """The upstream sends text here ("71.80"), a number on jobs."""
    coverage = pipeline.coverage
    if not isinstance(coverage, str):
        return coverage
    try:
        return float(coverage)
    except ValueError:
        return None


async def read_name(pipeline: AnyPipeline, info: Info) -> str | Exception | None:
    return name_or_fault(await info.context.pipeline(pipeline.project, pipeline.id))


def name_or_fault(pipeline: Any) -> str | Exception | None:
    """The name that was delivered, or the error for one that cannot be read."""
    name: str | Exception | None = getattr(pipeline, "faults", {}).get("name") or pipeline.name
    return name


@strawberry.type(
    description=(
        "A run of the CI configuration for one commit. Its short form comes with jobs, bridges and"
        " lists; the fields that say so need the long form."
    )
)
class Pipeline(Node):
    id: strawberry.ID = derived(
        pipeline_global_id, "Opaque, stable, unique over all types.", reads=(), is_total=True
    )
    database_id: BigInt = plain("id", "Numeric id in the upstream.")
    project: Annotated[Project, strawberry.lazy("gateway.schema.project")] = derived(
        project_of_pipeline, "The project it belongs to.", reads=("web_url",), is_total=True
    )
    iid: BigInt | None = plain(
        "iid",
        f"Number inside the project; null where an older upstream does not send it. {SHORT_FORM}",
        needs=Known.SHORT,
    )
    ref: str | None = plain("ref", f"Branch or tag it runs for. {SHORT_FORM}", needs=Known.SHORT)
    sha: str | None = plain("sha", f"Hash of its commit. {SHORT_FORM}", needs=Known.SHORT)
    status: Status | None = plain(
        "status", f"Where it stands. {SHORT_FORM}", enum=Status, needs=Known.SHORT
    )
    status_text: str | None = plain(
        "status",
        f"Upstream's own word for the status, also when Status is UNKNOWN. {SHORT_FORM}",
        needs=Known.SHORT,
    )
    source: str | None = plain(
        "source",
        f"What started it, e.g. push, schedule, parent_pipeline. {SHORT_FORM}",
        needs=Known.SHORT,
    )
    created_at: DateTime | None = plain(
        "created_at", f"When it was created. {SHORT_FORM}", needs=Known.SHORT
    )
    updated_at: DateTime | None = plain(
        "updated_at", f"When it changed last. {SHORT_FORM}", needs=Known.SHORT
    )
    web_url: URL | None = plain("web_url", f"Address of its page. {SHORT_FORM}", needs=Known.SHORT)
    before_sha: str | None = plain(
        "before_sha", f"Hash the branch stood at before. {LONG_FORM}", needs=Known.LONG
    )
    tag: bool | None = plain("tag", f"True if ref is a tag. {LONG_FORM}", needs=Known.LONG)
    yaml_errors: str | None = plain(
        "yaml_errors", f"What is wrong with its configuration. {LONG_FORM}", needs=Known.LONG
    )
    started_at: DateTime | None = plain(
        "started_at", f"When its first job began. {LONG_FORM}", needs=Known.LONG
    )
    finished_at: DateTime | None = plain(
        "finished_at", f"When its last job ended. {LONG_FORM}", needs=Known.LONG
    )
    committed_at: DateTime | None = plain(
        "committed_at", f"Null on every known upstream. {LONG_FORM}", needs=Known.LONG
    )
    duration: Duration | None = plain(
        "duration", f"Time spent running. {LONG_FORM}", needs=Known.LONG
    )
    queued_duration: Duration | None = plain(
        "queued_duration", f"Time until its first job began. {LONG_FORM}", needs=Known.LONG
    )
    coverage: float | None = derived(
        coverage_of, f"Coverage in percent. {LONG_FORM}", reads=("coverage",), needs=Known.LONG
    )
    detailed_status: DetailedStatus | None = plain(
        "detailed_status",
        f"The status as the upstream's own pages show it. {LONG_FORM}",
        needs=Known.LONG,
    )
    user: User | None = plain(
        "user",
        "Who started it, in the upstream's short form: what that lacks (createdAt, bio, location"
        f" and the like) is null here, also where a job's user has it. {LONG_FORM}",
        needs=Known.LONG,
    )

    @edge(
        "Name, where it was given one. Cost: 0 in a list that brings it (GitLab 15.11 and newer),"
        " else 1 call for the pipeline, shared by all fields of its long form.",
        cost=Cost(needs=Known.LONG),
        reads=("name",),
    )
    def name(parent: strawberry.Parent[AnyPipeline], info: Info) -> Gives[str | None]:
        name = getattr(parent, "name", msgspec.UNSET)
        return read_name(parent, info) if name is msgspec.UNSET else name_or_fault(parent)

    @edge(
        "The commit it ran for; null if that is gone. Cost: 0 where a job of it was read before or"
        " is in jobs or bridges beside it, else 1 call, shared by all pipelines of that commit.",
        cost=Cost(calls=1),
        reads=("sha",),
        reads_elsewhere=((entities.Job, "commit.id"), (entities.Bridge, "commit.id")),
    )
    def commit(parent: strawberry.Parent[entities.Pipeline], info: Info) -> Gives[Commit | None]:
        sha = parent.sha
        return info.context.commit(parent.project, sha, parent.id) if sha else None

    @edge(
        f"Jobs, newest id first, without bridges. {LIST_CALLS} {FILTER_CALLS}",
        cost=PIPELINE_LIST_COST,
        reads=(),
        reads_with={"filter": READ_BY_FILTER},
    )
    def jobs(  # noqa: PLR0913, PLR0917 - the field's arguments
        parent: strawberry.Parent[AnyPipeline],
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        statuses: Statuses = UNSET,
        include_retried: IncludeRetried = False,
        filter: Filter = UNSET,
        scan_limit: ScanLimit = DEFAULT_SCAN,
    ) -> Gives[JobConnection | None]:
        return info.context.pipeline_jobs(
            parent.project,
            parent.id,
            status_words(statuses),
            include_retried,
            window_for(info, first, after, last, before),
            # Asked for each pipeline; UNSET is false by running Python code.
            None if filter is UNSET else test_of(filter, scan_limit),
        )

    @edge(f"Trigger jobs, newest id first. {LIST_CALLS}", cost=PIPELINE_LIST_COST, reads=())
    def bridges(
        parent: strawberry.Parent[AnyPipeline],
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        statuses: Statuses = UNSET,
    ) -> Gives[BridgeConnection | None]:
        return info.context.bridges(
            parent.project,
            parent.id,
            status_words(statuses),
            window_for(info, first, after, last, before),
        )

    @edge(
        "Jobs and bridges in one list, newest id first; retried bridges are nowhere to be had."
        " Cost: both lists, side by side: 2 calls; with after at most 4, with last or before at"
        " most 6.",
        cost=ITEMS_COST,
        reads=(),
    )
    def items(
        parent: strawberry.Parent[AnyPipeline],
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        statuses: Statuses = UNSET,
        include_retried: IncludeRetried = False,
    ) -> Gives[PipelineItemConnection | None]:
        return info.context.items(
            parent.project,
            parent.id,
            status_words(statuses),
            include_retried,
            window_for(info, first, after, last, before),
        )

    @edge(
        f"Jobs and bridges by stage, in running order. {WHOLE_LISTS}, once without and once with"
        " retried jobs.",
        cost=Cost(rows=None, lists=("jobs", "all_jobs", "bridges"), stays=True),
        reads=(),
        reads_elsewhere=READ_BY_STAGES,
    )
    def stages(parent: strawberry.Parent[AnyPipeline], info: Info) -> Gives[StageList | None]:
        return read_stages(info.context, parent)

    @edge(
        f"Counts by status, failures, the longest item, computing time. {WHOLE_LISTS}.",
        cost=Cost(lists=("jobs", "bridges"), stays=True),
        reads=(),
        reads_elsewhere=READ_BY_SUMMARY,
    )
    def summary(
        parent: strawberry.Parent[AnyPipeline], info: Info
    ) -> Gives[PipelineSummary | None]:
        return read_figures(info.context, parent)

    @edge(
        "The pipelines that its bridges started, child and multi-project ones, and those that"
        " theirs started, breadth first. Cost: 1 call for it and 1 for each of them; those of a"
        " level side by side.",
        cost=Cost(calls=descendants_calls, rows=descendants_shown),
        reads=(),
        reads_elsewhere=((entities.Bridge, "downstream_pipeline.web_url"),),
    )
    def descendants(
        parent: strawberry.Parent[AnyPipeline],
        info: Info,
        max_depth: MaxDepth = MAX_DEPTH,
        first: AtMost = MAX_DESCENDANTS,
    ) -> Gives[PipelineDescendantList | None]:
        check_reach(max_depth, first)
        return info.context.descendants(parent.project, parent.id, max_depth, first)

    @edge(
        "Variables it was started with; null with FORBIDDEN but for maintainers, and developers who"
        " started it themselves. Values may be secrets: none is kept or recorded here. Cost: 1"
        " call.",
        cost=Cost(calls=1),
        reads=(),
    )
    def variables(
        parent: strawberry.Parent[AnyPipeline], info: Info
    ) -> Gives[list[PipelineVariable | None] | None]:
        return info.context.pipeline_variables(parent.project, parent.id)

    @edge(
        "Tests that its jobs reported, by suite; zeros where none did. Cost: 1 call.",
        cost=Cost(calls=1, stays=True),
        reads=(),
    )
    def test_report_summary(
        parent: strawberry.Parent[AnyPipeline], info: Info
    ) -> Gives[TestReportSummary | None]:
        return info.context.tests(parent.project, parent.id)


def is_beyond_handle(kind: Read | Edge) -> bool:
    """Does a field of a pipeline need, or read, more than a handle has?"""
    if isinstance(kind, Read) and kind.needs > Known.HANDLE:
        return True
    return kind.reads is None or not all(hasattr(PipelineHandle, path) for path in kind.reads)


BEYOND_HANDLE: Final = fields_by(Pipeline, is_beyond_handle)


def read_pipeline(info: Info, project: ProjectKey, pipeline_id: int) -> Gives[Pipeline]:
    """The pipeline itself, or only a handle on it where that is enough for what is selected.

    The id needs the project's number, so a handle by path is not enough for it.
    """
    if any(map(info.selects, BEYOND_HANDLE)) or (isinstance(project, str) and info.selects("id")):
        return info.context.pipeline(project, pipeline_id)
    return PipelineHandle(pipeline_id, project)
