"""Lays an operation out as a plan: the first of the three steps from its text to its functions.
It yields after every few fields, so that others have turns in between.

graphql-core's own collection merges the fields, so aliases, fragments and directives follow the
specification by construction.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from graphql import (
    GraphQLError,
    GraphQLObjectType,
    get_named_type,
    is_abstract_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import collect_fields, collect_subfields

from gateway.execution.arguments import Arguments
from gateway.execution.declared import declared_classes
from gateway.execution.plan import Field, Plan, Selection, Slot
from gateway.schema import ENTITY_TYPES
from gateway.schema.fields import Edge, Read, kind_of
from gateway.upstream.entities import Known

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from graphql import (
        GraphQLField,
        GraphQLOutputType,
        GraphQLSchema,
        OperationDefinitionNode,
    )
    from graphql.execution.collect_fields import CollectedFields, FieldDetails, FragmentDetails
    from graphql.execution.values import VariableValues

__all__ = ["lay_out"]

T = TypeVar("T")
Steps: TypeAlias = "Generator[None, None, T]"

# Fields between two turns: some 30 µs each.
FIELDS_AT_ONCE: Final = 50


def lay_out(
    strawberry: Any,
    operation: OperationDefinitionNode,
    fragments: dict[str, FragmentDetails],
    variables: VariableValues,
    max_fields: int,
) -> Generator[None, None, Plan]:
    """The plan of an operation, not yet compiled. `variables` are those of its first execution:
    they decide the directives. Raises `GraphQLError` for a plan of more fields.
    """
    layout = _Layout(strawberry, operation, fragments, variables, max_fields)
    root = yield from layout.lay_out_root()
    edges = [slot.edge for slot in layout.slots if slot.edge is not None]
    return Plan(
        layout.schema,
        operation,
        root,
        layout.selections,
        layout.slots,
        layout.by_details,
        layout.fields,
        has_fixed_cost=all(edge.cost.is_fixed for edge in edges),
    )


class _Layout:
    def __init__(
        self,
        strawberry: Any,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        variables: VariableValues,
        max_fields: int,
    ) -> None:
        self.schema: GraphQLSchema = strawberry._schema
        self.selections: list[Selection] = []
        self.slots: list[Slot] = []
        self.by_details: dict[tuple[int, str], Selection] = {}
        self.fields = 0
        self._strawberry = strawberry
        self._operation = operation
        self._fragments = fragments
        self._variables = variables
        root_type = self.schema.get_root_type(operation.operation)
        assert root_type is not None  # noqa: S101 - validation has seen to it
        self._root_type = root_type
        self._max_fields = max_fields
        self._since_turn = 0

    def lay_out_root(self) -> Steps[Selection]:
        return self._lay_out(
            self._root_type,
            lambda: collect_fields(
                self.schema, self._fragments, self._variables, self._root_type, self._operation
            ),
        )

    def _lay_out_below(
        self, type_: GraphQLObjectType, details: list[FieldDetails]
    ) -> Steps[Selection]:
        selection = yield from self._lay_out(
            type_,
            lambda: collect_subfields(
                self.schema, self._fragments, self._variables, self._operation, type_, details
            ),
        )
        self.by_details[id(details), type_.name] = selection
        return selection

    def _lay_out(
        self, type_: GraphQLObjectType, collect: Callable[[], CollectedFields]
    ) -> Steps[Selection]:
        selection = Selection(type_)
        try:
            selection.grouped = collect().grouped_field_set
        except GraphQLError:
            # A null for `@skip` or `@include`; the reference reports it where it comes to it.
            selection.is_compiled = False
        yield from self._count(len(selection.grouped or ()))
        for key, found in (selection.grouped or {}).items():
            definition = self.schema.get_field(type_, found[0].node.name.value)
            if definition is not None:
                field = _leaf(selection, key, definition, found)
                if field is None:
                    field = yield from self._field(selection, key, definition, found)
                if field.read is not None:
                    selection.needs = max(selection.needs, field.read.needs)
                selection.fields.append(field)
        edges = [field.slot.edge for field in selection.fields if field.slot is not None]
        selection.needs_in_all = max(
            [selection.needs, *(edge.cost.needs for edge in edges if edge is not None)]
        )
        # Numbered after what lies below, which is the order the compiler writes them in.
        selection.number = len(self.selections)
        self.selections.append(selection)
        return selection

    def _count(self, fields: int) -> Steps[None]:
        """Count the fields of a selection; one without any takes a place as well."""
        self.fields += max(1, fields)
        if self.fields > self._max_fields:
            raise GraphQLError(
                f"the operation's plan has more than {self._max_fields} fields, those of an"
                " interface counted for each type (GATEWAY_MAX_PLAN_FIELDS); select less on"
                " interfaces, or in several operations"
            )
        self._since_turn += max(1, fields)
        if self._since_turn >= FIELDS_AT_ONCE:
            self._since_turn = 0
            yield

    def _field(
        self, selection: Selection, key: str, definition: GraphQLField, details: list[FieldDetails]
    ) -> Steps[Field]:
        kind = kind_of(definition)
        field = Field(key, definition, details, declared=_declared(selection.type, kind))
        if not field.name.startswith("__"):
            for type_ in self._object_types(definition.type):
                field.below[type_.name] = yield from self._lay_out_below(type_, details)
        below = field.below.values()
        known = _known_of(field.declared)
        needs_hydration = any(part.needs > known for part in below)
        field.has_slots_below = needs_hydration or any(part.has_slots for part in below)
        if isinstance(kind, Read):
            field.read = kind
            field.is_never_null = _is_never_null(field, kind)
            selection.is_compiled &= all(part.is_compiled for part in below)
            selection.has_slots |= field.has_slots_below
        else:
            field.slot = self._slot(selection, field, kind, hydrates=False)
            selection.has_slots = True
            # A failing edge that may not be null takes its parent with it: the reference knows how.
            if selection.type is not self._root_type and is_non_null_type(definition.type):
                selection.is_compiled = False
        if needs_hydration:
            field.hydration = self._slot(selection, field, None, hydrates=True)
        return field

    def _slot(
        self, selection: Selection, field: Field, edge: Edge | None, *, hydrates: bool
    ) -> Slot:
        slot = Slot(
            number=len(self.slots),
            key=field.key,
            parent_type=selection.type,
            definition=field.definition,
            details=field.details,
            edge=edge,
            hydrates=hydrates,
            arguments=Arguments(self._strawberry, field.definition, field.details[0]),
            below=field.below,
        )
        self.slots.append(slot)
        return slot

    def _object_types(self, type_: GraphQLOutputType) -> list[GraphQLObjectType]:
        """The object types that a field of this type can give."""
        named = get_named_type(type_)
        if is_abstract_type(named):
            return list(self.schema.get_possible_types(named))
        return [named] if is_object_type(named) else []


def _leaf(
    selection: Selection, key: str, definition: GraphQLField, details: list[FieldDetails]
) -> Field | None:
    """A field that is a constant, or read and shown as it is; None for any other."""
    node = details[0].node
    if node.name.value == "__typename":
        return Field(key, definition, details, constant=selection.type.name)
    if node.selection_set is not None or not isinstance(kind := kind_of(definition), Read):
        return None
    field = Field(key, definition, details, None, kind, declared=_declared(selection.type, kind))
    field.is_never_null = _is_never_null(field, kind)
    return field


def _declared(type_: GraphQLObjectType, kind: Read | Edge | None) -> frozenset[Any]:
    """The classes that a plain field can give; empty where an entity does not declare it."""
    if not isinstance(kind, Read) or kind.attribute is None:
        return frozenset()
    return _declared_by(type_.name, kind.attribute)


@cache
def _declared_by(type_name: str, attribute: str) -> frozenset[Any]:
    declared = [
        declared_classes(entity, attribute)
        for entity, name in ENTITY_TYPES.items()
        if name == type_name
    ]
    return frozenset(chain(*declared)) if all(declared) else frozenset()


def _is_never_null(field: Field, read: Read) -> bool:
    """Is there always a value? An entity declares it for a plain field, a function by its return
    annotation for a derived one.
    """
    if field.declared or read.attribute is not None:
        return bool(field.declared) and NoneType not in field.declared
    return _gives_no_null(read.of)


@cache
def _gives_no_null(function: Callable[..., Any]) -> bool:
    returned = getattr(function, "__annotations__", {}).get("return", "None")
    return isinstance(returned, str) and not re.search(r"\b(None|Any|Optional)\b", returned)


@cache
def _known_of(declared: frozenset[Any]) -> Known:
    """How much is known at least of entities of these classes."""
    return min(
        (getattr(class_, "known", Known.HANDLE) for class_ in declared if class_ is not NoneType),
        default=Known.HANDLE,
    )
