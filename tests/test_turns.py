"""Long work in steps: the loop turns in between, and a thread does what has no steps."""

import asyncio
import threading
from time import thread_time

import pytest

from gateway.turns import TURNS, Turns

pytestmark = pytest.mark.anyio


async def test_work_that_a_step_gives_is_done_on_a_thread_before_the_next_step():
    done = []

    def steps():
        for number in range(3):
            yield lambda number=number: done.append((number, threading.get_ident()))
            assert len(done) == number + 1
            yield None
        return "the end"

    assert await Turns().run(steps()) == "the end"
    assert [number for number, _ in done] == [0, 1, 2]
    assert threading.get_ident() not in {thread for _, thread in done}


async def test_a_failure_of_such_work_is_that_of_the_run():
    def steps():
        yield lambda: 1 / 0

    with pytest.raises(ZeroDivisionError):
        await Turns().run(steps())


async def test_threads_do_one_thing_at_a_time_also_when_who_asked_has_left():
    turns = Turns()
    begun, go_on = threading.Event(), threading.Event()
    under_way = []

    def long():
        under_way.append("long")
        begun.set()
        go_on.wait(10)
        under_way.remove("long")

    def one(work):
        yield work

    leaving = asyncio.ensure_future(turns.run(one(long)))
    await asyncio.to_thread(begun.wait, 10)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    seen = []
    following = asyncio.ensure_future(turns.run(one(lambda: seen.append(list(under_way)))))
    for _ in range(5):
        await asyncio.sleep(0)
    assert seen == []

    go_on.set()
    await following

    assert seen == [[]]


async def test_steps_without_work_go_on_while_a_thread_is_busy():
    turns = Turns()
    go_on = threading.Event()

    def busy():
        yield lambda: go_on.wait(10)

    def quick():
        yield None
        return "done"

    working = asyncio.ensure_future(turns.run(busy()))
    await asyncio.sleep(0)

    assert await turns.run(quick()) == "done"

    go_on.set()
    await working


def burn(seconds):
    until = thread_time() + seconds
    while thread_time() < until:
        pass


def long_steps(number):
    for _ in range(number):
        burn(0.03)
        yield None


async def test_what_takes_many_turns_comes_through_between_two_slices():
    came_through = 0

    async def others():
        nonlocal came_through
        while True:
            for _ in range(TURNS - 2):
                await asyncio.sleep(0)
            came_through += 1

    asking = asyncio.ensure_future(others())

    await Turns().run(long_steps(7))

    asking.cancel()
    # Six rests; a busy machine may cut some of them short.
    assert came_through >= 2


async def test_others_who_are_busy_do_not_keep_long_work_from_half_of_the_time():
    turns_of_others = 0

    async def others():
        nonlocal turns_of_others
        while True:
            await asyncio.sleep(0)
            burn(0.03)
            turns_of_others += 1

    asking = asyncio.ensure_future(others())

    await Turns().run(long_steps(7))

    asking.cancel()
    assert turns_of_others <= 3 * 7
