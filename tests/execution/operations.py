"""Valid operations over a schema, made at random: the whole of it, as its introspection tells it.

Operations are valid by construction. One response key stands for one field with one text of
arguments and one type all over a document, so fields can always be merged; fragments are spread
only where their type can occur, and only when they are finished, so they make no cycles; variables
stand only where their type fits. The values of arguments come from `VALUES`.
"""

from __future__ import annotations

import functools
import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["VALUES", "Operation", "operations"]

Composite = GraphQLObjectType | GraphQLInterfaceType

JOB, BRIDGE, LOG, PIPELINE, PROJECT = (
    b64encode(text).decode().rstrip("=")
    for text in (b"Job:1:2:6", b"Bridge:1:2:3", b"JobLog:1:2:6", b"Pipeline:1:2", b"Project:1")
)
# Of the jobs of a project and of a pipeline.
CURSORS = [b64encode(text).decode().rstrip("=") for text in (b"j1.7", b"q1.2.7.0.")]
# Values that work and values that fail, by argument or input field (of one owner, else of all),
# else by scalar.
VALUES: Mapping[str, tuple[list[Any], list[Any]]] = {
    "JobRef.id": ([JOB, BRIDGE], [LOG, PIPELINE, "no id"]),
    "PipelineRef.id": ([PIPELINE], [JOB, "no id"]),
    "PipelineRef.webUrl": (["https://gitlab.test/a/b/-/pipelines/2"], ["https://gitlab.test/a/b"]),
    "project.id": (["1", "a/b"], ["nonsense"]),
    "id": ([JOB, BRIDGE, LOG, PIPELINE, PROJECT], ["no id"]),
    "projects.ids": (["1", "a/b", "5"], ["nonsense"]),
    "ids": ([JOB, BRIDGE, LOG, PIPELINE, PROJECT], ["no id"]),
    "project": (["1", "a/b", "2"], ["nonsense"]),
    "job": (["6", "7"], ["x"]),
    "pipeline": (["2", "3"], ["x"]),
    "databaseId": (["2", "6"], ["-1"]),
    "webUrl": (["https://gitlab.test/a/b/-/jobs/6"], ["https://gitlab.test/a/b"]),
    "search.pattern": (["a", "line"], ["", "a\nb"]),
    "search.before": ([0, 1], [51]),
    "search.after": ([0, 1], [-1]),
    "first": ([2, 1, 3], [0]),
    "maxDepth": ([2, 1], [0]),
    "last": ([2], [101]),
    "lines": ([10, 1], [0]),
    "maxBytes": ([100, 65536], [0]),
    "fromByte": ([0, "12", 2**40], [-1]),
    "after": (CURSORS, ["", "nowhere"]),
    "before": (CURSORS, ["nowhere"]),
    "ID": (["1"], [""]),
    "Int": ([1, 2], [0]),
    "Float": ([1.5, 2], [0]),
    "String": (["main", 'ü "quoted"\n'], [""]),
    "Boolean": ([True, False], [False]),
    "JSON": ([{"name": "ü", "list": [1, None, {"deep": True}]}, []], ["text", 1.5]),
    "DateTime": (["2020-11-01T09:00:00Z"], ["yesterday"]),
    "Duration": ([0.5, 0], [-1]),
    "scanLimit": ([100, 500], [0]),
    "BigInt": ([2**40, "7"], [0]),
}
INTROSPECTION = [
    "__schema { queryType { name } }",
    'type_of_job: __type(name: "Job") { kind name interfaces { name } }',
    'words: __type(name: "Status") { enumValues { name isDeprecated } }',
    "__schema { directives { name args { name type { kind ofType { name } } } } }",
]


@dataclass(frozen=True, slots=True)
class Operation:
    """A document with one operation, and some sets of variables to run it with, one after the
    other.
    """

    text: str
    variables: list[dict[str, Any]] = field(default_factory=lambda: [{}])


