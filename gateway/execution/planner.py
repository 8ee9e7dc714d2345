"""From a valid operation to its compiled plan, in three steps that are taken in many small ones."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from gateway.execution.compiler import compile_plan
from gateway.execution.decoding import attributes_read
from gateway.execution.layout import lay_out
from gateway.schema import ENTITY_TYPES
from gateway.turns import finished
from gateway.upstream.pruning import readers_of

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
    plan.readers = readers_of((yield from attributes_read(plan)))
    plan.entity_types = {
        class_: type_name
        for entity, type_name in ENTITY_TYPES.items()
        for class_ in (entity, plan.readers.classes.get(entity, entity))
    }
    yield
    yield from compile_plan(plan)
    return plan


def make_plan(
    strawberry: Any,
    operation: OperationDefinitionNode,
    fragments: dict[str, FragmentDetails],
    variables: VariableValues,
) -> Plan:
    """The same at once, of any size."""
    return finished(plan_steps(strawberry, operation, fragments, variables, sys.maxsize))
