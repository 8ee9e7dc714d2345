"""Bridges, pipelines, commits, artifacts and projects by key."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeAlias

from gateway.errors import NotFound, UpstreamInvalid
from gateway.loaders.flight import Loader, outcomes
from gateway.loaders.fold import Fold
from gateway.upstream.entities import (
    Artifact,
    Bridge,
    Commit,
    PipelineDetail,
    ProjectDetail,
    ProjectKey,
)
from gateway.upstream.pages import MAX_PER_PAGE
from gateway.upstream.pruning import WHOLE
from gateway.upstream.routes import PIPELINE_BRIDGES

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from gateway.loaders.flight import Flight
    from gateway.loaders.jobs import JobLoader
    from gateway.loaders.seen import Seen
    from gateway.upstream.client import Client
    from gateway.upstream.pruning import Readers
    from gateway.upstream.scope import CallScope

__all__ = ["ArtifactLoader", "BridgeLoader", "CommitLoader", "PipelineLoader", "ProjectLoader"]

# Project, pipeline, bridge.
BridgeKey: TypeAlias = tuple[ProjectKey, int, int]


class BridgeLoader(Loader[BridgeKey, Bridge]):
    """Bridges by project, pipeline and id. No endpoint gives a single one.

    Cost: the pipeline's bridges, a page of 100 a call, up to the last one that is wanted.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        client: Client,
        scope: CallScope,
        seen: Seen,
        readers: Readers = WHOLE,
    ) -> None:
        super().__init__(loop)
        self.client = client
        self.readers = readers
        self.scope = scope
        self.seen = seen

    def known(self, key: BridgeKey) -> Bridge | None:
        return self.seen.bridge(key[0], key[2])

    def plan(self, wanted: dict[BridgeKey, Flight[Bridge]]) -> dict[BridgeKey, Flight[Bridge]]:
        by_pipeline: dict[tuple[ProjectKey, int], dict[int, Flight[Bridge]]] = defaultdict(dict)
        for (project, pipeline_id, bridge_id), flight in wanted.items():
            by_pipeline[project, pipeline_id][bridge_id] = flight
        for pipeline, flights in by_pipeline.items():
            _BridgeFold(self, *pipeline, flights)
        return {}


class _BridgeFold(Fold[Bridge]):
    """Bridges of one pipeline."""

    def __init__(
        self,
        loader: BridgeLoader,
        project: ProjectKey,
        pipeline_id: int,
        flights: dict[int, Flight[Bridge]],
    ) -> None:
        self._client = loader.client
        self._readers = loader.readers
        self._pipeline_id = pipeline_id
        self._unreadable: UpstreamInvalid | None = None
        super().__init__(loader.loop, loader.scope, loader.seen, project, flights)

    async def read_pages(self) -> None:
        number: int | None = 1
        while number is not None and self.missing():
            page = await self.take(
                self._client.bridges_page(
                    self.scope,
                    self.project,
                    self._pipeline_id,
                    page=number,
                    per_page=MAX_PER_PAGE,
                    readers=self._readers,
                )
            )
            for row in page.items:
                if isinstance(row, UpstreamInvalid):
                    self._unreadable = row
            number = page.next_page

    def settle(self, row_id: int, flight: Flight[Bridge], failure: Exception | None) -> int:
        # A row that cannot be read may be the one.
        flight.set_exception(failure or self._unreadable or self._not_found(row_id))
        return 0

    def _not_found(self, bridge_id: int) -> NotFound:
        return NotFound(
            f"bridge {bridge_id}: not among the latest bridges of pipeline {self._pipeline_id}",
            endpoint=PIPELINE_BRIDGES.endpoint,
        )


class PipelineLoader(Loader[tuple[ProjectKey, int], PipelineDetail]):
    """Pipelines in their long form, by project and id. Cost: 1 call each."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        client: Client,
        scope: CallScope,
        readers: Readers = WHOLE,
    ) -> None:
        super().__init__(loop)
        self._client = client
        self._readers = readers
        self._scope = scope

    async def read(self, key: tuple[ProjectKey, int]) -> PipelineDetail:
        return await self._client.pipeline(self._scope, *key, readers=self._readers)


class CommitLoader(Loader[tuple[ProjectKey, str], Commit | None]):
    """Commits by project and hash; None for those that are gone, as beside their jobs. Cost: 1 call
    each; 0 where a job of the commit was read, or is in a list of its pipeline that is on its way:
    `lists_of(project, pipeline_id)` gives those.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        client: Client,
        scope: CallScope,
        seen: Seen,
        lists_of: Callable[[ProjectKey, int], list[Flight[Any]]],
        readers: Readers = WHOLE,
    ) -> None:
        super().__init__(loop)
        # The pipelines that ran for a commit, as far as it was asked for.
        self.pipeline_ids: defaultdict[tuple[ProjectKey, str], set[int]] = defaultdict(set)
        self._lists_of = lists_of
        self._client = client
        self._readers = readers
        self._scope = scope
        self._seen = seen

    def known(self, key: tuple[ProjectKey, str]) -> Commit | None:
        return self._seen.commit(*key)

    async def read(self, key: tuple[ProjectKey, str]) -> Commit | None:
        for pipeline_id in sorted(self.pipeline_ids[key]):
            if lists := self._lists_of(key[0], pipeline_id):
                # One that fails is told in its own place.
                await outcomes(lists)
                if (known := self.known(key)) is not None:
                    return known
        try:
            return await self._client.commit(self._scope, *key, readers=self._readers)
        except NotFound:
            return None


class ArtifactLoader(Loader[tuple[ProjectKey, int], list[Artifact] | None]):
    """Artifacts of jobs whose own answer left them out, by project and job. Cost: 1 call a job;
    None where that leaves them out, too.
    """

    def __init__(self, loop: AbstractEventLoop, jobs: JobLoader) -> None:
        super().__init__(loop)
        self._jobs = jobs

    async def read(self, key: tuple[ProjectKey, int]) -> list[Artifact] | None:
        return (await self._jobs.load(key)).artifacts


class ProjectLoader(Loader[ProjectKey, ProjectDetail]):
    """Projects by number or path. Cost: 1 call each."""

    def __init__(self, loop: AbstractEventLoop, client: Client, scope: CallScope) -> None:
        super().__init__(loop)
        self._client = client
        self._scope = scope

    async def read(self, key: ProjectKey) -> ProjectDetail:
        project = await self._client.project(self._scope, key)
        return ProjectDetail(
            number=project.id,
            path=project.path_with_namespace,
            ci_job_token_scope_enabled=project.ci_job_token_scope_enabled,
            page_url=project.web_url,
            name=project.name,
            default_branch=project.default_branch,
        )
