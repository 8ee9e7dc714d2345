"""Documents that differ only in their values are one document: a shape, prepared once.

    text ── one look ─┬─ what stands between its values ──► the shape, where it is known
                      └─ its values, coerced as literals ──► the shape's operation, filled

Values are the numbers and strings in arguments of fields, where the schema has a scalar. All else
is part of the shape: names and aliases, enums, `true`, `false` and `null`. So is each literal on
which more hangs than what a resolver is given: in directives, in defaults of variables, in
`__type`, in arguments that are compared because their fields are merged. Comments are none of it.

A document of another such literal, or with a value that does not fit, is none of the shape: it is
prepared for itself, and refused for itself. In a shape's syntax tree a variable stands in each
value's place; its name is a number, so that no document can declare it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from graphql import (
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
    InlineFragmentNode,
    IntValueNode,
    Lexer,
    ListValueNode,
    NameNode,
    ObjectValueNode,
    OperationDefinitionNode,
    Source,
    StringValueNode,
    Undefined,
    VariableNode,
    get_location,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    is_scalar_type,
)
from graphql.utilities import coerce_input_literal

from gateway.execution.selections import type_on

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from graphql import (
        DocumentNode,
        GraphQLField,
        GraphQLInputType,
        GraphQLSchema,
        SelectionSetNode,
        ValueNode,
    )

__all__ = ["Pieces", "Shape", "key_of", "pieces_of", "shape_of"]

# A text, taken apart: what stands between literals, and literals, in turns.
Pieces: TypeAlias = list[str]
# What a literal's text is as a value; raises `ValueError` or `GraphQLError`.
Reader: TypeAlias = "Callable[[str], Any]"

# Numbers, strings and comments, as GraphQL's lexer takes them (specification, 2.1.4 and 2.1.6). The
# search jumps from one character that begins them to the next; there it looks which it is. A
# number beside a letter, a digit, a dot or a minus is none. Without backing up, so that it takes
# one look at each character.
_take_apart: Final = re.compile(
    r"""(["\#0-9-](?:
        (?<=") (?: [^"\\\n\r\ud800-\udfff]*+"
                 | [^"\\\n\r\ud800-\udfff]*+(?:\\[^\n\r][^"\\\n\r\ud800-\udfff]*+)++" )
      | (?<=[0-9-])(?<![A-Za-z0-9_.-].)
        (?: (?<=[1-9])[0-9]*+ | (?<=0) | (?<=-)(?: 0 | [1-9][0-9]*+ ) )
        (?: \.[0-9]++ )?+ (?: [eE][+-]?+[0-9]++ )?+ (?![A-Za-z0-9_.])
      | (?<=\#) [^\n\r\ud800-\udfff]*+
    ))""",
    re.VERBOSE,
).split
# What begins a literal that was not taken.
_has_literals: Final = re.compile(r'["#]|(?<![A-Za-z0-9_])[0-9-]').search
_is_integer: Final = re.compile(r"-?[0-9]++").fullmatch
# Reading one takes a microsecond or two.
MAX_ESCAPES: Final = 200


def pieces_of(text: str) -> Pieces:
    """The pieces of a text; one alone where it has no literals, or block strings."""
    return [text] if '"""' in text else _take_apart(text)


def key_of(pieces: Pieces) -> tuple[str, ...]:
    """What all documents of a shape have in common."""
    return tuple(pieces[::2])


class Shape:
    """How the values of a document's texts are read. `pieces` are those of the text that its syntax
    tree was made of, from this `source`.
    """

    __slots__ = ("_comments", "_ends", "_fixed", "_others", "_source", "_texts")

    def __init__(self, source: Source, pieces: Pieces, readers: Mapping[int, Reader]) -> None:
        self._source = source
        self._ends = _ends(pieces)
        literals = pieces[1::2]
        all_ = [(number, str(number), read) for number, read in readers.items()]
        self._texts = [one for one in all_ if one[2] in _OF_TEXTS]
        self._others = [one for one in all_ if one[2] not in _OF_TEXTS]
        self._comments = [n for n, literal in enumerate(literals) if literal[0] == "#"]
        self._fixed = [
            (number, literal)
            for number, literal in enumerate(literals)
            if literal[0] != "#" and number not in readers
        ]

    def values(self, pieces: Pieces) -> dict[str, Any] | None:
        """The values of a text of this shape, by the names of the variables in their places; None
        where one of them is out of the ordinary.
        """
        literals = pieces[1::2]
        for number, literal in self._fixed:
            if literals[number] != literal:
                return None
        for number in self._comments:
            if literals[number][0] != "#":
                return None
        escapes = "".join(literals).count("\\")
        if escapes > MAX_ESCAPES:
            return None
        values: dict[str, Any] = {}
        try:
            for number, name, read in self._texts:
                literal = literals[number]
                # Most are plain strings, for which a call costs more than all else.
                values[name] = literal[1:-1] if not escapes and literal[0] == '"' else read(literal)
            for number, name, read in self._others:
                values[name] = read(literals[number])
        except (ValueError, GraphQLError):
            return None
        return values

    def locate(self, errors: Iterable[GraphQLError], pieces: Pieces) -> None:
        """Move errors to where they are in the text of these pieces."""
        source, ends = None, _ends(pieces)
        for error in errors:
            if error.source is not self._source:
                continue
            source = source or Source("".join(pieces))
            positions = [self._moved(position, ends) for position in error.positions or ()]
            error.source, error.positions = source, positions
            error.locations = [get_location(source, position) for position in positions]

    def _moved(self, position: int, ends: list[int]) -> int:
        before = bisect_right(self._ends, position)
        return position + (ends[before - 1] - self._ends[before - 1] if before else 0)


