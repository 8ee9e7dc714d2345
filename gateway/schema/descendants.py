"""The pipelines below a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import strawberry

from gateway.errors import BadInput
from gateway.schema.bridge import Bridge
from gateway.schema.fields import derived, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.loaders.descendants import Descendant
    from gateway.schema.pipeline import Pipeline
    from gateway.upstream import entities

__all__ = [
    "MAX_DEPTH",
    "MAX_DESCENDANTS",
    "AtMost",
    "MaxDepth",
    "PipelineDescendantList",
    "check_reach",
    "descendants_calls",
    "descendants_shown",
]

MAX_DEPTH: Final = 5
MAX_DESCENDANTS: Final = 50

MaxDepth: TypeAlias = Annotated[
    int, strawberry.argument(description="How far down: 1 gives children only; at least 1.")
]
AtMost: TypeAlias = Annotated[
    int, strawberry.argument(description="How many at most, from the top on; at least 1.")
]


def check_reach(max_depth: int, first: int) -> None:
    """Raise `BadInput` where nothing could be found."""
    for name, number in (("maxDepth", max_depth), ("first", first)):
        if number < 1:
            raise BadInput(f"{name}: {number} is out of range; ask for at least 1")


def descendants_calls(arguments: Mapping[str, Any]) -> int:
    """The pipeline itself, and each one below it but for those at the greatest depth."""
    return 1 + (descendants_shown(arguments) if arguments["max_depth"] > 1 else 0)


def descendants_shown(arguments: Mapping[str, Any]) -> int:
    first: int = arguments["first"]
    return max(first, 0)


def bridge_of(descendant: Descendant) -> entities.Bridge:
    return descendant.bridge


def pipeline_of(descendant: Descendant) -> Any:
    return descendant.pipeline


@strawberry.type(description="A pipeline below another one, and the bridge that started it.")
class PipelineDescendant:
    depth: int = plain("depth", "1 for a child, 2 for a grandchild, and so on.")
    bridge: Bridge = derived(bridge_of, "The bridge that started it.", elsewhere=True)
    pipeline: Annotated[Pipeline, strawberry.lazy("gateway.schema.pipeline")] | None = derived(
        pipeline_of,
        "The pipeline; null, with an error at its place, where its own bridges cannot be read: its"
        " project is not visible, for example. Those at maxDepth are told as their bridges tell"
        " them.",
        elsewhere=True,
    )


@strawberry.type(description="Pipelines below a pipeline, breadth first.")
class PipelineDescendantList:
    nodes: list[PipelineDescendant] = plain("items", "The pipelines.")
    partial: bool = plain(
        "is_partial",
        "There are more: first cut the list, one of the pipelines has more than 100 bridges, or the"
        " upstream sent a bridge that cannot be read. What maxDepth leaves out does not count.",
    )
