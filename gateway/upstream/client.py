"""The Jobs API client: one method for each endpoint, typed entities out, errors by cause.

Every method takes the scope of the operation first. A call is made with the scope's credential and
within its deadline. Reads are sent again (after connection failures, 5xx and 429) while the
deadline allows it; writes are sent once, and equal writes in flight are one.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlencode

import msgspec

from gateway.errors import UpstreamInvalid
from gateway.upstream import entities
from gateway.upstream.calls import Calls, ClientConfig
from gateway.upstream.pages import KeysetCursor, KeysetPage, OffsetPage
from gateway.upstream.paths import encode_project, encode_ref
from gateway.upstream.reading import Reader, put_in_place
from gateway.upstream.statuses import KnownStatuses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.upstream.entities import ProjectKey
    from gateway.upstream.scope import CallScope
    from gateway.upstream.wire import Answer, StreamedAnswer, Wire

__all__ = ["Client", "ClientConfig"]

T = TypeVar("T")

JOBS = Reader(entities.Job)
BRIDGES = Reader(entities.Bridge)
PIPELINES = Reader(entities.Pipeline)
PIPELINE = Reader(entities.PipelineDetail)
PROJECT = Reader(entities.Project)
COMMIT = Reader(entities.Commit)
AGENTS = Reader(entities.AllowedAgents)
ITEM_KEYS = msgspec.json.Decoder(dict[str, msgspec.Raw])

encode_json = msgspec.json.Encoder().encode


class Client:
    """One upstream. Safe to use by many operations at once."""

    def __init__(self, wire: Wire, config: ClientConfig) -> None:
        self._calls = Calls(wire, config)
        self._statuses = KnownStatuses()

    # -- lists ---------------------------------------------------------------------------------

    async def project_jobs_page(
        self,
        scope: CallScope,
        project: ProjectKey,
        *,
        statuses: tuple[str, ...] = (),
        per_page: int,
        cursor: KeysetCursor | None = None,
    ) -> KeysetPage[entities.Job]:
        """A page of a project's jobs, retried ones included, newest id first (contract 8.2)."""
        query: list[tuple[str, str]] = [("pagination", "keyset"), ("per_page", str(per_page))]
        if cursor is not None:
            query.append(("cursor", _cursor_text(cursor)))
        path = f"/projects/{encode_project(project)}/jobs"
        endpoint = "GET /projects/:id/jobs"
        answer = await self._list(scope, path, endpoint, query, statuses)
        if answer is None:
            return KeysetPage([], None)
        rows = JOBS.many(answer, endpoint=endpoint)
        put_in_place(rows, project)
        return KeysetPage(rows, _next_id(answer, endpoint))

    async def pipeline_jobs_page(
        self,
        scope: CallScope,
        project: ProjectKey,
        pipeline_id: int,
        *,
        statuses: tuple[str, ...] = (),
        include_retried: bool = False,
        page: int = 1,
        per_page: int,
    ) -> OffsetPage[entities.Job]:
        """A page of a pipeline's jobs, newest id first (contract 3.2)."""
        query = [("include_retried", "true")] if include_retried else []
        path = f"/projects/{encode_project(project)}/pipelines/{pipeline_id}/jobs"
        endpoint = "GET /projects/:id/pipelines/:pipeline_id/jobs"
        return await self._offset_page(
            scope, path, endpoint, query, JOBS, project, statuses, page, per_page
        )

    async def bridges_page(
        self,
        scope: CallScope,
        project: ProjectKey,
        pipeline_id: int,
        *,
        statuses: tuple[str, ...] = (),
        page: int = 1,
        per_page: int,
    ) -> OffsetPage[entities.Bridge]:
        """A page of a pipeline's bridges, newest id first (contract 3.3)."""
        path = f"/projects/{encode_project(project)}/pipelines/{pipeline_id}/bridges"
        endpoint = "GET /projects/:id/pipelines/:pipeline_id/bridges"
        return await self._offset_page(
            scope, path, endpoint, [], BRIDGES, project, statuses, page, per_page
        )

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
    ) -> OffsetPage[entities.Pipeline]:
        """A page of a project's pipelines, newest id first (contract 3.8)."""
        given = {"ref": ref, "sha": sha, "status": status, "source": source}
        query = [(name, value) for name, value in given.items() if value is not None]
        path = f"/projects/{encode_project(project)}/pipelines"
        endpoint = "GET /projects/:id/pipelines"
        return await self._offset_page(
            scope, path, endpoint, query, PIPELINES, project, (), page, per_page
        )

    # -- single reads --------------------------------------------------------------------------

    async def job(self, scope: CallScope, project: ProjectKey, job_id: int) -> entities.Job:
        """One job; a bridge's id is `NotFound` here (contract 3.4)."""
        path = f"/projects/{encode_project(project)}/jobs/{job_id}"
        endpoint = "GET /projects/:id/jobs/:job_id"
        job = await self._one(scope, path, endpoint, f"job {job_id}", JOBS)
        put_in_place([job], project)
        return job

    async def pipeline(
        self, scope: CallScope, project: ProjectKey, pipeline_id: int
    ) -> entities.PipelineDetail:
        """One pipeline in its long form."""
        path = f"/projects/{encode_project(project)}/pipelines/{pipeline_id}"
        endpoint = "GET /projects/:id/pipelines/:pipeline_id"
        pipeline = await self._one(scope, path, endpoint, f"pipeline {pipeline_id}", PIPELINE)
        put_in_place([pipeline], project)
        return pipeline

    async def project(self, scope: CallScope, project: ProjectKey) -> entities.Project:
        """One project."""
        path = f"/projects/{encode_project(project)}"
        return await self._one(scope, path, "GET /projects/:id", f"project {project}", PROJECT)

    async def commit(self, scope: CallScope, project: ProjectKey, sha: str) -> entities.Commit:
        """One commit, by hash, branch or tag."""
        path = f"/projects/{encode_project(project)}/repository/commits/{encode_ref(sha, 'sha')}"
        endpoint = "GET /projects/:id/repository/commits/:sha"
        return await self._one(scope, path, endpoint, f"commit {sha[:80]}", COMMIT)

    async def current_job(self, scope: CallScope) -> entities.Job:
        """The job of the presented job token."""
        return await self._one(scope, "/job", "GET /job", "the job of the job token", JOBS)

    async def allowed_agents(self, scope: CallScope) -> entities.AllowedAgents:
        """The agents that the presented job token may use (contract 3.7)."""
        endpoint = "GET /job/allowed_agents"
        return await self._one(scope, "/job/allowed_agents", endpoint, "the agents", AGENTS)

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
        path = f"/projects/{encode_project(project)}/jobs/{job_id}/trace"
        given = {"byte_offset": byte_offset, "byte_limit": byte_limit}
        query = {name: str(value) for name, value in given.items() if value is not None}
        target = f"{path}?{urlencode(query)}" if query else path
        endpoint = "GET /projects/:id/jobs/:job_id/trace"
        async with self._calls.stream(
            scope, target, endpoint=endpoint, subject=f"the log of job {job_id}"
        ) as streamed:
            yield streamed

    # -- writes --------------------------------------------------------------------------------

    async def cancel(
        self, scope: CallScope, project: ProjectKey, job_id: int, *, force: bool = False
    ) -> entities.Job:
        """Cancel; the job as it is now, also where there was nothing to cancel (contract 4.1)."""
        body = {"force": True} if force else None
        return await self._act(scope, project, job_id, "cancel", body)

    async def retry(
        self,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        *,
        inputs: dict[str, Any] | None = None,
    ) -> entities.Job:
        """Retry; the new job. A bridge is answered in the job's shape (contract 4.2)."""
        # The code reads `inputs`, the documentation says `job_inputs`; the other one is ignored.
        body = {"inputs": inputs, "job_inputs": inputs} if inputs else None
        return await self._act(scope, project, job_id, "retry", body)

    async def erase(self, scope: CallScope, project: ProjectKey, job_id: int) -> entities.Job:
        """Erase log and artifacts (contract 4.3)."""
        return await self._act(scope, project, job_id, "erase", None)

    async def play(
        self,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        *,
        variables: Sequence[tuple[str, str]] = (),
        inputs: dict[str, Any] | None = None,
    ) -> entities.Item:
        """Play a manual or delayed job or bridge, which is answered in its own shape (4.4)."""
        body: dict[str, Any] = {}
        if variables:
            body["job_variables_attributes"] = [
                {"key": key, "value": value} for key, value in variables
            ]
        if inputs:
            body["job_inputs"] = inputs
        answer, endpoint = await self._write(scope, project, job_id, "play", body or None)
        try:
            is_bridge = "downstream_pipeline" in ITEM_KEYS.decode(answer.body)
        except msgspec.DecodeError:
            is_bridge = False
        reader: Reader[Any] = BRIDGES if is_bridge else JOBS
        item = reader.one(answer, endpoint=endpoint)
        put_in_place([item], project)
        return item

    # -- how -----------------------------------------------------------------------------------

    async def _one(
        self, scope: CallScope, path: str, endpoint: str, subject: str, reader: Reader[T]
    ) -> T:
        answer = await self._calls.read(scope, path, endpoint=endpoint, subject=subject)
        return reader.one(answer, endpoint=endpoint)

    async def _offset_page(
        self,
        scope: CallScope,
        path: str,
        endpoint: str,
        query: list[tuple[str, str]],
        reader: Reader[T],
        project: ProjectKey,
        statuses: tuple[str, ...],
        page: int,
        per_page: int,
    ) -> OffsetPage[T]:
        query = [*query, ("page", str(page)), ("per_page", str(per_page))]
        answer = await self._list(scope, path, endpoint, query, statuses)
        if answer is None:
            return OffsetPage([], None, 0)
        rows = reader.many(answer, endpoint=endpoint)
        put_in_place(rows, project)
        total = answer.header("x-total")
        following = answer.header("x-next-page")
        return OffsetPage(
            rows,
            int(following) if following and following.isdigit() else None,
            int(total) if total and total.isdigit() else None,
        )

    async def _list(
        self,
        scope: CallScope,
        path: str,
        endpoint: str,
        query: list[tuple[str, str]],
        statuses: tuple[str, ...],
    ) -> Answer | None:
        """A page's answer; None where the upstream knows none of the statuses asked for."""

        async def read(asked: tuple[str, ...]) -> Answer:
            scopes = [("scope[]", status) for status in asked]
            target = f"{path}?{urlencode([*query, *scopes])}"
            return await self._calls.read(scope, target, endpoint=endpoint, subject="the list")

        return await self._statuses.read(statuses, read) if statuses else await read(())

    async def _act(
        self,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        action: str,
        body: dict[str, Any] | None,
    ) -> entities.Job:
        answer, endpoint = await self._write(scope, project, job_id, action, body)
        job = JOBS.one(answer, endpoint=endpoint)
        put_in_place([job], project)
        return job

    async def _write(
        self,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        action: str,
        body: dict[str, Any] | None,
    ) -> tuple[Answer, str]:
        path = f"/projects/{encode_project(project)}/jobs/{job_id}/{action}"
        endpoint = f"POST /projects/:id/jobs/:job_id/{action}"
        answer = await self._calls.write(
            scope,
            path,
            None if body is None else encode_json(body),
            endpoint=endpoint,
            subject=f"to {action} job {job_id}",
        )
        return answer, endpoint


