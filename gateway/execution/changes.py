"""What a change of the schema breaks, and which trusted documents it hits.

A breaking change names what it changes by its schema coordinate (`Job.name`, `Status`,
`Project.jobs(first:)`). A document is hit where it uses that: selects the field, gives the
argument, has the type somewhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from graphql import (
    BreakingChangeType,
    DirectiveNode,
    EnumValueNode,
    FieldNode,
    GraphQLError,
    GraphQLSyntaxError,
    ObjectFieldNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    Visitor,
    build_schema,
    find_breaking_changes,
    get_named_type,
    is_abstract_type,
    is_input_object_type,
    parse,
    type_from_ast,
    visit,
)

from gateway.errors import BadInput
from gateway.execution.schema import print_sdl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphql import DocumentNode, GraphQLSchema

    from gateway.execution.manifests import Written

__all__ = ["Break", "breaking_changes", "coordinate_of"]

_member: Final = re.compile(r"\b\w+\.\w+(?:\(\w+:\))?").search
_first: Final = re.compile(r"\w+").search
_standard: Final = re.compile(r"^Standard scalar ")
_argument: Final = re.compile(r"\(\w+:\)$")
_directive: Final = re.compile(r"@\w+").search
_union: Final = re.compile(r"union type (\w+)").search
# Whoever does not give the argument is hit by these.
_OF_THE_FIELD: Final = frozenset({BreakingChangeType.REQUIRED_ARG_ADDED})
_OF_THE_INPUT: Final = frozenset({BreakingChangeType.REQUIRED_INPUT_FIELD_ADDED})


class Break(NamedTuple):
    """A breaking change: what it is, as a sentence, and the documents that it hits."""

    sentence: str
    hit: tuple[str, ...]


def breaking_changes(old: str, written: Sequence[Written] = ()) -> list[Break]:
    """What breaks for clients of a schema (its SDL), now that it is the one that the code has.
    Raises `BadInput` where that is no schema.
    """
    try:
        old_schema = build_schema(old)
    except GraphQLSyntaxError as error:
        place = error.locations[0] if error.locations else None
        at = f"line {place.line}, column {place.column}: " if place else ""
        raise BadInput(f"no schema: {at}{error.message}") from None
    except (GraphQLError, TypeError) as error:
        raise BadInput(f"no schema: {error}") from None
    used = [(one.place(), _used(old_schema, one.text)) for one in written]
    found = []
    for change in find_breaking_changes(old_schema, build_schema(print_sdl())):
        coordinate = coordinate_of(change.type, change.description)
        hit = tuple(place for place, coordinates in used if coordinate in coordinates)
        found.append(Break(change.description, hit))
    return found


def coordinate_of(kind: BreakingChangeType, description: str) -> str:
    """The schema coordinate of what clients use that a change breaks."""
    if (directive := _directive(description)) is not None:
        return directive[0]
    if kind is BreakingChangeType.TYPE_REMOVED_FROM_UNION:
        union = _union(description)
        return union[1] if union else ""
    text = _standard.sub("", description)
    found = _member(text) or _first(text)
    coordinate = found[0] if found else ""
    if kind in _OF_THE_FIELD:
        return _argument.sub("", coordinate)
    if kind in _OF_THE_INPUT:
        return coordinate.partition(".")[0]
    return coordinate


def _used(schema: GraphQLSchema, text: str) -> set[str]:
    """The coordinates that a document uses; none for one that cannot be read."""
    try:
        document: DocumentNode = parse(text)
    except GraphQLError:
        return set()
    info = TypeInfo(schema)
    uses = _Uses(schema, info)
    visit(document, TypeInfoVisitor(info, uses))
    return uses.coordinates


class _Uses(Visitor):
    """Gathers coordinates while a document is walked."""

    def __init__(self, schema: GraphQLSchema, info: TypeInfo) -> None:
        super().__init__()
        self.coordinates: set[str] = set()
        self._inputs: set[str] = set()
        self._schema = schema
        self._info = info

    def enter(self, node: Any, *_: Any) -> None:
        info, add = self._info, self.coordinates.add
        types: tuple[Any, ...] = info.get_type(), info.get_parent_type(), info.get_input_type()
        for type_ in types:
            if type_ is not None:
                self._add_type(type_)
        if isinstance(node, FieldNode):
            self._add_field(node)
        elif isinstance(node, DirectiveNode):
            add(f"@{node.name.value}")
        elif isinstance(node, EnumValueNode):
            add(f"{get_named_type(info.get_input_type())}.{node.value}")
        elif isinstance(node, ObjectFieldNode):
            add(f"{get_named_type(info.get_parent_input_type())}.{node.name.value}")
        elif isinstance(node, VariableDefinitionNode):
            self._add_input(get_named_type(type_from_ast(self._schema, node.type)))

    def _add_type(self, type_: Any) -> None:
        named = get_named_type(type_)
        self.coordinates.add(named.name)
        if is_abstract_type(named):
            # What it may be is met as well.
            self.coordinates.update(one.name for one in self._schema.get_possible_types(named))

    def _add_input(self, named: Any) -> None:
        """The type of a variable: whoever gives its value may give any field."""
        if named is None or named.name in self._inputs:
            return
        self._inputs.add(named.name)
        self.coordinates.add(named.name)
        for name, field in named.fields.items() if is_input_object_type(named) else ():
            self.coordinates.add(f"{named.name}.{name}")
            self._add_input(get_named_type(field.type))

    def _add_field(self, node: FieldNode) -> None:
        parent: Any = self._info.get_parent_type()
        if parent is None:
            return
        owners = [parent]
        if is_abstract_type(parent):
            owners += self._schema.get_possible_types(parent)
        for owner in owners:
            coordinate = f"{owner.name}.{node.name.value}"
            self.coordinates.add(coordinate)
            self.coordinates.update(
                f"{coordinate}({argument.name.value}:)" for argument in node.arguments or ()
            )
