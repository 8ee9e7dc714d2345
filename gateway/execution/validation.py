"""Validates documents in steps, by graphql-core's rules and ours.

A document that is valid at a glance (`vetting`) is not judged by rules, which tell what is wrong.
The rules are visitors, as in graphql-core; only the walk over the document is taken apart, so that
others have turns in between. Its rule about overlapping fields, which compares pairs, is replaced
(`overlaps`). What its rules do at once when an operation ends is bounded by `limits`.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from graphql import (
    SKIP,
    FragmentDefinitionNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    ParallelVisitor,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    specified_rules,
)
from graphql.validation.validate import ValidationAbortedError, query_document_keys_to_validate
from graphql.validation.validation_context import VariableUsageVisitor
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gateway.execution.overlaps import find_overlaps
from gateway.execution.selections import spreads_below
from gateway.execution.vetting import vet_steps

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from graphql import (
        DocumentNode,
        FragmentSpreadNode,
        GraphQLSchema,
        Node,
        SelectionSetNode,
        Visitor,
    )
    from graphql.validation.validation_context import VariableUsage

__all__ = ["judge_steps", "validate_steps"]

# Steps of the walk between two turns, two or three for each node: some 5 µs each.
NODES_AT_ONCE: Final = 200

ABORTED: Final = "Validation aborted."
TOO_MANY: Final = f"Too many validation errors, error limit reached. {ABORTED}"

_RULES: Final = (
    *(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule),
    # graphql-core's own rule does not know Strawberry's one-of inputs.
    OneOfInputValidationRule,
)


def validate_steps(
    schema: GraphQLSchema,
    document: DocumentNode,
    *,
    max_errors: int,
    introspection: bool,
    compared: set[int] | None = None,
) -> Generator[None, None, list[GraphQLError]]:
    """What is wrong with a document, at most so many errors; yields every few nodes. Without
    `introspection` the schema is not told of: not by a query, and not by names that errors suggest.
    Fields whose arguments had to equal others' are added to those `compared`, as nodes' identities.
    """
    if not (yield from vet_steps(schema, document)):
        errors = yield from judge_steps(
            schema, document, max_errors=max_errors, introspection=introspection
        )
        if errors:
            return errors
    overlap = yield from find_overlaps(
        schema,
        [node for node in document.definitions if isinstance(node, OperationDefinitionNode)],
        {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        },
        set() if compared is None else compared,
    )
    return [] if overlap is None else [overlap]


def judge_steps(
    schema: GraphQLSchema, document: DocumentNode, *, max_errors: int, introspection: bool
) -> Generator[None, None, list[GraphQLError]]:
    """What all rules tell, but that about overlapping fields."""
    errors: list[GraphQLError] = []

    def report(error: GraphQLError) -> None:
        if len(errors) >= max_errors:
            raise ValidationAbortedError(TOO_MANY)
        errors.append(error)

    rules = _RULES if introspection else (*_RULES, NoSchemaIntrospectionCustomRule)
    types = TypeInfo(schema)
    context = _Context(schema, document, types, report, hide_suggestions=not introspection)
    visitor = TypeInfoVisitor(types, ParallelVisitor([rule(context) for rule in rules]))
    try:
        yield from context.find_usages()
        yield from _walk(document, visitor)
    except ValidationAbortedError as aborted:
        # Its frames would hold all of this.
        errors.append(aborted.with_traceback(None))
    except RecursionError:
        errors.append(GraphQLError(ABORTED))
    return errors


class _Context(ValidationContext):
    """What rules ask about the document. graphql-core finds the variables of a definition in one
    go, and keeps what it finds by nodes, whose hash goes through all that stands below.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._spreads: dict[int, list[FragmentSpreadNode]] = {}
        self._usages: dict[int, list[VariableUsage]] = {}

    def find_usages(self) -> Generator[None, None, None]:
        """Find all variables first; no types are looked up where there are none."""
        for node in self.document.definitions:
            fragment = node if isinstance(node, FragmentDefinitionNode) else None
            if node.loc is not None and "$" in node.loc.source.body[node.loc.start : node.loc.end]:
                visitor = VariableUsageVisitor(self._type_info, fragment)
                yield from _walk(node, TypeInfoVisitor(self._type_info, visitor))
                self._usages[id(node)] = visitor.usages

    def get_variable_usages(self, node: Node) -> list[VariableUsage]:
        return self._usages.get(id(node), [])

    def get_fragment_spreads(self, node: SelectionSetNode) -> list[FragmentSpreadNode]:
        spreads = self._spreads.get(id(node))
        if spreads is None:
            spreads = self._spreads[id(node)] = list(spreads_below(node))
        return spreads


def _walk(document: Node, visitor: Visitor) -> Generator[None, None, None]:
    """graphql-core's `visit`, for visitors that change nothing and end nothing."""
    path: list[str | int] = []
    # All that a node stands in, but its parent.
    ancestors: list[Any] = []
    # What is to be entered or left, with its key and its parent; the next last.
    todo: list[tuple[Any, Any, Any, bool]] = [(document, None, None, False)]
    for turn in count(1):
        if not todo:
            return
        if not turn % NODES_AT_ONCE:
            yield
        node, key, parent, is_leaving = todo.pop()
        if is_leaving:
            if parent is not None:
                ancestors.pop()
            _visit(visitor, node, key, parent, path, ancestors, is_leaving=True)
            if key is not None:
                path.pop()
            continue
        if key is not None:
            path.append(key)
        if _visit(visitor, node, key, parent, path, ancestors, is_leaving=False) is SKIP:
            path.pop()
            continue
        todo.append((node, key, parent, True))
        if parent is not None:
            ancestors.append(parent)
        todo += [(below, key, node, False) for key, below in _below(node)]


def _visit(visitor: Visitor, node: Any, *arguments: Any, is_leaving: bool) -> Any:
    """What the visitor says of a node; lists of nodes are not visited."""
    if node.__class__ is tuple:
        return None
    enter, leave = visitor.get_enter_leave_for_kind(node.kind)
    visit = leave if is_leaving else enter
    return visit and visit(node, *arguments)


def _below(node: Any) -> Iterable[tuple[int | str, Any]]:
    """What stands in a node or a list of nodes, by its key; the last first."""
    if node.__class__ is tuple:
        return [*enumerate(node)][::-1]
    found = (
        (key, getattr(node, key, None))
        for key in reversed(query_document_keys_to_validate.get(node.kind, ()))
    )
    return ((key, below) for key, below in found if below is not None)
