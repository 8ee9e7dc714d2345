"""The pipelines below a pipeline, level by level: those that its bridges started, those that
theirs started, and so on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gateway.loaders.flight import outcomes

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.loaders.whole import PipelineLists
    from gateway.upstream.entities import Bridge, Pipeline, ProjectKey
    from gateway.upstream.paging import WholeRows

__all__ = ["Descendant", "Descendants", "read_descendants"]


class Descendant(Struct):
    """A pipeline, the bridge that started it, and how far below it lies (1: a child). `pipeline` is
    the error for one whose own bridges cannot be read.
    """

    depth: int
    bridge: Bridge
    pipeline: Pipeline | Exception


class Descendants(Struct):
    """Breadth first; `is_partial` where a limit, or an unreadable row, left some out."""

    items: list[Descendant]
    is_partial: bool


async def read_descendants(
    lists_of: Callable[[ProjectKey, int], PipelineLists],
    project_of: Callable[[Pipeline], ProjectKey],
    project: ProjectKey,
    pipeline_id: int,
    *,
    max_depth: int,
    at_most: int,
) -> Descendants:
    """The pipelines below one. Cost: 1 call for it and for each pipeline above the greatest depth,
    those of a level side by side.
    """
    # Ids of pipelines are the upstream's, not their project's.
    known = {pipeline_id}

    def started(rows: WholeRows[Bridge], depth: int) -> list[Descendant]:
        found.is_partial |= rows.is_partial
        nodes = []
        for bridge in rows.readable:
            pipeline = bridge.downstream_pipeline
            if pipeline is not None and pipeline.id not in known:
                known.add(pipeline.id)
                nodes.append(Descendant(depth, bridge, pipeline))
        return nodes

    found = Descendants([], is_partial=False)
    level = started(await lists_of(project, pipeline_id).bridges(), 1)
    while level:
        room = at_most - len(found.items)
        found.is_partial |= len(level) > room
        found.items += level[:room]
        depth = level[0].depth + 1
        if depth > max_depth or len(level) > room:
            break
        pipelines = [node.bridge.downstream_pipeline for node in level]
        reads = [
            lists_of(project_of(pipeline), pipeline.id).bridges()
            for pipeline in pipelines
            if pipeline
        ]
        below: list[Descendant] = []
        for node, outcome in zip(level, await outcomes(reads), strict=True):
            if isinstance(outcome, Exception):
                node.pipeline = outcome
            else:
                below += started(outcome, depth)
        level = below
    return found
