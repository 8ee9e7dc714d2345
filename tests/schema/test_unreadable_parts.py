"""Every entity with each key null, absent, of another type and of absurd size, sent through the
gateway: a part that cannot be read costs only itself.
"""

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace

import httpx
import pytest
from graphql import get_named_type, is_object_type

from gateway.schema.fields import Edge, Read, kind_of
from gateway.testing.server import serve
from gateway.upstream.entities import Known
from tests.schema import selections
from tests.schema.mutated_answers import (
    MUTATIONS,
    check,
    find,
    mutated,
    mutations_of,
    places_in,
)

pytestmark = [pytest.mark.broad, pytest.mark.dear]


def everything(type_name, needs=Known.SHORT):
    """A selection of all that is read off an answer, and costs no further call."""
    return selections.everything(
        type_name, partial(is_read, needs=needs), below=partial(is_read, needs=Known.SHORT)
    )


def is_read(name, field, needs):
    """Is a field read off an answer of which so much is known?"""
    kind = kind_of(field)
    if isinstance(kind, Read):
        return kind.needs <= needs
    return not isinstance(kind, Edge) or not (
        is_object_type(get_named_type(field.type))
        or name == "fullPath"
        or kind.cost.calls
        or kind.cost.lists
        or kind.cost.needs > needs
    )


@pytest.fixture(scope="module")
def answers():
    """One whole answer of each kind, from the sandbox."""
    with serve() as server:
        sandbox = server.sandbox
        token = {"PRIVATE-TOKEN": sandbox.tokens["maintainer"]}
        with httpx.Client(base_url=f"{server.url}/api/v4", headers=token) as http:

            def read(path):
                answer = http.get(path)
                assert answer.status_code == 200, (path, answer.text)
                return answer.json()

            jobs = read("/projects/1/jobs?per_page=100")
            job = max(jobs, key=lambda row: (bool(row["artifacts"]), len(json.dumps(row))))
            yield SimpleNamespace(
                job=job,
                bridge=read("/projects/1/pipelines/6/bridges")[0],
                pipeline=read("/projects/1/pipelines/6"),
                short=read("/projects/1/pipelines")[0],
                commit=read(f"/projects/1/repository/commits/{job['commit']['id']}"),
                project=read("/projects/1"),
                variables=read(
                    f"/projects/1/pipelines/{sandbox.landmarks['moving_pipeline']}/variables"
                ),
                tests=read(
                    f"/projects/1/pipelines/{sandbox.landmarks['failed_pipeline']}"
                    "/test_report_summary"
                ),
                agents={
                    "allowed_agents": [
                        {
                            "id": 5,
                            "config_project": {"id": 8, "name": "agents", "path": "a/agents"},
                            "configuration": {"access_as": {"agent": {}}},
                        }
                    ],
                    "job": {"id": 1},
                    "pipeline": {"id": 6},
                    "project": {"id": 1, "groups": [{"id": 2}, {"id": 3}]},
                    "user": {"id": 2, "username": "ada", "roles_in_project": ["guest"]},
                    "environment": {"slug": "production", "tier": "production"},
                },
            )


