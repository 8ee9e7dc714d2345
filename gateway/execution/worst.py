"""The worst that variables can make of an operation: the choice that selects most, and the values
for which it may need most calls, or answer with most.

Every value that a caller may give cannot be tried. Those are that matter to the cost: a page of the
greatest size, an id of a log, a filter, each way to name a thing. Lists are given one item; an
operation needs as much for each further one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from graphql import (
    ArgumentNode,
    GraphQLError,
    ObjectFieldNode,
    VariableNode,
    Visitor,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    type_from_ast,
    visit,
)
from graphql.execution.values import VariableValues

from gateway.execution.cost import estimate_cost
from gateway.execution.largest import most_fields
from gateway.schema.filters import MAX_SCAN
from gateway.schema.ids import global_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphql import GraphQLInputType, GraphQLSchema, OperationDefinitionNode

    from gateway.execution.operation import Operation

__all__ = ["Worst", "fullest_choice", "worst_of"]

# Numbers that callers give are sizes of pages, nearly always.
PAGE: Final = 100
GREATEST: Final = {"scanLimit": MAX_SCAN}
# Of input objects within each other.
MAX_DEPTH: Final = 5
# A value of each scalar that an input may be.
SCALARS: Final[Mapping[str, Any]] = {
    "BigInt": 1,
    "Boolean": True,
    "DateTime": "2026-01-01T00:00:00Z",
    "Duration": 1,
    "Float": 1.0,
    "ID": global_id(b"JobLog:1:1:1"),
    "JSON": {},
    "String": "1",
    "URL": "https://gitlab.example.com/group/app/-/jobs/1",
}


class Worst(NamedTuple):
    """Upstream calls at worst, the path that needs most of them, fields of the response, and the
    path that has most of those; with one item in each of the lists that the variables `each` are.
    """

    calls: int
    dearest: str
    nodes: int
    fullest: str
    each: tuple[str, ...]


def fullest_choice(operation: Operation) -> VariableValues:
    """The values of the variables that `@skip` and `@include` hang on for which most is selected.
    One that some of both hang on is true.
    """
    includes = {variable for directive, variable in operation.decisions() if directive != "skip"}
    return VariableValues({}, {name: name in includes for name in operation.deciding})


def worst_of(operation: Operation, schema: GraphQLSchema, max_list_rows: int) -> Worst | None:
    """What an operation may come to at worst; None where no values were found that it takes."""
    tried = _Candidates(operation, schema)
    values = {name: choices[0] for name, choices in tried.by_name.items()}
    best = _estimated(operation, values, max_list_rows)
    for name, choices in tried.by_name.items():
        for choice in choices[1:]:
            found = _estimated(operation, {**values, name: choice}, max_list_rows)
            if found is not None and (best is None or found[0] > best[0]):
                best, values = found, {**values, name: choice}
    if best is None:
        return None
    calls, nodes, dearest, fullest = best
    return Worst(calls, dearest, nodes, fullest, tuple(tried.lists))


def _estimated(
    operation: Operation, values: Mapping[str, Any], max_list_rows: int
) -> tuple[int, int, str, str] | None:
    """Calls, fields of the response, dearest and fullest path with these variables, if they fit."""
    variables = operation.variables({k: v for k, v in values.items() if v is not None})
    if isinstance(variables, list):
        return None
    try:
        plan = operation.plan(variables)
        estimate = estimate_cost(plan, variables, max_list_rows=max_list_rows)
    except GraphQLError:
        return None
    nodes, fullest = most_fields(plan, estimate.rows)
    return estimate.calls, nodes, estimate.dearest, fullest


class _Candidates:
    """Values of each variable to try, the one that is likely the worst first."""

    def __init__(self, operation: Operation, schema: GraphQLSchema) -> None:
        self.lists: list[str] = []
        self.by_name: dict[str, list[Any]] = {}
        sizes = _sizes(operation)
        fullest = fullest_choice(operation).coerced
        for definition in operation.node.variable_definitions or ():
            name = definition.variable.name.value
            type_: Any = type_from_ast(schema, definition.type)
            if name in fullest:
                self.by_name[name] = [fullest[name], not fullest[name]]
                continue
            if is_list_type(get_nullable_type(type_)):
                self.lists.append(f"${name}")
            # None stands for a variable that is left out.
            self.by_name[name] = [*_values(type_, sizes.get(name, PAGE)), None]


def _values(type_: GraphQLInputType, number: int, depth: int = 0) -> Iterator[Any]:
    """Values of a type; numbers are this one."""
    inner: Any = get_nullable_type(type_)
    if is_list_type(inner):
        yield from ([value] for value in _values(inner.of_type, number, depth))
    elif is_enum_type(inner):
        yield next(iter(inner.values))
    elif not is_input_object_type(inner):
        yield number if inner.name == "Int" else SCALARS.get(inner.name)
    elif inner.extensions["strawberry-definition"].is_one_of:
        for name, field in inner.fields.items():
            yield from ({name: value} for value in _values(field.type, number, depth + 1))
    elif depth < MAX_DEPTH:
        # All fields at once, and each with every value it may have.
        choices = {n: [*_values(f.type, number, depth + 1)] for n, f in inner.fields.items()}
        first = {name: values[0] for name, values in choices.items() if values}
        yield first
        for name, values in choices.items():
            yield from ({**first, name: value} for value in values[1:])


def _sizes(operation: Operation) -> dict[str, int]:
    """The greatest number that makes sense of each variable, by the arguments it is given to."""
    found: dict[str, int] = {}

    class Places(Visitor):
        def enter(self, node: Any, *_: Any) -> None:
            if isinstance(node, ArgumentNode | ObjectFieldNode) and isinstance(
                node.value, VariableNode
            ):
                name = node.value.name.value
                greatest = GREATEST.get(node.name.value, PAGE)
                found[name] = max(found.get(name, 0), greatest)

    node: OperationDefinitionNode = operation.node
    for definition in (node, *operation.fragment_definitions.values()):
        visit(definition, Places())
    return found
