"""Floors, plain and gateway answer every measured operation alike, by the expected upstream calls;
the gateway with kept reads and without.

Without a clock; `python -m tests.benchmarks` measures.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.driver import ask
from tests.benchmarks.operation import GROWTH, OPERATIONS, Operation
from tests.benchmarks.programs import (
    PROGRAMS,
    Program,
    Upstream,
    start_program,
    start_upstream,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MEASURED = OPERATIONS | GROWTH
# Base64 of "Job:" and "Bridge:".
ITEM_ID = r"\('id', '(Sm9iO|QnJpZGdlO)"
# Jobs and bridges in the answer: three empty answers would be equal, too.
ITEMS = {
    "typename": 0,
    "one_job": 1,
    "few_1": 1,
    "few_20": 20,
    "few_100": 100,
    "many_1": 1,
    "many_20": 20,
    "many_100": 100,
    "nested": 20 + 20 * 5,
    "fifty_jobs": 50,
    "sixty_nodes": 60,
    "whole_pipeline": 250,
}
# What the obvious gateway needs where it differs: a call for every job; of a pipeline one for
# itself, and none to find out what was retried.
PLAIN_CALLS = {"fifty_jobs": 50, "sixty_nodes": 60, "whole_pipeline": 1 + 3 + 1}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with start_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def programs(upstream: Upstream) -> Iterator[dict[str, Program]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(start_program(name, upstream)) for name in PROGRAMS}


@pytest.fixture(params=ITEMS)
def name(request: pytest.FixtureRequest) -> str:
    operation: str = request.param
    return operation


def test_every_measured_operation_is_tested() -> None:
    assert ITEMS.keys() == OPERATIONS.keys() | GROWTH.keys()


def test_the_operation_is_answered_alike_and_in_full(
    programs: dict[str, Program], name: str
) -> None:
    operation = MEASURED[name]

    answers = {program: ask(running.port, operation) for program, running in programs.items()}

    assert answers == dict.fromkeys(answers, answers["floor"])
    assert [key for key, _ in answers["floor"]] == ["data"]
    assert len(re.findall(ITEM_ID, repr(answers["floor"]))) == ITEMS[name]


def test_the_operation_needs_the_expected_upstream_calls(
    upstream: Upstream, programs: dict[str, Program], name: str
) -> None:
    operation = MEASURED[name]

    calls = {program: _calls(upstream, running, operation) for program, running in programs.items()}

    assert calls["floor"] == calls["own_wire"] == operation.calls
    assert calls["plain"] == PLAIN_CALLS.get(name, operation.calls)
    assert calls["gateway"] <= operation.calls
    assert calls["kept"] <= operation.calls


@pytest.mark.parametrize("name", [name for name in MEASURED if MEASURED[name].kept_limit])
def test_what_is_kept_needs_no_call(
    upstream: Upstream, programs: dict[str, Program], name: str
) -> None:
    ask(programs["kept"].port, MEASURED[name])

    calls = _calls(upstream, programs["kept"], MEASURED[name])

    assert calls == 0


def _calls(upstream: Upstream, program: Program, operation: Operation) -> int:
    before = upstream.calls()
    ask(program.port, operation)
    return upstream.calls() - before
