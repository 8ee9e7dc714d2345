"""How documents are kept by their shape: what is made once, what it weighs, and what it costs."""

from __future__ import annotations

import logging

import pytest

from gateway.execution.documents import Documents
from gateway.execution.limits import Limits
from gateway.execution.operation import LEAST_WEIGHT
from gateway.execution.response import RequestError
from gateway.turns import finished
from tests.execution.filling import SCHEMA, fresh, prepared


class TestKeeping:
    ONE_JOB = "{ job(by: {path: {project: 1, job: %s}}) { name } }"

    def test_the_second_text_of_a_shape_is_the_last_that_is_kept(self) -> None:
        known = fresh()

        for number in range(500):
            known.get(self.ONE_JOB % number)

        assert len(known) == 2

    def test_plans_of_a_shape_are_made_once(self) -> None:
        known = fresh()
        for number in range(3):
            prepared(known, self.ONE_JOB % number)
        weight = known._weight

        plans = {id(prepared(known, self.ONE_JOB % number).plan) for number in range(9, 99)}

        assert len(plans) == 1
        assert known._weight == weight

    def test_a_text_that_is_kept_stays_what_it_is(self) -> None:
        known = fresh()
        first = known.get(self.ONE_JOB % 1)
        for number in range(2, 9):
            known.get(self.ONE_JOB % number)

        assert known.get(self.ONE_JOB % 1) is first

    def test_a_flood_of_shapes_is_bounded(self) -> None:
        known = Documents(SCHEMA, Limits(), kept=10)

        for number in range(200):
            for value in range(3):
                known.get(f"{{ a{number}: {self.ONE_JOB[2:] % value}")

        assert len(known) == 10
        assert known._weight == sum(document.weight for document in known._documents.values())

    def test_trusted_texts_make_no_shape(self) -> None:
        known = fresh()
        texts = [self.ONE_JOB % number for number in range(4)]
        known.trust({text: finished(known.making_trusted(text, text)) for text in texts})

        assert [known.get(text).trusted for text in texts] == texts
        assert len(known) == 0

    def test_what_is_over_a_measured_limit_is_told_of_each_text(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        known = Documents(SCHEMA, Limits(), measured=Limits(depth=1))
        caplog.set_level(logging.WARNING, "gateway.limits")

        for number in range(4):
            known.get(self.ONE_JOB % number)

        assert len(caplog.records) == 4

    def test_a_text_that_is_too_long_is_refused(self) -> None:
        known = Documents(SCHEMA, Limits(characters=100))
        for number in range(3):
            known.get(self.ONE_JOB % number)

        assert known.get(self.ONE_JOB % f'"{"7" * 100}"').errors

    def test_what_a_shape_holds_counts(self) -> None:
        known = fresh()
        for number in range(3):
            prepared(known, self.ONE_JOB % number)

        first, shape = known._documents.values()

        assert shape.weight > first.weight


ROWS = (1, 2, 3, 50)


def test_the_cost_is_that_of_the_values_at_hand() -> None:
    known = fresh()
    text = "{ project(id: 1) { jobs(first: %s) { nodes { pipeline { jobs { totalCount } } } } } }"

    estimated = [prepared(known, text % rows).estimate.calls for rows in ROWS]
    alone = [prepared(fresh(), text % rows).estimate.calls for rows in ROWS]

    assert estimated == alone
    assert len({*estimated}) == len(ROWS)
    with pytest.raises(RequestError) as refused:
        prepared(known, text % 50, max_calls=40)
    assert refused.value.code == "COST_EXCEEDED"


def test_a_shape_is_asked_for_by_many_at_once() -> None:
    """Those who come before its plan is made make it themselves, and it counts once."""
    known = fresh()
    text = "{ job(by: {path: {project: 1, job: %s}}) { name } }"
    known.get(text % 1)
    filled = [known.get(text % number).operation(None) for number in range(2, 6)]
    steps = [operation.planning(operation.constants) for operation in filled]
    plans = [finished(some) for some in steps]

    (document,) = [one for one in known._documents.values() if one.shape is not None]

    assert len(plans) == 4
    assert known._weight == sum(one.weight for one in known._documents.values())
    assert document.operation(None)._weight < 2 * (document.weight - LEAST_WEIGHT)
