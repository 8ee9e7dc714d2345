"""Variables and literals are counted to the last value, before anything is coerced."""

from __future__ import annotations

import pytest
from graphql import GraphQLError, parse

from gateway.execution.inputs import check_variables, count_values, errors_told, first_errors
from gateway.execution.limits import Limits

LIMITS = Limits(values=5, variable_depth=3, variable_characters=10)


class TestVariables:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"a": [1, 2, 3, 4]}, None),
            ({"a": [1, 2, 3, 4, 5]}, "more than 5 values"),
            ({"a": {"b": 1, "c": {"d": 2}}, "e": 3}, None),
            ({"a": {"b": 1, "c": {"d": 2}}, "e": 3, "f": None}, "more than 5 values"),
            ({"a": [[]]}, None),
            ({"a": [[[]]]}, "more than 3 levels deep"),
            ({"a": {"b": "12345678"}}, None),
            ({"a": {"b": "123456789"}}, "more than 10 characters"),
            ({"a": ["123", "456", "789"]}, None),
            ({"a": ["123", "456", "7890"]}, "more than 10 characters"),
        ],
    )
    def test_are_refused_from_the_first_over_the_limit(self, given: dict, told: str | None) -> None:
        refusal = check_variables(given, LIMITS)

        assert (refusal is None) == (told is None)
        assert (told or "") in (refusal or "")


class TestLiterals:
    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ('{ a(b: 1, c: "x", d: $e) }', 0),
            ("{ a(b: [1, 2], c: {d: [], e: {f: 1}}) }", 5),
            ("query($a: [Int!]! = [1 2]) { b }", 2),
            ("query($a: Int @b(c: [1])) @d(e: [1]) { f @g(h: [1]) { i @j(k: {l: 1}) } }", 4),
            (
                "{ ...A @b(c: [1]) ... @d(e: [1]) { f } } fragment A on B @g(h: [1]) { i(j: [1]) }",
                4,
            ),
            ("query A { b(c: [1]) } query D { e(f: [[1 2] [3]]) }", 6),
        ],
    )
    def test_are_counted_wherever_they_stand(self, text: str, values: int) -> None:
        assert count_values(parse(text)) == values


class TestErrors:
    def test_are_told_with_one_more_for_the_rest(self) -> None:
        errors = [GraphQLError(str(number)) for number in range(11)]

        assert first_errors(errors[:10]) == errors[:10]
        assert [error.message for error in first_errors(errors)] == [
            *map(str, range(10)),
            "… and more; the first 10 errors are told",
        ]

    def test_that_print_large_literals_are_fewer(self) -> None:
        assert [errors_told(values) for values in (0, 100, 500, 1000, 5000)] == [10, 10, 2, 1, 1]
