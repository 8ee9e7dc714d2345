"""Connections that are kept: those that have gone deaf, and those that have become old."""

from __future__ import annotations

import asyncio

import pytest

from gateway.upstream.client import Client, ClientConfig
from gateway.upstream.scope import CallScope
from gateway.upstream.wire import TimedOut, WireOptions
from gateway.upstream.wires import Http1Wire, http1, open_wire
from tests.harness.turns import until
from tests.upstream.wires.raw import OK

pytestmark = pytest.mark.anyio

# Long enough for a busy machine to begin an answer.
SILENCE_S = 0.4


@pytest.fixture(autouse=True)
def _no_connection_is_surely_heard(monkeypatch):
    monkeypatch.setattr(http1, "SURELY_HEARD_S", 0)


async def test_a_kept_connection_gone_deaf_costs_an_attempt(wire_name, server, answering):
    async with open_wire(wire_name, WireOptions(server.origin, silence_s=SILENCE_S)) as wire:
        await wire.send("GET", "/", {}, timeout_s=5)
        server.answer = server.never

        with pytest.raises(TimedOut) as caught:
            # As a call that its waiters keep the time of.
            await wire.send("GET", "/", {}, timeout_s=float("inf"))
        server.answer = answering(b"{}")
        answer = await wire.send("GET", "/", {}, timeout_s=5)

    assert caught.value.was_sent
    assert (answer.status, server.connections) == (200, 2)


async def test_the_operation_is_answered_on_another_connection(wire_name, server, answering):
    job = b'{"id": 7, "status": "success", "name": "build"}'

    async def deaf_at_second(writer):
        await (server.never if len(server.heads) == 2 else answering(job))(writer)

    server.answer = deaf_at_second
    async with open_wire(wire_name, WireOptions(server.origin, silence_s=SILENCE_S)) as wire:
        client = Client(wire, ClientConfig(f"{server.origin}/api/v4", retry_pause_s=0))
        for _ in range(2):
            scope = CallScope(None, asyncio.get_running_loop().time() + 5)
            assert (await client.job(scope, 1, 7)).id == 7

    assert (scope.tally.calls, scope.tally.retried) == (2, 1)


async def slowly(writer):
    await asyncio.sleep(2 * SILENCE_S)
    writer.write(OK + b"Content-Length: 2\r\n\r\n{}")


async def begin_soon(writer):
    writer.write(OK + b"Content-Length: 2\r\n\r\n{")
    await writer.drain()
    await asyncio.sleep(2 * SILENCE_S)
    writer.write(b"}")


async def test_a_new_connection_may_be_slow(wire_name, server, monkeypatch):
    monkeypatch.setattr(http1, "SURELY_HEARD_S", 2.0)
    server.answer = slowly
    async with open_wire(wire_name, WireOptions(server.origin, silence_s=SILENCE_S)) as wire:
        assert (await wire.send("GET", "/", {}, timeout_s=5)).body == b"{}"


async def test_an_answer_that_has_begun_may_take_its_time(wire_name, server, answering):
    async with open_wire(wire_name, WireOptions(server.origin, silence_s=SILENCE_S)) as wire:
        await wire.send("GET", "/", {}, timeout_s=5)
        server.answer = begin_soon

        assert (await wire.send("GET", "/", {}, timeout_s=5)).body == b"{}"
        async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
            assert await streamed.read(10) == b"{}"
    assert server.connections == 1


async def test_an_answer_that_has_begun_still_ends_by_its_deadline(wire_name, server):
    async def never_whole(writer):
        writer.write(OK + b"Content-Length: 2\r\n\r\n{")
        await server.never(writer)

    async with open_wire(wire_name, WireOptions(server.origin, silence_s=SILENCE_S)) as wire:
        await wire.send("GET", "/", {}, timeout_s=5)
        server.answer = never_whole

        with pytest.raises(TimedOut):
            await wire.send("GET", "/", {}, timeout_s=3 * SILENCE_S)


async def test_a_write_is_given_all_its_time(wire_name, server):
    async with open_wire(wire_name, WireOptions(server.origin, silence_s=SILENCE_S)) as wire:
        await wire.send("GET", "/", {}, timeout_s=5)
        server.answer = slowly

        assert (await wire.send("POST", "/", {}, timeout_s=5)).status == 200


async def test_those_kept_beside_a_deaf_one_are_not_tried(server, answering):
    gate = asyncio.Event()

    async def wait(writer):
        await gate.wait()
        await answering(b"{}")(writer)

    server.answer = wait
    async with open_wire("http1", WireOptions(server.origin, silence_s=SILENCE_S)) as wire:
        sends = [asyncio.ensure_future(wire.send("GET", "/", {}, timeout_s=5)) for _ in range(3)]
        await until(lambda: len(server.heads) == 3)
        gate.set()
        await asyncio.gather(*sends)
        server.answer = server.never
        with pytest.raises(TimedOut):
            await wire.send("GET", "/", {}, timeout_s=5)
        server.answer = answering(b"{}")
        await wire.send("GET", "/", {}, timeout_s=5)

    assert server.connections == 4


@pytest.mark.parametrize(("max_age_s", "connections"), [(0, 3), (300, 1)])
async def test_an_old_connection_is_used_no_more(server, max_age_s, connections):
    wire = Http1Wire(WireOptions(server.origin, max_age_s=max_age_s))
    for _ in range(3):
        await wire.send("GET", "/", {}, timeout_s=5)
    await wire.aclose()

    assert server.connections == connections


async def test_a_connection_that_became_old_while_it_was_kept_is_used_no_more(server):
    wire = Http1Wire(WireOptions(server.origin, max_age_s=300))
    await wire.send("GET", "/", {}, timeout_s=5)
    wire._idle[0].made_at -= 300
    await wire.send("GET", "/", {}, timeout_s=5)
    await wire.aclose()

    assert server.connections == 2
