"""The floor's share of a pipeline by stage: what it decodes of items, and the stages made of them.

By hand for what `world` holds: jobs that nobody retried, of four statuses, with times that are in
order as texts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder

from tests.benchmarks.floor_rows import Name, Place, Title, WideJobFields, global_id

__all__ = ["decode_bridges", "decode_ids", "decode_jobs", "show_stages"]


class Id(Struct, gc=False):
    id: int


class Job(WideJobFields, gc=False, kw_only=True):
    """A job as far as whole_pipeline.graphql shows it."""

    user: Name
    commit: Title
    pipeline: Place


class Bridge(Job, gc=False, kw_only=True):
    """A bridge shows the same."""


decode_ids = Decoder(list[Id]).decode
decode_jobs = Decoder(list[Job]).decode
decode_bridges = Decoder(list[Bridge]).decode


def show_stages(jobs: list[Job], bridges: list[Bridge]) -> list[dict[str, Any]]:
    """The stages, that of the oldest item first; the items of each newest first."""
    stages: dict[str, list[Job]] = {}
    for item in sorted([*jobs, *bridges], key=lambda item: -item.id):
        stages.setdefault(item.stage, []).append(item)
    in_order = sorted(stages.values(), key=lambda items: items[-1].id)
    return [_stage(items) for items in in_order]


def _stage(items: list[Job]) -> dict[str, Any]:
    began = min((item.started_at for item in items if item.started_at), default=None)
    ended = max((item.finished_at for item in items if item.finished_at), default=None)
    running = [item for item in items if item.started_at and not item.finished_at]
    return {
        "name": items[0].stage,
        "status": _status(items),
        "startedAt": began,
        "finishedAt": None if running else ended,
        "duration": _duration(began, ended, running),
        "items": [_item(item) for item in items],
    }


def _status(items: list[Job]) -> str:
    """What may fail counts as passed where it failed, and not at all where it is manual."""
    words = set()
    for item in items:
        if not item.allow_failure:
            words.add(item.status)
        elif item.status != "manual":
            words.add("success" if item.status == "failed" else item.status)
    if not words:
        return "SKIPPED"
    return next((word.upper() for word in ("running", "manual") if word in words), None) or (
        "FAILED" if "failed" in words else "SUCCESS"
    )


def _duration(began: str | None, ended: str | None, running: list[Job]) -> float | None:
    ends = [_seconds(ended)] if ended else []
    ends += [
        _seconds(item.started_at) + item.duration
        for item in running
        if item.started_at and item.duration is not None
    ]
    return max(round(max(ends) - _seconds(began), 6), 0.0) if began and ends else None


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _item(item: Job) -> dict[str, Any]:
    kind, form = (
        ("Bridge", b"Bridge:%d:%d:%d") if type(item) is Bridge else ("Job", b"Job:%d:%d:%d")
    )
    return {
        "__typename": kind,
        "id": global_id(item.pipeline, item.id, form),
        "databaseId": item.id,
        "name": item.name,
        "stage": item.stage,
        "status": item.status.upper(),
        "ref": item.ref,
        "tag": item.tag,
        "allowFailure": item.allow_failure,
        "createdAt": item.created_at,
        "startedAt": item.started_at,
        "finishedAt": item.finished_at,
        "duration": item.duration,
        "queuedDuration": item.queued_duration,
        "coverage": item.coverage,
        "failureReason": item.failure_reason and item.failure_reason.upper(),
        "webUrl": item.web_url,
        "user": {"username": item.user.username, "name": item.user.name},
        "commit": {"shortSha": item.commit.short_id, "title": item.commit.title},
    }
