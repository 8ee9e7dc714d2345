"""Plain: the gateway as one writes it from Strawberry's documentation.

    python -m tests.benchmarks.plain PORT UPSTREAM_API_URL

Dataclass types filled from dicts of JSON, aiodataloader for what is asked several times, httpx,
Strawberry's own ASGI view and executor. Every `job` and every node is a call.
"""

# No `from __future__ import annotations`: Strawberry reads the annotations.
import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, NewType, Self
from urllib.parse import quote

import httpx
import strawberry
import uvicorn
from aiodataloader import DataLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig

BigInt = NewType("BigInt", int)
DateTime = NewType("DateTime", str)
Duration = NewType("Duration", float)
URL = NewType("URL", str)
SCALARS: dict[object, Any] = {
    scalar: strawberry.scalar(name=scalar.__name__) for scalar in (BigInt, DateTime, Duration, URL)
}


class Api:
    """The upstream as one caller sees it in one request, each thing read once."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self._headers = {"PRIVATE-TOKEN": token}
        self.job = DataLoader[tuple[str, str], Job](each(self._job))
        self.newest_jobs = DataLoader[tuple[str, int], list[Job]](each(self._newest_jobs))
        self.pipeline_jobs = DataLoader[tuple[int, int, int], list[Job]](each(self._pipeline_jobs))

    async def _get(self, path: str, **params: str | int) -> Any:
        response = await self._http.get(path, params=params, headers=self._headers)
        response.raise_for_status()
        return response.json()

    async def _job(self, key: tuple[str, str]) -> "Job":
        project, number = key
        return Job.from_json(await self._get(f"projects/{quote(project, '')}/jobs/{int(number)}"))

    async def _newest_jobs(self, key: tuple[str, int]) -> list["Job"]:
        project, first = key
        path = f"projects/{quote(project, '')}/jobs"
        rows = await self._get(path, pagination="keyset", per_page=first)
        return [Job.from_json(row) for row in rows]

    async def _pipeline_jobs(self, key: tuple[int, int, int]) -> list["Job"]:
        project, number, first = key
        path = f"projects/{project}/pipelines/{number}/jobs"
        return [Job.from_json(row) for row in await self._get(path, per_page=first)]


def each(
    read: Callable[[Any], Awaitable[Any]],
) -> Callable[[list[Any]], Coroutine[Any, Any, list[Any]]]:
    """A batch function that reads its keys side by side."""

    async def batch(keys: list[Any]) -> list[Any]:
        return await asyncio.gather(*map(read, keys), return_exceptions=True)

    return batch


Info = strawberry.Info[dict[str, Api], None]


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


@strawberry.type
class JobConnection:
    nodes: list["Job | None"]


@strawberry.type
class Pipeline(Node):
    project_id: strawberry.Private[int]
    database_id: BigInt
    iid: BigInt | None
    ref: str | None
    sha: str | None
    status: Status | None
    source: str | None
    created_at: DateTime | None
    web_url: URL | None

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        return cls(
            id=global_id("Pipeline", row["project_id"], row["id"]),
            project_id=row["project_id"],
            database_id=row["id"],
            iid=row["iid"],
            ref=row["ref"],
            sha=row["sha"],
            status=Status(row["status"]),
            source=row["source"],
            created_at=row["created_at"],
            web_url=row["web_url"],
        )

    @strawberry.field
    async def jobs(self, info: Info, first: int = 20) -> JobConnection | None:
        key = (self.project_id, self.database_id, first)
        return JobConnection(nodes=[*await info.context["api"].pipeline_jobs.load(key)])


@strawberry.type
class Job(Node):
    database_id: BigInt
    name: str
    stage: str | None
    status: Status
    ref: str
    tag: bool
    allow_failure: bool
    created_at: DateTime
    started_at: DateTime | None
    finished_at: DateTime | None
    duration: Duration | None
    queued_duration: Duration | None
    coverage: float | None
    failure_reason: FailureReason | None
    tag_list: list[str] | None
    artifacts: list[Artifact] | None
    web_url: URL
    commit: Commit | None
    user: User | None
    runner: Runner | None
    pipeline: Pipeline | None

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        pipeline, reason, runner = row["pipeline"], row.get("failure_reason"), row["runner"]
        return cls(
            id=global_id("Job", pipeline["project_id"], pipeline["id"], row["id"]),
            database_id=row["id"],
            name=row["name"],
            stage=row["stage"],
            status=Status(row["status"]),
            ref=row["ref"],
            tag=row["tag"],
            allow_failure=row["allow_failure"],
            created_at=row["created_at"],
            started_at=row["started_at"],
            finished_at=row["finished_at"],
            duration=row["duration"],
            queued_duration=row["queued_duration"],
            coverage=row["coverage"],
            failure_reason=FailureReason(reason) if reason else None,
            tag_list=row["tag_list"],
            artifacts=[Artifact(**artifact) for artifact in row["artifacts"]],
            web_url=row["web_url"],
            commit=Commit.from_json(row["commit"]),
            user=User.from_json(row["user"]),
            runner=Runner.from_json(runner) if runner else None,
            pipeline=Pipeline.from_json(pipeline),
        )


@strawberry.type
class Project:
    key: strawberry.Private[str]

    @strawberry.field
    async def jobs(self, info: Info, first: int = 20) -> JobConnection | None:
        api = info.context["api"]
        return JobConnection(nodes=[*await api.newest_jobs.load((self.key, first))])


@strawberry.input
class JobPath:
    project: strawberry.ID
    job: strawberry.ID


@strawberry.input(one_of=True)
class JobRef:
    id: strawberry.ID | None = strawberry.UNSET
    path: JobPath | None = strawberry.UNSET


@strawberry.type
class Query:
    @strawberry.field
    def project(self, id: strawberry.ID) -> Project | None:  # noqa: A002 - the argument's name
        return Project(key=id)

    @strawberry.field
    async def job(self, info: Info, by: JobRef) -> Job | None:
        path = by.path
        key = (path.project, path.job) if path else place_of(by.id or "")
        return await info.context["api"].job.load(key)

    @strawberry.field
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        return [*await info.context["api"].job.load_many([place_of(text) for text in ids])]


def place_of(text: str) -> tuple[str, str]:
    """Project and number of a job's global id."""
    _, project, _, job = base64.b64decode(text + "==").decode().split(":")
    return project, job


class View(GraphQL[dict[str, Api], None]):
    http: httpx.AsyncClient

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,
    ) -> dict[str, Api]:
        return {"api": Api(self.http, request.headers["private-token"])}


def make_app(api_url: str) -> Starlette:
    """The application; its client lives as long as it."""
    schema = strawberry.Schema(Query, types=[Job], config=StrawberryConfig(scalar_map=SCALARS))
    view = View(schema)

    @asynccontextmanager
    async def live(_app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(base_url=api_url) as view.http:
            yield

    return Starlette(routes=[Route("/graphql", view)], lifespan=live)


if __name__ == "__main__":
    uvicorn.run(
        make_app(sys.argv[2]),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
    )