LISTS = {
    "job": ("/projects/1/jobs", "{ project(id: 1) { jobs { nodes %s } } }", "Job"),
    "bridge": (
        "/projects/1/pipelines/6/bridges",
        '{ pipeline(by: {path: {project: "1", pipeline: "6"}}) { bridges { nodes %s } } }',
        "Bridge",
    ),
    "short": ("/projects/1/pipelines", "{ project(id: 1) { pipelines { nodes %s } } }", "Pipeline"),
}
SINGLE = {
    "job": (
        "/projects/1/jobs/%d",
        '{ job(by: {path: {project: "1", job: "%d"}}) %s }',
        "Job",
    ),
    "pipeline": (
        "/projects/1/pipelines/%d",
        '{ pipeline(by: {path: {project: "1", pipeline: "%d"}}) %s }',
        "Pipeline",
    ),
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_part_of_a_row_that_cannot_be_read_costs_only_itself(by_hand, answers, kind):
    path, document, type_name = LISTS[kind]
    document %= everything(type_name)
    row = getattr(answers, kind)
    rows = [row | {"id": row["id"] + 2}, row, row | {"id": row["id"] - 2}]
    # A list's short pipelines have what the long form needs as well.
    by_hand.served.texts = {
        f"/projects/1/pipelines/{each['id']}": json.dumps(answers.pipeline | {"id": each["id"]})
        for each in [*rows, *(each["pipeline"] for each in rows if "pipeline" in each)]
    }
    by_hand.served.texts[path] = json.dumps(rows)
    whole, errors = check(by_hand, document, ("whole",))
    assert errors == []
    nodes = list(find(whole, *_list_path(document), "nodes"))

    for place in places_in(row):
        for name, text in mutations_of(place):
            what = (kind, place, name)
            texts = [json.dumps(rows[0]), mutated(rows[1], place, text), json.dumps(rows[2])]
            by_hand.served.texts[path] = f"[{','.join(texts)}]"

            data, errors = check(by_hand, document, what)

            found = find(data, *_list_path(document), "nodes")
            assert [found[0], found[2]] == [nodes[0], nodes[2]], what
            if place != ("id",):
                assert found[1] is not None, (what, errors)
                assert found[1]["databaseId"] == row["id"], what


def _list_path(document):
    return [
        part
        for part in ("project", "pipeline", "jobs", "bridges", "pipelines")
        if document.replace("(", " ").split(" nodes")[0].split().count(part)
    ]


@pytest.mark.parametrize("kind", SINGLE)
def test_a_part_of_a_single_thing_that_cannot_be_read_costs_only_itself(by_hand, answers, kind):
    path, document, type_name = SINGLE[kind]
    thing = getattr(answers, kind)
    number = thing["id"]
    needs = Known.LONG if kind == "pipeline" else Known.SHORT
    document = document.replace("%d", str(number)) % everything(type_name, needs=needs)
    by_hand.served.texts = {
        f"/projects/1/pipelines/{answers.job['pipeline']['id']}": json.dumps(
            answers.pipeline | {"id": answers.job["pipeline"]["id"]}
        )
    }

    # What is embedded in a job is in the lists.
    for place in (place for place in places_in(thing) if kind == "pipeline" or len(place) == 1):
        for name, text in mutations_of(place):
            what = (kind, place, name)
            by_hand.served.texts[path.replace("%d", str(number))] = mutated(thing, place, text)

            data, errors = check(by_hand, document, what)

            if place != ("id",):
                assert data[kind] is not None, (what, errors)


def test_a_part_of_a_commit_that_cannot_be_read_costs_only_itself(by_hand, answers):
    document = (
        '{ pipeline(by: {path: {project: "1", pipeline: "6"}}) { databaseId commit %s } }'
        % everything("Commit")
    )
    by_hand.served.texts = {"/projects/1/pipelines/6": json.dumps(answers.pipeline)}
    route = f"/projects/1/repository/commits/{answers.pipeline['sha']}"

    for place in places_in(answers.commit):
        for name, text in mutations_of(place):
            by_hand.served.texts[route] = mutated(answers.commit, place, text)

            data, errors = check(by_hand, document, (place, name))

            assert data["pipeline"]["databaseId"] == 6
            if place != ("id",):
                assert data["pipeline"]["commit"] is not None, (place, name, errors)


def test_a_part_of_the_agents_that_cannot_be_read_costs_only_itself(by_hand, answers):
    document = "{ allowedAgents { agents %s groupIds user %s environment %s } }" % (
        everything("AllowedAgent"),
        everything("AgentUser"),
        everything("AgentEnvironment"),
    )
    other = {"id": 9, "config_project": {"id": 8}, "configuration": None}
    agents = answers.agents | {"allowed_agents": [*answers.agents["allowed_agents"], other]}

    for place in places_in(agents):
        for name, text in mutations_of(place):
            by_hand.served.texts = {"/job/allowed_agents": mutated(agents, place, text)}

            data, errors = check(by_hand, document, (place, name))

            assert data["allowedAgents"] is not None, (place, name, errors)
            if place != ("allowed_agents",):
                assert data["allowedAgents"]["agents"][1]["databaseId"] == 9, (place, name)


def test_a_part_of_a_variable_that_cannot_be_read_costs_only_itself(by_hand, answers):
    document = '{ pipeline(by: {path: {project: "1", pipeline: "6"}}) { variables %s } }' % (
        everything("PipelineVariable")
    )
    row, other = answers.variables

    for place in places_in(row):
        for name, text in MUTATIONS.items():
            sent = f"[{mutated(row, place, text)}, {json.dumps(other)}]"
            by_hand.served.texts = {"/projects/1/pipelines/6/variables": sent}

            data, errors = check(by_hand, document, (place, name))

            found = data["pipeline"]["variables"]
            assert found[1]["key"] == other["key"], (place, name)
            if place != ("key",):
                assert found[0]["key"] == row["key"], (place, name, errors)
            assert row["value"] not in json.dumps(errors)


def test_a_part_of_the_tests_that_cannot_be_read_costs_only_itself(by_hand, answers):
    document = (
        '{ pipeline(by: {path: {project: "1", pipeline: "6"}}) { testReportSummary { total %s'
        " suites { name error counts { count success failed skipped error time }"
        " jobs { databaseId } } } } }" % everything("TestCounts")
    )
    (suite,) = answers.tests["test_suites"]
    tests = answers.tests | {"test_suites": [suite, suite | {"name": "other"}]}
    jobs = [{**answers.job, "id": suite["build_ids"][0]}]

    for place in [*places_in(tests), ("test_suites", 0, "build_ids", 0)]:
        for name, text in MUTATIONS.items():
            if text is None and place[-1] == 0:
                continue
            by_hand.served.texts = {
                "/projects/1/pipelines/6/test_report_summary": mutated(tests, place, text),
                "/projects/1/pipelines/6/jobs": json.dumps(jobs),
            }

            data, errors = check(by_hand, document, (place, name))

            found = data["pipeline"]["testReportSummary"]
            assert found is not None, (place, name, errors)
            if place[0] == "total":
                assert found["suites"][0]["counts"]["count"] == suite["total_count"]
            if place[:2] == ("test_suites", 0):
                assert found["total"]["count"] == tests["total"]["count"]
                assert found["suites"][1]["name"] == "other"
            if len(place) > 2 and place[2] != "name":
                assert found["suites"][0]["name"] == suite["name"], (place, name, errors)
