"""Jobs in their order, new attempts in the place of old ones, and whose log is shown."""

from datetime import UTC, datetime

import pytest

from gateway.terminal.progress import lasting
from tests.terminal.conftest import row, update


def test_jobs_stand_stage_by_stage_as_gitlab_numbers_them(progress):
    progress.take_pipeline(
        update(
            "running",
            row(9, "notify", "created", ".post"),
            row(14, "compile", "running", "build"),
            row(5, "deploy", "created", "deploy"),
            row(3, "rspec", "created"),
            row(2, "jest", "created"),
            row(1, "lint", "success", "build"),
            row(8, "prepare", "success", ".pre"),
        )
    )

    names = [item.name for item in progress.items()]

    assert names == ["prepare", "lint", "compile", "jest", "rspec", "deploy", "notify"]


def test_a_new_attempt_takes_the_place_of_the_one_before(progress):
    progress.take_pipeline(update("failed", row(3, "rspec", "failed")))

    changed = progress.take_pipeline(
        update("running", row(7, "rspec", "running"), row(3, "rspec", "failed"))
    )

    assert [item.number for item in changed] == [7]
    assert [item.number for item in progress.items()] == [7]


def test_what_has_not_changed_is_not_told_again(progress):
    seen = update("running", row(3, "rspec", "running"))
    progress.take_pipeline(seen)

    assert progress.take_pipeline(seen) == []


def test_the_log_of_what_failed_goes_first_and_one_that_runs_stays(progress):
    looks = []
    shown = None
    for event in (
        update("running", row(1, "lint", "created"), row(2, "rspec", "pending")),
        update("running", row(2, "rspec", "running")),
        update("running", row(1, "lint", "running")),
        update("running", row(2, "rspec", "success")),
        update("running", row(1, "lint", "failed", allowFailure=True), row(3, "jest", "running")),
        update("failed", row(3, "jest", "failed")),
        update("failed", row(4, "jest", "running")),
    ):
        progress.take_pipeline(event)
        shown = progress.worth_a_look(shown)
        looks.append(shown and shown.name)

    assert looks == [None, "rspec", "rspec", "lint", "jest", "jest", "jest"]
    assert shown.number == 4


def test_names_cannot_tell_a_terminal_what_to_do(progress):
    progress.take_pipeline(update("running", row(1, "a\x1b]0;title\x07\nb", "running")))

    [item] = progress.items()

    assert item.name == "a ]0;title  b"


def test_a_bridge_tells_its_pipeline_and_has_no_log(progress):
    downstream = {"databaseId": 12, "statusText": "running"}

    progress.take_pipeline(
        update(
            "running",
            row(1, "child", "running", __typename="Bridge", downstreamPipeline=downstream),
        )
    )

    [item] = progress.items()
    assert item.note == "pipeline 12 running"
    assert progress.worth_a_look(None) is None


def test_what_runs_gets_older_and_what_has_ended_does_not(progress):
    now = datetime(2026, 1, 1, 10, 2, tzinfo=UTC)

    running = progress.take_pipeline(update("running", row(1, "lint", "running")))
    ended = progress.take_pipeline(update("running", row(2, "rspec", "success")))

    assert [running[0].lasted_s(now), ended[0].lasted_s(now)] == [120, 61.5]


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0s"), (59.9, "59s"), (60, "1m 00s"), (3725, "1h 02m")]
)
def test_durations_read_as_people_say_them(seconds, told):
    assert lasting(seconds) == told
