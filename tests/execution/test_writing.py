"""A response that is written in steps is the same, byte by byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ResponseTooLarge
from gateway.execution.writing import write_fields, write_steps

if TYPE_CHECKING:
    from collections.abc import Generator

leaves = st.none() | st.integers(0, 9) | st.sampled_from(["", 'é "text"'])
values = st.recursive(
    leaves,
    lambda below: st.lists(below, max_size=7) | st.dictionaries(st.just("key"), below),
    max_leaves=9,
)
names = st.sampled_from(["a", "b", "c", "d", "e", "f"])
responses = st.fixed_dictionaries(
    {"data": st.none() | st.dictionaries(names, values)},
    optional={"extensions": st.dictionaries(names, leaves)},
)


def written(steps: Generator[None, None, bytes]) -> bytes:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return bytes(end.value)


@given(responses, st.integers(1, 5))
def test_fields_written_in_groups_are_those_written_at_once(
    response: dict[str, Any], at_once: int
) -> None:
    whole = msgspec.json.encode(response)

    assert written(write_fields(response, 1_000_000, at_once)) == whole
    assert written(write_steps(response, 1_000_000)) == whole


@pytest.mark.parametrize(
    "fields", [{f"f{n}": "x" * 100 for n in range(99)}, {"f": ["x" * 99] * 99}]
)
def test_writing_ends_where_the_response_is_too_long(fields: dict[str, Any]) -> None:
    steps = write_fields({"data": fields}, 1_000, 2)

    with pytest.raises(ResponseTooLarge):
        written(steps)
