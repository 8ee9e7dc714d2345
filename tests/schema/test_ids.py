"""Global ids: opaque, one for a thing, and never accepted in another spelling."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput
from gateway.schema.ids import GlobalId, count_logs, global_id, names_log, parse_global_id

numbers = st.integers(1, 2**63 - 1)


def test_its_form_is_base64_without_padding():
    assert global_id(b"Job:1:6:16862751507") == "Sm9iOjE6NjoxNjg2Mjc1MTUwNw"


@given(st.sampled_from(["Job", "JobLog", "Bridge"]), numbers, numbers, numbers)
def test_ids_of_jobs_and_bridges_come_back(type_name, project, pipeline, number):
    text = global_id(f"{type_name}:{project}:{pipeline}:{number}".encode())

    assert parse_global_id(text) == GlobalId(type_name, project, (pipeline, number))
    assert "=" not in text


@given(
    st.sampled_from(["Job", "JobLog", "JobLogs", "Bridge", "Pipeline"]),
    st.lists(numbers.map(str) | st.just("x"), max_size=4),
)
def test_an_id_names_a_log_where_it_is_taken_apart_as_one(type_name, rest):
    text = global_id(":".join([type_name, *rest]).encode())

    try:
        is_log = parse_global_id(text).type_name == "JobLog"
    except BadInput:
        is_log = False
    assert names_log(text) is is_log
    assert count_logs(["x", text, text]) == 2 * is_log


@given(numbers, numbers)
def test_ids_of_pipelines_and_projects_come_back(project, pipeline):
    assert parse_global_id(global_id(f"Pipeline:{project}:{pipeline}".encode())) == GlobalId(
        "Pipeline", project, (pipeline,)
    )
    assert parse_global_id(global_id(f"Project:{project}".encode())) == GlobalId(
        "Project", project, ()
    )


def test_a_project_that_only_has_a_path_comes_back():
    assert parse_global_id(global_id(b"Job:group/name:6:8")) == GlobalId(
        "Job", "group/name", (6, 8)
    )


@given(st.text(max_size=40))
def test_no_text_makes_it_fail_otherwise(text):
    try:
        parsed = parse_global_id(text)
    except BadInput:
        return
    assert global_id(":".join(map(str, (parsed[0], parsed[1], *parsed[2]))).encode()) == text


@pytest.mark.parametrize(
    "plain",
    [
        "",
        "Job",
        "Job:1",
        "Job:1:6",
        "Job:1:6:8:9",
        "Job:1:6:eight",
        "Job:1:6:-8",
        "Job:1:6:+8",
        "Job:1:6: 8",
        "Job:1:6:08",
        "Job:1:6:1_0",
        "Job:1:6:9223372036854775808",
        f"Job:{'9' * 5000}:6:8",
        "Job::6:8",
        "Job:0:6:8",
        "User:1",
        "Project:",
        "Project:1:2",
        "Pipeline:1",
        "job:1:6:8",
    ],
)
def test_what_is_no_id_is_refused(plain):
    with pytest.raises(BadInput, match="not a global id"):
        parse_global_id(b64encode(plain.encode()).rstrip(b"=").decode())


@pytest.mark.parametrize(
    "text", ["1", "Sm9iOjE6Njo4=", "Sm9iOjE6Njo5 ", "Sm9i\nOjE6Njo4", "ü", "%%%"]
)
def test_another_spelling_is_refused(text):
    with pytest.raises(BadInput, match="not a global id"):
        parse_global_id(text)
