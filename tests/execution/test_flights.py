"""Which executions may be joined, and what each of those who do is told."""

from __future__ import annotations

import asyncio
import logging
from typing import ClassVar

import pytest
from graphql import GraphQLError
from msgspec.structs import replace

from gateway.execution.flights import MAX_EXPECTED, Flights
from gateway.execution.masking import format_error
from gateway.execution.request import GraphQLRequest
from gateway.execution.response import GraphQLResponse, encode
from gateway.slate import Slate
from gateway.upstream.calls.admission import written_by
from gateway.upstream.calls.keep import MOVING_S
from gateway.upstream.credential import owner_of
from gateway.upstream.scope import Tally
from tests.execution.flying import ASKED, ONE, TWO, begin, join, key, scope_of
from tests.harness.turns import turns


class TestWhatIsEqual:
    @pytest.mark.parametrize(
        "other",
        [
            GraphQLRequest("{ job }"),
            GraphQLRequest("{ job }", None, {"id": "1"}),
            GraphQLRequest("{ job }", None, {"id": True}),
            GraphQLRequest("{ job }", None, {"id": 1.0}),
            GraphQLRequest("{ job }", "Q", {"id": 1}),
            GraphQLRequest("{ job }", None, {"id": 1}, {"cost": True}),
            GraphQLRequest("{ job  }", None, {"id": 1}),
            GraphQLRequest(None, None, {"id": 1}, document_id="{ job }"),
        ],
    )
    def test_nothing_that_was_asked_otherwise(self, other):
        assert key(other) != key()

    def test_variables_in_whatever_order(self):
        one = GraphQLRequest("{ job }", None, {"id": 1, "of": {"a": 1, "b": None}})
        other = GraphQLRequest("{ job }", None, {"of": {"b": None, "a": 1}, "id": 1})

        assert key(one) == key(other)

    def test_nothing_of_another_credential_nor_of_none(self):
        as_another = replace(ONE, sudo="root", fingerprint="")

        assert len({key(ASKED, one) for one in (ONE, TWO, None, as_another)}) == 4

    def test_variables_that_no_json_holds_equal_no_others(self):
        requests = [GraphQLRequest("{ job }", None, {"id": {object(): 1}}) for _ in range(2)]

        assert key(requests[0]) != key(requests[1])


class TestWhatIsExpected:
    def test_nothing_that_is_asked_once(self):
        assert not Flights().expects(hash(key()))

    def test_what_runs_for_somebody_else(self):
        flights = Flights()
        flights.alone.add(hash(key()))

        assert flights.expects(hash(key()))
        flights.alone.discard(hash(key()))
        assert flights.expects(hash(key()))

    @pytest.mark.anyio
    async def test_no_more_once_nobody_has_joined(self):
        flights, scope = Flights(), scope_of()
        flights.alone.add(hash(key()))
        flights.expects(hash(key()))
        for others in (1, 0):
            flights.alone.clear()
            _, execution, led = begin(flights, scope)
            joined = [join(flights.open[key()], scope_of()) for _ in range(others)]
            await turns()
            await execution.answer()
            await asyncio.gather(led, *joined)
            expected = flights.expects(hash(key()))

            assert expected is bool(others)

    def test_only_so_much(self):
        flights = Flights()
        for number in range(MAX_EXPECTED + 9):
            asked = hash(key(GraphQLRequest(f"{{ job{number} }}")))
            flights.alone.add(asked)
            flights.expects(asked)

        assert len(flights.expected) == MAX_EXPECTED


