"""An answer's buffers end with the call, whatever its end: without the cyclic collector, no wire
and no client holds a body once nobody reads it.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import tracemalloc
from contextlib import suppress

import pytest

from gateway.errors import UpstreamError
from gateway.loaders.flight import launch
from gateway.upstream.calls import Circuit, ClientConfig, standard_chain
from gateway.upstream.client import Client
from gateway.upstream.wire import WireError, WireOptions
from gateway.upstream.wires import open_wire
from gateway.upstream.wires.httpx import HttpxWire
from tests.harness.over import make_scope
from tests.harness.turns import turns
from tests.upstream.conftest import say
from tests.upstream.wires.raw import CHUNKED, raw

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

SIZE_BYTES = 400_000
TEXT = b"x" * SIZE_BYTES
BOMB = gzip.compress(bytes(8 * SIZE_BYTES))
TIMES = 6


async def never(writer):
    """All but the end."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (SIZE_BYTES + 1) + TEXT)
    await writer.drain()
    await asyncio.sleep(3600)


FAILURES = {
    "cut": say(TEXT, length=SIZE_BYTES + 1),
    "cut in a chunk": raw(CHUNKED + b"61a81\r\n" + TEXT, None),
    "cut in gzip": say(gzip.compress(TEXT)[:-9], headers=("content-encoding: gzip",)),
    "out of time": never,
    "too long": say(TEXT * 3),
    "too long in chunks": raw(CHUNKED + b"124f80\r\n" + TEXT * 3, None),
    "gzip bomb": say(BOMB, headers=("content-encoding: gzip",)),
    "HTML": say(b"<html>" + TEXT),
    "broken JSON": say(b'{"id": 1, "name": "' + TEXT),
    "refused": say(b'{"message": "' + TEXT + b'"}', status="403 Forbidden"),
    "failed": say(b"<html>" + TEXT, status="500 Internal Server Error"),
}


@pytest.fixture(params=["asyncio-http1", "uvloop-http1", "asyncio-httpx"])
def loop_and_wire(request):
    """What uvloop holds of httpx's sockets goes when it closes them, at a time of its own."""
    return request.param.split("-")


@pytest.fixture
def anyio_backend(loop_and_wire):
    return "asyncio", {"use_uvloop": loop_and_wire[0] == "uvloop"}


@pytest.fixture
def wire_name(loop_and_wire):
    return loop_and_wire[1]


@pytest.fixture
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def grown_bytes(act, wire=None):
    """How much more memory is held after acting some times; nothing is collected meanwhile, but for
    what the wire over httpx does within a second.
    """
    for _ in range(2):
        await act()
    await turns(50)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(TIMES):
            await act()
            await turns(50)
        if isinstance(wire, HttpxWire):
            wire.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failing_read_leaves_no_buffer(wire_name, server, failure):
    server.answer = FAILURES[failure]
    options = WireOptions(server.origin, max_answer_bytes=2 * SIZE_BYTES)

    async with open_wire(wire_name, options) as wire:
        config = ClientConfig(f"{server.origin}/api/v4", max_retries=0)
        client = Client.over(standard_chain(wire, config, circuit=Circuit(threshold=1_000)))

        async def read():
            seconds = 0.1 if failure == "out of time" else 30
            with pytest.raises(UpstreamError):
                await client.job(make_scope(seconds=seconds), 1, 2)

        async def read_in_flight():
            seconds = 0.1 if failure == "out of time" else 30
            loop = asyncio.get_running_loop()
            flight = launch(loop, client.job(make_scope(seconds=seconds), 1, 2))
            with pytest.raises(UpstreamError):
                await flight

        grown = [await grown_bytes(read, wire), await grown_bytes(read_in_flight, wire)]

    assert max(grown) < 2 * SIZE_BYTES


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("failure", ["cut", "cut in a chunk", "cut in gzip", "out of time"])
async def test_a_stream_that_is_cut_leaves_no_buffer(wire_name, server, failure):
    server.answer = FAILURES[failure]

    async with open_wire(wire_name, WireOptions(server.origin)) as wire:

        async def read():
            seconds = 0.1 if failure == "out of time" else 30
            with suppress(WireError):
                async with wire.stream("GET", "/", {}, timeout_s=seconds) as streamed:
                    async for _ in streamed.chunks():
                        pass

        grown = await grown_bytes(read, wire)

    assert grown < 2 * SIZE_BYTES


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_caller_that_leaves_leaves_no_buffer(wire_name, server, is_streamed):
    server.answer = never

    async with open_wire(wire_name, WireOptions(server.origin)) as wire:

        async def stream():
            async with wire.stream("GET", "/", {}, timeout_s=30) as streamed:
                async for _ in streamed.chunks():
                    await asyncio.sleep(3600)

        async def leave():
            server.arrived.clear()
            reading = stream() if is_streamed else wire.send("GET", "/", {}, timeout_s=30)
            task = asyncio.ensure_future(reading)
            await server.arrived.wait()
            await turns(50)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        grown = await grown_bytes(leave, wire)

    assert grown < 2 * SIZE_BYTES


@pytest.mark.usefixtures("_no_collector")
async def test_a_stream_that_is_left_early_leaves_no_buffer(wire_name, server):
    server.answer = say(TEXT)

    async with open_wire(wire_name, WireOptions(server.origin)) as wire:

        async def read_one():
            async with wire.stream("GET", "/", {}, timeout_s=30) as streamed:
                async for _ in streamed.chunks():
                    break

        grown = await grown_bytes(read_one, wire)

    assert grown < 2 * SIZE_BYTES
