"""The context of one operation: all that its resolvers ask of the upstream goes through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from gateway.context.reads import Reads
from gateway.errors import OutcomeUnknown
from gateway.upstream.entities import Bridge, Job, UntoldItem
from gateway.upstream.written import item_of, job_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from gateway.upstream.entities import Item, PipelineDetail, ProjectKey

__all__ = ["Context"]

W = TypeVar("W", bound=Job | Bridge)


class Context(Reads):
    """What one operation reads and writes. Writes are coroutines; each one makes the operation
    forget what it has read, so that it reads its own writes.
    """

    __slots__ = ()

    async def cancel(self, project: ProjectKey, job_id: int, *, force: bool = False) -> Job:
        """Cancel a job. Cost: 1 call."""
        return await self._write(
            project, job_id, self.client.cancel(self.scope, project, job_id, force=force)
        )

    async def retry(
        self,
        project: ProjectKey,
        job_id: int,
        *,
        is_bridge: bool | None = None,
        inputs: dict[str, Any] | None = None,
    ) -> Item:
        """Run a job or bridge again; the new one. Cost: 1 call.

        The upstream answers both in the shape of a job: `is_bridge` says which it is, where that is
        known. Where nothing tells, the new one is an `UntoldItem`: a single read finds no bridges,
        and so tells.
        """
        if is_bridge is None:
            if self._seen.bridge(project, job_id) is not None:
                is_bridge = True
            elif self._seen.job(project, job_id) is not None:
                is_bridge = False
        write = self.client.retry(self.scope, project, job_id, inputs=inputs)
        answer = await self._write(project, job_id, write)
        if is_bridge is False:
            return job_of(answer) if isinstance(answer, UntoldItem) else answer
        return item_of(answer, is_bridge=is_bridge is True)

    async def erase(self, project: ProjectKey, job_id: int) -> Job:
        """Delete a job's log and artifacts. Cost: 1 call."""
        return await self._write(project, job_id, self.client.erase(self.scope, project, job_id))

    async def play(
        self,
        project: ProjectKey,
        job_id: int,
        *,
        variables: Sequence[tuple[str, str]] = (),
        inputs: dict[str, Any] | None = None,
    ) -> Item:
        """Start a manual or delayed job or bridge. Cost: 1 call."""
        write = self.client.play(self.scope, project, job_id, variables=variables, inputs=inputs)
        return await self._write(project, job_id, write)

    async def retry_pipeline(self, project: ProjectKey, pipeline_id: int) -> PipelineDetail:
        """Run what failed or was canceled of a pipeline again. Cost: 1 call."""
        write = self.client.retry_pipeline(self.scope, project, pipeline_id)
        return await self._write_pipeline(pipeline_id, write)

    async def cancel_pipeline(self, project: ProjectKey, pipeline_id: int) -> PipelineDetail:
        """Cancel what has not finished of a pipeline. Cost: 1 call."""
        write = self.client.cancel_pipeline(self.scope, project, pipeline_id)
        return await self._write_pipeline(pipeline_id, write)

    async def _write_pipeline(
        self, pipeline_id: int, write: Awaitable[PipelineDetail]
    ) -> PipelineDetail:
        """Write, and forget all that was read before. Whoever watches the pipeline is told."""
        try:
            pipeline = await write
        except OutcomeUnknown:
            self._wake(pipeline_id)
            raise
        finally:
            self._forget()
        self._wake(pipeline_id)
        return pipeline

    async def _write(self, project: ProjectKey, job_id: int, write: Awaitable[W]) -> W:
        """Write, and forget all that was read before. The answer is remembered where it holds
        everything: an old upstream may leave out the pipeline or the artifacts of a job. Whoever
        watches what was written on is told at once.
        """
        try:
            item = await write
        except OutcomeUnknown:
            self._wake(None, job_id)
            raise
        finally:
            self._forget()
        self._wake(None if item.pipeline is None else item.pipeline.id, job_id, item.id)
        if isinstance(item, UntoldItem):
            return item
        if item.pipeline is not None and (isinstance(item, Bridge) or item.artifacts is not None):
            self._seen.add(project, (item,))
        return item

    def _wake(self, pipeline_id: int | None, *job_ids: int) -> None:
        if self._live is not None:
            self._live.wake(pipeline_id=pipeline_id, job_ids=job_ids, at_once=True)
