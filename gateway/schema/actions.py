"""What a mutation does: checks, writes, and reads again what the upstream's answer lacks.

An `ActionResult` is the source of a payload: what the upstream answered, or the errors for which
nothing was done. A write costs one call (`WRITE`), with `ifStatus` one more before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
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
    JobActionErrorCode,
    action_error_for,
    bad_inputs,
    bad_variable,
    nothing_to_cancel,
    status_changed,
)
from gateway.schema.enums import status_of
from gateway.schema.fields import Cost, Info, fields_by, reads_any
from gateway.schema.identity import project_key_of
from gateway.schema.inputs import JobVariable, Target
from gateway.schema.job import Job
from gateway.upstream import entities
from gateway.upstream.written import item_of, job_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from gateway.context import Context
    from gateway.schema.enums import Status
    from gateway.upstream.entities import Item

__all__ = [
    "WRITE",
    "ActionResult",
    "Subject",
    "act",
    "check_if_status",
    "check_inputs",
    "check_variables",
    "checked_cancel",
    "completed",
    "failed",
    "is_missing",
    "item_now",
    "lost_attempt",
    "read_if_there",
    "read_item",
]


# What an action is about, and what the upstream answers to it.
Subject: TypeAlias = "entities.Item | entities.PipelineDetail"


class ActionResult(Struct, frozen=True):
    """The result of an action on `target`: the upstream's answer, and why nothing was done."""

    action: str
    target: Target
    item: Subject | None = None
    errors: list[ActionError] = []
    # The target as it was before, if it was read then.
    before: entities.Item | None = None
    # It was carried out, but the upstream's answer could not be read.
    unread: UpstreamInvalid | None = None


def write_calls(arguments: Mapping[str, Any]) -> int:
    """The write, and the read before it that `ifStatus` asks for."""
    return 2 if arguments["input"].if_status else 1


WRITE: Final = Cost(calls=write_calls)


def check_if_status(if_status: list[Status] | None) -> None:
    """Raise `BadInput` for a condition that nothing can fulfil."""
    if if_status == []:
        raise BadInput("ifStatus: give at least one status, or leave it out")


async def act(
    context: Context,
    action: str,
    target: Target,
    if_status: list[Status] | None,
    write: Callable[[], Awaitable[Subject]],
    *,
    sent: Sequence[str] = (),
) -> ActionResult:
    """Check `if_status`, then write. Raises an upstream's failure that is no `ActionError`, and
    `BadInput`. `sent` is as in `action_error_for`.
    """
    check_if_status(if_status)
    try:
        if if_status:
            status = (await read_subject(context, target)).status or ""
            if status_of(status) not in if_status:
                changed = status_changed(action, target, status, if_status)
                return ActionResult(action, target, None, [changed])
    except UpstreamRefused as error:
        return failed(error, action, target)
    try:
        answer = await write()
    except UpstreamError as error:
        if isinstance(error, UpstreamInvalid) and error.was_carried_out:
            return ActionResult(action, target, unread=without_frames(error))
        return failed(error, action, target, sent=sent)
    return ActionResult(action, target, answer)


def failed(
    error: UpstreamError, action: str, target: Target, *, sent: Sequence[str] = ()
) -> ActionResult:
    """The result of a write that was not done; raises the error again where it is a failure."""
    action_error = action_error_for(error, action, target, sent=sent)
    if action_error is None:
        raise error
    return ActionResult(action, target, None, [action_error])


def checked_cancel(result: ActionResult, *, is_forced: bool) -> ActionResult:
    """The result of a cancel, with the error for one that was taken and that changed nothing."""
    if result.item is None:
        return result
    in_vain = nothing_to_cancel(result.target, result.item.status, is_forced=is_forced)
    return result if in_vain is None else msgspec.structs.replace(result, errors=[in_vain])


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


async def item_now(result: ActionResult, info: Info) -> Subject | None:
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


async def completed(item: Subject, info: Info) -> Subject:
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


async def read_subject(context: Context, target: Target) -> Subject:
    if target.kind == "pipeline":
        return await context.pipeline(target.project, target.number)
    return await read_item(context, target)


async def read_item(context: Context, target: Target) -> Item:
    if target.is_bridge and target.pipeline_id is not None:
        return await context.bridge(target.project, target.pipeline_id, target.number)
    return await context.job(target.project, target.number, target.pipeline_id)


async def read_if_there(context: Context, target: Target) -> Subject | None:
    try:
        return await read_subject(context, target)
    except NotFound:
        return None
