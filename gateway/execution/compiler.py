"""The projection compiler: from the selections of a plan to Python functions that build the
answer's dicts.

For `{ project(id: 1) { jobs { nodes { name is: status user { username } log { complete } } } } }`
it writes, up to `jobs` (`jobs-gateway explain FILE` prints this for any document):

    def s0(s): return {'username': s.username}  # User
    def s1(s): return {'complete': f2(s)}  # JobLog
    def s2(s, p, q):  # Job
        r = {'name': s.name, 'is': f3(s)._name_,
             'user': s0(v) if (v := s.user).__class__ in Users else other(v), 'log': None}
        q[0]((s, r, (p, 'log')))
        return r
    def e0(v, r, p, q): r[p[1]] = s1(v) if v is not None else other(v)
    def l0(w, p, q): return [s2(v, (p, i), q) if (v := x).__class__ in Jobs else other(v)
                             for i, x in enumerate(w)]
    def s3(s, p, q): return {'nodes': never(v) if (v := s.items) is None
                             else l0(v, (p, 'nodes'), q)}  # JobConnection

So: one function `sN` for each selection, which takes the entity `s` and gives one dict display,
keys in the order of the answer. Plain fields are attributes, derived ones calls (`fN`), enums
their names, objects and lists calls of other functions. A selection with slots below also takes
its path `p` (a chain of pairs, outermost first, made for errors only) and `q`, the queues:
`q[N]((entity, container, path))` leaves the place of slot N to be filled by `run`. `eN` completes
what an edge gave, `hN` an entity of which less was known than is selected, together with the `h`
it was hydrated to: both write into the container at the path's last key. Fields read the entity
itself where it is enough, else `h`; `m` is whichever is known well enough for the short form.

No function checks what a decoded entity guarantees. Where something else turns up (a null at a
non-null place, a row that could not be read, a class that belongs to another type) it raises, and
`run` takes that one value the reference way.
"""

from __future__ import annotations

import re
from types import NoneType
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_nullable_type,
)

from gateway.execution.taken import declared_classes
from gateway.schema import ENTITY_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import GraphQLLeafType, GraphQLOutputType

    from gateway.execution.plan import Field, Plan, Selection
    from gateway.schema.fields import Read

__all__ = ["Unprojectable", "compile_plan", "write_plan"]

# Scalars whose values in a decoded entity are what goes out.
AS_THEY_ARE = frozenset(
    {"String", "Boolean", "Float", "Int", "ID", "DateTime", "Duration", "URL", "BigInt", "JSON"}
)


class Unprojectable(Exception):
    """A value the compiled functions do not take."""


def compile_plan(plan: Plan) -> None:
    """Write the plan's functions, and give each selection its `project` and each slot its
    `place`.
    """
    source, names = write_plan(plan)
    exec(compile(source, "<plan>", "exec"), names)  # noqa: S102 - our own text, built from the schema
    for selection in plan.selections:
        selection.project = names.get(f"s{selection.number}")
    for slot in plan.slots:
        slot.place = names.get(f"{'h' if slot.hydrates else 'e'}{slot.number}")


def write_plan(plan: Plan) -> tuple[str, dict[str, Any]]:
    """The source of a plan's functions and the names it uses."""
    writer = _Writer(plan.entity_types)
    for selection in plan.selections:
        if selection.is_taken:
            writer.write_selection(selection)
        for part in selection.fields:
            writer.write_slots(part)
    return "\n".join(writer.lines), writer.names


def _other(value: Any) -> None:
    """What stands where an entity is expected: null, or something for the reference to judge."""
    if value is not None:
        raise Unprojectable


def _never(value: Any) -> Any:  # noqa: ARG001 - called in the place of a projection
    raise Unprojectable


