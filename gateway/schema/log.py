"""A job's log, read in pieces."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import strawberry
from msgspec import Struct

from gateway.schema.fields import Cost, Gives, Info, derived, edge, plain
from gateway.schema.scalars import BigInt
from gateway.schema.words import FINISHED
from gateway.upstream import entities

if TYPE_CHECKING:
    from gateway.context import LogReader

__all__ = ["JobLog", "LogChunk", "LogFormat", "LogOfJob"]


@strawberry.enum(description="How the text of a log is given.")
class LogFormat(Enum):
    PLAIN = strawberry.enum_value(
        "plain", description="Escape codes, section marks and runner timestamps removed."
    )
    ANSI = strawberry.enum_value(
        "ansi", description="Colours kept as ANSI codes, section marks removed."
    )
    RAW = strawberry.enum_value(
        "raw", description="Bytes as the runner wrote them, decoded as UTF-8 with replacement."
    )


class LogOfJob(Struct, frozen=True):
    """The log of a job; `reader` makes one call for everything that is asked of it."""

    job: entities.Job
    reader: LogReader


def is_complete(log: LogOfJob) -> bool:
    return log.job.status in FINISHED


@strawberry.type(description="A piece of a log.")
class LogChunk:
    text: str = plain("text", "The text of the piece.")
    start_byte: BigInt = plain("start_byte", "Position of its first byte in the log.")
    end_byte: BigInt = plain("end_byte", "Position after its last byte in the log.")
    truncated: bool = plain("truncated", "Bytes of the log left out on purpose by a limit.")


Log: TypeAlias = strawberry.Parent[LogOfJob]
FROM_START: Final = BigInt(0)
MaxBytes: TypeAlias = Annotated[
    int, strawberry.argument(description="Most bytes of the log to read, 1 to 1,048,576.")
]
Format: TypeAlias = Annotated[LogFormat, strawberry.argument(description="How to give the text.")]


@strawberry.type(
    description=(
        "A job's log (GitLab also calls it trace). Its fields share the 1 call of Job.log. A job"
        " that has no log, or no longer, has an empty one."
    )
)
class JobLog:
    complete: bool | None = derived(
        is_complete, "The job is finished: the log will not grow. Cost: 0."
    )

    @edge("Bytes so far. Cost: see JobLog.", cost=Cost())
    def byte_count(parent: Log, info: Info) -> Gives[BigInt | None]:
        return parent.reader.byte_count()

    @edge("Lines so far. Cost: see JobLog.", cost=Cost())
    def line_count(parent: Log, info: Info) -> Gives[int | None]:
        return parent.reader.line_count()

    @edge("The last lines. Cost: see JobLog.", cost=Cost())
    def tail(
        parent: Log,
        info: Info,
        lines: Annotated[
            int, strawberry.argument(description="How many lines, 1 to 10,000.")
        ] = 100,
        max_bytes: MaxBytes = 65536,
        format: Format = LogFormat.PLAIN,
    ) -> Gives[LogChunk | None]:
        return parent.reader.tail(lines, max_bytes, format)

    @edge("A piece by position. Cost: see JobLog.", cost=Cost())
    def slice(
        parent: Log,
        info: Info,
        from_byte: Annotated[
            BigInt,
            strawberry.argument(
                description="Position of the first byte; endByte of a piece goes on."
            ),
        ] = FROM_START,
        max_bytes: MaxBytes = 65536,
        format: Format = LogFormat.PLAIN,
    ) -> Gives[LogChunk | None]:
        return parent.reader.slice(from_byte, max_bytes, format)
