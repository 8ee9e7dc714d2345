"""What people type, and the way that the error tells; each way is valid itself."""

import re
from typing import Any

import pytest
from graphql import GraphQLError

from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.schema import make_schema
from gateway.schema import ways

JOB = 'job(by: {path: {project: "group/app", job: 8}})'
PIPELINE = 'pipeline(by: {path: {project: "group/app", pipeline: 6}})'
PROJECT = 'project(id: "group/app")'
TAIL = "log { tail(lines: 100) { text } }"
ACTION = '(input: {job: {path: {project: "group/app", job: 8}}})'
IN_JOB = f"{{ {JOB} {{ %s }} }}"

TYPED = {
    "{ job(id: 8) { name } }": JOB,
    "{ job(projectId: 1, jobId: 8) { name } }": JOB,
    "{ job { name } }": JOB,
    "{ job(by: {project: 1, job: 8}) { name } }": '{path: {project: "group/app", job: 8}}',
    "{ job(by: {path: {id: 8}}) { name } }": '{path: {project: "group/app", job: 8}}',
    "{ job(by: {}) { name } }": '{path: {project: "group/app", job: 8}}, {id: …} or {webUrl: …}',
    "{ job(by: null) { name } }": '{path: {project: "group/app", job: 8}}, {id: …} or',
    '{ job(by: {id: "x", webUrl: "https://x"}) { name } }': '{path: {project: "group/app", job: 8',
    "{ pipeline(by: {}) { id } }": '{path: {project: "group/app", pipeline: 6}}, {id: …} or',
    "mutation { jobCancel(input: {job: {}}) { job { id } } }": (
        '{path: {project: "group/app", job: 8}}'
    ),
    "{ builds { id } }": f"{PROJECT} {{ jobs(first: 20) {{ nodes {{ id }} }} }}",
    "{ build(id: 8) { id } }": JOB,
    "{ project(id: 1) { builds { nodes { id } } } }": "jobs(first: 20) { nodes { id } }",
    "{ project(id: 1) { build(id: 8) { id } } }": "job(databaseId: 8)",
    "{ project(id: 1) { trace } }": f"job(databaseId: 8) {{ {TAIL} }}",
    f"{{ {PIPELINE} {{ builds {{ id }} }} }}": "jobs(first: 20) { nodes { id } }",
    f"{{ {PIPELINE} {{ logs }} }}": f"jobs {{ nodes {{ {TAIL} }} }}",
    f"mutation {{ jobRetry{ACTION} {{ job {{ id }} }} }}": "Ask for item { id status }",
    f"mutation {{ jobPlay{ACTION} {{ job {{ id }} }} }}": "Ask for item { id status }",
    f"mutation {{ jobCancel{ACTION} {{ item {{ id }} }} }}": "Ask for job { id status }",
    f"mutation {{ jobErase{ACTION} {{ item {{ id }} }} }}": "Ask for job { id status }",
    "{ job(by: 8) { name } }": '{path: {project: "group/app", job: 8}}',
    "{ pipeline(id: 6) { status } }": PIPELINE,
    "{ pipeline(iid: 6) { status } }": PIPELINE,
    "{ pipeline(by: {iid: 6}) { status } }": '{path: {project: "group/app", pipeline: 6}}',
    '{ project(fullPath: "a/b") { id } }': PROJECT,
    '{ project(path: "a/b") { id } }': PROJECT,
    "{ trace(id: 8) }": f"{JOB} {{ {TAIL} }}",
    "{ jobs { id } }": f"{PROJECT} {{ jobs(first: 20) {{ nodes {{ id }} }} }}",
    "{ pipelines { id } }": f"{PROJECT} {{ pipelines(first: 20) {{ nodes {{ id }} }} }}",
    "{ bridges { id } }": f"{PIPELINE} {{ bridges {{ nodes {{ id }} }} }}",
    "mutation { cancelJob(id: 8) { id } }": f"jobCancel{ACTION}",
    "mutation { retryJob(id: 8) { id } }": f"jobRetry{ACTION}",
    "mutation { playJob(id: 8) { id } }": f"jobPlay{ACTION}",
    "mutation { erase(id: 8) { id } }": f"jobErase{ACTION}",
    "mutation { jobCancel(id: 8) { job { id } } }": f"jobCancel{ACTION}",
    "mutation { jobPlay(input: {id: 8}) { item { id } } }": (
        'input: {job: {path: {project: "group/app", job: 8}}}'
    ),
    f"mutation {{ jobCancel{ACTION} {{ id }} }}": "job { id status }",
    f"mutation {{ jobRetry{ACTION} {{ errors }} }}": "userErrors { code message }",
    IN_JOB % "trace": TAIL,
    IN_JOB % "logs": TAIL,
    IN_JOB % "log": TAIL,
    IN_JOB % "log { text }": "tail(lines: 100) { text }",
    IN_JOB % "tags": "tagList",
    IN_JOB % "iid": "databaseId",
    IN_JOB % "webPath": "webUrl",
    IN_JOB % "downstreamPipeline { id }": "... on Bridge { downstreamPipeline { id } }",
    "{ project(id: 1) { jobs(status: FAILED) { nodes { id } } } }": "(statuses: [FAILED, ",
    "{ project(id: 1) { pipelines(scope: FAILED) { nodes { id } } } }": "(status: FAILED)",
    "{ project(id: 1) { jobs(perPage: 9) { nodes { id } } } }": "(first: 20, after:",
    "{ project(id: 1) { jobs { id } } }": "nodes { … }",
    "{ project(id: 1) { jobs } }": "nodes { … }",
    "{ project(id: 1) { job(id: 8) { id } } }": "job(databaseId: 8)",
    "{ project(id: 1) { pipeline(iid: 6) { id } } }": "pipeline(databaseId: 6)",
    "{ project(id: 1) { pathWithNamespace } }": "fullPath",
}


