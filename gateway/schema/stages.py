"""What the whole lists of a pipeline come to: its stages and its figures."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry

from gateway.loaders.flight import outcomes
from gateway.schema.enums import Status, members_by_word
from gateway.schema.fields import Cost, Gives, Info, derived, edge, plain
from gateway.schema.item import PipelineItem
from gateway.schema.scalars import DateTime, Duration, instant
from gateway.upstream import entities

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping, Sequence
    from datetime import datetime

    from gateway.context import Context
    from gateway.loaders.flight import Flight
    from gateway.schema.identity import AnyPipeline
    from gateway.upstream.entities import Item
    from gateway.upstream.paging import WholeRows

__all__ = ["READ_BY_STAGES", "READ_BY_SUMMARY", "PipelineSummary", "StageList"]

PARTIAL = (
    "Not everything is in it: the row limit cut the lists (jobs at GATEWAY_MAX_LIST_ROWS, bridges"
    " at 100; the oldest are missing), or the upstream sent a row that cannot be read."
)
# What the resolvers read of items, besides what is selected of them.
_OF_ITEMS: Final = ("name", "stage", "status", "allow_failure")
READ_BY_STAGES: Final = tuple(
    (entity, path)
    for entity in (entities.Job, entities.Bridge)
    for path in (*_OF_ITEMS, "started_at", "finished_at", "duration")
)
READ_BY_SUMMARY: Final = tuple(
    (entity, path) for entity in (entities.Job, entities.Bridge) for path in ("status", "duration")
)


# -- stages --------------------------------------------------------------------------------------


class StageOfItems:
    """The source of a stage: the latest runs in it, newest id first."""

    def __init__(self, name: str | None) -> None:
        self.name = name
        self.items: list[Item] = []

    @cached_property
    def times(self) -> tuple[list[tuple[datetime, str]], list[tuple[datetime, str]]]:
        """When its items began and ended; where they can be told."""
        began, ended = [], []
        for item in self.items:
            if (start := _moment(item.started_at)) is not None:
                began.append((start, item.started_at or ""))
            if (end := _moment(item.finished_at)) is not None:
                ended.append((end, item.finished_at or ""))
        return began, ended


class StagesOfPipeline:
    """The source of a list of stages."""

    def __init__(self, stages: list[StageOfItems], *, is_partial: bool) -> None:
        self.items = stages
        self.is_partial = is_partial


def status_of_stage(stage: StageOfItems) -> Status:
    """The status that counts (GitLab's `Ci::Status::Composite`): what may fail counts as passed
    where it failed, and not at all where it waits for somebody.
    """
    words = {_word_that_counts(item) for item in stage.items}
    for word, others in _ONLY:
        if words <= others:
            return Status(word)
    for word, found in _ANY:
        if found in words:
            return Status(word)
    known = members_by_word(Status)
    return Status.FAILED if all(word in known for word in words - _PASSED) else Status.UNKNOWN


def _word_that_counts(item: Item) -> str:
    if item.allow_failure:
        if item.status in {"failed", "canceled"}:
            return "passed with warnings"
        if item.status == "manual":
            return "ignored"
    return item.status


_PASSED: Final = frozenset({"passed with warnings", "ignored"})
# The first whose words are all there are; then the first whose word is there; else it failed.
_ONLY: Final = (
    ("skipped", {"skipped", "ignored"}),
    ("success", {"success", "skipped"} | _PASSED),
    ("created", {"created"} | _PASSED),
    ("preparing", {"preparing"} | _PASSED),
    ("canceled", {"canceled", "success", "skipped"} | _PASSED),
    ("pending", {"pending", "created", "skipped"} | _PASSED),
)
_ANY: Final = (
    ("running", "running"),
    ("running", "pending"),
    ("canceling", "canceling"),
    ("waiting_for_resource", "waiting_for_resource"),
    ("waiting_for_callback", "waiting_for_callback"),
    ("manual", "manual"),
    ("scheduled", "scheduled"),
    ("preparing", "preparing"),
    ("running", "created"),
)


def started_at_of(stage: StageOfItems) -> str | None:
    began, _ = stage.times
    return min(began)[1] if began else None


def finished_at_of(stage: StageOfItems) -> str | None:
    """The last end, once all have ended."""
    _, ended = stage.times
    return max(ended)[1] if ended and not _is_under_way(stage.items) else None


def duration_of(stage: StageOfItems) -> float | None:
    began, ended = stage.times
    if not began:
        return None
    ends = [end.timestamp() for end, _ in ended]
    for item in stage.items:
        start = _moment(item.started_at)
        if start is not None and item.finished_at is None and item.duration is not None:
            ends.append(start.timestamp() + item.duration)
    if not ends:
        return None
    return max(round(max(ends) - min(began)[0].timestamp(), 6), 0.0)


def _is_under_way(items: Sequence[Item]) -> bool:
    return any(item.finished_at is None and item.started_at is not None for item in items)


def _moment(text: str | None) -> datetime | None:
    try:
        return instant(text) if text else None
    except ValueError:
        return None


def stages_of(
    latest: Iterable[Item], every: Iterable[Item], *, is_partial: bool = False
) -> StagesOfPipeline:
    """Items by stage. Stages are in the order of the oldest of `every` run in them: pipelines are
    created stage by stage, and a retry makes a newer run.
    """
    oldest: dict[str | None, int] = {}
    for item in every:
        oldest[item.stage] = min(item.id, oldest.get(item.stage, item.id))
    stages: dict[str | None, StageOfItems] = {}
    for item in sorted(latest, key=lambda item: -item.id):
        stages.setdefault(item.stage, StageOfItems(item.stage)).items.append(item)
    in_order = sorted(stages, key=lambda name: oldest.get(name, stages[name].items[-1].id))
    return StagesOfPipeline([stages[name] for name in in_order], is_partial=is_partial)


def read_stages(context: Context, pipeline: AnyPipeline) -> Awaitable[StagesOfPipeline]:
    """Ask for the lists at once, so that what is selected beside can share them."""
    lists = context.whole(pipeline.project, pipeline.id)
    reads = lists.jobs(), lists.all_jobs(), lists.bridges()

    async def read() -> StagesOfPipeline:
        jobs, every, bridges = await whole_rows(reads)
        is_partial = jobs.is_partial or every.is_partial or bridges.is_partial
        latest = [*jobs.readable, *bridges.readable]
        return stages_of(latest, [*latest, *every.readable], is_partial=is_partial)

    return read()


async def whole_rows(reads: Iterable[Flight[Any]]) -> list[WholeRows[Any]]:
    """The lists, read side by side; raises what the first of them failed with."""
    rows: list[WholeRows[Any]] = []
    for outcome in await outcomes(reads):
        if isinstance(outcome, Exception):
            raise outcome
        rows.append(outcome)
    return rows


@strawberry.type(
    description=(
        "The latest runs in one stage. Stages stand in the order of the oldest run in them, retried"
        " ones included, so no retry moves one; only a stage of nothing but retried bridges, which"
        " the upstream hides, can move."
    )
)
class Stage:
    name: str | None = plain("name", "Name; null where the upstream does not tell an item's stage.")
    status: Status = derived(
        status_of_stage,
        "The status that counts, as the upstream's own pages show it: an item that may fail counts"
        " as a success where it failed or was canceled, and not at all where it waits for somebody."
        " UNKNOWN where a word that nobody knows decides.",
    )
    started_at: DateTime | None = derived(started_at_of, "When its first item began to run.")
    finished_at: DateTime | None = derived(
        finished_at_of, "When its last item ended; null while one runs."
    )
    duration: Duration | None = derived(
        duration_of, "From the first start to the last end so far, in seconds."
    )
    items: list[PipelineItem] = plain("items", "Its jobs and bridges, newest id first.")


@strawberry.type(description="The stages of a pipeline, in running order.")
class StageList:
    nodes: list[Stage] = plain("items", "The stages.")
    partial: bool = plain("is_partial", PARTIAL)


# -- figures -------------------------------------------------------------------------------------


class Figures:
    """The source of a summary: all items, newest id first."""

    def __init__(self, items: list[Item], *, is_partial: bool) -> None:
        self.items = items
        self.is_partial = is_partial


class Count:
    """The source of a count."""

    def __init__(self, status: Status, count: int) -> None:
        self.status = status
        self.count = count


def read_figures(context: Context, pipeline: AnyPipeline) -> Awaitable[Figures]:
    """Ask for the lists at once, as for stages."""
    lists = context.whole(pipeline.project, pipeline.id)
    reads = lists.jobs(), lists.bridges()

    async def read() -> Figures:
        jobs, bridges = await whole_rows(reads)
        items = sorted([*jobs.readable, *bridges.readable], key=lambda item: -item.id)
        return Figures(items, is_partial=jobs.is_partial or bridges.is_partial)

    return read()


def total_of(figures: Figures) -> int:
    return len(figures.items)


def counts_of(figures: Figures) -> list[Count]:
    members = members_by_word(Status)
    counts = Counter(members.get(item.status, Status.UNKNOWN) for item in figures.items)
    return [Count(status, counts[status]) for status in Status if counts[status]]


def failed_of(figures: Figures) -> list[Item]:
    return [item for item in figures.items if item.status == "failed"]


def failed_count_of(figures: Figures) -> int:
    return len(failed_of(figures))


def longest_of(figures: Figures) -> Item | None:
    """The first of the longest."""
    timed = [item for item in figures.items if item.duration is not None]
    return max(timed, key=lambda item: (item.duration or 0.0, -item.id), default=None)


def compute_time_of(figures: Figures) -> float:
    return round(sum(item.duration or 0.0 for item in figures.items), 6)


@strawberry.type(description="How many items have a status.")
class StatusCount:
    status: Status = plain("status", "The status.")
    count: int = plain("count", "How many have it; at least 1.")


def failed_shown(arguments: Mapping[str, Any]) -> int:
    first: int = arguments["first"]
    return max(first, 0)


@strawberry.type(
    description="Figures over the latest runs of all jobs and bridges of a pipeline.",
)
class PipelineSummary:
    total: int = derived(total_of, "How many items there are.")
    partial: bool = plain("is_partial", f"The figures are of the rows that were read. {PARTIAL}")
    by_status: list[StatusCount] = derived(
        counts_of,
        "How many have each status, in the order of the enum; none of which there is no item.",
    )
    failed_count: int = derived(failed_count_of, "How many failed, those that may among them.")
    longest: PipelineItem | None = derived(
        longest_of, "The item that ran longest; null where none has run."
    )
    compute_time: Duration = derived(
        compute_time_of,
        "Sum of the running times of all items, in seconds; a bridge that waits for the pipeline it"
        " started runs as long.",
    )

    @edge(
        "Those that failed, newest id first. Cost: 0.",
        cost=Cost(rows=failed_shown, stays=True),
    )
    def failed(
        parent: strawberry.Parent[Figures],
        info: Info,
        first: Annotated[
            int, strawberry.argument(description="How many at most, from the newest on.")
        ] = 20,
    ) -> Gives[list[PipelineItem] | None]:
        return failed_of(parent)[: max(first, 0)]
