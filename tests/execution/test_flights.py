"""Which executions may be joined, and what becomes of them, whoever leaves."""

from __future__ import annotations

import asyncio
import gc
import logging
from functools import partial
from traceback import extract_tb
from typing import Any, ClassVar
from weakref import ref

import pytest
from graphql import GraphQLError
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.errors import ResponseTooLarge
from gateway.events import Origin
from gateway.execution.flights import MAX_EXPECTED, Flights, key_of
from gateway.execution.masking import format_error
from gateway.execution.request import Caller, Carrier, GraphQLRequest
from gateway.execution.response import GraphQLResponse, encode
from gateway.slate import Slate
from gateway.upstream.calls.admission import written_by
from gateway.upstream.calls.keep import MOVING_S
from gateway.upstream.credential import Credential, owner_of
from gateway.upstream.scope import CallScope, Tally
from tests.harness.driven import drive
from tests.harness.turns import turns

ONE, TWO = Credential("PRIVATE-TOKEN", "glpat-one"), Credential("PRIVATE-TOKEN", "glpat-two")
ASKED = GraphQLRequest("{ job }", None, {"id": 1})
# What the flight only hands on.
PREPARED: Any = None


class Bug(Exception):
    """What nobody foresaw."""


def caller_of(credential=ONE):
    return Caller(Carrier("http"), credential, "an id", 0.0, 0.0)


def scope_of(credential=ONE, seconds=10.0):
    now = asyncio.get_running_loop().time()
    return CallScope(credential, now + seconds, f"of {seconds} s")


def key(request=ASKED, credential=ONE):
    return key_of(request, caller_of(credential))


class Execution:
    """One that makes two calls in its scope, each answered when a test says so."""

    def __init__(self, scope):
        self.scope = scope
        self.answers = []
        self.ended = None

    async def run(self):
        try:
            for _ in range(2):
                self.scope.tally.calls += 1
                answer = asyncio.get_running_loop().create_future()
                self.answers.append(answer)
                await answer
        except BaseException as error:
            self.ended = type(error)
            raise
        self.ended = None
        return GraphQLResponse("executed", self.scope.tally, {"job": 1})

    async def answer(self):
        for number in range(2):
            self.answers[number].set_result(None)
            await turns(3)


def begin(flights, scope, execution=None):
    """A flight of what is asked, its execution, and what becomes of who began it."""
    execution = execution or Execution(scope)
    flight = flights.begin(key(), scope, PREPARED, ASKED.query, execution.run())
    return flight, execution, asyncio.ensure_future(flight.wait(scope, scope.deadline))


def join(flight, scope):
    return asyncio.ensure_future(flight.wait(scope, scope.deadline))


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


