"""A job's log, read in pieces."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import strawberry
from msgspec import Struct

from gateway.errors import BadInput
from gateway.loaders.logs import MAX_PATTERNS, LogOfJob
from gateway.schema.fields import Cost, Gives, Info, derived, edge, plain
from gateway.schema.identity import log_global_id, project_key_of
from gateway.schema.node import Node
from gateway.schema.scalars import MAX_BIG_INT, BigInt, Duration
from gateway.upstream import logs
from gateway.upstream.logs.patterns import MAX_PATTERN_LENGTH, check_pattern
from gateway.upstream.statuses import FINISHED

if TYPE_CHECKING:
    from gateway.context import Context
    from gateway.loaders.logs import LogReader
    from gateway.upstream import entities

__all__ = [
    "FORMS",
    "FROM_START",
    "Format",
    "JobLog",
    "LogChunk",
    "LogFormat",
    "LogMatch",
    "LogSection",
    "Shown",
    "check_range",
    "log_of",
]

SHARED: Final = "Cost: 1 call for all such fields of the job's log."


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


FORMS: Final[Mapping[LogFormat, logs.LogFormat]] = {
    LogFormat.PLAIN: "plain",
    LogFormat.ANSI: "ansi",
    LogFormat.RAW: "raw",
}


class Shown(Struct, frozen=True):
    """A piece of a log and its text; empty where it is not selected."""

    piece: logs.LogPiece
    text: str


def log_of(context: Context, job: entities.Job) -> LogOfJob:
    """A handle on a job's log. Cost: 0."""
    return LogOfJob(job, context.log(project_key_of(job), job.id))


def is_complete(log: LogOfJob) -> bool:
    return log.job.status in FINISHED


@strawberry.type(
    description=(
        "A piece of a log, in whole lines. Texts of pieces that follow one another, put together,"
        " are the text of the whole; a colour that is set in one piece is not set again in the"
        " next."
    )
)
class LogChunk:
    text: str = plain("text", "The text of the piece.")
    start_byte: BigInt = plain(
        "piece.start_byte",
        "Position of its first byte in the log: fromByte, after the character that it cuts, or the"
        " log's end where that is before.",
    )
    end_byte: BigInt = plain(
        "piece.end_byte",
        "Position after its last byte in the log, where a line ends: a slice from here goes on"
        " without loss or repetition.",
    )
    truncated: bool = plain(
        "piece.truncated",
        "Bytes of the log left out on purpose by a limit: after a slice, or lines asked for before"
        " a tail.",
    )


@strawberry.type(
    description="A line of a log that a search has found. Lines are given without their ends."
)
class LogMatch:
    line: int = plain("number", "The line's number in the log, counted from 1.")
    text: str = plain("text", "The line.")
    before: list[str] = plain("before", "The lines before it.")
    after: list[str] = plain("after", "The lines after it.")
    start_byte: BigInt = plain(
        "start_byte", "Position of the line's first byte: a slice from here begins with the line."
    )
    end_byte: BigInt = plain(
        "end_byte", "Position after the line: a search from here finds the next matches."
    )


@strawberry.type(
    description=(
        "A part of a log that the runner marked, as people see it folded. Sections can lie within"
        " others."
    )
)
class LogSection:
    name: str = plain("name", "The runner's name for it, such as step_script.")
    header: str | None = plain(
        "header",
        "The text beside its mark, at most 1,000 characters, without escape codes; null where there"
        " is none.",
    )
    start_line: int = plain("start_line", "The line of its header, counted from 1.")
    end_line: int | None = plain("end_line", "Its last line; null until it ends.")
    start_byte: BigInt = plain(
        "start_byte", "Position of its first line: a slice from here begins with the header."
    )
    end_byte: BigInt | None = plain("end_byte", "Position after its last line; null until it ends.")
    duration: Duration | None = plain(
        "duration_s", "From its start to its end, in whole seconds; null until it ends."
    )
    collapsed: bool = plain("is_collapsed", "The mark says to show it folded at first.")


Log: TypeAlias = strawberry.Parent[LogOfJob]
FROM_START: Final = BigInt(0)
MAX_LINES: Final = 10_000
MAX_BYTES: Final = 2**20
MAX_MATCHES: Final = 100
MAX_LINES_AROUND: Final = 50
MAX_SECTIONS: Final = 1_000
MaxBytes: TypeAlias = Annotated[
    int,
    strawberry.argument(
        description=(
            f"Most bytes of the log to give, 1 to {MAX_BYTES:,}, in whole lines; one line is given"
            " in any case. Lines of more than 64 KiB count as lines of 64 KiB."
        )
    ),
]
LinesAround: TypeAlias = Annotated[
    int, strawberry.argument(description=f"How many lines around a match, 0 to {MAX_LINES_AROUND}.")
]
Format: TypeAlias = Annotated[
    LogFormat, strawberry.argument(description="How to give the text; positions are of the log.")
]


