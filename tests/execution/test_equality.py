"""The compiled executor equals the reference: random valid operations over the whole schema, on an
upstream that settles in a fixed order, with null and failing parts.

More on demand: `GATEWAY_TEST_OPERATIONS=20000 pytest tests/execution/test_equality.py`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.execution.schema import make_schema
from tests.execution.fake import World
from tests.execution.operations import Operation, operations

if TYPE_CHECKING:
    from tests.execution.comparison import Comparison

SCHEMA = make_schema()._schema
COUNT = int(os.environ.get("GATEWAY_TEST_OPERATIONS") or (2000 if os.environ.get("CI") else 200))

worlds = st.builds(
    World,
    seed=st.integers(0, 2**32 - 1),
    failing=st.sampled_from((0, 0, 10, 30)),
    sparse=st.sampled_from((0, 10, 30)),
    is_varied=st.booleans(),
)


@settings(
    max_examples=COUNT,
    # The same operations in every run: what fails once fails again.
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(operation=operations(SCHEMA), world=worlds)
def test_a_plan_answers_as_the_reference_does(
    comparison: Comparison, operation: Operation, world: World
) -> None:
    for variables in operation.variables:
        comparison.check(operation.text, variables, world)
