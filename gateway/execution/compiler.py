"""The projection compiler: from the selections of a plan to Python functions that build the
answer's dicts.

For `{ project(id: 1) { jobs { nodes { name is: status user { username } log { complete } } } } }`
it writes, up to `jobs` (`jobs-gateway explain FILE` prints this for any document):

    def s1(s): return {'complete': f2(s)}  # JobLog
    def s2(s, p, q):  # Job
        r = {'name': s.name, 'is': Status(s.status, 'UNKNOWN'),
             'user': None if (o := s.user) is None else {'username': o.username}, 'log': None}
        q[0]((s, r, (p, 'log')))
        return r
    def e0(v, r, p, q): r[p[1]] = s1(v) if v.__class__ is LogOfJob else other(v)
    def l0(w, p, q): return [s2(v, (p, i), q) if (v := x).__class__ in Jobs else other(v)
                             for i, x in enumerate(w)]
    def s3(s, p, q): return {'nodes': never(v) if (v := s.items) is None
                             else l0(v, (p, 'nodes'), q)}  # JobConnection

So: one function `sN` for each selection, which takes the entity `s` and gives one dict display,
keys in the order of the answer. Plain fields are attributes, the upstream's words are looked up,
derived fields call a function (`fN`), objects and lists the function of their selection; but a
decoded object `o` of which only leaves are selected is written in place. A selection with slots
below also takes its path `p` (a chain of pairs, outermost first, made for errors only) and `q`, the
queues: `q[N]((entity, container, path))` leaves slot N to be filled by `slot_filler`. `eN`
completes what an edge gave, `hN` an entity of which less was known than is selected, together with
the `h` it was hydrated to: both write into the container at the path's last key. Fields read the
entity itself where it is enough, else `h`; `m` is whichever is known well enough for the short
form. What all other names stand for is in `namespace`.

No function checks what a decoded entity guarantees. Where something else turns up (a null at a
non-null place, a row that could not be read, a class that belongs to another type) it raises, and
that one value goes the reference way.
"""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, Final, cast

from graphql import (
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_nullable_type,
)

from gateway.execution.declared import item_class
from gateway.execution.namespace import Namespace
from gateway.turns import finished

if TYPE_CHECKING:
    from collections.abc import Generator

    from graphql import GraphQLLeafType, GraphQLOutputType

    from gateway.execution.plan import Field, Plan, Selection
    from gateway.schema.fields import Read

__all__ = ["compile_plan", "write_plan"]


# Characters of functions that are compiled at once: some 0.2 µs each.
CHARACTERS_AT_ONCE: Final = 4_000


def compile_plan(plan: Plan) -> Generator[None, None, None]:
    """Write the plan's functions, and give each selection its `project` and each slot its
    `complete`. Yields after every few functions.
    """
    writer = _Writer(plan)
    plan.namespace = namespace = writer.namespace.values
    lines = writer.lines
    for _ in writer.write(plan):
        if sum(map(len, lines)) >= CHARACTERS_AT_ONCE:
            _run(lines, namespace)
            lines.clear()
        yield
    _run(lines, namespace)
    yield
    for selection in plan.selections:
        selection.project = namespace.get(f"s{selection.number}")
    for slot in plan.slots:
        slot.complete = namespace.get(f"{'h' if slot.hydrates else 'e'}{slot.number}")


def write_plan(plan: Plan) -> str:
    """The source of a plan's functions."""
    writer = _Writer(plan)
    finished(writer.write(plan))
    return "\n".join(writer.lines)


def _run(lines: list[str], namespace: dict[str, Any]) -> None:
    exec(compile("\n".join(lines), "<plan>", "exec"), namespace)  # noqa: S102 - our own text, built from the schema


