"""What was seen under a project's path is known under its number, and the other way round."""

from __future__ import annotations

from gateway.errors import UpstreamInvalid
from gateway.loaders.seen import Seen
from gateway.upstream.entities import Bridge, Commit, Job, Pipeline

PATH = "group/project"


def job(job_id, project_id=1):
    commit = Commit(f"sha {job_id}", "short", "title")
    pipeline = Pipeline(6, project_id=project_id)
    return Job(job_id, "success", "job", commit=commit, pipeline=pipeline)


def test_nothing_is_known_of_what_was_not_seen():
    seen = Seen()
    seen.add(1, [job(5)])

    assert seen.job(1, 6) is None
    assert seen.job(2, 5) is None
    assert seen.commit(1, "sha 6") is None
    assert seen.number(PATH) is None


def test_one_project_is_known_by_both_its_names():
    seen = Seen()
    seen.add(PATH, [job(5)])
    seen.add(1, [job(6)])

    known = [seen.job(name, job_id) for name in (PATH, 1) for job_id in (5, 6)]

    assert [found and found.id for found in known] == [5, 6, 5, 6]
    assert seen.number(PATH) == 1


def test_names_are_joined_also_where_the_path_came_without_a_number():
    seen = Seen()
    nameless = Job(5, "success", "job", asked_project=PATH)
    seen.add(PATH, [nameless])
    assert seen.number(PATH) is None

    seen.add(PATH, [job(6)])

    assert seen.job(1, 5) is nameless
    assert seen.job(PATH, 6) is seen.job(1, 6)


def test_projects_are_not_mixed_up():
    seen = Seen()
    seen.add(1, [job(5, project_id=1)])
    seen.add(2, [job(6, project_id=2)])

    assert seen.job(2, 5) is None
    assert seen.job(1, 6) is None


def test_jobs_and_bridges_are_told_apart():
    seen = Seen()
    seen.add(1, [job(5)])
    seen.add(1, [Bridge(6, "success", "bridge", pipeline=Pipeline(6, project_id=1))])

    assert seen.bridge(1, 5) is None
    assert seen.job(1, 6) is None
    assert seen.bridge(1, 6).id == 6


def test_rows_that_are_neither_are_passed_over():
    seen = Seen()
    seen.add(1, [UpstreamInvalid("row", endpoint="GET"), job(5)])
    seen.add(1, [Pipeline(6, project_id=1)])
    seen.add(1, [])

    assert seen.job(1, 5).id == 5
    assert seen.job(1, 6) is None


def test_what_was_seen_last_is_what_is_known():
    seen = Seen()
    older, newer = job(5), job(5)
    seen.add(1, [older])
    assert seen.job(1, 5) is older

    seen.add(PATH, [newer])

    assert seen.job(1, 5) is newer
