"""Whole numbers in headers: digits, and few enough."""

import pytest

from gateway.upstream.wire import whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        (" 42\t", 42),
        ("007", 7),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("9" * 5_000, None),
        ("", None),
        (" ", None),
        ("-1", None),
        ("+1", None),
        ("1_000", None),
        ("1.5", None),
        ("1 2", None),
        ("\xb2", None),
        ("\u0664\u0662", None),
        (None, None),
    ],
)
def test_what_is_no_whole_number_of_64_bits_is_none(text, number):
    assert whole_number(text) == number
