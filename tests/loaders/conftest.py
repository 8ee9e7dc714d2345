"""A client that answers from memory, and can be told to fail, to wait or to forget."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.context import Context
from gateway.errors import NotFound
from gateway.upstream.entities import Bridge, Commit, Job, Pipeline, PipelineDetail, Project
from gateway.upstream.job_spans import JobSpans
from gateway.upstream.log_ranges import LogRanges
from gateway.upstream.pages import KeysetPage, OffsetPage
from tests.harness.over import make_scope
from tests.harness.turns import turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from gateway.upstream.scope import CallScope

PATH = "group/project"


class Memory:
    """One project (number 1) with its jobs and bridges. Stands in for the client.

    `calls` names the calls made, in order; `failing` maps names to what they raise; calls named in
    `held` wait for their event; `stopped` names those that were cancelled while they waited;
    `hidden` holds ids that lists do not show.
    """

    keeps_reads = False

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.bridges: dict[int, Bridge] = {}
        self.log = b""
        self.log_ranges = LogRanges()
        self.job_spans = JobSpans()
        self.calls: list[str] = []
        self.failing: dict[str, Exception] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.stopped: list[str] = []
        self.hidden: set[int] = set()

    def add_jobs(self, ids: Iterable[int], pipeline_id: int = 6) -> None:
        for job_id in ids:
            self.jobs[job_id] = self.make_job(job_id, pipeline_id)

    def make_job(self, job_id: int, pipeline_id: int = 6, status: str = "success") -> Job:
        sha = f"{pipeline_id:040x}"
        return Job(
            job_id,
            status,
            f"job {job_id}",
            commit=Commit(sha, sha[:8], "title"),
            pipeline=Pipeline(pipeline_id, sha=sha, project_id=1),
            artifacts=[],
        )

    def add_bridges(self, ids: Iterable[int], pipeline_id: int = 6) -> None:
        for bridge_id in ids:
            pipeline = Pipeline(pipeline_id, project_id=1)
            self.bridges[bridge_id] = Bridge(bridge_id, "success", "bridge", pipeline=pipeline)

    async def job(self, scope: CallScope, project: Any, job_id: int, *, readers: Any) -> Job:
        await self.call(scope, f"job {job_id}")
        return self.found(self.jobs, job_id)

    async def pipeline(
        self, scope: CallScope, project: Any, pipeline_id: int, *, readers: Any
    ) -> PipelineDetail:
        await self.call(scope, f"pipeline {pipeline_id}")
        return PipelineDetail(pipeline_id, project_id=1)

    async def project(self, scope: CallScope, project: Any) -> Project:
        await self.call(scope, f"project {project}")
        return Project(1, path_with_namespace=PATH)

    async def commit(self, scope: CallScope, project: Any, sha: str, *, readers: Any) -> Commit:
        await self.call(scope, f"commit {sha}")
        return Commit(sha, sha[:8], "title")

    async def current_job(self, scope: CallScope, *, readers: Any) -> Job:
        await self.call(scope, "current job")
        return max(self.jobs.values(), key=lambda job: job.id)

    async def project_jobs_page(
        self,
        scope: CallScope,
        project: Any,
        *,
        statuses: Any = (),
        per_page: int,
        cursor: Any,
        readers: Any,
    ) -> KeysetPage[Job]:
        await self.call(scope, "jobs" if cursor is None else f"jobs below {cursor.id}")
        rows = [row for row in self.listed(self.jobs) if cursor is None or row.id < cursor.id]
        page = rows[:per_page]
        return KeysetPage(page, page[-1].id if len(rows) > per_page else None)

    async def pipeline_jobs_page(
        self,
        scope: CallScope,
        project: Any,
        pipeline_id: int,
        *,
        statuses: Any = (),
        include_retried: bool = False,
        page: int,
        per_page: int,
        readers: Any,
    ) -> OffsetPage[Job]:
        await self.call(scope, f"jobs of pipeline {pipeline_id}, page {page}")
        rows = [row for row in self.listed(self.jobs) if row.pipeline.id == pipeline_id]
        return self.page_of(rows, page, per_page)

    async def bridges_page(
        self,
        scope: CallScope,
        project: Any,
        pipeline_id: int,
        *,
        statuses: Any = (),
        page: int,
        per_page: int,
        readers: Any,
    ) -> OffsetPage[Bridge]:
        await self.call(scope, f"bridges of pipeline {pipeline_id}, page {page}")
        rows = [row for row in self.listed(self.bridges) if row.pipeline.id == pipeline_id]
        return self.page_of(rows, page, per_page)

    @asynccontextmanager
    async def trace(
        self,
        scope: CallScope,
        project: Any,
        job_id: int,
        *,
        byte_offset: int | None = None,
        byte_limit: int | None = None,
    ) -> AsyncIterator[Any]:
        """An upstream that sends all of a log, whatever is asked for."""
        await self.call(scope, f"log {job_id}")

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(self.log), 10):
                self.calls.append("chunk")
                yield self.log[start : start + 10]

        yield SimpleNamespace(chunks=chunks, header={}.get)

    async def cancel(self, scope: CallScope, project: Any, job_id: int, *, force: bool) -> Job:
        return await self.act(scope, "cancel", job_id)

    async def retry(self, scope: CallScope, project: Any, job_id: int, *, inputs: Any) -> Job:
        return await self.act(scope, "retry", job_id)

    async def erase(self, scope: CallScope, project: Any, job_id: int) -> Job:
        return await self.act(scope, "erase", job_id)

    async def act(self, scope: CallScope, action: str, job_id: int) -> Job:
        await self.call(scope, f"{action} {job_id}")
        self.jobs[job_id] = self.make_job(job_id, status=f"after {action}")
        return self.jobs[job_id]

    async def call(self, scope: CallScope, name: str) -> None:
        scope.tally.calls += 1
        self.calls.append(name)
        if name in self.held:
            try:
                await self.held[name].wait()
            except asyncio.CancelledError:
                self.stopped.append(name)
                raise
        if name in self.failing:
            raise self.failing[name]

    async def is_called(self) -> None:
        """Wait until a call is made."""
        await turns(20)
        assert self.calls

    def found(self, rows: dict[int, Any], row_id: int) -> Any:
        if row_id not in rows:
            raise NotFound(f"{row_id}: does not exist", endpoint="GET")
        return rows[row_id]

    def listed(self, rows: dict[int, Any]) -> list[Any]:
        return [rows[row_id] for row_id in sorted(rows, reverse=True) if row_id not in self.hidden]

    def page_of(self, rows: list[Any], page: int, per_page: int) -> OffsetPage[Any]:
        end = page * per_page
        following = page + 1 if end < len(rows) else None
        return OffsetPage(rows[end - per_page : end], following, len(rows))


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def context(memory: Memory) -> Callable[..., Context]:
    """Makes a context over the memory; call it inside the test's event loop."""

    def make(*, seconds: float = 10.0) -> Context:
        client: Any = memory
        urls: Any = None
        return Context(client, make_scope(seconds=seconds), urls)

    return make


@pytest.fixture
def outcomes() -> Callable[[Iterable[Awaitable[Any]]], Awaitable[list[Any]]]:
    """What each of several reads came to: a value or an exception."""

    async def outcome(read: Awaitable[Any]) -> Any:
        try:
            return await read
        except Exception as error:  # noqa: BLE001 - what is looked for
            return error

    async def gathered(reads: Iterable[Awaitable[Any]]) -> list[Any]:
        return await asyncio.gather(*map(outcome, reads))

    return gathered
