"""The rules of execution, each by name: what the gateway answers, the reference too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.execution.corpus import CASES, Case

if TYPE_CHECKING:
    from tests.execution.comparison import Comparison


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_rule(comparison: Comparison, case: Case) -> None:
    answers = [
        comparison.check(case.document, variables, case.world) for variables in case.variables
    ]

    case.check(answers[-1])


def test_each_rule_has_its_own_name() -> None:
    names = [case.name for case in CASES]

    assert len(set(names)) == len(names)
