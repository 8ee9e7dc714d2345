"""Actions on a pipeline: run again what failed, stop what has not finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import strawberry
from msgspec import Struct
from strawberry import UNSET

from gateway.errors import BadInput, NotFound, UpstreamError, UpstreamInvalid, UpstreamRefused
from gateway.schema.action_errors import (
    ActionError,
    JobActionError,
    JobActionErrorCode,
    action_error_for,
    status_changed,
)
from gateway.schema.enums import Status, status_of
from gateway.schema.fields import Cost, Gives, Info, edge, plain
from gateway.schema.inputs import IF_STATUS, PipelineRef, Target, pipeline_target
from gateway.schema.noted import noted
from gateway.schema.pipeline import Pipeline
from gateway.upstream import entities
from gateway.upstream.entities import Known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.context import Context

__all__ = ["PIPELINE_WRITE", "pipeline_cancel", "pipeline_retry"]


@strawberry.input(description="Which pipeline to retry.")
class PipelineRetryInput:
    pipeline: PipelineRef = strawberry.field(description="The pipeline.")
    if_status: list[Status] | None = strawberry.field(default=UNSET, description=IF_STATUS)


@strawberry.input(description="Which pipeline to cancel.")
class PipelineCancelInput:
    pipeline: PipelineRef = strawberry.field(description="The pipeline.")
    if_status: list[Status] | None = strawberry.field(default=UNSET, description=IF_STATUS)


class PipelineResult(Struct, frozen=True):
    """The source of a payload: the pipeline that the upstream answered, or why nothing was done."""

    target: Target
    pipeline: entities.PipelineDetail | None = None
    errors: list[ActionError] = []
    # It was carried out, but the upstream's answer could not be read.
    unread: UpstreamInvalid | None = None

    @property
    def item(self) -> None:
        """No job: what is made of a pipeline is no new one."""


Source: TypeAlias = strawberry.Parent[PipelineResult]
NOW = "The pipeline as it is now, also when refused. Cost: 0; 1 call when refused."


async def pipeline_now(result: PipelineResult, info: Info) -> entities.PipelineDetail | None:
    if result.pipeline is not None:
        return result.pipeline
    if any(error.code is JobActionErrorCode.NOT_FOUND for error in result.errors):
        return None
    try:
        return await info.context.pipeline(result.target.project, result.target.number)
    except NotFound:
        return None


@strawberry.type(description="What pipelineRetry came to.")
class PipelineRetryPayload:
    user_errors: list[JobActionError] = plain("errors", "Why nothing was done; empty where it was.")

    @edge(NOW, cost=Cost(calls=1, known=Known.LONG))
    async def pipeline(parent: Source, info: Info) -> Gives[Pipeline | None]:
        return await pipeline_now(parent, info)


@strawberry.type(description="What pipelineCancel came to.")
class PipelineCancelPayload:
    user_errors: list[JobActionError] = plain("errors", "Why nothing was done; empty where it was.")

    @edge(NOW, cost=Cost(calls=1, known=Known.LONG))
    async def pipeline(parent: Source, info: Info) -> Gives[Pipeline | None]:
        return await pipeline_now(parent, info)


def write_calls(arguments: Mapping[str, Any]) -> int:
    """The write, and the read before it that `ifStatus` asks for."""
    return 2 if arguments["input"].if_status else 1


PIPELINE_WRITE: Final = Cost(calls=write_calls)


async def pipeline_retry(
    parent: strawberry.Parent[None],  # noqa: ARG001 - resolvers of edges have one
    info: Info,
    input: Annotated[PipelineRetryInput, strawberry.argument(description="Which pipeline.")],
) -> Gives[PipelineRetryPayload | None]:
    return await act_on_pipeline(info.context, "retry", input.pipeline, input.if_status)


async def pipeline_cancel(
    parent: strawberry.Parent[None],  # noqa: ARG001 - resolvers of edges have one
    info: Info,
    input: Annotated[PipelineCancelInput, strawberry.argument(description="Which pipeline.")],
) -> Gives[PipelineCancelPayload | None]:
    return await act_on_pipeline(info.context, "cancel", input.pipeline, input.if_status)


async def act_on_pipeline(
    context: Context, action: str, ref: PipelineRef, if_status: list[Status] | None
) -> PipelineResult:
    """Check `if_status`, then write. Raises an upstream's failure that is no `ActionError`."""
    project, number = pipeline_target(ref, context.urls)
    way = "path" if ref.path else "webUrl" if ref.web_url else "id"
    target = Target(project, number, way, kind="pipeline")
    if if_status == []:
        raise BadInput("ifStatus: give at least one status, or leave it out")
    with noted(action, target) as note:
        return note.of(await _write(context, action, target, if_status))


async def _write(
    context: Context, action: str, target: Target, if_status: list[Status] | None
) -> PipelineResult:
    try:
        if if_status:
            status = (await context.pipeline(target.project, target.number)).status or ""
            if status_of(status) not in if_status:
                changed = status_changed(action, target, status, if_status)
                return PipelineResult(target, None, [changed])
    except UpstreamRefused as error:
        return _failed(error, action, target)
    write = context.retry_pipeline if action == "retry" else context.cancel_pipeline
    try:
        pipeline = await write(target.project, target.number)
    except UpstreamError as error:
        if isinstance(error, UpstreamInvalid) and error.was_carried_out:
            return PipelineResult(target, unread=error)
        return _failed(error, action, target)
    in_vain = nothing_to_retry(target, pipeline.status) if action == "retry" else None
    return PipelineResult(target, pipeline, [in_vain] if in_vain else [])


def _failed(error: UpstreamError, action: str, target: Target) -> PipelineResult:
    action_error = action_error_for(error, action, target)
    if action_error is None:
        raise error
    return PipelineResult(target, None, [action_error])


# A pipeline that has such a status after its retry had nothing to retry.
ENDED_WELL: Final = {"success", "skipped"}


def nothing_to_retry(target: Target, status: str | None) -> ActionError | None:
    """The upstream takes a retry in any state, and answers with the pipeline as it is then
    (upstream.md, 3.8). What a cancel did it does not tell: with a failed job in it a pipeline is
    failed, whatever was canceled.
    """
    if status not in ENDED_WELL:
        return None
    return ActionError(
        JobActionErrorCode.NOTHING_TO_DO,
        f"nothing to retry of pipeline {target.number}: its status is {status!r}",
        ["pipeline", target.way],
    )