@pytest.mark.anyio
class TestWhatMayBeJoined:
    @pytest.fixture
    def changes(self):
        slate = Slate.make(2)
        yield slate.changes()
        slate.close()

    @pytest.fixture
    async def begun(self):
        """Flights, and how to begin one of them."""
        leading = []

        def begun(flights):
            flight, _, led = begin(flights, scope_of())
            leading.append(led)
            return flight

        yield begun
        for led in leading:
            led.cancel()
        await asyncio.gather(*leading, return_exceptions=True)
        await turns()

    async def test_an_equal_one(self, begun):
        flights = Flights()
        flight = begun(flights)

        assert flights.find(key()) is flight
        assert flights.find(key(ASKED, TWO)) is None

    async def test_none_whose_caller_writes(self, begun):
        flights = Flights()
        flight = begun(flights)

        flights.close(owner_of(TWO))
        assert flights.find(key()) is flight
        flights.close(owner_of(ONE))
        assert flights.find(key()) is None

    async def test_none_whose_caller_has_written_since_through_another_worker(self, begun, changes):
        flights = Flights(changes)
        flight = begun(flights)

        changes.note(written_by(owner_of(TWO)))
        assert flights.find(key()) is flight
        changes.note(written_by(owner_of(ONE)))
        assert flights.find(key()) is None

    async def test_none_whose_caller_has_written_since_through_another_gateway(
        self, begun, changes
    ):
        async def observe(owner):
            await turns()
            changes.note(written_by(owner))
            return True

        flights = Flights(changes, observe)
        flight = begun(flights)

        assert flights.find(key()) is flight
        assert await flights.look(key()) is None

    @pytest.mark.parametrize("can_tell", [True, False])
    async def test_none_where_nobody_can_tell_what_was_written(self, begun, changes, can_tell):
        async def observe(_):
            return can_tell

        flights = Flights(changes, observe)
        flight = begun(flights)

        assert await flights.look(key()) is (flight if can_tell else None)

    async def test_none_that_is_old(self, begun):
        flights = Flights()
        flight = begun(flights)

        assert flights.find(key()) is flight
        flight.began -= MOVING_S + 0.1
        assert flights.find(key()) is None

    async def test_none_that_was_given_what_was_kept(self, begun):
        flights = Flights()
        flight = begun(flights)

        flight.scope.note_answer(100)
        assert flights.find(key()) is flight
        flight.scope.tally.cached += 1
        assert flights.find(key()) is None

    async def test_none_that_was_given_what_was_kept_once_who_began_it_has_left(self):
        flights, scope = Flights(), scope_of()
        flight, _, led = begin(flights, scope)
        joined = join(flight, scope_of())
        await turns()
        scope.tally.cached += 1

        led.cancel()
        await turns()

        assert not flight.scope.tally.cached
        assert flights.find(key()) is None
        joined.cancel()
        await turns()


class TestResponses:
    """As one who joined is told them."""

    DATA: ClassVar = {"a": ["requestId", None], "b": {"extensions": 1}}

    def test_are_the_same_bytes(self):
        response = GraphQLResponse("executed", Tally(calls=2), self.DATA).encoded()

        own = response.for_another(Tally(shared=2), "own")

        assert own.body is response.body
        assert (own.tally.shared, own.is_joined) == (2, True)

    def test_but_for_the_cost(self):
        cost = {"estimated": 3, "calls": 12, "shared": 0, "cached": 0, "retried": 1}
        errors = [{"message": "no", "path": ["a"], "extensions": {"code": "NOT_FOUND"}}]
        response = GraphQLResponse(
            "executed", Tally(calls=12), self.DATA, errors, {"cost": cost}, estimated_calls=3
        ).encoded()

        own = response.for_another(Tally(shared=12), "own")

        told = {"estimated": 3, "calls": 0, "shared": 12, "cached": 0, "retried": 0}
        assert own.errors == errors
        assert own.body == encode(
            {"errors": errors, "data": self.DATA, "extensions": {"cost": told}}
        )

    def test_of_what_nobody_expected_is_recorded_once_for_each_request(self, caplog):
        caplog.set_level(logging.ERROR, "gateway.execution")
        errors = [format_error(GraphQLError("x", original_error=ZeroDivisionError()), "own")]
        response = GraphQLResponse("executed", Tally(), None, errors).encoded()
        caplog.clear()

        # Whose it has become, since who began it has left.
        own = response.for_another(Tally(), "own")

        assert own.errors == errors
        assert not caplog.records

    def test_but_for_the_request_id_of_what_nobody_expected(self, caplog):
        caplog.set_level(logging.ERROR, "gateway.execution")
        located = GraphQLError("x", path=["a"], original_error=ZeroDivisionError())
        other = {"message": "no", "extensions": {"code": "NOT_FOUND"}}
        errors = [other, format_error(located, "the first")]
        response = GraphQLResponse("executed", Tally(), self.DATA, errors).encoded()
        caplog.clear()

        own = response.for_another(Tally(), "own")

        assert own.errors == [other, format_error(located, "own")]
        assert own.body == encode({"errors": own.errors, "data": self.DATA})
        assert b"the first" not in own.body
        assert "request own, path ['a'], together with request the first" in caplog.text