@pytest.fixture(scope="module")
def documents():
    return Documents(make_schema(PlannedExecutor), Limits())


@pytest.mark.parametrize("typed", TYPED)
def test_what_people_type_is_answered_with_the_way(documents, typed):
    errors = documents.get(typed).errors

    assert any(TYPED[typed] in error.message for error in errors), [e.message for e in errors]


ROOTS = [way for way in TYPED.values() if re.match(r"(job|pipeline|project)\(", way)]
ACTIONS = [way for way in TYPED.values() if re.match(r"job[A-Z]\w+\(", way)]


@pytest.mark.parametrize("way", sorted({*ROOTS, *ACTIONS}))
def test_a_way_is_one(documents, way):
    kind = "mutation " if way in ACTIONS else ""
    asked = way if way.endswith("}") else f"{way} {{ __typename }}"
    if "databaseId" in way:
        asked = f"{PROJECT} {{ {asked} }}"

    assert documents.get(f"{kind}{{ {asked} }}").errors == []


def test_fields_and_types_that_are_told_of_exist():
    """A way for what is there would never be told, and one of a type that is not there neither."""
    types: dict[str, Any] = make_schema(PlannedExecutor)._schema.type_map

    for owner, fields in ways._FIELDS.items():
        assert not fields.keys() & types[owner].fields.keys()
    assert types.keys() >= ways._INPUTS.keys()
    roots = types["Query"].fields.keys() | types["Mutation"].fields.keys()
    assert roots >= ways._ROOTS.keys()


def test_the_way_comes_before_names_that_only_look_alike(documents):
    [error] = documents.get(IN_JOB % "trace").errors

    assert error.message == (
        f"Cannot query field 'trace' on type 'Job'. Ask for {TAIL}"
        " Did you mean 'name', 'stage', or 'tag'?"
    )


class TestIdsThatAreNone:
    """A number, or an id of GitLab's own GraphQL: the way by that number is told."""

    @pytest.mark.parametrize("given", ['"8"', "8", '"gid://gitlab/Ci::Build/8"', '"x"'])
    @pytest.mark.parametrize(
        ("asked", "way"),
        [
            ("job(by: {id: %s}) { id }", '{path: {project: "group/app", job: 8}}'),
            ("pipeline(by: {id: %s}) { id }", '{path: {project: "group/app", pipeline: 8}}'),
            ("node(id: %s) { id }", 'job(by: {path: {project: "group/app", job: 8}})'),
            ("nodes(ids: [%s]) { id }", 'job(by: {path: {project: "group/app", job: 8}})'),
        ],
    )
    def test_are_told_with_the_way(self, gate, given, asked, way):
        result = gate.ask("{ %s }" % (asked % given))

        [error] = result.errors.values()
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["message"].endswith(f"gave it, or name it by its number: {way}")
        assert result.calls == []

    def test_in_a_mutation_too(self, gate):
        result = gate.ask("mutation { jobCancel(input: {job: {id: 77}}) { job { id } } }")

        assert "job: 77}}" in result.errors["jobCancel"]["message"]


def test_an_error_that_has_no_way_stays_as_it_is():
    error = GraphQLError("Cannot query field 'x' on type 'Job'.")

    ways.tell_way(error)

    assert error.message == "Cannot query field 'x' on type 'Job'."


class TestNumbersOfBridges:
    ASK = '{ job(by: {path: {project: "%s", job: "%d"}}) { name } }'

    def test_that_it_may_be_one_is_told(self, gate):
        bridge = gate.job("success", bridge=True)

        result = gate.ask(self.ASK % (10, bridge))

        assert result.codes == {"job": "NOT_FOUND"}
        assert "bridges { nodes" in result.errors["job"]["message"]
        assert "node(id: …)" in result.errors["job"]["message"]
        assert len(result.calls) == 1

    def test_below_a_project_too(self, gate):
        bridge = gate.job("success", bridge=True)

        result = gate.ask('{ project(id: 10) { job(databaseId: "%d") { name } } }' % bridge)

        assert "bridges { nodes" in result.errors["project.job"]["message"]

    def test_not_where_the_project_is_missing(self, gate):
        result = gate.ask(self.ASK % (999, 1))

        assert result.codes == {"job": "NOT_FOUND"}
        assert "bridge" not in result.errors["job"]["message"]
