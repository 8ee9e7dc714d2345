"""Whether the fields of an operation that share a response key can be merged (GraphQL
specification, 5.3.2), in time that grows with the fields and not with their pairs.

graphql-core compares each field of a key with each other one, and what is selected below each pair.
Here all fields of a key are looked at together, as an implementation of the same rule by Simon
Adameit does (https://tech.new-work.se/graphql-overlapping-fields-can-be-merged-fast-ea6e92e0a01):

1. whatever their parents, they must have values of the same shape, and so must what is selected
   below all of them together;
2. those that can be of one object (its type's own and those of interfaces) must be the same field
   with the same arguments, and so must what is selected below these together.

What is selected below is a set of selection sets. None is looked at twice, wherever it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    InlineFragmentNode,
    get_named_type,
    is_leaf_type,
    is_object_type,
    print_ast,
)
from graphql.utilities.sort_value_node import sort_value_node

from gateway.execution.selections import type_on

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from graphql import (
        FragmentDefinitionNode,
        GraphQLOutputType,
        GraphQLSchema,
        OperationDefinitionNode,
        SelectionSetNode,
    )

__all__ = ["find_overlaps"]

# Fields that are looked at, over all sets of selection sets. Only documents made for it, whose
# interfaces' fields stand beside several types' own at every level, meet a selection set in many.
MAX_FIELDS_SEEN: Final = 20_000
# Fields between two turns: some 5 µs each.
FIELDS_AT_ONCE: Final = 200

Path: TypeAlias = tuple[str, ...]
# Selection sets with the types that they stand on.
Below: TypeAlias = "list[tuple[Any, SelectionSetNode]]"


class _Field(NamedTuple):
    """A field where it stands: on which type, and what type it has."""

    parent: Any
    node: FieldNode
    type: GraphQLOutputType


class _Set(NamedTuple):
    """Selection sets that are merged. Of those below different objects only the shape counts."""

    below: Below
    is_shape: bool
    # Of response keys, from where fields were merged first.
    path: Path


def find_overlaps(
    schema: GraphQLSchema,
    operations: Iterable[OperationDefinitionNode],
    fragments: Mapping[str, FragmentDefinitionNode],
    compared: set[int],
) -> Generator[None, None, GraphQLError | None]:
    """The first conflict between fields of otherwise valid operations; yields every few fields.
    Fields whose arguments are compared are added to those, as their nodes' identities.
    """
    seen: set[tuple[bool, frozenset[tuple[str, int]]]] = set()
    count = since_turn = 0
    todo = [
        _Set([(schema.get_root_type(operation.operation), operation.selection_set)], False, ())  # noqa: FBT003
        for operation in operations
    ]
    while todo:
        merged = todo.pop()
        known = frozenset((parent.name, id(selected)) for parent, selected in merged.below)
        if (merged.is_shape, known) in seen:
            continue
        seen.add((merged.is_shape, known))
        for key, fields in _by_key(schema, fragments, merged.below).items():
            path = (*merged.path, key)
            conflict = _conflict(fields, path, todo, compared, is_shape=merged.is_shape)
            if conflict is not None:
                return conflict
            count += len(fields)
            since_turn += len(fields)
            if since_turn >= FIELDS_AT_ONCE:
                since_turn = 0
                yield
        if count > MAX_FIELDS_SEEN:
            return GraphQLError(
                f"the document's fields can be merged in more than {MAX_FIELDS_SEEN} ways; select"
                " less on interfaces beside their types, or ask in several operations"
            )
    return None


def _by_key(
    schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], below: Below
) -> dict[str, list[_Field]]:
    """The fields of all these selection sets, each fragment once."""
    fields: dict[str, list[_Field]] = {}
    spread: set[str] = set()
    todo = below[::-1]
    while todo:
        parent, selected = todo.pop()
        for node in selected.selections:
            if isinstance(node, FieldNode):
                definition = schema.get_field(parent, node.name.value)
                if definition is not None:
                    key = (node.alias or node.name).value
                    fields.setdefault(key, []).append(_Field(parent, node, definition.type))
                continue
            if isinstance(node, FragmentSpreadNode):
                name = node.name.value
                fragment = fragments.get(name)
                if fragment is None or name in spread:
                    continue
                spread.add(name)
                todo.append((type_on(schema, fragment), fragment.selection_set))
            elif isinstance(node, InlineFragmentNode):
                on = parent if node.type_condition is None else type_on(schema, node)
                todo.append((on, node.selection_set))
    return fields


def _conflict(
    fields: list[_Field], path: Path, todo: list[_Set], compared: set[int], *, is_shape: bool
) -> GraphQLError | None:
    """What keeps the fields of a key from being merged; what is selected below them is to do."""
    first = fields[0]
    if len(fields) == 1:
        if first.node.selection_set is not None:
            todo.append(_Set(_below(fields), is_shape, path if is_shape else ()))
        return None
    groups = [] if is_shape else _of_one_object(fields)
    for group in groups:
        if len(group) > 1:
            compared.update(id(field.node) for field in group)
        conflict = _difference(group, path)
        if conflict is not None:
            return conflict
    for other in fields:
        if _shape(other.type) != _shape(first.type):
            types = f"'{first.type}' and '{other.type}'"
            return _error(path, first, other, f"they return conflicting types {types}")
    if is_leaf_type(get_named_type(first.type)):
        return None
    if len(groups) != 1:
        todo.append(_Set(_below(fields), True, path))  # noqa: FBT003
    todo += [_Set(_below(group), False, path) for group in groups]  # noqa: FBT003
    return None


def _difference(fields: list[_Field], path: Path) -> GraphQLError | None:
    """What keeps fields that can be of one object from being the same field."""
    first = fields[0]
    name, arguments = first.node.name.value, _arguments(first.node)
    for other in fields:
        if other.node.name.value != name:
            names = f"'{name}' and '{other.node.name.value}'"
            return _error(path, first, other, f"{names} are different fields")
        if _arguments(other.node) != arguments:
            return _error(path, first, other, "they have differing arguments")
    return None


def _of_one_object(fields: list[_Field]) -> list[list[_Field]]:
    """The fields in groups that can be of one object: a type's own, with those of interfaces."""
    own: dict[str, list[_Field]] = {}
    shared = []
    for field in fields:
        if is_object_type(field.parent):
            own.setdefault(field.parent.name, []).append(field)
        else:
            shared.append(field)
    return [shared + group for group in own.values()] or [shared]


