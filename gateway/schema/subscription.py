"""The roots of watching: first the present state, then every change, until the subject has ended.

A root is a `Source`: `watch` gives the listener whose events it shows, and the resolver gets what
an event holds, a state or an error, as its parent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import strawberry

from gateway.errors import BadInput, GatewayError
from gateway.schema.fields import Cost, Gives, Info, edge, plain
from gateway.schema.inputs import JobRef, PipelineRef, pipeline_target, target_of
from gateway.schema.item import PipelineItem
from gateway.schema.job import Job
from gateway.schema.log import FORMS, FROM_START, Format, LogChunk, LogFormat, Shown, check_range
from gateway.schema.pipeline import Pipeline
from gateway.schema.scalars import MAX_BIG_INT, BigInt
from gateway.schema.sources import source
from gateway.watch import CHANGED_AT_ONCE, Change, LogEvent

if TYPE_CHECKING:
    from gateway.context import Context
    from gateway.schema.inputs import Target
    from gateway.upstream import entities

__all__ = ["Subscription"]

FAULTS: Final = (
    "Null with an error where the upstream fails: told once, and what follows is told when it"
    " answers again; told last where the upstream refuses for good."
)
WhichJob: TypeAlias = Annotated[JobRef, strawberry.argument(description="Which job.")]


@strawberry.type(description="A pipeline now, and what of it is new or has changed.")
class PipelineUpdate:
    pipeline: Pipeline = plain("pipeline", "The pipeline now, in its long form. Cost: 0.")

    @edge(
        "Jobs and bridges that are new or have changed, newest id first; in the first events all"
        f" there are, {CHANGED_AT_ONCE} an event. Jobs that were run again leave by being replaced:"
        " the new attempt has their name. Cost: 0.",
        cost=Cost(rows=CHANGED_AT_ONCE),
    )
    def changed(parent: strawberry.Parent[Change], info: Info) -> Gives[list[PipelineItem] | None]:
        return parent.items


def watch_job(context: Context, job: JobRef) -> Any:
    target = job_target(job, context)
    return context.live.job(
        context.scope.credential, target.project, target.number, target.pipeline_id
    )


def watch_pipeline(context: Context, pipeline: PipelineRef) -> Any:
    project, number = pipeline_target(pipeline, context.urls)
    return context.live.pipeline(context.scope.credential, project, number)


def watch_log(context: Context, job: JobRef, from_byte: int, **_: Any) -> Any:
    check_range("fromByte", from_byte, 0, MAX_BIG_INT)
    target = job_target(job, context)
    return context.live.log(
        context.scope.credential,
        target.project,
        target.number,
        target.pipeline_id,
        from_byte=from_byte,
    )


def job_target(job: JobRef, context: Context) -> Target:
    target = target_of(job, context.urls)
    if target.is_bridge:
        raise BadInput("job: the id names a bridge; watch its pipeline (pipelineUpdated)")
    return target


@strawberry.type(
    description=(
        "Live data, by WebSocket (graphql-transport-ws), server-sent events or multipart responses:"
        " first the present state, then every change, until the subject has finished. However many"
        " watch a subject with one credential, the upstream is asked as for one. A subscriber that"
        " is too slow for all states gets the newest, and `extensions.missed` says how many were"
        " left out."
    )
)
class Subscription:
    @source(
        f"The job now, then again after every change; one that only ran on has not changed."
        f" {FAULTS} Cost: 0 an event, beside what is selected below.",
        watch=watch_job,
    )
    def job_updated(
        parent: strawberry.Parent[entities.Job], info: Info, job: WhichJob
    ) -> Gives[Job | None]:
        return parent

    @source(
        f"The pipeline now with all its jobs and bridges, then what changes. {FAULTS} Cost: 0 an"
        " event, beside what is selected below.",
        watch=watch_pipeline,
    )
    def pipeline_updated(
        parent: strawberry.Parent[Change],
        info: Info,
        pipeline: Annotated[PipelineRef, strawberry.argument(description="Which pipeline.")],
    ) -> Gives[PipelineUpdate | None]:
        return parent

    @source(
        "The log from fromByte on, as it grows, in whole lines: pieces put together are the log,"
        " without loss or repetition. A line that has not ended is given once it has stood still"
        " for two polls, or has 64 KiB. To go on later, subscribe with the last piece's endByte;"
        " from beyond the end of a finished log there is nothing to give but BAD_USER_INPUT."
        f" Who takes it too slowly is cut off with SUBSCRIBER_TOO_SLOW and the place to go on."
        f" {FAULTS} Cost: 0 an event.",
        watch=watch_log,
    )
    async def job_log(
        parent: strawberry.Parent[LogEvent | GatewayError],
        info: Info,
        job: WhichJob,
        from_byte: Annotated[
            BigInt, strawberry.argument(description="Position of the first byte.")
        ] = FROM_START,
        format: Format = LogFormat.PLAIN,
    ) -> Gives[LogChunk | None]:
        if isinstance(parent, GatewayError):
            raise parent
        piece: Any = parent.value
        text, form = "", FORMS[format]
        if info.selects("text"):
            # Made once for all who are told of the piece.
            text = parent.texts.get(form) or await info.context.format(piece, form)
            parent.texts[form] = text
        return Shown(piece, text)
