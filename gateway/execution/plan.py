"""Plans as data: what an operation selects, with the places that may need the upstream marked.

A plan belongs to one operation and one choice of its `@skip`/`@include` variables. It is a tree of
selections, one for each object type that can appear at a place. A field of a selection is one of

    constant   `__typename`
    read       a plain or derived field: a value of the entity, objects and lists of them included
    slot       a value that is filled in later: an edge, or introspection

A read can have a slot besides, its hydration: for entities of which less is known than is selected.

    layout ──► Plan ◄── decoding    what is read of the upstream's answers
                 ▲ ◄─── compiler    Python functions that project entities, and complete slots
                 │ ◄─── cost        the upstream calls it can need
             slot_filler            fills the slots while the plan is executed

The modules around it build the plan, complete it and use it. None of them is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as with_default
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from graphql import is_non_null_type
from msgspec import Struct

from gateway.upstream.entities import Known
from gateway.upstream.pruning import WHOLE

if TYPE_CHECKING:
    from graphql import (
        GraphQLField,
        GraphQLObjectType,
        GraphQLOutputType,
        GraphQLSchema,
        OperationDefinitionNode,
    )
    from graphql.execution.collect_fields import FieldDetails

    from gateway.execution.arguments import Arguments
    from gateway.schema.fields import Edge, Read
    from gateway.upstream.pruning import Readers

__all__ = ["Estimate", "Field", "Outline", "Plan", "Selection", "Size", "Slot"]

Compiled: TypeAlias = Callable[..., Any]


@dataclass(slots=True, eq=False)
class Slot:
    """A value of the answer that is filled in while the plan is executed.

    `edge` gives the value. A hydration has no edge: its entity is known, but not well enough for
    what is selected of it. A slot that is neither is introspection, which the reference executor
    answers.
    """

    number: int
    key: str
    parent_type: GraphQLObjectType
    definition: GraphQLField
    details: list[FieldDetails]
    edge: Edge | None
    hydrates: bool
    arguments: Arguments
    # What is selected of the value, by object type.
    below: Mapping[str, Selection]
    # Set by the compiler: `complete(value, container, path, queues)` writes the completed value
    # into the container. None where the compiler does not take the field: the reference executor
    # completes it.
    complete: Compiled | None = None
    # The completed value holds no slots: parents with the same value can share it.
    is_closed: bool = False
    _selects: dict[tuple[str, ...], bool] = with_default(default_factory=dict)

    @property
    def type(self) -> GraphQLOutputType:
        return self.definition.type

    @property
    def is_nullable(self) -> bool:
        # Hydrations only stand where null may stand, list items among them.
        return self.hydrates or not is_non_null_type(self.definition.type)

    def selects(self, path: tuple[str, ...]) -> bool:
        """Is the field at this path of GraphQL names selected below this slot?"""
        known = self._selects.get(path)
        if known is None:
            known = self._selects[path] = _is_selected(self.below, path)
        return known


@dataclass(slots=True, eq=False)
class Field:
    """One response key of a selection: a constant, a read or a slot."""

    key: str
    definition: GraphQLField
    details: list[FieldDetails]
    constant: str | None = None
    read: Read | None = None
    # Where the field is an edge, or introspection.
    slot: Slot | None = None
    # Where its value may have to be hydrated before it can be read.
    hydration: Slot | None = None
    # What is selected of the value, by object type; empty for leaves.
    below: dict[str, Selection] = with_default(default_factory=dict)
    # A path and the queues have to be handed to what is selected of the value.
    has_slots_below: bool = False
    # The classes that the type's entities declare for a plain field; empty where one of them does
    # not declare it.
    declared: frozenset[Any] = frozenset()
    # There is always a value.
    is_never_null: bool = False

    @property
    def name(self) -> str:
        """The field's name in the schema."""
        return self.details[0].node.name.value


