"""Documents: parsed, limited and validated once, kept with their plans.

A document seen before goes from its text to its plan by one look-up. Making one may take long, so
it is done in steps: whoever asks takes them, all at once (`get`, `plan`) or with turns for others
in between (`making`, `planning`). Refused documents are kept as well, so that sending a bad one
again and again costs nothing. The store is bounded by count and by weight, which counts what a
document and its plans hold in memory; the document that was not used for the longest time leaves
first. Once the store is full a text has to come twice to get in: a flood of texts that come once
each then pushes out none of those in use. Documents that are trusted stand apart: they stay until
others are trusted in their place, and their plans push nothing out.

The second text of a shape (`shapes`) is made for all that follow. These are not kept.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from weakref import ref

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import FragmentDetails

from gateway.execution.document import Document, FilledDocument
from gateway.execution.inputs import count_values, errors_told
from gateway.execution.limits import Limits, check_limits, tell_measured
from gateway.execution.operation import LEAST_WEIGHT, Operation
from gateway.execution.parsing import parse_steps
from gateway.execution.shapes import key_of, pieces_of, shape_of
from gateway.execution.validation import validate_steps
from gateway.schema.ways import tell_way
from gateway.turns import finished

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping

    from graphql import DocumentNode, GraphQLSchema

    from gateway.execution.shapes import Shape
    from gateway.hooks import Hooks

__all__ = ["Documents"]

# How many texts are remembered that came once, and how many shapes.
MARKS: Final = 10_000

# A document's text, or what all texts of a shape have in common.
Key: TypeAlias = str | tuple[str, ...]


class Documents:
    """The documents seen lately. What is over `limits` is refused, what is over those that are
    `measured` is recorded. `kept` bounds their number, `kept_weight` what they hold together:
    500 bytes a unit at most, so 50 MB.
    """

    def __init__(
        self,
        strawberry: Any,
        limits: Limits,
        *,
        measured: Limits | None = None,
        introspection: bool = True,
        kept: int = 1000,
        kept_weight: int = 100_000,
        hooks: Hooks | None = None,
    ) -> None:
        self._strawberry = strawberry
        self.limits = limits
        self.measured = measured
        self._hooks = hooks
        self.introspection = introspection
        self._kept = kept
        self._kept_weight = kept_weight
        self._weight = 0
        self._documents: OrderedDict[Key, Document] = OrderedDict()
        self._trusted: Mapping[str, Document] = {}
        # Those that came once: texts that found no room, and shapes.
        self._texts_seen = _Marks()
        self._shapes_seen = _Marks()

    def __len__(self) -> int:
        return len(self._documents)

    @property
    def schema(self) -> GraphQLSchema:
        schema: GraphQLSchema = self._strawberry._schema
        return schema

    def find(self, text: str) -> Document | FilledDocument | None:
        """The document of this text, where it is known, or its shape is."""
        document = self._documents.get(text)
        if document is None:
            return self._trusted.get(text) or self._fill(text)
        self._documents.move_to_end(text)
        return document

    def making(self, text: str) -> Generator[None, None, Document | FilledDocument]:
        """Make the document of this text, and keep it, or what it has in common with others."""
        document = yield from self._make(text)
        if isinstance(document, FilledDocument):
            return document
        if (
            len(text) <= self.limits.characters
            and text not in self._documents
            and text not in self._trusted
            and (self._has_room_for(document) or self._texts_seen.came_before(text))
        ):
            self._keep(text, document)
        return document

    def making_trusted(self, text: str, trusted: str) -> Generator[None, None, Document]:
        """The document of this text, with this id, as it may be trusted; one that is trusted
        already is the same. It is not kept.
        """
        known = self._trusted.get(text)
        if known is not None and known.trusted == trusted:
            return known
        made = yield from self._make(text, trusted)
        assert isinstance(made, Document)  # noqa: S101 - what is trusted is of no shape
        return made

    def trust(self, documents: Mapping[str, Document]) -> None:
        """Trust these, by their texts, and no others."""
        self._trusted = documents
        for text in documents.keys() & self._documents.keys():
            self._weight -= self._documents.pop(text).weight

    def get(self, text: str) -> Document | FilledDocument:
        """The document of this text, made at once if need be."""
        return self.find(text) or finished(self.making(text))

    def _fill(self, text: str) -> FilledDocument | None:
        """That of a known shape with the values of this text, where they fit."""
        if not self._shapes_seen or len(text) > self.limits.characters:
            return None
        pieces = pieces_of(text)
        if len(pieces) == 1:
            return None
        key = key_of(pieces)
        document = self._documents.get(key)
        if document is None or document.shape is None:
            return None
        self._documents.move_to_end(key)
        values = document.shape.values(pieces)
        if values is None:
            return None
        return FilledDocument(document, document.shape, pieces, values)

    def _has_room_for(self, document: Document) -> bool:
        return (
            len(self._documents) < self._kept
            and self._weight + document.weight <= self._kept_weight
        )

    def _keep(self, key: Key, document: Document) -> None:
        self._documents[key] = document
        self._weight += document.weight
        self._drop_oldest()

    def _grown(self, key: Key, owner: ref[Document], weight: int) -> None:
        """Count a plan that a document's operation has made, or dropped."""
        document = owner()
        if document is None:
            return
        document.weight += weight
        if self._documents.get(key) is document:
            self._weight += weight
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._documents) > self._kept or self._weight > self._kept_weight:
            _, dropped = self._documents.popitem(last=False)
            self._weight -= dropped.weight

    def _make(
        self, text: str, trusted: str | None = None
    ) -> Generator[None, None, Document | FilledDocument]:
        if len(text) > self.limits.characters:
            message = (
                f"the document has {len(text)} characters, {self.limits.characters} are allowed;"
                " ask in several operations"
            )
            return self._refused([GraphQLError(message)])
        try:
            parsed = yield from parse_steps(text, self.limits.tokens, self.limits.values)
        except GraphQLError as error:
            return self._refused([error.with_traceback(None)])
        yield
        values = count_values(parsed)
        yield
        errors = [GraphQLError(excess) for excess in _excesses(parsed, values, self.limits)]
        # What is over them is told of each text.
        may_be_shared = trusted is None
        if self.measured is not None and not errors:
            for excess in _excesses(parsed, values, self.measured):
                may_be_shared = False
                tell_measured(excess, self._hooks)
        yield
        compared: set[int] = set()
        errors = errors or (
            yield from validate_steps(
                self.schema,
                parsed,
                max_errors=errors_told(values),
                introspection=self.introspection,
                compared=compared,
            )
        )
        if errors:
            if self.introspection:
                for wrong in errors:
                    tell_way(wrong)
            return self._refused(errors)
        filled = self._first_filled(text, parsed, compared) if may_be_shared else None
        return filled or self._valid(text, parsed, trusted)

    def _first_filled(
        self, text: str, parsed: DocumentNode, compared: Collection[int]
    ) -> FilledDocument | None:
        """The document of the second text of a shape, made for all that follow."""
        pieces = pieces_of(text)
        key = key_of(pieces)
        if len(pieces) == 1 or key in self._documents or not self._shapes_seen.came_before(key):
            return None
        found = shape_of(self.schema, parsed, pieces, compared)
        if found is None:
            return None
        shape, values = found
        document = self._valid(key, parsed, None, shape)
        document.weight += len(pieces) // 2
        self._keep(key, document)
        return FilledDocument(document, shape, pieces, values)

    def _refused(self, errors: list[GraphQLError]) -> Document:
        """A document that is not executed. Of what is wrong only what is told is kept."""
        told = [_without_nodes(error) for error in errors]
        return Document([], told, len(told))

    def _valid(
        self, key: Key, parsed: DocumentNode, trusted: str | None, shape: Shape | None = None
    ) -> Document:
        fragments = {
            definition.name.value: FragmentDetails(definition)
            for definition in parsed.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        nodes = [
            definition
            for definition in parsed.definitions
            if isinstance(definition, OperationDefinitionNode)
        ]

        def make(node: OperationDefinitionNode, document: Document) -> Operation:
            return Operation(
                self._strawberry,
                node,
                fragments,
                self.limits.plan_fields,
                # Weakly, or they hold each other.
                partial(self._grown, key, ref(document)),
                hides_names=not self.introspection,
                trusted=trusted,
            )

        weight = LEAST_WEIGHT + (parsed.token_count or 0)
        return Document(nodes, [], weight, make, trusted, shape)


def _excesses(document: DocumentNode, values: int, limits: Limits) -> list[str]:
    """What exceeds the limits, once a document is parsed."""
    excesses = check_limits(document, limits)
    tokens = document.token_count or 0
    if tokens > limits.tokens:
        excesses.append(f"the document has {tokens} tokens (GATEWAY_MAX_TOKENS)")
    if values > limits.values:
        excesses.append(
            f"the document's literals hold {values} values in lists and objects,"
            f" {limits.values} are allowed (GATEWAY_MAX_VALUES); ask in several operations"
        )
    return excesses


def _without_nodes(error: GraphQLError) -> GraphQLError:
    """The same error, which holds no part of the document any more."""
    if isinstance(error, GraphQLSyntaxError):
        return error
    return GraphQLError(error.message, source=error.source, positions=error.positions)


class _Marks:
    """Hashes of what came once, so many of the latest."""

    def __init__(self) -> None:
        self._seen: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def came_before(self, key: Key) -> bool:
        mark = hash(key)
        if mark in self._seen:
            return True
        self._seen[mark] = None
        if len(self._seen) > MARKS:
            self._seen.popitem(last=False)
        return False
