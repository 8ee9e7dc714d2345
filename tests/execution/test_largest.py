"""Whoever is told that a response is too large is told where it is largest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.forecast import forecast
from gateway.execution.largest import most_bytes, most_fields, place_of
from gateway.execution.limits import Limits
from gateway.execution.response import RequestError
from gateway.execution.schema import make_schema
from gateway.loaders.whole import MAX_LIST_ROWS
from gateway.turns import finished
from tests.execution.operations import Operation, operations

if TYPE_CHECKING:
    from gateway.execution.plan import Plan

SCHEMA = make_schema(PlannedExecutor)
DOCUMENTS = Documents(SCHEMA, Limits())
PROJECT = '{ project(id: "1") { %s } }'
JOB = 'job(by: {path: {project: "1", job: "8"}})'


def forecast_of(query: str, values: dict[str, Any], name: str | None) -> tuple[Plan, Any, int]:
    """The plan of an operation, its rows, and the fields that its response may have."""
    operation = DOCUMENTS.get(query).operation(name)
    variables = operation.variables(values)
    plan = operation.plan(variables)
    estimate, size = forecast(operation, plan, variables, MAX_LIST_ROWS)
    return plan, estimate.rows, size.nodes


class TestFields:
    @pytest.mark.parametrize(
        ("query", "place"),
        [
            ("{ __typename }", ""),
            (f"{{ {JOB} {{ name }} }}", "job"),
            (PROJECT % "id jobs(first: 9) { nodes { name id } }", "project.jobs.nodes"),
            (PROJECT % "jobs { nodes { files: artifacts { size } } }", "project.jobs.nodes.files"),
            # Neither of the two lists has most of it.
            (PROJECT % "a: jobs { nodes { name } } b: jobs { nodes { id } }", "project"),
            # Of the operation's own fields the largest is told, be it most of it or not.
            (f"{{ a: {JOB} {{ id }} b: {JOB} {{ id name }} c: {JOB} {{ id }} }}", "b"),
        ],
    )
    def test_are_most_at_a_path_of_response_keys(self, query: str, place: str) -> None:
        plan, rows, nodes = forecast_of(query, {}, None)

        assert most_fields(plan, rows) == (nodes, place)

    @given(operation=operations(SCHEMA._schema))
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def test_are_as_many_as_the_size_says(self, operation: Operation) -> None:
        document = DOCUMENTS.get(operation.text)
        if document.errors:
            return
        try:
            plan, rows, nodes = forecast_of(operation.text, operation.variables[0], None)
        except RequestError:
            return

        assert most_fields(plan, rows)[0] == nodes


class TestBytes:
    @pytest.mark.parametrize(
        ("data", "place"),
        [
            ({}, ""),
            ({"job": None}, "job"),
            ({"job": {"name": "x" * 99, "stage": "test"}}, "job.name"),
            ({"jobs": [{"name": "x", "log": {"text": "y" * 50}}, {"name": "z"}]}, "jobs.log.text"),
            # The list has most of it, none of its fields has.
            ({"jobs": [{"a": "x" * 30, "b": "x" * 30, "c": "x" * 30}]}, "jobs"),
            ({"lines": [["x" * 9, "y"], ["z"]], "n": 1}, "lines"),
            ({f"a{n}": "x" * n for n in range(9)}, "a8"),
        ],
    )
    def test_are_most_at_a_path_of_response_keys(self, data: dict[str, Any], place: str) -> None:
        assert finished(most_bytes(data)) == place

    def test_are_counted_in_steps(self) -> None:
        rows = [{"name": "x" * 9, "id": n} for n in range(50_000)]

        steps = sum(1 for _ in most_bytes({"jobs": {"nodes": rows}}))

        assert steps == pytest.approx(100_000 / 5_000, rel=0.2)


def test_positions_in_lists_are_no_part_of_a_place() -> None:
    assert place_of(["project", "jobs", "nodes", 7, "log"]) == "project.jobs.nodes.log"
