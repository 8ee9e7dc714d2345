"""Arguments of edges: from their text and the variables to what a resolver gets, most of it
prepared once.

Without variables the arguments are converted once for the document. With variables of built-in
scalars and lists of them, which resolvers get as they are, a template is taken from the first
execution and only the variables' places are filled in later. Anything else (other variables' types,
null or missing variables) is converted the reference way, which also finds what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import (
    ListValueNode,
    ObjectValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    specified_scalar_types,
)
from graphql.execution.values import get_argument_values
from strawberry.types.arguments import convert_arguments

if TYPE_CHECKING:
    from graphql import GraphQLField, GraphQLInputObjectType, GraphQLInputType, Node
    from graphql.execution.collect_fields import FieldDetails
    from graphql.execution.values import VariableValues

__all__ = ["Arguments"]

PASSED_AS_THEY_ARE = frozenset(specified_scalar_types.values())

# Fills a value in from the coerced variables; raises `_Unfilled` where a variable is null or
# missing.
Filler: TypeAlias = Callable[[Mapping[str, Any]], Any]


class _Unfilled(Exception):
    """This execution, or this argument, goes the reference way."""


class Arguments:
    """The arguments of one field of a plan."""

    __slots__ = ("_constant", "_definition", "_detail", "_fillers", "_strawberry")

    def __init__(self, strawberry: Any, definition: GraphQLField, detail: FieldDetails) -> None:
        self._strawberry = strawberry
        self._definition = definition
        self._detail = detail
        self._constant: dict[str, Any] | None = None
        self._fillers: dict[str, Filler] | None = None

    def values(self, variables: VariableValues) -> dict[str, Any]:
        """The resolver's keyword arguments; raises `GraphQLError` where a value does not fit."""
        if self._constant is not None:
            if not self._fillers:
                return self._constant
            try:
                coerced = variables.coerced
                return self._constant | {
                    name: fill(coerced) for name, fill in self._fillers.items()
                }
            except _Unfilled:
                return self._convert(variables)
        converted = self._convert(variables)
        try:
            self._fillers = self._prepare(converted)
        except _Unfilled:
            return converted
        self._constant = converted
        return converted

    def _convert(self, variables: VariableValues) -> dict[str, Any]:
        detail = self._detail
        return convert_arguments(
            get_argument_values(
                self._definition, detail.node, variables, detail.fragment_variable_values
            ),
            self._definition.extensions["strawberry-definition"].arguments,
            scalar_registry=self._strawberry.schema_converter.scalar_registry,
            config=self._strawberry.config,
        )

    def _prepare(self, converted: dict[str, Any]) -> dict[str, Filler]:
        """What fills the arguments in which variables stand."""
        fillers = {}
        for argument in self._detail.node.arguments or ():
            definition = self._definition.args[argument.name.value]
            if _has_variables(argument.value):
                name = _python_name(argument.name.value, converted)
                fillers[name] = _filler(argument.value, definition.type, converted.get(name))
        return fillers


def _filler(node: Node, type_: GraphQLInputType, converted: Any) -> Filler:
    """A function that makes the value of a node in which variables stand."""
    inner = get_nullable_type(type_)
    if isinstance(node, VariableNode) and get_named_type(inner) in PASSED_AS_THEY_ARE:
        name = node.name.value

        def fill_variable(variables: Mapping[str, Any]) -> Any:
            value = variables.get(name)
            if value is None:
                raise _Unfilled
            return value

        return fill_variable
    if isinstance(node, ObjectValueNode) and is_input_object_type(inner) and converted is not None:
        return _object_filler(node, inner, converted)
    if isinstance(node, ListValueNode) and is_list_type(inner) and converted is not None:
        items = [
            _filler(value, inner.of_type, item) if _has_variables(value) else _constant(item)
            for value, item in zip(node.values, converted, strict=True)
        ]
        return lambda variables: [fill(variables) for fill in items]
    raise _Unfilled


def _object_filler(node: ObjectValueNode, type_: GraphQLInputObjectType, converted: Any) -> Filler:
    class_ = converted.__class__
    fixed = dict(vars(converted))
    # Nearly all are variables that are passed as they are: looked up here they cost a third.
    passed, fillers = [], []
    for field in node.fields:
        if _has_variables(field.value):
            name = _python_name(field.name.value, fixed)
            type_below = type_.fields[field.name.value].type
            fill = _filler(field.value, type_below, fixed[name])
            if isinstance(field.value, VariableNode):
                passed.append((name, field.value.name.value))
            else:
                fillers.append((name, fill))

    def fill_object(variables: Mapping[str, Any]) -> Any:
        filled = class_.__new__(class_)
        values = filled.__dict__ = fixed.copy()
        for name, variable in passed:
            value = values[name] = variables.get(variable)
            if value is None:
                raise _Unfilled
        for name, fill in fillers:
            values[name] = fill(variables)
        return filled

    return fill_object


def _constant(value: Any) -> Filler:
    return lambda _: value


def _python_name(graphql_name: str, names: Mapping[str, Any]) -> str:
    """The name of a converted argument or input field."""
    if graphql_name in names:
        return graphql_name
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in graphql_name)
    if snake not in names:
        raise _Unfilled
    return snake


def _has_variables(node: Node) -> bool:
    """Does a variable stand anywhere in this value?"""
    if isinstance(node, ListValueNode):
        return any(_has_variables(item) for item in node.values)
    if isinstance(node, ObjectValueNode):
        return any(_has_variables(field.value) for field in node.fields)
    return isinstance(node, VariableNode)
