"""Documents are parsed and validated in steps as graphql-core does it in one go."""

from __future__ import annotations

import random
from typing import Any

import pytest
from graphql import (
    GraphQLError,
    GraphQLSyntaxError,
    OverlappingFieldsCanBeMergedRule,
    build_schema,
    parse,
    specified_rules,
    validate,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.execution.overlaps import MAX_FIELDS_SEEN, find_overlaps
from gateway.execution.parsing import parse_steps
from gateway.execution.schema import make_schema
from gateway.execution.validation import validate_steps
from gateway.turns import finished
from tests.execution.operations import Operation, operations

SCHEMA = make_schema()._schema
MANY = 1_000_000

TEXTS = [
    "{ a }",
    'query Q($a: [ID!]! = [1, 2.5e3, "x", true, null, RED, {b: 3}]) @x(y: $a) { a(b: $a) }',
    '# before\n{ a # in\n ,,, b\r\n\tc: d(e: """\n  block\n    text""") @skip(if: true) }',
    "\ufeffmutation M { a { ...F ... on T @x { b } ... { c } ... @include(if: $v) { d } } }",
    '"told" fragment F on T { on query fragment true }',
    '{ a(b: "\\u0041\\u{1F600}\\n", c: -1, d: 0.5, e: $v, f: {}) { g } }',
    "subscription { a } query A { b } fragment G on H { ...I }",
]
BROKEN = [
    "",
    "{",
    "{ a",
    "{ a(b: }",
    "{ a: }",
    "{ ...on }",
    "{ a b ? c }",
    "{ a.b }",
    "{ a ..b }",
    "{ a(b: 01) }",
    '{ a(b: "x\n") }',
    "query A { a } nonsense { b }",
    "{ a } }",
    '"only told" { a }',
    "fragment on on T { a }",
    "query ($a: [Int) { a }",
    "{ a @ }",
    "{ a(b: 'x') }",
    "{ \u0001 }",
    "{ ä }",
    "{ a(b: 1.) }",
    "{ " + "a { " * 250 + "}" * 250 + "}",
]


class TestParsing:
    @pytest.mark.parametrize("text", TEXTS)
    def test_gives_the_same_nodes_at_the_same_places(self, text: str) -> None:
        parsed, expected = finished(parse_steps(text, MANY)), parse(text)

        assert parsed == expected
        assert parsed.to_dict(locations=True) == expected.to_dict(locations=True)

    @pytest.mark.parametrize("text", BROKEN)
    def test_finds_the_same_mistakes(self, text: str) -> None:
        with pytest.raises(GraphQLSyntaxError) as expected:
            parse(text)

        with pytest.raises(GraphQLSyntaxError) as found:
            finished(parse_steps(text, MANY))

        assert found.value.message == expected.value.message
        assert found.value.locations == expected.value.locations

    def test_counts_tokens_while_it_reads_them(self) -> None:
        assert finished(parse_steps("{ a b ...c } # d", 6)).token_count == 6
        with pytest.raises(GraphQLError, match=r"more than 5 tokens \(GATEWAY_MAX_TOKENS\)"):
            finished(parse_steps("{ a b ...c }", 5))

    @pytest.mark.parametrize("text", ["type A { b: C }", "extend schema @d", '"x" enum E { F }'])
    def test_refuses_types_unread(self, text: str) -> None:
        with pytest.raises(GraphQLError, match="the document defines types"):
            finished(parse_steps(text, MANY))


repeatable = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# What can be selected of what stands in pipelines, and of a pipeline: keys that clash now and then.
ITEM = ["name", "status", "ref", "x: name", "x: name", "x: ref", "y: status", "z: id", "z: ref"]
PIPELINE = ["ref", "status", "x: ref", "x: ref", "x: id", "y: status", "z: __typename", "y: ref"]


def clashing(seed: int) -> str:
    """A document in which response keys often stand for several fields."""
    chance = random.Random(seed)

    def item(on: str, levels: int) -> str:
        fields = chance.choices(ITEM, k=1)
        for _ in range(chance.randint(0, 2) if levels else 0):
            below = chance.choice(["PipelineItem", "Job", "Bridge"]) if "It" in on else on
            fields.append(f"... on {below} {item(below, levels - 1)}")
        if chance.random() < 0.5:
            selected = " ".join(chance.choices(PIPELINE, k=chance.randint(1, 2)))
            fields.append(f"{chance.choice(['pipeline', 'p: pipeline'])} {{ {selected} }}")
        return f"{{ {' '.join(fields)} {'...F' * (on == 'Job')} }}"

    nodes = " ".join(
        f'{key}: node(id: "1") {{ ... on {on} {item(on, 2)} }}'
        for key, on in zip("aab", chance.choices(["Job", "PipelineItem"], k=3), strict=True)
    )
    return (
        f"{{ {nodes} ...G }} fragment F on Job {{ {chance.choice(ITEM)} }}"
        ' fragment G on Query { c: node(id: "1") { ...F } }'
    )


def found_by_pairs(text: str) -> list[GraphQLError]:
    return validate(SCHEMA, parse(text), [OverlappingFieldsCanBeMergedRule], max_errors=1)


def found_by_others(text: str) -> list[GraphQLError]:
    rules = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]
    return validate(SCHEMA, parse(text), rules, max_errors=1)


