"""Writes whose answers cannot be read, or do not tell what they are."""

from __future__ import annotations

import json

import pytest

DEEP = "[" * 1100 + "]" * 1100
JOB = {"id": 7, "status": "pending", "name": "build", "pipeline": {"id": 6, "project_id": 1}}


@pytest.mark.parametrize("answer", [DEEP, "{}", "[]", "null", '{"id": "x"}', "7"], ids=repr)
@pytest.mark.parametrize(
    ("action", "field"),
    [("Play", "item"), ("Cancel", "job"), ("Erase", "job")],
)
def test_a_write_whose_answer_cannot_be_read_was_done(by_hand, action, field, answer):
    by_hand.served.texts = {
        f"/projects/1/jobs/7/{action.lower()}": answer,
        "/projects/1/jobs/7": json.dumps(JOB),
    }
    by_hand.served.called.clear()

    data, errors = by_hand.planned(
        f'mutation {{ job{action}(input: {{job: {{path: {{project: "1", job: "7"}}}}}})'
        f" {{ userErrors {{ code }} {field} {{ databaseId }} }} }}"
    )

    assert errors == []
    assert data == {f"job{action}": {"userErrors": [], field: {"databaseId": 7}}}
    assert by_hand.served.called == [
        f"POST /projects/1/jobs/7/{action.lower()}",
        "GET /projects/1/jobs/7",
    ]


RETRY = (
    'mutation { jobRetry(input: {job: {path: {project: "1", job: "7"}}})'
    " { userErrors { code } item { __typename databaseId status } } }"
)


def test_the_new_attempt_of_a_retry_whose_answer_cannot_be_read_is_an_error_at_its_place(by_hand):
    by_hand.served.texts = {"/projects/1/jobs/7/retry": DEEP}

    data, errors = by_hand.planned(RETRY)

    assert data == {"jobRetry": {"userErrors": [], "item": None}}
    assert [(error["path"], error["extensions"]["code"]) for error in errors] == [
        (["jobRetry", "item"], "UPSTREAM_INVALID")
    ]
    assert "was retried" in errors[0]["message"]


def test_a_page_in_the_place_of_a_write_s_answer_says_nothing_of_the_write(by_hand):
    by_hand.served.texts = {"/projects/1/jobs/7/retry": "<html>Sign in</html>"}

    data, _ = by_hand.planned(RETRY)

    assert data["jobRetry"]["userErrors"] == [{"code": "OUTCOME_UNKNOWN"}]


# As GitLab 19.5 answers the retry of a bridge; a job of an old version may look the same.
UNTOLD = JOB | {"id": 8, "tag_list": [], "artifacts": [], "runner": None}


@pytest.mark.parametrize(
    ("answer", "is_job", "type_name", "calls"),
    [
        (UNTOLD, False, "Bridge", 2),
        (UNTOLD, True, "Job", 2),
        (UNTOLD | {"tag_list": ["bridge"]}, False, "Bridge", 1),
        (UNTOLD | {"runner_manager": None}, True, "Job", 1),
        (UNTOLD | {"tag_list": ["linux"]}, True, "Job", 1),
        (UNTOLD | {"runner": {"id": 1}}, True, "Job", 1),
        (UNTOLD | {"artifacts": [{"file_type": "trace"}]}, True, "Job", 1),
    ],
    ids=["bridge", "old job", "old bridge", "job", "tagged", "taken", "with files"],
)
def test_a_retried_bridge_is_told_from_a_job(by_hand, answer, is_job, type_name, calls):
    by_hand.served.texts = {"/projects/1/jobs/7/retry": json.dumps(answer)}
    if is_job:
        by_hand.served.texts["/projects/1/jobs/8"] = json.dumps(UNTOLD)
    by_hand.served.called.clear()

    data, errors = by_hand.planned(RETRY)

    assert errors == []
    assert data["jobRetry"]["item"] == {
        "__typename": type_name,
        "databaseId": 8,
        "status": "PENDING",
    }
    assert len(by_hand.served.called) == calls


def test_nothing_is_asked_for_where_the_new_attempt_is_not_selected(by_hand):
    by_hand.served.texts = {"/projects/1/jobs/7/retry": json.dumps(UNTOLD)}
    by_hand.served.called.clear()

    by_hand.planned(RETRY.replace("item { __typename databaseId status }", ""))

    assert by_hand.served.called == ["POST /projects/1/jobs/7/retry"]
