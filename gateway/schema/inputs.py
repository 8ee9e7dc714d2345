"""How callers name things, and what the names mean.

A `Target` is a job (or bridge) as the caller named it. Errors point at the field that named it, and
say what else a number may be that no job has (`why_no_job`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import strawberry
from strawberry import UNSET

from gateway.errors import BadInput, NotFound
from gateway.schema.enums import Status
from gateway.schema.ids import parse_global_id
from gateway.schema.scalars import JSON, MAX_BIG_INT, URL
from gateway.upstream.paths import encode_project

if TYPE_CHECKING:
    from gateway.upstream.entities import ProjectKey
    from gateway.upstream.web_urls import WebUrls

__all__ = [
    "IF_STATUS",
    "JOB_BY_NUMBER",
    "PIPELINE_BY_NUMBER",
    "JobCancelInput",
    "JobEraseInput",
    "JobPath",
    "JobPlayInput",
    "JobRef",
    "JobRetryInput",
    "JobVariable",
    "PipelinePath",
    "PipelineRef",
    "Target",
    "number_of",
    "pipeline_target",
    "project_key",
    "target_of",
    "why_no_job",
]

PROJECT = "Numeric id or full path."
IF_STATUS = (
    "Act only if the status is one of these; otherwise STATUS_CHANGED and no upstream write."
    " Cost: 1 call, for reading the status first."
)
INPUTS = "Values for the job's inputs, by name, where the upstream knows them."


@strawberry.input(description="A job by its project and number.")
class JobPath:
    project: strawberry.ID = strawberry.field(description=PROJECT)
    job: strawberry.ID = strawberry.field(description="Numeric job id.")


@strawberry.input(one_of=True, description="Which job: exactly one way to say it.")
class JobRef:
    id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Global id, as an id field gave it."
    )
    path: JobPath | None = strawberry.field(default=UNSET, description="Project and number.")
    web_url: URL | None = strawberry.field(default=UNSET, description="Address of the job's page.")


@strawberry.input(description="A pipeline by its project and number.")
class PipelinePath:
    project: strawberry.ID = strawberry.field(description=PROJECT)
    pipeline: strawberry.ID = strawberry.field(
        description="Numeric pipeline id; not its number inside the project."
    )


@strawberry.input(one_of=True, description="Which pipeline: exactly one way to say it.")
class PipelineRef:
    id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Global id, as an id field gave it."
    )
    path: PipelinePath | None = strawberry.field(default=UNSET, description="Project and number.")
    web_url: URL | None = strawberry.field(
        default=UNSET, description="Address of the pipeline's page."
    )


@strawberry.input(description="Which job to cancel.")
class JobCancelInput:
    job: JobRef = strawberry.field(description="The job; bridges cannot be canceled.")
    force: bool = strawberry.field(
        default=False,
        description=(
            "Cancel a job that is already canceling, without waiting for its after_script. It does"
            " nothing to jobs in other states, and needs a maintainer."
        ),
    )
    if_status: list[Status] | None = strawberry.field(default=UNSET, description=IF_STATUS)


@strawberry.input(description="Which job or bridge to run again.")
class JobRetryInput:
    job: JobRef = strawberry.field(description="The job or bridge.")
    inputs: JSON | None = strawberry.field(default=UNSET, description=INPUTS)
    if_status: list[Status] | None = strawberry.field(default=UNSET, description=IF_STATUS)


@strawberry.input(description="Which job to erase.")
class JobEraseInput:
    job: JobRef = strawberry.field(description="The job; bridges have nothing to erase.")
    if_status: list[Status] | None = strawberry.field(default=UNSET, description=IF_STATUS)


@strawberry.input(description="A variable for a job that is started by hand.")
class JobVariable:
    key: str = strawberry.field(description="Name; each only once.")
    value: str = strawberry.field(description="Value; empty is allowed.")


@strawberry.input(description="Which job or bridge to start, and with what.")
class JobPlayInput:
    job: JobRef = strawberry.field(description="The job or bridge.")
    variables: list[JobVariable] | None = strawberry.field(
        default=UNSET, description="Variables for this run; bridges take none."
    )
    inputs: JSON | None = strawberry.field(default=UNSET, description=INPUTS)
    if_status: list[Status] | None = strawberry.field(default=UNSET, description=IF_STATUS)


class Target(NamedTuple):
    """A job or bridge, or a pipeline (`kind`), as the caller named it, by the field `way`.
    `is_bridge` and `pipeline_id` are None where the name does not tell.
    """

    project: ProjectKey
    number: int
    way: str
    pipeline_id: int | None = None
    is_bridge: bool | None = None
    kind: Literal["job", "pipeline"] = "job"

    @property
    def what(self) -> str:
        """What it is, for messages."""
        return f"{self.kind} {self.number}"


ITEMS: Final = {"Job", "Bridge"}
JOB_BY_NUMBER: Final = '{path: {project: "group/app", job: {number}}}'
PIPELINE_BY_NUMBER: Final = '{path: {project: "group/app", pipeline: {number}}}'


def target_of(ref: JobRef, urls: WebUrls) -> Target:
    """What a reference names; raises `BadInput` where it names nothing that could be a job."""
    if ref.path:
        number = number_of(ref.path.job, "job")
        return Target(project_key(ref.path.project), number, "path")
    if ref.web_url:
        project, number = urls.job(ref.web_url)
        return Target(project, number_of(str(number), "webUrl"), "webUrl")
    named = parse_global_id(ref.id or "", JOB_BY_NUMBER)
    if named.type_name not in ITEMS:
        raise BadInput(f"the id names a {_words(named.type_name)}, not a job")
    pipeline_id, number = named.numbers
    return Target(
        named.project, number, "id", pipeline_id or None, is_bridge=named.type_name == "Bridge"
    )


def why_no_job(error: Exception) -> Exception:
    """The error for a job by number: where there is none, it says what else that may be."""
    if not isinstance(error, NotFound) or "project" in (error.reason or "").lower():
        return error
    return NotFound(
        f"{error.message}; a bridge is not read by its number: ask for its pipeline's bridges"
        " { nodes { … } }, or by its global id: node(id: …)",
        endpoint=error.endpoint,
        status=error.status,
        upstream_request_id=error.upstream_request_id,
        reason=error.reason,
    )


def pipeline_target(ref: PipelineRef, urls: WebUrls) -> tuple[ProjectKey, int]:
    """Project and number of the pipeline that a reference names; raises `BadInput`."""
    if ref.path:
        return project_key(ref.path.project), number_of(ref.path.pipeline, "pipeline")
    if ref.web_url:
        project, number = urls.pipeline(ref.web_url)
        return project, number_of(str(number), "webUrl")
    named = parse_global_id(ref.id or "", PIPELINE_BY_NUMBER)
    if named.type_name != "Pipeline":
        raise BadInput(f"the id names a {_words(named.type_name)}, not a pipeline")
    return named.project, named.numbers[0]


def _words(type_name: str) -> str:
    return "job's log" if type_name == "JobLog" else type_name.lower()


def project_key(text: str) -> ProjectKey:
    """A project as the upstream is asked for it: its number or full path; raises `BadInput`."""
    if text.isascii() and text.isdigit():
        return number_of(text, "project")
    encode_project(text)
    return text


def number_of(text: str, what: str) -> int:
    """A number of the upstream, from 1 to 2^63 - 1; raises `BadInput`."""
    if text.isascii() and text.isdigit() and len(text) <= 19:
        number = int(text)
        if 0 < number <= MAX_BIG_INT:
            return number
    raise BadInput(f"{what}: not a numeric id of the upstream: {text[:80]!r}")
