"""Refusals arrive at callers who send their whole body before they read."""

import asyncio
import socket

import pytest

from gateway.transport.lingering import LINGER_BYTES, lingering
from tests.transport.connections import eager
from tests.transport.serving import hello_at_once, served

pytestmark = pytest.mark.anyio

TWENTY_MEGABYTES = 20_000_000
JSON = "content-type: application/json\r\n"
CLOSE = "connection: close\r\n"
PIECE = b"10000\r\n" + b"x" * 65_536 + b"\r\n"


def status_of_post(port, headers, *, is_chunked):
    """Send twenty megabytes, then read to the end: the status, and how the connection ended."""
    head = f"POST /graphql HTTP/1.1\r\nhost: x\r\n{headers}"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as caller:
        if is_chunked:
            caller.sendall(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
            for _ in range(TWENTY_MEGABYTES // 65_536):
                caller.sendall(PIECE)
            caller.sendall(b"0\r\n\r\n")
        else:
            caller.sendall(f"{head}content-length: {TWENTY_MEGABYTES}\r\n\r\n".encode())
            caller.sendall(b"x" * TWENTY_MEGABYTES)
        caller.shutdown(socket.SHUT_WR)
        received = b""
        while piece := caller.recv(65_536):
            received += piece
    return received[9:12].decode()


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (JSON + CLOSE, "413"),
        (JSON, "413"),
        (CLOSE, "415"),
        (JSON + CLOSE + "accept: text/csv\r\n", "406"),
        (JSON + CLOSE + "content-encoding: br\r\n", "415"),
    ],
)
async def test_a_refusal_of_a_body_arrives_each_time(make_caller, headers, status, is_chunked):
    async with served(make_caller().app, receive_timeout_s=10) as (connect, _):
        _, writer = await connect()
        port = writer.get_extra_info("peername")[1]
        writer.close()

        told = [
            await asyncio.to_thread(status_of_post, port, headers, is_chunked=is_chunked)
            for _ in range(4)
        ]

    assert told == [status] * 4


@pytest.mark.parametrize(
    ("headers", "status"), [("accept: text/csv\r\n", b"406"), ("content-encoding: br\r\n", b"415")]
)
async def test_a_connection_goes_on_after_a_refusal(make_caller, headers, status):
    request = f"POST /graphql HTTP/1.1\r\nhost: x\r\n{JSON}{headers}content-length: 2\r\n\r\n{{}}"
    async with served(eager(make_caller().app), receive_timeout_s=10) as (connect, _):
        reader, writer = await connect()

        told = []
        for _ in range(3):
            writer.write(request.encode())
            told.append((await reader.readuntil(b"\r\n\r\n"))[9:12])
            await reader.readuntil(b"}]}")
        writer.close()

    assert told == [status] * 3


async def test_applications_that_read_no_bodies_can_do_the_same():
    async def app(scope, receive, send):
        await hello_at_once(scope, *lingering(scope, receive, send))

    async with served(app, receive_timeout_s=10) as (connect, _):
        _, writer = await connect()
        port = writer.get_extra_info("peername")[1]
        writer.close()

        told = await asyncio.to_thread(status_of_post, port, CLOSE, is_chunked=False)

    assert told == "200"


class TestBounds:
    """By the messages of ASGI: what is sent, and how much of the body is taken."""

    async def test_what_is_sent_on_and_on_is_not_waited_for(self, caller, make_exchange):
        piece = b" " * 1_048_576
        exchange = make_exchange([piece] * 80, is_whole=False)

        await caller.exchange(exchange, content_type="application/json", content_length="99999999")

        assert exchange.answer.status == 413
        assert len(exchange.pieces) == 80 - LINGER_BYTES // len(piece)
        assert exchange.sent[-1] == {"type": "http.response.body", "body": b""}

    async def test_what_comes_no_more_is_not_waited_for(self, caller, make_exchange, monkeypatch):
        monkeypatch.setattr("gateway.transport.lingering.IDLE_S", 0.001)
        exchange = make_exchange([b" "], is_whole=False)

        await caller.exchange(exchange, content_type="application/json", content_length="99999999")

        assert exchange.answer.status == 413

    async def test_the_answer_goes_out_before_the_body_is_read(self, caller, make_exchange):
        exchange = make_exchange([], is_whole=False)
        asking = asyncio.ensure_future(
            caller.exchange(exchange, content_type="application/json", content_length="99999999")
        )

        while len(exchange.sent) < 2:  # noqa: ASYNC110 - each step is a turn of the loop
            await asyncio.sleep(0)

        assert exchange.answer.status == 413
        assert exchange.sent[-1]["more_body"]
        exchange.left.set()
        await asking

    async def test_a_body_that_was_read_has_nothing_left(self, caller, make_exchange):
        exchange = make_exchange([b"{"])

        await caller.exchange(exchange, content_type="application/json", content_length="1")

        assert exchange.answer.status == 400
        assert [message["type"][14:] for message in exchange.sent] == ["start", "body"]


async def test_who_has_read_the_body_answers_at_once():
    messages = iter([{"type": "http.request", "body": b"{}", "more_body": False}])
    sent = []

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "headers": [(b"content-length", b"2")]}
    inner_receive, inner_send = lingering(scope, receive, send)
    await inner_receive()

    await inner_send({"type": "http.response.body", "body": b"taken"})

    assert sent == [{"type": "http.response.body", "body": b"taken"}]
