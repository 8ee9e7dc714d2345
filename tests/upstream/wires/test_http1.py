"""What only the default wire promises; the modules beside it hold what all wires share."""

from __future__ import annotations

import asyncio
import gzip
import socket
from contextlib import suppress

import pytest

from gateway.upstream.wire import AnswerTooLong, ConnectionBroken, NotConnected, WireOptions
from gateway.upstream.wires import Http1Wire, http1
from tests.harness.turns import turns

pytestmark = pytest.mark.anyio


@pytest.fixture
async def wire(server):
    wire = Http1Wire(WireOptions(server.origin, max_connections=4))
    yield wire
    await wire.aclose()


async def test_what_comes_unasked_is_never_taken_for_an_answer(wire, server, answering):
    one = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"

    async def twice(writer):
        writer.write(one + b"asked1" + one + b"forged")

    server.answer = twice
    assert (await wire.send("GET", "/", {}, timeout_s=5)).body == b"asked1"
    server.answer = answering(b"asked2")

    with suppress(ConnectionBroken):
        await wire.send("GET", "/", {}, timeout_s=5)
    assert (await wire.send("GET", "/", {}, timeout_s=5)).body == b"asked2"


async def test_a_head_without_end_is_refused(wire, server):
    async def endless(writer):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b"X-Filler: " + b"x" * 60_000 + b"\r\n")
                await writer.drain()

    server.answer = endless

    with pytest.raises(AnswerTooLong):
        await wire.send("GET", "/", {}, timeout_s=5)


async def test_trailers_are_no_headers(wire, server):
    async def answer(writer):
        writer.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\n{}\r\n0\r\nX-Total: 7\r\nContent-Encoding: br\r\n\r\n"
        )

    server.answer = answer
    told = await wire.send("GET", "/", {}, timeout_s=5)

    assert (told.body, told.header("x-total")) == (b"{}", None)


async def test_an_idle_connection_that_says_something_is_dropped(wire, server, answering):
    writers = []

    async def answer(writer):
        writers.append(writer)
        await answering(b"{}")(writer)

    server.answer = answer
    await wire.send("GET", "/", {}, timeout_s=5)
    writers[0].write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
    await turns(50)

    assert (await wire.send("GET", "/", {}, timeout_s=5)).status == 200
    assert server.connections == 2


@pytest.mark.parametrize(("method", "connections"), [("GET", 1), ("POST", 2)])
async def test_a_write_takes_no_connection_that_was_idle_for_long(
    wire, server, monkeypatch, method, connections
):
    """The upstream could be closing it, and then nobody knew what became of the write."""
    monkeypatch.setattr(http1, "MAX_IDLE_BEFORE_WRITE_S", 0)
    await wire.send("GET", "/", {}, timeout_s=5)

    await wire.send(method, "/", {}, timeout_s=5)

    assert server.connections == connections


async def test_those_who_wait_are_served_in_their_order(wire, server, answering):
    gates = [asyncio.Event() for _ in range(12)]

    async def wait(writer):
        await gates[len(server.heads) - 1].wait()
        await answering(b"{}")(writer)

    server.answer = wait
    sends = []
    for number in range(12):
        sends.append(asyncio.ensure_future(wire.send("GET", f"/{number}", {}, timeout_s=5)))
        await turns(2)
    await turns(50)
    sends[5].cancel()
    for gate in gates:
        gate.set()
        await turns(50)
    await asyncio.gather(*sends, return_exceptions=True)

    order = [int(head.split(" ")[1][1:]) for head in server.heads]
    assert sorted(order[:4]) == [0, 1, 2, 3]
    assert order[4:] == [4, 6, 7, 8, 9, 10, 11]
    assert server.connections == 4


async def test_a_connection_handed_to_one_who_just_left_goes_to_the_next(server):
    wire = Http1Wire(WireOptions(server.origin, max_connections=1))
    tasks = []

    async def first():
        await wire.send("GET", "/first", {}, timeout_s=5)
        # The connection was handed to the second in this very step.
        tasks[1].cancel()

    tasks.append(asyncio.ensure_future(first()))
    await turns(1)
    for target in ("/second", "/third"):
        tasks.append(asyncio.ensure_future(wire.send("GET", target, {}, timeout_s=5)))
        await turns(1)

    _, second, third = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(second, asyncio.CancelledError)
    assert third.status == 200
    assert [head.split(" ")[1] for head in server.heads] == ["/first", "/third"]
    assert server.connections == 1
    await wire.aclose()


