"""Limits on a document's shape, checked before validation and in time linear in its length.

Libraries' depth and alias limits walk fragments again at every spread, which takes exponential
time on fragments that spread each other; the overlapping-fields rule of validation is quadratic in
fields of one response key; a plan has a place for each field of each spread. So each fragment is
measured once here, and counted at each spread, before any of them runs. Cycles count as no deeper
than once: validation reports them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

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
    """What a document and its variables may hold.

    A fragment's `fields` count wherever it is spread; `repeats` is how many fields of the document
    may share a response key, `key_characters` how long that may be. `values` are those in lists and
    objects, of all variables together and of all literals of a document together;
    `variable_characters` counts texts and keys.
    """

    characters: int = 100_000
    tokens: int = 10_000
    depth: int = 20
    fields: int = 2_000
    repeats: int = 250
    key_characters: int = 200
    values: int = 1_000
    variable_depth: int = 20
    variable_characters: int = 256_000


def check_limits(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """What exceeds the limits, one error each; empty for a document that may be validated."""
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    measured = _Measure(fragments)
    try:
        sizes = [
            *(measured.fragment(name) for name in fragments),
            *(
                measured.size(definition.selection_set)
                for definition in document.definitions
                if isinstance(definition, OperationDefinitionNode)
            ),
        ]
    except RecursionError:
        sizes = [Size(limits.depth + 1, 0)]
    depth = max((size.depth for size in sizes), default=0)
    fields = max(sum(size.fields for size in sizes[len(fragments) :]), measured.keys.total())
    errors = []
    if depth > limits.depth:
        errors.append(
            GraphQLError(
                f"the document is more than {limits.depth} levels deep; ask in several operations"
            )
        )
    if fields > limits.fields:
        errors.append(
            GraphQLError(
                f"the document has {fields} fields where its fragments are spread,"
                f" {limits.fields} are allowed; ask in several operations"
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
    longest = max(map(len, measured.keys), default=0)
    if longest > limits.key_characters:
        errors.append(
            GraphQLError(
                f"a response key has {longest} characters, {limits.key_characters} are allowed;"
                " use a shorter alias"
            )
        )
    return errors


class Size(NamedTuple):
    """Levels of fields, and fields with the fragments spread."""

    depth: int
    fields: int


class _Measure:
    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self.fragments = fragments
        # How often each response key stands in the text.
        self.keys: Counter[str] = Counter()
        self._sizes: dict[str, Size] = {}

    def size(self, selection_set: SelectionSetNode | None) -> Size:
        """What stands below; looks at each node of the document once."""
        depth = fields = 0
        for node in selection_set.selections if selection_set is not None else ():
            if isinstance(node, FieldNode):
                self.keys[(node.alias or node.name).value] += 1
                below = self.size(node.selection_set)
                below = Size(below.depth + 1, below.fields + 1)
            elif isinstance(node, FragmentSpreadNode):
                below = self.fragment(node.name.value)
            elif isinstance(node, InlineFragmentNode):
                below = self.size(node.selection_set)
            else:
                continue
            depth = max(depth, below.depth)
            fields += below.fields
        return Size(depth, fields)

    def fragment(self, name: str) -> Size:
        """What stands in a fragment, measured the first time it is asked for."""
        if name not in self._sizes:
            # A fragment that comes back to itself adds nothing; validation reports it.
            self._sizes[name] = Size(0, 0)
            fragment = self.fragments.get(name)
            if fragment is not None:
                self._sizes[name] = self.size(fragment.selection_set)
        return self._sizes[name]