@dataclass(frozen=True, slots=True)
class _Fragment:
    name: str
    type: Composite
    depth: int
    text: str


@st.composite
def operations(
    draw: st.DrawFn,
    schema: GraphQLSchema,
    values: Mapping[str, tuple[list[Any], list[Any]]] = VALUES,
    *,
    max_depth: int = 6,
    max_fields: int = 40,
) -> Operation:
    """Operations of at most so many levels; about so many fields."""
    return _Writer(draw, schema, values, max_fields).write(max_depth)


@functools.cache
def _below(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, count - 1)


class _Writer:
    """Writes one document. Choices shrink towards the first one, which is the plain one."""

    def __init__(
        self,
        draw: Callable[..., Any],
        schema: GraphQLSchema,
        values: Mapping[str, tuple[list[Any], list[Any]]],
        max_fields: int,
    ) -> None:
        self._draw = draw
        self._schema = schema
        self._values = values
        self._left = max_fields
        # Response key → field, arguments and type.
        self._keys: dict[str, tuple[str, str, str]] = {}
        self._fragments: list[_Fragment] = []
        self._definitions: dict[str, str] = {}
        self._variables: list[dict[str, Any]] = [{}, {}]

    def write(self, depth: int) -> Operation:
        is_mutation = self._is(1, 12)
        root = self._schema.mutation_type if is_mutation else self._schema.query_type
        assert root is not None
        selections = self._selections(root, depth, is_root=True)
        head = "mutation" if is_mutation else "query"
        if self._definitions:
            head += " Named" + f"({', '.join(self._definitions.values())})"
        fragments = [
            f"fragment {part.name} on {part.type.name} {part.text}" for part in self._fragments
        ]
        sets = self._variables if self._definitions else [{}]
        return Operation("\n".join([f"{head} {selections}", *fragments]), sets)

    def _choose(self, options: Any) -> Any:
        return options[self._draw(_below(len(options)))]

    def _is(self, times: int, of: int) -> bool:
        return self._draw(_below(of)) >= of - times

    def _selections(self, type_: Composite, depth: int, *, is_root: bool = False) -> str:
        parts = [
            self._selection(type_, depth, is_root=is_root) for _ in range(1 + self._draw(_below(4)))
        ]
        return "{ " + " ".join(parts) + " }"

    def _selection(self, type_: Composite, depth: int, *, is_root: bool) -> str:
        kind = self._draw(_below(16))
        if kind == 11:
            return self._with_directives(f"{self._key('__typename', '', 'String!')}__typename")
        if kind == 12 and is_root and type_ is self._schema.query_type:
            return self._choose(INTROSPECTION)
        if kind >= 13 and self._left > 0:
            return self._fragment(type_, depth, kind)
        return self._field(type_, depth)

    def _fragment(self, type_: Composite, depth: int, kind: int) -> str:
        """An inline fragment, a new named one, or one that there is already."""
        if kind == 13 and self._is(1, 3):
            return self._with_directives("...", self._selections(type_, depth))
        known = [
            part.name
            for part in self._fragments
            if part.depth <= depth and self._object_types(part.type) & self._object_types(type_)
        ]
        if kind == 15 and known:
            return self._with_directives(f"...{self._choose(known)}")
        condition = self._condition(type_)
        text = self._selections(condition, depth)
        if kind == 13:
            return self._with_directives(f"... on {condition.name}", text)
        name = f"F{len(self._fragments)}"
        self._fragments.append(_Fragment(name, condition, depth, text))
        return self._with_directives(f"...{name}")

    def _condition(self, type_: Composite) -> Composite:
        """A type that an object at a place of this type can have."""
        options: list[Composite] = [type_]
        if isinstance(type_, GraphQLInterfaceType):
            options += self._schema.get_possible_types(type_)
        options += type_.interfaces
        return self._choose(options)

    def _object_types(self, type_: Composite) -> set[str]:
        if isinstance(type_, GraphQLInterfaceType):
            return {part.name for part in self._schema.get_possible_types(type_)}
        return {type_.name}

    def _field(self, type_: Composite, depth: int) -> str:
        self._left -= 1
        leaves = [name for name, part in type_.fields.items() if is_leaf_type(_named(part))]
        others = [name for name in type_.fields if name not in leaves]
        if depth <= 1 or self._left <= 0 or not others or (leaves and self._is(1, 2)):
            if not leaves:
                return self._with_directives(f"{self._key('__typename', '', 'String!')}__typename")
            name = self._choose(leaves)
        else:
            name = self._choose(others)
        definition = type_.fields[name]
        arguments = self._arguments(name, definition)
        text = f"{self._key(name, arguments, _shape(definition))}{name}{arguments}"
        below = _named(definition)
        if not is_composite_type(below):
            return self._with_directives(text)
        return self._with_directives(text, self._selections(below, depth - 1))

    def _key(self, name: str, arguments: str, shape: str) -> str:
        """`alias: `, or nothing where the field goes by its own name."""
        signature = (name, arguments, shape)
        known = [key for key, found in self._keys.items() if found == signature]
        if not self._is(1, 4):
            if known:
                key = known[0]
                return "" if key == name else f"{key}: "
            if name not in self._keys:
                self._keys[name] = signature
                return ""
        key = f"k{len(self._keys)}"
        self._keys[key] = signature
        return f"{key}: "

    def _with_directives(self, text: str, below: str = "") -> str:
        for name in ("include", "skip"):
            if not self._is(1, 16):
                continue
            condition = self._choose(("true", "false", None, None))
            if condition is None:
                condition = self._variable(GraphQLBoolean, "Boolean", can_be_null=False)
            text += f" @{name}(if: {condition})"
        return f"{text} {below}".rstrip()

    def _arguments(self, field: str, definition: GraphQLField) -> str:
        parts = []
        for name, argument in definition.args.items():
            if is_required_argument(argument) or self._is(1, 6):
                parts.append(f"{name}: {self._value(argument, f'{field}.{name}')}")
        return f"({', '.join(parts)})" if parts else ""

    def _value(
        self, place: GraphQLArgument | GraphQLInputField, name: str, *, is_one_of: bool = False
    ) -> str:
        """A literal in which variables can stand, or a variable."""
        has_default = place.default is not None or place.default_value is not Undefined
        return self._value_of(place.type, name, has_default=has_default, is_one_of=is_one_of)

    def _value_of(
        self,
        type_: GraphQLInputType,
        name: str,
        *,
        has_default: bool = False,
        is_one_of: bool = False,
    ) -> str:
        if self._is(1, 4):
            can_be_null = not is_one_of and (has_default or not is_non_null_type(type_))
            return self._variable(type_, name, can_be_null=can_be_null, is_one_of=is_one_of)
        if not is_non_null_type(type_) and not is_one_of and self._is(1, 10):
            return "null"
        inner = get_nullable_type(type_)
        if is_list_type(inner):
            if self._is(1, 6):
                # A single value is coerced to a list of it.
                return self._literal_of(_non_null(inner.of_type), name)
            items = [self._value_of(inner.of_type, name) for _ in range(self._draw(_below(4)))]
            return f"[{', '.join(items)}]"
        if isinstance(inner, GraphQLInputObjectType):
            parts = [
                f"{key}: {self._value(part, f'{inner.name}.{key}', is_one_of=_is_one_of(inner))}"
                for key, part in self._input_fields(inner)
            ]
            return f"{{{', '.join(parts)}}}"
        return self._literal_of(_non_null(inner), name)

    def _literal_of(self, type_: GraphQLInputType, name: str) -> str:
        return _literal(self._json(type_, name), type_)

    def _input_fields(self, type_: GraphQLInputObjectType) -> list[tuple[str, GraphQLInputField]]:
        fields = list(type_.fields.items())
        if _is_one_of(type_):
            return [self._choose(fields)]
        return [
            (key, part) for key, part in fields if is_required_input_field(part) or self._is(1, 4)
        ]

    def _json(self, type_: GraphQLInputType, name: str) -> Any:
        """A value as JSON."""
        if not is_non_null_type(type_) and self._is(1, 12):
            return None
        inner = get_nullable_type(type_)
        if is_list_type(inner):
            return [self._json(inner.of_type, name) for _ in range(self._draw(_below(4)))]
        if isinstance(inner, GraphQLInputObjectType):
            as_given = _non_null if _is_one_of(inner) else _itself
            return {
                key: self._json(as_given(part.type), f"{inner.name}.{key}")
                for key, part in self._input_fields(inner)
            }
        if isinstance(inner, GraphQLEnumType):
            return self._choose(list(inner.values))
        names = (name, name.partition(".")[2], inner.name)
        good, bad = next(self._values[key] for key in names if key in self._values)
        return self._choose(bad if self._is(1, 16) else good)

    def _variable(
        self, type_: GraphQLInputType, name: str, *, can_be_null: bool, is_one_of: bool = False
    ) -> str:
        """A variable whose type fits a place of this type; a new one, or one used before."""
        text = str(get_nullable_type(type_))
        name_part = name.replace(".", "_")
        known = [
            key
            for key, definition in self._definitions.items()
            if key.startswith(f"{name_part}_") and f": {text}! " in f"{definition} "
        ]
        if known and self._is(1, 2):
            return f"${self._choose(known)}"
        key = f"{name_part}_{len(self._definitions)}"
        definition = f"${key}: {text}"
        has_default = self._is(1, 4)
        # Where null may not stand a default lets a nullable variable in; its explicit null is then
        # an error of the field.
        is_nullable = (can_be_null or (has_default and not is_one_of)) and self._is(2, 3)
        if not is_nullable:
            definition += "!"
        if has_default:
            definition += f" = {self._literal_of(_non_null(type_), name)}"
        self._definitions[key] = definition
        for variables in self._variables:
            if is_nullable and self._is(1, 5):
                variables[key] = None
            elif not (is_nullable or has_default) or self._is(3, 4):
                variables[key] = self._json(_non_null(type_), name)
        return f"${key}"


