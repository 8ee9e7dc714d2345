"""CPU for long work is dealt out to callers in turn."""

from __future__ import annotations

import asyncio
from time import thread_time
from typing import TYPE_CHECKING

import pytest

from gateway.shares import SLICE_S, Shares

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.anyio


def busy(slices: int, name: str = "", done: list[str] | None = None) -> Generator[None, None, str]:
    """Work of so many slices."""
    for _ in range(slices):
        until = thread_time() + SLICE_S
        while thread_time() < until:
            pass
        yield
    if done is not None:
        done.append(name)
    return name


def in_s(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_work_of_one_slice_waits_for_nothing():
    task = asyncio.ensure_future(Shares().run("a", busy(0, "it"), in_s(1)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert task.result() == "it"


async def test_callers_get_the_same_whatever_they_ask_for():
    """Ten long works of one caller are not before a short one of another caller."""
    shares, done = Shares(), list[str]()
    greedy = [shares.run("a", busy(10, f"a{n}", done), in_s(60)) for n in range(10)]

    await asyncio.gather(*greedy, shares.run("b", busy(5, "b", done), in_s(60)))

    assert done[0] == "b"
    assert len(done) == 11


async def test_the_loop_has_half_of_the_time():
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(SLICE_S / 4)
            turns += 1

    turning = asyncio.ensure_future(turn())

    await Shares().run("a", busy(20), in_s(60))

    turning.cancel()
    assert turns >= 20


async def test_work_ends_at_its_deadline():
    shares = Shares()

    with pytest.raises(TimeoutError):
        await shares.run("a", busy(1_000), in_s(3 * SLICE_S))

    assert await shares.run("a", busy(1, "next"), in_s(1)) == "next"


async def test_who_leaves_while_waiting_holds_nobody_up():
    shares = Shares()
    running = asyncio.ensure_future(shares.run("a", busy(5, "a"), in_s(60)))
    await asyncio.sleep(0)
    left = [asyncio.ensure_future(shares.run("b", busy(5), in_s(60))) for _ in range(3)]
    await asyncio.sleep(0)
    for waiting in left:
        waiting.cancel()

    assert await shares.run("c", busy(2, "c"), in_s(60)) == "c"
    assert await running == "a"
