"""The Jobs API client: one method for each endpoint, typed entities out, errors by cause.

Every method takes the scope of the operation first: a call is made with its credential and within
its deadline. What may happen to a call on its way is in `calls`. Methods that read may be given
`readers` (`pruning`), which decode less than the whole answer; the answer to a write is always
decoded whole. All methods raise the `UpstreamError`s of `gateway.errors`, and `BadInput` for a
project that none can have.
"""

from __future__ import annotations

import math
from contextlib import AsyncExitStack, asynccontextmanager
from copy import copy
from typing import TYPE_CHECKING, Final, TypeVar, cast
from urllib.parse import quote

import msgspec

import gateway.upstream.routes as routes
from gateway.turns import Turns
from gateway.upstream.calls import Call, ClientConfig, OpenAnswer, Standings, standard_chain
from gateway.upstream.calls.keep import MOVING_S, Kept
from gateway.upstream.calls.pace import allowance_of
from gateway.upstream.calls.pace_together import refresh
from gateway.upstream.entities import AllowedAgents, Project, UpstreamVersion, User
from gateway.upstream.job_spans import JobSpans
from gateway.upstream.log_ranges import LogRanges
from gateway.upstream.pages import (
    KeysetCursor,
    KeysetPage,
    OffsetPage,
    cursor_text,
    keyset_page,
    offset_page,
)
from gateway.upstream.pruning import WHOLE
from gateway.upstream.reading import Reader, check_is_log, note_pipeline_of_suites
from gateway.upstream.statuses import KnownStatuses
from gateway.upstream.writes import Writes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from gateway.errors import UpstreamInvalid
    from gateway.upstream.calls import Layer
    from gateway.upstream.calls.allowance import Allowance
    from gateway.upstream.entities import (
        Bridge,
        Commit,
        Job,
        Pipeline,
        PipelineDetail,
        PipelineVariable,
        ProjectKey,
        ReportedTests,
    )
    from gateway.upstream.pages import Filters
    from gateway.upstream.pruning import Readers
    from gateway.upstream.scope import CallScope
    from gateway.upstream.wire import Answer, StreamedAnswer, Wire

__all__ = ["Client", "ClientConfig"]

T = TypeVar("T")

PROJECT: Final = Reader(Project)
AGENTS: Final = Reader(AllowedAgents)
USER: Final = Reader(User)
VERSION: Final = Reader(UpstreamVersion)


