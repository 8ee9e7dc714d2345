"""The namespace of the functions that `compiler` writes: each name in their text, with its value.

other, never    are called with a value that is not the one expected
f2              a function of an entity, numbered as they come
Status          the enum's name for an upstream's word: `Status(word, 'UNKNOWN')`
Jobs            the classes of a type's entities; where it has one only, that class by its name
n4              how much must be known of an entity, by its class
leaf_Colour     turns a value of a custom scalar into what goes out
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import is_enum_type

from gateway.schema.enums import members_by_word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import Enum

    from graphql import GraphQLLeafType, GraphQLObjectType

    from gateway.execution.plan import Selection

__all__ = ["Namespace", "Unprojectable"]

# Scalars whose values in a decoded entity are what goes out.
AS_THEY_ARE = frozenset(
    {"String", "Boolean", "Float", "Int", "ID", "DateTime", "Duration", "URL", "BigInt", "JSON"}
)


class Unprojectable(Exception):
    """A value that the compiled functions do not take."""


class Namespace:
    """The namespace of one plan. Each method gives an expression, and adds the names that stand in
    it to `values`.
    """

    def __init__(self, entity_types: Mapping[type, str]) -> None:
        self.values: dict[str, Any] = {"other": _other, "never": _never}
        self._entity_types = entity_types
        # The names of functions that have one: equal fields then are equal text.
        self._named: dict[Callable[[Any], Any], str] = {}

    def call(self, function: Callable[[Any], Any], entity: str) -> str:
        """The value of a function for an entity."""
        name = self._named.setdefault(function, f"f{len(self.values)}")
        self.values[name] = function
        return f"{name}({entity})"

    def leaf(self, value: str, type_: GraphQLLeafType, enum: type[Enum] | None) -> str:
        """What goes out for a value that is not null; `enum` is given where the value is a word."""
        if enum is not None:
            names = {word: member.name for word, member in members_by_word(enum).items()}
            self.values[type_.name] = names.get
            return f"{type_.name}({value}, 'UNKNOWN')"
        if is_enum_type(type_):
            return f"{value}._name_"
        if type_.name in AS_THEY_ARE:
            return value
        name = f"leaf_{type_.name}"
        self.values[name] = type_.coerce_output_value
        return f"{name}({value})"

    def is_of(self, type_: GraphQLObjectType) -> str:
        """The right side of a test for the classes of a type; empty where it has none of its
        own.
        """
        classes = [entity for entity, name in self._entity_types.items() if name == type_.name]
        if not classes:
            return ""
        if len(classes) == 1:
            return f"is {self.entity(classes[0])}"
        self.values[f"{type_.name}s"] = frozenset(classes)
        return f"in {type_.name}s"

    def entity(self, entity: type) -> str:
        """A class of entities."""
        self.values[entity.__name__] = entity
        return entity.__name__

    def needs_hydration(self, value: str, below: Mapping[str, Selection]) -> str:
        """The test whether less is known of an entity than is selected of it, `below`, by type."""
        needs = {type_name: selection.needs for type_name, selection in below.items()}
        if len(needs) == 1:
            (level,) = needs.values()
            return f"{value} is not None and {value}.known < {level}"
        table = f"n{len(self.values)}"
        self.values[table] = {
            entity: needs[type_name]
            for entity, type_name in self._entity_types.items()
            if needs.get(type_name)
        }
        return f"{value}.__class__ in {table} and {value}.known < {table}[{value}.__class__]"


def _other(value: Any) -> None:
    """Null, where an entity or null is expected; anything else is for the reference to judge."""
    if value is not None:
        raise Unprojectable


def _never(value: Any) -> Any:  # noqa: ARG001 - called in the place of a projection
    raise Unprojectable
