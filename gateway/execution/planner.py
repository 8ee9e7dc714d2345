"""From a valid operation to its compiled plan, in three steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.execution.compiler import compile_plan
from gateway.execution.decoding import attributes_read
from gateway.execution.layout import lay_out
from gateway.schema import ENTITY_TYPES
from gateway.upstream.pruning import readers_of

if TYPE_CHECKING:
    from graphql import OperationDefinitionNode
    from graphql.execution.collect_fields import FragmentDetails
    from graphql.execution.values import VariableValues

    from gateway.execution.plan import Plan

__all__ = ["make_plan"]


def make_plan(
    strawberry: Any,
    operation: OperationDefinitionNode,
    fragments: dict[str, FragmentDetails],
    variables: VariableValues,
) -> Plan:
    """The plan of an operation for these values of the variables that decide its directives."""
    plan = lay_out(strawberry, operation, fragments, variables)
    plan.readers = readers_of(attributes_read(plan))
    plan.entity_types = {
        class_: type_name
        for entity, type_name in ENTITY_TYPES.items()
        for class_ in (entity, plan.readers.classes.get(entity, entity))
    }
    compile_plan(plan)
    return plan
