"""What a document may hold is checked before validation, in time linear in its length."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import get_introspection_query, parse

from gateway.execution.limits import Limits, _Measure, check_limits

LIMITS = Limits(depth=4, fields=20)


def refusals(text: str, limits: Limits = LIMITS) -> list[str]:
    return check_limits(parse(text), limits)


def doubling(count: int) -> str:
    """Fragments of one field that each spread the next one twice."""
    fragments = "".join(
        f" fragment F{n} on Job {{ a{n}: name ...F{n + 1} ...F{n + 1} }}" for n in range(count)
    )
    return f"{{ ...F0 }}{fragments} fragment F{count} on Job {{ name }}"


class TestDepth:
    @pytest.mark.parametrize(
        "text",
        [
            "{ a { b { c { d } } } }",
            "{ a { ...F } } fragment F on T { b { c { d } } }",
            "{ a { ... { ... on T { b { ... { c { d } } } } } } }",
        ],
    )
    def test_levels_are_those_of_fields(self, text: str) -> None:
        assert refusals(text) == []
        assert refusals(text.replace("d", "d { e }")) == [
            (
                "the document is 5 levels deep, 4 are allowed (GATEWAY_MAX_DEPTH);"
                " ask in several operations"
            )
        ]

    def test_each_operation_and_fragment_is_looked_at(self) -> None:
        deep = "a { b { c { d { e } } } }"

        assert refusals(f"query A {{ x }} query B {{ {deep} }}") != []
        assert refusals(f"{{ x }} fragment F on T {{ {deep} }}") != []

    def test_cycles_end(self) -> None:
        """Validation reports them."""
        assert refusals("{ ...F } fragment F on T { a ...G } fragment G on T { b ...F ...G }") == []


class TestFields:
    def test_count_over_all_operations(self) -> None:
        fields = " ".join(f"a{n}" for n in range(11))

        assert refusals(f"{{ {fields} }}") == []
        assert refusals(f"query A {{ {fields} }} query B {{ {fields} }}") == [
            (
                "the document has 22 fields where its fragments are spread, 20 are allowed"
                " (GATEWAY_MAX_FIELDS); ask in several operations"
            )
        ]

    def test_of_a_fragment_count_wherever_it_is_spread(self) -> None:
        text = "{ a { ...F } b { ...F } c { ...F } } fragment F on T { d e f { g } }"

        assert refusals(text, Limits(fields=15)) == []
        assert "15 fields" in refusals(text, Limits(fields=14))[0]

    def test_of_a_fragment_that_is_not_spread_count_once(self) -> None:
        text = "{ a } fragment F on T { b c d }"

        assert refusals(text, Limits(fields=4)) == []
        assert "4 fields" in refusals(text, Limits(fields=3))[0]


FRAGMENTS = "fragment F on T { ...G } fragment G on T { c }"


class TestSpreads:
    def test_count_wherever_their_fragment_is_spread(self) -> None:
        text = (
            "{ a { ...F } b { ...F ...on T { x } } } fragment F on T { ...G } fragment G on T { c }"
        )

        assert refusals(text, Limits(fields=5)) == []
        assert "spreads fragments 5 times" in refusals(text, Limits(fields=4))[-1]

    def test_of_many_operations_over_many_fragments_are_refused(self) -> None:
        """Validation looks at each fragment for each operation: 2.4 s for these 36 kB."""
        operations = " ".join(f"query Q{n} {{ ...F0 }}" for n in range(700))
        chain = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(60))

        assert "spreads fragments 42700 times" in "".join(
            refusals(f"{operations} {chain} fragment F60 on Query {{ __typename }}", Limits())
        )

    def test_deeper_than_the_stack_are_refused(self) -> None:
        chain = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(110))

        assert refusals(f"{{ ...F0 }} {chain} fragment F110 on Query {{ a }}", Limits()) == [
            (
                "the document's fragments are nested more than 100 levels deep; spread fewer within"
                " each other"
            )
        ]


class TestBombs:
    def test_each_node_is_looked_at_once(self) -> None:
        """Forty fragments, each spreading the next one twice: 41 fields in the text, or 2^41."""
        definitions: Any = parse(doubling(40)).definitions
        fragments = {part.name.value: part for part in definitions[1:]}
        measure = _Measure(fragments)

        size = measure.size(definitions[0].selection_set)

        assert (size.depth, size.fields) == (1, 2**41 - 1)
        assert measure.keys.total() == 41

    @pytest.mark.parametrize("count", [12, 40, 400])
    def test_fragments_that_double_are_refused(self, count: int) -> None:
        assert any("fields where" in message for message in refusals(doubling(count), Limits()))

    def test_the_introspection_of_tools_is_no_bomb(self) -> None:
        text = get_introspection_query(
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
        )

        assert refusals(text, Limits()) == []