@strawberry.type(
    description=(
        "A job's log (GitLab also calls it trace). Its fields share the 1 call of Job.log. A job"
        " that has no log, or no longer, has an empty one."
    )
)
class JobLog(Node):
    id: strawberry.ID = derived(
        log_global_id,
        "Opaque, stable, unique over all types. Cost: 0.",
        reads=("job.pipeline",),
        is_total=True,
    )
    complete: bool | None = derived(
        is_complete,
        "The job is finished: the log will not grow. Cost: 0.",
        reads=("job.status",),
    )

    @edge(
        f"Bytes so far. Reads the whole log, beside slices what follows them. {SHARED}",
        cost=Cost(),
        reads=(),
    )
    def byte_count(parent: Log, info: Info) -> Gives[BigInt | None]:
        return parent.reader.byte_count()

    @edge(f"Lines so far. Reads the whole log. {SHARED}", cost=Cost(), reads=())
    def line_count(parent: Log, info: Info) -> Gives[int | None]:
        return parent.reader.line_count()

    @edge(f"The last lines. Reads the whole log. {SHARED}", cost=Cost(), reads=())
    def tail(
        parent: Log,
        info: Info,
        lines: Annotated[
            int, strawberry.argument(description=f"How many lines, 1 to {MAX_LINES:,}.")
        ] = 100,
        max_bytes: MaxBytes = 65536,
        format: Format = LogFormat.PLAIN,
    ) -> Gives[LogChunk | None]:
        check_range("lines", lines, 1, MAX_LINES)
        check_range("maxBytes", max_bytes, 1, MAX_BYTES)
        return show(parent.reader, info, parent.reader.tail(lines, max_bytes), FORMS[format])

    @edge(
        "A piece by position. Reads that part where the upstream sends parts, or the log up to"
        f" there. {SHARED}",
        cost=Cost(),
        reads=(),
    )
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
        check_range("fromByte", from_byte, 0, MAX_BIG_INT)
        check_range("maxBytes", max_bytes, 1, MAX_BYTES)
        return show(parent.reader, info, parent.reader.slice(from_byte, max_bytes), FORMS[format])

    @edge(
        "Lines that match, in order: of the plain text, line by line, in whichever form they are"
        " given. Lines that follow one another share the lines around them. Reads the log until"
        f" enough have matched. {SHARED}",
        cost=Cost(rows=lambda arguments: min(arguments["first"], MAX_MATCHES)),
        reads=(),
    )
    def search(
        parent: Log,
        info: Info,
        pattern: Annotated[
            str,
            strawberry.argument(
                description=(
                    f"What to find within a line, in this case, at most {MAX_PATTERN_LENGTH:,}"
                    " characters. One operation finds at most"
                    f" {MAX_PATTERNS} different ones in a log."
                )
            ),
        ],
        regex: Annotated[
            bool,
            strawberry.argument(
                description=(
                    "The pattern is a regular expression of RE2"
                    " (https://github.com/google/re2/wiki/Syntax), such as (?i)error|fail; no back"
                    " references, no look-around. A gateway may be installed without."
                )
            ),
        ] = False,
        before: LinesAround = 2,
        after: LinesAround = 5,
        first: Annotated[
            int,
            strawberry.argument(
                description=(
                    f"How many matches at most, 1 to {MAX_MATCHES}; for more search again from the"
                    " endByte of the last one."
                )
            ),
        ] = 20,
        from_byte: Annotated[
            BigInt,
            strawberry.argument(description="Find lines that begin at this position or after it."),
        ] = FROM_START,
        format: Format = LogFormat.PLAIN,
    ) -> Gives[list[LogMatch] | None]:
        check_pattern(pattern, is_regex=regex)
        check_range("before", before, 0, MAX_LINES_AROUND)
        check_range("after", after, 0, MAX_LINES_AROUND)
        check_range("first", first, 1, MAX_MATCHES)
        check_range("fromByte", from_byte, 0, MAX_BIG_INT)
        is_shown = info.selects("text") or info.selects("before") or info.selects("after")
        want = logs.Search(pattern, regex, from_byte, before, after, first)
        return parent.reader.search(want, FORMS[format] if is_shown else None)

    @edge(
        "The sections that the runner marked, in the order of their headers. Reads the whole log."
        f" {SHARED}",
        cost=Cost(rows=lambda arguments: min(arguments["first"], MAX_SECTIONS)),
        reads=(),
    )
    def sections(
        parent: Log,
        info: Info,
        first: Annotated[
            int,
            strawberry.argument(
                description=f"How many at most, from the log's start: 1 to {MAX_SECTIONS:,}."
            ),
        ] = 100,
    ) -> Gives[list[LogSection] | None]:
        check_range("first", first, 1, MAX_SECTIONS)
        return parent.reader.sections(first)


async def show(
    reader: LogReader, info: Info, piece: Awaitable[logs.LogPiece], form: logs.LogFormat
) -> Shown:
    """Wait for a piece of a log. It was asked for already, in one call with its siblings."""
    found = await piece
    return Shown(found, await reader.text(found, form) if info.selects("text") else "")


def check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadInput(f"{name}: {value} is out of range; give {least:,} to {most:,}")
