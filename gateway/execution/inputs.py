"""What a request gives for arguments: its variables and its document's literals, measured in linear
time before anything is coerced.

graphql-core coerces whatever it is given, builds an error for each mistake, and prints the whole
object literal into each error about it. So the numbers of values and of errors are bounded here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from graphql import (
    ArgumentNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableDefinitionNode,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphql import DocumentNode, Node

    from gateway.execution.limits import Limits

__all__ = ["ERRORS_TOLD", "check_variables", "count_values", "errors_told", "first_errors"]

# Errors of one request that are found before it is executed; what is over is told by one more.
ERRORS_TOLD: Final = 10
# Values that the literals in all errors about a document may have together.
VALUES_TOLD: Final = 1_000

_TEXT: Final = {str}
_LEAVES: Final = {str, int, float, bool, type(None)}
_CONTAINERS: Final = (dict, list)

# Where literals can stand below a node.
_BELOW: Final[Mapping[type[Node], tuple[str, ...]]] = {
    OperationDefinitionNode: ("variable_definitions", "directives", "selection_set"),
    FragmentDefinitionNode: ("variable_definitions", "directives", "selection_set"),
    VariableDefinitionNode: ("default_value", "directives"),
    SelectionSetNode: ("selections",),
    FieldNode: ("arguments", "directives", "selection_set"),
    InlineFragmentNode: ("directives", "selection_set"),
    FragmentSpreadNode: ("directives",),
    DirectiveNode: ("arguments",),
    ArgumentNode: ("value",),
    ListValueNode: ("values",),
    ObjectValueNode: ("fields",),
    ObjectFieldNode: ("value",),
}


def check_variables(given: Mapping[str, Any], limits: Limits) -> str | None:
    """Which limit a request's variables exceed, as a sentence; looks at no more of them than the
    limits allow.
    """
    kinds = {*map(type, given.values())}
    if kinds <= _LEAVES and len(given) <= limits.values:
        # So are most.
        all_ = given.values()
        texts = all_ if kinds == _TEXT else [value for value in all_ if value.__class__ is str]
        if sum(map(len, given)) + sum(map(len, texts)) <= limits.variable_characters:
            return None
    values = characters = depth = 0
    level: list[Any] = [given]
    while level:
        depth += 1
        if depth > limits.variable_depth:
            return f"the variables are more than {limits.variable_depth} levels deep"
        below: list[Any] = []
        for container in level:
            values += len(container)
            if values > limits.values:
                return (
                    f"the variables hold more than {limits.values} values in lists and objects"
                    " (GATEWAY_MAX_VALUES); ask in several operations"
                )
            if isinstance(container, dict):
                characters += sum(map(len, container))
                container = container.values()  # noqa: PLW2901 - the items of either
            if {*map(type, container)} == _TEXT:
                # So are nearly all, and long lists of ids.
                characters += sum(map(len, container))
            else:
                characters += _characters_of(container, below)
        if characters > limits.variable_characters:
            return f"the variables hold more than {limits.variable_characters} characters of text"
        level = below
    return None


def _characters_of(items: Iterable[Any], below: list[Any]) -> int:
    """Characters of the texts among items; the lists and objects are added to what is below."""
    characters = 0
    for item in items:
        if isinstance(item, str):
            characters += len(item)
        elif isinstance(item, _CONTAINERS):
            below.append(item)
    return characters


def count_values(document: DocumentNode) -> int:
    """Values in the lists and objects of all literals of a document together."""
    count = 0
    nodes: list[Any] = list(document.definitions)
    while nodes:
        node = nodes.pop()
        for key in _BELOW.get(node.__class__, ()):
            below = getattr(node, key)
            if below.__class__ is tuple or below.__class__ is list:
                nodes.extend(below)
                count += key in {"values", "fields"} and len(below)
            elif below is not None:
                nodes.append(below)
    return count


def errors_told(values: int) -> int:
    """How many errors to look for in a document whose literals have so many values."""
    return max(1, min(ERRORS_TOLD, VALUES_TOLD // max(1, values)))


def first_errors(errors: list[GraphQLError]) -> list[GraphQLError]:
    """As many errors as are told, and one more that says that there are others."""
    if len(errors) <= ERRORS_TOLD:
        return errors
    more = GraphQLError(f"… and more; the first {ERRORS_TOLD} errors are told")
    return [*errors[:ERRORS_TOLD], more]
