"""One document: its operations, or what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from graphql import GraphQLError

from gateway.execution.operation import MAX_INTROSPECTED, FilledOperation

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import OperationDefinitionNode

    from gateway.execution.operation import Operation
    from gateway.execution.shapes import Pieces, Shape

__all__ = ["Document", "FilledDocument"]


def _unmade(node: OperationDefinitionNode, _: Document) -> NoReturn:
    raise AssertionError(node)


class Document:
    """A document's operations, or the errors that keep it from being executed. `weight` is what it
    holds in memory with its plans, in tokens. `trusted` is its id among the trusted documents.
    That of a `shape` is not executed itself, but filled with the values of a text.
    """

    __slots__ = (
        "__weakref__",
        "_make",
        "_named",
        "_nodes",
        "asked",
        "errors",
        "shape",
        "trusted",
        "weight",
    )

    def __init__(
        self,
        nodes: list[OperationDefinitionNode],
        errors: list[GraphQLError],
        weight: int,
        make: Callable[[OperationDefinitionNode, Document], Operation] = _unmade,
        trusted: str | None = None,
        shape: Shape | None = None,
    ) -> None:
        self.errors = errors
        self.weight = weight
        self.trusted = trusted
        self.shape = shape
        self._nodes = {node.name.value if node.name else None: node for node in nodes}
        self._make = make
        self._named: dict[str | None, Operation] = {}
        self.asked: dict[str | None, Operation] = {}
        """Those that `operation` gave, by the name that was asked for."""

    @property
    def operations(self) -> list[Operation]:
        return [self._of_name(name) for name in self._nodes]

    def operation(self, name: str | None) -> Operation:
        """The operation to run (GraphQL specification, 6.1 GetOperation); raises `GraphQLError`."""
        asked = name
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
        operation = self.asked[asked] = self._of_name(name)
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


class FilledDocument:
    """A document of a shape: that of the text it was made of, with the values of another one."""

    __slots__ = ("_made", "_pieces", "_shape", "_values")

    asked: ClassVar[dict[str | None, FilledOperation]] = {}
    errors: ClassVar[list[GraphQLError]] = []
    trusted: ClassVar[None] = None

    def __init__(
        self, made: Document, shape: Shape, pieces: Pieces, values: dict[str, Any]
    ) -> None:
        self._made = made
        self._shape = shape
        self._pieces = pieces
        self._values = values

    @property
    def operations(self) -> list[FilledOperation]:
        return [self._filled(operation) for operation in self._made.operations]

    def operation(self, name: str | None) -> FilledOperation:
        """As that of a `Document`."""
        return self._filled(self._made.operation(name))

    def _filled(self, operation: Operation) -> FilledOperation:
        return FilledOperation(operation, self._shape, self._pieces, self._values)
