"""Plain: the gateway as one writes it from Strawberry's documentation.

    python -m tests.benchmarks.plain PORT UPSTREAM_API_URL

Dataclass types filled from dicts of JSON, aiodataloader for what is asked several times, httpx,
Strawberry's own ASGI view and executor. Every `job` and every node is a call.
"""

# No `from __future__ import annotations`: Strawberry reads the annotations.
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Self
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

from tests.benchmarks.plain_stages import duration_of, finished_at_of, started_at_of, status_of
from tests.benchmarks.plain_values import (
    SCALARS,
    URL,
    Artifact,
    BigInt,
    Commit,
    DateTime,
    Duration,
    FailureReason,
    JobRef,
    Node,
    PipelineRef,
    Runner,
    Status,
    User,
    global_id,
    place_of,
)


class Api:
    """The upstream as one caller sees it in one request, each thing read once."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self._headers = {"PRIVATE-TOKEN": token}
        self.job = DataLoader[tuple[str, str], Job](each(self._job))
        self.newest_jobs = DataLoader[tuple[str, int], list[Job]](each(self._newest_jobs))
        self.pipeline_jobs = DataLoader[tuple[int, int, int], list[Job]](each(self._pipeline_jobs))
        self.pipeline = DataLoader[tuple[str, str], Pipeline](each(self._pipeline))
        self.items = DataLoader[tuple[int, int], list[PipelineItem]](each(self._items))

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

    async def _pipeline(self, key: tuple[str, str]) -> "Pipeline":
        project, number = key
        path = f"projects/{quote(project, '')}/pipelines/{int(number)}"
        return Pipeline.from_json(await self._get(path))

    async def _items(self, key: tuple[int, int]) -> list["PipelineItem"]:
        """All jobs and bridges of a pipeline, newest first: page after page."""
        project, number = key
        kinds: dict[str, type[PipelineItem]] = {"jobs": Job, "bridges": Bridge}
        items: list[PipelineItem] = []
        for name, kind in kinds.items():
            path = f"projects/{project}/pipelines/{number}/{name}"
            for page in count(1):
                rows = await self._get(path, per_page=100, page=page)
                items += [kind.from_json(row) for row in rows]
                if len(rows) < 100:
                    break
        return sorted(items, key=lambda item: -item.database_id)


def each(
    read: Callable[[Any], Awaitable[Any]],
) -> Callable[[list[Any]], Coroutine[Any, Any, list[Any]]]:
    """A batch function that reads its keys side by side."""

    async def batch(keys: list[Any]) -> list[Any]:
        return await asyncio.gather(*map(read, keys), return_exceptions=True)

    return batch


Info = strawberry.Info[dict[str, Api], None]


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

    @strawberry.field
    async def stages(self, info: Info) -> "StageList | None":
        items = await info.context["api"].items.load((self.project_id, self.database_id))
        stages: dict[str | None, list[PipelineItem]] = {}
        for item in items:
            stages.setdefault(item.stage, []).append(item)
        in_order = sorted(stages.values(), key=lambda found: found[-1].database_id)
        return StageList(nodes=[Stage.of(found) for found in in_order])


@strawberry.interface
class PipelineItem(Node):
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
    web_url: URL
    commit: Commit | None
    user: User | None
    pipeline: Pipeline | None

    @classmethod
    def from_json(cls, row: dict[str, Any], **more: Any) -> Self:
        pipeline, reason = row["pipeline"], row.get("failure_reason")
        return cls(
            id=global_id(cls.__name__, pipeline["project_id"], pipeline["id"], row["id"]),
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
            web_url=row["web_url"],
            commit=Commit.from_json(row["commit"]),
            user=User.from_json(row["user"]),
            pipeline=Pipeline.from_json(pipeline),
            **more,
        )


@strawberry.type
class Job(PipelineItem):
    tag_list: list[str] | None
    artifacts: list[Artifact] | None
    runner: Runner | None

    @classmethod
    def from_json(cls, row: dict[str, Any], **more: Any) -> Self:
        runner = row["runner"]
        return super().from_json(
            row,
            tag_list=row["tag_list"],
            artifacts=[Artifact(**artifact) for artifact in row["artifacts"]],
            runner=Runner.from_json(runner) if runner else None,
            **more,
        )


@strawberry.type
class Bridge(PipelineItem):
    pass


@strawberry.type
class Stage:
    name: str | None
    status: Status
    started_at: DateTime | None
    finished_at: DateTime | None
    duration: Duration | None
    items: list[PipelineItem]

    @classmethod
    def of(cls, items: list[PipelineItem]) -> Self:
        return cls(
            name=items[0].stage,
            status=status_of(items),
            started_at=started_at_of(items),
            finished_at=finished_at_of(items),
            duration=duration_of(items),
            items=items,
        )


@strawberry.type
class StageList:
    nodes: list[Stage]


@strawberry.type
class Project:
    key: strawberry.Private[str]

    @strawberry.field
    async def jobs(self, info: Info, first: int = 20) -> JobConnection | None:
        api = info.context["api"]
        return JobConnection(nodes=[*await api.newest_jobs.load((self.key, first))])


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
    async def pipeline(self, info: Info, by: PipelineRef) -> Pipeline | None:
        path = by.path
        key = (path.project, path.pipeline) if path else place_of(by.id or "")
        return await info.context["api"].pipeline.load(key)

    @strawberry.field
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        return [*await info.context["api"].job.load_many([place_of(text) for text in ids])]


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
    schema = strawberry.Schema(
        Query, types=[Job, Bridge], config=StrawberryConfig(scalar_map=SCALARS)
    )
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
        timeout_keep_alive=60,
        access_log=False,
        log_level="warning",
    )
