"""Bridges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.schema.fields import derived, plain
from gateway.schema.identity import bridge_global_id
from gateway.schema.item import PipelineItem
from gateway.schema.scalars import DateTime

if TYPE_CHECKING:
    from gateway.schema.pipeline import Pipeline
    from gateway.upstream import entities

__all__ = ["Bridge"]


def is_cancelable(_bridge: entities.Bridge) -> bool:
    """Never: the upstream's cancel knows no bridges."""
    return False


def is_playable(bridge: entities.Bridge) -> bool:
    return bridge.status == "manual" and not bridge.archived


@strawberry.type(description="A trigger job: starts another pipeline and stands for it.")
class Bridge(PipelineItem):
    id: strawberry.ID = derived(
        bridge_global_id,
        "Opaque, stable, unique over all types.",
        reads=("pipeline",),
        is_total=True,
    )
    erased_at: DateTime | None = plain("erased_at", "Always null: a bridge has nothing to erase.")
    downstream_pipeline: Annotated[Pipeline, strawberry.lazy("gateway.schema.pipeline")] | None = (
        plain(
            "downstream_pipeline",
            "The pipeline it started, possibly in another project; null until started.",
            elsewhere=True,
        )
    )
    cancelable: bool = derived(
        is_cancelable, "Always false: the upstream cancels no bridges.", reads=()
    )
    playable: bool | None = derived(
        is_playable,
        "State allows jobPlay; permission is not checked.",
        reads=("status", "archived"),
    )
