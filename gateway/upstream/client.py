"""The Jobs API client: one method for each endpoint, typed entities out, errors by cause.

    async with open_wire("http1", WireOptions("https://gitlab.example.com")) as wire:
        client = Client(wire, ClientConfig("https://gitlab.example.com/api/v4"))
        deadline = asyncio.get_running_loop().time() + 10
        scope = CallScope(Credential("PRIVATE-TOKEN", token), deadline)
        job = await client.job(scope, "group/project", 42)
        print(job.status, scope.tally.calls)

Every method takes the scope of the operation first: a call is made with its credential, within its
deadline, and of the answer to a read its readers take what they are for (`pruning`); the answer to
a write is taken whole. What may happen to a call (retries, redirects, lost writes) is in `calls`.
All methods raise the `UpstreamError`s of `gateway.errors`, and `BadInput` for a project that none
can have.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from gateway.upstream import entities
from gateway.upstream.calls import Calls, ClientConfig
from gateway.upstream.links import cursor_text, next_id, number_in
from gateway.upstream.pages import KeysetCursor, KeysetPage, OffsetPage
from gateway.upstream.paths import encode_project, encode_ref
from gateway.upstream.pruning import WHOLE
from gateway.upstream.reading import Reader
from gateway.upstream.statuses import KnownStatuses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from gateway.upstream.entities import Bridge, Item, Job, Pipeline, PipelineDetail, ProjectKey
    from gateway.upstream.scope import CallScope
    from gateway.upstream.wire import Answer, StreamedAnswer, Wire

__all__ = ["Client", "ClientConfig"]

T = TypeVar("T")

PROJECT: Final = Reader(entities.Project)
AGENTS: Final = Reader(entities.AllowedAgents)


class _ItemKeys(msgspec.Struct):
    """Tells the two shapes that play answers with apart."""

    downstream_pipeline: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_encode = msgspec.json.Encoder().encode
_decode_keys = msgspec.json.Decoder(_ItemKeys).decode


class Client:
    """One upstream; many operations use it at once."""

    def __init__(self, wire: Wire, config: ClientConfig) -> None:
        self._calls = Calls(wire, config)
        self._statuses = KnownStatuses()

    # -- lists ---------------------------------------------------------------------------------

    async def project_jobs_page(
        self,
        scope: CallScope,
        project: ProjectKey,
        *,
        statuses: Sequence[str] = (),
        per_page: int,
        cursor: KeysetCursor | None = None,
    ) -> KeysetPage[Job]:
        """A page of a project's jobs, retried ones included, newest id first (contract 8.2)."""
        endpoint = "GET /projects/:id/jobs"
        path = f"/projects/{encode_project(project)}/jobs?pagination=keyset&per_page={per_page}"
        if cursor is not None:
            path += f"&cursor={cursor_text(cursor)}"
        answer = await self._list(scope, path, endpoint, f"jobs of project {project}", statuses)
        if answer is None:
            return KeysetPage([], None)
        rows = scope.readers.jobs.many(answer, endpoint=endpoint, project=project)
        return KeysetPage(rows, next_id(answer, endpoint))

    async def pipeline_jobs_page(
        self,
        scope: CallScope,
        project: ProjectKey,
        pipeline_id: int,
        *,
        statuses: Sequence[str] = (),
        include_retried: bool = False,
        page: int = 1,
        per_page: int,
    ) -> OffsetPage[Job]:
        """A page of a pipeline's jobs, newest id first (contract 3.2)."""
        endpoint = "GET /projects/:id/pipelines/:pipeline_id/jobs"
        path = (
            f"/projects/{encode_project(project)}/pipelines/{pipeline_id}/jobs"
            f"?page={page}&per_page={per_page}{'&include_retried=true' if include_retried else ''}"
        )
        subject = f"jobs of pipeline {pipeline_id} of project {project}"
        answer = await self._list(scope, path, endpoint, subject, statuses)
        return _offset_page(answer, scope.readers.jobs, endpoint, project)

    async def bridges_page(
        self,
        scope: CallScope,
        project: ProjectKey,
        pipeline_id: int,
        *,
        statuses: Sequence[str] = (),
        page: int = 1,
        per_page: int,
    ) -> OffsetPage[Bridge]:
        """A page of a pipeline's bridges, newest id first (contract 3.3)."""
        endpoint = "GET /projects/:id/pipelines/:pipeline_id/bridges"
        path = (
            f"/projects/{encode_project(project)}/pipelines/{pipeline_id}/bridges"
            f"?page={page}&per_page={per_page}"
        )
        subject = f"bridges of pipeline {pipeline_id} of project {project}"
        answer = await self._list(scope, path, endpoint, subject, statuses)
        return _offset_page(answer, scope.readers.bridges, endpoint, project)

    async def pipelines_page(
        self,
        scope: CallScope,
        project: ProjectKey,
        *,
        ref: str | None = None,
        sha: str | None = None,
        status: str | None = None,
        source: str | None = None,
        page: int = 1,
        per_page: int,
    ) -> OffsetPage[Pipeline]:
        """A page of a project's pipelines, newest id first (contract 3.8)."""
        endpoint = "GET /projects/:id/pipelines"
        path = f"/projects/{encode_project(project)}/pipelines?page={page}&per_page={per_page}"
        for name, value in (("ref", ref), ("sha", sha), ("source", source)):
            if value is not None:
                path += f"&{name}={quote(value, safe='')}"
        subject = f"pipelines of project {project}"
        answer = await self._list(
            scope, path, endpoint, subject, () if status is None else (status,), "status"
        )
        return _offset_page(answer, scope.readers.pipelines, endpoint, project)

    # -- single reads --------------------------------------------------------------------------

    async def job(self, scope: CallScope, project: ProjectKey, job_id: int) -> Job:
        """One job; a bridge's id is `NotFound` here (contract 3.4)."""
        endpoint = "GET /projects/:id/jobs/:job_id"
        path = f"/projects/{encode_project(project)}/jobs/{job_id}"
        subject = f"job {job_id} of project {project}"
        return await self._one(scope, path, endpoint, subject, scope.readers.jobs, project)

    async def pipeline(
        self, scope: CallScope, project: ProjectKey, pipeline_id: int
    ) -> PipelineDetail:
        """One pipeline in its long form (contract 5.4)."""
        endpoint = "GET /projects/:id/pipelines/:pipeline_id"
        path = f"/projects/{encode_project(project)}/pipelines/{pipeline_id}"
        subject = f"pipeline {pipeline_id} of project {project}"
        return await self._one(scope, path, endpoint, subject, scope.readers.details, project)

    async def project(self, scope: CallScope, project: ProjectKey) -> entities.Project:
        """One project."""
        path = f"/projects/{encode_project(project)}"
        return await self._one(scope, path, "GET /projects/:id", f"project {project}", PROJECT)

    async def commit(self, scope: CallScope, project: ProjectKey, sha: str) -> entities.Commit:
        """One commit, by hash, branch or tag."""
        endpoint = "GET /projects/:id/repository/commits/:sha"
        path = f"/projects/{encode_project(project)}/repository/commits/{encode_ref(sha, 'sha')}"
        subject = f"commit {sha[:80]} of project {project}"
        return await self._one(scope, path, endpoint, subject, scope.readers.commits)

    async def current_job(self, scope: CallScope) -> Job:
        """The job of the presented job token (contract 3.6)."""
        subject = "the job of the job token"
        return await self._one(scope, "/job", "GET /job", subject, scope.readers.jobs)

    async def allowed_agents(self, scope: CallScope) -> entities.AllowedAgents:
        """The agents that the presented job token may use (contract 3.7)."""
        endpoint = "GET /job/allowed_agents"
        subject = "the agents of the job token"
        return await self._one(scope, "/job/allowed_agents", endpoint, subject, AGENTS)

    @asynccontextmanager
    async def trace(
        self,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        *,
        byte_offset: int | None = None,
        byte_limit: int | None = None,
    ) -> AsyncIterator[StreamedAnswer]:
        """A job's log as a stream. Servers that know no slices send it whole (contract 3.5)."""
        endpoint = "GET /projects/:id/jobs/:job_id/trace"
        path = f"/projects/{encode_project(project)}/jobs/{job_id}/trace"
        given = {"byte_offset": byte_offset, "byte_limit": byte_limit}
        query = "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
        async with self._calls.stream(
            scope,
            f"{path}?{query}" if query else path,
            endpoint=endpoint,
            subject=f"the log of job {job_id} of project {project}",
        ) as streamed:
            yield streamed

    # -- writes --------------------------------------------------------------------------------

    async def cancel(
        self, scope: CallScope, project: ProjectKey, job_id: int, *, force: bool = False
    ) -> Job:
        """Cancel; the job as it is now, also where there was nothing to cancel (contract 4.1)."""
        body = {"force": True} if force else {}
        return await self._act(scope, project, job_id, "cancel", body)

    async def retry(
        self,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        *,
        inputs: Mapping[str, Any] | None = None,
    ) -> Job:
        """Retry; the new job. A bridge is answered in the job's shape (contract 4.2):
        `reading.item_of` tells.
        """
        # The code reads `inputs`, the documentation says `job_inputs`; the other one is ignored.
        body = {"inputs": inputs, "job_inputs": inputs} if inputs else {}
        return await self._act(scope, project, job_id, "retry", body)

    async def erase(self, scope: CallScope, project: ProjectKey, job_id: int) -> Job:
        """Erase log and artifacts; the job as it is now (contract 4.3)."""
        return await self._act(scope, project, job_id, "erase", {})

    async def play(
        self,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        *,
        variables: Sequence[tuple[str, str]] = (),
        inputs: Mapping[str, Any] | None = None,
    ) -> Item:
        """Play a manual or delayed job or bridge, which is answered in its own shape (4.4)."""
        body: dict[str, Any] = {}
        if variables:
            pairs = [{"key": key, "value": value} for key, value in variables]
            body["job_variables_attributes"] = pairs
        if inputs:
            body["job_inputs"] = inputs
        endpoint = "POST /projects/:id/jobs/:job_id/play"
        answer = await self._write(scope, project, job_id, "play", body, endpoint)
        try:
            is_bridge = _decode_keys(answer.body).downstream_pipeline is not msgspec.UNSET
        except msgspec.DecodeError:
            is_bridge = False
        reader: Reader[Job] | Reader[Bridge] = WHOLE.bridges if is_bridge else WHOLE.jobs
        return reader.one(answer, endpoint=endpoint, project=project)

    # -- how -----------------------------------------------------------------------------------

    async def _one(
        self,
        scope: CallScope,
        path: str,
        endpoint: str,
        subject: str,
        reader: Reader[T],
        project: ProjectKey | None = None,
    ) -> T:
        answer = await self._calls.read(scope, path, endpoint=endpoint, subject=subject)
        return reader.one(answer, endpoint=endpoint, project=project)

    async def _list(
        self,
        scope: CallScope,
        path: str,
        endpoint: str,
        subject: str,
        statuses: Sequence[str],
        parameter: str = "scope[]",
    ) -> Answer | None:
        """A page's answer; None where the upstream knows none of the statuses asked for."""
        if not statuses:
            return await self._calls.read(scope, path, endpoint=endpoint, subject=subject)
        name = quote(parameter)

        async def read(asked: tuple[str, ...]) -> Answer:
            target = path + "".join([f"&{name}={quote(status, safe='')}" for status in asked])
            return await self._calls.read(scope, target, endpoint=endpoint, subject=subject)

        return await self._statuses.read(statuses, read)

    async def _act(
        self,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        action: str,
        body: dict[str, Any],
    ) -> Job:
        endpoint = f"POST /projects/:id/jobs/:job_id/{action}"
        answer = await self._write(scope, project, job_id, action, body, endpoint)
        return WHOLE.jobs.one(answer, endpoint=endpoint, project=project)

    async def _write(
        self,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        action: str,
        body: dict[str, Any],
        endpoint: str,
    ) -> Answer:
        return await self._calls.write(
            scope,
            f"/projects/{encode_project(project)}/jobs/{job_id}/{action}",
            _encode(body) if body else None,
            endpoint=endpoint,
            subject=f"to {action} job {job_id} of project {project}",
        )


def _offset_page(
    answer: Answer | None, reader: Reader[T], endpoint: str, project: ProjectKey
) -> OffsetPage[T]:
    if answer is None:
        return OffsetPage([], None, 0)
    rows = reader.many(answer, endpoint=endpoint, project=project)
    return OffsetPage(rows, number_in(answer, "x-next-page"), number_in(answer, "x-total"))
