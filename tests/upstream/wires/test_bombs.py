"""Small answers that unpack to much: many at once hold neither the loop nor the memory."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from gateway.upstream.wire import AnswerTooLong, TimedOut, WireOptions
from gateway.upstream.wires import open_wire
from tests.harness.stretches import shortest_stretch

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

STRETCH_S = 0.05
AT_ONCE = 8
BOUND = 16_000_000
PACKED = ("content-encoding: gzip",)


def bomb(megabytes: int) -> bytes:
    """So many megabytes of zeros; a thousandth of that. Members of gzip may follow one another."""
    return gzip.compress(bytes(1_000_000)) * megabytes


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def wire(wire_name, server):
    options = WireOptions(server.origin, max_connections=AT_ONCE, max_answer_bytes=BOUND)
    async with open_wire(wire_name, options) as wire:
        yield wire


@pytest.mark.parametrize("megabytes", [15, 100])
async def test_bombs_that_are_read_whole_hold_no_loop(wire, server, answering, megabytes):
    server.answer = answering(bomb(megabytes), headers=PACKED)

    async def read() -> int | None:
        try:
            return len((await wire.send("GET", "/", {}, timeout_s=60)).body)
        except AnswerTooLong:
            return None

    stretch, read_bytes = await shortest_stretch(
        lambda: asyncio.gather(*[read() for _ in range(AT_ONCE)]), limit_s=STRETCH_S
    )

    assert read_bytes == [15_000_000 if megabytes == 15 else None] * AT_ONCE
    assert stretch < STRETCH_S


async def test_streams_of_bombs_hold_no_loop(wire, server, answering):
    server.answer = answering(bomb(30), headers=PACKED)

    async def read() -> tuple[int, int]:
        total = largest = 0
        async with wire.stream("GET", "/", {}, timeout_s=60) as streamed:
            async for piece in streamed.chunks():
                total += len(piece)
                largest = max(largest, len(piece))
        return total, largest

    stretch, read_bytes = await shortest_stretch(
        lambda: asyncio.gather(*[read() for _ in range(AT_ONCE)]), limit_s=STRETCH_S
    )

    assert {total for total, _ in read_bytes} == {30_000_000}
    assert max(largest for _, largest in read_bytes) <= 256 * 1024
    assert stretch < STRETCH_S


async def test_unpacking_ends_with_the_time_of_the_call(server, answering):
    server.answer = answering(bomb(700), headers=PACKED)

    async with open_wire("http1", WireOptions(server.origin, max_answer_bytes=10**9)) as wire:
        with pytest.raises(TimedOut, match="unpacked in time"):
            await wire.send("GET", "/", {}, timeout_s=0.3)
