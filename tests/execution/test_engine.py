"""From a request to its response: what is refused unasked, and what is answered."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from gateway.execution.engine import Engine
from gateway.execution.request import Carrier, GraphQLRequest
from gateway.execution.running import Budget
from gateway.upstream.web_urls import WebUrls
from tests.execution.corpus import global_id
from tests.harness.over import CARRIER, make_caller

if TYPE_CHECKING:
    from gateway.execution.response import GraphQLResponse

URLS = WebUrls("https://gitlab.test/api/v4")
JOB = f'job(by: {{id: "{global_id("Job:1:2:3")}"}})'
LIST = 'project(id: "1") { jobs { nodes { pipeline { jobs { nodes { name } } } } } }'
CANCEL = f'jobCancel(input: {{job: {{id: "{global_id("Job:1:2:3")}"}}}}) {{ job {{ name }} }}'


class NoClient:
    """A client that nobody may use."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"the secret of {name}")


ENGINE = Engine(NoClient(), URLS)
QUERIES_ONLY = Carrier("test", is_read_only=True)


def run(
    query: str | None = None,
    variables: dict[str, Any] | None = None,
    *,
    engine: Engine = ENGINE,
    name: str | None = None,
    extensions: dict[str, Any] | None = None,
    carrier: Carrier = CARRIER,
) -> GraphQLResponse:
    async def run() -> GraphQLResponse:
        request = GraphQLRequest(query, name, variables, extensions)
        return await engine.execute(request, make_caller(request_id="r-1", carrier=carrier))

    return asyncio.run(run())


def code(response: GraphQLResponse) -> str:
    """The code of a refusal, of which execution must not have begun."""
    assert response.kind != "executed"
    assert response.data is msgspec.UNSET
    assert "data" not in json.loads(response.body)
    (error,) = response.errors or []
    assert "path" not in error
    extensions: dict[str, str] = error["extensions"]
    return extensions["code"]


class TestRefusedDocuments:
    def test_cannot_be_read(self) -> None:
        response = run("{ job(")

        assert code(response) == "GRAPHQL_PARSE_FAILED"
        assert response.errors is not None
        assert response.errors[0]["locations"] == [{"line": 1, "column": 7}]

    @pytest.mark.parametrize("query", ["", "# nothing"])
    def test_are_empty(self, query: str) -> None:
        assert code(run(query)) == "GRAPHQL_PARSE_FAILED"

    def test_are_missing(self) -> None:
        response = run(None)

        assert code(response) == "BAD_REQUEST"
        assert response.kind == "malformed"

    @pytest.mark.parametrize(
        "query",
        ["{ nothing }", "{ job(by: {}) { id } }", "subscription { a }", "{ job { id } }"],
    )
    def test_are_not_of_this_schema(self, query: str) -> None:
        response = run(query)

        assert response.kind != "executed"
        assert {error["extensions"]["code"] for error in response.errors or ()} == {
            "GRAPHQL_VALIDATION_FAILED"
        }

    def test_exceed_a_limit(self) -> None:
        assert code(run(f"{{ {'__typename ' * 4000} }}")) == "GRAPHQL_VALIDATION_FAILED"


class TestRefusedOperations:
    TWO = "query A { __typename } mutation B { __typename }"

    def test_are_not_there(self) -> None:
        assert code(run(self.TWO, name="C")) == "OPERATION_RESOLUTION_FAILURE"

    def test_are_not_named(self) -> None:
        """A document with several operations runs none of them by itself."""
        assert code(run(self.TWO)) == "OPERATION_RESOLUTION_FAILURE"

    def test_are_mutations_where_only_queries_may_run(self) -> None:
        response = run(self.TWO, name="B", carrier=QUERIES_ONLY)

        assert code(response) == "BAD_REQUEST"
        assert response.kind == "read only"
        assert response.operation is not None
        assert response.operation.type == "mutation"

    def test_are_no_queries_of_the_same_document(self) -> None:
        response = run(self.TWO, name="A", carrier=QUERIES_ONLY)

        assert response.data == {"__typename": "Query"}


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
        response = run(f"{{ {LIST} }}", engine=Engine(NoClient(), URLS, budget=Budget(calls=20)))

        assert code(response) == "COST_EXCEEDED"
        assert response.errors is not None
        assert response.errors[0]["extensions"]["cost"] == {
            "estimated": 21,
            "ceiling": 20,
            "dearest": "project.jobs.nodes.pipeline.jobs",
        }

    def test_is_that_of_the_variables(self) -> None:
        query = """query ($n: Int!) { project(id: "1") { jobs(first: $n) { nodes {
                     log { byteCount } } } } }"""

        dear = run(query, {"n": 90}, engine=Engine(NoClient(), URLS, budget=Budget(calls=50)))
        cheap = run(query, {"n": 9}, engine=Engine(NoClient(), URLS, budget=Budget(calls=50)))

        assert code(dear) == "COST_EXCEEDED"
        assert cheap.kind == "executed"
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
        response = run('{ __typename project(id: "7") { databaseId } }')

        assert response.kind == "executed"
        assert response.data == {"__typename": "Query", "project": {"databaseId": 7}}
        assert response.errors is None
        assert response.body == b'{"data":{"__typename":"Query","project":{"databaseId":7}}}'

    def test_introspection_is_answered(self) -> None:
        response = run("{ __schema { queryType { name } mutationType { name } } }")

        assert response.data == {
            "__schema": {"queryType": {"name": "Query"}, "mutationType": {"name": "Mutation"}}
        }

    def test_an_operation_is_told_by_name_and_type(self) -> None:
        response = run("mutation M { __typename }")

        assert response.operation is not None
        assert (response.operation.name, response.operation.type) == ("M", "mutation")
        assert response.data == {"__typename": "Mutation"}

    def test_a_fields_mistake_is_told_at_its_place(self) -> None:
        response = run('{ __typename a: job(by: {id: "none"}) { id } }')

        assert response.kind == "executed"
        assert response.data == {"__typename": "Query", "a": None}
        (error,) = response.errors or []
        assert error["path"] == ["a"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}

    @pytest.mark.parametrize("query", [f"{{ {JOB} {{ name }} }}", f"mutation {{ {CANCEL} }}"])
    def test_a_bug_is_masked(self, query: str) -> None:
        response = run(query)

        assert response.kind == "executed"
        assert b"secret" not in response.body
        (error,) = response.errors or []
        assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "r-1"}

    def test_a_null_for_a_directive_is_told_at_its_place(self) -> None:
        query = 'query ($a: Boolean = true) { __typename project(id: "7") { id @skip(if: $a) } }'

        response = run(query, {"a": None})

        assert response.data == {"__typename": "Query", "project": None}
        (error,) = response.errors or []
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}

    def test_a_body_has_its_errors_first(self) -> None:
        response = run('{ a: job(by: {id: "none"}) { id } }', extensions={"cost": True})

        assert list(json.loads(response.body)) == ["errors", "data", "extensions"]
