"""A shared read: waiters come and go, failures are told to those who wait."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from gateway.loaders.flight import Flight, launch, offer, outcomes
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
    await source.flight.drive()
    return source.flight.result()


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
        await flight.drive()

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

        await flight.drive()

        with pytest.raises(ValueError, match="broken"):
            await flight


async def test_a_settled_flight_cannot_be_left():
    flight: Flight[str] = Flight(loop=asyncio.get_running_loop())
    flight.set_result("value")

    assert not flight.cancel()
    assert await flight == "value"
