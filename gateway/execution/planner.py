"""From a valid operation to its compiled plan, in three steps that are taken in many small ones.
What each execution would have to find out first is found here, too.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from gateway.execution.compiler import compile_plan
from gateway.execution.decoding import attributes_read
from gateway.execution.layout import lay_out
from gateway.execution.size import size_steps
from gateway.schema import ENTITY_TYPES
from gateway.turns import finished
from gateway.upstream.pruning import reader_steps

if TYPE_CHECKING:
    from collections.abc import Generator

    from graphql import OperationDefinitionNode
    from graphql.execution.collect_fields import FragmentDetails
    from graphql.execution.values import VariableValues

    from gateway.execution.plan import Plan

__all__ = ["make_plan", "plan_steps"]


def plan_steps(
    strawberry: Any,
    operation: OperationDefinitionNode,
    fragments: dict[str, FragmentDetails],
    variables: VariableValues,
    max_fields: int,
) -> Generator[None, None, Plan]:
    """The plan of an operation for these values of the variables that decide its directives; yields
    every few fields. Raises `GraphQLError` for a plan of more fields.
    """
    plan = yield from lay_out(strawberry, operation, fragments, variables, max_fields)
    plan.readers = yield from reader_steps((yield from attributes_read(plan)))
    plan.entity_types = {
        class_: type_name
        for entity, type_name in ENTITY_TYPES.items()
        for class_ in (entity, plan.readers.classes.get(entity, entity))
    }
    yield
    yield from compile_plan(plan)
    yield from size_steps(plan)
    for slot in plan.slots:
        if slot.edge is not None:
            # Prepares them for all executions. What does not fit is told where the cost is found.
            with suppress(GraphQLError):
                slot.arguments.values(variables)
            yield
    return plan


def make_plan(
    strawberry: Any,
    operation: OperationDefinitionNode,
    fragments: dict[str, FragmentDetails],
    variables: VariableValues,
) -> Plan:
    """The same at once, of any size."""
    return finished(plan_steps(strawberry, operation, fragments, variables, sys.maxsize))
