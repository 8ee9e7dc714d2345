"""What jobs and bridges have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.schema.commit import Commit
from gateway.schema.enums import (
    CANCELABLE,
    PLAYABLE,
    RETRYABLE,
    FailureReason,
    Status,
)
from gateway.schema.fields import PROMISED, derived, plain
from gateway.schema.identity import project_of
from gateway.schema.node import Node
from gateway.schema.people import User
from gateway.schema.scalars import URL, BigInt, DateTime, Duration
from gateway.upstream.statuses import ACTIVE

if TYPE_CHECKING:
    from gateway.schema.pipeline import Pipeline
    from gateway.schema.project import Project
    from gateway.upstream.entities import Item

__all__ = ["PipelineItem", "is_active", "is_retryable"]


def is_active(item: Item) -> bool:
    return item.status in ACTIVE


def is_cancelable(item: Item) -> bool:
    return item.status in CANCELABLE


def is_retryable(item: Item) -> bool:
    return item.status in RETRYABLE and not item.archived


def is_playable(item: Item) -> bool:
    return item.status in PLAYABLE and not item.archived


@strawberry.interface(
    description=(
        "What a pipeline is made of: a job that a runner executes, or a bridge to another pipeline."
    )
)
class PipelineItem(Node):
    database_id: BigInt = plain("id", "Numeric id in the upstream.")
    name: str | None = plain("name", f"Name in the CI configuration. {PROMISED}", promised=True)
    stage: str | None = plain("stage", "Stage name; stages run one after another.")
    status: Status | None = plain(
        "status", f"Where it stands. {PROMISED}", enum=Status, promised=True
    )
    status_text: str | None = plain(
        "status",
        f"Upstream's own word for the status, also when Status is UNKNOWN. {PROMISED}",
        promised=True,
    )
    ref: str | None = plain("ref", f"Branch or tag the item runs for. {PROMISED}", promised=True)
    tag: bool | None = plain("tag", f"True if ref is a tag. {PROMISED}", promised=True)
    allow_failure: bool | None = plain(
        "allow_failure",
        "Failure does not fail the pipeline.",
    )
    created_at: DateTime | None = plain(
        "created_at", f"When it was created. {PROMISED}", promised=True
    )
    started_at: DateTime | None = plain("started_at", "When it began to run; null if it never did.")
    finished_at: DateTime | None = plain(
        "finished_at", "When it ended; also set where it was stopped before it began to run."
    )
    duration: Duration | None = plain("duration", "Time spent running.")
    queued_duration: Duration | None = plain("queued_duration", "Time spent waiting for a runner.")
    coverage: float | None = plain("coverage", "Coverage in percent.")
    failure_reason: FailureReason | None = plain(
        "failure_reason", "Why it failed; null unless failed.", enum=FailureReason
    )
    failure_reason_text: str | None = plain(
        "failure_reason", "Upstream's own word for the failure reason."
    )
    web_url: URL | None = plain(
        "web_url", "Address of its page; null where the upstream does not say."
    )
    commit: Commit | None = plain("commit", "The commit it runs for; null if that is gone.")
    user: User | None = plain("user", "Who started it.")
    project: Annotated[Project, strawberry.lazy("gateway.schema.project")] = derived(
        project_of,
        "The project it belongs to.",
        reads=("pipeline", "project", "web_url"),
        is_total=True,
    )
    pipeline: Annotated[Pipeline, strawberry.lazy("gateway.schema.pipeline")] | None = plain(
        "pipeline", "The pipeline it belongs to."
    )
    active: bool | None = derived(
        is_active, "Has not finished and can still change by itself.", reads=("status",)
    )
    cancelable: bool | None = derived(
        is_cancelable, "State allows jobCancel; permission is not checked.", reads=("status",)
    )
    retryable: bool | None = derived(
        is_retryable,
        "State allows jobRetry; permission is not checked, nor whether it was retried before:"
        " Job.retried tells that.",
        reads=("status", "archived"),
    )
    playable: bool | None = derived(
        is_playable,
        "State allows jobPlay; permission is not checked. A finished manual job can be played as"
        " well, but the upstream does not tell it from others.",
        reads=("status", "archived"),
    )
