"""One behaviour suite over every wire (design, decision 15)."""

from __future__ import annotations

import asyncio
import gzip
import socket
from contextlib import ExitStack

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

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


async def hang_up(writer):
    writer.close()


async def turns(count):
    """Let the loop tell the wire what its sockets have heard."""
    for _ in range(count):
        await asyncio.sleep(0)


def raw(*parts):
    """An answer written as it stands, a part at a time; None closes the connection."""

    async def answer(writer):
        for part in parts:
            if part is None:
                writer.close()
                return
            writer.write(part)
            await writer.drain()
            await turns(5)

    return answer


async def test_an_answer_comes_with_status_headers_and_bytes(wire, server, answering):
    server.answer = answering(b'{"id":1}', status="201 Created", headers=("X-Request-Id: abc",))

    answer = await wire.send("GET", "/api/v4/job", {}, timeout_s=5)

    assert (answer.status, answer.body) == (201, b'{"id":1}')
    assert answer.header("x-request-id") == answer.header("X-Request-ID") == "abc"
    assert answer.header("x-other") is None


async def test_of_a_header_that_comes_twice_the_first_is_told(wire, server, answering):
    server.answer = answering(b"{}", headers=("X-Request-Id: first", "x-request-id: second"))

    answer = await wire.send("GET", "/api/v4/job", {}, timeout_s=5)

    assert answer.header("X-Request-Id") == "first"


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


@pytest.fixture
def deaf():
    """An origin whose connections are never made: its queue of them is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003 - the standard library's signature
            waiting.connect_ex(listener.getsockname())
        yield "http://{}:{}".format(*listener.getsockname())


async def test_a_connection_that_takes_too_long_is_no_connection(wire_name, deaf):
    async with open_wire(wire_name, WireOptions(deaf, connect_timeout_s=0.05)) as wire:
        with pytest.raises(NotConnected):
            await wire.send("POST", "/", {}, timeout_s=5)


async def test_a_connection_that_takes_all_the_time_times_out_unsent(wire_name, deaf):
    async with open_wire(wire_name, WireOptions(deaf)) as wire:
        with pytest.raises(TimedOut) as caught:
            await wire.send("POST", "/", {}, timeout_s=0.05)
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


@pytest.mark.parametrize(
    "parts",
    [
        (OK + b"Content-", b"Length: 4\r\n\r", b"\nab", b"cd"),
        (CHUNKED, b"2\r\nab\r", b"\n2\r\ncd\r\n0\r\n\r\n"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", OK + b"Content-Length: 4\r\n\r\nabcd"),
        (OK + b"Connection: close\r\n\r\nab", b"cd", None),
        (b"HTTP/1.0 200 OK\r\n\r\nabcd", None),
    ],
    ids=["length", "chunked", "early hints", "until the end", "old"],
)  # fmt: skip
async def test_bodies_are_framed_as_http_says(wire, server, parts):
    server.answer = raw(*parts)

    for _ in range(2):
        answer = await wire.send("GET", "/", {}, timeout_s=5)
        await turns(20)
        assert (answer.status, bytes(answer.body)) == (200, b"abcd")
        assert answer.header("link") is None


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_answers_without_a_body_leave_the_connection_usable(wire, server, answering, status):
    server.answer = raw(f"HTTP/1.1 {status}\r\nETag: a\r\n\r\n".encode())

    for _ in range(2):
        answer = await wire.send("GET", "/", {}, timeout_s=5)
        assert (answer.status, bytes(answer.body)) == (int(status[:3]), b"")
    assert server.connections == 1


@pytest.mark.parametrize("size_bytes", [1, 9_999, 65_536, 300_000, 3_000_000])
async def test_bodies_of_all_sizes_arrive_whole(wire_name, server, answering, size_bytes):
    body = bytes(range(251)) * (size_bytes // 251 + 1)
    server.answer = answering(body)

    async with open_wire(wire_name, WireOptions(server.origin)) as wire:
        answers = [await wire.send("GET", "/", {}, timeout_s=5) for _ in range(3)]

    assert all(bytes(answer.body) == body for answer in answers)
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>this is no HTTP</html>\r\n\r\n",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        CHUNKED + b"zz\r\n",
    ],
)
async def test_what_is_no_http_is_a_broken_connection(wire, server, answer):
    server.answer = raw(answer, None)

    with pytest.raises(ConnectionBroken):
        await wire.send("GET", "/", {}, timeout_s=5)


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b"])
async def test_a_header_cannot_hold_another(wire, server, value):
    with pytest.raises(ValueError, match=r"line|ASCII"):
        await wire.send("GET", "/", {"X-A": value}, timeout_s=5)

    assert server.heads == []


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX-Injected: 1", "/\u2713"])
async def test_a_target_cannot_leave_its_line(wire, server, target):
    with pytest.raises(ValueError, match=r"line|ASCII"):
        await wire.send("GET", target, {}, timeout_s=5)

    assert server.heads == []


async def test_no_time_left_sends_nothing(wire, server):
    with pytest.raises(TimedOut) as caught:
        await wire.send("GET", "/", {}, timeout_s=0)
    assert not caught.value.was_sent
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


async def test_what_cannot_be_opened_is_a_broken_connection(wire, server, answering):
    server.answer = answering(b"no gzip at all", headers=("content-encoding: gzip",))

    with pytest.raises(ConnectionBroken):
        await wire.send("GET", "/", {}, timeout_s=5)


async def test_a_compressed_stream_comes_in_bounded_pieces(wire, server, answering):
    server.answer = answering(gzip.compress(b"x" * 9_000_000), headers=("Content-Encoding: gzip",))

    async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
        pieces = [len(piece) async for piece in streamed.chunks()]

    assert sum(pieces) == 9_000_000


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
        await wire.send("GET", "/", {}, timeout_s=0.05)

    assert caught.value.was_sent
    await server.left.wait()


async def test_a_call_that_waits_for_a_connection_is_told_it_was_not_sent(wire, server):
    server.answer = server.never
    sends = [asyncio.ensure_future(wire.send("GET", "/", {}, timeout_s=30)) for _ in range(4)]
    await turns(50)
    assert len(server.heads) == 4

    with pytest.raises(WireError) as caught:
        await wire.send("POST", "/", {}, timeout_s=0.05)

    assert not caught.value.was_sent
    for send in sends:
        send.cancel()
    await asyncio.gather(*sends, return_exceptions=True)


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

    async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
        with pytest.raises(ConnectionBroken):
            await streamed.read(1_000)


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
    ("trusts", "verifies", "works"),
    [(False, True, False), (True, True, True), (False, False, True)],
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
