"""Limits on a document's shape, checked before validation and in time linear in its length.

Libraries' depth and alias limits walk fragments again at every spread, which takes exponential
time on fragments that spread each other; validation looks at every fragment for every operation
that reaches it; a plan has a place for each field of each spread. So each fragment is measured once
here, and counted at each spread, before any of them runs. Cycles count as no deeper than once:
validation reports them.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
)

from gateway.hooks import LimitEvent, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import DocumentNode, SelectionSetNode

    from gateway.hooks import Hooks

__all__ = ["Limits", "check_limits", "depth_of", "limits_in", "tell_measured"]


_log: Final = logging.getLogger("gateway.limits")
_limits_in: Final = re.compile(r"\(GATEWAY_(MAX_[A-Z_]+)\)").findall

# Levels of selection sets and of fragments that spread each other: rules and executors recurse.
MAX_NESTING: Final = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document and its variables may hold.

    A fragment's `fields` count wherever it is spread, and there may be as many spreads, counted the
    same way. `key_characters` is how long a response key may be. `values` are those in lists and
    objects, of all variables together and of all literals of a document together;
    `variable_characters` counts texts and keys. `plan_fields` are the fields of an operation's
    plan, which has an interface's once for each type.
    """

    characters: int = 64_000
    tokens: int = 6_000
    depth: int = 20
    fields: int = 3_000
    plan_fields: int = 3_000
    key_characters: int = 200
    values: int = 1_000
    variable_depth: int = 20
    variable_characters: int = 256_000

    def at_least(self, factor: int) -> Limits:
        """The same, each of them at least so many times its default."""
        usual = Limits()
        return Limits(
            *(
                max(getattr(self, limit.name), factor * getattr(usual, limit.name))
                for limit in fields(self)
            )
        )


def tell_measured(excess: str, hooks: Hooks | None = None) -> None:
    """Record what would be refused where limits are enforced, and tell hooks of it."""
    _log.warning("over a limit that is only measured: %s", excess)
    if hooks is not None and hooks.limit_exceeded:
        for limit in limits_in(excess):
            tell(hooks.limit_exceeded, LimitEvent(limit, is_refused=False))


def limits_in(message: str) -> list[str]:
    """The limits that a message is about, by the names of their settings: it names them so that
    whoever reads it can set them.
    """
    return [limit.lower() for limit in _limits_in(message)]


def check_limits(document: DocumentNode, limits: Limits) -> list[str]:
    """What exceeds the limits, a sentence each; empty for a document that may be validated."""
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
        sizes = [Size(0, 0, 0, MAX_NESTING + 1)]
    operations = sizes[len(fragments) :]
    depth = max((size.depth for size in sizes), default=0)
    nesting = max((size.nesting for size in sizes), default=0)
    selected = max(sum(size.fields for size in operations), measured.keys.total())
    spreads = max(sum(size.spreads for size in operations), measured.spreads)
    longest = max(map(len, measured.keys), default=0)
    excesses = [
        depth > limits.depth
        and f"the document is {_told(depth)} levels deep, {limits.depth} are allowed"
        " (GATEWAY_MAX_DEPTH); ask in several operations",
        nesting > MAX_NESTING
        and f"the document's fragments are nested more than {MAX_NESTING} levels deep; spread fewer"
        " within each other",
        selected > limits.fields
        and f"the document has {_told(selected)} fields where its fragments are spread,"
        f" {limits.fields} are allowed (GATEWAY_MAX_FIELDS); ask in several operations",
        spreads > limits.fields
        and f"the document spreads fragments {_told(spreads)} times, those in fragments counted"
        f" where they are spread; {limits.fields} are allowed (GATEWAY_MAX_FIELDS); ask in several"
        " operations",
        longest > limits.key_characters
        and f"a response key has {longest} characters, {limits.key_characters} are allowed;"
        " use a shorter alias",
    ]
    return [excess for excess in excesses if excess]


def depth_of(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> int:
    """How many levels of fields an operation has."""
    return _Measure(dict(fragments)).size(operation.selection_set).depth


def _told(figure: int) -> str:
    """Fragments that double come to more digits than anybody reads."""
    return str(figure) if figure < 1_000_000_000 else "more than a billion"


class Size(NamedTuple):
    """Levels of fields; fields and spreads with the fragments spread; levels of all that nests."""

    depth: int
    fields: int
    spreads: int
    nesting: int


NOTHING: Final = Size(0, 0, 0, 0)


class _Measure:
    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self.fragments = fragments
        # How often each response key stands in the text, and how many fragments are spread there.
        self.keys: Counter[str] = Counter()
        self.spreads = 0
        self._sizes: dict[str, Size] = {}

    def size(self, selection_set: SelectionSetNode | None) -> Size:
        """What stands below; looks at each node of the document once."""
        depth = fields = spreads = nesting = 0
        for node in selection_set.selections if selection_set is not None else ():
            below, is_field = NOTHING, node.__class__ is FieldNode
            if isinstance(node, FieldNode):
                self.keys[(node.alias or node.name).value] += 1
                if node.selection_set is not None:
                    below = self.size(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                self.spreads += 1
                below = self.fragment(node.name.value)
            elif isinstance(node, InlineFragmentNode):
                self.spreads += 1
                below = self.size(node.selection_set)
            depth = max(depth, below.depth + is_field)
            fields += below.fields + is_field
            spreads += below.spreads + (not is_field)
            nesting = max(nesting, below.nesting + 1)
        return Size(depth, fields, spreads, nesting)

    def fragment(self, name: str) -> Size:
        """What stands in a fragment, measured the first time it is asked for."""
        if name not in self._sizes:
            # A fragment that comes back to itself adds nothing; validation reports it.
            self._sizes[name] = NOTHING
            fragment = self.fragments.get(name)
            if fragment is not None:
                self._sizes[name] = self.size(fragment.selection_set)
        return self._sizes[name]
