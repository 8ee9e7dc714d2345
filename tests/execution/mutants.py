"""Mutants of the modules that make and run plans: each takes one thing out, or gets it wrong. The
corpus must tell every one of them from the gateway.
"""

from tests.execution.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS = [
    Mutant(
        "an alias is dropped",
        "compiler",
        'f"{field.key!r}: {self._field(',
        'f"{field.details[0].node.name.value!r}: {self._field(',
    ),
    Mutant(
        "the order of keys is turned round",
        "compiler",
        "for field in selection.fields\n        )\n        display =",
        "for field in reversed(selection.fields)\n        )\n        display =",
    ),
    Mutant(
        "edges come last",
        "compiler",
        "for field in selection.fields\n        )\n        display =",
        "for field in sorted(selection.fields, key=lambda field: field.read is None)\n        )\n"
        "        display =",
    ),
    Mutant(
        "__typename is that of the root",
        "compiler",
        "            return repr(field.constant)",
        '            return repr("Query")',
    ),
    Mutant(
        "a null list or leaf is not looked for",
        "compiler",
        'absent = "None" if is_nullable else "never(v)"',
        'absent = "None"',
    ),
    Mutant(
        "a null where none may stand is let through",
        "compiler",
        'return f"v if {_bind(value)} is not None else never(v)"',
        "return value",
    ),
    Mutant(
        "every attribute is taken for never null",
        "layout",
        "return bool(field.declared) and NoneType not in field.declared",
        "return bool(field.declared)",
    ),
    Mutant(
        "every entity is taken for one known in its long form",
        "layout",
        "    return min(\n",
        "    return Known.LONG or min(\n",
    ),
    Mutant(
        "what stands where an entity is expected is not judged",
        "namespace",
        "    if value is not None:\n        raise Unprojectable",
        "    return",
    ),
    Mutant(
        "an entity's class is not looked at",
        "compiler",
        'return f"{call} if {_bind(value)}.__class__ {classes} else {absent}(v)"',
        'return f"{call} if {_bind(value)} is not None else {absent}(v)"',
    ),
    Mutant(
        "an interface knows only the first entity class of a type",
        "compiler",
        "            for entity, type_name in self.entity_types.items()\n"
        "            if type_name in field.below\n",
        "            for entity, type_name in [*self.entity_types.items()][:3]\n"
        "            if type_name in field.below\n",
    ),
    Mutant("an enum gives its word", "namespace", "word: member.name for", "word: word for"),
    Mutant("a new word is any other", "namespace", "({value}, 'UNKNOWN')", "({value}, 'RUNNING')"),
    Mutant(
        "a null is let through where an object in place may not be missing",
        "compiler",
        'absent = "None" if is_nullable else "never(o)"',
        'absent = "None"',
    ),
    Mutant(
        "an object that may be missing is always there",
        "compiler",
        "{absent} if (o := {value}) is None else {self._display(selection, 'o')}\"",
        '{self._display(selection, value)}"',
    ),
    Mutant(
        "objects within an object in place are forgotten",
        "compiler",
        "and not any(leaf.below or leaf.slot for leaf in below.fields)",
        "",
    ),
    Mutant(
        "an edge is not queued",
        "compiler",
        'after.append(f"q[{field.slot.number}]((s, r, {here}))")',
        "pass",
    ),
    Mutant(
        "an edge is queued for the slot before it",
        "compiler",
        "q[{field.slot.number}]((s, r, {here}))",
        "q[{field.slot.number - 1}]((s, r, {here}))",
    ),
    Mutant(
        "paths hold names, not keys",
        "compiler",
        'here = f"(p, {field.key!r})"',
        'here = f"(p, {field.details[0].node.name.value!r})"',
    ),
    Mutant("every item of a list is the first", "compiler", '"(p, i)")\n', '"(p, 0)")\n'),
    Mutant(
        "a value with slots below is shared",
        "compiler",
        "field.slot.is_closed = not field.has_slots_below",
        "field.slot.is_closed = True",
    ),
    Mutant(
        "everything is read from what is hydrated",
        "compiler",
        'source = "s" if not field.read.needs else',
        "source =",
    ),
    Mutant(
        "the short form is read from the long one",
        "compiler",
        '"m" if field.read.needs < selection.needs else "h"',
        '"h"',
    ),
    Mutant(
        "nothing is hydrated",
        "namespace",
        "{value} is not None and {value}.known < {level}",
        "{value} is not None and {value}.known < 0",
    ),
    Mutant(
        "items of a list are not hydrated",
        "compiler",
        'f"        if {test}: q[{field.hydration.number}]((x, r, (p, i)))",',
        '"        pass",',
    ),
    Mutant(
        "what an edge gave is not hydrated",
        "compiler",
        'f"    if {test}: q[{field.hydration.number}]((v, r, p))",',
        'f"    if {test}: pass",',
    ),
    Mutant(
        "what is hydrated need not be known any better",
        "layout",
        "return bool(field.declared) and NoneType not in field.declared",
        "return True",
    ),
    Mutant(
        "needs are those of the last field",
        "layout",
        "selection.needs = max(selection.needs, field.read.needs)",
        "selection.needs = field.read.needs",
    ),
    Mutant(
        "slots below plain fields are forgotten",
        "layout",
        "selection.has_slots |= field.has_slots_below",
        "pass",
    ),
    Mutant(
        "a selection that cannot be told is taken for empty",
        "layout",
        "            selection.is_compiled = False\n        yield from",
        "            pass\n        yield from",
    ),
    Mutant(
        "an interface has one type only",
        "layout",
        "return list(self.schema.get_possible_types(named))",
        "return list(self.schema.get_possible_types(named))[:1]",
    ),
    Mutant("nothing is selected", "plan", "                return True", "                pass"),
    Mutant(
        "the first plan is kept for all choices",
        "operation",
        "return tuple(variables.coerced.get(name) for name in self.deciding)",
        "return ()",
    ),
    Mutant(
        "directives in fragments decide nothing",
        "operation",
        "for fragment in self.fragment_definitions.values():",
        "for fragment in ():",
    ),
    Mutant(
        "the first variables are kept as arguments",
        "arguments",
        "if not self._fillers:\n                return",
        "if True:\n                return",
    ),
    Mutant(
        "a missing variable is a null",
        "arguments",
        "            if value is None:\n                raise _Unfilled\n            return value",
        "            return value",
    ),
    Mutant(
        "a variable in a list is kept",
        "arguments",
        "if _has_variables(value) else _constant(item)\n            for value",
        "if False else _constant(item)\n            for value",
    ),
    Mutant(
        "one level of slots is filled only",
        "slot_filler",
        "                        self._fill(slot, entries)\n                        busy = True",
        "                        self._fill(slot, entries)\n                        busy = False",
    ),
    Mutant(
        "what an awaited value leaves is not filled",
        "slot_filler",
        "                        self._settle(slot, entries, future)\n                self.begin()",
        "                        self._settle(slot, entries, future)",
    ),
    Mutant(
        "the second to wait for a future is forgotten",
        "slot_filler",
        "others.append((slot, entries))",
        "pass",
    ),
    Mutant(
        "of parents with one value the first gets it",
        "slot_filler",
        "shared[1].append(entry)",
        "pass",
    ),
    Mutant(
        "a completed value is always shared",
        "slot_filler",
        "if slot.is_closed and shared is not _NOTHING:",
        "if shared is not _NOTHING:",
    ),
    Mutant(
        "a failure is a null without an error",
        "slot_filler",
        "entry[0] if slot.hydrates else error)",
        "entry[0] if slot.hydrates else None)",
    ),
    Mutant(
        "a failed hydration fails the whole entity",
        "slot_filler",
        "entry[0] if slot.hydrates else error)",
        "error)",
    ),
    Mutant(
        "the reference completes what is hydrated",
        "slot_filler",
        "self._refer(slot, entry, source if slot.hydrates else value)",
        "self._refer(slot, entry, None)",
    ),
    Mutant(
        "a path is its last key",
        "slot_filler",
        "Path(None if before is None else _graphql_path(before), key, None)",
        "Path(None, key, None)",
    ),
    Mutant(
        "a null is never let through",
        "slot_filler",
        "if value is None and slot.is_nullable:",
        "if False:",
    ),
    Mutant(
        "an item is completed as the list it stands in",
        "executor",
        "type_ = get_nullable_type(type_).of_type",
        "pass",
    ),
    Mutant(
        "every source fits",
        "executor",
        "    return entity_types.get(",
        "    return True or entity_types.get(",
    ),
    Mutant(
        "errors of fields are dropped",
        "executor",
        "self.errors = self._executor.errors",
        "pass",
    ),
    Mutant(
        "a whole that fails is told without its error",
        "executor",
        "self.collected_errors.add(error, None)",
        "pass",
    ),
    Mutant(
        "an embedded entity is taken for one of its places only",
        "decoding",
        "attributes[entity].update()",
        "attributes[entity] = set()",
    ),
]