_CURSOR_PARAMETER = re.compile(r"[?&]cursor=([^&>]+)")


def _cursor_text(cursor: KeysetCursor) -> str:
    """The upstream's cursor: URL-safe base64 of its JSON, padded (contract 8.2)."""
    direction = "p" if cursor.backward else "n"
    parts = {"_kd": direction} if cursor.id is None else {"id": str(cursor.id), "_kd": direction}
    return urlsafe_b64encode(encode_json(parts)).decode()


def _next_id(answer: Answer, endpoint: str) -> int | None:
    """The id in the cursor of the link to the next page; None without such a link."""
    link = answer.header("link")
    if not link:
        return None
    for part in link.split(","):
        found = _CURSOR_PARAMETER.search(part)
        if 'rel="next"' in part and found is not None:
            try:
                cursor = msgspec.json.decode(urlsafe_b64decode(unquote(found[1])), type=_Cursor)
                return int(cursor.id)
            except ValueError:  # binascii's and msgspec's errors are ones, too
                raise UpstreamInvalid(
                    "the upstream's link to the next page holds no cursor by id",
                    endpoint=endpoint,
                    status=answer.status,
                    upstream_request_id=answer.header("x-request-id"),
                ) from None
    return None


class _Cursor(msgspec.Struct):
    id: str | int
