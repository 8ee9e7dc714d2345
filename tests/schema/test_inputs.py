"""How callers name jobs and pipelines, and what is refused before any call."""

import pytest

from gateway.errors import BadInput
from gateway.schema.enums import Status, status_words
from gateway.schema.ids import global_id
from gateway.schema.inputs import (
    JobPath,
    JobRef,
    PipelinePath,
    PipelineRef,
    Target,
    number_of,
    pipeline_target,
    project_key,
    target_of,
)
from gateway.upstream.web_urls import WebUrls

URLS = WebUrls("https://gitlab.example/api/v4", None)


def test_a_job_by_id_knows_its_pipeline_and_what_it_is():
    ref = JobRef(id=global_id(b"Job:1:6:8"))

    assert target_of(ref, URLS) == Target(1, 8, "id", 6, is_bridge=False)


def test_a_bridge_by_id_is_a_bridge():
    ref = JobRef(id=global_id(b"Bridge:1:6:9"))

    assert target_of(ref, URLS) == Target(1, 9, "id", 6, is_bridge=True)


def test_an_id_of_an_oldest_answer_names_no_pipeline():
    assert target_of(JobRef(id=global_id(b"Job:1:0:8")), URLS).pipeline_id is None


@pytest.mark.parametrize(("project", "key"), [("1", 1), ("group/sub/name", "group/sub/name")])
def test_a_job_by_path(project, key):
    ref = JobRef(path=JobPath(project=project, job="16862751507"))

    assert target_of(ref, URLS) == Target(key, 16_862_751_507, "path")


def test_a_job_by_the_address_of_its_page():
    ref = JobRef(web_url="https://gitlab.example/group/name/-/jobs/8")

    assert target_of(ref, URLS) == Target("group/name", 8, "webUrl")


def test_a_pipeline_in_each_way():
    page = "https://gitlab.example/group/name/-/pipelines/6"

    assert pipeline_target(PipelineRef(id=global_id(b"Pipeline:1:6")), URLS) == (1, 6)
    assert pipeline_target(PipelineRef(web_url=page), URLS) == ("group/name", 6)
    path = PipelinePath(project="group/name", pipeline="6")
    assert pipeline_target(PipelineRef(path=path), URLS) == ("group/name", 6)


@pytest.mark.parametrize("plain", ["Pipeline:1:6", "Project:1"])
def test_an_id_of_something_else_is_no_job(plain):
    with pytest.raises(BadInput, match=r"names a \w+, not a job"):
        target_of(JobRef(id=global_id(plain.encode())), URLS)


def test_an_id_of_a_job_is_no_pipeline():
    with pytest.raises(BadInput, match="names a job, not a pipeline"):
        pipeline_target(PipelineRef(id=global_id(b"Job:1:6:8")), URLS)


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "+1", "1.0", "1e3", "0x1", " 1", "1_0", "eight", "\N{SUPERSCRIPT TWO}"]
)
def test_a_number_is_digits(text):
    with pytest.raises(BadInput, match="job: not a numeric id"):
        number_of(text, "job")


@pytest.mark.parametrize("text", [str(2**63), "1" * 21, "9" * 5000])
def test_a_number_has_64_bits(text):
    with pytest.raises(BadInput):
        number_of(text, "job")


def test_the_largest_number_passes():
    assert number_of(str(2**63 - 1), "job") == 2**63 - 1


@pytest.mark.parametrize(
    "text", ["", "name", "-1", "1.5", "0", "a/../b", "/a/b", "a/b/", "a//b", "a%2Fb", "a/b?c=d"]
)
def test_a_project_is_a_number_or_a_path(text):
    with pytest.raises(BadInput, match="project"):
        project_key(text)


def test_statuses_are_words_once_in_one_order():
    assert status_words([Status.RUNNING, Status.FAILED, Status.RUNNING]) == ("running", "failed")
    assert status_words([]) == status_words(None) == ()


def test_unknown_is_no_filter():
    with pytest.raises(BadInput, match="UNKNOWN"):
        status_words([Status.UNKNOWN])