@pytest.mark.anyio
class TestWhatComesOfIt:
    async def test_is_told_to_all_and_counted_once(self):
        flights, scopes = Flights(), [scope_of() for _ in range(3)]
        flight, execution, led = begin(flights, scopes[0])
        joined = [join(flight, scope) for scope in scopes[1:]]
        await turns()
        scopes[0].note_answer(100)
        await execution.answer()

        landed = await asyncio.gather(led, *joined)

        assert all(one is landed[0] for one in landed)
        assert [(one.tally.calls, one.tally.shared) for one in scopes] == [(2, 0), (0, 2), (0, 2)]
        assert [one.tally.read_bytes for one in scopes] == [100, 100, 100]
        assert flights.open == {}

    async def test_whoever_leaves_the_others_are_told(self):
        flights, scopes = Flights(), [scope_of(seconds=10.001 + n / 1000) for n in range(3)]
        tallies = [scope.tally for scope in scopes]
        flight, execution, led = begin(flights, scopes[0])
        joined = [join(flight, scope) for scope in scopes[1:]]
        await turns()

        led.cancel()
        await turns()
        assert flight.scope.request_id == scopes[1].request_id
        await execution.answer()

        assert [(await one).data for one in joined] == [{"job": 1}] * 2
        assert [(one.calls, one.shared) for one in tallies] == [(1, 0), (1, 1), (0, 2)]

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
    async def test_the_last_who_leaves_stops_it(self, order):
        flights = Flights()
        flight, execution, led = begin(flights, scope_of())
        waiting = [led, join(flight, scope_of()), join(flight, scope_of())]
        await turns()

        for number in order:
            assert execution.ended is None
            waiting[number].cancel()
            await turns()

        assert execution.ended is asyncio.CancelledError
        assert flights.open == {}

    async def test_nobody_may_join_what_the_last_one_has_left(self):
        flights, found = Flights(), []
        _, execution, led = begin(flights, scope_of())
        await turns()
        # Before the execution hears of it.
        led.add_done_callback(lambda _: found.append((flights.find(key()), execution.ended)))

        led.cancel()
        await turns()

        assert found == [(None, None)]

    async def test_calls_are_made_for_an_heir_once_who_began_it_has_left(self):
        scope, heir = scope_of(), scope_of(seconds=11.0)
        flight, _, led = begin(Flights(), scope)
        joined = join(flight, heir)
        await turns()
        scope.headers["X-Request-Id"] = scope.request_id
        heir.origin = Origin("192.0.2.1")

        led.cancel()
        await turns()

        assert (flight.scope.request_id, flight.scope.headers) == (heir.request_id, {})
        assert flight.scope.origin is heir.origin
        joined.cancel()
        await turns()

    async def test_who_leaves_at_once_stops_it_as_well(self):
        flights = Flights()
        flight, execution, led = begin(flights, scope_of())
        await turns(1)
        led.cancel()
        await turns()

        assert execution.ended is asyncio.CancelledError
        assert flight.task is None

    async def test_what_prevents_a_response_is_told_to_all(self):
        flights, scope = Flights(), scope_of()

        class Large(Execution):
            async def run(self):
                await turns(5)
                raise ResponseTooLarge.by_bytes(1)

        flight, _, led = begin(flights, scope, Large(scope))
        scopes = [scope_of() for _ in range(2)]
        others = [join(flight, scope) for scope in scopes]
        scope.tally.calls += 1

        outcomes = await asyncio.gather(led, *others, return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [ResponseTooLarge] * 3
        assert [other.tally.shared for other in scopes] == [1, 1]

    @pytest.mark.parametrize("make", [partial(ResponseTooLarge.by_bytes, 1), Bug])
    async def test_each_raises_it_without_the_frames_of_others_and_nothing_holds_it(self, make):
        flights, scopes, depths, held = Flights(), [scope_of() for _ in range(3)], [], []

        async def run():
            await turns(5)
            error = make()
            held.append(ref(error))
            try:
                raise error
            finally:
                del error

        async def wait(scope):
            try:
                await flight.wait(scope, scope.deadline)
            except (ResponseTooLarge, Bug) as error:
                depths.append(len(extract_tb(error.__traceback__)))

        gc.disable()
        try:
            flight = flights.begin(key(), scopes[0], PREPARED, ASKED.query, run())
            await asyncio.gather(*map(wait, scopes))

            assert held[0]() is None
        finally:
            gc.enable()
        # A bug's record tells where it was, to each of them.
        assert depths == [2 + (make is Bug)] * 3


class TestDeadlines:
    """In driven time."""

    def test_whose_time_is_over_is_told_and_those_with_more_have_theirs(self):
        async def follow():
            loop = asyncio.get_running_loop()
            flights, first = Flights(), scope_of(seconds=1)
            flight, execution, led = begin(flights, first)
            await asyncio.sleep(0.5)
            second = scope_of(seconds=1)
            joined = join(flight, second)

            assert await led is None
            assert loop.time() == pytest.approx(1.0, abs=0.01)
            assert flight.scope.deadline == pytest.approx(1.5)
            await asyncio.sleep(0.2)
            await execution.answer()

            assert (await joined).data == {"job": 1}
            assert (first.tally.calls, second.tally.calls, second.tally.shared) == (1, 1, 1)

        drive(follow())

    def test_one_with_less_time_does_not_wait_for_the_others(self):
        async def follow():
            loop = asyncio.get_running_loop()
            flights, first = Flights(), scope_of(seconds=9)
            flight, execution, led = begin(flights, first)
            short = [join(flight, scope_of(seconds=seconds)) for seconds in (1, 2)]

            for number, one in enumerate(short, 1):
                assert await one is None
                assert loop.time() == pytest.approx(number, abs=0.01)
            await execution.answer()

            assert (await led).data == {"job": 1}

        drive(follow())

    def test_the_last_whose_time_is_over_stops_it(self):
        async def follow():
            flights = Flights()
            flight, execution, led = begin(flights, scope_of(seconds=1))
            late = join(flight, scope_of(seconds=3))
            await turns()
            late.cancel()

            assert await led is None
            await turns()
            assert execution.ended is asyncio.CancelledError

        drive(follow())


class Asked:
    """Two credentials that ask one question, each answer of two reads one after the other, and
    write; no read may be older than the last write of its credential that had ended when it began,
    and nobody is told that somebody else has left.
    """

    def __init__(self):
        self.flights = Flights()
        self.written = {ONE: 0, TWO: 0}
        self.seen = {}
        self.tasks = []
        self.open = []

    def ask(self, number):
        credential = (ONE, TWO)[number % 2]
        self.tasks.append(asyncio.ensure_future(self._ask(credential)))

    def write(self, number):
        credential = (ONE, TWO)[number % 2]
        self.written[credential] += 1
        self.flights.close(owner_of(credential))

    def answer(self, number):
        if self.open:
            answer = self.open.pop(number % len(self.open))
            if not answer.done():
                answer.set_result(None)

    def leave(self, number):
        if self.tasks:
            self.tasks[number % len(self.tasks)].cancel()

    async def _ask(self, credential):
        at_least, scope = self.written[credential], scope_of(credential)
        asked = key(ASKED, credential)
        flight = self.flights.find(asked)
        if flight is None:
            landing = self._execute(credential, scope)
            flight = self.flights.begin(asked, scope, PREPARED, ASKED.query, landing)
        landed = await flight.wait(scope, scope.deadline)
        assert landed.data["of"] is credential
        assert landed.data["seen"] >= at_least
        assert scope.tally.calls + scope.tally.shared == 2

    async def _execute(self, credential, scope):
        seen = self.written[credential]
        for _ in range(2):
            scope.tally.calls += 1
            answer = asyncio.get_running_loop().create_future()
            self.open.append(answer)
            await answer
            await asyncio.sleep(0)
        return GraphQLResponse("executed", scope.tally, {"of": credential, "seen": seen})

    async def end(self):
        while not all(task.done() for task in self.tasks):
            self.answer(0)
            await turns()
        for outcome in await asyncio.gather(*self.tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)


STEPS = st.tuples(
    st.sampled_from([Asked.ask, Asked.ask, Asked.write, Asked.answer, Asked.leave]),
    st.integers(0, 5),
    # Turns of the loop before the next step.
    st.integers(0, 3),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(STEPS, max_size=40))
def test_whoever_leaves_or_writes_nobody_waits_in_vain_or_is_told_what_is_old(steps):
    async def follow():
        asked = Asked()
        for step, number, wait in steps:
            step(asked, number)
            await turns(wait)
        async with asyncio.timeout(20):
            await asked.end()
        await turns(10)
        assert asked.flights.open == {}
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(follow())
