"""What an operation's introspection comes to: counted over the schema before it runs.

The schema is small and its parts are told again at every path that leads to them, so a short
document can ask for millions of fields. Each selection is counted once, with how often each part of
the schema is reached there; counting ends where too much is counted, so it takes no longer than
that many steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    StringValueNode,
    is_abstract_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
    is_wrapping_type,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from graphql import (
        FragmentDefinitionNode,
        GraphQLSchema,
        OperationDefinitionNode,
        SelectionSetNode,
    )

__all__ = ["introspected_nodes"]


def introspected_nodes(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    at_most: int,
) -> int:
    """The fields and objects that `__schema` and `__type` give at most, `@skip` and `@include` left
    out of account; more than `at_most` are not counted on.
    """
    counting = _Counting(schema, fragments, at_most)
    for node in counting.fields(operation.selection_set):
        name = node.name.value
        if name == "__schema":
            counting.count(node.selection_set, [(schema, 1)])
        elif name == "__type":
            counting.count(node.selection_set, [(named, 1) for named in _named(schema, node)])
        if counting.nodes > at_most:
            break
    return counting.nodes


def _named(schema: GraphQLSchema, node: FieldNode) -> Iterable[Any]:
    """The type that is named; by a variable it may be any."""
    (argument,) = node.arguments or (None,)
    if argument is not None and isinstance(argument.value, StringValueNode):
        named = schema.type_map.get(argument.value.value)
        return () if named is None else (named,)
    return schema.type_map.values()


class _Counting:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        at_most: int,
    ) -> None:
        self.nodes = 0
        self._schema = schema
        self._fragments = fragments
        self._at_most = at_most

    def fields(self, selection_set: SelectionSetNode | None) -> Iterator[FieldNode]:
        """The fields with fragments spread."""
        for node in selection_set.selections if selection_set is not None else ():
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self.fields(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                yield from self.fields(self._fragments[node.name.value].selection_set)

    def count(
        self, selection_set: SelectionSetNode | None, reached: Collection[tuple[Any, int]]
    ) -> None:
        """Count what is selected of parts of the schema, each reached so many times."""
        objects = sum(times for _, times in reached)
        self.nodes += objects
        for node in self.fields(selection_set) if objects else ():
            if self.nodes > self._at_most:
                return
            self.nodes += objects
            if node.selection_set is not None:
                find = _BELOW[node.name.value]
                # By identity: fields of the schema are not hashable.
                below: dict[int, tuple[Any, int]] = {}
                for part, times in reached:
                    for found in find(self._schema, part):
                        below[id(found)] = (found, below.get(id(found), (found, 0))[1] + times)
                self.count(node.selection_set, below.values())


def _fields(part: Any) -> Iterable[Any]:
    return part.fields.values() if is_object_type(part) or is_interface_type(part) else ()


def _interfaces(part: Any) -> Iterable[Any]:
    return part.interfaces if is_object_type(part) or is_interface_type(part) else ()


# The parts of the schema that a field of introspection gives of a part.
_BELOW: Mapping[str, Callable[[GraphQLSchema, Any], Iterable[Any]]] = {
    "types": lambda schema, _: schema.type_map.values(),
    "directives": lambda schema, _: schema.directives,
    "queryType": lambda schema, _: filter(None, [schema.query_type]),
    "mutationType": lambda schema, _: filter(None, [schema.mutation_type]),
    "subscriptionType": lambda schema, _: filter(None, [schema.subscription_type]),
    "fields": lambda _, part: _fields(part),
    "interfaces": lambda _, part: _interfaces(part),
    "possibleTypes": lambda schema, part: (
        schema.get_possible_types(part) if is_abstract_type(part) else ()
    ),
    "inputFields": lambda _, part: part.fields.values() if is_input_object_type(part) else (),
    "enumValues": lambda _, part: part.values.values() if is_enum_type(part) else (),
    "ofType": lambda _, part: (part.of_type,) if is_wrapping_type(part) else (),
    "type": lambda _, part: (part.type,),
    "args": lambda _, part: part.args.values(),
}
