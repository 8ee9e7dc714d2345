"""From a request to its outcome: what is refused before anything is asked, and what is answered."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from gateway.execution.engine import Engine, GraphQLRequest, Outcome
from gateway.upstream.scope import CallScope
from gateway.upstream.web_urls import WebUrls
from tests.execution.corpus import global_id

URLS = WebUrls("https://gitlab.test/api/v4")
JOB = f'job(by: {{id: "{global_id("Job:1:2:3")}"}})'
LIST = 'project(id: "1") { jobs { nodes { pipeline { jobs { nodes { name } } } } } }'
CANCEL = f'jobCancel(input: {{job: {{id: "{global_id("Job:1:2:3")}"}}}}) {{ job {{ name }} }}'


class NoClient:
    """A client that nobody may use."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"the secret of {name}")


ENGINE = Engine(NoClient(), URLS)


def run(
    query: str | None = None,
    variables: dict[str, Any] | None = None,
    *,
    engine: Engine = ENGINE,
    name: str | None = None,
    extensions: dict[str, Any] | None = None,
    **options: Any,
) -> Outcome:
    async def run() -> Outcome:
        scope = CallScope(None, asyncio.get_running_loop().time() + 5, "r-1")
        request = GraphQLRequest(query, name, variables, extensions)
        return await engine.run(request, scope, **options)

    return asyncio.run(run())


def code(outcome: Outcome) -> str:
    """The code of a refusal, of which execution must not have begun."""
    assert not outcome.began
    assert outcome.data is msgspec.UNSET
    assert "data" not in json.loads(outcome.body())
    (error,) = outcome.errors or ()
    assert "path" not in error
    extensions: dict[str, str] = error["extensions"]
    return extensions["code"]


class TestRefusedDocuments:
    def test_cannot_be_read(self) -> None:
        outcome = run("{ job(")

        assert code(outcome) == "GRAPHQL_PARSE_FAILED"
        assert outcome.errors is not None
        assert outcome.errors[0]["locations"] == [{"line": 1, "column": 7}]

    @pytest.mark.parametrize("query", [None, "", "# nothing"])
    def test_are_empty(self, query: str | None) -> None:
        assert code(run(query)) == "GRAPHQL_PARSE_FAILED"

    @pytest.mark.parametrize(
        "query",
        ["{ nothing }", "{ job(by: {}) { id } }", "subscription { a }", "{ job { id } }"],
    )
    def test_are_not_of_this_schema(self, query: str) -> None:
        outcome = run(query)

        assert not outcome.began
        assert {error["extensions"]["code"] for error in outcome.errors or ()} == {
            "GRAPHQL_VALIDATION_FAILED"
        }

    def test_exceed_a_limit(self) -> None:
        assert code(run(f"{{ {'__typename ' * 300} }}")) == "GRAPHQL_VALIDATION_FAILED"


class TestRefusedOperations:
    TWO = "query A { __typename } mutation B { __typename }"

    def test_are_not_there(self) -> None:
        assert code(run(self.TWO, name="C")) == "OPERATION_RESOLUTION_FAILURE"

    def test_are_not_named(self) -> None:
        """A document with several operations runs none of them by itself."""
        assert code(run(self.TWO)) == "OPERATION_RESOLUTION_FAILURE"

    def test_are_mutations_where_only_queries_may_run(self) -> None:
        outcome = run(self.TWO, name="B", allow_mutations=False)

        assert code(outcome) == "BAD_REQUEST"
        assert outcome.is_refused_mutation
        assert outcome.operation_type == "mutation"

    def test_are_no_queries_of_the_same_document(self) -> None:
        outcome = run(self.TWO, name="A", allow_mutations=False)

        assert outcome.data == {"__typename": "Query"}
        assert not outcome.is_refused_mutation


