"""The roots of writing: each write is sent once, and what the upstream refuses is data.

An action (`actions`) gives an `ActionResult`, the source of its payload. Payloads read the upstream
again only where something is selected of them that the answer lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec
import strawberry

from gateway.schema.action_errors import USER_ERRORS, JobActionError
from gateway.schema.actions import (
    WRITE,
    ActionResult,
    act,
    check_inputs,
    check_variables,
    checked_cancel,
    completed,
    is_missing,
    item_now,
    lost_attempt,
    read_if_there,
)
from gateway.schema.batch import BATCH_COST, batch
from gateway.schema.fields import Cost, Gives, Info, edge, plain
from gateway.schema.inputs import (
    JobCancelInput,
    JobEraseInput,
    JobPlayInput,
    JobRetryInput,
    Target,
    target_of,
)
from gateway.schema.item import PipelineItem
from gateway.schema.job import Job
from gateway.schema.noted import noted
from gateway.schema.pipeline_actions import pipeline_cancel, pipeline_retry
from gateway.upstream import entities

if TYPE_CHECKING:
    from gateway.context import Context

__all__ = ["Mutation"]


Source: TypeAlias = strawberry.Parent[ActionResult]
LACKING = "1 call where the upstream's answer lacks something that is selected"
NOW = f"as it is now, also when refused. Cost: 0; 1 call when refused, {LACKING}."


@strawberry.type(description="What jobCancel came to.")
class JobCancelPayload:
    user_errors: list[JobActionError] = plain("errors", USER_ERRORS)

    @edge(f"The job {NOW}", cost=Cost(calls=1))
    async def job(parent: Source, info: Info) -> Gives[Job | None]:
        return await item_now(parent, info)


@strawberry.type(description="What jobErase came to.")
class JobErasePayload:
    user_errors: list[JobActionError] = plain("errors", USER_ERRORS)

    @edge(f"The job {NOW}", cost=Cost(calls=1))
    async def job(parent: Source, info: Info) -> Gives[Job | None]:
        return await item_now(parent, info)


@strawberry.type(description="What jobPlay came to.")
class JobPlayPayload:
    user_errors: list[JobActionError] = plain("errors", USER_ERRORS)

    @edge(
        "What was started: the job or bridge itself, or the new job where a finished one was played"
        f" again; {NOW}",
        cost=Cost(calls=1),
    )
    async def item(parent: Source, info: Info) -> Gives[PipelineItem | None]:
        return await item_now(parent, info)


@strawberry.type(description="What jobRetry came to.")
class JobRetryPayload:
    user_errors: list[JobActionError] = plain("errors", USER_ERRORS)

    @edge(
        "The new attempt; null when refused, and with an error where it was made but the upstream's"
        f" answer cannot be read. Cost: 0; {LACKING}.",
        cost=Cost(calls=1),
    )
    async def item(parent: Source, info: Info) -> Gives[PipelineItem | None]:
        if parent.unread is not None:
            raise lost_attempt(parent.target, parent.unread)
        return None if parent.item is None else await completed(parent.item, info)

    @edge(
        "What was, or was to be, retried. Null for a retried bridge that was not named by global"
        " id: the upstream's list no longer shows it. Cost: 1 call.",
        cost=Cost(calls=1),
    )
    async def previous(parent: Source, info: Info) -> Gives[PipelineItem | None]:
        if parent.before is not None or is_missing(parent):
            return parent.before
        target = parent.target
        if isinstance(parent.item, entities.Bridge) and parent.item.pipeline is not None:
            target = target._replace(is_bridge=True, pipeline_id=parent.item.pipeline.id)
        return await read_if_there(info.context, target)


COSTS = "Cost: 1 call, with ifStatus 2."


@strawberry.type(
    description=(
        "Writes. A refused action is data (userErrors), not a GraphQL error; nothing is retried by"
        " itself. A mutation is null, with an error, only where it could not be asked for at all:"
        " its arguments cannot be used, the upstream does not accept the credential"
        " (UNAUTHENTICATED), or it could not be reached in time."
    )
)
class Mutation:
    @edge(f"Stop a job that has not finished; others stay as they are. {COSTS}", cost=WRITE)
    async def job_cancel(
        parent: strawberry.Parent[None],
        info: Info,
        input: Annotated[JobCancelInput, strawberry.argument(description="Which job, and how.")],
    ) -> Gives[JobCancelPayload | None]:
        context = info.context
        target = job_target_of(input, context)
        with noted("cancel", target) as note:
            result = await act(
                context,
                "cancel",
                target,
                input.if_status,
                lambda: context.cancel(target.project, target.number, force=input.force),
            )
            return note.of(checked_cancel(result, is_forced=input.force))

    @edge(f"Run a finished job or bridge again as a new attempt. {COSTS}", cost=WRITE)
    async def job_retry(
        parent: strawberry.Parent[None],
        info: Info,
        input: Annotated[JobRetryInput, strawberry.argument(description="Which job, and how.")],
    ) -> Gives[JobRetryPayload | None]:
        context = info.context
        target = target_of(input.job, context.urls)
        inputs, errors = check_inputs(input.inputs)
        with noted("retry", target) as note:
            if errors:
                return note.of(ActionResult("retry", target, None, errors))
            before = None
            if target.is_bridge and info.selects("previous"):
                before = await read_if_there(context, target)
            result = await act(
                context,
                "retry",
                target,
                input.if_status,
                lambda: context.retry(
                    target.project, target.number, is_bridge=target.is_bridge, inputs=inputs
                ),
                sent=["inputs"] if inputs else [],
            )
            return note.of(msgspec.structs.replace(result, before=before))

    @edge(f"Delete a finished job's log and artifacts. Cannot be undone. {COSTS}", cost=WRITE)
    async def job_erase(
        parent: strawberry.Parent[None],
        info: Info,
        input: Annotated[JobEraseInput, strawberry.argument(description="Which job.")],
    ) -> Gives[JobErasePayload | None]:
        context = info.context
        target = job_target_of(input, context)
        with noted("erase", target) as note:
            result = await act(
                context,
                "erase",
                target,
                input.if_status,
                lambda: context.erase(target.project, target.number),
            )
            return note.of(result)

    @edge(f"Start a manual or delayed job, optionally with variables. {COSTS}", cost=WRITE)
    async def job_play(
        parent: strawberry.Parent[None],
        info: Info,
        input: Annotated[JobPlayInput, strawberry.argument(description="Which job, and how.")],
    ) -> Gives[JobPlayPayload | None]:
        context = info.context
        target = target_of(input.job, context.urls)
        variables = input.variables or []
        inputs, errors = check_inputs(input.inputs)
        errors = [*check_variables(variables), *errors]
        with noted("play", target) as note:
            if errors:
                return note.of(ActionResult("play", target, None, errors))
            result = await act(
                context,
                "play",
                target,
                input.if_status,
                lambda: context.play(
                    target.project,
                    target.number,
                    variables=tuple((variable.key, variable.value) for variable in variables),
                    inputs=inputs,
                ),
                sent=[
                    *(["variables"] if variables else []),
                    *(["inputs"] if inputs else []),
                ],
            )
            return note.of(result)

    job_batch = edge(
        "The same action on up to 100 jobs, side by side; one result for each, in order, and each"
        " succeeds or fails alone. Nothing is sent twice, and none is sent again. Cost: 2 calls a"
        " job; of a pipeline, 1 call a job and those of its lists.",
        cost=BATCH_COST,
    )(batch)
    pipeline_retry = edge(
        f"Run the failed and canceled jobs of a pipeline again. {COSTS}", cost=WRITE
    )(pipeline_retry)
    pipeline_cancel = edge(f"Stop what of a pipeline has not finished. {COSTS}", cost=WRITE)(
        pipeline_cancel
    )


def job_target_of(input: JobCancelInput | JobEraseInput, context: Context) -> Target:
    """The target of an action that bridges do not have: the upstream answers 404 for them."""
    return target_of(input.job, context.urls)._replace(is_bridge=False)
