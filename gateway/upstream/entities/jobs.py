"""Jobs and bridges, which stand beside each other in lists (upstream.md, 5.1 and 5.2)."""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from msgspec import Struct

from gateway.upstream.entities.embedded import (
    ArchiveFile,
    Artifact,
    Commit,
    Runner,
    RunnerManager,
    User,
)
from gateway.upstream.entities.pipelines import Pipeline
from gateway.upstream.entities.values import Number, ProjectKey, ours

__all__ = ["Bridge", "Item", "Job", "JobBasic", "ProjectFlags", "UntoldItem"]


class ProjectFlags(Struct, frozen=True, gc=False):
    """The `project` of a job: it names no project."""

    ci_job_token_scope_enabled: bool | None = None


class JobBasic(Struct, gc=False):
    """What jobs and bridges share (upstream.md, 5.1, JobBasic)."""

    # Decoded whatever an operation reads: what the gateway itself needs.
    always: ClassVar[tuple[str, ...]] = ("id", "asked_project", "pipeline")

    id: Number
    status: str
    name: str
    ref: str | None = None
    stage: str | None = None
    tag: bool | None = None
    coverage: float | None = None
    allow_failure: bool | None = False
    created_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    erased_at: str | None = None
    duration: float | None = None
    queued_duration: float | None = None
    failure_reason: str | None = None
    web_url: str | None = None
    user: User | None = None
    commit: Commit | None = None
    pipeline: Pipeline | None = None
    project: ProjectFlags | None = None
    # Of a bridge only where it is known from the answer to its retry, which has the job's shape.
    archived: bool | None = None
    # What the caller called its project, for answers without a pipeline, which would name it.
    asked_project: ProjectKey | None = ours()


class Job(JobBasic, gc=False):
    """One run of one CI job (upstream.md, 5.1)."""

    artifacts: list[Artifact] | None = None
    artifacts_file: ArchiveFile | None = None
    artifacts_expire_at: str | None = None
    runner: Runner | None = None
    runner_manager: RunnerManager | None = None
    tag_list: list[str] | None = None
    source: str | None = None


class UntoldItem(Job, gc=False):
    """The answer to a retry that may be a job's or a bridge's: it has a job's shape either way."""


class Bridge(JobBasic, gc=False):
    """A trigger job (upstream.md, 5.2)."""

    downstream_pipeline: Pipeline | None = None


Item: TypeAlias = Job | Bridge
