"""One action on many jobs: side by side, each for itself, each once."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import msgspec
import strawberry
from msgspec import Struct
from strawberry import UNSET

from gateway.errors import BadInput, UpstreamInvalid, UpstreamRefused
from gateway.loaders.flight import outcomes
from gateway.schema.action_errors import USER_ERRORS, JobActionError, status_changed
from gateway.schema.actions import (
    ActionResult,
    act,
    check_if_status,
    checked_cancel,
    completed,
    failed,
    is_missing,
    lost_attempt,
    read_if_there,
    read_item,
)
from gateway.schema.enums import Status, status_of, status_words
from gateway.schema.fields import Cost, Gives, Info, edge, plain
from gateway.schema.identity import project_key_of
from gateway.schema.inputs import JobRef, PipelineRef, Target, pipeline_target, target_of
from gateway.schema.item import PipelineItem
from gateway.schema.noted import noted
from gateway.upstream import entities
from gateway.upstream.paging import Window, calls_at_most
from gateway.upstream.paging.cursors import Cursor
from gateway.upstream.patterns import NamePatterns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.context import Context
    from gateway.schema.actions import Subject
    from gateway.upstream.entities import Item

__all__ = ["BATCH_COST", "batch"]

MAX_JOBS: Final = 100
# Pages of a pipeline's lists that are looked through for jobs that fit.
MAX_PAGES: Final = 5


@strawberry.enum(description="What to do to a job.")
class JobAction(Enum):
    CANCEL = strawberry.enum_value("cancel", description="As jobCancel, without force.")
    RETRY = strawberry.enum_value("retry", description="As jobRetry, without inputs.")
    ERASE = strawberry.enum_value("erase", description="As jobErase.")
    PLAY = strawberry.enum_value("play", description="As jobPlay, without variables.")


@strawberry.input(
    description=(
        "The latest runs of a pipeline that fit; bridges among them where the action knows them"
        " (RETRY and PLAY). More than 100 are refused with their number."
    )
)
class JobBatchOfPipeline:
    pipeline: PipelineRef = strawberry.field(description="The pipeline.")
    statuses: list[Status] | None = strawberry.field(
        default=UNSET, description="Those with one of these; all if empty or not given."
    )
    names: list[str] | None = strawberry.field(
        default=UNSET,
        description="Those of these names; * stands for any run of characters. All if not given.",
    )


@strawberry.input(one_of=True, description="Which jobs: exactly one way to say it.")
class JobBatchOf:
    jobs: list[JobRef] | None = strawberry.field(default=UNSET, description="These, 1 to 100.")
    pipeline: JobBatchOfPipeline | None = strawberry.field(
        default=UNSET, description="Those of a pipeline."
    )


@strawberry.input(description="What to do, and to which jobs.")
class JobBatchInput:
    action: JobAction = strawberry.field(description="What to do.")
    of: JobBatchOf = strawberry.field(description="Which jobs.")
    if_status: list[Status] | None = strawberry.field(
        default=UNSET,
        description=(
            "Act only on those whose status is one of these; the others get STATUS_CHANGED and no"
            " upstream write."
        ),
    )


class BatchResults(Struct, frozen=True):
    """The source of a payload; an exception stands for a job of which nothing else is known."""

    results: list[ActionResult | Exception]


Source: TypeAlias = strawberry.Parent[ActionResult]


@strawberry.type(description="What the action on one job came to.")
class JobBatchResult:
    user_errors: list[JobActionError] = plain("errors", USER_ERRORS)

    @edge(
        "The job as it is now: the new attempt where one was made, else the job itself, also when"
        " refused. Null, with an error, where it was acted on and the upstream's answer cannot be"
        " read. Cost: told with jobBatch.",
        cost=Cost(),
    )
    async def item(parent: Source, info: Info) -> Gives[PipelineItem | None]:
        return await item_of_result(parent, info)


@strawberry.type(description="What jobBatch came to.")
class JobBatchPayload:
    results: list[JobBatchResult | None] = plain(
        "results",
        "One for each job, in order: as given, or newest id first. Null, with an error at its"
        " place, where it could not be asked for, or not in time.",
    )


def jobs_asked(of: JobBatchOf) -> int:
    return min(len(of.jobs), MAX_JOBS) if of.jobs else MAX_JOBS


def batch_calls(arguments: Mapping[str, Any]) -> int:
    """For each job the write, and one read: before it for `ifStatus`, or after it where the answer
    lacks something. Jobs of a pipeline are read by its lists.
    """
    of = arguments["input"].of
    if of.jobs:
        return 2 * jobs_asked(of)
    pages = 1 + (MAX_PAGES - 1) * calls_at_most(MAX_JOBS, backward=False, has_cursor=True)
    return MAX_JOBS + 2 * pages


BATCH_COST: Final = Cost(calls=batch_calls)


async def batch(
    parent: strawberry.Parent[None],  # noqa: ARG001 - resolvers of edges have one
    info: Info,
    input: Annotated[JobBatchInput, strawberry.argument(description="What, and which jobs.")],
) -> Gives[JobBatchPayload | None]:
    context, action = info.context, str(input.action.value)
    check_if_status(input.if_status)
    of = input.of
    asked = (
        await fitting(context, action, of.pipeline)
        if of.pipeline
        else [(target, None) for target in targets_of(of.jobs or [], action, context)]
    )
    # One that is named twice is acted on once.
    once: dict[tuple[object, int], Awaitable[ActionResult]] = {}
    for place, (target, before) in enumerate(asked):
        where = ["of"] if of.pipeline else ["of", "jobs", str(place)]
        key = target.project, target.number
        if key not in once:
            once[key] = act_on(context, action, target, input.if_status, before, where)
    done = dict(zip(once, await outcomes(once.values()), strict=True))
    return BatchResults([done[target.project, target.number] for target, _ in asked])


def targets_of(refs: list[JobRef], action: str, context: Context) -> list[Target]:
    """What references name; raises `BadInput` for one that names no job, and for too many."""
    if not 1 <= len(refs) <= MAX_JOBS:
        raise BadInput(f"of.jobs: {len(refs)} are given; name 1 to {MAX_JOBS}, or act in parts")
    targets: list[Target] = []
    projects: dict[int, object] = {}
    for place, ref in enumerate(refs):
        try:
            target = target_of(ref, context.urls)
        except BadInput as error:
            raise BadInput(f"of.jobs[{place}]: {error.message}") from None
        # Ids of jobs are the upstream's, not their project's: two names would be two writes.
        if projects.setdefault(target.number, target.project) != target.project:
            raise BadInput(
                f"of.jobs[{place}]: job {target.number} is named twice, by two names of a project;"
                " name it once"
            )
        targets.append(target if action in WITH_BRIDGES else target._replace(is_bridge=False))
    return targets


# The actions that the upstream knows for bridges as well.
WITH_BRIDGES: Final = {"retry", "play"}


async def fitting(
    context: Context, action: str, of: JobBatchOfPipeline
) -> list[tuple[Target, Item | None]]:
    """The latest runs of a pipeline that fit, newest id first; raises `BadInput` for too many."""
    project, pipeline_id = pipeline_target(of.pipeline, context.urls)
    statuses = status_words(of.statuses)
    patterns = NamePatterns(of.names) if of.names is not UNSET and of.names is not None else None
    found: list[Item] = []
    cursor: Cursor | None = None
    for _ in range(MAX_PAGES):
        window = Window(MAX_JOBS, cursor=cursor, wants_previous=False)
        listing: Any = await (
            context.items(project, pipeline_id, statuses, False, window)
            if action in WITH_BRIDGES
            else context.pipeline_jobs(project, pipeline_id, statuses, False, window)
        )
        if patterns is None and (listing.total or 0) > MAX_JOBS:
            raise too_many(str(listing.total))
        found += [
            item
            for item in listing.items
            if not isinstance(item, UpstreamInvalid)
            and (patterns is None or patterns.fit(item.name))
        ]
        if not listing.has_next or not listing.items:
            break
        cursor = Cursor.parse(listing.cursor_of(listing.items[-1]), "after")
    else:
        raise too_many(f"more than {MAX_PAGES * MAX_JOBS} are to be looked through, {len(found)}")
    if len(found) > MAX_JOBS:
        raise too_many(str(len(found)))
    return [
        (
            Target(
                project_key_of(item),
                item.id,
                "pipeline",
                pipeline_id,
                is_bridge=isinstance(item, entities.Bridge),
            ),
            item,
        )
        for item in found
    ]


def too_many(told: str) -> BadInput:
    return BadInput(
        f"of.pipeline: {told} fit, and at most {MAX_JOBS} are acted on at once;"
        " narrow it by statuses and names"
    )


async def act_on(
    context: Context,
    action: str,
    target: Target,
    if_status: list[Status] | None,
    before: Item | None,
    where: list[str],
) -> ActionResult:
    """Act on one job, which stands there in the input. Raises an upstream's failure that is no
    `ActionError`.
    """
    with noted(action, target) as note:
        result = await _act_on(context, action, target, if_status, before)
        errors = [
            msgspec.structs.replace(error, field=[*where, *error.field[1:]])
            if error.field and error.field[0] == "job"
            else error
            for error in result.errors
        ]
        return note.of(msgspec.structs.replace(result, errors=errors))


async def _act_on(
    context: Context,
    action: str,
    target: Target,
    if_status: list[Status] | None,
    before: Item | None,
) -> ActionResult:
    if if_status and before is None:
        try:
            before = await read_item(context, target)
        except UpstreamRefused as error:
            return failed(error, action, target)
    if before is not None:
        target = target._replace(is_bridge=isinstance(before, entities.Bridge))
        if if_status and status_of(before.status) not in if_status:
            changed = status_changed(action, target, before.status, if_status)
            return ActionResult(action, target, None, [changed], before)
    result = await act(context, action, target, None, writes(context, action, target))
    if action == "cancel":
        result = checked_cancel(result, is_forced=False)
    return msgspec.structs.replace(result, before=before)


def writes(context: Context, action: str, target: Target) -> Callable[[], Awaitable[Item]]:
    """What sends an action's write."""
    match action:
        case "cancel":
            return lambda: context.cancel(target.project, target.number)
        case "erase":
            return lambda: context.erase(target.project, target.number)
        case "play":
            return lambda: context.play(target.project, target.number)
    return lambda: context.retry(target.project, target.number, is_bridge=target.is_bridge)


async def item_of_result(result: ActionResult, info: Info) -> Subject | None:
    unread, before, item = result.unread, result.before, result.item
    if unread is not None:
        raise lost_attempt(result.target, unread) if result.action == "retry" else unread
    if item is None:
        if before is not None or is_missing(result):
            return before
        return await read_if_there(info.context, result.target)
    if before is None or isinstance(item, entities.UntoldItem | entities.PipelineDetail):
        return await completed(item, info)
    # Of what an old upstream's answer lacks, no more is read.
    if item.pipeline is None:
        return msgspec.structs.replace(item, pipeline=before.pipeline)
    return item
