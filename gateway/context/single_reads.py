"""What one operation reads of the upstream, thing by thing.

Everything is made when it is first used. Methods give futures (`Flight`s); equal reads are one
read, and what a list has shown is not read again.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

import msgspec

from gateway.loaders.flight import Flight, launch
from gateway.loaders.items import (
    ArtifactLoader,
    BridgeLoader,
    CommitLoader,
    PipelineLoader,
    ProjectLoader,
)
from gateway.loaders.jobs import JobLoader
from gateway.loaders.logs import LogReader
from gateway.loaders.seen import Seen
from gateway.loaders.whole import MAX_LIST_ROWS
from gateway.turns import Turns
from gateway.upstream.entities import (
    UNTOLD,
    Bridge,
    Job,
    Pipeline,
    ProjectHandle,
    UpstreamHandle,
)
from gateway.upstream.logs import format_steps
from gateway.upstream.paging import (
    MAX_SIZE,
)
from gateway.upstream.pruning import WHOLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from gateway.errors import UpstreamInvalid
    from gateway.loaders.whole import PipelineLists
    from gateway.upstream.calls.allowance import Allowance
    from gateway.upstream.client import Client
    from gateway.upstream.entities import (
        AllowedAgents,
        Artifact,
        Commit,
        PipelineDetail,
        PipelineHandle,
        PipelineVariable,
        ProjectDetail,
        ProjectKey,
        ReportedTests,
        UpstreamVersion,
        User,
    )
    from gateway.upstream.logs import LogFormat, LogPiece
    from gateway.upstream.pruning import Readers
    from gateway.upstream.scope import CallScope, Tally
    from gateway.upstream.web_urls import WebUrls
    from gateway.watch import Live

__all__ = ["SingleReads"]

T = TypeVar("T")


class SingleReads:
    """The single things that one operation reads; `Reads` adds lists."""

    __slots__ = (
        "_artifacts",
        "_bridges",
        "_commits",
        "_jobs",
        "_live",
        "_loop",
        "_pipelines",
        "_projects",
        "_reads",
        "_seen",
        "_turns",
        "_whole",
        "client",
        "cost",
        "max_cost",
        "max_list_rows",
        "max_page_size",
        "readers",
        "scope",
        "urls",
    )

    def __init__(  # noqa: PLR0913 - one engine makes it, and names each
        self,
        client: Client,
        scope: CallScope,
        urls: WebUrls,
        *,
        costs: tuple[int, int] = (0, 0),
        max_page_size: int = MAX_SIZE,
        max_list_rows: int = MAX_LIST_ROWS,
        readers: Readers = WHOLE,
        turns: Turns | None = None,
        live: Live | None = None,
    ) -> None:
        self.client = client
        # Upstream calls that the operation may need, and the most that one may.
        self.cost, self.max_cost = costs
        self._turns = turns or Turns()
        self._live = live
        self.max_page_size = max_page_size
        self.max_list_rows = max_list_rows
        self.readers = readers
        self.scope = scope
        self.urls = urls
        self._loop = asyncio.get_running_loop()
        self._projects: ProjectLoader | None = None
        self._forget()

    def _forget(self) -> None:
        """Forget all that a write may have changed. Reads under way go on for those who wait for
        them; nobody else is given what they bring.
        """
        self._seen = Seen()
        self._jobs: JobLoader | None = None
        self._bridges: BridgeLoader | None = None
        self._pipelines: PipelineLoader | None = None
        self._commits: CommitLoader | None = None
        self._artifacts: ArtifactLoader | None = None
        # Listings, log readers and what the job token stands for, by what was asked.
        self._reads: dict[object, Any] = {}
        # Lists that `Reads` reads whole, by pipeline.
        self._whole: dict[int, list[PipelineLists]] = {}

    @property
    def tally(self) -> Tally:
        """The upstream calls so far."""
        return self.scope.tally

    @property
    def live(self) -> Live:
        """What is watched, for all callers."""
        assert self._live is not None  # noqa: S101 - who makes contexts for subscriptions gives it
        return self._live

    def format(self, piece: LogPiece, form: LogFormat) -> Awaitable[str]:
        """The text of a piece of a log, in steps. Cost: 0."""
        return self._turns.run(format_steps(piece, form))

    def job(self, project: ProjectKey, job_id: int, pipeline_id: int | None = None) -> Flight[Job]:
        """One job. Cost: at most 1 call; jobs that are asked for at once share list calls."""
        jobs = self._job_loader()
        if pipeline_id is not None:
            jobs.pipeline_ids[project, job_id] = pipeline_id
        return jobs.load((project, job_id))

    def bridge(self, project: ProjectKey, pipeline_id: int, bridge_id: int) -> Flight[Bridge]:
        """One bridge. Cost: 1 call a page of 100 of the pipeline's bridges, shared by all of
        them.
        """
        if self._bridges is None:
            self._bridges = BridgeLoader(
                self._loop, self.client, self.scope, self._seen, self.readers
            )
        return self._bridges.load((project, pipeline_id, bridge_id))

    def pipeline(self, project: ProjectKey, pipeline_id: int) -> Flight[PipelineDetail]:
        """One pipeline in its long form. Cost: 1 call."""
        if self._pipelines is None:
            self._pipelines = PipelineLoader(self._loop, self.client, self.scope, self.readers)
        return self._pipelines.load((project, pipeline_id))

    def project(self, key: ProjectKey) -> Flight[ProjectDetail]:
        """One project with all that is known of it. Cost: 1 call."""
        if self._projects is None:
            self._projects = ProjectLoader(self._loop, self.client, self.scope)
        return self._projects.load(key)

    def commit(
        self, project: ProjectKey, sha: str, pipeline_id: int | None = None
    ) -> Flight[Commit | None]:
        """One commit; None if it is gone. Cost: 1 call; 0 where a job of it was read, or is being
        read in a list of the jobs or bridges of this pipeline, which ran for it.
        """
        if self._commits is None:
            self._commits = CommitLoader(
                self._loop, self.client, self.scope, self._seen, self._lists_of, self.readers
            )
        if pipeline_id is not None:
            self._commits.pipeline_ids[project, sha].add(pipeline_id)
        return self._commits.load((project, sha))

    def artifacts(self, job: Job) -> Flight[list[Artifact] | None]:
        """The artifacts of a job whose own answer left them out. Cost: 1 call."""
        if self._artifacts is None:
            self._artifacts = ArtifactLoader(self._loop, self._job_loader())
        pipeline = job.pipeline
        return self._artifacts.load(
            ((job.asked_project or UNTOLD) if pipeline is None else pipeline.project, job.id)
        )

    @overload
    def hydrate(self, entity: PipelineHandle | Pipeline) -> Flight[PipelineDetail]: ...
    @overload
    def hydrate(self, entity: ProjectHandle) -> Flight[ProjectHandle]: ...
    @overload
    def hydrate(self, entity: UpstreamHandle) -> Flight[UpstreamVersion]: ...
    def hydrate(
        self, entity: PipelineHandle | Pipeline | ProjectHandle | UpstreamHandle
    ) -> Flight[Any]:
        """The same thing with all that is known of it. Cost: 1 call; 0 for the number of a project
        of which a job was read.
        """
        if isinstance(entity, UpstreamHandle):
            return self.version()
        if not isinstance(entity, ProjectHandle):
            return self.pipeline(entity.project, entity.id)
        number = self._seen.number(entity.key)
        if number is None:
            return self.project(entity.key)
        known: Flight[ProjectHandle] = Flight(loop=self._loop)
        known.set_result(msgspec.structs.replace(entity, number=number, path=None))
        return known

    def log(self, project: ProjectKey, job_id: int) -> LogReader:
        """The log of a job. Cost: 1 call for all that is asked of it at once."""
        key = ("log", project, job_id)
        reader = self._reads.get(key)
        if reader is None:
            reader = LogReader(self._loop, self.client, self.scope, project, job_id, self._turns)
            self._reads[key] = reader
        return reader

    def current_job(self) -> Flight[Job]:
        """The job of the presented job token. Cost: 1 call."""
        return self._shared("current_job", self._read_current_job)

    def allowed_agents(self) -> Flight[AllowedAgents]:
        """The agents that the presented job token may use. Cost: 1 call."""
        return self._shared("allowed_agents", self.client.allowed_agents, self.scope)

    def current_user(self) -> Flight[User]:
        """The user whose credential is presented. Cost: 1 call."""
        return self._shared("current_user", self.client.current_user, self.scope)

    def version(self) -> Flight[UpstreamVersion]:
        """The upstream's version. Cost: 1 call."""
        return self._shared("version", self.client.version, self.scope)

    def allowance(self) -> Allowance | Flight[Allowance]:
        """What the upstream has told of its limits for this credential. Cost: 0."""
        if self.client.shares_pace:
            return self._shared("allowance", self.client.shared_allowance, self.scope)
        return self.client.allowance(self.scope)

    def latest_pipeline(self, project: ProjectKey, ref: str | None) -> Flight[PipelineDetail]:
        """The newest pipeline of a branch or tag, by default of the default branch. Cost: 1
        call.
        """

        async def read() -> PipelineDetail:
            return await self.client.latest_pipeline(
                self.scope, project, ref=ref, readers=self.readers
            )

        return self._shared(("latest pipeline", project, ref), read)

    def pipeline_variables(
        self, project: ProjectKey, pipeline_id: int
    ) -> Flight[list[PipelineVariable | UpstreamInvalid]]:
        """The variables that a pipeline was started with. Cost: 1 call."""
        key = ("variables", project, pipeline_id)
        read = partial(self.client.pipeline_variables, readers=self.readers)
        return self._shared(key, read, self.scope, project, pipeline_id)

    def tests(self, project: ProjectKey, pipeline_id: int) -> Flight[ReportedTests]:
        """The tests that a pipeline's jobs reported. Cost: 1 call."""
        key = ("tests", project, pipeline_id)
        read = partial(self.client.test_report_summary, readers=self.readers)
        return self._shared(key, read, self.scope, project, pipeline_id)

    def _job_loader(self) -> JobLoader:
        if self._jobs is None:
            self._jobs = JobLoader(self._loop, self.client, self.scope, self._seen, self.readers)
        return self._jobs

    def _shared(
        self, key: object, read: Callable[..., Coroutine[Any, Any, T]], *asked: object
    ) -> Flight[T]:
        flight: Flight[T] | None = self._reads.get(key)
        if flight is None or flight.cancelled():
            flight = self._reads[key] = launch(self._loop, read(*asked))
        return flight

    async def _read_current_job(self) -> Job:
        seen = self._seen
        job = await self.client.current_job(self.scope, readers=self.readers)
        if job.pipeline is not None:
            seen.add(job.pipeline.project, (job,))
        return job

    def _lists_of(self, project: ProjectKey, pipeline_id: int) -> list[Flight[Any]]:
        """The lists of a pipeline's jobs and bridges that are on their way."""
        raise NotImplementedError
