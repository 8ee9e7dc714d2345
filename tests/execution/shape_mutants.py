"""Mutants of what shapes of documents are made of, and filled with (`test_filled_documents`)."""

from __future__ import annotations

from tests.execution.mutant import Mutant

__all__ = ["SHAPE_MUTANTS"]

SHAPE_MUTANTS = [
    Mutant(
        "a number's range is not looked at",
        "shapes",
        "    if not -(2**31) <= number < 2**31:\n",
        "    if number is None:\n",
    ),
    Mutant(
        "an id may be any number",
        "shapes",
        "    int(literal)\n    return literal",
        "    return literal",
    ),
    Mutant(
        "escapes are passed as they stand",
        "shapes",
        "literal[1:-1] if not escapes and literal[0] == '\"'",
        "literal[1:-1] if literal[0] == '\"'",
    ),
    Mutant(
        "a value is taken from another place",
        "shapes",
        "values[name] = read(literals[number])",
        "values[name] = read(literals[-1])",
    ),
    Mutant(
        "a text is taken from another place",
        "shapes",
        "                literal = literals[number]\n",
        "                literal = literals[-number]\n",
    ),
    Mutant(
        "what is part of the shape may be any",
        "shapes",
        "            if literals[number] != literal:\n",
        "            if literals[number] is None:\n",
    ),
    Mutant(
        "arguments of merged fields are values",
        "shapes",
        "                if id(node) not in compared:\n",
        "                if id(node):\n",
    ),
    Mutant(
        "a single value is no list",
        "shapes",
        "        return lambda literal: [read(literal)]",
        "        return read",
    ),
    Mutant(
        "all items of a list are the first",
        "shapes",
        "            items[self._item] = value",
        "            items[:] = [value] * len(items)",
    ),
    Mutant(
        "errors stand where the first text had them",
        "shapes",
        "            if error.source is not self._source:",
        "            if error.source is not None:",
    ),
    Mutant(
        "what stands before is moved as what stands behind",
        "shapes",
        "        before = bisect_right(self._ends, position)",
        "        before = len(self._ends)",
    ),
    Mutant(
        "values are left out where there are variables",
        "operation",
        "variables.coerced | values",
        "variables.coerced",
    ),
    Mutant(
        "values are those of the text that was first",
        "operation",
        "        self.constants = VariableValues({}, values)\n",
        '        values = vars(operation).setdefault("_values", values)\n'
        "        self.constants = VariableValues({}, values)\n",
    ),
    Mutant(
        "what does not fit is filled in all the same",
        "documents",
        "        if values is None:\n            return None\n",
        "        values = values or {}\n",
    ),
]
