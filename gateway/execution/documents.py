"""Documents: parsed, limited and validated once, kept with their plans.

A document seen before goes from its text to its plan by one look-up. Making one may take long, so
it is done in steps: whoever asks takes them, all at once (`get`, `plan`) or with turns for others
in between (`making`, `planning`). Refused documents are kept as well, so that sending a bad one
again and again costs nothing. The store is bounded by count and by weight, which counts what a
document and its plans hold in memory; the document that was not used for the longest time leaves
first. Once the store is full a text has to come twice to get in: a flood of texts that come once
each then pushes out none of those in use. Documents that are trusted stand apart: they stay until
others are trusted in their place, and their plans push nothing out.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import FragmentDetails

from gateway.execution.inputs import count_values, errors_told
from gateway.execution.limits import Limits, check_limits, tell_measured
from gateway.execution.operation import LEAST_WEIGHT, MAX_INTROSPECTED, Operation
from gateway.execution.parsing import parse_steps
from gateway.execution.validation import validate_steps
from gateway.schema.ways import tell_way
from gateway.turns import finished

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from graphql import DocumentNode, GraphQLSchema

    from gateway.hooks import Hooks

__all__ = ["Document", "Documents"]

# How many texts are remembered that came once.
MARKS: Final = 10_000


class Document:
    """A document's operations, or the errors that keep it from being executed. `weight` is what it
    holds in memory with its plans, in tokens. `trusted` is its id among the trusted documents.
    """

    __slots__ = (
        "__weakref__",
        "_asked",
        "_make",
        "_named",
        "_nodes",
        "errors",
        "trusted",
        "weight",
    )

    def __init__(
        self,
        nodes: list[OperationDefinitionNode],
        errors: list[GraphQLError],
        weight: int,
        make: Callable[[OperationDefinitionNode, Document], Operation],
        trusted: str | None = None,
    ) -> None:
        self.errors = errors
        self.weight = weight
        self.trusted = trusted
        self._nodes = {node.name.value if node.name else None: node for node in nodes}
        self._make = make
        self._named: dict[str | None, Operation] = {}
        # By the name that was asked for, which may be left out.
        self._asked: dict[str | None, Operation] = {}

    @property
    def operations(self) -> list[Operation]:
        return [self._of_name(name) for name in self._nodes]

    def operation(self, name: str | None) -> Operation:
        """The operation to run (GraphQL specification, 6.1 GetOperation); raises `GraphQLError`."""
        return self._asked.get(name) or self._first_asked(name)

    def _first_asked(self, asked: str | None) -> Operation:
        name = asked
        if name:
            if name not in self._nodes:
                raise GraphQLError(f"Unknown operation named '{name}'.")
        elif len(self._nodes) != 1:
            raise GraphQLError(
                "Must provide operation name if query contains multiple operations."
                if self._nodes
                else "Must provide an operation."
            )
        else:
            (name,) = self._nodes
        operation = self._asked[asked] = self._of_name(name)
        return operation

    def _of_name(self, name: str | None) -> Operation:
        operation = self._named.get(name)
        if operation is None:
            operation = self._named[name] = self._make(self._nodes[name], self)
        if operation.introspected > MAX_INTROSPECTED:
            raise GraphQLError(
                f"the introspection has more than {MAX_INTROSPECTED} fields; select less, or ask in"
                " several operations"
            )
        return operation


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
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._trusted: Mapping[str, Document] = {}
        # Hashes of texts that came once and found no room.
        self._marks: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._documents)

    @property
    def schema(self) -> GraphQLSchema:
        schema: GraphQLSchema = self._strawberry._schema
        return schema

    def find(self, text: str) -> Document | None:
        """The document of this text, where it is known."""
        document = self._documents.get(text)
        if document is None:
            return self._trusted.get(text)
        self._documents.move_to_end(text)
        return document

    def making(self, text: str) -> Generator[None, None, Document]:
        """Make the document of this text, and keep it."""
        document = yield from self._make(text)
        if (
            len(text) <= self.limits.characters
            and text not in self._documents
            and text not in self._trusted
            and (self._has_room_for(document) or self._came_before(text))
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
        return (yield from self._make(text, trusted))

    def trust(self, documents: Mapping[str, Document]) -> None:
        """Trust these, by their texts, and no others."""
        self._trusted = documents
        for text in documents.keys() & self._documents.keys():
            self._weight -= self._documents.pop(text).weight

    def get(self, text: str) -> Document:
        """The document of this text, made at once if need be."""
        return self.find(text) or finished(self.making(text))

    def _has_room_for(self, document: Document) -> bool:
        return (
            len(self._documents) < self._kept
            and self._weight + document.weight <= self._kept_weight
        )

    def _came_before(self, text: str) -> bool:
        mark = hash(text)
        if mark in self._marks:
            return True
        self._marks[mark] = None
        if len(self._marks) > MARKS:
            self._marks.popitem(last=False)
        return False

    def _keep(self, text: str, document: Document) -> None:
        self._documents[text] = document
        self._weight += document.weight
        self._drop_oldest()

    def _grown(self, text: str, owner: ref[Document], weight: int) -> None:
        """Count a plan that a document's operation has made, or dropped."""
        document = owner()
        if document is None:
            return
        document.weight += weight
        if self._documents.get(text) is document:
            self._weight += weight
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._documents) > self._kept or self._weight > self._kept_weight:
            _, dropped = self._documents.popitem(last=False)
            self._weight -= dropped.weight

    def _make(self, text: str, trusted: str | None = None) -> Generator[None, None, Document]:
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
        if self.measured is not None and not errors:
            for excess in _excesses(parsed, values, self.measured):
                tell_measured(excess, self._hooks)
        yield
        errors = errors or (
            yield from validate_steps(
                self.schema,
                parsed,
                max_errors=errors_told(values),
                introspection=self.introspection,
            )
        )
        if errors:
            if self.introspection:
                for wrong in errors:
                    tell_way(wrong)
            return self._refused(errors)
        return self._valid(text, parsed, trusted)

    def _refused(self, errors: list[GraphQLError]) -> Document:
        """A document that is not executed. Of what is wrong only what is told is kept."""
        told = [_without_nodes(error) for error in errors]
        return Document([], told, len(told), _unmade)

    def _valid(self, text: str, parsed: DocumentNode, trusted: str | None) -> Document:
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
                partial(self._grown, text, ref(document)),
                hides_names=not self.introspection,
                trusted=trusted,
            )

        return Document(nodes, [], LEAST_WEIGHT + (parsed.token_count or 0), make, trusted)


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


def _unmade(node: OperationDefinitionNode, _: Document) -> Operation:
    raise AssertionError(node)


def _without_nodes(error: GraphQLError) -> GraphQLError:
    """The same error, which holds no part of the document any more."""
    if isinstance(error, GraphQLSyntaxError):
        return error
    return GraphQLError(error.message, source=error.source, positions=error.positions)
