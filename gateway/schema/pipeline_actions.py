"""Actions on a pipeline: run again what failed, stop what has not finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import strawberry
from msgspec.structs import replace
from strawberry import UNSET

from gateway.schema.action_errors import (
    USER_ERRORS,
    ActionError,
    JobActionError,
    JobActionErrorCode,
)
from gateway.schema.actions import ActionResult, act, item_now
from gateway.schema.enums import Status
from gateway.schema.fields import Cost, Gives, Info, edge, plain
from gateway.schema.inputs import IF_STATUS, PipelineRef, Target, pipeline_target
from gateway.schema.noted import noted
from gateway.schema.pipeline import Pipeline
from gateway.upstream.entities import Known

if TYPE_CHECKING:
    from gateway.context import Context

__all__ = ["pipeline_cancel", "pipeline_retry"]


@strawberry.input(description="Which pipeline to retry.")
class PipelineRetryInput:
    pipeline: PipelineRef = strawberry.field(description="The pipeline.")
    if_status: list[Status] | None = strawberry.field(default=UNSET, description=IF_STATUS)


@strawberry.input(description="Which pipeline to cancel.")
class PipelineCancelInput:
    pipeline: PipelineRef = strawberry.field(description="The pipeline.")
    if_status: list[Status] | None = strawberry.field(default=UNSET, description=IF_STATUS)


Source: TypeAlias = strawberry.Parent[ActionResult]
NOW = "The pipeline as it is now, also when refused. Cost: 0; 1 call when refused."


@strawberry.type(description="What pipelineRetry came to.")
class PipelineRetryPayload:
    user_errors: list[JobActionError] = plain("errors", USER_ERRORS)

    @edge(NOW, cost=Cost(calls=1, known=Known.LONG))
    async def pipeline(parent: Source, info: Info) -> Gives[Pipeline | None]:
        return await item_now(parent, info)


@strawberry.type(description="What pipelineCancel came to.")
class PipelineCancelPayload:
    user_errors: list[JobActionError] = plain("errors", USER_ERRORS)

    @edge(NOW, cost=Cost(calls=1, known=Known.LONG))
    async def pipeline(parent: Source, info: Info) -> Gives[Pipeline | None]:
        return await item_now(parent, info)


async def pipeline_retry(
    parent: strawberry.Parent[None],  # noqa: ARG001 - resolvers of edges have one
    info: Info,
    input: Annotated[PipelineRetryInput, strawberry.argument(description="Which pipeline.")],
) -> Gives[PipelineRetryPayload | None]:
    context = info.context
    target = target_of_pipeline(input.pipeline, context)
    with noted("retry", target) as note:
        result = await act(
            context,
            "retry",
            target,
            input.if_status,
            lambda: context.retry_pipeline(target.project, target.number),
        )
        return note.of(checked_retry(result))


async def pipeline_cancel(
    parent: strawberry.Parent[None],  # noqa: ARG001 - resolvers of edges have one
    info: Info,
    input: Annotated[PipelineCancelInput, strawberry.argument(description="Which pipeline.")],
) -> Gives[PipelineCancelPayload | None]:
    context = info.context
    target = target_of_pipeline(input.pipeline, context)
    with noted("cancel", target) as note:
        result = await act(
            context,
            "cancel",
            target,
            input.if_status,
            lambda: context.cancel_pipeline(target.project, target.number),
        )
        return note.of(result)


def target_of_pipeline(ref: PipelineRef, context: Context) -> Target:
    project, number = pipeline_target(ref, context.urls)
    way = "path" if ref.path else "webUrl" if ref.web_url else "id"
    return Target(project, number, way, kind="pipeline")


# A pipeline that has such a status after its retry had nothing to retry.
ENDED_WELL: Final = {"success", "skipped"}


def checked_retry(result: ActionResult) -> ActionResult:
    """The result of a retry, with the error for one that changed nothing: the upstream takes a
    retry in any state, and answers with the pipeline as it is then (upstream.md, 3.8). What a
    cancel did it does not tell: with a failed job in it a pipeline is failed, whatever was
    canceled.
    """
    status = None if result.item is None else result.item.status
    if status not in ENDED_WELL:
        return result
    target = result.target
    in_vain = ActionError(
        JobActionErrorCode.NOTHING_TO_DO,
        f"nothing to retry of pipeline {target.number}: its status is {status!r}",
        ["pipeline", target.way],
    )
    return replace(result, errors=[in_vain])