@dataclass(slots=True, eq=False)
class Selection:
    """What is selected of one object type at one place."""

    type: GraphQLObjectType
    number: int = 0
    # The fields by response key; None where a directive's variable is null, so that nobody can say
    # which fields there are.
    grouped: Mapping[str, list[FieldDetails]] | None = None
    fields: list[Field] = with_default(default_factory=list)
    # How much must be known of the entity before its fields can be read.
    needs: Known = Known.HANDLE
    # The same for its fields and edges: one call brings it for all.
    needs_in_all: Known = Known.HANDLE
    # There is a slot in this selection, or in one that is read with it.
    has_slots: bool = False
    # The compiler takes all of its fields; else the whole selection goes the reference way.
    is_compiled: bool = True
    # Set by the compiler: gives the answer's dict for an entity.
    project: Compiled | None = None
    # What one object comes to in the answer; kept by `budget`.
    outline: Outline | None = None


class Estimate(Struct, frozen=True, eq=False):
    """`calls` at worst, and `dearest`, the path of response keys, joined by dots, that needs most
    of them. `arguments` are those that were looked at, by slot: the resolvers get the same. `rows`
    are what the slots with edges give at most.
    """

    calls: int
    dearest: str
    arguments: Mapping[int, dict[str, Any]]
    rows: Mapping[int, int]


class Size(NamedTuple):
    """What one object of a selection can come to in the answer: `nodes` are its fields; `own` and
    `beyond` are how many times a byte read can be shown, of the object itself and of what its edges
    give.
    """

    nodes: int
    fixed_bytes: int
    own: int
    beyond: int

    def bound(self, read_bytes: int) -> int:
        """The bytes of the answer at most, when so much has been read."""
        return self.fixed_bytes + (self.own + self.beyond) * read_bytes


class Outline(NamedTuple):
    """What is known of a selection's size before its arguments are. `size` is that of all that
    hangs on no argument. `edges` are the places that do hang on one, each with the number of its
    slot (if it has one), the selections that can stand there, whether that is a list (those of a
    page are its rows, which are counted above it), and their size, where that hangs on no argument.
    """

    size: Size
    edges: list[tuple[int | None, list[Selection], bool, Size | None]]


@dataclass(slots=True, eq=False)
class Plan:
    """The selections of one operation. Selections and slots are numbered by their positions."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    root: Selection
    selections: list[Selection]
    slots: list[Slot]
    by_details: Mapping[tuple[int, str], Selection]
    # How many there are in all selections; one without any counts as one.
    fields: int
    # What is decoded of the upstream's answers.
    readers: Readers = WHOLE
    # The GraphQL type of each entity class that can turn up.
    entity_types: Mapping[type, str] = with_default(default_factory=dict)
    # No argument decides on calls and rows.
    has_fixed_cost: bool = False
    # The cost but for the arguments, kept where it is fixed, and what the answer comes to then.
    fixed_estimate: Estimate | None = None
    size: Size | None = None
    # The cost that was last worked out, and what it hangs on: the most rows of a whole list, and
    # the calls and rows of each slot. Most operations ask for as many each time.
    last_estimate: tuple[int, Mapping[int, tuple[int, int]], Estimate] | None = None
    # The rows that were last worked out, and what the answer came to with them: most operations ask
    # for as many each time.
    last_size: tuple[Mapping[int, int], Size] | None = None
    # What a field of the root, or an item of its list, comes to, once that was asked; it hangs on
    # no variables.
    part: Size | None = None
    # What the compiled functions look their names up in.
    namespace: dict[str, Any] = with_default(default_factory=dict)

    def __del__(self) -> None:
        # The functions hold it, and it holds them: without this they would wait for the collector,
        # which rarely looks at what is old.
        self.namespace.clear()

    def selection(self, type_name: str, details: list[FieldDetails]) -> Selection | None:
        """The selection of an object type at a place. graphql-core hands one and the same list of
        details around for a place: its identity tells the place.
        """
        return self.by_details.get((id(details), type_name))


def _is_selected(below: Mapping[str, Selection], path: tuple[str, ...]) -> bool:
    """Is the field at this path selected, on any type that the place can hold?"""
    name, *rest = path
    for selection in below.values():
        for field in selection.fields:
            if field.name == name and (not rest or _is_selected(field.below, tuple(rest))):
                return True
    return False
