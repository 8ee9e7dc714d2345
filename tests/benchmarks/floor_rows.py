"""What the floor decodes of the upstream's answers, and the answers it makes of it.

Only the fields that an operation shows, into their types; each is copied by one dict display.
"""

from __future__ import annotations

import binascii
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder

__all__ = [
    "Name",
    "Place",
    "Row",
    "Title",
    "WideJobFields",
    "decode_children",
    "decode_parents",
    "decode_row",
    "decode_rows",
    "decode_wide_rows",
    "global_id",
    "show_child",
    "show_row",
    "show_wide_row",
]


class Username(Struct, gc=False):
    username: str


class Name(Username, gc=False):
    name: str


class Person(Name, gc=False):
    avatar_url: str


class ShortSha(Struct, gc=False):
    short_id: str


class Title(ShortSha, gc=False):
    title: str


class Commit(Title, gc=False):
    author_name: str


class Place(Struct, gc=False):
    id: int
    project_id: int


class Pipeline(Place, gc=False):
    iid: int
    status: str


class Runner(Struct, gc=False):
    id: int
    description: str


class Artifact(Struct, gc=False):
    file_type: str
    size: int


class JobFields(Struct, gc=False):
    """What is shown of a job itself wherever it is a row."""

    id: int
    name: str
    stage: str
    status: str
    ref: str
    started_at: str | None
    finished_at: str | None
    duration: float | None
    web_url: str


class Row(JobFields, gc=False):
    """A job as far as `fragment JobRow` shows it."""

    user: Username
    commit: ShortSha
    pipeline: Place


class WideJobFields(JobFields, gc=False, kw_only=True):
    """What many_fields.graphql and whole_pipeline.graphql show besides."""

    tag: bool
    allow_failure: bool
    created_at: str
    queued_duration: float | None
    coverage: float | None
    failure_reason: str | None = None


class WideRow(WideJobFields, gc=False, kw_only=True):
    """A job as far as many_fields.graphql shows it."""

    tag_list: list[str]
    user: Person
    commit: Commit
    pipeline: Pipeline
    runner: Runner | None
    artifacts: list[Artifact]


class Parent(Struct, gc=False):
    """A job as far as nested.graphql shows it above its pipeline."""

    id: int
    name: str
    status: str
    pipeline: Pipeline


class Child(Struct, gc=False):
    """A job as far as nested.graphql shows it below a pipeline."""

    id: int
    name: str
    stage: str
    status: str
    duration: float | None
    pipeline: Place


decode_row = Decoder(Row).decode
decode_rows = Decoder(list[Row]).decode
decode_wide_rows = Decoder(list[WideRow]).decode
decode_parents = Decoder(list[Parent]).decode
decode_children = Decoder(list[Child]).decode


def global_id(place: Place, number: int, form: bytes = b"Job:%d:%d:%d") -> str:
    text = form % (place.project_id, place.id, number)
    return binascii.b2a_base64(text, newline=False).rstrip(b"=").decode()


def show_row(row: Row) -> dict[str, Any]:
    return {
        "id": global_id(row.pipeline, row.id),
        "databaseId": row.id,
        "name": row.name,
        "stage": row.stage,
        "status": row.status.upper(),
        "ref": row.ref,
        "startedAt": row.started_at,
        "finishedAt": row.finished_at,
        "duration": row.duration,
        "webUrl": row.web_url,
        "user": {"username": row.user.username},
        "commit": {"shortSha": row.commit.short_id},
    }


def show_wide_row(row: WideRow) -> dict[str, Any]:
    user, commit, pipeline, runner = row.user, row.commit, row.pipeline, row.runner
    return {
        "id": global_id(pipeline, row.id),
        "databaseId": row.id,
        "name": row.name,
        "stage": row.stage,
        "status": row.status.upper(),
        "ref": row.ref,
        "tag": row.tag,
        "allowFailure": row.allow_failure,
        "createdAt": row.created_at,
        "startedAt": row.started_at,
        "finishedAt": row.finished_at,
        "duration": row.duration,
        "queuedDuration": row.queued_duration,
        "coverage": row.coverage,
        "failureReason": row.failure_reason and row.failure_reason.upper(),
        "tagList": row.tag_list,
        "webUrl": row.web_url,
        "user": {"username": user.username, "name": user.name, "avatarUrl": user.avatar_url},
        "commit": {
            "shortSha": commit.short_id,
            "title": commit.title,
            "authorName": commit.author_name,
        },
        "pipeline": {
            "databaseId": pipeline.id,
            "iid": pipeline.iid,
            "status": pipeline.status.upper(),
        },
        "runner": runner and {"databaseId": runner.id, "description": runner.description},
        "artifacts": [
            {"fileType": artifact.file_type, "size": artifact.size} for artifact in row.artifacts
        ],
    }


def show_child(child: Child) -> dict[str, Any]:
    return {
        "id": global_id(child.pipeline, child.id),
        "databaseId": child.id,
        "name": child.name,
        "stage": child.stage,
        "status": child.status.upper(),
        "duration": child.duration,
    }
