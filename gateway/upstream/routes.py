"""Routes: the endpoints of the Jobs API that the client asks, each described once.

    Route("job", "GET", "/projects/:id/jobs/:job_id", "job {job_id} of project {id}")

    name       stands for the route in records, metric labels and span names; it never changes
    endpoint   "GET /projects/:id/jobs/:job_id": what errors tell as `extensions.upstream.endpoint`
    path       the path of one request, made from the route's arguments
    subject    what was asked for, as messages to callers say it

The arguments of a route are the values of its `:names`, in order. Where the first is `:id`, it is
the project.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from gateway.upstream.paths import encode_project, encode_ref

if TYPE_CHECKING:
    from gateway.upstream.entities import ProjectKey

__all__ = ["ROUTES", "Arguments", "Keep", "Route"]

Arguments: TypeAlias = tuple["ProjectKey", ...]

_NAME = re.compile(r":(\w+)")


class Keep(Enum):
    """What may be kept of a route's answers, to answer the same question again."""

    # Writes, logs, variables, what only a job token can ask for, who the caller is, the version.
    NOTHING = "nothing"
    # It may change at any time, so for a moment only: a finished pipeline, too, by a retry.
    BRIEFLY = "briefly"
    # Longer once the thing has a status that it does not leave.
    FINISHED = "finished"
    # Longer where it was asked for by a hash, which always means the same.
    BY_HASH = "by hash"


class Route:
    """One endpoint. Routes are constants, compared by identity."""

    __slots__ = (
        "_has_project",
        "_has_sha",
        "_pattern",
        "_subject",
        "endpoint",
        "is_read",
        "keep",
        "method",
        "name",
        "of",
    )

    def __init__(
        self,
        name: str,
        method: Literal["GET", "POST"],
        template: str,
        subject: str,
        *,
        keep: Keep = Keep.NOTHING,
    ) -> None:
        self.name: Final = name
        self.method: Final = method
        self.keep: Final = keep
        # It changes nothing.
        self.is_read: Final = method == "GET"
        self.endpoint: Final = f"{method} {template}"
        # The names of its arguments.
        self.of: Final = tuple(_NAME.findall(template))
        self._pattern = _NAME.sub("%s", template)
        self._subject = subject
        self._has_project = self.of[:1] == ("id",)
        self._has_sha = self.of[-1:] == ("sha",)

    def path(self, arguments: Arguments) -> str:
        """The path below the API's base; raises `BadInput` for a value that no path can hold."""
        if self._has_project:
            project = arguments[0]
            if not isinstance(project, int) or project < 1:
                arguments = (encode_project(project), *arguments[1:])
        if self._has_sha:
            arguments = (*arguments[:-1], encode_ref(str(arguments[-1]), "sha"))
        return self._pattern % arguments

    def subject(self, arguments: Arguments) -> str:
        """What these arguments ask for, as it reads in a message."""
        return self._subject.format_map(dict(zip(self.of, arguments, strict=True)))

    def project(self, arguments: Arguments) -> ProjectKey | None:
        """The project that is asked, as the caller named it."""
        return arguments[0] if self._has_project else None

    def __repr__(self) -> str:
        return f"<Route {self.name}: {self.endpoint}>"


_PIPELINE = "pipeline {pipeline_id} of project {id}"

PROJECT_JOBS: Final = Route(
    "project_jobs", "GET", "/projects/:id/jobs", "jobs of project {id}", keep=Keep.BRIEFLY
)
PIPELINE_JOBS: Final = Route(
    "pipeline_jobs",
    "GET",
    "/projects/:id/pipelines/:pipeline_id/jobs",
    f"jobs of {_PIPELINE}",
    keep=Keep.BRIEFLY,
)
PIPELINE_BRIDGES: Final = Route(
    "pipeline_bridges",
    "GET",
    "/projects/:id/pipelines/:pipeline_id/bridges",
    f"bridges of {_PIPELINE}",
    keep=Keep.BRIEFLY,
)
PROJECT_PIPELINES: Final = Route(
    "project_pipelines",
    "GET",
    "/projects/:id/pipelines",
    "pipelines of project {id}",
    keep=Keep.BRIEFLY,
)
LATEST_PIPELINE: Final = Route(
    "latest_pipeline",
    "GET",
    "/projects/:id/pipelines/latest",
    "the latest pipeline of project {id}",
    keep=Keep.BRIEFLY,
)
JOB: Final = Route(
    "job",
    "GET",
    "/projects/:id/jobs/:job_id",
    "job {job_id} of project {id}",
    keep=Keep.FINISHED,
)
PIPELINE: Final = Route(
    "pipeline", "GET", "/projects/:id/pipelines/:pipeline_id", _PIPELINE, keep=Keep.BRIEFLY
)
# Their values may be secrets, so none is held longer than its answer takes.
PIPELINE_VARIABLES: Final = Route(
    "pipeline_variables",
    "GET",
    "/projects/:id/pipelines/:pipeline_id/variables",
    f"variables of {_PIPELINE}",
)
TEST_REPORT_SUMMARY: Final = Route(
    "test_report_summary",
    "GET",
    "/projects/:id/pipelines/:pipeline_id/test_report_summary",
    f"tests of {_PIPELINE}",
    keep=Keep.BRIEFLY,
)
PROJECT: Final = Route("project", "GET", "/projects/:id", "project {id}", keep=Keep.BRIEFLY)
COMMIT: Final = Route(
    "commit",
    "GET",
    "/projects/:id/repository/commits/:sha",
    "commit {sha:.80} of project {id}",
    keep=Keep.BY_HASH,
)
CURRENT_JOB: Final = Route("current_job", "GET", "/job", "the job of the job token")
ALLOWED_AGENTS: Final = Route(
    "allowed_agents", "GET", "/job/allowed_agents", "the agents of the job token"
)
CURRENT_USER: Final = Route("current_user", "GET", "/user", "the user of the credential")
VERSION: Final = Route("version", "GET", "/version", "the version of the upstream")
TRACE: Final = Route(
    "trace",
    "GET",
    "/projects/:id/jobs/:job_id/trace",
    "the log of job {job_id} of project {id}",
)
PIPELINE_RETRY: Final = Route(
    "pipeline_retry",
    "POST",
    "/projects/:id/pipelines/:pipeline_id/retry",
    f"to retry {_PIPELINE}",
)
PIPELINE_CANCEL: Final = Route(
    "pipeline_cancel",
    "POST",
    "/projects/:id/pipelines/:pipeline_id/cancel",
    f"to cancel {_PIPELINE}",
)


def _action(name: str) -> Route:
    return Route(
        name,
        "POST",
        f"/projects/:id/jobs/:job_id/{name}",
        f"to {name} job {{job_id}} of project {{id}}",
    )


CANCEL: Final = _action("cancel")
RETRY: Final = _action("retry")
ERASE: Final = _action("erase")
PLAY: Final = _action("play")

ROUTES: Final = (
    PROJECT_JOBS,
    PIPELINE_JOBS,
    PIPELINE_BRIDGES,
    PROJECT_PIPELINES,
    LATEST_PIPELINE,
    JOB,
    PIPELINE,
    PIPELINE_VARIABLES,
    TEST_REPORT_SUMMARY,
    PROJECT,
    COMMIT,
    CURRENT_JOB,
    ALLOWED_AGENTS,
    CURRENT_USER,
    VERSION,
    TRACE,
    PIPELINE_RETRY,
    PIPELINE_CANCEL,
    CANCEL,
    RETRY,
    ERASE,
    PLAY,
)