class _Writer:
    def __init__(self, plan: Plan) -> None:
        self.entity_types = plan.entity_types
        # Numbers of the selections that are written where they stand, without a function.
        self.in_place = {
            below.number
            for selection in plan.selections
            for field in selection.fields
            for below in field.below.values()
            if self._stands_in_place(field, below)
        }
        self.lines: list[str] = []
        # Functions by what follows their names; names by what they would be: many fields of an
        # operation select the same.
        self._written: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self.namespace = Namespace(plan.entity_types)
        self.lists = 0

    def write(self, plan: Plan) -> Generator[None, None, None]:
        """Write all functions; yields after each selection's and each field's."""
        for selection in plan.selections:
            if selection.is_compiled and selection.number not in self.in_place:
                self.write_selection(selection)
            yield
            for field in selection.fields:
                if field.slot is not None or field.hydration is not None:
                    self.write_slots(field)
                    yield

    def write_selection(self, selection: Selection) -> None:
        """`def sN(s)` or `def sN(s, p, q)`."""
        before: list[str] = []
        after: list[str] = []
        shown = ", ".join(
            f"{field.key!r}: {self._field(selection, field, before, after)}"
            for field in selection.fields
        )
        display = f"{{{shown}}}"
        parameters = "s, p, q" if selection.has_slots else "s"
        if selection.needs:
            parameters += ", h=None"
            before[:0] = ("h = h or s", "m = s if s.known else h")[: selection.needs]
        name, comment = f"s{selection.number}", f"  # {selection.type.name}"
        if not before and not after:
            self._write(name, f"({parameters}): return {display}{comment}")
            return
        body = [f"r = {display}", *after, "return r"] if after else [f"return {display}"]
        lines = (f"    {line}" for line in (*before, *body))
        self._write(name, f"({parameters}):{comment}", *lines)

    def _write(self, name: str, *lines: str) -> None:
        """Write a function, given what follows its name; one for all that are the same."""
        text = "\n".join(lines)
        same = self._names[name] = self._written.setdefault(text, name)
        self.lines.append(f"def {name}{text}" if same == name else f"{name} = {same}")

    def _field(
        self, selection: Selection, field: Field, before: list[str], after: list[str]
    ) -> str:
        """The expression for one key; what has to happen around the display goes to `before` and
        `after`.
        """
        if field.constant is not None:
            return repr(field.constant)
        here = f"(p, {field.key!r})"
        if field.read is None:
            assert field.slot is not None  # noqa: S101 - a field is one of three sorts
            after.append(f"q[{field.slot.number}]((s, r, {here}))")
            return "None"
        source = "s" if not field.read.needs else "m" if field.read.needs < selection.needs else "h"
        if field.hydration is None or is_list_type(get_nullable_type(field.definition.type)):
            return self._read(field, source, here)
        name = f"v{len(before)}"
        before.append(f"{name} = {self._value(field.read, source)}")
        test = self.namespace.needs_hydration(name, field.below)
        if is_nullable_type(field.definition.type):
            after.append(f"if {test}: q[{field.hydration.number}](({name}, r, {here}))")
            absent = "None"
        else:
            absent = f"never({name})"
        known = self._complete(name, field.definition.type, field, here)
        return f"{absent} if {test} else {known}"

    def _read(self, field: Field, source: str, path: str) -> str:
        """The expression for a field that is read of the entity `source`."""
        assert field.read is not None  # noqa: S101 - slots hold no value
        value, type_ = self._value(field.read, source), field.definition.type
        inner = _inner(type_)
        if is_leaf_type(inner) and field.is_never_null:
            return self.namespace.leaf(value, inner, field.read.enum)
        return self._complete(value, type_, field, path)

    def _value(self, read: Read, source: str) -> str:
        """The expression for what is read, before it is completed."""
        if read.attribute is not None:
            return f"{source}.{read.attribute}"
        return self.namespace.call(read.of, source)

    def write_slots(self, field: Field) -> None:
        """`def eN(v, r, p, q)` for an edge, `def hN(v, r, p, q)` for a hydration."""
        if not all(selection.is_compiled for selection in field.below.values()):
            return
        type_ = field.definition.type
        if field.slot is not None and field.slot.edge is not None:
            field.slot.is_closed = not field.has_slots_below
            name = f"e{field.slot.number}"
            completed = f"r[p[1]] = {self._complete('v', type_, field, 'p')}"
            if field.hydration is None or is_list_type(get_nullable_type(type_)):
                self._write(name, f"(v, r, p, q): {completed}")
            else:
                test = self.namespace.needs_hydration("v", field.below)
                self._write(
                    name,
                    "(v, r, p, q):",
                    f"    if {test}: q[{field.hydration.number}]((v, r, p))",
                    f"    else: {completed}",
                )
        if field.hydration is not None:
            name = f"h{field.hydration.number}"
            self._write(name, f"(h, v, r, p, q): r[p[1]] = {self._hydrated(field)}")

    def _hydrated(self, field: Field) -> str:
        """The expression that projects the entity `v` with what it was hydrated to, `h`."""
        is_of = self.namespace.is_of
        calls = (
            f"{self._call(below, 'p')[:-1]}, h) if v.__class__ {is_of(below.type)} else "
            for below in field.below.values()
            if below.needs
        )
        return f"{''.join(calls)}never(v)"

    def _complete(self, value: str, type_: GraphQLOutputType, field: Field, path: str) -> str:
        """The expression that completes `value` (an expression) as a value of the type."""
        is_nullable = is_nullable_type(type_) and not (
            field.read is not None and field.read.is_promised
        )
        inner = _inner(type_)
        enum = field.read.enum if field.read is not None else None
        if is_list_type(inner):
            leaf = cast("GraphQLLeafType", get_named_type(inner))
            if not field.below and self.namespace.leaf("x", leaf, enum) == "x":
                return value if is_nullable else self._present(value)
            name = self._write_list(inner.of_type, field)
            call = f"{name}(v, {path}, q)" if field.has_slots_below else f"{name}(v)"
        elif field.below:
            return self._object(value, inner, field, path, is_nullable=is_nullable)
        else:
            call = self.namespace.leaf("v", cast("GraphQLLeafType", inner), enum)
            if call == "v":
                return value if is_nullable else self._present(value)
        absent = "None" if is_nullable else "never(v)"
        return f"{absent} if {_bind(value)} is None else {call}"

    def _present(self, value: str) -> str:
        return f"v if {_bind(value)} is not None else never(v)"

    def _object(
        self, value: str, type_: GraphQLOutputType, field: Field, path: str, *, is_nullable: bool
    ) -> str:
        arguments = f"v, {path}, q" if field.has_slots_below else "v"
        absent = "other" if is_nullable else "never"
        if is_abstract_type(type_):
            table = self._dispatch(field, is_nullable=is_nullable)
            return f"{table}[{_bind(value)}.__class__]({arguments})"
        (selection,) = field.below.values()
        if selection.number in self.in_place:
            if value == "x":
                return self._display(selection, "x")
            absent = "None" if is_nullable else "never(o)"
            return f"{absent} if (o := {value}) is None else {self._display(selection, 'o')}"
        call = self._call(selection, path)
        classes = self.namespace.is_of(selection.type)
        if classes:
            return f"{call} if {_bind(value)}.__class__ {classes} else {absent}(v)"
        return f"{call} if {_bind(value)} is not None else {absent}(v)"

    def _stands_in_place(self, field: Field, below: Selection) -> bool:
        """Are there only leaves to read, of what can be nothing but an object of this type?"""
        held = [item_class(declared) for declared in field.declared if declared is not NoneType]
        return (
            below.is_compiled
            and len(field.below) == 1
            and field.hydration is None
            and not any(leaf.below or leaf.slot for leaf in below.fields)
            and bool(held)
            and all(self.entity_types.get(class_) == below.type.name for class_ in held)
        )

    def _display(self, selection: Selection, source: str) -> str:
        """The dict display of a selection that is written in its place."""
        shown = (
            f"{leaf.key!r}: {self._read(leaf, source, '') if leaf.read else repr(leaf.constant)}"
            for leaf in selection.fields
        )
        return f"{{{', '.join(shown)}}}"

    def _call(self, selection: Selection, path: str) -> str:
        return f"{self._name(selection)}({f'v, {path}, q' if selection.has_slots else 'v'})"

    def _name(self, selection: Selection) -> str:
        name = f"s{selection.number}"
        return self._names.get(name, name)

    def _dispatch(self, field: Field, *, is_nullable: bool) -> str:
        """A table from entity class to projection, for a place that can hold several types."""
        name = f"d{len(self.namespace.values)}"
        entries = [
            f"{self.namespace.entity(entity)}: {self._uniform(field.below[type_name], field)}"
            for entity, type_name in self.entity_types.items()
            if type_name in field.below
        ]
        if is_nullable:
            entries.append("None.__class__: lambda *_: None")
        self.namespace.values[name] = None
        self.lines.append(f"{name} = {{{', '.join(entries)}}}")
        return name

    def _uniform(self, selection: Selection, field: Field) -> str:
        """All projections of one table take the same arguments."""
        name = self._name(selection)
        return (
            f"lambda v, p, q: {name}(v)"
            if field.has_slots_below and not selection.has_slots
            else name
        )

    def _write_list(self, item_type: GraphQLOutputType, field: Field) -> str:
        """`def lN(v)` or `def lN(v, p, q)`, which completes a list item by item."""
        item = self._complete("x", item_type, field, "(p, i)")
        name = f"l{self.lists}"
        self.lists += 1
        if field.has_slots_below:
            head, items = f"def {name}(w, p, q):", "i, x in enumerate(w)"
        else:
            head, items = f"def {name}(w):", "x in w"
        if field.hydration is None or is_list_type(get_nullable_type(item_type)):
            self.lines.append(f"{head} return [{item} for {items}]")
            return name
        test = self.namespace.needs_hydration("x", field.below)
        if not is_nullable_type(item_type):
            self.lines.append(f"{head} return [never(x) if {test} else {item} for {items}]")
            return name
        self.lines += [
            head,
            f"    r = [None if {test} else {item} for {items}]",
            f"    for {items}:",
            f"        if {test}: q[{field.hydration.number}]((x, r, (p, i)))",
            "    return r",
        ]
        return name


def _bind(value: str) -> str:
    return value if value == "v" else f"(v := {value})"


def _inner(type_: GraphQLOutputType) -> GraphQLOutputType:
    return cast("GraphQLOutputType", get_nullable_type(type_))
