"""What a window's arguments mean, and what a cursor's text; what is refused."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput
from gateway.upstream.paging import MAX_SIZE, calls_at_most, window_of
from gateway.upstream.paging.cursors import MAX_ID, Cursor


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"first": 0}, "first: 0 is out of range; ask for 1 to 100"),
        ({"first": -1}, "first: -1 is out of range; ask for 1 to 100"),
        ({"first": 101}, "first: 101 is out of range; ask for 1 to 100"),
        ({"last": 100_000}, "last: 100000 is out of range; ask for 1 to 100"),
        ({"first": 1, "last": 1}, "first, last: give only one of the two"),
        ({"first": 1, "before": "x"}, "before goes with last; first goes with after"),
        ({"last": 1, "after": "x"}, "after goes with first; last goes with before"),
        ({"after": "x", "before": "x"}, "after goes with first; last goes with before"),
        ({"first": 1, "after": ""}, "after: not a cursor: ''; give one back as a page gave it"),
        ({"after": "abc"}, "after: not a cursor: 'abc'; give one back as a page gave it"),
        ({"before": "é"}, "before: not a cursor: 'é'; give one back as a page gave it"),
    ],
)
def test_arguments_that_mean_no_window_are_refused(arguments, told):
    with pytest.raises(BadInput) as refused:
        window_of(**arguments)

    assert refused.value.message == told


def test_twenty_rows_are_given_where_nothing_is_asked_for():
    assert window_of().size == 20
    assert not window_of().backward
    assert window_of(before=str(Cursor("j", 5))).backward


def test_windows_that_mean_the_same_are_equal():
    wide = window_of(20, wants_next=True, wants_previous=True)
    narrow = window_of(20, wants_next=True, wants_previous=False)

    assert wide == narrow
    assert hash(wide) == hash(narrow)


@given(
    st.builds(Cursor, st.just("j"), st.integers(0, MAX_ID))
    | st.builds(
        Cursor,
        st.sampled_from("pqb"),
        st.integers(0, MAX_ID),
        st.integers(0, 2**63),
        st.integers(0, 50_000),
        st.none() | st.integers(0, 10_000),
    )
)
def test_a_cursor_comes_back_from_its_text(cursor):
    text = str(cursor)

    assert Cursor.parse(text, "after") == cursor
    assert text.isalnum()


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")))
def test_any_other_text_is_bad_input_or_a_cursor(text):
    try:
        cursor = Cursor.parse(text, "after")
    except BadInput:
        return
    assert 0 <= cursor.id <= MAX_ID


@pytest.mark.parametrize(
    "plain",
    [
        b"j1.7fffffffffffffff",
        b"q1.1.7fffffffffffffff.0.0",
        b"q1.1.1.c351.0",
        b"j2.1",
        b"j1.-1",
        b"q1.1.1",
    ],
)
def test_cursors_beyond_what_can_be_are_refused(plain):
    with pytest.raises(BadInput):
        Cursor.parse(b64encode(plain).rstrip(b"=").decode(), "after")


def test_the_most_calls_are_known_for_every_window():
    assert calls_at_most(MAX_SIZE, backward=False, has_cursor=False) == 1
    assert calls_at_most(MAX_SIZE, backward=False, has_cursor=True) == 2
    assert calls_at_most(MAX_SIZE, backward=True, has_cursor=True) == 3
