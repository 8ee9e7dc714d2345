"""Plans: what an operation selects, laid out once, with the places that may need the upstream
marked.

A plan belongs to one operation and one choice of its `@skip`/`@include` variables. It is a tree of
selections, one for each object type that can appear at a place; fields are merged by
graphql-core's own collection, so aliases, fragments and directives follow the specification by
construction. Each selection's fields are of three sorts:

    constant   `__typename`
    read       plain and derived fields: values of the entity, objects and lists of them included
    slot       a place filled later: an edge, or an entity of which more must be known first
    (hydration)

`compiler` turns a plan into Python functions, `run` fills the slots.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_abstract_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import collect_fields, collect_subfields

from gateway.execution.arguments import Arguments
from gateway.execution.taken import declared_classes, taken_by
from gateway.schema import ENTITY_TYPES
from gateway.schema.fields import Edge, Read, kind_of
from gateway.upstream.entities import Known
from gateway.upstream.pruning import readers_of

if TYPE_CHECKING:
    from graphql.execution.collect_fields import CollectedFields, FieldDetails, FragmentDetails
    from graphql.execution.values import VariableValues

    from gateway.execution.budget import Outline, Size
    from gateway.execution.cost import Estimate

__all__ = ["Field", "Plan", "Selection", "Slot"]

Projection: TypeAlias = Callable[..., Any]


@dataclass(slots=True, eq=False)
class Slot:
    """A place of the answer that is filled while the plan runs.

    `edge` gives its value; a hydration has none, its entity is known but not well enough for what
    is selected of it; a slot that is neither (introspection) is answered by the reference executor.
    `place(value, container, path, queues)` is set by the compiler: it writes the completed value
    into the container; it is None where the compiler does not take the field, which then goes the
    reference way.
    """

    number: int
    key: str
    parent_type: GraphQLObjectType
    definition: GraphQLField
    details: list[FieldDetails]
    type: GraphQLOutputType
    edge: Edge | None
    hydrates: bool
    arguments: Arguments
    plan: Plan
    place: Projection | None = None
    # The completed value holds no slots: parents with the same value can share it.
    is_closed: bool = False
    _selects: dict[tuple[str, ...], bool] = field(default_factory=dict)

    @property
    def is_nullable(self) -> bool:
        # Hydrations only stand where null may stand, list items among them.
        return self.hydrates or not is_non_null_type(self.type)

    def selects(self, path: tuple[str, ...]) -> bool:
        """Is the field at this path of names selected below this slot?"""
        known = self._selects.get(path)
        if known is None:
            known = self._selects[path] = self.plan.selects(self.type, self.details, path)
        return known


@dataclass(slots=True, eq=False)
class Field:
    """One response key of a selection: a constant, a read or a slot."""

    key: str
    definition: GraphQLField
    details: list[FieldDetails]
    constant: str | None = None
    read: Read | None = None
    # Where the field is an edge.
    slot: Slot | None = None
    # Where its value may have to be hydrated before it can be read.
    hydration: Slot | None = None
    # What is selected of the value, by object type; empty for leaves.
    below: dict[str, Selection] = field(default_factory=dict)
    # A path and the queues have to be handed to what is selected of the value.
    has_slots_below: bool = False
    # What a plain field's entities declare for it; empty where one of them does not tell.
    declared: frozenset[Any] = frozenset()

    @property
    def is_never_null(self) -> bool:
        """Is there always a value: by decoding, for a plain field, or by what a function says it
        returns?
        """
        if self.declared or self.read is None or self.read.attribute is not None:
            return bool(self.declared) and NoneType not in self.declared
        returned = getattr(self.read.of, "__annotations__", {}).get("return", "None")
        return isinstance(returned, str) and not re.search(r"\b(None|Any|Optional)\b", returned)

    @property
    def known(self) -> Known:
        """How much is known at least of what the field gives."""
        return min(
            (
                getattr(held, "known", Known.HANDLE)
                for held in self.declared
                if held is not NoneType
            ),
            default=Known.HANDLE,
        )


@dataclass(slots=True, eq=False)
class Selection:
    """What is selected of one object type at one place."""

    number: int
    type: GraphQLObjectType
    # The fields by response key; None where they cannot be told.
    grouped: Mapping[str, list[FieldDetails]] | None = None
    fields: list[Field] = field(default_factory=list)
    # How much must be known of the entity before its fields can be read (see `schema.fields`).
    needs: Known = Known.HANDLE
    # Some slot lies in this selection, or in one that is read with it.
    has_slots: bool = False
    # A field that the compiler does not take stands in it: the whole selection goes the reference
    # way.
    is_taken: bool = True
    project: Projection | None = None
    # What one object comes to in the answer (`budget`).
    outline: Outline | None = None


class Plan:
    """The selections of one operation. `variables` are those of its first execution: they decide
    the directives.
    """

    def __init__(
        self,
        strawberry: Any,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        variables: VariableValues,
    ) -> None:
        self.strawberry = strawberry
        self.schema: GraphQLSchema = strawberry._schema  # noqa: SLF001 - its only name
        self.operation = operation
        self.fragments = fragments
        self.slots: list[Slot] = []
        self.selections: list[Selection] = []
        # Kept where it does not hang on variables.
        self.estimate: Estimate | None = None
        self.size: Size | None = None
        self._variables = variables
        self._by_details: dict[tuple[int, str], Selection] = {}
        root_type = self.schema.get_root_type(operation.operation)
        assert root_type is not None  # noqa: S101 - validation has seen to it
        self.root_type = root_type
        self.root = self._lay_out(
            root_type,
            [],
            lambda: collect_fields(self.schema, fragments, variables, root_type, operation),
        )
        # What is decoded of the upstream's answers, and the classes that can turn up so.
        self.readers = readers_of(taken_by(self))
        self.entity_types = {
            class_: name
            for entity, name in ENTITY_TYPES.items()
            for class_ in (entity, self.readers.classes.get(entity, entity))
        }

    def selection(self, type_name: str, details: list[FieldDetails]) -> Selection | None:
        """The selection of an object type at a place, known by the list that graphql-core hands
        around for it.
        """
        return self._by_details.get((id(details), type_name))

    def _select(self, type_: GraphQLObjectType, details: list[FieldDetails]) -> Selection:
        known = self.selection(type_.name, details)
        if known is not None:
            return known
        return self._lay_out(
            type_,
            details,
            lambda: collect_subfields(
                self.schema, self.fragments, self._variables, self.operation, type_, details
            ),
        )

    def _lay_out(
        self,
        type_: GraphQLObjectType,
        details: list[FieldDetails],
        collect: Callable[[], CollectedFields],
    ) -> Selection:
        selection = Selection(0, type_)
        try:
            selection.grouped = collect().grouped_field_set
        except GraphQLError:
            # A null for `@skip` or `@include`; the reference says so at its place.
            selection.is_taken = False
        for key, found in (selection.grouped or {}).items():
            definition = self.schema.get_field(type_, found[0].node.name.value)
            if definition is not None:
                selection.fields.append(self._lay_out_field(selection, key, definition, found))
        # Numbered after what lies below, which is the order the compiler writes them in.
        selection.number = len(self.selections)
        self.selections.append(selection)
        self._by_details[id(details), type_.name] = selection
        return selection

    def _lay_out_field(
        self, selection: Selection, key: str, definition: GraphQLField, details: list[FieldDetails]
    ) -> Field:
        name = details[0].node.name.value
        if name == "__typename":
            return Field(key, definition, details, constant=selection.type.name)
        kind = kind_of(definition)
        laid_out = Field(key, definition, details, declared=_declared(selection.type, kind))
        if not name.startswith("__"):
            laid_out.below = {
                type_.name: self._select(type_, details)
                for type_ in self._object_types(definition.type)
            }
        below = laid_out.below.values()
        thin = any(part.needs > laid_out.known for part in below)
        laid_out.has_slots_below = thin or any(part.has_slots for part in below)
        if isinstance(kind, Read):
            laid_out.read = kind
            selection.needs = max(selection.needs, kind.needs)
            selection.is_taken &= all(part.is_taken for part in below)
            selection.has_slots |= laid_out.has_slots_below
        else:
            laid_out.slot = self._slot(selection, laid_out, kind, hydrates=False)
            selection.has_slots = True
            # A failing edge that may not be null takes its parent with it: the reference knows how.
            if selection.type is not self.root_type and is_non_null_type(definition.type):
                selection.is_taken = False
        if thin:
            laid_out.hydration = self._slot(selection, laid_out, None, hydrates=True)
        return laid_out

    def _slot(
        self, selection: Selection, laid_out: Field, edge: Edge | None, *, hydrates: bool
    ) -> Slot:
        slot = Slot(
            number=len(self.slots),
            key=laid_out.key,
            parent_type=selection.type,
            definition=laid_out.definition,
            details=laid_out.details,
            type=laid_out.definition.type,
            edge=edge,
            hydrates=hydrates,
            arguments=Arguments(self.strawberry, laid_out.definition, laid_out.details[0]),
            plan=self,
        )
        self.slots.append(slot)
        return slot

    def _object_types(self, type_: GraphQLOutputType) -> list[GraphQLObjectType]:
        named = get_named_type(type_)
        if is_abstract_type(named):
            return list(self.schema.get_possible_types(named))
        return [named] if is_object_type(named) else []

    def selects(
        self, type_: GraphQLOutputType, details: list[FieldDetails], path: tuple[str, ...]
    ) -> bool:
        """Is the field at this path of names selected, on any type the place can hold?"""
        name, *rest = path
        for object_type in self._object_types(type_):
            for laid_out in self._select(object_type, details).fields:
                if laid_out.details[0].node.name.value == name and (
                    not rest
                    or self.selects(laid_out.definition.type, laid_out.details, tuple(rest))
                ):
                    return True
        return False


def _declared(type_: GraphQLObjectType, kind: Read | Edge | None) -> frozenset[Any]:
    if not isinstance(kind, Read) or kind.attribute is None:
        return frozenset()
    declared = [
        declared_classes(entity, kind.attribute)
        for entity, name in ENTITY_TYPES.items()
        if name == type_.name
    ]
    return frozenset(chain(*declared)) if all(declared) else frozenset()
