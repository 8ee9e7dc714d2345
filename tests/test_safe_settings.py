"""What is refused, recorded or left out by settings for gateways before strangers."""

from __future__ import annotations

import logging

import pytest

from gateway.settings import Settings, SettingsError
from tests.harness.app import running_app

pytestmark = pytest.mark.anyio

CANCEL = 'mutation { jobCancel(input: {job: {path: {project: "1", job: "2"}}}) { job { name } } }'
UPSTREAM = {"GATEWAY_UPSTREAM_URL": "https://gitlab.example.com"}


def codes(answer):
    return [error["extensions"]["code"] for error in answer["errors"]]


class TestMutations:
    async def test_are_refused_by_a_gateway_that_only_reads(self):
        async with running_app(mutations=False) as api:
            refused, read = await api(CANCEL), await api("{ __typename }")

        assert codes(refused) == ["READ_ONLY"]
        assert "GATEWAY_MUTATIONS=false" in refused["errors"][0]["message"]
        assert read["data"] == {"__typename": "Query"}


class TestIntrospection:
    @pytest.mark.parametrize(
        ("query", "variables"),
        [
            ("{ jobb(by: 1) { nam } }", {}),
            ("{ job(bye: 1) { name } }", {}),
            ('{ job(by: {iid: "1"}) { trace } }', {}),
            ("query($a: JobReff) { __typename }", {}),
            ("query($a: JobRef!) { job(by: $a) { id } }", {"a": {"idd": "1"}}),
            ("query($a: [Status!]) { nodes(ids: []) { id } }", {"a": ["SUCCES"]}),
            ("{ job(by: {id: 8}) { ... on Jobb { id } } }", {}),
        ],
    )
    async def test_that_is_off_suggests_no_names(self, query, variables):
        async with running_app(introspection=False) as api:
            answer = await api(query, **variables)

        assert answer["errors"]
        for error in answer["errors"]:
            assert "id you mean" not in error["message"]
            assert "ask for" not in error["message"].lower()

    async def test_that_is_off_tells_no_schema(self):
        async with running_app(introspection=False) as api:
            answer = await api("{ __schema { queryType { name } } }")

        assert {*codes(answer)} == {"GRAPHQL_VALIDATION_FAILED"}


class TestProduction:
    def test_sets_what_is_safe(self):
        settings = Settings.read({"GATEWAY_PRODUCTION": "1", **UPSTREAM})

        assert (settings.explorer, settings.introspection, settings.sandbox) == (False,) * 3

    def test_leaves_what_is_set(self):
        settings = Settings.read(
            {"GATEWAY_PRODUCTION": "1", "GATEWAY_INTROSPECTION": "1", **UPSTREAM}
        )

        assert (settings.explorer, settings.introspection) == (False, True)

    def test_wants_an_upstream(self):
        with pytest.raises(SettingsError, match="GATEWAY_UPSTREAM_URL is missing"):
            Settings.read({"GATEWAY_PRODUCTION": "1"}).check_upstream()


class TestMeasuredLimits:
    @pytest.mark.parametrize(
        ("settings", "query", "variables", "told"),
        [
            ({"max_fields": 2}, "{ a: __typename b: __typename c: __typename }", {}, "3 fields"),
            ({"max_tokens": 3}, "{ a: __typename }", {}, "5 tokens"),
            ({"max_values": 1}, "{ nodes(ids: [1, 2]) { id } }", {}, "hold 2 values"),
            ({"max_depth": 1}, "{ nodes(ids: 1) { id } }", {}, "2 levels"),
            ({"max_plan_fields": 2}, "{ node(id: 1) { id } }", {}, "fields of its plan, 2 allowed"),
            ({"max_response_nodes": 1}, "{ a: __typename b: __typename }", {}, "2 fields of its"),
            (
                {"max_values": 1},
                "query($a: [ID!]!) { nodes(ids: $a) { id } }",
                {"a": ["1", "2"]},
                "more than 1 values",
            ),
        ],
    )
    async def test_are_recorded_and_not_enforced(self, caplog, settings, query, variables, told):
        with caplog.at_level(logging.WARNING, "gateway.limits"):
            async with running_app(limits="measure", **settings) as api:
                answer = await api(query, **variables)

        assert answer["data"] is not None
        (record,) = {record.getMessage() for record in caplog.records if "limit" in record.name}
        assert told in record
        assert "GATEWAY_MAX_" in record

    async def test_are_enforced_at_ten_times_the_default(self):
        async with running_app(limits="measure", max_fields=1) as api:
            answer = await api(f"{{ {'__typename ' * 30_001} }}")

        assert "30000 are allowed (GATEWAY_MAX_FIELDS)" in str(answer["errors"])