def found_in_steps(text: str) -> list[GraphQLError]:
    parsed = finished(parse_steps(text, MANY))
    return finished(validate_steps(SCHEMA, parsed, max_errors=10, introspection=True))


class TestValidation:
    @repeatable
    @given(operation=operations(SCHEMA))
    def test_passes_what_is_valid(self, operation: Operation) -> None:
        assert found_in_steps(operation.text) == []

    @repeatable
    @given(operation=operations(SCHEMA), seed=st.integers(0, 2**32))
    def test_finds_the_same_mistakes(self, operation: Operation, seed: int) -> None:
        """A valid document of which one word is another one's."""
        chance = random.Random(seed)
        words = operation.text.split(" ")
        one, other = chance.randrange(len(words)), chance.randrange(len(words))
        words[one] = words[other]
        try:
            parsed = parse(" ".join(words))
        except GraphQLSyntaxError:
            return
        rules = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]

        found = finished(validate_steps(SCHEMA, parsed, max_errors=100, introspection=True))

        expected = validate(SCHEMA, parsed, rules)
        if expected:
            assert {error.message for error in expected} <= {error.message for error in found}


class TestOverlaps:
    @pytest.mark.broad
    def test_are_found_where_pairs_find_them(self) -> None:
        """Of documents that are wrong for other reasons as well, none is looked at."""
        looked_at = conflicts = 0
        for seed in range(600):
            text = clashing(seed)
            if found_by_others(text):
                continue
            looked_at += 1
            expected = found_by_pairs(text)
            conflicts += bool(expected)

            assert bool(found_in_steps(text)) == bool(expected), text

        assert looked_at > 50
        assert 0.2 < conflicts / looked_at < 0.9

    @pytest.mark.parametrize(
        "selected",
        [
            "x: name x: ref",
            "pipeline { id } pipeline: project { id }",
            "p: pipeline { x: id } ... on Job { p: pipeline { x: ref } }",
            "log { tail(lines: 1) { text } } log { tail(lines: 2) { text } }",
        ],
    )
    def test_are_told_as_graphql_core_tells_them(self, selected: str) -> None:
        text = f'{{ job(by: {{id: "1"}}) {{ {selected} }} }}'

        [found] = found_in_steps(text)

        [expected] = found_by_pairs(text)[:1]
        assert found.message == expected.message
        assert found.locations is not None
        assert expected.locations is not None
        assert {*found.locations} <= {*expected.locations}

    def test_are_looked_for_in_so_many_merged_selections_only(self) -> None:
        """Each level stands on an interface, and beside it on two of its types: sets double."""
        schema = build_schema(
            "interface I { a: I } type A implements I { a: I } type B implements I { a: I }"
            " type Query { i: I }"
        )

        def level(left: int) -> str:
            below = f"a {{ {level(left - 1)} }}" if left else "__typename"
            return f"{below} ... on A {{ {below} }} ... on B {{ {below} }}"

        def found(levels: int) -> GraphQLError | None:
            parsed: Any = parse(f"{{ i {{ {level(levels)} }} }}")
            return finished(find_overlaps(schema, parsed.definitions, {}, set()))

        too_many = found(7)

        assert found(3) is None
        assert too_many is not None
        assert f"more than {MAX_FIELDS_SEEN} ways" in too_many.message
