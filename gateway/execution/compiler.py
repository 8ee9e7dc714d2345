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
    def e0(v, r, p, q): r[p[1]] = s1(v) if v is not None else other(v)
    def l0(w, p, q): return [s2(v, (p, i), q) if (v := x).__class__ in Jobs else other(v)
                             for i, x in enumerate(w)]
    def s3(s, p, q): return {'nodes': never(v) if (v := s.items) is None
                             else l0(v, (p, 'nodes'), q)}  # JobConnection

So: one function `sN` for each selection, which takes the entity `s` and gives one dict display,
keys in the order of the answer. Plain fields are attributes, the upstream's words are looked up,
derived fields call a function (`fN`), objects and lists the function of their selection; but a
decoded object `o` of which only leaves are selected is written in place. A selection with slots
below also takes its path `p` (a chain of pairs, outermost first, made for errors only) and `q`, the
queues: `q[N]((entity, container, path))` leaves the place of slot N to be filled by `run`. `eN`
completes what an edge gave, `hN` an entity of which less was known than is selected, together with
the `h` it was hydrated to: both write into the container at the path's last key. Fields read the
entity itself where it is enough, else `h`; `m` is whichever is known well enough for the short
form. What all other names stand for is in `names`.

No function checks what a decoded entity guarantees. Where something else turns up (a null at a
non-null place, a row that could not be read, a class that belongs to another type) it raises, and
`run` takes that one value the reference way.
"""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, cast, get_args, get_origin

from graphql import (
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_nullable_type,
)

from gateway.execution.names import Names

if TYPE_CHECKING:
    from graphql import GraphQLLeafType, GraphQLOutputType

    from gateway.execution.plan import Field, Plan, Selection
    from gateway.schema.fields import Read

__all__ = ["compile_plan", "write_plan"]


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
    writer = _Writer(plan)
    for selection in plan.selections:
        if selection.is_taken and selection.number not in writer.in_place:
            writer.write_selection(selection)
        for part in selection.fields:
            writer.write_slots(part)
    return "\n".join(writer.lines), writer.names.values


class _Writer:
    def __init__(self, plan: Plan) -> None:
        self.entity_types = plan.entity_types
        self.in_place = {
            below.number
            for selection in plan.selections
            for part in selection.fields
            for below in part.below.values()
            if self._stands_in_place(part, below)
        }
        self.lines: list[str] = []
        self.names = Names(plan.entity_types)
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
        if part.hydration is None or is_list_type(get_nullable_type(part.definition.type)):
            return self._read(part, source, here)
        name = f"v{len(before)}"
        before.append(f"{name} = {self._value(part.read, source)}")
        thin = self.names.is_thin(name, part.below)
        if is_nullable_type(part.definition.type):
            after.append(f"if {thin}: q[{part.hydration.number}](({name}, r, {here}))")
            absent = "None"
        else:
            absent = f"never({name})"
        known = self._complete(name, part.definition.type, part, here)
        return f"{absent} if {thin} else {known}"

    def _read(self, part: Field, source: str, path: str) -> str:
        """The expression for a field that is read of the entity `source`."""
        assert part.read is not None  # noqa: S101 - slots hold no value
        value, type_ = self._value(part.read, source), part.definition.type
        inner = _inner(type_)
        if is_leaf_type(inner) and part.is_never_null:
            return self.names.leaf(value, inner, part.read.enum)
        return self._complete(value, type_, part, path)

    def _value(self, read: Read, source: str) -> str:
        """The expression for what is read, before it is completed."""
        if read.attribute is not None:
            return f"{source}.{read.attribute}"
        return self.names.call(read.of, source)

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
                thin = self.names.is_thin("v", part.below)
                self.lines += [
                    head,
                    f"    if {thin}: q[{part.hydration.number}]((v, r, p))",
                    f"    else: r[p[1]] = {self._complete('v', type_, part, 'p')}",
                ]
        if part.hydration is not None:
            self.lines.append(
                f"def h{part.hydration.number}(h, v, r, p, q): r[p[1]] = {self._hydrated(part)}"
            )

    def _hydrated(self, part: Field) -> str:
        """The expression that projects the entity `v` with what it was hydrated to, `h`."""
        calls = (
            f"{self._call(below, 'p')[:-1]}, h) if v.__class__ {self.names.is_of(below.type)} else "
            for below in part.below.values()
            if below.needs
        )
        return f"{''.join(calls)}never(v)"

    def _complete(self, value: str, type_: GraphQLOutputType, part: Field, path: str) -> str:
        """The expression that completes `value` (an expression) as a value of the type."""
        is_nullable = is_nullable_type(type_)
        inner = _inner(type_)
        enum = part.read.enum if part.read is not None else None
        if is_list_type(inner):
            leaf = cast("GraphQLLeafType", get_named_type(inner))
            if not part.below and self.names.leaf("x", leaf, enum) == "x":
                return value if is_nullable else self._present(value)
            name = self._write_list(inner.of_type, part)
            call = f"{name}(v, {path}, q)" if part.has_slots_below else f"{name}(v)"
        elif part.below:
            return self._object(value, inner, part, path, is_nullable=is_nullable)
        else:
            call = self.names.leaf("v", cast("GraphQLLeafType", inner), enum)
            if call == "v":
                return value if is_nullable else self._present(value)
        absent = "None" if is_nullable else "never(v)"
        return f"{absent} if {_bind(value)} is None else {call}"

    def _present(self, value: str) -> str:
        return f"v if {_bind(value)} is not None else never(v)"

    def _object(
        self, value: str, type_: GraphQLOutputType, part: Field, path: str, *, is_nullable: bool
    ) -> str:
        arguments = f"v, {path}, q" if part.has_slots_below else "v"
        absent = "other" if is_nullable else "never"
        if is_abstract_type(type_):
            table = self._dispatch(part, is_nullable=is_nullable)
            return f"{table}[{_bind(value)}.__class__]({arguments})"
        (selection,) = part.below.values()
        if selection.number in self.in_place:
            if value == "x":
                return self._display(selection, "x")
            absent = "None" if is_nullable else "never(o)"
            return f"{absent} if (o := {value}) is None else {self._display(selection, 'o')}"
        call = self._call(selection, path)
        classes = self.names.is_of(selection.type)
        if classes:
            return f"{call} if {_bind(value)}.__class__ {classes} else {absent}(v)"
        return f"{call} if {_bind(value)} is not None else {absent}(v)"

    def _stands_in_place(self, part: Field, below: Selection) -> bool:
        """Are there only leaves to read, of what can be nothing but an object of this type?"""
        held = [_item(class_) for class_ in part.declared if class_ is not NoneType]
        return (
            below.is_taken
            and len(part.below) == 1
            and part.hydration is None
            and not any(field.below or field.slot for field in below.fields)
            and bool(held)
            and all(self.entity_types.get(class_) == below.type.name for class_ in held)
        )

    def _display(self, selection: Selection, source: str) -> str:
        """The dict display of a selection that is written in its place."""
        shown = (
            f"{part.key!r}: {self._read(part, source, '') if part.read else repr(part.constant)}"
            for part in selection.fields
        )
        return f"{{{', '.join(shown)}}}"

    def _call(self, selection: Selection, path: str) -> str:
        return f"s{selection.number}({f'v, {path}, q' if selection.has_slots else 'v'})"

    def _dispatch(self, part: Field, *, is_nullable: bool) -> str:
        """A table from entity class to projection, for a place that can hold several types."""
        name = f"d{len(self.names.values)}"
        entries = [
            f"{self.names.entity(entity)}: {self._uniform(part.below[type_name], part)}"
            for entity, type_name in self.entity_types.items()
            if type_name in part.below
        ]
        if is_nullable:
            entries.append("None.__class__: lambda *_: None")
        self.names.values[name] = None
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
        thin = self.names.is_thin("x", part.below)
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


def _item(class_: Any) -> Any:
    """What a list declares for its items; itself if it is no list."""
    return get_args(class_)[0] if get_origin(class_) is list else class_


def _inner(type_: GraphQLOutputType) -> GraphQLOutputType:
    return cast("GraphQLOutputType", get_nullable_type(type_))
