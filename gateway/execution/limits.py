"""Limits on a document's shape, checked before validation and in time linear in its length.

Libraries' depth and alias limits walk fragments again at every spread, which takes exponential
time on fragments that spread each other; the overlapping-fields rule of validation is quadratic in
fields of one response key. So each fragment is measured once here, and repeated keys are bounded
before that rule runs. Cycles count as no deeper than once: validation reports them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
)

if TYPE_CHECKING:
    from graphql import DocumentNode, SelectionSetNode

__all__ = ["Limits", "check_limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may hold. `repeats` is how many fields of the document may share a response
    key.
    """

    tokens: int = 10_000
    depth: int = 20
    fields: int = 2_000
    repeats: int = 250


def check_limits(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """What exceeds the limits, one error each; empty for a document that may be validated."""
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    measured = _Measure(fragments)
    try:
        depth = max(
            0,
            *(measured.fragment_depth(name) for name in fragments),
            *(
                measured.depth(definition.selection_set)
                for definition in document.definitions
                if isinstance(definition, OperationDefinitionNode)
            ),
            0,
        )
    except RecursionError:
        depth = limits.depth + 1
    errors = []
    if depth > limits.depth:
        errors.append(
            GraphQLError(
                f"the document is more than {limits.depth} levels deep; ask in several operations"
            )
        )
    if measured.fields > limits.fields:
        errors.append(
            GraphQLError(
                f"the document has {measured.fields} fields, {limits.fields} are allowed;"
                " ask in several operations"
            )
        )
    key, count = next(iter(measured.keys.most_common(1)), ("", 0))
    if count > limits.repeats:
        errors.append(
            GraphQLError(
                f"the response key '{key}' stands {count} times in the document,"
                f" {limits.repeats} are allowed; use fragments"
            )
        )
    return errors


class _Measure:
    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self.fragments = fragments
        self.fields = 0
        self.keys: Counter[str] = Counter()
        self._depths: dict[str, int] = {}

    def depth(self, selection_set: SelectionSetNode | None) -> int:
        """Levels of fields below; counts fields and keys on its way, each node once."""
        if selection_set is None:
            return 0
        deepest = 0
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                self.fields += 1
                self.keys[(node.alias or node.name).value] += 1
                below = 1 + self.depth(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                below = self.fragment_depth(node.name.value)
            elif isinstance(node, InlineFragmentNode):
                below = self.depth(node.selection_set)
            else:
                below = 0
            deepest = max(deepest, below)
        return deepest

    def fragment_depth(self, name: str) -> int:
        """Levels of fields in a fragment, measured (and its fields counted) the first time it is
        asked for.
        """
        if name not in self._depths:
            # A fragment that comes back to itself adds nothing; validation reports it.
            self._depths[name] = 0
            fragment = self.fragments.get(name)
            if fragment is not None:
                self._depths[name] = self.depth(fragment.selection_set)
        return self._depths[name]
