"""GraphQL over HTTP: what is read, and the status of what is answered."""

import json
import sys
from urllib.parse import urlencode

import pytest
from graphql import ExecutionResult, GraphQLError

pytestmark = pytest.mark.anyio

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
TYPENAME = {"query": "{ __typename }"}
TYPE = "query Type($name: String!) { __type(name: $name) { name } }"
NO_REQUEST = "the body is no GraphQL request: expected"
TWO = "query One { one: __typename } query Two { two: __typename }"


class TestPost:
    async def test_an_operation_is_answered(self, caller):
        answer = await caller.post(TYPENAME)

        assert (answer.status, answer.media_type) == (200, JSON)
        assert answer.json() == {"data": {"__typename": "Query"}}

    async def test_with_all_parameters(self, caller):
        answer = await caller.post(
            {
                "query": TYPE + TWO,
                "operationName": "Type",
                "variables": {"name": "Job"},
                "extensions": {"some": "value"},
            }
        )

        assert answer.json() == {"data": {"__type": {"name": "Job"}}}

    async def test_parameters_may_be_null_and_unknown_ones_are_passed_over(self, caller):
        answer = await caller.post(
            {**TYPENAME, "operationName": None, "variables": None, "extensions": None, "id": "x"}
        )

        assert answer.json() == {"data": {"__typename": "Query"}}

    async def test_a_body_may_come_in_pieces(self, caller):
        body = json.dumps({"query": "{ __typename } # 🏃"}, ensure_ascii=False).encode()

        answer = await caller.call(
            "POST", body=[body[:10], b"", body[10:-5], body[-5:]], content_type=JSON
        )

        assert answer.json() == {"data": {"__typename": "Query"}}

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            (b"", "the body is empty; it must be a JSON object"),
            (b"  \n", "the body is empty; it must be a JSON object"),
            (b'{"query"', "the body is not valid JSON in UTF-8"),
            (b'{"query": "\xff"}', "the body is not valid JSON in UTF-8"),
            (b"[" * 100_000, "send operations one by one: no arrays here"),
            # From Python 3.12 on so many can be read.
            (
                b'{"variables": {"a":' + b"[" * 1_045,
                "the body is nested too deeply"
                if sys.version_info < (3, 12)
                else "the body is not valid JSON in UTF-8",
            ),
            (b'"{ a }"', f"{NO_REQUEST} `object`, got `str`"),
            (b'{"query": 1}', f"{NO_REQUEST} `str | null`, got `int` - at `$.query`"),
            (b'{"variables": []}', f"{NO_REQUEST} `object | null`, got `array` - at `$.variables`"),
            (b"{}", "the parameter query is missing"),
        ],
    )
    @pytest.mark.parametrize("accept", [JSON, GRAPHQL_RESPONSE])
    async def test_a_body_that_is_no_request_is_400(self, caller, accept, body, told):
        answer = await caller.post(body, accept=accept)

        assert (answer.status, answer.media_type) == (400, accept)
        assert answer.json()["errors"][0]["message"] == told
        assert "data" not in answer.json()

    @pytest.mark.parametrize(
        "headers",
        [
            {"content_type": ""},
            {"content_type": "text/plain"},
            {"content_type": "application/x-www-form-urlencoded"},
            {"content_encoding": "gzip"},
        ],
    )
    async def test_any_other_content_is_415(self, caller, headers):
        answer = await caller.post(TYPENAME, **headers)

        assert answer.status == 415
        assert answer.codes == ["UNSUPPORTED_MEDIA_TYPE"]

    async def test_what_the_caller_does_not_take_is_406(self, caller):
        answer = await caller.post(TYPENAME, accept="text/csv")

        assert (answer.status, answer.media_type) == (406, JSON)
        assert answer.codes == ["NOT_ACCEPTABLE"]


