"""The same object has the same values by every road that leads to it."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import get_named_type, is_object_type

from gateway.execution.running import Budget
from gateway.execution.schema import make_schema
from gateway.sandbox.http.bodies import Bodies
from gateway.schema.fields import Edge, kind_of
from gateway.schema.ids import global_id
from gateway.testing.server import serve
from tests.harness.over import over_driven

pytestmark = pytest.mark.broad

TYPES: Any = make_schema()._schema.type_map
# What grows while it is looked at, or is free text of a read.
MOVING = {"duration", "queuedDuration"}
# Seen from a job, the upstream shows more of a user than from a pipeline; users have no id.
OBJECTS = {"commit", "artifactsArchive", "runner", "runnerManager"}


def fields_of(type_name):
    """All leaves of a type, and the embedded objects that have no id of their own."""
    shown = []
    for name, field in TYPES[type_name].fields.items():
        below = get_named_type(field.type)
        if not is_object_type(below):
            if not any(argument.default_value is None for argument in field.args.values()):
                shown.append(name)
        elif name in OBJECTS:
            leaves = [
                leaf
                for leaf, inner in TYPES[below.name].fields.items()
                if not is_object_type(get_named_type(inner.type))
                and not isinstance(kind_of(inner), Edge)
            ]
            shown.append(f"{name} {{ {' '.join(leaves)} }}")
    return "__typename " + " ".join(shown)


PROJECT, PIPELINE, JOB, BRIDGE, LOG = map(
    fields_of, ("Project", "Pipeline", "Job", "Bridge", "JobLog")
)
JOB = f"{JOB} log {{ {LOG} }}"
BY = 'pipeline(by: {path: {project: "1", pipeline: "6"}})'

ROADS = [
    f"{{ project(id: 1) {{ {PROJECT} }} }}",
    f'{{ project(id: "PATH") {{ {PROJECT} }} }}',
    f"{{ project(id: 1) {{ job(databaseId: 6) {{ project {{ {PROJECT} }} }} }} }}",
    f"{{ project(id: 1) {{ jobs {{ nodes {{ {JOB} project {{ {PROJECT} }} }} }} }} }}",
    f"{{ project(id: 1) {{ jobs {{ nodes {{ pipeline {{ {PIPELINE} }} }} }} }} }}",
    f"{{ project(id: 1) {{ pipelines {{ nodes {{ {PIPELINE} project {{ {PROJECT} }} }} }} }} }}",
    f"{{ project(id: 1) {{ pipeline(databaseId: 6) {{ {PIPELINE} }} }} }}",
    f'{{ project(id: "PATH") {{ pipeline(databaseId: 6) {{ {PIPELINE} }} }} }}',
    f"{{ {BY} {{ project {{ {PROJECT} }} }} }}",
    f"{{ {BY} {{ {PIPELINE} jobs {{ nodes {{ {JOB} }} }} bridges {{ nodes {{ {BRIDGE} }} }} }} }}",
    f"{{ {BY} {{ bridges {{ nodes {{ pipeline {{ {PIPELINE} }} project {{ {PROJECT} }} }} }} }} }}",
    f'{{ job(by: {{path: {{project: "1", job: "6"}}}}) {{ {JOB} }} }}',
]


def things_in(value):
    """All objects with an id in an answer."""
    if isinstance(value, dict):
        if "id" in value:
            yield value
        for below in value.values():
            yield from things_in(below)
    elif isinstance(value, list):
        for below in value:
            yield from things_in(below)


@pytest.mark.parametrize("profile", ["16", "17", "18"])
def test_an_object_has_the_same_values_by_every_road(profile):
    seen = {}
    with serve(profile=profile) as server, over_driven(server, budget=Budget(calls=10_000)) as over:

        def walk(road):
            response = over.run(over.execute(road))
            assert not response.errors, (road, response.errors)
            for thing in things_in(response.data):
                plain = {
                    key: value
                    for key, value in thing.items()
                    if (key not in MOVING and not isinstance(value, list | dict)) or key in OBJECTS
                }
                known = seen.setdefault(thing["id"], {})
                for key, value in plain.items():
                    assert known.setdefault(key, value) == value, (road, thing["id"], key)

        path = over.run(over.execute("{ project(id: 1) { fullPath } }")).data["project"]["fullPath"]
        for road in ROADS:
            walk(road.replace("PATH", path))
        for number in list(seen):
            for type_name, shown in (
                ("Project", PROJECT),
                ("Pipeline", PIPELINE),
                ("Job", JOB),
                ("Bridge", BRIDGE),
                ("JobLog", LOG),
            ):
                if seen[number].get("__typename") == type_name:
                    walk(f'{{ node(id: "{number}") {{ id ... on {type_name} {{ {shown} }} }} }}')

    assert {thing["__typename"] for thing in seen.values() if "__typename" in thing} == {
        "Project",
        "Pipeline",
        "Job",
        "Bridge",
        "JobLog",
    }


@pytest.mark.parametrize(
    ("selected", "calls"),
    [("fullPath", 1), ("id databaseId fullPath ciJobTokenScopeEnabled", 1), ("id databaseId", 0)],
)
def test_what_a_project_by_number_is_not_known_by_is_one_call(gate, selected, calls):
    result = gate.ask(f"{{ project(id: 10) {{ {selected} }} }}")

    assert result.errors == {}
    assert None not in result.data["project"].values()
    assert len(result.calls) == calls


LOG_FIELDS = "__typename id complete byteCount tail(lines: 1) { text }"


@pytest.mark.parametrize("project", ["10", "lab/open"])
def test_a_log_is_read_by_its_id_as_by_its_job(gate, project):
    job = gate.job()
    by = f'by: {{path: {{project: "{project}", job: "{job}"}}}}'
    log = gate.ask(f"{{ job({by}) {{ log {{ {LOG_FIELDS} }} }} }}").data["job"]["log"]

    result = gate.ask(
        f"query ($id: ID!) {{ node(id: $id) {{ ... on JobLog {{ {LOG_FIELDS} }} }} }}", id=log["id"]
    )

    assert (result.errors, result.data["node"]) == ({}, log)
    assert (len(result.calls), result.estimated) == (2, 2)


def test_a_log_of_no_job_is_null_and_costs_the_job(gate):
    ids = [global_id(f"JobLog:10:1:{number}".encode()) for number in (10**9, 10**9 + 1)]

    result = gate.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)

    assert (result.errors, result.data["nodes"]) == ({}, [None, None])
    assert (len(result.calls), result.estimated) == (2, 4)


def test_a_log_is_no_job(gate):
    job = {"id": global_id(b"JobLog:10:1:1")}

    result = gate.ask("query ($job: JobRef!) { job(by: $job) { id } }", job=job)

    assert "the id names a job's log, not a job" in result.errors["job"]["message"]


NAMES = "{ project(id: 10) { pipelines(first: 3) { nodes { databaseId name } } } }"


def test_the_names_of_listed_pipelines_are_in_the_list(gate):
    pipelines = [gate.pipeline(name=name) for name in ("nightly", None, "release")]

    result = gate.ask(NAMES)

    assert result.data["project"]["pipelines"]["nodes"] == [
        {"databaseId": number, "name": name}
        for number, name in zip(pipelines[::-1], ("release", None, "nightly"), strict=True)
    ]
    assert len(result.calls) == 1


def test_the_name_of_a_pipeline_beside_its_jobs_is_one_call(gate):
    pipeline = gate.pipeline(name="nightly")
    for _ in range(3):
        gate.job(pipeline=pipeline)

    result = gate.ask("{ project(id: 10) { jobs(first: 3) { nodes { pipeline { name tag } } } } }")

    nodes = result.data["project"]["jobs"]["nodes"]
    assert [node["pipeline"]["name"] for node in nodes] == ["nightly"] * 3
    assert len(result.calls) == 2


def test_a_list_that_lacks_names_is_not_taken_for_nameless(gate, monkeypatch):
    gate.pipeline(name="nightly")
    monkeypatch.setattr(Bodies, "pipeline_row", lambda self, row: self._parts.pipeline_body(row))

    result = gate.ask("{ project(id: 10) { pipelines(first: 1) { nodes { name } } } }")

    assert result.data["project"]["pipelines"]["nodes"] == [{"name": "nightly"}]
    assert (len(result.calls), result.estimated) == (2, 2)


HEADS = "commit { sha title }", "jobs { nodes { name } }"


@pytest.mark.parametrize("beside", [HEADS, HEADS[::-1]], ids=["before", "after"])
def test_the_commit_of_a_pipeline_is_taken_from_the_jobs_beside_it(gate, beside):
    gate.job(pipeline=gate.pipeline())

    result = gate.ask(
        f"{{ project(id: 10) {{ pipelines(first: 1) {{ nodes {{ sha {' '.join(beside)} }} }} }} }}"
    )

    (pipeline,) = result.data["project"]["pipelines"]["nodes"]
    assert pipeline["commit"]["sha"] == pipeline["sha"]
    assert len(result.calls) == 2


def test_the_commit_of_a_pipeline_without_jobs_beside_it_is_one_call(gate):
    gate.pipeline()

    shown = "commit { sha } jobs { nodes { id } }"
    result = gate.ask(f"{{ project(id: 10) {{ pipelines(first: 1) {{ nodes {{ {shown} }} }} }} }}")

    (pipeline,) = result.data["project"]["pipelines"]["nodes"]
    assert pipeline["jobs"]["nodes"] == []
    assert pipeline["commit"] is not None
    assert len(result.calls) == 3
    assert result.estimated == 3


def test_a_gone_commit_is_null_by_both_roads(gate):
    pipeline = gate.pipeline(has_commit=False)
    job = gate.job(pipeline=pipeline)

    result = gate.ask(
        f"""{{
          job(by: {{path: {{project: "10", job: "{job}"}}}}) {{ commit {{ sha }} }}
          pipeline(by: {{path: {{project: "10", pipeline: "{pipeline}"}}}}) {{ commit {{ sha }} }}
        }}"""
    )

    assert result.errors == {}
    assert result.data == {"job": {"commit": None}, "pipeline": {"commit": None}}


@pytest.mark.parametrize("called", ["LAB/Open", "lab/open"])
@pytest.mark.parametrize("beside", ["", "id", "jobs(first: 1) { nodes { id } }"])
def test_the_path_of_a_project_is_the_upstreams_whatever_it_was_called(gate, called, beside):
    gate.job()

    result = gate.ask(f'{{ project(id: "{called}") {{ fullPath {beside} }} }}')

    assert result.errors == {}
    assert result.data["project"]["fullPath"] == "lab/open"
    assert len(result.calls) == 1 + beside.startswith("jobs")