def _ends(pieces: Pieces) -> list[int]:
    """Where each literal ends."""
    return list(accumulate(map(len, pieces)))[1::2]


def shape_of(
    schema: GraphQLSchema, document: DocumentNode, pieces: Pieces, compared: Collection[int]
) -> tuple[Shape, dict[str, Any]] | None:
    """The shape of a valid document, with this document's values; puts variables into their places
    in its syntax tree. None, and it is left as it is, where a value is out of the ordinary.

    `compared` are the fields (by their nodes' identities) whose arguments had to be equal to those
    of others.
    """
    assert document.loc is not None  # noqa: S101 - it was parsed with locations
    if any(map(_has_literals, pieces[::2])):
        return None
    starts = list(accumulate(map(len, pieces), initial=0))[1::2]
    numbers = {start: number for number, start in enumerate(starts)}
    places = [*_places(schema, document, compared)]
    readers = {numbers[place.start]: place.reader for place in places if place.start in numbers}
    shape = Shape(document.loc.source, pieces, readers)
    values = shape.values(pieces)
    if values is None or len(readers) < len(places):
        return None
    for place in places:
        place.put_variable(str(numbers[place.start]))
    return shape, values


class _Place:
    """A literal in the syntax tree: `name` of its `holder`, or an item of that where it is many."""

    __slots__ = ("_holder", "_item", "_literal", "_name", "reader", "start")

    def __init__(self, holder: Any, name: str, item: int | None, literal: Any, type_: Any) -> None:
        self._holder = holder
        self._name = name
        self._item = item
        self._literal = literal
        self.start: int = literal.loc.start
        self.reader = _reader(type_)

    def put_variable(self, name: str) -> None:
        value: Any = VariableNode(name=NameNode(value=name), loc=self._literal.loc)
        if self._item is not None:
            items = list(getattr(self._holder, self._name))
            items[self._item] = value
            value = tuple(items)
        # As graphql-core's parser does where it has to: nodes are frozen.
        object.__setattr__(self._holder, self._name, value)


def _places(
    schema: GraphQLSchema, document: DocumentNode, compared: Collection[int]
) -> Iterator[_Place]:
    """The places of values in a document."""
    todo: list[tuple[Any, SelectionSetNode]] = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            todo.append((schema.get_root_type(definition.operation), definition.selection_set))
        elif isinstance(definition, FragmentDefinitionNode):
            todo.append((type_on(schema, definition), definition.selection_set))
    for parent, selected in todo:
        for node in selected.selections:
            if isinstance(node, InlineFragmentNode):
                on = parent if node.type_condition is None else type_on(schema, node)
                todo.append((on, node.selection_set))
            elif isinstance(node, FieldNode) and not node.name.value.startswith("__"):
                field: Any = schema.get_field(parent, node.name.value)
                if id(node) not in compared:
                    yield from _places_of(node, field)
                if node.selection_set is not None:
                    todo.append((get_named_type(field.type), node.selection_set))


def _places_of(node: FieldNode, field: GraphQLField) -> Iterator[_Place]:
    for argument in node.arguments or ():
        type_ = field.args[argument.name.value].type
        yield from _places_in(argument, "value", None, argument.value, type_)


def _places_in(
    holder: Any, name: str, item: int | None, value: Any, type_: GraphQLInputType
) -> Iterator[_Place]:
    inner: Any = get_nullable_type(type_)
    if isinstance(value, IntValueNode | FloatValueNode | StringValueNode):
        if is_scalar_type(get_named_type(inner)):
            yield _Place(holder, name, item, value, inner)
    elif isinstance(value, ListValueNode) and is_list_type(inner):
        for number, below in enumerate(value.values):
            yield from _places_in(value, "values", number, below, inner.of_type)
    elif isinstance(value, ObjectValueNode) and is_input_object_type(inner):
        for field in value.fields:
            yield from _places_in(
                field, "value", None, field.value, inner.fields[field.name.value].type
            )


def _reader(type_: GraphQLInputType) -> Reader:
    """What coerces the literals at a place of this type as graphql-core does."""
    inner: Any = get_nullable_type(type_)
    if is_list_type(inner):
        # A single value stands for a list of it.
        read = _reader(inner.of_type)
        return lambda literal: [read(literal)]
    return _READERS.get(inner) or (lambda literal: _read_other(literal, inner))


def _read_string(literal: str) -> str:
    if literal[0] != '"':
        raise ValueError(literal)
    if "\\" not in literal:
        return literal[1:-1]
    token = Lexer(Source(literal)).advance()
    assert token.value is not None  # noqa: S101 - a string's token
    return token.value


def _read_int(literal: str) -> int:
    number = int(literal)
    if not -(2**31) <= number < 2**31:
        raise ValueError(literal)
    return number


def _read_id(literal: str) -> str:
    if literal[0] == '"':
        return _read_string(literal)
    # An integer is an id as it is written.
    int(literal)
    return literal


def _read_other(literal: str, type_: GraphQLInputType) -> Any:
    node: ValueNode
    if literal[0] == '"':
        node = StringValueNode(value=_read_string(literal), block=False)
    elif literal[0] == "#":
        raise ValueError(literal)
    elif _is_integer(literal):
        node = IntValueNode(value=literal)
    else:
        node = FloatValueNode(value=literal)
    value = coerce_input_literal(node, type_)
    if value is Undefined:
        raise ValueError(literal)
    return value


_READERS: Final[Mapping[Any, Reader]] = {
    GraphQLFloat: float,
    GraphQLID: _read_id,
    GraphQLInt: _read_int,
    GraphQLString: _read_string,
}
_OF_TEXTS: Final = frozenset({_read_id, _read_string})
