"""Parts of an answer that are lacking or can be no such thing: told as the upstream's fault."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.schema.ids import global_id


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ({"ref": None}, {"ref": None}),
        ({"created_at": None}, {"createdAt": None}),
        ({"tag": None}, {"tag": None}),
        ({"commit": {"id": "abc"}}, {"commit": {"sha": "abc", "title": None, "authorName": None}}),
    ],
    ids=str,
)
def test_what_all_upstreams_send_is_null_with_an_error_where_it_is_lacking(by_hand, row, shown):
    whole = {
        "id": 7,
        "status": "success",
        "name": "build",
        "ref": "main",
        "tag": False,
        "created_at": "2026-01-01T00:00:00.000Z",
        "pipeline": {"id": 6, "project_id": 1},
    }
    by_hand.served.texts = {"/projects/1/jobs": json.dumps([whole | row])}

    data, errors = by_hand.planned(
        "{ project(id: 1) { jobs { nodes { databaseId name ref tag createdAt"
        " commit { sha title authorName } } } } }"
    )

    (node,) = data["project"]["jobs"]["nodes"]
    assert (node["databaseId"], node["name"]) == (7, "build")
    assert {name: node[name] for name in shown} == shown
    (field,) = shown
    place = ["project", "jobs", "nodes", 0, field]
    assert {error["extensions"]["code"] for error in errors} == {"UPSTREAM_INVALID"}
    assert {tuple(error["path"][:5]) for error in errors} == {tuple(place)}


ABSURD: dict[str, Any] = {
    "project_id": {"pipeline": {"id": 6, "project_id": -1}},
    "id": {"id": -1},
    "user": {"user": {"id": -5, "username": "a", "name": "a"}},
    "runner": {"runner": {"id": 0}},
    "pipeline": {"pipeline": {"id": -6, "project_id": 1}},
    "artifact": {"artifacts": [{"file_type": "archive", "size": -1}]},
}


@pytest.mark.parametrize("absurd", ABSURD)
def test_no_absurd_number_is_given_out_or_told_as_the_callers_fault(by_hand, absurd):
    place = {"id": 6, "project_id": 1}
    whole: dict[str, Any] = {"id": 7, "status": "success", "name": "build", "pipeline": place}
    by_hand.served.texts = {
        "/projects/1/jobs": json.dumps([whole | ABSURD[absurd]]),
        "/projects/1/pipelines/6/jobs": "[]",
    }

    data, errors = by_hand.planned(
        "{ project(id: 1) { jobs { nodes { id databaseId project { id } user { databaseId }"
        " runner { databaseId } artifacts { size } pipeline { id jobs { nodes { id } } } } } } }"
    )

    assert "-" not in json.dumps(data)
    assert {error["extensions"]["code"] for error in errors} <= {"UPSTREAM_INVALID"}
    # The project that was asked stands in for the one that is told so badly.
    assert bool(errors) == (absurd != "project_id")
    [node] = data["project"]["jobs"]["nodes"]
    if node is not None:
        assert node["project"]["id"] == global_id(b"Project:1")


@pytest.mark.parametrize("number", [-1, 0, "x", None])
def test_a_downstream_pipeline_of_no_known_project_is_not_asked_on_from(by_hand, number):
    place = {"id": 6, "project_id": 1}
    bridge: dict[str, Any] = {"id": 9, "status": "success", "name": "b", "pipeline": place}
    by_hand.served.texts = {
        "/projects/1/pipelines/6/bridges": json.dumps(
            [bridge | {"downstream_pipeline": {"id": 5, "project_id": number, "status": "failed"}}]
        )
    }

    data, errors = by_hand.planned(
        '{ pipeline(by: {path: {project: "1", pipeline: "6"}}) { bridges { nodes { databaseId'
        " downstreamPipeline { databaseId project { databaseId } jobs { nodes { id } } } } } } }"
    )

    [node] = data["pipeline"]["bridges"]["nodes"]
    assert {error["extensions"]["code"] for error in errors} == {"UPSTREAM_INVALID"}
    assert node["databaseId"] == 9
    # One that is not told at all is shown, as those of the oldest upstreams are.
    shown = {"databaseId": 5, "project": {"databaseId": None}, "jobs": None}
    assert node["downstreamPipeline"] == (shown if number is None else None)
