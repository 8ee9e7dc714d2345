"""upstream.md, 7: the state machine, cell by cell, by a maintainer on the newest profile.

`test_state_machine.py` walks the same table at random.
"""

import pytest

# A cell: status of the answer, and what became of the job: "same" or "new" id and its status.
NOT_RETRYABLE = (403, "403 Forbidden - Job is not retryable")
NOT_ERASABLE = (403, "403 Forbidden - Job is not erasable!")
UNPLAYABLE = (400, "400 Bad request - Unplayable Job")
PLAIN = (403, "403 Forbidden")
UNKNOWN = (404, "404 Not found")
NEW = ("new", "pending")
QUEUED = ("same", "pending")
CANCELED = ("same", "canceled")

#        state: (cancel, retry, play of a manual job, erase of a job with a log)
TABLE = {
    "created": (CANCELED, NOT_RETRYABLE, UNPLAYABLE, NOT_ERASABLE),
    "waiting_for_resource": (CANCELED, NOT_RETRYABLE, UNPLAYABLE, NOT_ERASABLE),
    "preparing": (CANCELED, NOT_RETRYABLE, UNPLAYABLE, NOT_ERASABLE),
    "waiting_for_callback": (CANCELED, NOT_RETRYABLE, UNPLAYABLE, NOT_ERASABLE),
    "pending": (CANCELED, NOT_RETRYABLE, UNPLAYABLE, NOT_ERASABLE),
    "running": (CANCELED, NOT_RETRYABLE, UNPLAYABLE, NOT_ERASABLE),
    "canceling": (("same", "canceling"), NEW, NEW, NOT_ERASABLE),
    "scheduled": (CANCELED, NOT_RETRYABLE, QUEUED, NOT_ERASABLE),
    "manual": (CANCELED, NOT_RETRYABLE, QUEUED, NOT_ERASABLE),
    "success": (("same", "success"), NEW, NEW, ("same", "success")),
    "failed": (("same", "failed"), NEW, NEW, ("same", "failed")),
    "canceled": (("same", "canceled"), NEW, NEW, ("same", "canceled")),
    "skipped": (("same", "skipped"), NOT_RETRYABLE, UNPLAYABLE, ("same", "skipped")),
}
ACTIONS = ("cancel", "retry", "play", "erase")
SUCCESS = {"cancel": 201, "retry": 201, "play": 200, "erase": 201}
BRIDGE_STATUSES = [word for word in TABLE if word != "canceling"]


def act(lab, action: str, job: int):
    """What the action gave: a cell of the table."""
    answer = lab.post(f"/projects/10/jobs/{job}/{action}")
    body = answer.json()
    if answer.status != SUCCESS[action]:
        return answer.status, body["message"]
    return "same" if body["id"] == job else "new", body["status"]


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("action", ACTIONS)
def test_cell(lab, state, action):
    job = lab.job(state, when="manual", log="x")

    assert act(lab, action, job) == TABLE[state][ACTIONS.index(action)]


@pytest.mark.parametrize("state", TABLE)
def test_play_of_a_job_that_is_not_manual_is_always_400(lab, state):
    assert act(lab, "play", lab.job(state)) == UNPLAYABLE


@pytest.mark.parametrize("state", TABLE)
def test_erase_without_log_or_artifacts_is_403(lab, state):
    assert act(lab, "erase", lab.job(state)) == NOT_ERASABLE


def test_running_on_a_capable_runner(lab):
    job = lab.job("running", graceful=True)

    assert act(lab, "cancel", job) == ("same", "canceling")
    assert act(lab, "cancel", job) == ("same", "canceling")
    answer = lab.post(f"/projects/10/jobs/{job}/cancel?force=true")
    assert answer.json()["status"] == "canceled"


@pytest.mark.parametrize(
    ("state", "cells"),
    [
        ("success", (("same", "success"), NOT_RETRYABLE, UNPLAYABLE, ("same", "success"))),
        ("failed", (("same", "failed"), NOT_RETRYABLE, UNPLAYABLE, ("same", "failed"))),
        ("canceled", (("same", "canceled"), NOT_RETRYABLE, UNPLAYABLE, ("same", "canceled"))),
    ],
)
@pytest.mark.parametrize("action", ACTIONS)
def test_already_retried(lab, state, cells, action):
    job = lab.job(state, when="manual", log="x")
    lab.post(f"/projects/10/jobs/{job}/retry")

    assert act(lab, action, job) == cells[ACTIONS.index(action)]


@pytest.mark.parametrize("state", ["pending", "manual", "success", "failed"])
@pytest.mark.parametrize("action", ACTIONS)
def test_archived(lab, state, action):
    job = lab.job(state, when="manual", log="x", archived=1)

    expected = TABLE[state][0] if action == "cancel" else PLAIN
    assert act(lab, action, job) == expected


@pytest.mark.parametrize("state", BRIDGE_STATUSES)
def test_bridge(lab, state):
    def outcome(action, when="manual"):
        return act(lab, action, lab.bridge(state, when=when))

    assert outcome("cancel") == UNKNOWN
    assert outcome("erase") == UNKNOWN
    assert outcome("retry")[0] == TABLE[state][1][0]
    play = outcome("play")
    assert play[0] == "same" if state == "manual" else play == UNPLAYABLE
    assert outcome("play", when="on_success") == UNPLAYABLE


class TestRunnerSide:
    """upstream.md, 7, last paragraph."""

    def test_running_sets_started_at_and_the_end_finished_at(self, lab):
        job = lab.job("pending")
        target = f"/projects/10/jobs/{job}"

        lab.sandbox.set_status(job, "running")
        running = lab.get(target).json()
        lab.sandbox.advance(30)
        lab.sandbox.set_status(job, "failed")
        failed = lab.get(target).json()

        assert running["started_at"] is not None
        assert running["finished_at"] is None
        assert failed["finished_at"] > failed["started_at"]
        assert failed["failure_reason"]

    def test_duration_grows_while_running(self, lab):
        target = f"/projects/10/jobs/{lab.job('running')}"

        first = lab.get(target).json()["duration"]
        lab.sandbox.advance(10)
        second = lab.get(target).json()["duration"]

        assert second - first == pytest.approx(10, abs=0.01)

    def test_failed_job_skips_later_stages_and_fails_the_pipeline(self, lab):
        pipeline = lab.pipeline(status="running")
        first = lab.job("running", pipeline=pipeline, stage="build")
        follower = lab.job("created", pipeline=pipeline, stage="test")

        lab.sandbox.set_status(first, "failed")

        assert lab.get(f"/projects/10/jobs/{follower}").json()["status"] == "skipped"
        assert lab.get(f"/projects/10/pipelines/{pipeline}").json()["status"] == "failed"
