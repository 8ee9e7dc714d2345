"""The cost of an operation is known before its first call, and holds: over a sandbox no operation
needs more calls than were estimated, nor does its response have more fields.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from gateway.execution.cost import estimate_cost
from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.forecast import forecast
from gateway.execution.limits import Limits
from gateway.execution.schema import make_schema
from gateway.loaders.whole import MAX_LIST_ROWS
from tests.execution.operations import Operation, operations
from tests.execution.sandboxed import IN_SANDBOX

if TYPE_CHECKING:
    from tests.harness.over import DrivenOver

SCHEMA = make_schema(PlannedExecutor)
DOCUMENTS = Documents(SCHEMA, Limits())
COUNT = int(os.environ.get("GATEWAY_TEST_COSTS") or (100 if os.environ.get("CI") else 30))
PIPELINE = 'pipeline(by: {path: {project: "1", pipeline: "6"}})'
BATCH = "jobBatch(input: {action: RETRY, of: {%s}}) { results { item { id } } }"
JOB = 'job(by: {path: {project: "1", job: "8"}})'


def estimate(query: str, **given: Any) -> tuple[int, str]:
    document = DOCUMENTS.get(query)
    assert not document.errors, document.errors
    operation = document.operation(None)
    variables = operation.variables(given)
    found = estimate_cost(operation.plan(variables), variables)
    return found.calls, found.dearest


class TestEstimate:
    @pytest.mark.parametrize(
        ("calls", "query"),
        [
            (0, "{ __typename __schema { queryType { name } } }"),
            (1, '{ project(id: "a/b") { fullPath databaseId } }'),
            (1, '{ project(id: "1") { fullPath } }'),
            (1, '{ project(id: "1") { id fullPath } }'),
            (1, f"{{ {JOB} {{ name user {{ name }} commit {{ sha }} artifacts {{ size }} }} }}"),
            (1, f"{{ {JOB} {{ pipeline {{ ref status id }} }} }}"),
            (2, f"{{ {JOB} {{ pipeline {{ ref status duration name }} }} }}"),
            (2, f"{{ {JOB} {{ log {{ byteCount tail {{ text }} slice {{ text }} }} }} }}"),
            (2, f"{{ a: {JOB} {{ id }} b: {JOB} {{ id }} }}"),
            (1, '{ project(id: "1") { jobs(first: 100) { nodes { name } } } }'),
            (21, '{ project(id: "1") { jobs { nodes { log { byteCount } } } } }'),
            (4, '{ project(id: "1") { jobs(first: 3) { nodes { log { lineCount } } } } }'),
            (21, '{ project(id: "1") { jobs { nodes { pipeline { jobs { nodes { id } } } } } } }'),
            (6, '{ project(id: "1") { pipelines(first: 5) { nodes { ref duration } } } }'),
            (3, '{ nodes(ids: ["a", "b", "c"]) { id } }'),
            (
                4,
                '{ nodes(ids: ["a", "b"]) { id ... on Job { log { byteCount } } } }',
            ),
            (1, '{ pipeline(by: {path: {project: "1", pipeline: "6"}}) { duration } }'),
            (2, 'mutation { jobCancel(input: {job: {id: "x"}}) { job { name } } }'),
            (1, 'mutation { jobCancel(input: {job: {id: "x"}}) { userErrors { code } } }'),
            (
                2,
                'mutation { jobErase(input: {job: {id: "x"}, ifStatus: [FAILED]}) { __typename } }',
            ),
        ],
    )
    def test_is_the_worst_case(self, calls: int, query: str) -> None:
        assert estimate(query)[0] == calls

    @pytest.mark.parametrize(
        ("calls", "selected"),
        [
            (12, "stages { partial }"),
            (7, "summary { total }"),
            # Whatever wants the lists of a pipeline, they are read once.
            (13, "summary { total } stages { partial } jobs { nodes { retried flaky } }"),
            (2 + 5, "jobs(first: 100) { nodes { attempts { nodes { attempts { partial } } } } }"),
            (2 + 20 + 5, "jobs { nodes { retried pipeline { jobs { totalCount } } } }"),
            (3, "items { nodes { name } }"),
            (1 + 15 + 14, "descendants(first: 14) { nodes { pipeline { jobs { scanned } } } }"),
            # A bridge and the pipeline it started are of two pipelines.
            (
                1 + 2 + 6 + 6,
                "descendants(first: 1) { nodes {bridge {pipeline {...S}} pipeline {...S}} }",
            ),
            (2 + 20 * 6, "bridges { nodes { downstreamPipeline { summary { total } } } }"),
            (1 + 6, 'jobs(filter: {names: ["a"]}) { scanned }'),
            (1 + 2, 'jobs(filter: {names: ["a"]}, scanLimit: 50) { scanned }'),
        ],
    )
    def test_of_whole_lists_is_counted_once_for_each_pipeline(
        self, calls: int, selected: str
    ) -> None:
        fragment = "fragment S on Pipeline { summary { total } }" if "...S" in selected else ""

        assert estimate(f"{{ {PIPELINE} {{ {selected} }} }} {fragment}")[0] == calls

    @pytest.mark.parametrize(
        ("calls", "query"),
        [
            (221, '{ project(id: "1") { pipelines { nodes { stages { partial } } } } }'),
            (16, '{ project(id: "1") { jobs(first: 3) { nodes { retried } } } }'),
            (3, '{ projects(ids: ["1", "2", "3"]) { jobs { nodes { name } } } }'),
            (4, "mutation { %s }" % BATCH % 'jobs: [{id: "x"}, {id: "y"}]'),
            (118, "mutation { %s }" % BATCH % 'pipeline: {pipeline: {id: "x"}}'),
            (2, 'mutation { pipelineRetry(input: {pipeline: {id: "x"}}) { pipeline { id } } }'),
        ],
    )
    def test_of_many_is_the_worst_case_too(self, calls: int, query: str) -> None:
        assert estimate(query)[0] == calls

    def test_names_what_wants_the_lists(self) -> None:
        query = f"{{ {PIPELINE} {{ id s: stages {{ partial }} }} }}"

        assert estimate(query) == (12, "pipeline.s")

    def test_names_the_dearest_path_by_its_keys(self) -> None:
        query = f"""{{ a: {JOB} {{ name }} b: project(id: "1") {{ c: jobs {{ d: nodes {{
                      name e: log {{ byteCount }} }} }} }} }}"""

        assert estimate(query) == (22, "b.c.d.e")

    def test_takes_the_dearest_type_of_an_interface(self) -> None:
        query = """{ node(id: "x") { ... on Job { log { byteCount } }
                     ... on Pipeline { jobs(first: 2) { nodes { log { byteCount } } } } } }"""

        assert estimate(query)[0] == 1 + 1 + 2

    def test_hangs_on_variables(self) -> None:
        query = """query ($n: Int!) { project(id: "1") { jobs(first: $n) { nodes {
                     log { byteCount } } } } }"""

        assert [estimate(query, n=n)[0] for n in (1, 7, 50)] == [2, 8, 51]

    def test_is_the_same_whatever_was_asked_before(self) -> None:
        query = """query($n: Int, $project: ID!) { project(id: $project) {
                     jobs(first: $n) { nodes { log { byteCount } } } } }"""

        asked = [(3, "1"), (3, "a/b"), (5, "1"), (3, "1"), (None, "1"), (5, "2")]
        found = [estimate(query, n=n, project=project)[0] for n, project in asked]

        assert found == [4, 4, 6, 4, 21, 6]

    def test_holds_on_to_no_variables(self) -> None:
        jobs = "pipeline(by: $by) { jobs(first: $n) { nodes { id } } }"
        query = f"query($by: PipelineRef!, $n: Int) {{ {jobs} }}"
        operation = DOCUMENTS.get(query).operation(None)
        variables = operation.variables({"by": {"path": {"project": "1", "pipeline": "1"}}, "n": 3})
        plan = operation.plan(variables)

        estimate_cost(plan, variables)

        assert plan.last_estimate is not None
        assert not plan.last_estimate[2].arguments

    def test_of_what_is_skipped_is_nothing(self) -> None:
        query = f"query ($no: Boolean!) {{ {JOB} {{ name log @skip(if: $no) {{ byteCount }} }} }}"

        assert [estimate(query, no=no)[0] for no in (True, False)] == [1, 2]


@settings(
    max_examples=COUNT,
    derandomize=True,
    database=None,
    deadline=None,
    # Operations are short; to make one shorter takes minutes.
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(operation=operations(SCHEMA._schema, IN_SANDBOX, max_fields=20))
def test_no_operation_needs_more_calls_or_gives_more_fields_than_estimated(
    upstream: DrivenOver, operation: Operation
) -> None:
    received = upstream.server.sandbox.received
    for variables in operation.variables:
        before = len(received)

        response = upstream.run(upstream.execute(operation.text, variables))

        assert len(received) - before - response.tally.retried <= response.estimated_calls
        if isinstance(response.data, dict):
            # Those of an introspection are counted while it is made, within a bound of its own.
            introspected = response.operation.introspected
            assert fields_in(response.data) <= nodes_of(operation.text, variables) + introspected


class TestFieldsOfTheResponse:
    """Rows are counted where they are read, not once more in the lists that part them."""

    @pytest.mark.parametrize(
        ("nodes", "selected"),
        [
            (1 + 1 + 20 * (1 + 1), "jobs { nodes { name } }"),
            (1 + 1 + 600 * (1 + 2 + 3), "stages { nodes { name items { name status stage } } }"),
            (1 + 1 + 14 * (1 + 1), "descendants(first: 14) { nodes { depth } }"),
        ],
    )
    def test_each_row_counts_once(self, nodes: int, selected: str) -> None:
        assert nodes_of(f"{{ {PIPELINE} {{ {selected} }} }}", {}) == nodes


def nodes_of(query: str, given: dict[str, Any]) -> int:
    """The fields that its response may have."""
    operation = DOCUMENTS.get(query).operation(None)
    variables = operation.variables(given)
    _, size = forecast(operation, operation.plan(variables), variables, MAX_LIST_ROWS)
    return size.nodes


def fields_in(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(fields_in, value.values()))
    return sum(map(fields_in, value)) if isinstance(value, list) else 0