class TestRefusedVariables:
    @pytest.mark.parametrize(
        ("definition", "argument", "value"),
        [
            ("$by: JobRef!", "$by", None),
            ("$by: JobRef!", "$by", {}),
            ("$by: JobRef!", "$by", {"id": "a", "webUrl": "https://b"}),
            ("$by: JobRef!", "$by", {"path": {"project": "1"}}),
            ("$by: JobRef!", "$by", {"path": {"project": "1", "job": "2", "else": 3}}),
            ("$by: URL!", "{webUrl: $by}", "no address"),
            ("$by: ID!", "{id: $by}", {"no": "id"}),
            ("$by: ID!", "{id: $by}", 1.5),
        ],
    )
    def test_do_not_fit(self, definition: str, argument: str, value: Any) -> None:
        query = f"query ({definition}) {{ job(by: {argument}) {{ id }} }}"

        assert code(run(query, {"by": value})) == "BAD_USER_INPUT"

    def test_are_missing(self) -> None:
        assert code(run("query ($id: ID!) { node(id: $id) { id } }")) == "BAD_USER_INPUT"

    def test_are_null_where_an_argument_takes_none(self) -> None:
        query = """query ($n: Int = 5) { currentJob { log { tail(lines: $n) { text } } } }"""

        assert code(run(query, {"n": None})) == "BAD_USER_INPUT"


class TestCost:
    def test_above_the_ceiling_is_refused_before_any_call(self) -> None:
        outcome = run(f"{{ {LIST} }}", engine=Engine(NoClient(), URLS, max_calls=20))

        assert code(outcome) == "COST_EXCEEDED"
        assert outcome.errors is not None
        assert outcome.errors[0]["extensions"]["cost"] == {
            "estimated": 21,
            "ceiling": 20,
            "dearest": "project.jobs.nodes.pipeline.jobs",
        }

    def test_is_that_of_the_variables(self) -> None:
        query = """query ($n: Int!) { project(id: "1") { jobs(first: $n) { nodes {
                     log { byteCount } } } } }"""

        dear = run(query, {"n": 90}, engine=Engine(NoClient(), URLS, max_calls=50))
        cheap = run(query, {"n": 9}, engine=Engine(NoClient(), URLS, max_calls=50))

        assert code(dear) == "COST_EXCEEDED"
        assert cheap.began
        assert cheap.estimated_calls == 10

    def test_is_told_on_request(self) -> None:
        told = run("{ __typename }", extensions={"cost": True})
        untold = run("{ __typename }")

        assert told.extensions == {
            "cost": {"estimated": 0, "calls": 0, "shared": 0, "cached": 0, "retried": 0}
        }
        assert untold.extensions is None


class TestAnswers:
    def test_a_static_root_needs_nobody(self) -> None:
        outcome = run('{ __typename project(id: "7") { databaseId } }')

        assert outcome.began
        assert outcome.data == {"__typename": "Query", "project": {"databaseId": 7}}
        assert outcome.errors is None
        assert outcome.body() == b'{"data":{"__typename":"Query","project":{"databaseId":7}}}'

    def test_introspection_is_answered(self) -> None:
        outcome = run("{ __schema { queryType { name } mutationType { name } } }")

        assert outcome.data == {
            "__schema": {"queryType": {"name": "Query"}, "mutationType": {"name": "Mutation"}}
        }

    def test_an_operation_is_told_by_name_and_type(self) -> None:
        outcome = run("mutation M { __typename }")

        assert (outcome.operation_name, outcome.operation_type) == ("M", "mutation")
        assert outcome.data == {"__typename": "Mutation"}

    def test_a_fields_mistake_is_told_at_its_place(self) -> None:
        outcome = run('{ __typename a: job(by: {id: "none"}) { id } }')

        assert outcome.began
        assert outcome.data == {"__typename": "Query", "a": None}
        (error,) = outcome.errors or ()
        assert error["path"] == ["a"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}

    @pytest.mark.parametrize("query", [f"{{ {JOB} {{ name }} }}", f"mutation {{ {CANCEL} }}"])
    def test_a_bug_is_masked(self, query: str) -> None:
        outcome = run(query)

        assert outcome.began
        assert b"secret" not in outcome.body()
        (error,) = outcome.errors or ()
        assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "r-1"}

    def test_a_null_for_a_directive_is_told_at_its_place(self) -> None:
        query = 'query ($a: Boolean = true) { __typename project(id: "7") { id @skip(if: $a) } }'

        outcome = run(query, {"a": None})

        assert outcome.data == {"__typename": "Query", "project": None}
        (error,) = outcome.errors or ()
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}

    def test_a_body_has_its_errors_first(self) -> None:
        outcome = run('{ a: job(by: {id: "none"}) { id } }', extensions={"cost": True})

        assert list(json.loads(outcome.body())) == ["errors", "data", "extensions"]
