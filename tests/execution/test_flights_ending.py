"""What becomes of executions that several wait for, whoever leaves, and in time."""

from __future__ import annotations

import asyncio
import gc
from functools import partial
from traceback import extract_tb
from weakref import ref

import pytest

from gateway.errors import ResponseTooLarge
from gateway.events import Origin
from gateway.execution.flights import Flights
from tests.execution.flying import ASKED, PREPARED, Bug, Execution, begin, join, key, scope_of
from tests.harness.driven import drive
from tests.harness.turns import turns


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
