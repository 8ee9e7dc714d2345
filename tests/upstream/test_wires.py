"""One behaviour suite over every wire (design, decision 15)."""

from __future__ import annotations

import asyncio
import gzip
import socket

import pytest

from gateway.upstream.wire import (
    AnswerTooLong,
    ConnectionBroken,
    NotConnected,
    TimedOut,
    WireError,
    WireOptions,
)
from gateway.upstream.wires import WIRES, open_wire

pytestmark = pytest.mark.anyio


async def never(_writer):
    await asyncio.Event().wait()


async def hang_up(writer):
    writer.close()


async def test_an_answer_comes_with_status_headers_and_bytes(wire, server, answering):
    server.answer = answering(b'{"id":1}', status="201 Created", headers=("X-Request-Id: abc",))

    answer = await wire.send("GET", "/api/v4/job", {}, timeout_s=5)

    assert (answer.status, answer.body) == (201, b'{"id":1}')
    assert answer.header("x-request-id") == answer.header("X-Request-ID") == "abc"
    assert answer.header("x-other") is None


@pytest.mark.parametrize(
    "target",
    [
        "/api/v4/projects/group%2Fsub.name%2Fp/jobs?scope%5B%5D=pending&cursor=eyJ9%3D%3D",
        "/api/v4/projects/a%252Fb",
        "/api/v4/projects/%E2%9C%93/jobs",
    ],
)
async def test_the_target_goes_out_as_it_is_given(wire, server, target):
    await wire.send("GET", target, {}, timeout_s=5)

    assert server.heads[0].split(" ")[:2] == ["GET", target]


async def test_headers_go_out_exactly_and_no_credential_is_invented(wire, server):
    await wire.send("GET", "/", {"PRIVATE-TOKEN": "secret-1", "X-A": "b c"}, timeout_s=5)

    lines = server.heads[0].lower().splitlines()
    assert "private-token: secret-1" in lines
    assert "x-a: b c" in lines
    assert not any(line.startswith(("cookie", "authorization")) for line in lines)


async def test_a_body_is_sent_with_its_length(wire, server):
    await wire.send("POST", "/", {"Content-Type": "application/json"}, body=b'{"a":1}', timeout_s=5)

    assert server.bodies == [b'{"a":1}']
    assert "content-length: 7" in server.heads[0].lower()


async def test_connections_are_used_again(wire, server):
    for _ in range(5):
        await wire.send("GET", "/", {}, timeout_s=5)

    assert server.connections == 1


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
        while server.open:
            await asyncio.sleep(0)


async def test_no_connection_is_told_apart(wire_name):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with open_wire(wire_name, WireOptions(f"http://127.0.0.1:{port}")) as wire:
        with pytest.raises(NotConnected):
            await wire.send("POST", "/", {}, body=b"{}", timeout_s=5)


async def test_a_reset_before_the_answer_is_a_broken_connection(wire, server):
    server.answer = hang_up

    with pytest.raises(ConnectionBroken):
        await wire.send("POST", "/", {}, body=b"{}", timeout_s=5)
    assert len(server.heads) == 1


async def test_a_cut_body_is_a_broken_connection(wire, server, answering):
    server.answer = answering(b'{"id":', length=100)

    with pytest.raises(ConnectionBroken):
        await wire.send("GET", "/", {}, timeout_s=5)


async def test_no_answer_times_out(wire, server):
    server.answer = never

    with pytest.raises(TimedOut):
        await wire.send("GET", "/", {}, timeout_s=0.05)