def _is_one_of(type_: GraphQLInputObjectType) -> bool:
    # Strawberry keeps it to itself: graphql-core's own flag stays unset.
    definition = type_.extensions.get("strawberry-definition")
    return type_.is_one_of or bool(getattr(definition, "is_one_of", False))


def _itself(type_: GraphQLInputType) -> GraphQLInputType:
    return type_


def _non_null(type_: GraphQLInputType) -> GraphQLInputType:
    return type_ if is_non_null_type(type_) else GraphQLNonNull(type_)


def _named(definition: GraphQLField) -> Any:
    return get_named_type(definition.type)


def _shape(definition: GraphQLField) -> str:
    """What fields of one key must have in common: wrappers, and the name of a leaf."""
    text = str(definition.type)
    named = _named(definition)
    return text if is_leaf_type(named) else text.replace(named.name, "{}")


def _literal(value: Any, type_: GraphQLInputType | None = None) -> str:
    """A JSON value as GraphQL text."""
    inner = None if type_ is None else get_nullable_type(type_)
    if isinstance(value, dict):
        fields = inner.fields if is_input_object_type(inner) else {}
        parts = (
            f"{key}: {_literal(part, fields[key].type if key in fields else None)}"
            for key, part in value.items()
        )
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, list):
        below = inner.of_type if is_list_type(inner) else None
        return f"[{', '.join(_literal(part, below) for part in value)}]"
    if isinstance(value, str) and isinstance(inner, GraphQLEnumType):
        return value
    return json.dumps(value, ensure_ascii=False)
