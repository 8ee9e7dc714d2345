"""A shared read: waiters come and go, failures are told to those who wait."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from gateway.loaders.flight import Flight, launch

pytestmark = pytest.mark.anyio


class Source:
    """A read that waits until it is told its value, and remembers whether it was stopped."""

    def __init__(self) -> None:
        self.told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.was_stopped = False

    async def read(self) -> Any:
        try:
            return await self.told
        except asyncio.CancelledError:
            self.was_stopped = True
            raise


async def wait_for(flight: Flight[Any]) -> Any:
    return await flight


async def some_ticks() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_all_waiters_get_the_value():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())
    waiters = [asyncio.create_task(wait_for(flight)) for _ in range(3)]
    await some_ticks()

    source.told.set_result("value")

    assert await asyncio.gather(*waiters) == ["value"] * 3


async def test_a_cancelled_waiter_leaves_alone():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())
    leaves, stays = (asyncio.create_task(wait_for(flight)) for _ in range(2))
    await some_ticks()

    leaves.cancel()
    await some_ticks()
    source.told.set_result("value")

    assert leaves.cancelled()
    assert await stays == "value"
    assert not source.was_stopped


async def test_the_read_stops_when_its_last_waiter_has_left():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())
    waiters = [asyncio.create_task(wait_for(flight)) for _ in range(2)]
    await some_ticks()

    for waiter in waiters:
        waiter.cancel()
    await some_ticks()

    assert source.was_stopped
    assert flight.cancelled()


async def test_who_waits_by_callback_keeps_the_read_alive_until_it_takes_it_away():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())
    arrived: list[Any] = []
    flight.add_done_callback(arrived.append)
    waiter = asyncio.create_task(wait_for(flight))
    await some_ticks()

    waiter.cancel()
    await some_ticks()
    assert not source.was_stopped
    flight.remove_done_callback(arrived.append)
    flight.cancel()
    await some_ticks()

    assert source.was_stopped


async def test_a_waiter_that_leaves_by_timeout_is_one_that_leaves():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await flight
    await some_ticks()

    assert source.was_stopped


async def test_a_failure_is_raised_to_every_waiter():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())
    waiters = [asyncio.create_task(wait_for(flight)) for _ in range(2)]
    await some_ticks()

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
    await some_ticks()
    assert flight.done()
    del flight, source
    gc.collect()
    await some_ticks()

    assert complaints == []


async def test_a_read_that_is_cancelled_from_elsewhere_is_told_as_cancelled():
    source = Source()
    flight = launch(asyncio.get_running_loop(), source.read())
    waiter = asyncio.create_task(wait_for(flight))
    await some_ticks()

    source.told.cancel()
    await some_ticks()

    assert flight.cancelled()
    assert waiter.cancelled()


async def test_a_settled_flight_cannot_be_left():
    flight: Flight[str] = Flight(loop=asyncio.get_running_loop())
    flight.set_result("value")

    assert not flight.cancel()
    assert await flight == "value"
