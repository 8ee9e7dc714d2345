"""What scalars take and give."""

from typing import Any

import pytest
from graphql import Undefined, parse, parse_value, value_from_ast
from graphql.execution.values import get_variable_values

from gateway.execution.schema import make_schema

SCHEMA = make_schema()._schema
TYPES: Any = SCHEMA.type_map


def coerced(type_name, value):
    return TYPES[type_name].coerce_input_value(value)


def literal(type_name, text):
    return value_from_ast(parse_value(text), TYPES[type_name])


@pytest.mark.parametrize("number", [0, 1, -1, 2**31, 2**53, 2**63 - 1])
def test_big_int_takes_numbers_and_digits(number):
    assert coerced("BigInt", number) == number
    assert coerced("BigInt", str(number)) == number
    assert literal("BigInt", str(number)) == number
    assert literal("BigInt", f'"{number}"') == number


def test_big_int_takes_a_whole_double():
    assert coerced("BigInt", 5.0) == 5


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        str(2**63),
        "9" * 5000,
        1.5,
        float("inf"),
        True,
        "",
        "-",
        "1e3",
        "--1",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "0x1",
        [],
        {},
    ],
)
def test_big_int_refuses_the_rest(value):
    with pytest.raises(ValueError, match="BigInt takes an integer"):
        coerced("BigInt", value)


@pytest.mark.parametrize("text", ["1.5", "true", '"ten"', "[1]", "9223372036854775808"])
def test_big_int_refuses_such_literals(text):
    assert literal("BigInt", text) is Undefined


def test_big_int_goes_out_as_a_number():
    assert TYPES["BigInt"].coerce_output_value(16_862_751_507) == 16_862_751_507


def test_url_takes_addresses():
    page = "https://gitlab.example/group/name/-/jobs/8"

    assert coerced("URL", page) == page
    assert literal("URL", f'"{page}"') == page


@pytest.mark.parametrize("value", ["", "www.example.org", "ftp://example.org", "javascript:1", 5])
def test_url_refuses_the_rest(value):
    with pytest.raises(ValueError, match="URL"):
        coerced("URL", value)


def test_upstream_text_goes_out_untouched():
    assert TYPES["DateTime"].coerce_output_value("2020-04-13T10:00:00.000-04:00").endswith("-04:00")
    assert TYPES["URL"].coerce_output_value("no address at all") == "no address at all"
    assert TYPES["Duration"].coerce_output_value(11839478.849331724) == 11839478.849331724


def test_json_takes_any_value():
    value = {"a": [1, 2.5, None, {"b": "c"}]}

    assert coerced("JSON", value) == value
    assert literal("JSON", '{a: [1, 2.5, null, {b: "c"}]}') == value


def test_a_refused_variable_says_what_is_taken():
    operation: Any = parse("query ($from: BigInt!) { __typename }").definitions[0]

    errors = get_variable_values(SCHEMA, operation.variable_definitions, {"from": "ten"})

    assert isinstance(errors, list)
    [error] = errors
    assert "BigInt takes an integer of at most 64 bits, or its digits: 'ten'" in error.message
