"""Eager starts: the first step at once, the rest in a task."""

from __future__ import annotations

import asyncio
import inspect
from contextvars import ContextVar

import pytest

from gateway.eager import own_task, start
from tests.harness.turns import turns

pytestmark = pytest.mark.anyio

of_step: ContextVar[str] = ContextVar("of_step")


def begin(steps, *, is_cancelled=False):
    """Start as a callback of the loop does; and cancel its task before that begins, if asked to."""

    def first_step():
        task = start(steps, loop)
        if is_cancelled:
            task.cancel()
        begun.set_result(task)

    loop, begun = asyncio.get_running_loop(), loop_future()
    loop.call_soon(first_step)
    return begun


def loop_future():
    return asyncio.get_running_loop().create_future()


async def test_what_waits_for_nothing_needs_no_task():
    done = []

    async def at_once():
        done.append(asyncio.current_task())

    task = await begin(at_once())

    assert task is None
    assert done == [None]


async def test_what_waits_goes_on_in_a_task_of_its_own():
    came, seen = loop_future(), []

    async def later():
        of_step.set("first")
        seen.append(asyncio.current_task())
        value = await came
        seen.append(asyncio.current_task())
        return value, of_step.get()

    task = await begin(later())
    came.set_result("a value")

    assert await task == ("a value", "first")
    assert seen == [None, task]
    assert of_step.get(None) is None


async def test_its_task_is_made_of_what_every_python_takes():
    """From 3.12 on no task is made of a generator."""
    came = loop_future()

    async def later():
        return await came

    task = await begin(later())
    came.set_result("a value")

    assert inspect.iscoroutine(task.get_coro())
    assert await task == "a value"


async def test_what_has_come_before_the_task_begins_is_there():
    came = loop_future()

    async def later():
        return await came

    def begin_and_settle():
        begun.set_result(start(later(), loop))
        came.set_result("a value")

    loop, begun = asyncio.get_running_loop(), loop_future()
    loop.call_soon(begin_and_settle)

    assert await (await begun) == "a value"


@pytest.mark.parametrize("at_once", [True, False], ids=["before the task begins", "while it waits"])
async def test_a_cancellation_is_heard_where_it_waits(at_once):
    came, heard = loop_future(), []

    async def later():
        try:
            await came
        except asyncio.CancelledError:
            heard.append(came.cancelled())
            raise

    task = await begin(later(), is_cancelled=at_once)
    if not at_once:
        await turns()
        task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard == [True]


@pytest.mark.parametrize("at_once", [True, False], ids=["before the task begins", "while it waits"])
async def test_what_outlives_its_cancellation_goes_on(at_once):
    first, second = loop_future(), loop_future()

    async def stubborn():
        try:
            await first
        except asyncio.CancelledError:
            return await second

    task = await begin(stubborn(), is_cancelled=at_once)
    if not at_once:
        await turns()
        task.cancel()
    await turns()
    second.set_result("the end")

    assert await task == "the end"


@pytest.mark.parametrize("at_once", [True, False], ids=["before the task begins", "while it waits"])
async def test_it_may_end_by_its_cancellation(at_once):
    async def polite():
        try:
            await loop_future()
        except asyncio.CancelledError:
            return "cancelled"

    task = await begin(polite(), is_cancelled=at_once)
    if not at_once:
        await turns()
        task.cancel()

    assert await task == "cancelled"


async def test_failures_are_told_where_they_happen():
    came, told = loop_future(), []

    async def at_once():
        raise LookupError

    async def later():
        try:
            await came
        except LookupError as error:
            told.append(error)
            raise

    def refused():
        with pytest.raises(LookupError):
            start(at_once(), loop)
        begun.set_result(start(later(), loop))

    loop, begun = asyncio.get_running_loop(), loop_future()
    loop.call_soon(refused)
    task = await begun
    came.set_exception(LookupError())

    with pytest.raises(LookupError):
        await task
    assert told == [came.exception()]


async def test_a_task_of_ones_own_can_be_had():
    async def in_time():
        await own_task()
        async with asyncio.timeout(30):
            await asyncio.sleep(0)
            return asyncio.current_task()

    task = await begin(in_time())

    assert await task is task
