"""What is valid at a glance is valid by the rules; and what people send is valid at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from graphql import GraphQLError, Lexer, Source, TokenKind, parse
from hypothesis import event, given, settings
from hypothesis import strategies as st

from gateway.execution.schema import make_schema
from gateway.execution.validation import judge_steps
from gateway.execution.vetting import vet_steps
from gateway.turns import finished
from tests.benchmarks.operation import OPERATIONS
from tests.execution.operations import Operation, operations
from tests.execution.test_equality import COUNT, repeatable

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA: Any = make_schema()._schema
# What stands in the place of a token: each of these makes some document wrong.
OTHERS = (
    *(
        "job",
        "jobs",
        "id",
        "name",
        "nodes",
        "node",
        "first",
        "by",
        "path",
        "project",
        "log",
        "tail",
    ),
    *("Job", "Bridge", "Query", "Node", "PipelineItem", "JobRef", "Int", "ID", "String", "Boolean"),
    *(
        "F0",
        "F1",
        "F2",
        "on",
        "query",
        "mutation",
        "subscription",
        "fragment",
        "__typename",
        "null",
    ),
    *(
        "true",
        "false",
        "1",
        "-1",
        "1.5",
        '"text"',
        "MAIN",
        "RAW",
        "$Boolean_0",
        "$x",
        "$",
        "!",
        "=",
    ),
    *("{", "}", "(", ")", "[", "]", ":", "...", "@skip(if: true)", "@include(if: $Boolean_0)"),
    *("@deprecated", "@skip", "{ id }", "(first: 1)", "{__schema{description}}", "{}", "[[1]]"),
    *("fragment F9 on Job { ...F9 }", "query { node(id: 1) { id } }", "{ __typename }", "x: id"),
)


def is_vetted(text: str) -> bool:
    return finished(vet_steps(SCHEMA, parse(text)))


def errors_of(text: str) -> list[GraphQLError]:
    steps = judge_steps(SCHEMA, parse(text), max_errors=10, introspection=True)
    return finished(steps)


@st.composite
def damaged(draw: Callable[..., Any], text: str) -> str:
    """A valid text with one to three tokens changed."""
    lexer, tokens = Lexer(Source(text)), []
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        tokens.append(text[token.start : token.end])
    for _ in range(draw(st.integers(1, 3))):
        place, other = (draw(st.integers(0, len(tokens) - 1)) for _ in range(2))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            tokens[place] = tokens[other]
        elif kind == 1:
            tokens.insert(place, draw(st.sampled_from(OTHERS)))
        elif kind == 2:
            del tokens[place : place + draw(st.integers(1, 4))]
            tokens = tokens or ["{"]
        elif kind == 3:
            tokens[place:place] = tokens[place : place + draw(st.integers(1, 6))]
        else:
            tokens[place] = draw(st.sampled_from(OTHERS))
    return " ".join(tokens)


@settings(repeatable, max_examples=COUNT // 4)
@given(data=st.data(), operation=operations(SCHEMA, max_fields=15))
def test_what_is_valid_at_a_glance_is_valid_by_the_rules(
    data: st.DataObject, operation: Operation
) -> None:
    for _ in range(8):
        text = data.draw(damaged(operation.text))
        try:
            is_valid = is_vetted(text)
        except GraphQLError:
            event("no document")
            continue
        event("vetted" if is_valid else "doubted")

        assert not is_valid or not errors_of(text)


@settings(repeatable, max_examples=COUNT // 4)
@given(operation=operations(SCHEMA))
def test_what_is_valid_is_valid_at_a_glance(operation: Operation) -> None:
    """But for introspection, and lists and objects for a scalar."""
    is_unusual = any(part in operation.text for part in ("__schema", "__type(", "inputs:"))

    assert is_vetted(operation.text) or is_unusual


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_what_programs_send_is_valid_at_a_glance(operation: Any) -> None:
    assert is_vetted(operation.text)


JOB = "job(by: {path: {project: 1, job: 2}})"
# One for each rule, beside what it is about where that is right.
WRONG = {
    "a type is defined": "type Job { id: ID } { currentJob { id } }",
    "two operations of one name": "query A { __typename } query A { __typename }",
    "an operation without a name beside another": "query A { __typename } { __typename }",
    "two operations without names": "{ __typename } { __typename }",
    "two fields of a subscription": (
        'subscription { a: jobUpdated(by: {id: "1"}) { name } __typename }'
    ),
    "an unknown type": "{ ... on Nothing { id } }",
    "an unknown type of a variable": "query ($a: Nothing) { currentJob { id @skip(if: $a) } }",
    "a fragment on a scalar": "{ currentJob { id { ... on ID { id } } } }",
    "a fragment on an input": "{ ...F } fragment F on JobRef { id }",
    "a variable of an object type": f"query ($a: Job) {{ {JOB} {{ id @skip(if: $a) }} }}",
    "a leaf with fields": "{ currentJob { id { id } } }",
    "an object without fields": "{ currentJob }",
    "an unknown field": "{ currentJob { nothing } }",
    "a field of another type": "{ node(id: 1) { name } }",
    "two fragments of one name": (
        "{ ...F } fragment F on Query { __typename } fragment F on Query { __typename }"
    ),
    "an unknown fragment": "{ ...F }",
    "an unused fragment": "{ __typename } fragment F on Query { __typename }",
    "a fragment that cannot be there": "{ currentJob { ... on Pipeline { id } } }",
    "a spread that cannot be there": "{ currentJob { ...F } } fragment F on Pipeline { id }",
    "a fragment that spreads itself": "{ ...F } fragment F on Query { ...F }",
    "fragments that spread each other": (
        "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }"
    ),
    "two variables of one name": "query ($a: ID!, $a: ID!) { node(id: $a) { id } }",
    "an undefined variable": "{ node(id: $a) { id } }",
    "an undefined variable of a fragment": "{ ...F } fragment F on Query { node(id: $a) { id } }",
    "a variable of another operation": (
        "query A($a: ID!) { node(id: $a) { id } } query B { node(id: $a) { id } }"
    ),
    "an unused variable": "query ($a: ID!) { __typename }",
    "a variable that another operation uses": (
        "query A($a: ID!) { ...F } query B($a: ID!) { __typename } fragment F on Query { "
        "node(id: $a) { id } }"
    ),
    "an unknown directive": "{ __typename @nothing }",
    "a directive in the wrong place": "query @skip(if: true) { __typename }",
    "a directive on a fragment": "{ ...F } fragment F on Query @include(if: true) { __typename }",
    "a directive on a variable": "query ($a: ID! @skip(if: true)) { node(id: $a) { id } }",
    "a directive twice": "{ __typename @skip(if: true) @skip(if: true) }",
    "a directive without its argument": "{ __typename @skip }",
    "a directive with another argument": "{ __typename @skip(if: true, when: 1) }",
    "a directive's argument of another type": "{ __typename @skip(if: 1) }",
    "a nullable variable for a directive": "query ($a: Boolean) { __typename @skip(if: $a) }",
    "an unknown argument": "{ node(id: 1, name: 2) { id } }",
    "an argument of a leaf": "{ currentJob { id(a: 1) } }",
    "an argument of __typename": "{ __typename(a: 1) }",
    "fields of __typename": "{ __typename { id } }",
    "an argument twice": "{ node(id: 1, id: 1) { id } }",
    "a wrong number": f'{{ {JOB} {{ log {{ tail(lines: "1") {{ text }} }} }} }}',
    "a number out of range": f"{{ {JOB} {{ log {{ tail(lines: 2147483648) {{ text }} }} }} }}",
    "a float for an id": "{ node(id: 1.5) { id } }",
    "an unknown enum's value": f"{{ {JOB} {{ log {{ tail(format: NOTHING) {{ text }} }} }} }}",
    "a text for an enum": f'{{ {JOB} {{ log {{ tail(format: "RAW") {{ text }} }} }} }}',
    "null where none may be": "{ node(id: null) { id } }",
    "null in a list of what is not null": "{ nodes(ids: [1, null]) { id } }",
    "a list for one value": "{ node(id: [1]) { id } }",
    "an object for a text": "{ node(id: {a: 1}) { id } }",
    "a text for an object": '{ job(by: "1") { id } }',
    "a missing argument": "{ node { id } }",
    "an unknown field of an input": "{ job(by: {name: 1}) { id } }",
    "a field of an input twice": "{ job(by: {path: {project: 1, project: 1, job: 2}}) { id } }",
    "a missing field of an input": "{ job(by: {path: {project: 1}}) { id } }",
    "two of a one-of": '{ job(by: {id: 1, webUrl: "1"}) { id } }',
    "none of a one-of": "{ job(by: {}) { id } }",
    "null of a one-of": "{ job(by: {id: null}) { id } }",
    "a nullable variable of a one-of": "query ($a: ID) { job(by: {id: $a}) { id } }",
    "a variable of another type": "query ($a: Int!) { node(id: $a) { id } }",
    "a nullable variable where null may not be": "query ($a: ID) { node(id: $a) { id } }",
    "a nullable variable with a default of null": "query ($a: ID = null) { node(id: $a) { id } }",
    "a variable for a list": "query ($a: ID!) { nodes(ids: $a) { id } }",
    "a nullable variable in a list": "query ($a: ID) { nodes(ids: [$a]) { id } }",
    "a wrong default": (
        'query ($a: Int = "1") { project(id: 1) { jobs(first: $a) { totalCount } } }'
    ),
    "a default of null where none may be": (
        "query ($a: Int! = null) { project(id: 1) { jobs(first: $a) { totalCount } } }"
    ),
    "no document of operations": "fragment F on Query { __typename }",
}
RIGHT = {
    "a variable with a default": "query ($a: ID = 1) { node(id: $a) { id } }",
    "a variable where there is a default": (
        "query ($a: Int) { project(id: 1) { jobs(first: $a) { totalCount } } }"
    ),
    "a variable for a list": "query ($a: [ID!]!) { nodes(ids: $a) { id } }",
    "a variable in a list": "query ($a: ID!) { nodes(ids: [$a, 1]) { id } }",
    "one value for a list": "{ nodes(ids: 1) { id } }",
    "a variable of a one-of": "query ($a: ID!) { job(by: {id: $a}) { id } }",
    "a variable of a fragment's": (
        "query A($a: ID!) { ...F } fragment F on Query { ...G } fragment G on Query { "
        "node(id: $a) { id } }"
    ),
    "one fragment for two operations": (
        "query A { ...F } query B { ...F } fragment F on Query { __typename }"
    ),
    "a fragment on an interface": (
        "{ currentJob { ... on Node { id } ... on PipelineItem { name } } }"
    ),
    "both directives": "query ($a: Boolean!) { __typename @skip(if: $a) @include(if: true) }",
    "a mutation": 'mutation { jobCancel(input: {job: {id: "1"}}) { job { id } } }',
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_doubts(text: str) -> None:
    assert not is_vetted(text)


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_the_rules_tell_what_is_doubted(text: str) -> None:
    """But for a document without operations, which only cannot be executed."""
    assert errors_of(text)


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_does_not_doubt(text: str) -> None:
    assert is_vetted(text)
    assert not errors_of(text)
