"""The corpus tells every mutant of the compiler from the gateway."""

from __future__ import annotations

import pytest

from tests.execution.comparison import Answer, Comparison, Stack
from tests.execution.corpus import CASES, Case
from tests.execution.mutant import Mutant
from tests.execution.mutants import MUTANTS
from tests.execution.settling import settling_loop

# What a mutant reaches, the gateway has not reached.
pytestmark = pytest.mark.broad

Expected = list[tuple[Case, list[Answer]]]


@pytest.fixture(scope="module")
def expected() -> Expected:
    """What the reference gives for each case."""
    with settling_loop() as loop:
        reference = Comparison(loop)
        return [
            (
                case,
                [
                    reference.run_reference(case.document, given, case.world)
                    for given in case.variables
                ],
            )
            for case in CASES
        ]


def test_the_gateway_itself_is_not_found(expected: Expected) -> None:
    """Mutants are loaded a way of their own: without a mutation it changes nothing."""
    stack = Mutant("none", "compiler", "def compile_plan(", "def compile_plan(").load()

    assert stack.executor is not Stack().executor
    assert not is_found(stack, expected)


@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in MUTANTS])
def test_mutant_is_found(mutant: Mutant, expected: Expected) -> None:
    assert is_found(mutant.load(), expected)


def is_found(stack: Stack, expected: Expected) -> bool:
    """Does some case tell these modules from the reference?"""
    with settling_loop() as loop:
        comparison = Comparison(loop, stack)
        return any(differs(comparison, case, answers) for case, answers in expected)


def differs(comparison: Comparison, case: Case, expected: list[Answer]) -> bool:
    try:
        for variables, answer in zip(case.variables, expected, strict=True):
            planned = comparison.run_planned(case.document, variables, case.world)
            comparison.compare(answer, planned, case.document, variables, case.world)
        case.check(planned)
    except Exception:  # noqa: BLE001 - a mutant may fail in any way
        return True
    return False
