"""The context of one operation: all that its resolvers ask of the upstream goes through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from gateway.context.reads import Reads
from gateway.upstream.entities import Bridge, Job, UntoldItem
from gateway.upstream.written import item_of, job_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from gateway.upstream.entities import Item, ProjectKey

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
            project, self.client.cancel(self.scope, project, job_id, force=force)
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
        answer = await self._write(project, write)
        if is_bridge is False:
            return job_of(answer) if isinstance(answer, UntoldItem) else answer
        return item_of(answer, is_bridge=is_bridge is True)

    async def erase(self, project: ProjectKey, job_id: int) -> Job:
        """Delete a job's log and artifacts. Cost: 1 call."""
        return await self._write(project, self.client.erase(self.scope, project, job_id))

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
        return await self._write(project, write)

    async def _write(self, project: ProjectKey, write: Awaitable[W]) -> W:
        """Write, and forget all that was read before. The answer is remembered where it holds
        everything: an old upstream may leave out the pipeline or the artifacts of a job.
        """
        try:
            item = await write
        finally:
            self._forget()
        if isinstance(item, UntoldItem):
            return item
        if item.pipeline is not None and (isinstance(item, Bridge) or item.artifacts is not None):
            self._seen.add(project, (item,))
        return item
