"""The server: requests that arrive slowly or never, a shutdown that waits for running ones."""

import asyncio

import pytest

from gateway.transport.server import CannotListen, address_of, listen
from tests.transport.serving import UNTIL_CLOSED_S, echo, hello_at_once, served, until_closed

pytestmark = pytest.mark.anyio

WHOLE = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi"


async def test_requests_are_answered_on_one_connection():
    async with served(echo, receive_timeout_s=5) as connect:
        reader, writer = await connect()
        for _ in range(3):
            writer.write(WHOLE)
            assert (await reader.readuntil(b"hi")).startswith(b"HTTP/1.1 200 OK")
        writer.close()


async def test_responses_bear_the_date_of_their_second():
    async with served(echo, receive_timeout_s=30) as connect:
        reader, writer = await connect()
        dates = set()
        async with asyncio.timeout(30):
            while len(dates) < 3:
                writer.write(WHOLE)
                head = await reader.readuntil(b"hi")
                dates |= {line for line in head.split(b"\r\n") if line.startswith(b"date: ")}
                await asyncio.sleep(0.05)
        writer.close()

    assert all(date.endswith(b" GMT") for date in dates)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST",
        b"POST / HTTP/1.1\r\nhost: x\r\n",
        b"\r\n",
    ],
)
async def test_a_head_that_does_not_come_is_408(sent):
    async with served(echo) as connect:
        reader, writer = await connect()
        writer.write(sent)

        answer = await until_closed(reader)

        assert answer.startswith(b"HTTP/1.1 408 Request Timeout")
        writer.close()


async def test_a_second_head_that_does_not_come_is_408():
    async with served(echo) as connect:
        reader, writer = await connect()
        writer.write(WHOLE)
        await reader.readuntil(b"hi")
        writer.write(b"POST / HT")

        assert (await until_closed(reader)).startswith(b"HTTP/1.1 408 Request Timeout")
        writer.close()


async def test_blank_lines_after_an_answer_do_not_keep_a_connection():
    async with served(echo) as connect:
        reader, writer = await connect()
        writer.write(WHOLE)
        await reader.readuntil(b"hi")
        writer.write(b"\r\n")

        await until_closed(reader)
        writer.close()


async def test_a_body_that_goes_on_after_the_answer_does_not_keep_a_connection():
    async with served(hello_at_once) as connect:
        reader, writer = await connect()
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhi")

        assert (await until_closed(reader)).endswith(b"hello")
        writer.close()


async def test_a_slow_answer_has_all_the_time_it_needs():
    entered, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(scope, receive, send):
        entered.set()
        await may_answer.wait()
        await hello_at_once(scope, receive, send)

    # Long enough for a head to arrive on a busy machine.
    async with served(slow, receive_timeout_s=0.3) as connect:
        reader, writer = await connect()
        # A body that is not whole keeps the arrival's timer running through the answer.
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhi")
        await entered.wait()
        await asyncio.sleep(0.7)
        may_answer.set()

        assert (await until_closed(reader)).endswith(b"hello")
        writer.close()


async def test_a_shutdown_waits_for_a_running_request():
    entered, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(scope, receive, send):
        entered.set()
        await may_answer.wait()
        await hello_at_once(scope, receive, send)

    async with served(slow, shutdown_timeout_s=10) as connect:
        reader, writer = await connect()
        writer.write(WHOLE)
        await entered.wait()
        asyncio.get_running_loop().call_later(0.05, may_answer.set)

    assert (await until_closed(reader)).endswith(b"hello")
    writer.close()


async def test_a_shutdown_ends_a_request_that_does_not_finish():
    entered, ended = asyncio.Event(), asyncio.Event()

    async def endless(_scope, _receive, _send):
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with served(endless, shutdown_timeout_s=1) as connect:
        _, writer = await connect()
        writer.write(WHOLE)
        await entered.wait()

    await asyncio.wait_for(ended.wait(), UNTIL_CLOSED_S)
    writer.close()


def test_a_port_in_use_is_told():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(CannotListen, match=f"cannot listen on 127.0.0.1 port {port}: "):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        ("127.0.0.2", "http://127.0.0.2:"),
        ("::", "http://[::1]:"),
    ],
)
def test_an_address_can_be_reached_from_here(host, address):
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]

        assert address_of(listener) == f"{address}{port}"