class TestRequestErrors:
    """A well-formed request that cannot be executed: the media type decides on the status."""

    @pytest.mark.parametrize(("accept", "status"), [(JSON, 200), (GRAPHQL_RESPONSE, 400)])
    @pytest.mark.parametrize(
        ("request_", "code"),
        [
            ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
            ({"query": ""}, "GRAPHQL_PARSE_FAILED"),
            ({"query": "{ unknown }"}, "GRAPHQL_VALIDATION_FAILED"),
            ({"query": TYPE, "variables": {"name": None}}, "BAD_USER_INPUT"),
            ({"query": TWO}, "OPERATION_RESOLUTION_FAILURE"),
            ({"query": TWO, "operationName": "Three"}, "OPERATION_RESOLUTION_FAILURE"),
        ],
    )
    async def test_are_answered_without_data(self, caller, request_, code, accept, status):
        answer = await caller.post(request_, accept=accept)

        assert (answer.status, answer.media_type) == (status, accept)
        assert answer.codes == [code]
        assert "data" not in answer.json()

    @pytest.mark.parametrize("accept", [JSON, GRAPHQL_RESPONSE])
    async def test_of_fields_leave_the_status_at_200(self, make_caller, accept):
        async def run(scope):
            error = GraphQLError("no", path=["job"])
            return ExecutionResult({"job": None}, [error])

        answer = await make_caller(run).post(TYPENAME, accept=accept)

        assert answer.status == 200
        assert answer.json()["data"] == {"job": None}


class TestGet:
    async def test_a_query_is_answered(self, caller):
        answer = await caller.get(urlencode(TYPENAME))

        assert (answer.status, answer.media_type) == (200, JSON)
        assert answer.json() == {"data": {"__typename": "Query"}}

    async def test_with_all_parameters(self, caller):
        query = urlencode(
            {
                "query": TYPE + TWO,
                "operationName": "Type",
                "variables": '{"name": "Job"}',
                "extensions": "{}",
            }
        )

        answer = await caller.get(query, accept=GRAPHQL_RESPONSE)

        assert (answer.status, answer.media_type) == (200, GRAPHQL_RESPONSE)
        assert answer.json() == {"data": {"__type": {"name": "Job"}}}

    async def test_empty_parameters_count_as_left_out(self, caller):
        query = urlencode({**TYPENAME, "operationName": "", "variables": ""})

        answer = await caller.get(query)

        assert answer.json() == {"data": {"__typename": "Query"}}

    @pytest.mark.parametrize("accept", [JSON, GRAPHQL_RESPONSE])
    @pytest.mark.parametrize("operation", ["", "M"])
    async def test_a_mutation_is_never_run(self, caller, accept, operation):
        query = urlencode({"query": "mutation M { __typename }", "operationName": operation})

        answer = await caller.get(query, accept=accept)

        assert (answer.status, answer.headers["allow"]) == (405, "POST")
        assert "data" not in answer.json()

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "query=",
            "variables=%7B%7D",
            "query=%7B+__typename+%7D&variables=%7B",
            "query=%7B+__typename+%7D&variables=1",
            "query=%7B+__typename+%7D&extensions=%5B%5D",
            "query=%ff",
            "&".join(f"a{number}=1" for number in range(101)),
        ],
    )
    async def test_a_query_string_that_is_no_request_is_400(self, caller, query):
        answer = await caller.get(query)

        assert answer.status == 400
        assert answer.codes == ["BAD_REQUEST"]

    async def test_head_is_answered_as_get(self, caller):
        answer = await caller.call("HEAD", query=urlencode(TYPENAME))

        assert answer.status == 200


class TestOtherMethods:
    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
    async def test_are_405(self, caller, method):
        answer = await caller.call(method)

        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")

    async def test_options_names_the_methods(self, caller):
        answer = await caller.call("OPTIONS")

        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


class TestBatches:
    async def test_are_refused_by_default(self, caller):
        answer = await caller.post([TYPENAME])

        assert answer.status == 400
        assert answer.codes == ["BATCHING_NOT_ALLOWED"]

    async def test_are_answered_in_order_where_allowed(self, make_caller):
        caller = make_caller(max_batch=3)
        requests = [{"query": "{ a: __typename }"}, {"query": "{"}, {}]

        answer = await caller.post(requests, accept=GRAPHQL_RESPONSE)

        first, second, third = answer.json()
        assert answer.status == 200
        assert first == {"data": {"a": "Query"}}
        assert second["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
        assert third["errors"][0]["message"] == "the parameter query is missing"

    @pytest.mark.parametrize("size", [0, 4])
    async def test_are_bounded(self, make_caller, size):
        answer = await make_caller(max_batch=3).post([TYPENAME] * size)

        assert answer.status == 400
        assert answer.codes == ["BATCHING_NOT_ALLOWED"]

    async def test_that_are_no_requests_are_400(self, make_caller):
        answer = await make_caller(max_batch=3).post([TYPENAME, {"query": 1}])

        assert answer.status == 400
        assert answer.codes == ["BAD_REQUEST"]
