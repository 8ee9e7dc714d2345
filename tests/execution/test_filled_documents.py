"""A text of a known shape comes to what it comes to alone: the same answer or the same errors, at
the same places.

More on demand: `GATEWAY_TEST_OPERATIONS=20000 pytest tests/execution/test_filled_documents.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from gateway.execution.document import FilledDocument
from gateway.execution.limits import Limits
from tests.execution.corpus.shapes import SHAPES, ShapeCase
from tests.execution.fake_world import World
from tests.execution.filling import GATEWAY, SCHEMA, answer, fresh, texts_of_a_shape
from tests.execution.mutant import Mutant
from tests.execution.operations import Operation, operations
from tests.execution.shape_mutants import SHAPE_MUTANTS
from tests.execution.test_equality import COUNT, repeatable, worlds

if TYPE_CHECKING:
    from tests.execution.comparison import Stack
    from tests.execution.settling import SettlingLoop


@settings(repeatable, max_examples=COUNT // 4)
@given(data=st.data(), operation=operations(SCHEMA._schema, max_fields=20), world=worlds)
def test_texts_of_a_shape_come_to_what_each_comes_to_alone(
    loop: SettlingLoop, data: st.DataObject, operation: Operation, world: World
) -> None:
    texts = data.draw(texts_of_a_shape(operation.text))
    known = fresh()

    for text in texts:
        for variables in operation.variables:
            alone = answer(fresh(), text, variables, world, loop)

            assert answer(known, text, variables, world, loop) == alone
        event("filled" if isinstance(known.find(text), FilledDocument) else "for itself")


class TestEachRule:
    @pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in SHAPES])
    def test_comes_to_what_it_comes_to_alone(self, loop: SettlingLoop, case: ShapeCase) -> None:
        known = fresh()

        assert not differing(case, known, loop)
        assert isinstance(known.find(case.texts[-1]), FilledDocument) is case.is_filled

    def test_mutants_are_loaded_with_all_that_is_checked(self, loop: SettlingLoop) -> None:
        """Without a mutation nothing is found."""
        same = Mutant("none", "shapes", "def pieces_of(", "def pieces_of(")

        assert not is_found(same, loop)

    # What a mutant reaches, the gateway has not reached.
    @pytest.mark.broad
    @pytest.mark.parametrize(
        "mutant", [pytest.param(mutant, id=mutant.name) for mutant in SHAPE_MUTANTS]
    )
    def test_finds_a_mutant(self, loop: SettlingLoop, mutant: Mutant) -> None:
        assert is_found(mutant, loop)


def differing(case: ShapeCase, known: Any, loop: SettlingLoop, stack: Stack = GATEWAY) -> bool:
    """Does a text of the case come to anything else than alone?"""
    return any(
        answer(known, text, variables, World(), loop, stack)
        != answer(fresh(), text, variables, World(), loop)
        for text in case.texts
        for variables in case.variables
    )


def is_found(mutant: Mutant, loop: SettlingLoop) -> bool:
    stack = mutant.load(validates=True)
    for case in SHAPES:
        try:
            if differing(case, stack.documents.Documents(SCHEMA, Limits()), loop, stack):
                return True
        except Exception:  # noqa: BLE001 - a mutant may fail in any way
            return True
    return False