async def test_room_for_a_connection_that_could_not_be_made_goes_to_the_next(server):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        origin = "http://{}:{}".format(*nobody.getsockname())
        wire = Http1Wire(WireOptions(origin, max_connections=1))

        sends = [wire.send("GET", "/", {}, timeout_s=5) for _ in range(3)]
        ends = await asyncio.gather(*sends, return_exceptions=True)

    assert [type(end) for end in ends] == [NotConnected] * 3
    await wire.aclose()


async def test_a_wire_closed_while_it_connects_leaves_nothing_open(server):
    wire = Http1Wire(WireOptions(server.origin))
    send = asyncio.ensure_future(wire.send("GET", "/", {}, timeout_s=5))
    await turns(1)

    await wire.aclose()

    with pytest.raises(ConnectionBroken):
        await send
    await turns(50)
    assert (server.heads, server.open) == ([], 0)


async def test_compressed_bodies_may_have_several_members(wire, server, answering):
    packed = gzip.compress(b"one ") + gzip.compress(b"two")
    server.answer = answering(packed, headers=("Content-Encoding: gzip",))

    assert (await wire.send("GET", "/", {}, timeout_s=5)).body == b"one two"


async def test_a_packing_that_was_cut_off_is_a_broken_connection(wire, server, answering):
    packed = gzip.compress(b"x" * 5_000)[:-9]
    server.answer = answering(packed, headers=("Content-Encoding: gzip",))

    with pytest.raises(ConnectionBroken, match="cut off"):
        await wire.send("GET", "/", {}, timeout_s=5)
    async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
        with pytest.raises(ConnectionBroken, match="cut off"):
            await streamed.read(10_000)


async def test_a_packing_that_was_not_asked_for_is_refused(wire, server, answering):
    server.answer = answering(b"...", headers=("Content-Encoding: br",))

    with pytest.raises(ConnectionBroken, match="not asked for"):
        await wire.send("GET", "/", {}, timeout_s=5)
    assert "accept-encoding: gzip\r\n" in server.heads[0].lower()


async def test_a_stream_that_nobody_reads_makes_the_upstream_wait(wire, server):
    size = 50_000_000
    written = 0

    async def flood(writer):
        nonlocal written
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        while written < size:
            writer.write(b"x" * 100_000)
            await writer.drain()
            written += 100_000

    server.answer = flood
    async with wire.stream("GET", "/", {}, timeout_s=30) as streamed:
        await turns(500)
        assert written < size / 2
        assert sum([len(piece) async for piece in streamed.chunks()]) == size


async def test_tls_goes_through_the_tunnel_of_a_proxy(tls_server, tmp_path):
    server, authority = tls_server
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    asked = []

    async def proxy(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        host, _, port = server.origin.removeprefix("https://").partition(":")
        upstream_reader, upstream_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def carry(source, goal):
            while piece := await source.read(65_536):
                goal.write(piece)
            goal.close()

        with suppress(ConnectionError):
            await asyncio.gather(carry(reader, upstream_writer), carry(upstream_reader, writer))

    listener = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    wire = Http1Wire(
        WireOptions(server.origin, ca_file=str(ca_file), proxy=f"http://127.0.0.1:{port}")
    )
    for _ in range(2):
        assert (await wire.send("GET", "/x", {"A": "secret"}, timeout_s=5)).status == 200
    await wire.aclose()
    listener.close()
    await turns(50)

    assert len(asked) == 1
    assert asked[0].startswith(b"CONNECT " + server.origin.removeprefix("https://").encode())
    assert b"secret" not in asked[0]
    assert server.heads[0].startswith("GET /x ")


async def test_a_proxy_that_refuses_is_no_connection(server, answering):
    server.answer = answering(b"", status="407 Proxy Authentication Required")
    wire = Http1Wire(WireOptions("https://gitlab.invalid", proxy=server.origin))

    with pytest.raises(NotConnected):
        await wire.send("POST", "/", {}, timeout_s=5)
    await wire.aclose()
