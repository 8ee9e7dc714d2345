"""Filters of jobs that the gateway tests itself, as callers give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import strawberry
from strawberry import UNSET

from gateway.errors import BadInput
from gateway.schema.enums import FailureReason, members_by_word
from gateway.schema.scalars import DateTime, Duration, instant
from gateway.upstream import entities
from gateway.upstream.paging import JobTest, filtered_calls

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = [
    "DEFAULT_SCAN",
    "FILTER_CALLS",
    "READ_BY_FILTER",
    "Filter",
    "JobFilter",
    "ScanLimit",
    "instant_of",
    "test_of",
]

DEFAULT_SCAN: Final = 500
MAX_SCAN: Final = 10_000
FILTER_CALLS: Final = (
    "With filter jobs are read until enough fit, or scanLimit are read: 1 call for each 100, and at"
    " most 3 more."
)


@strawberry.input(
    description=(
        "Tests of a job that the gateway makes itself, on page after page; all that are given must"
        " hold, and lists mean any of. statuses beside it are asked for upstream, as is a single"
        " ref where the upstream knows that filter."
    )
)
class JobFilter:
    names: list[str] | None = strawberry.field(
        default=UNSET, description="Names; * stands for any run of characters."
    )
    stages: list[str] | None = strawberry.field(default=UNSET, description="Stages.")
    refs: list[str] | None = strawberry.field(default=UNSET, description="Branches and tags.")
    tag_list: list[str] | None = strawberry.field(
        default=UNSET, description="Runner tags that must all be asked for."
    )
    failure_reasons: list[FailureReason] | None = strawberry.field(
        default=UNSET, description="Reasons of failures; UNKNOWN for words nobody knows."
    )
    sources: list[str] | None = strawberry.field(
        default=UNSET,
        description="What created the job, e.g. push; none fits where the upstream does not tell.",
    )
    has_artifacts: bool | None = strawberry.field(
        default=UNSET, description="Left files besides its log, or did not."
    )
    allow_failure: bool | None = strawberry.field(
        default=UNSET, description="May fail, or may not."
    )
    created_after: DateTime | None = strawberry.field(
        default=UNSET,
        description=(
            "Created after this instant. Lists run from new to old, so from the newest on this also"
            " ends the reading."
        ),
    )
    min_duration: Duration | None = strawberry.field(
        default=UNSET, description="Ran at least so many seconds."
    )


Filter: TypeAlias = Annotated[
    JobFilter | None,
    strawberry.argument(description="Only those that pass these tests of the gateway's."),
]
ScanLimit: TypeAlias = Annotated[
    int,
    strawberry.argument(
        description="With filter: how many jobs are read at most, 1 to 10,000. A page that ends by"
        " it may hold few jobs or none: go on after its endCursor while hasNextPage."
    ),
]
# What is read of jobs where a filter is given.
READ_BY_FILTER: Final = tuple(
    (entities.Job, path)
    for path in (
        "name",
        "stage",
        "ref",
        "tag_list",
        "failure_reason",
        "source",
        "artifacts.file_type",
        "artifacts_file.filename",
        "allow_failure",
        "created_at",
        "duration",
    )
)


def test_of(filter: JobFilter | None, scan_limit: int) -> JobTest | None:
    """The test that a filter means; None where it lets everything pass. Raises `BadInput`."""
    if not is_filtering(filter):
        return None
    if not 1 <= scan_limit <= MAX_SCAN:
        raise BadInput(f"scanLimit: {scan_limit} is out of range; ask for 1 to {MAX_SCAN:,}")
    given: dict[str, Any] = {
        name: value for name, value in vars(filter).items() if value is not UNSET
    }
    reasons = given.get("failure_reasons")
    return JobTest(
        names=_whole(given.get("names")),
        stages=_set(given.get("stages")),
        refs=_set(given.get("refs")),
        tags=_set(given.get("tag_list")),
        failure_reasons=None if reasons is None else frozenset(each.value for each in reasons),
        known_reasons=frozenset(members_by_word(FailureReason)),
        sources=_set(given.get("sources")),
        has_artifacts=given.get("has_artifacts"),
        allow_failure=given.get("allow_failure"),
        created_after=_instant(given.get("created_after"), "filter.createdAfter"),
        min_duration_s=_seconds(given.get("min_duration")),
        max_rows=scan_limit,
    )


def is_filtering(filter: JobFilter | None) -> bool:
    """Is any test given?"""
    return bool(filter) and any(value is not UNSET for value in vars(filter).values())


def calls_with_filter(arguments: Mapping[str, Any]) -> int:
    """Calls that a filter may take; 0 without one."""
    if not is_filtering(arguments.get("filter")):
        return 0
    after, before = arguments.get("after"), arguments.get("before")
    return filtered_calls(
        min(max(arguments["scan_limit"], 0), MAX_SCAN),
        backward=bool(arguments.get("last") or before),
        has_cursor=bool(after or before),
    )


def _whole(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _instant(text: Any, argument: str) -> datetime | None:
    return None if text is None else instant_of(text, argument)


def instant_of(text: str, argument: str) -> datetime:
    """The instant that an argument gives, in UTC where it names no offset; raises `BadInput`."""
    try:
        return instant(text)
    except (TypeError, ValueError):
        raise BadInput(
            f"{argument}: not an instant: {text!r:.60}; give one as in 2026-11-01T09:00:00Z"
        ) from None


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise BadInput(f"filter.minDuration: not a number of seconds: {value!r:.60}")
    return float(value)
