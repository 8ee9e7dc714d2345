"""Derived fields: pure functions of an entity, one table each."""

import msgspec
import pytest

from gateway.loaders.logs import LogOfJob
from gateway.schema import bridge, item, job
from gateway.schema.artifact import archive_of
from gateway.schema.enums import FailureReason, Status, members_by_word, status_of
from gateway.schema.identity import (
    bridge_global_id,
    job_global_id,
    pipeline_global_id,
    project_global_id,
    project_of,
    project_of_pipeline,
)
from gateway.schema.ids import global_id
from gateway.schema.item import is_active
from gateway.schema.job import is_erasable
from gateway.schema.log import is_complete
from gateway.schema.pipeline import coverage_of
from gateway.upstream import entities
from gateway.upstream.entities import Artifact, Pipeline, PipelineDetail, PipelineHandle


def a_job(status="success", **changes):
    return entities.Job(8, status, "rspec", pipeline=Pipeline(6, project_id=1), **changes)


def a_bridge(status="success", **changes):
    return entities.Bridge(8, status, "trigger", pipeline=Pipeline(6, project_id=1), **changes)


@pytest.mark.parametrize("words", [Status, FailureReason])
def test_every_member_is_its_word_in_capitals(words):
    assert members_by_word(words) == {
        "" if member.name == "UNKNOWN" else member.name.lower(): member for member in words
    }


def test_a_status_is_told_by_its_word():
    assert status_of("waiting_for_resource") is Status.WAITING_FOR_RESOURCE


@pytest.mark.parametrize("word", ["", "UNKNOWN", "unknown", "Success", "it's broken"])
def test_a_new_word_is_unknown(word):
    assert status_of(word) is Status.UNKNOWN


# Columns: active, cancelable, retryable, playable of a job; then retryable, playable of a bridge.
TABLE = {
    "created": "ac....",
    "waiting_for_resource": "ac....",
    "preparing": "ac....",
    "waiting_for_callback": "ac....",
    "pending": "ac....",
    "running": "ac....",
    "canceling": "a.r...",
    "scheduled": "ac.p..",
    "manual": ".c.p.p",
    "success": "..r.r.",
    "failed": "..r.r.",
    "canceled": "..r.r.",
    "skipped": "......",
    "paused": "......",
}


@pytest.mark.parametrize(("status", "row"), TABLE.items())
def test_what_a_status_allows(status, row):
    of_job, of_bridge = a_job(status), a_bridge(status)

    assert [
        is_active(of_job),
        item.is_cancelable(of_job),
        job.is_retryable(of_job),
        item.is_playable(of_job),
        item.is_retryable(of_bridge),
        bridge.is_playable(of_bridge),
    ] == [mark != "." for mark in row]
    assert not bridge.is_cancelable(of_bridge)


@pytest.mark.parametrize("status", TABLE)
def test_an_archived_item_allows_nothing_but_cancel(status):
    archived = a_job(status, archived=True, artifacts=[Artifact("trace")])

    assert not job.is_retryable(archived)
    assert not item.is_playable(archived)
    assert not is_erasable(archived)
    assert not bridge.is_playable(a_bridge(status, archived=True))


@pytest.mark.parametrize("status", TABLE)
def test_erasable_are_finished_jobs_that_left_something(status):
    is_finished = status in {"success", "failed", "canceled", "skipped"}

    assert is_erasable(a_job(status, artifacts=[Artifact("trace")])) is is_finished
    assert not is_erasable(a_job(status, artifacts=[]))
    assert not is_erasable(a_job(status))
    assert not is_erasable(a_job(status, artifacts=[Artifact("trace")], erased_at="2026-01-01"))


@pytest.mark.parametrize("status", TABLE)
def test_the_log_of_a_finished_job_is_complete(status):
    is_finished = status in {"success", "failed", "canceled", "skipped"}

    assert is_complete(LogOfJob(a_job(status), None)) is is_finished


def test_ids_are_made_of_places():
    assert job_global_id(a_job()) == global_id(b"Job:1:6:8")
    assert bridge_global_id(a_bridge()) == global_id(b"Bridge:1:6:8")
    assert pipeline_global_id(Pipeline(6, project_id=1)) == global_id(b"Pipeline:1:6")
    assert pipeline_global_id(PipelineHandle(6, 1)) == global_id(b"Pipeline:1:6")
    assert project_global_id(entities.ProjectHandle(1, "group/name")) == global_id(b"Project:1")


def test_ids_of_oldest_answers_are_made_of_what_was_asked():
    assert job_global_id(entities.Job(8, "failed", "a", asked_project=1)) == global_id(b"Job:1:0:8")
    placed = entities.Job(8, "failed", "a", pipeline=Pipeline(6, asked_project="group/name"))
    assert job_global_id(placed) == global_id(b"Job:group/name:6:8")


def test_the_project_of_a_job_is_its_pipelines():
    page = "https://gitlab.example/group/name/-/jobs/8"
    told = a_job(web_url=page, project=entities.ProjectFlags(ci_job_token_scope_enabled=False))

    project = project_of(told)

    assert (project.number, project.path, project.page_url) == (1, None, page)
    assert project.ci_job_token_scope_enabled is False
    assert project.known == 1


def test_the_project_of_an_oldest_answer_is_what_was_asked():
    project = project_of(entities.Job(8, "failed", "a", asked_project="group/name"))

    assert (project.number, project.path, project.known) == (None, "group/name", 0)


def test_the_project_of_a_pipeline():
    assert project_of_pipeline(PipelineHandle(6, "group/name")).path == "group/name"
    assert project_of_pipeline(Pipeline(6, project_id=1)).number == 1


@pytest.mark.parametrize(
    ("sent", "shown"),
    [(None, None), ("71.80", 71.8), (36.43, 36.43), ("", None), ("n/a", None), ("0", 0.0)],
)
def test_coverage_of_a_pipeline_is_a_number(sent, shown):
    assert coverage_of(PipelineDetail(6, coverage=sent)) == shown


def test_the_archive_is_the_one_among_the_files():
    archive = Artifact("archive", 1_381_606_499, "artifacts.zip", "zip")
    left = a_job(artifacts=[Artifact("trace"), archive])

    assert archive_of(left) is archive


def test_the_archive_of_an_answer_without_files_is_its_own_key():
    left = a_job(artifacts_file=entities.ArchiveFile("build.zip", 1000))

    assert archive_of(left) == Artifact("archive", 1000, "build.zip", job=(1, 8))


@pytest.mark.parametrize("file", [None, entities.ArchiveFile()])
def test_no_archive_is_null(file):
    assert archive_of(a_job(artifacts=[Artifact("trace")], artifacts_file=file)) is None


def test_functions_take_the_barest_answers():
    barest = msgspec.json.decode(b'{"id":1,"status":"x","name":"y"}', type=entities.Job)

    for function in (
        is_active,
        item.is_cancelable,
        job.is_retryable,
        item.is_playable,
        is_erasable,
        job_global_id,
        project_of,
        archive_of,
    ):
        function(barest)
