"""Pruned entities: decoded so far as they are read, and otherwise like whole ones."""

from typing import Any, cast

import msgspec
import pytest

from gateway.errors import UpstreamInvalid
from gateway.turns import finished
from gateway.upstream.entities import Artifact, Bridge, Commit, Job, Pipeline, PipelineDetail, User
from gateway.upstream.pruning import KEPT, WHOLE, Readers, readers_of, whole_class
from gateway.upstream.wire import Answer

PIPELINE = {"id": 6, "project_id": 1, "iid": 3, "status": "running", "ref": "main", "sha": "abc"}
ROW = {
    "id": 8,
    "status": "success",
    "name": "rspec",
    "stage": "test",
    "pipeline": PIPELINE,
    "user": {"id": 2, "username": "root", "name": "Root", "state": "active"},
    "commit": {"id": "abc", "short_id": "a", "title": "t", "message": "m"},
    "artifacts": [{"file_type": "trace", "size": 1, "filename": "job.log"}],
    "tag_list": ["a"],
}


def readers(**attributes: set[str]) -> Readers:
    classes = {entity.__name__: entity for entity in KEPT}
    return readers_of(
        frozenset((classes[name], frozenset(names)) for name, names in attributes.items())
    )


def answer(body: object) -> Answer:
    return Answer(200, lambda _: None, msgspec.json.encode(body))


def read(row: object, **attributes: set[str]) -> Job:
    return finished(readers(**attributes).jobs.one_in_steps(answer(row), endpoint="GET"))


def test_what_is_taken_is_there_and_where_it_belongs() -> None:
    job = read(ROW, Job={"name", "user"}, User={"username"}, Pipeline={"status"})

    assert job.__struct_fields__ == ("id", "name", "user", "pipeline", "asked_project")
    assert (job.id, job.name) == (8, "rspec")
    assert job.user is not None
    assert job.user.__struct_fields__ == ("username",)
    assert job.pipeline is not None
    assert job.pipeline.__struct_fields__ == ("id", "status", "project_id", "asked_project")


@pytest.mark.parametrize("row", ["whole", "pruned", "salvaged"])
def test_the_value_of_a_variable_is_not_in_what_it_shows_of_itself(row: str) -> None:
    taken = readers(PipelineVariable={"key", "value"}) if row == "pruned" else WHOLE
    kind = 7 if row == "salvaged" else "file"
    sent = [{"key": "TOKEN", "value": "s3cret", "variable_type": kind}]

    steps = taken.variables.many_in_steps(answer(sent), endpoint="GET", project=1)
    (variable,) = cast("list[Any]", finished(steps))

    assert variable.value == "s3cret"
    assert "TOKEN" in repr(variable)
    assert "s3cret" not in repr(variable)


def test_what_is_not_taken_is_an_error_never_a_null() -> None:
    job = read(ROW, Job={"name"})

    with pytest.raises(AttributeError):
        _ = job.status


def test_embedded_classes_that_are_not_named_are_whole() -> None:
    job = read(ROW, Job={"user", "artifacts"})

    assert isinstance(job.user, User)
    assert job.artifacts == [Artifact("trace", 1, "job.log", job=(1, 8))]


def test_lists_hold_pruned_items() -> None:
    job = read(ROW, Job={"artifacts"}, Artifact={"size"})

    assert job.artifacts is not None
    assert [artifact.__struct_fields__ for artifact in job.artifacts] == [("size",)]


def test_files_are_told_whose_they_are_where_that_is_read() -> None:
    told = read(ROW, Job={"artifacts"}, Artifact={"size", "job"})
    untold = read(ROW, Job={"artifacts"}, Artifact={"size"})

    assert told.artifacts is not None
    assert [artifact.job for artifact in told.artifacts] == [(1, 8)]
    assert untold.artifacts is not None
    assert not hasattr(untold.artifacts[0], "job")


def test_what_is_put_in_is_not_read_off_the_answer() -> None:
    """A key of that name would be the upstream's own matter."""
    row = {**ROW, "asked_project": "mine", "artifacts": [{"file_type": "trace", "job": {"id": 7}}]}

    for job in (read(row), read(row, Job={"artifacts"}, Artifact={"job"})):
        assert job.asked_project is None
        assert job.artifacts is not None
        assert job.artifacts[0].job == (1, 8)


def test_values_that_are_left_out_have_their_defaults() -> None:
    job = read({"id": 8}, Job={"ref", "tag", "user"}, User=set())

    assert (job.ref, job.tag, job.user, job.pipeline) == (None, None, None, None)


def test_what_is_not_taken_may_be_wrong() -> None:
    """It is not looked at; what is taken is checked as ever."""
    assert read({**ROW, "stage": 7}, Job={"name"}).name == "rspec"
    job: Any = read({**ROW, "stage": 7}, Job={"name", "stage"})
    assert (job.name, job.stage) == ("rspec", None)
    assert "stage" in job.faults


def test_a_bad_row_costs_only_its_own_place() -> None:
    body = answer([ROW, {**ROW, "id": "x"}, ROW])
    rows = finished(readers(Job={"name"}).jobs.many_in_steps(body, endpoint="GET", project=1))

    assert [row.__class__ is UpstreamInvalid for row in rows] == [False, True, False]


def test_properties_and_what_is_known_go_with_the_class() -> None:
    pruned = readers(Pipeline={"ref"}, PipelineDetail={"ref", "duration"})
    short = finished(pruned.pipelines.one_in_steps(answer(PIPELINE), endpoint="GET"))
    long = finished(
        pruned.details.one_in_steps(answer({**PIPELINE, "duration": 2}), endpoint="GET")
    )

    assert (short.project, short.known) == (1, 1)
    assert (long.project, long.known, long.duration) == (1, 2, 2)


def test_classes_are_told_by_what_they_were_pruned_from() -> None:
    pruned = readers(Job=set(), Pipeline=set(), PipelineDetail=set(), Bridge=set(), Commit=set())

    assert {whole_class(class_) for class_ in pruned.classes.values()} == {
        Job,
        Pipeline,
        PipelineDetail,
        Bridge,
        Commit,
    }
    assert whole_class(Job) is Job


def test_equal_needs_share_their_readers() -> None:
    assert readers(Job={"name", "ref"}) is readers(Job={"ref", "name"})
    assert readers() is WHOLE
    assert finished(WHOLE.jobs.one_in_steps(answer(ROW), endpoint="GET")).__class__ is Job
