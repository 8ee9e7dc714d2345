"""The floor's share of a pipeline by stage: what it decodes of items, and the stages made of them.

By hand for what `world` holds: jobs that nobody retried, of four statuses, with times that are in
order as texts.
"""

from __future__ import annotations

import binascii
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder

__all__ = ["decode_bridges", "decode_ids", "decode_jobs", "show_stages"]


class Name(Struct, gc=False):
    username: str
    name: str


class Title(Struct, gc=False):
    short_id: str
    title: str


class Place(Struct, gc=False):
    id: int
    project_id: int


class Id(Struct, gc=False):
    id: int


class Job(Struct, gc=False):
    """A job as far as whole_pipeline.graphql shows it."""

    id: int
    name: str
    stage: str
    status: str
    ref: str
    tag: bool
    allow_failure: bool
    created_at: str
    started_at: str | None
    finished_at: str | None
    duration: float | None
    queued_duration: float | None
    coverage: float | None
    web_url: str
    user: Name
    commit: Title
    pipeline: Place
    failure_reason: str | None = None


class Bridge(Job, gc=False):
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
    pipeline = item.pipeline
    kind = "Bridge" if type(item) is Bridge else "Job"
    place = b"%b:%d:%d:%d" % (kind.encode(), pipeline.project_id, pipeline.id, item.id)
    return {
        "__typename": kind,
        "id": binascii.b2a_base64(place, newline=False).rstrip(b"=").decode(),
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
