"""Documents: parsed, limited and validated once, kept with their plans.

A document seen before goes from its text to its plan by one look-up. Refused documents are kept as
well, so that sending a bad one again and again costs nothing. The store is bounded by count and by
characters; the document that was not used for the longest time leaves first. Once the store is full
a text has to come twice to get in: a flood of texts that come once each then pushes out none of
those in use.
"""

from __future__ import annotations

import gc
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from graphql import (
    DirectiveNode,
    FragmentDefinitionNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails
from msgspec import Struct
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gateway.execution.inputs import count_values, errors_told
from gateway.execution.introspection import introspected_nodes
from gateway.execution.limits import Limits, check_limits
from gateway.execution.planner import make_plan
from gateway.execution.variables import Variables
from gateway.schema.ways import tell_way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphql import DocumentNode
    from graphql.execution.values import VariableValues

    from gateway.execution.plan import Estimate, Plan, Size

__all__ = ["Document", "Documents", "Operation", "Prepared"]

# Plans that are kept of an operation, one for each choice of its @skip/@include variables.
PLANS_KEPT = 16
# Fields of the schema that an operation may ask for: the standard introspection has some 6,000.
MAX_INTROSPECTED = 100_000
# How many texts are remembered that came once.
MARKS = 10_000


class Operation:
    """One operation of a valid document, with its plans. It calls `drop` with the number of plans
    that it drops.
    """

    def __init__(
        self,
        strawberry: Any,
        node: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        drop: Callable[[int], None],
    ) -> None:
        self.node = node
        self.name = node.name.value if node.name else None
        self.type = node.operation.value
        self.fragments = fragments
        self.fragment_definitions = {
            name: fragment.definition for name, fragment in fragments.items()
        }
        self._strawberry = strawberry
        # The variables as the schema types them, of a request's values; or what is wrong with them.
        self.variables = Variables(strawberry._schema, node).values
        self._deciding = _deciding_variables(node, self.fragment_definitions)
        # Fields of introspection in its answer at most.
        self.introspected = introspected_nodes(
            strawberry._schema,
            node,
            self.fragment_definitions,
            MAX_INTROSPECTED,
        )
        self._drop = drop
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._only_plan: Plan | None = None

    def plan(self, variables: VariableValues) -> Plan:
        """The compiled plan for these values of the variables that decide on fields."""
        if not self._deciding:
            if self._only_plan is None:
                self._only_plan = self._make(variables)
            return self._only_plan
        choice = tuple(variables.coerced.get(name) for name in self._deciding)
        plan = self._plans.get(choice)
        if plan is None:
            if len(self._plans) >= PLANS_KEPT:
                self._plans.clear()
                self._drop(PLANS_KEPT)
            plan = self._plans[choice] = self._make(variables)
        return plan

    def _make(self, variables: VariableValues) -> Plan:
        return make_plan(self._strawberry, self.node, self.fragments, variables)


class Prepared(Struct, eq=False):
    """An operation that may be executed: with its plan for these variables, and what that can
    take.
    """

    operation: Operation
    plan: Plan
    variables: VariableValues
    estimate: Estimate
    size: Size


class Document:
    """A document's operations, or the errors that keep it from being executed."""

    __slots__ = ("_named", "errors", "operations")

    def __init__(self, operations: list[Operation], errors: list[GraphQLError]) -> None:
        self.operations = operations
        self.errors = errors
        self._named = {operation.name: operation for operation in operations}

    def operation(self, name: str | None) -> Operation:
        """The operation to run (GraphQL specification, 6.1 GetOperation); raises `GraphQLError`."""
        if name:
            operation = self._named.get(name)
            if operation is None:
                raise GraphQLError(f"Unknown operation named '{name}'.")
            return operation
        if len(self.operations) != 1:
            raise GraphQLError(
                "Must provide operation name if query contains multiple operations."
                if self.operations
                else "Must provide an operation."
            )
        return self.operations[0]


class Documents:
    """The documents seen lately. `kept` bounds their number, `kept_characters` their texts
    together.
    """

    def __init__(
        self,
        strawberry: Any,
        limits: Limits,
        *,
        introspection: bool = True,
        kept: int = 1000,
        kept_characters: int = 8_000_000,
    ) -> None:
        self._strawberry = strawberry
        self.limits = limits
        self._rules = [
            *specified_rules,
            # graphql-core's own rule does not know Strawberry's one-of inputs.
            OneOfInputValidationRule,
            *(() if introspection else [NoSchemaIntrospectionCustomRule]),
        ]
        self._kept = kept
        self._kept_characters = kept_characters
        self._characters = 0
        self._documents: OrderedDict[str, Document] = OrderedDict()
        # Hashes of texts that came once and found no room.
        self._marks: OrderedDict[int, None] = OrderedDict()
        # Documents and plans dropped since the last collection.
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._documents)

    def get(self, text: str) -> Document:
        """The document of this text; made, if need be, and kept."""
        document = self._documents.get(text)
        if document is not None:
            self._documents.move_to_end(text)
            return document
        if len(text) > self.limits.characters:
            message = (
                f"the document has {len(text)} characters, {self.limits.characters} are allowed;"
                " ask in several operations"
            )
            return Document([], [GraphQLError(message)])
        document = self._make(text)
        if self._has_room_for(text) or self._came_before(text):
            self._keep(text, document)
        return document

    def _has_room_for(self, text: str) -> bool:
        return (
            len(self._documents) < self._kept
            and self._characters + len(text) <= self._kept_characters
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
        if len(text) > self._kept_characters:
            return
        self._documents[text] = document
        self._characters += len(text)
        while len(self._documents) > self._kept or self._characters > self._kept_characters:
            dropped, _ = self._documents.popitem(last=False)
            self._characters -= len(dropped)
            self._drop(1)

    def _drop(self, count: int) -> None:
        """Collect what was dropped, once it is as many as are kept. Syntax trees and compiled
        functions are cycles, and old when they are dropped: the collector, which rarely looks at
        what is old, would let them pile up.
        """
        self._dropped += count
        if self._dropped >= self._kept:
            self._dropped = 0
            gc.collect()

    def _make(self, text: str) -> Document:
        try:
            parsed = parse(text, max_tokens=self.limits.tokens, no_location=False)
        except GraphQLError as error:
            return Document([], [error])
        values = count_values(parsed)
        errors = check_limits(parsed, self.limits)
        if values > self.limits.values:
            message = (
                f"the document's literals hold {values} values in lists and objects,"
                f" {self.limits.values} are allowed (GATEWAY_MAX_VALUES);"
                " ask in several operations"
            )
            errors.append(GraphQLError(message))
        errors = errors or validate(
            self._strawberry._schema,
            parsed,
            self._rules,
            max_errors=errors_told(values),
        )
        for wrong in errors:
            tell_way(wrong)
        operations = [] if errors else self._operations(parsed)
        if any(operation.introspected > MAX_INTROSPECTED for operation in operations):
            message = (
                f"the introspection has more than {MAX_INTROSPECTED} fields; select less, or ask in"
                " several operations"
            )
            return Document([], [GraphQLError(message)])
        return Document(operations, errors)

    def _operations(self, parsed: DocumentNode) -> list[Operation]:
        fragments = {
            definition.name.value: FragmentDetails(definition)
            for definition in parsed.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        return [
            Operation(self._strawberry, definition, fragments, self._drop)
            for definition in parsed.definitions
            if isinstance(definition, OperationDefinitionNode)
        ]


class _Deciding(Visitor):
    """Collects the variables of `@skip` and `@include`."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, None] = {}

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names[argument.value.name.value] = None


def _deciding_variables(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> tuple[str, ...]:
    deciding = _Deciding()
    for node in (operation, *fragments.values()):
        visit(node, deciding)
    return tuple(deciding.names)
