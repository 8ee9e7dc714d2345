"""The behaviour suite of the wires: framing, compression, bounds and streams."""

from __future__ import annotations

import gzip

import pytest

from gateway.upstream.wire import (
    AnswerTooLong,
    ConnectionBroken,
    WireOptions,
)
from gateway.upstream.wires import open_wire
from tests.harness.turns import turns
from tests.upstream.wires.raw import CHUNKED, OK, raw

pytestmark = pytest.mark.anyio


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


async def test_an_empty_body_labelled_gzip_is_empty(wire, server, answering):
    server.answer = answering(b"", headers=("content-encoding: gzip",))

    whole = await wire.send("GET", "/", {}, timeout_s=5)
    async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
        pieces = [piece async for piece in streamed.chunks()]

    assert (whole.status, whole.body, pieces) == (200, b"", [])


async def test_what_cannot_be_opened_is_a_broken_connection(wire, server, answering):
    server.answer = answering(b"no gzip at all", headers=("content-encoding: gzip",))

    with pytest.raises(ConnectionBroken):
        await wire.send("GET", "/", {}, timeout_s=5)


async def test_a_compressed_stream_comes_in_bounded_pieces(wire, server, answering):
    server.answer = answering(gzip.compress(b"x" * 9_000_000), headers=("Content-Encoding: gzip",))

    async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
        pieces = [len(piece) async for piece in streamed.chunks()]

    assert sum(pieces) == 9_000_000


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


async def test_a_stream_that_came_whole_and_was_not_read_leaves_the_wire_usable(
    wire, server, answering
):
    """Its reader fell so far behind with the last of it that the wire stopped receiving."""
    server.answer = answering(b"x" * (256 * 1024 + 1_000))
    async with wire.stream("GET", "/", {}, timeout_s=5):
        await turns(200)

    server.answer = answering(b"{}")
    answer = await wire.send("GET", "/", {}, timeout_s=5)

    assert answer.body == b"{}"


async def test_a_cut_stream_is_a_broken_connection(wire, server, answering):
    server.answer = answering(b"abc", length=100)

    async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
        with pytest.raises(ConnectionBroken):
            await streamed.read(1_000)


async def test_bodies_in_pieces_come_whole_one_after_the_other(wire, server):
    answers = []

    for letter in (b"a", b"b", b"c"):
        head = OK + b"Content-Length: 9000\r\n\r\n"
        server.answer = raw(head + letter * 4_000, letter * 5_000)
        answers.append(await wire.send("GET", "/", {}, timeout_s=5))

    assert [bytes(answer.body) for answer in answers] == [b"a" * 9_000, b"b" * 9_000, b"c" * 9_000]


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "404 Not Found"])
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_an_empty_body_labelled_as_packed_is_an_empty_body(
    wire, server, answering, status, is_streamed
):
    server.answer = answering(b"", status=status, headers=("Content-Encoding: gzip",))

    if is_streamed:
        async with wire.stream("GET", "/", {}, timeout_s=5) as streamed:
            body = await streamed.read(100)
    else:
        body = (await wire.send("GET", "/", {}, timeout_s=5)).body

    assert body == b""
