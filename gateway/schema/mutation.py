"""The roots of writing: each write is sent once, and what the upstream refuses is data.

An action gives an `ActionResult`, the source of its payload: the item that the upstream answered,
or the errors for which nothing was done. Payloads read the upstream again only where something is
selected of them that the answer lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import msgspec
import strawberry
from msgspec import Struct

from gateway.errors import (
    BadInput,
    NotFound,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRefused,
)
from gateway.frames import without_frames
from gateway.schema.action_errors import (
    ActionError,
    JobActionError,
    JobActionErrorCode,
    action_error_for,
    bad_inputs,
    bad_variable,
    nothing_to_cancel,
    status_changed,
)
from gateway.schema.enums import status_of
from gateway.schema.fields import Cost, Gives, Info, edge, fields_by, plain, reads_any
from gateway.schema.identity import project_key_of
from gateway.schema.inputs import (
    JobCancelInput,
    JobEraseInput,
    JobPlayInput,
    JobRetryInput,
    JobVariable,
    Target,
    target_of,
)
from gateway.schema.item import PipelineItem
from gateway.schema.job import Job
from gateway.schema.noted import noted
from gateway.upstream import entities
from gateway.upstream.written import item_of, job_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from gateway.context import Context
    from gateway.schema.enums import Status
    from gateway.upstream.entities import Item

__all__ = ["Mutation"]


class ActionResult(Struct, frozen=True):
    """The result of an action on `target`: the upstream's answer, and why nothing was done."""

    target: Target
    item: entities.Item | None = None
    errors: list[ActionError] = []
    # The target as it was before, where it cannot be read afterwards.
    before: entities.Item | None = None
    # It was carried out, but the upstream's answer could not be read.
    unread: UpstreamInvalid | None = None


Source: TypeAlias = strawberry.Parent[ActionResult]
USER_ERRORS = "Why nothing was done; empty where it was."
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


def write_calls(arguments: Mapping[str, Any]) -> int:
    """The write, and the read before it that `ifStatus` asks for."""
    return 2 if arguments["input"].if_status else 1


WRITE: Final = Cost(calls=write_calls)
COSTS = "Cost: 1 call, with ifStatus 2."


@strawberry.type(
    description=(
        "Writes. A refused action is data (userErrors), not a GraphQL error; nothing is retried by"
        " itself. A mutation is null, with an error, only where it could not be asked for at all."
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
            if result.item is not None:
                in_vain = nothing_to_cancel(target, result.item.status, is_forced=input.force)
                result = msgspec.structs.replace(result, errors=[in_vain] if in_vain else [])
            return note.of(result)

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
                return note.of(ActionResult(target, None, errors))
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
                has_values=bool(inputs),
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
                return note.of(ActionResult(target, None, errors))
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
                has_values=bool(variables or inputs),
            )
            return note.of(result)


def job_target_of(input: JobCancelInput | JobEraseInput, context: Context) -> Target:
    """The target of an action that bridges do not have: the upstream answers 404 for them."""
    return target_of(input.job, context.urls)._replace(is_bridge=False)


async def act(
    context: Context,
    action: str,
    target: Target,
    if_status: list[Status] | None,
    write: Callable[[], Awaitable[Item]],
    *,
    has_values: bool = False,
) -> ActionResult:
    """Check `if_status`, then write. Raises an upstream's failure that is no `ActionError`."""
    if if_status == []:
        raise BadInput("ifStatus: give at least one status, or leave it out")
    try:
        if if_status:
            item = await read_item(context, target)
            if status_of(item.status) not in if_status:
                changed = status_changed(action, target, item.status, if_status)
                return ActionResult(target, None, [changed])
    except UpstreamRefused as error:
        return failed(error, action, target)
    try:
        answer = await write()
    except UpstreamError as error:
        if isinstance(error, UpstreamInvalid) and error.was_carried_out:
            return ActionResult(target, unread=without_frames(error))
        return failed(error, action, target, has_values=has_values)
    return ActionResult(target, answer)


def failed(
    error: UpstreamError, action: str, target: Target, *, has_values: bool = False
) -> ActionResult:
    """The result of a write that was not done; raises the error again where it is a failure."""
    action_error = action_error_for(error, action, target, has_values=has_values)
    if action_error is None:
        raise error
    return ActionResult(target, None, [action_error])


def check_variables(variables: list[JobVariable]) -> Iterator[ActionError]:
    seen = set()
    for position, variable in enumerate(variables):
        if not variable.key:
            yield bad_variable(position, f"variable {position + 1} has no key")
        elif variable.key in seen:
            yield bad_variable(position, f"variable {variable.key!r} is given twice")
        seen.add(variable.key)


def check_inputs(inputs: object) -> tuple[dict[str, Any] | None, list[ActionError]]:
    """The inputs where they can be sent, else why not."""
    if not inputs:
        return None, []
    return (inputs, []) if isinstance(inputs, dict) else (None, [bad_inputs()])


def lost_attempt(target: Target, unread: UpstreamInvalid) -> UpstreamInvalid:
    """The error in place of a new attempt that was made, and that nothing names."""
    return UpstreamInvalid(
        f"job {target.number} was retried (HTTP {unread.status}), but the upstream's answer cannot"
        " be read; look for the new attempt in the jobs of its pipeline",
        endpoint=unread.endpoint,
        status=unread.status,
        upstream_request_id=unread.upstream_request_id,
    )


async def item_now(result: ActionResult, info: Info) -> Item | None:
    """The upstream's answer to an action, else the action's target as it is now."""
    if result.item is not None:
        return await completed(result.item, info)
    if is_missing(result):
        return None
    item = await read_if_there(info.context, result.target)
    if item is None and result.unread is not None:
        raise result.unread
    return item


def is_missing(result: ActionResult) -> bool:
    """Did the upstream say that the target is not there?"""
    return any(error.code is JobActionErrorCode.NOT_FOUND for error in result.errors)


READING_PIPELINE: Final = fields_by(Job, lambda kind: reads_any(kind, "pipeline"))
READING_FILES: Final = fields_by(Job, lambda kind: reads_any(kind, "artifacts"))


async def completed(item: Item, info: Info) -> Item:
    """An answer to a write, with what is selected of it. Old upstreams leave the pipeline and the
    files out of such answers: these are read then.
    """
    if isinstance(item, entities.UntoldItem):
        return await told(item, info.context)
    if not isinstance(item, entities.Job):
        return item
    if (
        item.pipeline is None
        and item.asked_project is not None
        and any(map(info.selects, READING_PIPELINE))
    ):
        return await info.context.job(item.asked_project, item.id)
    if item.artifacts is None and any(map(info.selects, READING_FILES)):
        return msgspec.structs.replace(item, artifacts=await info.context.artifacts(item))
    return item


async def told(item: entities.UntoldItem, context: Context) -> Item:
    """The job or bridge that was retried: a single read finds no bridges. Where that fails
    otherwise it is told as it was answered, as a job.
    """
    try:
        return await context.job(project_key_of(item), item.id)
    except NotFound:
        return item_of(item, is_bridge=True)
    except UpstreamError:
        return job_of(item)


async def read_item(context: Context, target: Target) -> Item:
    if target.is_bridge and target.pipeline_id is not None:
        return await context.bridge(target.project, target.pipeline_id, target.number)
    return await context.job(target.project, target.number, target.pipeline_id)


async def read_if_there(context: Context, target: Target) -> Item | None:
    try:
        return await read_item(context, target)
    except NotFound:
        return None
