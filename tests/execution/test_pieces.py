"""A text is taken apart into its literals, as the lexer finds them, and what stands between."""

from __future__ import annotations

import re

from graphql import GraphQLError
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.execution.shapes import key_of, pieces_of
from tests.execution.filling import GIVEN, ODD, tokens
from tests.execution.test_equality import repeatable


class TestPieces:
    @settings(repeatable, max_examples=2_000)
    @given(text=st.text(st.sampled_from('""\\\\#0019-.eE+aJ_ ,:[\n\r\ud800é'), max_size=12))
    def test_are_the_literals_that_the_lexer_finds(self, text: str) -> None:
        """Where there is a block string, or a number touches another, they may be none."""
        try:
            expected = [token for is_literal, token in tokens(text) if is_literal]
        except GraphQLError:
            return
        pieces = pieces_of(text)

        found = [piece for piece in pieces[1::2] if not piece.startswith("#")]
        assert "".join(pieces) == text
        assert found == expected or has_literals(pieces[::2])

    @settings(repeatable, max_examples=2_000)
    @given(data=st.data())
    def test_that_change_places_are_the_literals_of_the_other_text(
        self, data: st.DataObject
    ) -> None:
        """What stands between literals is the same: so is what the lexer finds there."""
        between = ["a", " ", "", "[", "a:", "\n", "{b,"]
        literals = [*ODD, *GIVEN]
        one, other = (
            data.draw(
                st.lists(st.tuples(st.sampled_from(between), st.sampled_from(literals)), max_size=4)
            )
            for _ in range(2)
        )
        texts = ["".join(f"{space}{literal}" for space, literal in some) for some in (one, other)]
        first, second = map(pieces_of, texts)
        if key_of(first) != key_of(second) or has_literals(first[::2]):
            return
        kinds = [piece.startswith("#") for piece in first[1::2]]
        if kinds != [piece.startswith("#") for piece in second[1::2]]:
            return
        try:
            found = [token for is_literal, token in tokens(texts[0]) if is_literal]
        except GraphQLError:
            return
        try:
            expected = [token for is_literal, token in tokens(texts[1]) if is_literal]
        except GraphQLError:
            # What stands in a string is looked at when it is read.
            assert "\\" in texts[1]
            return

        assert len(found) == len(expected)

    def test_are_found_in_linear_time(self) -> None:
        shapes = ["1" * 64_000, '"' + "\\n" * 32_000, "-" * 64_000, "1." * 32_000, "#" * 64_000]

        for text in shapes:
            assert "".join(pieces_of(text)) == text


def has_literals(between: list[str]) -> bool:
    return any(re.search(r'["#]|(?<![A-Za-z0-9_])[0-9-]', piece) for piece in between)
