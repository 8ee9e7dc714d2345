"""Answers with one value taken out or made another, and what both executors give for them."""

from __future__ import annotations

import json

__all__ = ["MUTATIONS", "check", "find", "mutated", "mutations_of", "places_in"]


# What stands in the place of a value, as JSON text; None takes the key out.
MUTATIONS = {
    "null": "null",
    "absent": None,
    "text": '"text"',
    "number": "7.25",
    "flag": "true",
    "negative": "-1",
    "zero": "0",
    "object": "{}",
    "list": "[[]]",
    "deep": "[" * 1100 + "]" * 1100,
    "5000 digits": "9" * 5000,
    "beyond 64 bits": "9" * 25,
    "infinite": "1e999",
    "no number": "NaN",
    "half a letter": '"\\ud800"',
    "no UTF-8": '"\xff"',
}


# The others are one to the executors: what cannot be decoded.
COMPARED = {"whole", "absent", "deep"}
MAIN = ("absent", "text", "negative", "deep")


def mutations_of(place):
    """All of them for an answer's own keys, the main ones for those of embedded objects."""
    names = MUTATIONS if len(place) == 1 else MAIN
    return [(name, MUTATIONS[name]) for name in names]


def places_in(value, path=()):
    """The paths of all keys of an answer, those of embedded objects too."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield (*path, key)
            yield from places_in(below, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from places_in(value[0], (*path, 0))


def mutated(value, path, text):
    """The answer's JSON with another text at a path; None takes the key out."""
    copy = json.loads(json.dumps(value))
    *way, last = path
    holder = copy
    for key in way:
        holder = holder[key]
    if text is None:
        del holder[last]
        return json.dumps(copy)
    holder[last] = "(here)"
    return json.dumps(copy).replace('"(here)"', text)


def value_at(data, path):
    """The value at an error's path, and how far the path led to it."""
    for depth, key in enumerate(path):
        if data is None:
            return None, depth
        data = data[key]
    return data, len(path)


def check(gate, document, what):
    """What both executors give; every error is told where it left a null."""
    data, errors = gate.planned(document)
    if what[-1] in COMPARED:
        expected, expected_errors = gate.reference(document)
        assert data == expected, what
        assert sorted(map(repr, errors)) == sorted(map(repr, expected_errors)), what
    for error in errors:
        assert error["extensions"]["code"] == "UPSTREAM_INVALID", (what, error)
        assert value_at(data, error["path"])[0] is None, (what, error)
    return data, errors


def find(data, *path):
    for key in path:
        data = data[key]
    return data
