"""Jobs."""

from __future__ import annotations

from typing import Annotated

import strawberry

from gateway.schema.artifact import Artifact, archive_of
from gateway.schema.attempts import (
    AttemptList,
    attempts_cost,
    read_attempts,
    read_is_flaky,
    read_is_retried,
    run_cost,
)
from gateway.schema.enums import ERASABLE, RETRYABLE
from gateway.schema.fields import Cost, Gives, Info, derived, edge, plain
from gateway.schema.identity import job_global_id
from gateway.schema.item import PipelineItem
from gateway.schema.log import JobLog, log_of
from gateway.schema.runner import Runner, RunnerManager
from gateway.schema.scalars import DateTime
from gateway.upstream import entities

__all__ = ["Job"]

RUNS_COST = (
    "Cost: 1 call for each 100 jobs of the pipeline, retried ones counted, up to"
    " GATEWAY_MAX_LIST_ROWS, shared by all jobs of it."
)
# Newer upstreams let a job that is being canceled be run again.
JOB_RETRYABLE = RETRYABLE | {"canceling"}


def is_retryable(job: entities.Job) -> bool:
    return job.status in JOB_RETRYABLE and not job.archived


def is_erasable(job: entities.Job) -> bool:
    return (
        job.status in ERASABLE
        and bool(job.artifacts)
        and not job.archived
        and job.erased_at is None
    )


@strawberry.type(description="One run of one CI job.")
class Job(PipelineItem):
    id: strawberry.ID = derived(
        job_global_id, "Opaque, stable, unique over all types.", reads=("pipeline",), is_total=True
    )
    erased_at: DateTime | None = plain("erased_at", "When the log and artifacts were erased.")
    tag_list: list[str] | None = plain("tag_list", "Runner tags the job asks for.")
    artifacts: list[Artifact | None] | None = plain(
        "artifacts",
        "Files the job left, the log among them; null where the upstream does not list them here.",
    )
    artifacts_archive: Artifact | None = derived(
        archive_of,
        "The main archive, if any.",
        reads=("artifacts.file_type", "artifacts_file"),
    )
    artifacts_expire_at: DateTime | None = plain(
        "artifacts_expire_at", "When the artifacts are, or were, deleted."
    )
    archived: bool | None = plain("archived", "Too old to be retried or played.")
    runner: Runner | None = plain("runner", "The machine that took it; null if that is gone.")
    runner_manager: RunnerManager | None = plain(
        "runner_manager", "The process of the runner that took it."
    )
    source: str | None = plain(
        "source", "What created the job, e.g. push; null where the upstream does not say."
    )
    retryable: bool | None = derived(
        is_retryable,
        "State allows jobRetry; permission is not checked, nor whether it was retried before:"
        " retried tells that.",
        reads=("status", "archived"),
    )
    erasable: bool | None = derived(
        is_erasable,
        "State allows jobErase; permission is not checked.",
        reads=("status", "artifacts", "archived", "erased_at"),
    )

    @edge(
        "The log. Cost: 1 call, shared by every log field of this job in the operation.",
        cost=Cost(calls=1),
        reads=("status",),
    )
    def log(parent: strawberry.Parent[entities.Job], info: Info) -> Gives[JobLog | None]:
        return log_of(info.context, parent)

    @edge(
        f"Every run of this job in its pipeline, newest first: those of its name. {RUNS_COST}",
        cost=attempts_cost,
        reads=("name",),
        reads_elsewhere=((entities.Job, "name"),),
    )
    def attempts(
        parent: strawberry.Parent[entities.Job],
        info: Info,
        first: Annotated[
            int, strawberry.argument(description="How many at most, from the newest on: 1 to 100.")
        ] = 20,
    ) -> Gives[AttemptList | None]:
        return read_attempts(info.context, parent, first)

    @edge(
        "A newer run of this job is there: this one cannot be retried, and does not count; where"
        " retryable only looks at the status. Null where the row limit hides the newer ones."
        f" {RUNS_COST}",
        cost=run_cost,
        reads=("name",),
        reads_elsewhere=((entities.Job, "name"),),
    )
    def retried(parent: strawberry.Parent[entities.Job], info: Info) -> Gives[bool | None]:
        return read_is_retried(info.context, parent)

    @edge(
        "A run of this job failed and a later one succeeded, in the same pipeline, so on the same"
        f" commit. Null where older runs lie beyond the row limit. {RUNS_COST}",
        cost=run_cost,
        reads=("name",),
        reads_elsewhere=((entities.Job, "name"), (entities.Job, "status")),
    )
    def flaky(parent: strawberry.Parent[entities.Job], info: Info) -> Gives[bool | None]:
        return read_is_flaky(info.context, parent)