class _Writer:
    def __init__(self, entity_types: Mapping[type, str]) -> None:
        self.entity_types = entity_types
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"other": _other, "never": _never}
        self.lists = 0

    def write_selection(self, selection: Selection) -> None:
        """`def sN(s)` or `def sN(s, p, q)`."""
        before: list[str] = []
        after: list[str] = []
        shown = ", ".join(
            f"{part.key!r}: {self._field(selection, part, before, after)}"
            for part in selection.fields
        )
        display = f"{{{shown}}}"
        parameters = "s, p, q" if selection.has_slots else "s"
        if selection.needs:
            parameters += ", h=None"
            before[:0] = ("h = h or s", "m = s if s.known else h")[: selection.needs]
        head = f"def s{selection.number}({parameters}):"
        comment = f"  # {selection.type.name}"
        if not before and not after:
            self.lines.append(f"{head} return {display}{comment}")
            return
        body = [f"r = {display}", *after, "return r"] if after else [f"return {display}"]
        self.lines += [head + comment, *(f"    {line}" for line in (*before, *body))]

    def _field(self, selection: Selection, part: Field, before: list[str], after: list[str]) -> str:
        """The expression for one key; what has to happen around the display goes to `before` and
        `after`.
        """
        if part.constant is not None:
            return repr(part.constant)
        here = f"(p, {part.key!r})"
        if part.read is None:
            assert part.slot is not None  # noqa: S101 - a field is one of three sorts
            after.append(f"q[{part.slot.number}]((s, r, {here}))")
            return "None"
        source = "s" if not part.read.needs else "m" if part.read.needs < selection.needs else "h"
        if part.read.attribute is not None:
            value = f"{source}.{part.read.attribute}"
        else:
            function = f"f{len(self.names)}"
            self.names[function] = part.read.of
            value = f"{function}({source})"
        inner = _inner(part.definition.type)
        if is_leaf_type(inner) and _is_never_null(selection.type, part.read):
            return self._leaf(value, inner)
        if part.hydration is None or is_list_type(get_nullable_type(part.definition.type)):
            return self._complete(value, part.definition.type, part, here)
        name = f"v{len(before)}"
        before.append(f"{name} = {value}")
        thin = self._is_thin(name, part)
        if is_nullable_type(part.definition.type):
            after.append(f"if {thin}: q[{part.hydration.number}](({name}, r, {here}))")
            absent = "None"
        else:
            absent = f"never({name})"
        known = self._complete(name, part.definition.type, part, here)
        return f"{absent} if {thin} else {known}"

    def write_slots(self, part: Field) -> None:
        """`def eN(v, r, p, q)` for an edge, `def hN(v, r, p, q)` for a hydration."""
        if not all(selection.is_taken for selection in part.below.values()):
            return
        type_ = part.definition.type
        if part.slot is not None and part.slot.edge is not None:
            part.slot.is_closed = not part.has_slots_below
            head = f"def e{part.slot.number}(v, r, p, q):"
            if part.hydration is None or is_list_type(get_nullable_type(type_)):
                self.lines.append(f"{head} r[p[1]] = {self._complete('v', type_, part, 'p')}")
            else:
                self.lines += [
                    head,
                    f"    if {self._is_thin('v', part)}: q[{part.hydration.number}]((v, r, p))",
                    f"    else: r[p[1]] = {self._complete('v', type_, part, 'p')}",
                ]
        if part.hydration is not None:
            self.lines.append(
                f"def h{part.hydration.number}(h, v, r, p, q): r[p[1]] = {self._hydrated(part)}"
            )

    def _hydrated(self, part: Field) -> str:
        """The expression that projects the entity `v` with what it was hydrated to, `h`."""
        calls = (
            f"{self._call(below, 'p')[:-1]}, h) if v.__class__ {self._classes(below.type)} else "
            for below in part.below.values()
            if below.needs
        )
        return f"{''.join(calls)}never(v)"

    def _complete(self, value: str, type_: GraphQLOutputType, part: Field, path: str) -> str:
        """The expression that completes `value` (an expression) as a value of the type."""
        is_nullable = is_nullable_type(type_)
        inner = _inner(type_)
        if is_list_type(inner):
            if (
                not part.below
                and self._leaf("x", cast("GraphQLLeafType", get_named_type(inner))) == "x"
            ):
                return value if is_nullable else self._present(value)
            name = self._write_list(inner.of_type, part)
            call = f"{name}(v, {path}, q)" if part.has_slots_below else f"{name}(v)"
        elif part.below:
            return self._object(value, inner, part, path, is_nullable=is_nullable)
        else:
            call = self._leaf("v", cast("GraphQLLeafType", inner))
            if call == "v":
                return value if is_nullable else self._present(value)
        absent = "None" if is_nullable else "never(v)"
        return f"{absent} if {_bind(value)} is None else {call}"

    def _present(self, value: str) -> str:
        return f"v if {_bind(value)} is not None else never(v)"

    def _leaf(self, value: str, type_: GraphQLLeafType) -> str:
        if is_enum_type(type_):
            return f"{value}._name_"
        if type_.name in AS_THEY_ARE:
            return value
        name = f"leaf_{type_.name}"
        self.names[name] = type_.coerce_output_value
        return f"{name}({value})"

    def _object(
        self, value: str, type_: GraphQLOutputType, part: Field, path: str, *, is_nullable: bool
    ) -> str:
        arguments = f"v, {path}, q" if part.has_slots_below else "v"
        absent = "other" if is_nullable else "never"
        if is_abstract_type(type_):
            table = self._dispatch(part, is_nullable=is_nullable)
            return f"{table}[{_bind(value)}.__class__]({arguments})"
        (selection,) = part.below.values()
        call = self._call(selection, path)
        classes = self._classes(selection.type)
        if classes:
            return f"{call} if {_bind(value)}.__class__ {classes} else {absent}(v)"
        return f"{call} if {_bind(value)} is not None else {absent}(v)"

    def _call(self, selection: Selection, path: str) -> str:
        return f"s{selection.number}({f'v, {path}, q' if selection.has_slots else 'v'})"

    def _classes(self, type_: GraphQLObjectType) -> str:
        """The test that tells a type's entities, where it has classes of its own."""
        classes = [entity for entity, name in self.entity_types.items() if name == type_.name]
        if not classes:
            return ""
        if len(classes) == 1:
            self.names[classes[0].__name__] = classes[0]
            return f"is {classes[0].__name__}"
        self.names[f"{type_.name}s"] = frozenset(classes)
        return f"in {type_.name}s"

    def _dispatch(self, part: Field, *, is_nullable: bool) -> str:
        """A table from entity class to projection, for a place that can hold several types."""
        name = f"d{len(self.names)}"
        entries = [
            f"{self._class(entity)}: {self._uniform(part.below[type_name], part)}"
            for entity, type_name in self.entity_types.items()
            if type_name in part.below
        ]
        if is_nullable:
            entries.append("None.__class__: lambda *_: None")
        self.names[name] = None
        self.lines.append(f"{name} = {{{', '.join(entries)}}}")
        return name

    def _uniform(self, selection: Selection, part: Field) -> str:
        """All projections of one table take the same arguments."""
        name = f"s{selection.number}"
        return (
            f"lambda v, p, q: {name}(v)"
            if part.has_slots_below and not selection.has_slots
            else name
        )

    def _class(self, entity: type) -> str:
        self.names[entity.__name__] = entity
        return entity.__name__

    def _is_thin(self, name: str, part: Field) -> str:
        """The test for an entity of which less is known than its selection needs."""
        needs = {type_name: selection.needs for type_name, selection in part.below.items()}
        if len(needs) == 1:
            (level,) = needs.values()
            return f"{name} is not None and {name}.known < {level}"
        table = f"n{len(self.names)}"
        self.names[table] = {
            entity: needs[type_name]
            for entity, type_name in self.entity_types.items()
            if needs.get(type_name)
        }
        return f"{name}.__class__ in {table} and {name}.known < {table}[{name}.__class__]"

    def _write_list(self, item_type: GraphQLOutputType, part: Field) -> str:
        """`def lN(v)` or `def lN(v, p, q)`, which completes a list item by item."""
        item = self._complete("x", item_type, part, "(p, i)")
        name = f"l{self.lists}"
        self.lists += 1
        if part.has_slots_below:
            head, items = f"def {name}(w, p, q):", "i, x in enumerate(w)"
        else:
            head, items = f"def {name}(w):", "x in w"
        if part.hydration is None or is_list_type(get_nullable_type(item_type)):
            self.lines.append(f"{head} return [{item} for {items}]")
            return name
        thin = self._is_thin("x", part)
        if not is_nullable_type(item_type):
            self.lines.append(f"{head} return [never(x) if {thin} else {item} for {items}]")
            return name
        self.lines += [
            head,
            f"    r = [None if {thin} else {item} for {items}]",
            f"    for {items}:",
            f"        if {thin}: q[{part.hydration.number}]((x, r, (p, i)))",
            "    return r",
        ]
        return name


def _bind(value: str) -> str:
    return value if value == "v" else f"(v := {value})"


def _inner(type_: GraphQLOutputType) -> GraphQLOutputType:
    return cast("GraphQLOutputType", get_nullable_type(type_))


def _is_never_null(type_: GraphQLObjectType, read: Read) -> bool:
    """Is there always a value: by decoding, for an attribute of every entity class of the type, or
    by what a function says it returns?
    """
    if read.attribute is None:
        returned = getattr(read.of, "__annotations__", {}).get("return", "None")
        return isinstance(returned, str) and not re.search(r"\b(None|Any|Optional)\b", returned)
    declared = [
        declared_classes(entity, read.attribute)
        for entity, name in ENTITY_TYPES.items()
        if name == type_.name
    ]
    return bool(declared) and all(classes and NoneType not in classes for classes in declared)