class Client(Writes):
    """One upstream; many operations use it at once.

    `Client(wire, config)` sends its calls through all layers that there are (`standard_chain`);
    `Client.over(chain)` through a chain that was put together for it.
    """

    def __init__(self, wire: Wire, config: ClientConfig) -> None:
        standings = Standings()
        self._begin(standard_chain(wire, config, standings=standings), standings)

    @classmethod
    def over(cls, chain: Layer, standings: Standings | None = None) -> Client:
        """A client that sends its calls through a chain of layers; it tells what the upstream
        allows a credential (`allowance`) by the standings that the chain has.
        """
        client = cls.__new__(cls)
        client._begin(chain, Standings() if standings is None else standings)  # noqa: SLF001 - a second way to make one of its own
        return client

    def _begin(self, chain: Layer, standings: Standings) -> None:
        self._chain = chain
        self._standings = standings
        self._kept = chain if isinstance(chain, Kept) else None
        self._statuses = KnownStatuses()
        # Of what is long, or cannot be read as a whole.
        self._turns = Turns()
        self.log_ranges = LogRanges()
        """Whether it sends parts of logs, and how those read last begin."""
        self.job_spans = JobSpans()
        """How near to each other the ids of its projects' jobs lie."""

    def through(self, layer: Callable[[Layer], Layer]) -> Client:
        """The same client, whose calls go through one more layer first."""
        client = copy(self)
        client._chain = layer(self._chain)  # noqa: SLF001 - of its own kind
        return client

    def allowance(self, scope: CallScope) -> Allowance:
        """What the upstream has told of its limits for this credential. Cost: 0."""
        return allowance_of(self._standings.of(scope))

    @property
    def keeps_reads(self) -> bool:
        """May one job be at hand (`job_at_hand`)?"""
        return self._kept is not None

    @property
    def shares_pace(self) -> bool:
        """Do other processes use up the same allowance, and tell of it?"""
        return self._standings.pace is not None

    async def shared_allowance(self, scope: CallScope) -> Allowance:
        """What any of those that share the pace were told. Cost: 0; a round trip to the store."""
        standing = self._standings.of(scope)
        if self._standings.pace is not None:
            await refresh(standing, self._standings.pace)
        return allowance_of(standing)

    # -- lists ---------------------------------------------------------------------------------

    async def project_jobs_page(
        self,
        scope: CallScope,
        project: ProjectKey,
        *,
        statuses: Sequence[str] = (),
        ref: str | None = None,
        per_page: int,
        cursor: KeysetCursor | None = None,
        readers: Readers = WHOLE,
    ) -> KeysetPage[Job]:
        """A page of a project's jobs, retried ones included, newest id first (upstream.md, 8.2)."""
        query = f"?pagination=keyset&per_page={per_page}"
        if cursor is not None:
            query += f"&cursor={cursor_text(cursor)}"
        if ref is not None:
            # Older upstreams pass over it.
            query += f"&ref={quote(ref, safe='')}"
        call = Call.of(scope, routes.PROJECT_JOBS, project, query=query, rows=per_page)
        answer = await self._list(call, statuses)
        if answer is None:
            return KeysetPage([], None)
        rows = await self._rows(call, answer, readers.jobs)
        return keyset_page(
            answer, rows, per_page=per_page, cursor=cursor, endpoint=call.route.endpoint
        )

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
        readers: Readers = WHOLE,
    ) -> OffsetPage[Job]:
        """A page of a pipeline's jobs, newest id first (upstream.md, 3.2)."""
        query = f"?page={page}&per_page={per_page}"
        if include_retried:
            query += "&include_retried=true"
        call = Call.of(
            scope, routes.PIPELINE_JOBS, project, pipeline_id, query=query, rows=per_page
        )
        answer = await self._list(call, statuses)
        return await self._offset_page(call, answer, readers.jobs, page, per_page)

    async def bridges_page(
        self,
        scope: CallScope,
        project: ProjectKey,
        pipeline_id: int,
        *,
        statuses: Sequence[str] = (),
        page: int = 1,
        per_page: int,
        readers: Readers = WHOLE,
    ) -> OffsetPage[Bridge]:
        """A page of a pipeline's bridges, newest id first (upstream.md, 3.3)."""
        query = f"?page={page}&per_page={per_page}"
        call = Call.of(
            scope, routes.PIPELINE_BRIDGES, project, pipeline_id, query=query, rows=per_page
        )
        answer = await self._list(call, statuses)
        return await self._offset_page(call, answer, readers.bridges, page, per_page)

    async def pipelines_page(
        self,
        scope: CallScope,
        project: ProjectKey,
        *,
        status: str | None = None,
        filters: Filters = (),
        page: int = 1,
        per_page: int,
        readers: Readers = WHOLE,
    ) -> OffsetPage[Pipeline]:
        """A page of a project's pipelines, newest id first. `filters` are names and values of the
        list's parameters, all but `status` (upstream.md, 3.8).
        """
        query = f"?page={page}&per_page={per_page}"
        for name, value in filters:
            query += f"&{name}={quote(value, safe='')}"
        call = Call.of(scope, routes.PROJECT_PIPELINES, project, query=query, rows=per_page)
        answer = await self._list(call, () if status is None else (status,), "status")
        return await self._offset_page(call, answer, readers.pipelines, page, per_page)

    # -- single reads --------------------------------------------------------------------------

    async def job(
        self, scope: CallScope, project: ProjectKey, job_id: int, *, readers: Readers = WHOLE
    ) -> Job:
        """One job; a bridge's id is `NotFound` here (upstream.md, 3.4)."""
        return await self._one(_call_of_job(scope, project, job_id, readers), readers.jobs)

    def job_at_hand(
        self, scope: CallScope, project: ProjectKey, job_id: int, *, readers: Readers = WHOLE
    ) -> Job | None:
        """One job that is kept and can be had without waiting."""
        if self._kept is None:
            return None
        call = _call_of_job(scope, project, job_id, readers)
        answer = self._kept.at_hand(call)
        if answer is None:
            return None
        job = readers.jobs.one(answer, project)
        if job is None:
            # `job` will be asked for it, and counts it.
            scope.tally.cached -= 1
        return job

    async def pipeline(
        self, scope: CallScope, project: ProjectKey, pipeline_id: int, *, readers: Readers = WHOLE
    ) -> PipelineDetail:
        """One pipeline in its long form (upstream.md, 5.4)."""
        call = Call.of(scope, routes.PIPELINE, project, pipeline_id)
        return await self._one(call, readers.details)

    async def latest_pipeline(
        self,
        scope: CallScope,
        project: ProjectKey,
        *,
        ref: str | None = None,
        readers: Readers = WHOLE,
    ) -> PipelineDetail:
        """The newest pipeline of a branch or tag, by default of the default branch; `Forbidden`
        where there is none (upstream.md, 3.8).
        """
        query = "" if ref is None else f"?ref={quote(ref, safe='')}"
        call = Call.of(scope, routes.LATEST_PIPELINE, project, query=query)
        return await self._one(call, readers.details)

    async def pipeline_variables(
        self, scope: CallScope, project: ProjectKey, pipeline_id: int, *, readers: Readers = WHOLE
    ) -> list[PipelineVariable | UpstreamInvalid]:
        """The variables that a pipeline was started with; `Forbidden` but for maintainers and who
        started it (upstream.md, 3.8).
        """
        call = Call.of(scope, routes.PIPELINE_VARIABLES, project, pipeline_id)
        return await self._rows(call, await self._chain.send(call), readers.variables)

    async def test_report_summary(
        self, scope: CallScope, project: ProjectKey, pipeline_id: int, *, readers: Readers = WHOLE
    ) -> ReportedTests:
        """The tests that a pipeline's jobs reported, counted (upstream.md, 3.8)."""
        call = Call.of(scope, routes.TEST_REPORT_SUMMARY, project, pipeline_id)
        tests = await self._one(call, readers.tests)
        note_pipeline_of_suites(tests, (project, pipeline_id))
        return tests

    async def project(self, scope: CallScope, project: ProjectKey) -> Project:
        """One project."""
        return await self._one(Call.of(scope, routes.PROJECT, project), PROJECT)

    async def commit(
        self, scope: CallScope, project: ProjectKey, sha: str, *, readers: Readers = WHOLE
    ) -> Commit:
        """One commit, by hash, branch or tag."""
        return await self._one(Call.of(scope, routes.COMMIT, project, sha), readers.commits)

    async def current_job(self, scope: CallScope, *, readers: Readers = WHOLE) -> Job:
        """The job of the presented job token (upstream.md, 3.6)."""
        return await self._one(Call.of(scope, routes.CURRENT_JOB), readers.jobs)

    async def allowed_agents(self, scope: CallScope) -> AllowedAgents:
        """The agents that the presented job token may use (upstream.md, 3.7)."""
        return await self._one(Call.of(scope, routes.ALLOWED_AGENTS), AGENTS)

    async def current_user(self, scope: CallScope) -> User:
        """The user whose credential it is; `Unauthenticated` for job tokens (upstream.md, 3.8)."""
        return await self._one(Call.of(scope, routes.CURRENT_USER), USER)

    async def version(self, scope: CallScope) -> UpstreamVersion:
        """The upstream's version (upstream.md, 3.8)."""
        return await self._one(Call.of(scope, routes.VERSION), VERSION)

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
        """A job's log as a stream. Servers that know no slices send it whole (upstream.md, 3.5).

        Raises `UpstreamInvalid` for a page or a document in its place, and for a part that was not
        asked for.
        """
        given = {"byte_offset": byte_offset, "byte_limit": byte_limit}
        query = "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
        async with AsyncExitStack() as stack:
            answer = await self._chain.send(
                Call.of(
                    scope,
                    routes.TRACE,
                    project,
                    job_id,
                    query=f"?{query}" if query else "",
                    stack=stack,
                )
            )
            check_is_log(answer, routes.TRACE.endpoint, byte_offset or 0, byte_limit)
            yield cast("OpenAnswer", answer).stream

    # -- how -----------------------------------------------------------------------------------

    async def _one(self, call: Call, reader: Reader[T]) -> T:
        answer = await self._chain.send(call)
        one = reader.one(answer, call.project)
        if one is None:
            endpoint = call.route.endpoint
            steps = reader.one_in_steps(answer, endpoint=endpoint, project=call.project)
            one = await self._in_turns(steps, call)
        return one

    async def _rows(
        self, call: Call, answer: Answer, reader: Reader[T]
    ) -> list[T | UpstreamInvalid]:
        rows = reader.many(answer, call.project)
        if rows is None:
            endpoint = call.route.endpoint
            steps = reader.many_in_steps(answer, endpoint=endpoint, project=call.project)
            rows = await self._in_turns(steps, call)
        return rows

    async def _offset_page(
        self, call: Call, answer: Answer | None, reader: Reader[T], page: int, per_page: int
    ) -> OffsetPage[T]:
        if answer is None:
            return OffsetPage([], None, 0)
        rows = await self._rows(call, answer, reader)
        endpoint = call.route.endpoint
        return offset_page(answer, rows, page=page, per_page=per_page, endpoint=endpoint)

    async def _list(
        self, call: Call, statuses: Sequence[str], parameter: str = "scope[]"
    ) -> Answer | None:
        """A page's answer; None where the upstream knows none of the statuses asked for."""
        if not statuses:
            return await self._chain.send(call)
        name = quote(parameter)

        async def read(asked: tuple[str, ...]) -> Answer:
            query = "".join([f"&{name}={quote(status, safe='')}" for status in asked])
            return await self._chain.send(msgspec.structs.replace(call, target=call.target + query))

        return await self._statuses.read(statuses, read)


def _call_of_job(scope: CallScope, project: ProjectKey, job_id: int, readers: Readers) -> Call:
    # A finished job's pipeline may run again.
    max_age_s = MOVING_S if readers.show_pipelines_of_jobs else math.inf
    return Call.of(scope, routes.JOB, project, job_id, max_age_s=max_age_s)
