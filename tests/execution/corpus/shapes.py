"""Texts of one shape, one after the other: what is kept of those before, and what is their own.

The last of them is asked for where the shape is known (`test_filled_documents`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.execution.corpus.case import global_id

__all__ = ["SHAPES", "ShapeCase"]


class ShapeCase(NamedTuple):
    """Three texts at least. The last one `is_filled`, or is prepared for itself."""

    name: str
    texts: list[str]
    is_filled: bool = True
    variables: tuple[dict[str, Any], ...] = ({},)


SIX, SEVEN = global_id("Job:1:3:6"), global_id("Job:1:4:7")
AT_SIX, AT_SEVEN = f'"{SIX}"', f'"{SEVEN}"'
JOBS = (
    "{ a: job(by: {id: %s}) { name log { tail(lines: %s) { text } } }"
    " b: job(by: {path: {project: %s, job: %s}}) { name } }"
)
USUAL = [(AT_SIX, 1, '"1"', 6), (AT_SEVEN, 2, 1, '"7"')]
NODES = "{ nodes(ids: [%s, %s]) { id } projects(ids: %s) { id } }"
LISTS = [(AT_SIX, AT_SEVEN, '"1"'), (AT_SEVEN, 1, 2)]
DEFAULT = "query ($n: Int = %s) { project(id: %s) { jobs(first: $n) { nodes { name } } } }"
MERGED = "{ job(by: {id: %s}) { name } job(by: {id: %s}) { stage } currentJob { name } }"
BESIDE = "query ($id: ID!) { job(by: {id: $id}) { name } b: job(by: {id: %s}) { name } }"
WRITES = "mutation { %s } " % " ".join(
    f"{key}: jobCancel(input: {{job: {{id: %s}}}}) {{ job {{ name }} }}" for key in "ab"
)
OWN_TYPE = "{ __type(name: %s) { name } job(by: {id: %s}) { name } }"
OFFSETS = "{ job(by: {id: %s}) { log { slice(fromByte: %s) { text } } } }"
TOUCHING = "{ job(by: {path: {project:%sjob:%s}}) { name } }"
SPREAD = "{ ...F } fragment F on Query { job(by: {id: %s}) { name } }"


def _shape(name: str, text: str, values: list[Any], **options: Any) -> ShapeCase:
    return ShapeCase(name, [text % some for some in values], **options)


SHAPES = [
    _shape("other values", JOBS, [*USUAL, (AT_SEVEN, 10, '"1"', 6)]),
    _shape(
        "the first values, with others between", BESIDE, [AT_SIX, AT_SEVEN, AT_SIX], is_filled=False
    ),
    _shape("what fails, at its places", JOBS, [*USUAL, ('"no id"', 10**8, '"nowhere"', '"x"')]),
    _shape(
        "what fails on a line of its own",
        JOBS.replace(" b:", " # %s\n b:"),
        [(AT_SIX, 1, "", 1, 6), (AT_SEVEN, 2, 'a "text" 1', 1, 7), ('"no id"', 10, 1, '"x"', 6)],
    ),
    _shape("a number out of range", JOBS, [*USUAL, (AT_SIX, 2**31, 1, 6)], is_filled=False),
    _shape("a text for a number", JOBS, [*USUAL, (AT_SIX, '"2"', 1, 6)], is_filled=False),
    _shape("a float for an id", JOBS, [*USUAL, (AT_SIX, 2, "1.0", 6)], is_filled=False),
    _shape("a comment for a value", JOBS, [*USUAL, (AT_SIX, 2, 1, "#\n")], is_filled=False),
    _shape(
        "a value for a comment",
        "{ a: __typename %s\n node(id: %s) { id } }",
        [("#", 1), ("#", 2), ("1", 3)],
        is_filled=False,
    ),
    _shape("an escape", JOBS, [*USUAL, (AT_SIX, 2, '"\\u0031"', '"\\u0036"')]),
    _shape("a wrong escape", JOBS, [*USUAL, (AT_SIX, 2, '"\\x31"', 6)], is_filled=False),
    _shape(
        "many escapes", JOBS, [*USUAL, (AT_SIX, 2, f'"{chr(92)}n' * 201 + '"', 6)], is_filled=False
    ),
    _shape("a block string", JOBS, [*USUAL, (AT_SIX, 2, '"""1"""', 6)], is_filled=False),
    _shape("an empty string", JOBS, [*USUAL, ('""', 2, 1, 6)]),
    _shape("no value", JOBS, [*USUAL, (AT_SIX, "null", 1, 6)], is_filled=False),
    _shape("values side by side", '{ nodes(ids: [%s"x"%s]) { id } }', [(1, 1), (2, 2), (3, 4)]),
    _shape("numbers side by side", "{ nodes(ids: [%s-1]) { id } }", [1, 2, 3], is_filled=False),
    _shape("strings beside letters", TOUCHING, [('"1"', 6), ('"1"', 7), ('"2"', 6)]),
    _shape(
        "a number beside letters", TOUCHING, [('"1"', 6), ('"1"', 7), ("1", 6)], is_filled=False
    ),
    _shape("items of lists", NODES, [*LISTS, (AT_SEVEN, AT_SIX, 15)]),
    _shape("a default of a variable", DEFAULT, [(1, 1), (1, 2), (2, 1)], is_filled=False),
    _shape("values beside a default", DEFAULT, [(1, 1), (1, 2), (1, 5)]),
    _shape(
        "equal arguments of merged fields",
        MERGED,
        [(1, 1), (2, 2), (3, 3)],
        is_filled=False,
    ),
    _shape(
        "other arguments of merged fields",
        MERGED,
        [(1, 1), (2, 2), (2, 3)],
        is_filled=False,
    ),
    _shape(
        "variables beside values",
        BESIDE,
        [AT_SIX, '"nothing"', AT_SEVEN],
        variables=({"id": "no id"}, {"id": SIX}, {}, {"id": {}}, {"id": SEVEN}),
    ),
    _shape("writes", WRITES, [(AT_SIX, AT_SEVEN), (AT_SEVEN, AT_SEVEN), (AT_SEVEN, AT_SIX)]),
    _shape("a fragment", SPREAD, [AT_SIX, AT_SEVEN, '"no id"']),
    _shape("a type's name", OWN_TYPE, [('"Job"', 1), ('"Job"', 2), ('"Log"', 3)], is_filled=False),
    _shape("beside a type's name", OWN_TYPE, [('"Job"', 1), ('"Job"', 2), ('"Job"', 3)]),
    _shape("a large number", OFFSETS, [(AT_SIX, 0), (AT_SIX, 1), (AT_SIX, 2**40)]),
    _shape("a large number as a text", OFFSETS, [(AT_SIX, 0), (AT_SIX, 1), (AT_SIX, '"12"')]),
    _shape("no large number", OFFSETS, [(AT_SIX, 0), (AT_SIX, 1), (AT_SIX, 1.5)], is_filled=False),
    _shape(
        "another cost",
        "{ project(id: 1) { jobs(first: %s)"
        " { nodes { pipeline { jobs(first: %s) { totalCount } } } } } }",
        [(1, 1), (2, 2), (100, 100), (100, 3)],
    ),
    _shape(
        "none of its operations",
        "query A { node(id: %s) { id } } query B { currentJob { id } }",
        [1, 2, 3],
    ),
]
