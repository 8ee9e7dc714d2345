"""What counts as a change of a job, a bridge or a pipeline.

Some values of a thing that runs move by themselves with every answer: how long it has been running,
when its runner was heard of last. They are told with the next change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from gateway.upstream.statuses import ACTIVE, FINISHED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.upstream.entities import Item, Pipeline, PipelineDetail

__all__ = ["CHANGED_AT_ONCE", "Change", "has_changed", "has_moved", "is_moving", "rests"]

# Items that are told together at most: what is selected of them is bounded so.
CHANGED_AT_ONCE: Final = 100

_MOVING: Final = frozenset({"duration", "queued_duration", "updated_at", "runner_manager"})
# What waits for another job or for its time is told by the pipeline's own page when it begins.
_STARTED: Final = ACTIVE - {"created", "scheduled"}
# What an item embeds and does not own: the same in each of its states.
_EMBEDDED: Final = frozenset({"commit", "user", "project", "pipeline"})


class Change(Struct, frozen=True, eq=False):
    """A pipeline as it is now, and its jobs and bridges that are new or have changed, newest id
    first.
    """

    pipeline: PipelineDetail
    items: tuple[Item, ...]

    def parts(self) -> list[Change]:
        """The same in as many parts as it takes."""
        starts = range(0, max(1, len(self.items)), CHANGED_AT_ONCE)
        return [
            Change(self.pipeline, self.items[start : start + CHANGED_AT_ONCE]) for start in starts
        ]

    def after(self, earlier: Change) -> Change:
        """Both as one: the last state of each item."""
        items = {item.id: item for item in (*earlier.items, *self.items)}
        ordered = sorted(items.values(), key=lambda item: item.id, reverse=True)
        return Change(self.pipeline, tuple(ordered))


def has_changed(old: Item | Pipeline | None, new: Item | Pipeline) -> bool:
    """Is there more to tell of the new state than that time has passed?"""
    if old is None or old.__class__ is not new.__class__:
        return True
    is_over = new.status in FINISHED
    for name in new.__struct_fields__:
        if name in _EMBEDDED or (name in _MOVING and not is_over):
            continue
        before, after = getattr(old, name), getattr(new, name)
        if before is after:
            continue
        if name == "downstream_pipeline":
            if _status(before) != _status(after):
                return True
        elif before != after:
            return True
    return False


def rests(parts: Mapping[str, Any]) -> bool:
    """Does a pipeline wait for somebody, so that nothing of it moves by itself? `parts` are its
    page, its jobs and its bridges.
    """
    status = parts["page"].status
    return status not in _STARTED | {"created"} and not any(
        map(is_moving, (*parts["jobs"], *parts["bridges"]))
    )


def is_moving(item: Item) -> bool:
    """Is a job or bridge under way, or the pipeline that it stands for?"""
    downstream = getattr(item, "downstream_pipeline", None)
    return item.status in _STARTED or (downstream is not None and downstream.status in ACTIVE)


def has_moved(before: Any, after: Any) -> bool:
    """Has a pipeline's page or a list of it changed since, or can it not be read?"""
    if isinstance(after, BaseException):
        return True
    if isinstance(after, list):
        return len(before) != len(after) or any(map(has_changed, before, after))
    return before.updated_at != after.updated_at or has_changed(before, after)


def _status(pipeline: Pipeline | None) -> tuple[int, str | None] | None:
    return None if pipeline is None else (pipeline.id, pipeline.status)
