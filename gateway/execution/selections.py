"""Walks over selection sets, without recursion: documents may be nested deeply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, VariableNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphql import GraphQLSchema, SelectionNode, SelectionSetNode

__all__ = ["deciding_below", "selections_below", "spreads_below", "type_on"]


def selections_below(selected: SelectionSetNode) -> Iterator[SelectionNode]:
    """All that stands in a selection set and below, level by level; what fragments hold that are
    spread there is left out.
    """
    todo = [selected]
    for selection_set in todo:
        for node in selection_set.selections:
            yield node
            if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set is not None:
                todo.append(node.selection_set)


def spreads_below(selected: SelectionSetNode) -> Iterator[FragmentSpreadNode]:
    """The places among these where fragments are spread."""
    for node in selections_below(selected):
        if isinstance(node, FragmentSpreadNode):
            yield node


def deciding_below(selected: SelectionSetNode) -> Iterator[tuple[str, str]]:
    """The directives among these that hang on a variable, each with the variable's name."""
    for node in selections_below(selected):
        for directive in node.directives or ():
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    yield directive.name.value, argument.value.name.value


def type_on(schema: GraphQLSchema, fragment: Any) -> Any:
    """The type that a valid document's fragment is on, or one in line that has a condition."""
    return schema.type_map[fragment.type_condition.name.value]
