"""A shared read: waiters come and go, failures are told to those who wait."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from gateway.loaders.flight import Flight, Loader, launch, offer, outcomes
from tests.harness.turns import turns

pytestmark = pytest.mark.anyio


class Source:
    """A read that waits until it is told its value, and remembers whether it was stopped."""

    def __init__(self) -> None:
        self.told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.was_stopped = False
        self.flight: Flight[Any]

    async def read(self) -> Any:
        try:
            return await self.told
        except asyncio.CancelledError:
            self.was_stopped = True
            raise


async def take_over(source: Source) -> Any:
    source.flight = offer(asyncio.get_running_loop(), source.read())
    await drive(source.flight)
    return source.flight.result()


async def drive(flight: Flight[Any]) -> None:
    read = flight.take()
    assert read is not None
    await flight.drive(read)


async def wait_for(flight: Flight[Any]) -> Any:
    return await flight


async def test_all_waiters_get_the_value():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())
    waiters = [asyncio.create_task(wait_for(flight)) for _ in range(3)]
    await turns()

    source.told.set_result("value")

    assert await asyncio.gather(*waiters) == ["value"] * 3


async def test_a_cancelled_waiter_leaves_alone():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())
    leaves, stays = (asyncio.create_task(wait_for(flight)) for _ in range(2))
    await turns()

    leaves.cancel()
    await turns()
    source.told.set_result("value")

    assert leaves.cancelled()
    assert await stays == "value"
    assert not source.was_stopped


async def test_the_read_stops_when_its_last_waiter_has_left():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())
    waiters = [asyncio.create_task(wait_for(flight)) for _ in range(2)]
    await turns()

    for waiter in waiters:
        waiter.cancel()
    await turns()

    assert source.was_stopped
    assert flight.cancelled()


async def test_a_read_that_is_left_before_it_begins_is_never_begun(recwarn):
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())

    flight.cancel()
    await turns()
    was_cancelled = flight.cancelled()
    del flight
    gc.collect()

    assert was_cancelled
    assert not source.was_stopped
    assert not recwarn.list


async def test_who_waits_by_callback_keeps_the_read_alive_until_it_takes_it_away():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())
    arrived: list[Any] = []
    flight.add_done_callback(arrived.append)
    waiter = asyncio.create_task(wait_for(flight))
    await turns()

    waiter.cancel()
    await turns()
    assert not source.was_stopped
    flight.remove_done_callback(arrived.append)
    flight.cancel()
    await turns()

    assert source.was_stopped


async def test_a_waiter_that_leaves_by_timeout_is_one_that_leaves():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await flight
    await turns()

    assert source.was_stopped


async def test_a_failure_is_raised_to_every_waiter():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())
    waiters = [asyncio.create_task(wait_for(flight)) for _ in range(2)]
    await turns()

    source.told.set_exception(ValueError("no"))
    results = await asyncio.gather(*waiters, return_exceptions=True)

    assert [str(result) for result in results] == ["no", "no"]


async def test_a_failure_that_nobody_waits_for_does_not_warn():
    loop = asyncio.get_running_loop()
    complaints: list[Any] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    source = Source()
    flight = launch(loop, wait_for(launch(loop, source.read())))

    source.told.set_exception(ValueError("no"))
    await turns()
    assert flight.done()
    del flight, source
    gc.collect()
    await turns()

    assert complaints == []


async def test_a_read_that_is_cancelled_from_elsewhere_is_told_as_cancelled():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())
    waiter = asyncio.create_task(wait_for(flight))
    await turns()

    source.told.cancel()
    await turns()

    assert flight.cancelled()
    assert waiter.cancelled()


class TestOutcomes:
    async def test_are_values_and_failures_in_order(self):
        sources = [Source() for _ in range(3)]
        flights = [launch(asyncio.get_running_loop(), source.read()) for source in sources]
        gathering = asyncio.create_task(outcomes(flights))
        failure = ValueError("broken")

        sources[2].told.set_result("last")
        sources[1].told.set_exception(failure)
        sources[0].told.set_result("first")

        assert await gathering == ["first", failure, "last"]

    async def test_that_nobody_wants_any_more_stop_all_reads(self):
        sources = [Source() for _ in range(3)]
        flights = [launch(asyncio.get_running_loop(), source.read()) for source in sources]
        gathering = asyncio.create_task(outcomes(flights))
        await turns()
        sources[0].told.set_result("first")
        await turns()

        gathering.cancel()
        await turns()

        assert gathering.cancelled()
        assert [source.was_stopped for source in sources] == [False, True, True]


class TestOffers:
    async def test_start_by_themselves_when_the_loop_turns(self):
        source = Source()
        flight = offer(asyncio.get_running_loop(), source.read())
        source.told.set_result("value")

        await turns()

        assert flight.result() == "value"

    async def test_start_when_somebody_waits(self):
        source = Source()
        source.told.set_result("value")

        assert await offer(asyncio.get_running_loop(), source.read()) == "value"

    async def test_are_done_by_who_takes_them_over(self):
        async def read():
            return asyncio.current_task()

        before = asyncio.all_tasks()
        flight = offer(asyncio.get_running_loop(), read())
        await drive(flight)

        assert flight.result() is asyncio.current_task()
        await turns()
        assert asyncio.all_tasks() == before

    async def test_that_are_taken_over_can_be_waited_for_by_others(self):
        source = Source()
        driving = asyncio.create_task(take_over(source))
        await turns()
        leaves, stays = (asyncio.create_task(wait_for(source.flight)) for _ in range(2))
        await turns()

        leaves.cancel()
        await turns()
        source.told.set_result("value")

        assert await driving == await stays == "value"

    async def test_that_are_taken_over_go_on_when_the_others_have_left(self):
        source = Source()
        driving = asyncio.create_task(take_over(source))
        await turns()
        leaves = asyncio.create_task(wait_for(source.flight))
        await turns()

        leaves.cancel()
        await turns()
        source.told.set_result("value")

        assert await driving == "value"

    async def test_end_with_who_took_them_over(self):
        source = Source()
        driving = asyncio.create_task(take_over(source))
        await turns()

        driving.cancel()
        await turns()

        assert source.was_stopped
        assert source.flight.cancelled()

    async def test_that_nobody_wants_never_start(self, recwarn):
        source = Source()
        flight = offer(asyncio.get_running_loop(), source.read())

        assert flight.cancel()
        await turns()
        gc.collect()

        assert not source.was_stopped
        assert list(recwarn) == []

    async def test_fail_as_any_read(self):
        source = Source()
        source.told.set_exception(ValueError("broken"))
        flight = offer(asyncio.get_running_loop(), source.read())

        await drive(flight)

        with pytest.raises(ValueError, match="broken"):
            await flight


async def test_a_settled_flight_cannot_be_left():
    flight: Flight[str] = Flight(loop=asyncio.get_running_loop())
    flight.set_result("value")

    assert not flight.cancel()
    assert await flight == "value"


class Tasks(Loader[str, "asyncio.Task[Any] | None"]):
    """Reads the task that a key is read in; plans as it is told."""

    planned: list[list[str]]
    failure: Exception | None = None

    def plan(self, wanted):
        if self.failure is not None:
            raise self.failure
        self.planned.append(list(wanted))
        return {key: flight for key, flight in wanted.items() if key != "folded"}

    async def read(self, key):
        return asyncio.current_task()


class TestLoaders:
    @pytest.fixture
    async def tasks(self):
        loader = Tasks(asyncio.get_running_loop())
        loader.planned = []
        return loader

    async def test_plan_what_is_asked_for_in_one_tick(self, tasks):
        flights = [tasks.load(key) for key in "aba"]

        read = [await flight for flight in flights]

        assert tasks.planned == [["a", "b"]]
        assert read[0] is read[2] is not read[1]
        assert asyncio.current_task() not in read

    async def test_plan_nothing_for_those_who_have_left(self, tasks):
        tasks.load("a").cancel()

        await turns()

        assert tasks.planned == []

    async def test_read_a_single_key_in_the_task_of_who_takes_it(self, tasks):
        flight = tasks.load("a")

        await drive(flight)
        await turns()

        assert flight.result() is asyncio.current_task()
        assert tasks.planned == [["a"]]

    @pytest.mark.parametrize("keys", [("a", "b"), ("folded",)], ids=["several", "folded"])
    async def test_give_no_read_that_goes_with_others(self, tasks, keys):
        flights = [tasks.load(key) for key in keys]

        assert [flight.take() for flight in flights] == [None] * len(keys)
        await turns()
        assert tasks.planned == [list(keys)]

    async def test_fail_all_keys_with_a_plan_that_fails(self, tasks):
        tasks.failure = ValueError("no plan")

        with pytest.raises(ValueError, match="no plan"):
            await tasks.load("a")

    async def test_hold_on_to_nothing_that_holds_them(self, tasks):
        flight = tasks.load("a")

        await flight

        assert flight.loader is None
