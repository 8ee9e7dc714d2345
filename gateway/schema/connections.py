"""Lists as Relay connections: what is asked of them, what they cost, and what they give.

The source of a connection is the `Listing` that the walk through the upstream's pages made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import strawberry
from msgspec import Struct
from strawberry import UNSET

from gateway.schema.enums import Status
from gateway.schema.fields import Cost, derived, plain
from gateway.schema.filters import calls_with_filter
from gateway.upstream.paging import (
    DEFAULT_SIZE,
    MAX_SIZE,
    FilteredListing,
    calls_at_most,
    window_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.schema.bridge import Bridge
    from gateway.schema.fields import Info
    from gateway.schema.item import PipelineItem
    from gateway.schema.job import Job
    from gateway.schema.pipeline import Pipeline
    from gateway.upstream.paging import Listing, Window

__all__ = [
    "ITEMS_COST",
    "LIST_CALLS",
    "LIST_COST",
    "PIPELINE_LIST_COST",
    "After",
    "Before",
    "BridgeConnection",
    "First",
    "JobConnection",
    "Last",
    "PipelineConnection",
    "PipelineItemConnection",
    "Statuses",
    "window_for",
]

First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="How many, from the newest on: 1 to 100; 20 if not given."),
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only those after (older than) this cursor.")
]
Last: TypeAlias = Annotated[
    int | None, strawberry.argument(description="How many, from the oldest on: 1 to 100.")
]
Before: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only those before (newer than) this cursor.")
]
Statuses: TypeAlias = Annotated[
    list[Status] | None,
    strawberry.argument(description="Only those with one of these; all if empty or not given."),
]


class Row(Struct, frozen=True, gc=False):
    """The source of an edge. The node is an exception where the upstream's row cannot be read."""

    cursor: str
    node: Any


def rows_of(listing: Listing[Any]) -> list[Row]:
    return [Row(listing.cursor_of(item), item) for item in listing.items]


def page_size(arguments: Mapping[str, Any]) -> int:
    """How many rows these arguments ask for at most. The resolver refuses what is out of range."""
    size = arguments.get("first") or arguments.get("last") or DEFAULT_SIZE
    return min(max(size, 0), MAX_SIZE)


def page_calls(arguments: Mapping[str, Any]) -> int:
    """Calls for these arguments at most, whatever is selected of the page."""
    after, before = arguments.get("after"), arguments.get("before")
    calls = calls_at_most(
        page_size(arguments),
        backward=bool(arguments.get("last") or before),
        has_cursor=bool(after or before),
    )
    return max(calls, calls_with_filter(arguments)) if arguments.get("filter") else calls


LIST_CALLS = "Cost: 1 call; with after at most 2, with last or before at most 3."
LIST_COST = Cost(calls=page_calls, rows=page_size)
# What belongs to the pipeline that is asked.
PIPELINE_LIST_COST = Cost(calls=page_calls, rows=page_size, stays=True)


def items_calls(arguments: Mapping[str, Any]) -> int:
    """Calls for a page of jobs and bridges: each list's."""
    return 2 * page_calls(arguments)


ITEMS_COST = Cost(calls=items_calls, rows=page_size, stays=True)


def window_for(
    info: Info, first: int | None, after: str | None, last: int | None, before: str | None
) -> Window:
    """The rows that these arguments ask for, and whether the page must know if there are others
    beyond; raises `BadInput`.
    """
    return info.once(_window, first, after, last, before)


def _window(
    info: Info, first: int | None, after: str | None, last: int | None, before: str | None
) -> Window:
    return window_of(
        None if first is UNSET else first,
        None if last is UNSET else last,
        None if after is UNSET else after,
        None if before is UNSET else before,
        wants_next=info.selects("pageInfo", "hasNextPage"),
        wants_previous=info.selects("pageInfo", "hasPreviousPage"),
        at_most=info.context.max_page_size,
    )


def itself(listing: Listing[Any]) -> Listing[Any]:
    """The source of a listing's `PageInfo`: the listing knows where its page lies."""
    return listing


