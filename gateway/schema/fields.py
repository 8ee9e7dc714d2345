"""The three kinds of fields: plain, derived and edge. Strawberry describes them, both executors
read them.

A field of a type is declared once, as one of

    database_id: BigInt = plain("id", "Numeric id in the upstream.")      an attribute of the entity
    status: Status = plain("status", "Where it stands.", enum=Status)     its word as an enum
    cancelable: bool = derived(is_cancelable, "State allows it.")         a function of the entity

    @edge("The log. Cost: 1 call.", cost=Cost(calls=1))                   may call the upstream
    def log(parent: Parent[entities.Job], info: Info) -> Gives[JobLog | None]: ...

The reference executor sees ordinary Strawberry fields. The projection compiler
(`execution.compiler`) reads the same declarations (`kind_of`) and inlines plain ones, calls
derived ones and schedules edges.

`reads` names the attributes of the entity that a derived field or an edge looks at, as paths
("file.size"). Nothing else of the upstream's answers is decoded (`execution.decoding`). Without
`reads` the entity is decoded whole. Its id, pipeline and project are always decoded, named or not.

`needs` is how much must be known of an entity (`Known`) before the field can be read. Where less is
known the entity is hydrated first (`Context.hydrate`), by one call that all fields of the operation
share.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

import strawberry
from graphql import GraphQLError, get_named_type, is_abstract_type, is_object_type
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_subfields
from graphql.execution.values import VariableValues
from strawberry.types import get_object_definition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

# Strawberry reads the annotations of resolvers at run time.
from gateway.context import Context
from gateway.errors import UpstreamInvalid
from gateway.schema.enums import members_by_word
from gateway.upstream.entities import Known

if TYPE_CHECKING:
    from graphql import GraphQLField, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo

    from gateway.loaders.whole import ListName

__all__ = [
    "PROMISED",
    "Cost",
    "Edge",
    "Gives",
    "Info",
    "Read",
    "derived",
    "edge",
    "fields_by",
    "kind_of",
    "plain",
    "reads_any",
]

# What the description of a promised field says.
PROMISED: Final = "Null, with an error, only where the upstream's answer lacks it."

# Paths of attributes; None for all there are.
Reads: TypeAlias = tuple[str, ...] | None
Explain: TypeAlias = Callable[[Exception], Exception]
Amount: TypeAlias = int | Callable[[Mapping[str, Any]], int]

# `Gives[X]` is what the resolver of an edge of type X returns: the entity behind X, an exception or
# an awaitable of either. Strawberry reads it as X.
if TYPE_CHECKING:
    T = TypeVar("T")
    Gives: TypeAlias = T | object
else:

    class Gives:
        def __class_getitem__(cls, type_: Any) -> Any:
            return type_


@dataclass(frozen=True, slots=True)
class Cost:
    """Upstream calls an edge can need at worst, from its arguments as the resolver gets them.

    `calls` are made once for each parent. The sub-selection then runs on at most `rows` objects;
    None for as many as whole lists may hold. Fields that need no more than is `known` of these
    objects cost no hydration. A parent of which less is known than the edge `needs` costs one call
    more.

    `lists` are the lists that are read whole of the pipeline that the parent is, or belongs to:
    all that is selected of one pipeline shares them. What the edge gives belongs to another one,
    unless it `stays`.
    """

    calls: Amount = 0
    rows: Amount | None = 1
    known: Known = Known.SHORT
    needs: Known = Known.HANDLE
    lists: tuple[ListName, ...] = ()
    stays: bool = False

    @property
    def is_fixed(self) -> bool:
        """Are they the same for all arguments?"""
        return isinstance(self.calls, int) and not callable(self.rows)

    def of(self, arguments: Mapping[str, Any], whole_rows: int = 0) -> tuple[int, int]:
        """Calls and rows for these arguments, where whole lists hold so many rows."""
        calls, rows = self.calls, self.rows
        if rows is None:
            rows = whole_rows
        return (
            calls if isinstance(calls, int) else calls(arguments),
            rows if isinstance(rows, int) else rows(arguments),
        )


@dataclass(frozen=True, slots=True)
class Read:
    """A plain or derived field: `of(entity)` is its value. `attribute` is the entity's, where the
    field is plain. With `enum` the value is the member for the upstream's word (`schema.enums`).
    """

    of: Callable[[Any], Any]
    attribute: str | None
    needs: Known
    reads: Reads
    enum: type[Enum] | None = None
    # All upstreams send it: where it is null, that is an error.
    is_promised: bool = False
    # It has a right value whatever is lacking of what it reads.
    is_total: bool = False
    # What it gives belongs to another pipeline than its entity (`Cost.lists`).
    is_elsewhere: bool = False

    def value_of(self, entity: Any) -> Any:
        """The field's value, or the error for which there is none."""
        faults = getattr(entity, "faults", None)
        if faults and self.reads and not self.is_total:
            for path in self.reads:
                fault = faults.get(path.partition(".")[0])
                if fault is not None:
                    return fault
        value = self.of(entity)
        if value is None and self.is_promised:
            told = f"the upstream's answer cannot be read: {self.attribute} is missing"
            return UpstreamInvalid(told, endpoint=None)
        return value


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge: `resolve(parent, info, **arguments)` gives its value, or an awaitable of it.

    `reads_elsewhere` are what it reads of other entities than the parent: their classes and paths;
    `reads_with` those that it reads only where an argument of this name is given. `explain` gives
    the error that is told in the place of one that the awaitable raised.
    """

    resolve: Callable[..., Any]
    cost: Cost
    reads: Reads
    reads_elsewhere: tuple[tuple[type, str], ...]
    explain: Explain | None = None
    reads_with: Mapping[str, tuple[tuple[type, str], ...]] | None = None


class Info(strawberry.Info[Context, None]):
    """What a resolver sees of its surroundings: `context`, `selects` and `once`."""

    def once(self, make: Callable[..., T], *arguments: Any) -> T:
        """What a function makes of this and of the field's arguments. A plan has it made once for
        all parents of a place: they have the same arguments.
        """
        return make(self, *arguments)

    def selects(self, *path: str) -> bool:
        """Is the field at this path of GraphQL names, counted from this field, in the selection?"""
        info = self._raw_info
        details = [FieldDetails(node, None) for node in info.field_nodes]
        return _is_selected(info, info.return_type, details, path)


def _is_selected(
    info: GraphQLResolveInfo[Any],
    type_: GraphQLOutputType,
    details: list[FieldDetails],
    path: tuple[str, ...],
) -> bool:
    """Look at what is collected for each type the place can hold, as the executor does."""
    name, *rest = path
    named = get_named_type(type_)
    types: list[GraphQLObjectType] = []
    if is_abstract_type(named):
        types += info.schema.get_possible_types(named)
    elif is_object_type(named):
        types.append(named)
    for object_type in types:
        for found in _collected(info, object_type, details):
            field = info.schema.get_field(object_type, found[0].node.name.value)
            if (
                found[0].node.name.value == name
                and field is not None
                and (not rest or _is_selected(info, field.type, found, tuple(rest)))
            ):
                return True
    return False


def _collected(
    info: GraphQLResolveInfo[Any], type_: GraphQLObjectType, details: list[FieldDetails]
) -> Iterable[list[FieldDetails]]:
    fragments = {name: FragmentDetails(node) for name, node in info.fragments.items()}
    variables = VariableValues({}, cast("dict[str, Any]", info.variable_values))
    try:
        return collect_subfields(
            info.schema, fragments, variables, info.operation, type_, details
        ).grouped_field_set.values()
    except GraphQLError:
        # A null for `@skip` or `@include`: the executor says so when it comes there.
        return ()


class _ReadField(StrawberryField):
    """A field without a resolver: its value is read off the entity."""

    def get_result(
        self,
        source: Any,
        info: strawberry.Info | None,
        args: list[Any],
        kwargs: Any,
    ) -> Any:
        return self.metadata["kind"].value_of(source)


def plain(
    attribute: str,
    description: str,
    *,
    enum: type[Enum] | None = None,
    needs: Known = Known.HANDLE,
    promised: bool = False,
    elsewhere: bool = False,
) -> Any:
    """A field that is an attribute of the entity, `None` included. With `enum` the attribute is a
    word of the upstream, and the field the enum's member for it. What is `promised` is null with an
    error only: all upstreams send it. What lies `elsewhere` belongs to another pipeline than the
    entity.
    """
    of: Callable[[Any], Any] = attrgetter(attribute)
    if enum is not None:
        of = _member_getter(of, enum)
    kind = Read(of, attribute, needs, (attribute,), enum, promised, is_elsewhere=elsewhere)
    return _read(kind, description)


def _member_getter(of: Callable[[Any], Any], enum: type[Enum]) -> Callable[[Any], Any]:
    members, unknown = members_by_word(enum), enum["UNKNOWN"]

    def member_of(entity: Any) -> Enum | None:
        word = of(entity)
        return None if word is None else members.get(word, unknown)

    return member_of


def derived(
    function: Callable[[Any], Any],
    description: str,
    *,
    reads: Reads = None,
    needs: Known = Known.HANDLE,
    is_total: bool = False,
    elsewhere: bool = False,
) -> Any:
    """A field that is a pure function of the entity; `function` must not fail on a decoded
    entity. Where a part that it reads could not be read the field is null, with an error, unless
    it `is_total`. What lies `elsewhere` belongs to another pipeline.
    """
    kind = Read(function, None, needs, reads, is_total=is_total, is_elsewhere=elsewhere)
    return _read(kind, description)


def _read(kind: Read, description: str) -> Any:
    metadata = {"kind": kind}
    if not kind.needs:
        return _ReadField(description=description, metadata=metadata)

    async def hydrated(parent: Any, info: Info) -> Any:
        return kind.value_of(await info.context.hydrate(parent))

    def read(parent: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # noqa: ANN202
        # Without a return annotation Strawberry takes the field's own.
        return kind.value_of(parent) if parent.known >= kind.needs else hydrated(parent, info)

    return strawberry.field(resolver=read, description=description, metadata=metadata)


def edge(
    description: str,
    *,
    cost: Cost,
    reads: Reads = None,
    reads_elsewhere: tuple[tuple[type, str], ...] = (),
    explain: Explain | None = None,
    reads_with: Mapping[str, tuple[tuple[type, str], ...]] | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """A field that may call the upstream: a resolver `(parent, info, *, arguments)`, declared
    nullable.

    It returns the value, an exception to raise, or an awaitable; a plain function that returns a
    loader's future is cheaper than a coroutine. Parents that are given the same future share its
    completion. An `explain` says more of an error than the future does, and costs nothing without
    one.
    """

    def declare(resolver: Callable[..., Any]) -> Any:
        kind = Edge(resolver, cost, reads, reads_elsewhere, explain, reads_with)
        resolver = resolver if explain is None else _explained(resolver, explain)
        return strawberry.field(resolver=resolver, description=description, metadata={"kind": kind})

    return declare


def _explained(resolver: Callable[..., Any], explain: Explain) -> Callable[..., Any]:
    """The resolver for the reference executor, which knows nothing of explanations."""

    async def settled(read: Awaitable[Any]) -> Any:
        try:
            return await read
        except Exception as error:  # noqa: BLE001 - the field's, told in another way
            raise explain(error) from None

    @wraps(resolver)
    def resolve(*given: Any, **arguments: Any) -> Any:
        return settled(resolver(*given, **arguments))

    return resolve


def kind_of(field: GraphQLField) -> Read | Edge | None:
    """How a field of the built schema was declared; None for introspection and anything unusual."""
    definition = field.extensions.get("strawberry-definition")
    return definition.metadata.get("kind") if isinstance(definition, StrawberryField) else None


def fields_by(type_: type, is_wanted: Callable[[Read | Edge], bool]) -> tuple[str, ...]:
    """The GraphQL names of a type's fields whose declarations are as wanted."""
    return tuple(
        field.graphql_name or to_camel_case(field.python_name)
        for field in get_object_definition(type_, strict=True).fields
        if "kind" in field.metadata and is_wanted(field.metadata["kind"])
    )


def reads_any(kind: Read | Edge, *attributes: str) -> bool:
    """Does a field read one of these attributes of its entity, or something within one?"""
    return kind.reads is None or any(path.partition(".")[0] in attributes for path in kind.reads)
