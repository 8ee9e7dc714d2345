"""Documents that are valid at a glance: all rules but one (`overlaps`) in one walk, which says yes
or no.

graphql-core's rules are thirty visitors, each asked at each node, to tell all that is wrong. Nearly
all documents are valid, and nothing is told of those: so they are looked through once. Where
anything is wrong, or out of the ordinary (introspection, subscriptions, other directives than
`@skip` and `@include`, lists and objects for a scalar), the answer is no, and the rules are asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLID,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    GraphQLString,
    InlineFragmentNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    Undefined,
    VariableNode,
    do_types_overlap,
    get_named_type,
    is_composite_type,
    is_input_object_type,
    is_input_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
    type_from_ast,
)
from graphql.utilities import coerce_input_literal
from graphql.validation.rules.variables_in_allowed_position import allowed_variable_usage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from graphql import (
        ArgumentNode,
        DirectiveNode,
        DocumentNode,
        GraphQLArgument,
        GraphQLSchema,
        SelectionSetNode,
        VariableDefinitionNode,
    )

__all__ = ["vet_steps"]

# Between two turns: some 3 µs each.
SELECTIONS_AT_ONCE: Final = 300

_TEXTS: Final = frozenset({GraphQLID, GraphQLString})
_DIRECTIVES: Final = {one.name: one for one in (GraphQLSkipDirective, GraphQLIncludeDirective)}


class _Doubt(Exception):
    """The rules have to be asked."""


class _Usage:
    """Where a variable stands: the type there, its default, whether it is the one of a one-of."""

    __slots__ = ("default", "is_one_of", "name", "type")

    def __init__(self, name: str, type_: Any, default: Any, *, is_one_of: bool) -> None:
        self.name = name
        self.type = type_
        self.default = default
        self.is_one_of = is_one_of


Steps: TypeAlias = "Generator[None, None, None]"


def vet_steps(schema: GraphQLSchema, document: DocumentNode) -> Generator[None, None, bool]:
    """Is the document valid, as far as one look tells? Yields every few selections."""
    try:
        yield from _Vetting(schema, document).vet()
    except (_Doubt, RecursionError):
        return False
    return True


class _Part:
    """What an operation or a fragment uses itself: variables, and fragments."""

    __slots__ = ("spreads", "usages")

    def __init__(self) -> None:
        self.spreads: set[str] = set()
        self.usages: list[_Usage] = []


class _Vetting:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._operations: list[OperationDefinitionNode] = []
        self._fragments: dict[str, tuple[FragmentDefinitionNode, Any]] = {}
        self._part = _Part()
        self._since_turn = 0
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                self._operations.append(node)
            elif isinstance(node, FragmentDefinitionNode):
                if node.name.value in self._fragments:
                    raise _Doubt
                self._fragments[node.name.value] = node, self._type_on(node)
            else:
                raise _Doubt
            if node.directives:
                raise _Doubt
        names = {node.name.value if node.name else None for node in self._operations}
        if len(names) < len(self._operations) or (None in names and len(names) > 1):
            raise _Doubt

    def vet(self) -> Steps:
        parts: dict[str, _Part] = {}
        for name, (fragment, type_) in self._fragments.items():
            part = parts[name] = self._part = _Part()
            yield from self._selections(type_, fragment.selection_set)
        _check_for_cycles(parts)
        reached: set[str] = set()
        for operation in self._operations:
            part = self._part = _Part()
            if operation.operation is OperationType.SUBSCRIPTION:
                raise _Doubt
            root = self._schema.get_root_type(operation.operation)
            if root is None:
                raise _Doubt
            yield from self._selections(root, operation.selection_set)
            spread = _reached(part.spreads, parts)
            reached |= spread
            usages = [*part.usages, *(use for name in spread for use in parts[name].usages)]
            self._variables(operation.variable_definitions or (), usages)
            yield
        if len(reached) < len(parts):
            raise _Doubt

    def _type_on(self, node: Any) -> Any:
        """The type that a fragment is on."""
        type_ = self._schema.type_map.get(node.type_condition.name.value)
        if not is_composite_type(type_):
            raise _Doubt
        return type_

    def _selections(self, type_: Any, selected: SelectionSetNode) -> Steps:
        todo = [(type_, selected)]
        while todo:
            parent, selected = todo.pop()
            self._since_turn += len(selected.selections)
            if self._since_turn >= SELECTIONS_AT_ONCE:
                self._since_turn = 0
                yield
            for node in selected.selections:
                if node.directives:
                    self._directives(node.directives)
                if isinstance(node, FieldNode):
                    below = self._field(parent, node)
                    if node.selection_set is not None:
                        todo.append((below, node.selection_set))
                elif isinstance(node, FragmentSpreadNode):
                    self._spread(parent, node.name.value)
                elif isinstance(node, InlineFragmentNode):
                    on = parent if node.type_condition is None else self._type_on(node)
                    self._check_overlap(on, parent)
                    todo.append((on, node.selection_set))

    def _spread(self, parent: Any, name: str) -> None:
        if name not in self._fragments:
            raise _Doubt
        self._part.spreads.add(name)
        self._check_overlap(self._fragments[name][1], parent)

    def _check_overlap(self, on: Any, parent: Any) -> None:
        if on is not parent and not do_types_overlap(self._schema, on, parent):
            raise _Doubt

    def _field(self, parent: Any, node: FieldNode) -> Any:
        """The type of what is selected below; None for a leaf."""
        name = node.name.value
        if name == "__typename":
            if node.arguments or node.selection_set is not None:
                raise _Doubt
            return None
        field = getattr(parent, "fields", {}).get(name)
        if field is None:
            raise _Doubt
        if node.arguments or field.args:
            self._arguments(node.arguments or (), field.args)
        named = get_named_type(field.type)
        if is_leaf_type(named) is (node.selection_set is not None):
            raise _Doubt
        return named

    def _directives(self, nodes: Iterable[DirectiveNode]) -> None:
        names = [node.name.value for node in nodes]
        if not {*names} <= _DIRECTIVES.keys() or len({*names}) < len(names):
            raise _Doubt
        for node in nodes:
            self._arguments(node.arguments or (), _DIRECTIVES[node.name.value].args)

    def _arguments(
        self, nodes: Iterable[ArgumentNode], definitions: Mapping[str, GraphQLArgument]
    ) -> None:
        given = set()
        for node in nodes:
            name = node.name.value
            definition = definitions.get(name)
            if definition is None or name in given:
                raise _Doubt
            given.add(name)
            self._value(node.value, definition.type, definition)
        for name, definition in definitions.items():
            if name not in given and is_required_argument(definition):
                raise _Doubt

    def _value(self, node: Any, type_: Any, place: Any = None, *, is_one_of: bool = False) -> None:
        """A literal, or a variable, at a `place` that may have a default."""
        if isinstance(node, VariableNode):
            default = Undefined if place is None else _default_of(place)
            usage = _Usage(node.name.value, type_, default, is_one_of=is_one_of)
            self._part.usages.append(usage)
            return
        inner = type_.of_type if is_non_null_type(type_) else type_
        if isinstance(node, NullValueNode):
            if inner is not type_ or is_one_of:
                raise _Doubt
        elif is_list_type(inner):
            for item in node.values if isinstance(node, ListValueNode) else (node,):
                self._value(item, inner.of_type)
        elif is_input_object_type(inner):
            self._object(node, inner)
        elif not (inner in _TEXTS and isinstance(node, StringValueNode)):
            if isinstance(node, ListValueNode | ObjectValueNode):
                # Variables may stand in them.
                raise _Doubt
            if coerce_input_literal(node, inner) is Undefined:
                raise _Doubt

    def _object(self, node: Any, type_: Any) -> None:
        if not isinstance(node, ObjectValueNode):
            raise _Doubt
        is_one_of = type_.is_one_of or type_.extensions["strawberry-definition"].is_one_of
        given = set()
        for field in node.fields:
            name = field.name.value
            definition = type_.fields.get(name)
            if definition is None or name in given:
                raise _Doubt
            given.add(name)
            self._value(field.value, definition.type, definition, is_one_of=is_one_of)
        if is_one_of and len(given) != 1:
            raise _Doubt
        for name, definition in type_.fields.items():
            if name not in given and is_required_input_field(definition):
                raise _Doubt

    def _variables(
        self, definitions: Iterable[VariableDefinitionNode], usages: list[_Usage]
    ) -> None:
        types: dict[str, tuple[Any, VariableDefinitionNode]] = {}
        for definition in definitions:
            name = definition.variable.name.value
            type_ = type_from_ast(self._schema, definition.type)
            if not is_input_type(type_) or name in types or definition.directives:
                raise _Doubt
            types[name] = type_, definition
            if definition.default_value is not None:
                self._value(definition.default_value, type_)
        if {usage.name for usage in usages} != types.keys():
            raise _Doubt
        for usage in usages:
            type_, definition = types[usage.name]
            if usage.is_one_of and not is_non_null_type(type_):
                raise _Doubt
            if type_ is not usage.type and not allowed_variable_usage(
                self._schema, type_, definition.default_value, usage.type, usage.default
            ):
                raise _Doubt


def _default_of(place: Any) -> Any:
    return place.default_value if place.default is None else place.default


def _reached(spreads: set[str], parts: Mapping[str, _Part]) -> set[str]:
    reached = set(spreads)
    todo = [*spreads]
    while todo:
        new = parts[todo.pop()].spreads - reached
        reached |= new
        todo += new
    return reached


def _check_for_cycles(parts: Mapping[str, _Part]) -> None:
    """Take away, again and again, what spreads nothing that is left."""
    left = {name: len(part.spreads) for name, part in parts.items()}
    spread_by: dict[str, list[str]] = {name: [] for name in parts}
    for name, part in parts.items():
        for spread in part.spreads:
            spread_by[spread].append(name)
    todo = [name for name, count in left.items() if not count]
    gone = 0
    while todo:
        gone += 1
        for name in spread_by[todo.pop()]:
            left[name] -= 1
            if not left[name]:
                todo.append(name)
    if gone < len(parts):
        raise _Doubt
