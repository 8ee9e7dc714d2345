"""Answers introspection in steps: `__schema` and `__type`, of whatever the schema tells of itself.

graphql-core answers it in one go, some 10 µs a field, of which there may be thousands. Here others
have turns in between.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from graphql import is_leaf_type, is_list_type, is_non_null_type
from graphql.execution.collect_fields import collect_subfields
from graphql.execution.values import get_argument_values

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from graphql import GraphQLObjectType, GraphQLSchema, OperationDefinitionNode
    from graphql.execution.collect_fields import FieldDetails, FragmentDetails
    from graphql.execution.values import VariableValues

    from gateway.execution.plan import Slot

__all__ = ["Introspector"]

# Objects between two turns: some 20 µs each.
OBJECTS_AT_ONCE: Final = 50


class Introspector:
    """The introspection of one execution."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDetails],
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = fragments
        self._variables = variables
        # All that resolvers of introspection ask it for.
        self._info: Any = SimpleNamespace(schema=schema)
        # What is selected at a place, with the arguments: by the list that graphql-core collects.
        self._selected: dict[tuple[int, str], list[tuple[str, Any, Any, dict[str, Any]]]] = {}
        self._since_turn = 0

    def answer(self, slot: Slot) -> Generator[None, None, Any]:
        """The completed value of a slot; yields every few objects. Raises `GraphQLError` where a
        directive or an argument cannot be read.
        """
        details = slot.details
        arguments = self._arguments(slot.definition, details)
        value = slot.definition.resolve(None, self._info, **arguments)  # type: ignore[misc]  # they have one
        return self._complete(slot.type, value, details)

    def _complete(
        self, type_: Any, value: Any, details: list[FieldDetails]
    ) -> Generator[None, None, Any]:
        if is_non_null_type(type_):
            type_ = type_.of_type
        if value is None:
            return None
        if is_list_type(type_):
            items = []
            for item in value:
                completed = yield from self._complete(type_.of_type, item, details)
                items.append(completed)
            return items
        if is_leaf_type(type_):
            return type_.coerce_output_value(value)
        return (yield from self._object(type_, value, details))

    def _object(
        self, type_: GraphQLObjectType, value: Any, details: list[FieldDetails]
    ) -> Generator[None, None, dict[str, Any]]:
        self._since_turn += 1
        if self._since_turn >= OBJECTS_AT_ONCE:
            self._since_turn = 0
            yield
        told: dict[str, Any] = {}
        for key, definition, below, arguments in self._fields(type_, details):
            if definition is None:
                told[key] = type_.name
                continue
            found = definition.resolve(value, self._info, **arguments)
            # Most are leaves that are what goes out, and a generator costs as much as they do.
            if found is None or found.__class__ is str:
                told[key] = found
            else:
                told[key] = yield from self._complete(definition.type, found, below)
        return told

    def _fields(
        self, type_: GraphQLObjectType, details: list[FieldDetails]
    ) -> list[tuple[str, Any, Any, dict[str, Any]]]:
        """What is selected of a type at a place; a field without definition is `__typename`."""
        selected = self._selected.get((id(details), type_.name))
        if selected is None:
            collected = collect_subfields(
                self._schema,
                dict(self._fragments),
                self._variables,
                self._operation,
                type_,
                details,
            )
            selected = self._selected[id(details), type_.name] = []
            for key, found in collected.grouped_field_set.items():
                name = found[0].node.name.value
                definition = None if name == "__typename" else type_.fields[name]
                arguments = {} if definition is None else self._arguments(definition, found)
                selected.append((key, definition, found, arguments))
        return selected

    def _arguments(self, definition: Any, details: list[FieldDetails]) -> dict[str, Any]:
        first = details[0]
        return get_argument_values(
            definition, first.node, self._variables, first.fragment_variable_values
        )
