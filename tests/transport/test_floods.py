"""Requests that ask for more work than their bytes are worth: refused in linear time, briefly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.harness.stretches import shortest_stretch

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

STRETCH_S = 0.1
MEGABYTE = 1_000_000


def given(definitions: str, field: str, **variables: Any) -> bytes:
    return json.dumps(
        {"query": f"query({definitions}) {{ {field} }}", "variables": variables}
    ).encode()


def document(text: str) -> bytes:
    return json.dumps({"query": text}).encode()


def filled(start: str, item: str, end: str, size: int = MEGABYTE - 100) -> bytes:
    """A body of about this size, of one item again and again."""
    return (start + ",".join([item] * ((size - len(start)) // (len(item) + 1))) + end).encode()


JOB = "job(by: $a) { name }"
LISTED = 'project(id: "1") { jobs(statuses: $a) { nodes { name } } }'
VARIABLES = '{"query": "{ __typename }", "variables": {"a": ['

FLOODS = {
    "unknown keys": given("$a: JobRef!", JOB, a={f"key{n:05}": 1 for n in range(20_000)}),
    "wrong items": given("$a: [Status!]", LISTED, a=["x"] * 190_000),
    "objects in objects": given(
        "$a: JobRef!", JOB, a={f"k{n}": {f"k{m}": {} for m in range(30)} for n in range(100)}
    ),
    "empty lists": filled(VARIABLES, "[]", "]}}"),
    "lists that are deep": filled(VARIABLES, "[" * 900 + "]" * 900, "]}}"),
    "numbers that are long": filled(VARIABLES, "1.2345678901234567890123456789e-300", "]}}"),
    "strings of quotation marks": filled(VARIABLES, '"\\"\\\\"', "]}}"),
    "keys": b'{"query": "{ __typename }", "variables": {%b}}'
    % b",".join(b'"%x":0' % n for n in range(90_000)),
    "extensions": filled('{"query": "{ __typename }", "extensions": {"a": [', "{}", "]}}"),
    "a batch": filled("[", "{}", "]"),
    "nested lists": b'{"variables": {"a": %b' % (b"[" * 500_000),
    "nested objects": b'{"variables": %b' % (b'{"a":' * 100_000),
    "nested extensions": b'{"extensions": {"a": %b' % (b"[" * 100_000),
}


class TestManyValues:
    @pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
    @pytest.mark.parametrize("max_batch", [0, 10])
    async def test_are_refused_before_they_are_read(self, make_caller, flood, max_batch):
        stretch, answer = await shortest_stretch(
            lambda: make_caller(max_batch=max_batch).post(flood), limit_s=STRETCH_S
        )

        assert len(flood) <= MEGABYTE
        assert answer.status in {200, 400}
        assert len(answer.json()["errors"]) == 1
        assert len(answer.body) < 400
        assert stretch < STRETCH_S

    async def test_are_told_with_the_budget_and_its_setting(self, caller):
        answer = await caller.post(FLOODS["unknown keys"])

        [error] = answer.json()["errors"]
        assert error["message"] == (
            "the body holds too many values in lists and objects: 1000 an operation are allowed"
            " (GATEWAY_MAX_VALUES)"
        )

    async def test_are_counted_exactly_where_they_may_be_too_many(self, caller):
        operation = "query($a: [ID!]!) { nodes(ids: $a) { id } }"

        fits, exceeds = [
            await caller.post({"query": operation, "variables": {"a": [[]] * count}})
            for count in (999, 1000)
        ]

        assert "GATEWAY_MAX_VALUES" not in fits.body.decode()
        assert "more than 1000 values" in exceeds.json()["errors"][0]["message"]

    async def test_in_strings_are_text(self, make_caller):
        """No comma or bracket of a string is structure, whatever stands before its end."""
        text = '[{,"\\' * 10_000

        answer = await make_caller(max_values=10).post(
            {"query": "query($a: String) { __typename }", "variables": {"a": text}}
        )

        assert "GATEWAY_MAX_VALUES" not in answer.body.decode()


class TestVariables:
    @pytest.mark.parametrize(
        ("variables", "message"),
        [
            ({"a": [[[]]] * 500}, "more than 1000 values in lists and objects"),
            ({"a": {"id": "x" * 256_001}}, "more than 256000 characters of text"),
            ({"a": {"x" * 256_001: 1}}, "more than 256000 characters of text"),
            ({"a": json.loads("[" * 20 + "]" * 20)}, "more than 20 levels deep"),
        ],
    )
    async def test_are_bounded_before_they_are_coerced(self, make_caller, variables, message):
        body = json.dumps({"query": f"query($a: JobRef!) {{ {JOB} }}", "variables": variables})

        stretch, answer = await shortest_stretch(
            lambda: make_caller().post(body.encode()), limit_s=STRETCH_S
        )

        [error] = answer.json()["errors"]
        assert message in error["message"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert stretch < STRETCH_S

    @pytest.mark.parametrize(
        ("definitions", "field", "variables"),
        [
            ("$a: JobRef!", JOB, {"a": {f"key{n}": 1 for n in range(900)}}),
            ("$a: [Status!]", LISTED, {"a": ["WAITING_FOR_CALLBACK_RESOURCES_X"] * 900}),
            ("$a: [Status!]", LISTED, {"a": ["x" * 250] * 900}),
            (
                " ".join(f"$a{n}: Status!" for n in range(200)),
                " ".join(
                    f'p{n}: project(id: "1") {{ jobs(statuses: [$a{n}]) {{ __typename }} }}'
                    for n in range(200)
                ),
                {f"a{n}": "WAITING_FOR_X" for n in range(200)},
            ),
        ],
        ids=["unknown keys", "wrong items", "long items", "many variables"],
    )
    async def test_that_are_wrong_are_told_ten_times(self, caller, definitions, field, variables):
        body = given(definitions, field, **variables)
        await caller.post(body)

        stretch, answer = await shortest_stretch(lambda: caller.post(body), limit_s=STRETCH_S)

        errors = answer.json()["errors"]
        assert len(errors) == 11
        assert errors[-1]["message"] == "… and more; the first 10 errors are told"
        assert len(answer.body) < 8_000
        assert stretch < STRETCH_S

    async def test_that_are_long_are_quoted_shortened(self, caller):
        answer = await caller.post(given("$a: JobRef!", JOB, a={"x" * 100_000: "y" * 100_000}))

        assert answer.codes
        assert all(len(error["message"]) <= 500 for error in answer.json()["errors"])
        assert "Variable '$a' has invalid value" in answer.json()["errors"][0]["message"]


class TestDocuments:
    @pytest.mark.parametrize(
        ("text", "count"),
        [
            pytest.param("{ " + "a" * 900_000 + " }", 1, id="a megabyte"),
            pytest.param("{ node(id: 1%s) { id } }" % (" " * 900_000), 1, id="blanks"),
            pytest.param("query %s { a b c }" % ("x" * 60_000), 3, id="a name"),
            pytest.param("{ %s: node(id: 1) { id } }" % ("x" * 60_000), 1, id="an alias"),
            pytest.param("{ node(%s: 1) { id } }" % ("x" * 60_000), 2, id="an argument"),
            pytest.param("{ %s }" % ("x" * 60_000 + " }"), 1, id="a mistake beside a name"),
            pytest.param('{ job(by: "%s") { id } }' % ("x" * 60_000), 1, id="a text"),
            pytest.param(
                "{ job(by: {%s}) { id } }" % " ".join(f"k{n}: 1" for n in range(1_001)),
                1,
                id="keys",
            ),
            pytest.param(
                "{ job(by: {%s}) { id } }" % " ".join(f"k{n}: 1" for n in range(900)),
                2,
                id="some keys",
            ),
            pytest.param(
                "query($a: [Status!] = [%s]) { __typename }" % ("x " * 900),
                2,
                id="a default's items",
            ),
            pytest.param("{ a %s }" % ("@x(a: {b: [1 2 3]}) " * 300), 1, id="directives"),
            pytest.param(
                "{ %s }" % " ".join(f"commitedStatus{n}" for n in range(240)), 11, id="fields"
            ),
            pytest.param("{ node(%s) { id } }" % ("id: 1 " * 300), 1, id="the same argument"),
        ],
    )
    async def test_that_are_wrong_are_told_briefly(self, make_caller, text, count):
        stretch, answer = await shortest_stretch(
            lambda: make_caller().post(document(text)), limit_s=STRETCH_S
        )

        assert len(answer.json()["errors"]) == count
        assert len(answer.body) < 8_000
        assert stretch < STRETCH_S

    async def test_have_an_operation_of_a_name_that_may_be_long(self, caller):
        name = "x" * 100_000

        answer = await caller.post({"query": "query A { __typename }", "operationName": name})

        assert answer.codes == ["OPERATION_RESOLUTION_FAILURE"]
        assert len(answer.body) < 1_000
