"""Plain's types that hold values alone: no call is made for a field of theirs."""

# No `from __future__ import annotations`: Strawberry reads the annotations.
import base64
from enum import StrEnum
from typing import Any, NewType, Self

import strawberry

__all__ = [
    "SCALARS",
    "URL",
    "Artifact",
    "BigInt",
    "Commit",
    "DateTime",
    "Duration",
    "FailureReason",
    "JobRef",
    "Node",
    "PipelineRef",
    "Runner",
    "Status",
    "User",
    "global_id",
    "place_of",
]

BigInt = NewType("BigInt", int)
DateTime = NewType("DateTime", str)
Duration = NewType("Duration", float)
URL = NewType("URL", str)
SCALARS: dict[object, Any] = {
    scalar: strawberry.scalar(name=scalar.__name__) for scalar in (BigInt, DateTime, Duration, URL)
}


def global_id(*parts: str | int) -> strawberry.ID:
    """`Job:1:2:3` in base64, without padding."""
    text = ":".join(map(str, parts))
    return strawberry.ID(base64.b64encode(text.encode()).decode().rstrip("="))


@strawberry.enum
class Status(StrEnum):
    CREATED = "created"
    WAITING_FOR_RESOURCE = "waiting_for_resource"
    PREPARING = "preparing"
    WAITING_FOR_CALLBACK = "waiting_for_callback"
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELING = "canceling"
    CANCELED = "canceled"
    SKIPPED = "skipped"
    MANUAL = "manual"
    SCHEDULED = "scheduled"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, _word: object) -> "Status":
        return cls.UNKNOWN


@strawberry.enum
class FailureReason(StrEnum):
    SCRIPT_FAILURE = "script_failure"
    STUCK_OR_TIMEOUT_FAILURE = "stuck_or_timeout_failure"
    RUNNER_SYSTEM_FAILURE = "runner_system_failure"
    JOB_EXECUTION_TIMEOUT = "job_execution_timeout"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, _word: object) -> "FailureReason":
        return cls.UNKNOWN


@strawberry.interface
class Node:
    id: strawberry.ID


@strawberry.type
class User:
    database_id: BigInt
    username: str
    name: str
    state: str
    avatar_url: URL | None
    web_url: URL | None

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        return cls(
            database_id=row["id"],
            username=row["username"],
            name=row["name"],
            state=row["state"],
            avatar_url=row["avatar_url"],
            web_url=row["web_url"],
        )


@strawberry.type
class Commit:
    sha: str
    short_sha: str
    title: str
    message: str
    author_name: str
    author_email: str
    authored_at: DateTime | None
    web_url: URL | None

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        return cls(
            sha=row["id"],
            short_sha=row["short_id"],
            title=row["title"],
            message=row["message"],
            author_name=row["author_name"],
            author_email=row["author_email"],
            authored_at=row["authored_date"],
            web_url=row["web_url"],
        )


@strawberry.type
class Runner:
    database_id: BigInt
    name: str | None
    description: str | None
    runner_type: str | None
    online: bool | None

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        return cls(
            database_id=row["id"],
            name=row["name"],
            description=row["description"],
            runner_type=row["runner_type"],
            online=row["online"],
        )


@strawberry.type
class Artifact:
    filename: str | None
    file_type: str
    file_format: str | None
    size: BigInt | None


@strawberry.input
class JobPath:
    project: strawberry.ID
    job: strawberry.ID


@strawberry.input(one_of=True)
class JobRef:
    id: strawberry.ID | None = strawberry.UNSET
    path: JobPath | None = strawberry.UNSET


@strawberry.input
class PipelinePath:
    project: strawberry.ID
    pipeline: strawberry.ID


@strawberry.input(one_of=True)
class PipelineRef:
    id: strawberry.ID | None = strawberry.UNSET
    path: PipelinePath | None = strawberry.UNSET


def place_of(text: str) -> tuple[str, str]:
    """Project and number of a job's global id."""
    _, project, _, job = base64.b64decode(text + "==").decode().split(":")
    return project, job