async def test_a_body_that_drips_times_out(wire, server, answering):
    async def drip(writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
        await writer.drain()
        await asyncio.Event().wait()

    server.answer = drip
    with pytest.raises(TimedOut):
        await wire.send("GET", "/", {}, timeout_s=0.1)


async def test_no_time_left_sends_nothing(wire, server):
    with pytest.raises(TimedOut):
        await wire.send("GET", "/", {}, timeout_s=0)
    assert server.heads == []


async def test_a_long_answer_is_refused(wire, server, answering):
    server.answer = answering(b"x" * 10_001)

    with pytest.raises(AnswerTooLong):
        await wire.send("GET", "/", {}, timeout_s=5)


async def test_the_bound_holds_for_what_a_compressed_answer_becomes(wire, server, answering):
    server.answer = answering(gzip.compress(b"x" * 1_000_000), headers=("content-encoding: gzip",))

    with pytest.raises(AnswerTooLong):
        await wire.send("GET", "/", {}, timeout_s=5)


async def test_compressed_answers_are_opened(wire, server, answering):
    server.answer = answering(gzip.compress(b'{"id":1}'), headers=("content-encoding: gzip",))

    assert (await wire.send("GET", "/", {}, timeout_s=5)).body == b'{"id":1}'


async def test_redirects_are_handed_over_not_followed(wire, server, answering):
    server.answer = answering(b"", status="302 Found", headers=("location: http://127.0.0.1:1/x",))

    answer = await wire.send("GET", "/", {"PRIVATE-TOKEN": "secret-1"}, timeout_s=5)

    assert (answer.status, answer.header("location")) == (302, "http://127.0.0.1:1/x")
    assert len(server.heads) == 1


async def test_cookies_are_not_kept(wire, server, answering):
    server.answer = answering(b"{}", headers=("set-cookie: a=b",))

    await wire.send("GET", "/", {}, timeout_s=5)
    await wire.send("GET", "/", {}, timeout_s=5)

    assert "cookie" not in server.heads[1].lower()


async def test_a_cancelled_call_closes_its_connection(wire, server):
    server.answer = never
    send = asyncio.ensure_future(wire.send("GET", "/", {}, timeout_s=30))
    await server.arrived.wait()

    send.cancel()

    with pytest.raises(asyncio.CancelledError):
        await send
    # The server only sees the end once it writes; the wire's next call must not wait for it.
    server.answer = hang_up
    with pytest.raises(ConnectionBroken):
        await wire.send("GET", "/", {}, timeout_s=5)


async def test_a_stream_comes_in_pieces(wire, server, answering):
    server.answer = answering(b"a" * 9_000 + b"\xe2\x9c\x93", headers=("X-Request-Id: r",))

    async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
        pieces = [piece async for piece in streamed.chunks()]

    assert streamed.status == 200
    assert streamed.header("x-request-id") == "r"
    assert b"".join(pieces) == b"a" * 9_000 + b"\xe2\x9c\x93"


async def test_a_stream_is_not_bounded_but_its_reading_is(wire, server, answering):
    server.answer = answering(b"a" * 50_000)

    async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
        assert sum([len(piece) async for piece in streamed.chunks()]) == 50_000
    async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
        with pytest.raises(AnswerTooLong):
            await streamed.read(100)


async def test_a_stream_that_is_left_early_leaves_the_wire_usable(wire, server, answering):
    server.answer = answering(b"a" * 50_000)

    async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
        async for _ in streamed.chunks():
            break
    server.answer = answering(b"{}")

    assert (await wire.send("GET", "/", {}, timeout_s=5)).body == b"{}"


async def test_a_cut_stream_is_a_broken_connection(wire, server, answering):
    server.answer = answering(b"abc", length=100)

    with pytest.raises(ConnectionBroken):
        async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
            async for _ in streamed.chunks():
                pass


async def test_proxies_of_the_environment_are_not_used(wire_name, server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    async with open_wire(wire_name, WireOptions(server.origin)) as wire:
        assert (await wire.send("GET", "/", {}, timeout_s=5)).status == 200


async def test_a_proxy_of_the_settings_is_used(wire_name, server):
    options = WireOptions("http://gitlab.invalid", proxy=server.origin)

    async with open_wire(wire_name, options) as wire:
        await wire.send("GET", "/api/v4/job", {}, timeout_s=5)

    assert server.heads[0].startswith("GET http://gitlab.invalid/api/v4/job ")


@pytest.mark.parametrize(
    ("trusts", "verifies", "works"), [(False, True, False), (True, True, True), (False, False, True)]
)
async def test_tls_is_verified_unless_it_is_switched_off(
    wire_name, tls_server, tmp_path, trusts, verifies, works
):
    server, authority = tls_server
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    options = WireOptions(
        server.origin, verify_tls=verifies, ca_file=str(ca_file) if trusts else None
    )

    async with open_wire(wire_name, options) as wire:
        if works:
            assert (await wire.send("GET", "/", {}, timeout_s=5)).status == 200
        else:
            with pytest.raises(NotConnected):
                await wire.send("GET", "/", {}, timeout_s=5)
                assert server.heads == []


async def test_a_closed_wire_fails_calls(wire_name, server):
    wire = WIRES[wire_name](WireOptions(server.origin))
    await wire.send("GET", "/", {}, timeout_s=5)
    await wire.aclose()

    with pytest.raises(WireError):
        await wire.send("GET", "/", {}, timeout_s=5)