def _below(fields: list[_Field]) -> Below:
    return [
        (get_named_type(field.type), field.node.selection_set)
        for field in fields
        if field.node.selection_set is not None
    ]


def _shape(type_: Any) -> tuple[str, ...]:
    """The wrappers of a type, and its name where it is of leaves."""
    wrappers = []
    while isinstance(type_, GraphQLNonNull | GraphQLList):
        wrappers.append("!" if isinstance(type_, GraphQLNonNull) else "[]")
        type_ = type_.of_type
    return (*wrappers, type_.name if is_leaf_type(type_) else "{}")


def _arguments(node: FieldNode) -> list[tuple[str, str]]:
    return sorted(
        (argument.name.value, print_ast(sort_value_node(argument.value)))
        for argument in node.arguments or ()
    )


def _error(path: Path, one: _Field, other: _Field, reason: str) -> GraphQLError:
    """As graphql-core tells it."""
    *above, last = path
    text = reason
    if above:
        text = f"subfields '{last}' conflict because {text}"
        for key in reversed(above[1:]):
            text = f"subfields '{key}' conflict because {text}"
        last = above[0]
    return GraphQLError(
        f"Fields '{last}' conflict because {text}. Use different aliases on the fields"
        " to fetch both if this was intentional.",
        [one.node, other.node],
    )