def start_cursor_of(listing: Listing[Any]) -> str | None:
    if isinstance(listing, FilteredListing):
        return listing.start
    items = listing.items
    return listing.cursor_of(items[0]) if items else None


def end_cursor_of(listing: Listing[Any]) -> str | None:
    if isinstance(listing, FilteredListing):
        return listing.end
    items = listing.items
    return listing.cursor_of(items[-1]) if items else None


@strawberry.type(
    description=(
        "Where a page lies in its list, exact at both ends. Asking what lies on a cursor's other"
        " side may take a call more."
    )
)
class PageInfo:
    has_next_page: bool = plain("has_next", "There are further ones after endCursor.")
    has_previous_page: bool = plain("has_previous", "There are further ones before startCursor.")
    start_cursor: str | None = derived(
        start_cursor_of,
        "Cursor of the first; of the first that was read where a filter let none pass; null if"
        " empty.",
    )
    end_cursor: str | None = derived(
        end_cursor_of,
        "Cursor of the last; of the last that was read where scanLimit ended the page; null if"
        " empty.",
    )


NODE = "Null, with an error at its place, where the upstream sent a row that cannot be read."


@strawberry.type
class Connection:
    """What all connections have; no type of the schema."""

    page_info: PageInfo = derived(itself, "Where the page lies in the list.")
    total_count: int | None = plain(
        "total",
        "How many there are in all; null where the upstream does not count: jobs of a project, and"
        " lists over 10,000.",
    )


@strawberry.type
class Edge:
    cursor: str = plain("cursor", "Opaque position in the list, for after and before.")


@strawberry.type(description="A job in a list.")
class JobEdge(Edge):
    node: Annotated[Job, strawberry.lazy("gateway.schema.job")] | None = plain("node", NODE)


@strawberry.type(description="A page of jobs, newest id first.")
class JobConnection(Connection):
    edges: list[JobEdge | None] = derived(rows_of, "The jobs with their cursors.")
    nodes: list[Annotated[Job, strawberry.lazy("gateway.schema.job")] | None] = plain(
        "items", f"The jobs. {NODE}"
    )
    scanned: int = plain("scanned", "How many of the upstream's jobs were read for this page.")


@strawberry.type(description="A bridge in a list.")
class BridgeEdge(Edge):
    node: Annotated[Bridge, strawberry.lazy("gateway.schema.bridge")] | None = plain("node", NODE)


@strawberry.type(description="A page of bridges, newest id first.")
class BridgeConnection(Connection):
    edges: list[BridgeEdge | None] = derived(rows_of, "The bridges with their cursors.")
    nodes: list[Annotated[Bridge, strawberry.lazy("gateway.schema.bridge")] | None] = plain(
        "items", f"The bridges. {NODE}"
    )


@strawberry.type(description="A pipeline in a list.")
class PipelineEdge(Edge):
    node: Annotated[Pipeline, strawberry.lazy("gateway.schema.pipeline")] | None = plain(
        "node", NODE
    )


@strawberry.type(description="A page of pipelines, in the order that was asked for.")
class PipelineConnection(Connection):
    edges: list[PipelineEdge | None] = derived(rows_of, "The pipelines with their cursors.")
    nodes: list[Annotated[Pipeline, strawberry.lazy("gateway.schema.pipeline")] | None] = plain(
        "items", f"The pipelines. {NODE}"
    )
    scanned: int = plain(
        "scanned",
        "How many of the upstream's pipelines were read for this page: more than it shows where an"
        " old upstream passes over a filter, and the gateway applies it.",
    )


@strawberry.type(description="A job or bridge in a list.")
class PipelineItemEdge(Edge):
    node: Annotated[PipelineItem, strawberry.lazy("gateway.schema.item")] | None = plain(
        "node", NODE
    )


@strawberry.type(description="A page of jobs and bridges, newest id first.")
class PipelineItemConnection(Connection):
    edges: list[PipelineItemEdge | None] = derived(rows_of, "The items with their cursors.")
    nodes: list[Annotated[PipelineItem, strawberry.lazy("gateway.schema.item")] | None] = plain(
        "items", f"The jobs and bridges. {NODE}"
    )
