"""Pipelines: by project and id, in short and in full (upstream.md, 5.3 and 5.4)."""

from __future__ import annotations

from typing import ClassVar

from msgspec import UNSET, Struct, UnsetType

from gateway.upstream.entities.embedded import User
from gateway.upstream.entities.values import UNTOLD, Known, Number, ProjectKey, ours

__all__ = ["DetailedStatus", "Pipeline", "PipelineDetail", "PipelineHandle", "PipelineVariable"]


class PipelineHandle(Struct, gc=False):
    """A pipeline by project and id; anything else about it costs a call."""

    known: ClassVar[Known] = Known.HANDLE
    web_url: ClassVar[None] = None

    id: int
    project: ProjectKey


class Pipeline(Struct, gc=False):
    """The short form: embedded in jobs and bridges, downstream of a bridge, a row of the pipelines
    list.
    """

    known: ClassVar[Known] = Known.SHORT
    # Decoded whatever an operation reads: what the gateway itself needs.
    always: ClassVar[tuple[str, ...]] = ("id", "asked_project", "project_id")

    id: Number
    sha: str | None = None
    ref: str | None = None
    status: str | None = None
    source: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    web_url: str | None = None
    iid: Number | None = None
    # Only rows of the pipelines list have it: elsewhere it is not null, but not delivered.
    name: str | UnsetType | None = UNSET
    project_id: Number | None = None
    # What the caller called its project, for upstreams whose short form names none.
    asked_project: ProjectKey | None = ours()

    @property
    def project(self) -> ProjectKey:
        """Number of the project, else what the caller called it, else `UNTOLD`."""
        if self.project_id is not None:
            return self.project_id
        return UNTOLD if self.asked_project is None else self.asked_project


class DetailedStatus(Struct, frozen=True, gc=False):
    """A status as the upstream's own pages show it."""

    icon: str | None = None
    text: str | None = None
    label: str | None = None
    group: str | None = None
    tooltip: str | None = None
    # Below the upstream's host, its relative root included.
    details_path: str | None = None


class PipelineDetail(Pipeline, gc=False):
    """The long form: the answer of the single-pipeline endpoint."""

    known: ClassVar[Known] = Known.LONG

    name: str | None = None
    before_sha: str | None = None
    tag: bool | None = None
    yaml_errors: str | None = None
    user: User | None = None
    started_at: str | None = None
    finished_at: str | None = None
    committed_at: str | None = None
    duration: float | None = None
    queued_duration: float | None = None
    # Text here ("71.80"), a number on a job.
    coverage: str | float | None = None
    detailed_status: DetailedStatus | None = None


class PipelineVariable(Struct, frozen=True, gc=False):
    """A variable that a pipeline was started with. Its value may be a secret: it goes to who asked
    for it, and is shown nowhere else.
    """

    key: str
    value: str | None = None
    variable_type: str | None = None

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(key={getattr(self, 'key', None)!r})"
