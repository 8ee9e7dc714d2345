"""What the client writes. An answer to a write is always decoded whole."""

from __future__ import annotations

from asyncio import timeout_at
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

import gateway.upstream.routes as routes
from gateway.eager import own_task
from gateway.errors import DeadlineExceeded
from gateway.upstream.answers import unreadable_write
from gateway.upstream.calls import Call
from gateway.upstream.pruning import WHOLE
from gateway.upstream.written import read_played, read_retried, read_written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.turns import Turns
    from gateway.upstream.calls import Layer
    from gateway.upstream.entities import (
        Item,
        Job,
        PipelineDetail,
        ProjectKey,
    )
    from gateway.upstream.routes import Route
    from gateway.upstream.scope import CallScope
    from gateway.upstream.taking_apart import Steps
    from gateway.upstream.wire import Answer

__all__ = ["Writes"]

T = TypeVar("T")

NOT_READ: Final = (
    "the upstream's answer was not read in time, since it is long or cannot be read as a whole;"
    " try again, or ask for less at once"
)

_encode = msgspec.json.Encoder().encode


class Writes:
    """The writes of a client, which is made with the layers that its calls go through."""

    _chain: Layer
    _turns: Turns

    async def cancel(
        self, scope: CallScope, project: ProjectKey, job_id: int, *, force: bool = False
    ) -> Job:
        """Cancel; the job as it is now, also where there was nothing to cancel (upstream.md,
        4.1).
        """
        body = {"force": True} if force else {}
        return await self._act(scope, routes.CANCEL, project, job_id, body)

    async def retry(
        self,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        *,
        inputs: Mapping[str, Any] | None = None,
    ) -> Job:
        """Retry; the new job. A bridge is answered in the job's shape (upstream.md, 4.2), so where
        the answer fits both it is an `UntoldItem`; `written.item_of` makes it either.
        """
        # The code reads `inputs`, the documentation says `job_inputs`; the other one is ignored.
        body = {"inputs": inputs, "job_inputs": inputs} if inputs else {}
        call = _write(scope, routes.RETRY, project, job_id, body)
        answer = await self._chain.send(call)
        return await self._written(call, answer, read_retried(call, answer, WHOLE.jobs))

    async def erase(self, scope: CallScope, project: ProjectKey, job_id: int) -> Job:
        """Erase log and artifacts; the job as it is now (upstream.md, 4.3)."""
        return await self._act(scope, routes.ERASE, project, job_id, {})

    async def play(
        self,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        *,
        variables: Sequence[tuple[str, str]] = (),
        inputs: Mapping[str, Any] | None = None,
    ) -> Item:
        """Play a manual or delayed job or bridge, which is answered in its own shape
        (upstream.md, 4.4).
        """
        body: dict[str, Any] = {}
        if variables:
            pairs = [{"key": key, "value": value} for key, value in variables]
            body["job_variables_attributes"] = pairs
        if inputs:
            body["job_inputs"] = inputs
        call = _write(scope, routes.PLAY, project, job_id, body)
        answer = await self._chain.send(call)
        steps = read_played(call, answer, WHOLE.jobs, WHOLE.bridges)
        return await self._written(call, answer, steps)

    async def retry_pipeline(
        self, scope: CallScope, project: ProjectKey, pipeline_id: int
    ) -> PipelineDetail:
        """Run what failed or was canceled again; the pipeline as it is now (upstream.md, 3.8)."""
        return await self._act_on_pipeline(scope, routes.PIPELINE_RETRY, project, pipeline_id)

    async def cancel_pipeline(
        self, scope: CallScope, project: ProjectKey, pipeline_id: int
    ) -> PipelineDetail:
        """Cancel what has not finished; the pipeline as it is now, also where there was nothing to
        cancel (upstream.md, 3.8).
        """
        return await self._act_on_pipeline(scope, routes.PIPELINE_CANCEL, project, pipeline_id)

    async def _act(
        self,
        scope: CallScope,
        route: Route,
        project: ProjectKey,
        job_id: int,
        body: dict[str, Any],
    ) -> Job:
        call = _write(scope, route, project, job_id, body)
        answer = await self._chain.send(call)
        return await self._written(call, answer, read_written(call, answer, WHOLE.jobs))

    async def _act_on_pipeline(
        self, scope: CallScope, route: Route, project: ProjectKey, pipeline_id: int
    ) -> PipelineDetail:
        call = _write(scope, route, project, pipeline_id, {})
        answer = await self._chain.send(call)
        return await self._written(call, answer, read_written(call, answer, WHOLE.details))

    async def _written(self, call: Call, answer: Answer, steps: Steps[T]) -> T:
        """What a write answered."""
        try:
            return await self._in_turns(steps, call)
        except DeadlineExceeded:
            raise unreadable_write(answer, call.route.endpoint) from None

    async def _in_turns(self, steps: Steps[T], call: Call) -> T:
        """What the reading of a long or faulty answer gives."""
        # Where the answer was kept nothing was waited for.
        await own_task()
        try:
            async with timeout_at(call.scope.deadline):
                return await self._turns.run(steps)
        except TimeoutError:
            raise DeadlineExceeded(NOT_READ) from None


def _write(
    scope: CallScope, route: Route, project: ProjectKey, job_id: int, body: dict[str, Any]
) -> Call:
    return Call.of(scope, route, project, job_id, body=_encode(body) if body else None)
