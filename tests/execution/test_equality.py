"""The compiled executor equals the reference: random valid operations over the whole schema, on an
upstream that settles in a fixed order, with null and failing parts.

More on demand: `GATEWAY_TEST_OPERATIONS=20000 pytest tests/execution/test_equality.py`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.execution.executor import PlannedExecutor
from gateway.execution.schema import make_schema
from tests.execution.comparison import Comparison, failures_of
from tests.execution.fake_world import World
from tests.execution.operations import Operation, operations
from tests.execution.sandboxed import IN_SANDBOX

if TYPE_CHECKING:
    from strawberry import Schema
    from strawberry.types import ExecutionResult

    from tests.harness.over import DrivenOver

SCHEMAS = make_schema(), make_schema(PlannedExecutor)
COUNT = int(os.environ.get("GATEWAY_TEST_OPERATIONS") or (2000 if os.environ.get("CI") else 200))

worlds = st.builds(
    World,
    seed=st.integers(0, 2**32 - 1),
    failing=st.sampled_from((0, 0, 10, 30)),
    sparse=st.sampled_from((0, 10, 30)),
    is_varied=st.booleans(),
)

# The same operations in every run: what fails once fails again.
repeatable = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)


@settings(repeatable, max_examples=COUNT)
@given(operation=operations(SCHEMAS[0]._schema), world=worlds)
def test_a_plan_answers_as_the_reference_does(
    comparison: Comparison, operation: Operation, world: World
) -> None:
    for variables in operation.variables:
        comparison.check(operation.text, variables, world)


@settings(repeatable, max_examples=COUNT // 16)
@given(operation=operations(SCHEMAS[0]._schema, IN_SANDBOX, max_fields=30))
def test_a_plan_answers_as_the_reference_does_over_a_sandbox(
    upstream: DrivenOver, operation: Operation
) -> None:
    """With the real context, client and upstream, by Strawberry's own `execute`."""
    if operation.text.startswith("mutation"):
        # The second write would find another world.
        return
    for variables in operation.variables:
        reference, planned = (
            upstream.runner.run(execute(schema, operation.text, variables, upstream))
            for schema in SCHEMAS
        )

        assert msgspec.json.encode(planned.data) == msgspec.json.encode(reference.data)
        assert failures_of(planned) == failures_of(reference)


async def execute(
    schema: Schema, text: str, variables: dict[str, Any], upstream: DrivenOver
) -> ExecutionResult:
    return await schema.execute(text, variables, context_value=upstream.context())
