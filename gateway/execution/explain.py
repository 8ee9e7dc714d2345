"""What the gateway makes of a document: its operations, their plans, and the functions compiled
for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, NonNullTypeNode, print_ast

from gateway.errors import BadInput
from gateway.execution.compiler import write_plan
from gateway.execution.cost import estimate_cost
from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.schema import make_schema
from gateway.execution.variables import NO_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.execution.operation import Operation
    from gateway.execution.plan import Field, Selection

__all__ = ["explain"]


def explain(
    text: str, variables: Mapping[str, Any] | None = None, *, name: str = "document"
) -> str:
    """Each operation's fields (compiled, edge or reference), its cost at worst and its generated
    functions.

    Without `variables` they take their defaults; where one that is needed has none, the cost is not
    known, and that is said. Raises `BadInput` with all that is wrong with the document, or with the
    variables, a line for each, by the document's name and its place there.
    """
    document = Documents(make_schema(PlannedExecutor), Limits()).get(text)
    if document.errors:
        raise BadInput(_placed(document.errors, name))
    if variables:
        declared = {
            definition.variable.name.value
            for operation in document.operations
            for definition in operation.node.variable_definitions or ()
        }
        if unknown := variables.keys() - declared:
            named, known = (
                ", ".join(f"${name}" for name in sorted(names)) for names in (unknown, declared)
            )
            raise BadInput(f"the document declares no variable {named}; it has {known or 'none'}")
    return "\n\n".join(
        _explain_operation(operation, variables, name) for operation in document.operations
    )


def _placed(errors: Iterable[GraphQLError], name: str) -> str:
    """Errors as compilers tell them."""
    lines = []
    for error in errors:
        places = "".join(f"{at.line}:{at.column}: " for at in (error.locations or ())[:1])
        lines.append(f"{name}:{places or ' '}{error.message}")
    return "\n".join(lines)


def _explain_operation(operation: Operation, given: Mapping[str, Any] | None, name: str) -> str:
    variables = operation.variables(dict(given or {}))
    if isinstance(variables, list):
        if given is not None:
            raise BadInput(_placed(variables, name))
        variables = NO_VARIABLES
    plan = operation.plan(variables)
    try:
        cost = str(estimate_cost(plan, variables).calls)
    except GraphQLError as error:
        cost = _wanted(operation) or f"not known: {error.message}"
    source = write_plan(plan)
    return "\n".join(
        [
            f"{operation.type} {operation.name or '(unnamed)'}",
            f"upstream calls at worst: {cost}",
            *_explain_selection(plan.root, 1),
            "",
            *(f"    {line}" for line in source.splitlines()),
        ]
    )


def _wanted(operation: Operation) -> str | None:
    """Says which variables have no value, and how to give them; None where all have one."""
    lacking = [
        definition
        for definition in operation.node.variable_definitions or ()
        if definition.default_value is None and isinstance(definition.type, NonNullTypeNode)
    ]
    if not lacking:
        return None
    named = ", ".join(print_ast(definition) for definition in lacking)
    example = ", ".join(f'"{definition.variable.name.value}": …' for definition in lacking)
    return f"not known without values for {named}; give them: --variables '{{{example}}}'"


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
