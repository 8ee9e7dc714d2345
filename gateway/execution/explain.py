"""What the gateway makes of a document: its operations, their plans, and the functions compiled
for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import GraphQLError

from gateway.errors import BadInput
from gateway.execution.compiler import write_plan
from gateway.execution.cost import estimate_cost
from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.schema import make_schema
from gateway.execution.variables import NO_VARIABLES

if TYPE_CHECKING:
    from gateway.execution.documents import Operation
    from gateway.execution.plan import Field, Selection

__all__ = ["explain"]


def explain(text: str) -> str:
    """Each operation's fields (compiled, edge or reference), its cost at worst and its generated
    functions.

    Variables take their defaults; raises `BadInput` with all that is wrong with the document.
    """
    document = Documents(make_schema(PlannedExecutor), Limits()).get(text)
    if document.errors:
        raise BadInput("; ".join(error.message for error in document.errors))
    return "\n\n".join(_explain_operation(operation) for operation in document.operations)


def _explain_operation(operation: Operation) -> str:
    variables = operation.variables({})
    if isinstance(variables, list):
        variables = NO_VARIABLES
    plan = operation.plan(variables)
    try:
        cost = str(estimate_cost(plan, variables).calls)
    except GraphQLError:
        cost = "depends on the variables"
    source, _ = write_plan(plan)
    return "\n".join(
        [
            f"{operation.type} {operation.name or '(unnamed)'}",
            f"upstream calls at worst: {cost}",
            *_explain_selection(plan.root, 1),
            "",
            *(f"    {line}" for line in source.splitlines()),
        ]
    )


def _explain_selection(selection: Selection, depth: int) -> list[str]:
    lines = []
    for field in selection.fields:
        lines.append(
            f"{'  ' * depth}{field.key}: {field.definition.type}  [{_way(selection, field)}]"
        )
        for type_name, below in field.below.items():
            if len(field.below) > 1:
                lines.append(f"{'  ' * (depth + 1)}on {type_name}")
            lines += _explain_selection(below, depth + 1 + (len(field.below) > 1))
    return lines


def _way(selection: Selection, field: Field) -> str:
    if field.slot is not None:
        way = "edge" if field.slot.edge is not None else "reference"
        return way if field.slot.complete is not None else f"{way}, completed by the reference"
    if not selection.is_compiled:
        return "reference"
    hydration = ", hydrated where less is known" if field.hydration is not None else ""
    return f"compiled{hydration}"
