"""The behaviour suite of the wires: connections and how they end."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.upstream.wire import (
    ConnectionBroken,
    NotConnected,
    TimedOut,
    WireError,
    WireOptions,
)
from gateway.upstream.wires import WIRES, open_wire
from tests.harness.turns import turns, until
from tests.upstream.wires.raw import OK

pytestmark = pytest.mark.anyio


async def hang_up(writer):
    writer.close()


async def test_connections_are_bounded(wire, server, answering):
    gate = asyncio.Event()

    async def wait(writer):
        await gate.wait()
        await answering(b"{}")(writer)

    server.answer = wait
    sends = [asyncio.ensure_future(wire.send("GET", "/", {}, timeout_s=5)) for _ in range(12)]
    await server.arrived.wait()
    gate.set()
    await asyncio.gather(*sends)

    assert server.connections <= 4


async def test_a_connection_that_died_while_idle_is_replaced(wire, server, answering):
    async def close_after(writer):
        await answering(b"{}")(writer)
        await writer.drain()
        writer.close()

    server.answer = close_after
    for _ in range(3):
        answer = await wire.send("GET", "/", {}, timeout_s=5)
        assert answer.status == 200
        await turns(50)
        assert not server.open


async def test_no_connection_is_told_apart(wire_name):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with open_wire(wire_name, WireOptions(f"http://127.0.0.1:{port}")) as wire:
        with pytest.raises(NotConnected) as caught:
            await wire.send("POST", "/", {}, body=b"{}", timeout_s=5)
    assert not caught.value.was_sent


async def test_a_connection_that_takes_too_long_is_no_connection(wire_name, deaf):
    async with open_wire(wire_name, WireOptions(deaf, connect_timeout_s=0.05)) as wire:
        with pytest.raises(NotConnected):
            await wire.send("POST", "/", {}, timeout_s=5)


async def test_a_connection_that_takes_all_the_time_times_out_unsent(wire_name, deaf):
    """Timers go by the clock's resolution: the time may not be quite over when they ring."""
    async with open_wire(wire_name, WireOptions(deaf)) as wire:
        for timeout_s in (0.001, 0.0013, 0.0017, 0.002, 0.0024, 0.0049, 0.01):
            with pytest.raises(TimedOut) as caught:
                await wire.send("POST", "/", {}, timeout_s=timeout_s)
            assert not caught.value.was_sent


async def test_a_reset_before_the_answer_is_a_broken_connection(wire, server):
    server.answer = hang_up

    with pytest.raises(ConnectionBroken) as caught:
        await wire.send("POST", "/", {}, body=b"{}", timeout_s=5)
    assert caught.value.was_sent
    assert len(server.heads) == 1


async def test_a_cut_body_is_a_broken_connection(wire, server, answering):
    server.answer = answering(b'{"id":', length=100)

    with pytest.raises(ConnectionBroken):
        await wire.send("GET", "/", {}, timeout_s=5)


async def test_a_body_that_drips_times_out(wire, server, answering):
    async def drip(writer):
        writer.write(OK + b"content-length: 100\r\n\r\n{")
        await writer.drain()
        await asyncio.Event().wait()

    server.answer = drip
    with pytest.raises(TimedOut):
        await wire.send("GET", "/", {}, timeout_s=0.1)


async def test_no_time_left_sends_nothing(wire, server):
    with pytest.raises(TimedOut) as caught:
        await wire.send("GET", "/", {}, timeout_s=0)
    assert not caught.value.was_sent
    assert server.heads == []


async def test_a_cancelled_call_closes_its_connection(wire, server):
    server.answer = server.never
    send = asyncio.ensure_future(wire.send("GET", "/", {}, timeout_s=30))
    await server.arrived.wait()

    send.cancel()

    with pytest.raises(asyncio.CancelledError):
        await send
    await server.left.wait()


async def test_a_cancelled_call_makes_room_for_the_next(wire, server, answering):
    server.answer = server.never
    sends = [asyncio.ensure_future(wire.send("GET", "/", {}, timeout_s=30)) for _ in range(6)]
    await server.arrived.wait()

    for send in sends:
        send.cancel()
    await asyncio.gather(*sends, return_exceptions=True)
    server.answer = answering(b"{}")

    assert (await wire.send("GET", "/", {}, timeout_s=5)).status == 200


async def test_a_call_out_of_time_closes_its_connection(wire, server):
    server.answer = server.never

    with pytest.raises(TimedOut) as caught:
        await wire.send("GET", "/", {}, timeout_s=0.5)

    assert caught.value.was_sent
    await server.left.wait()


async def test_a_call_that_waits_for_a_connection_is_told_it_was_not_sent(wire, server):
    server.answer = server.never
    sends = [asyncio.ensure_future(wire.send("GET", "/", {}, timeout_s=30)) for _ in range(4)]
    await until(lambda: len(server.heads) == 4)

    with pytest.raises(WireError) as caught:
        await wire.send("POST", "/", {}, timeout_s=0.05)

    assert not caught.value.was_sent
    for send in sends:
        send.cancel()
    await asyncio.gather(*sends, return_exceptions=True)


async def test_a_closed_wire_fails_calls(wire_name, server):
    wire = WIRES[wire_name](WireOptions(server.origin))
    await wire.send("GET", "/", {}, timeout_s=5)
    await wire.aclose()

    with pytest.raises(WireError):
        await wire.send("GET", "/", {}, timeout_s=5)


async def test_what_is_in_flight_fails_when_the_wire_is_closed(wire_name, server):
    server.answer = server.never
    wire = WIRES[wire_name](WireOptions(server.origin, max_connections=1))
    sends = [asyncio.ensure_future(wire.send("GET", "/", {}, timeout_s=30)) for _ in range(2)]
    await server.arrived.wait()

    await wire.aclose()

    for send in sends:
        with pytest.raises(WireError):
            await send
    await server.left.wait()
