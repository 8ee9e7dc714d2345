"""What is no body is bounded: heads, trailers, framing, requests that wait for their answers."""

import asyncio
import tracemalloc
from time import thread_time

import pytest

from tests.harness.stretches import reference_s
from tests.transport.serving import UNTIL_CLOSED_S, echo, served, until_closed

pytestmark = pytest.mark.anyio

START = b"POST / HTTP/1.1\r\nhost: x\r\n"
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
CHUNKED = START + b"transfer-encoding: chunked\r\n\r\n"
MEGABYTE = 1_000_000
# A megabyte sent through a test's own loop and parsed takes some milliseconds.
CPU_S = 1.0


async def exchange(connect, *parts):
    """What comes back, to the end of the connection, for what is sent until it is refused."""
    reader, writer = await connect()
    answer = asyncio.ensure_future(until_closed(reader))
    try:
        for part in parts:
            writer.write(part)
            await asyncio.wait_for(writer.drain(), UNTIL_CLOSED_S)
    except ConnectionError:
        pass
    received = await answer
    writer.close()
    return received


def repeated(part, times=100):
    """A megabyte a time, until the server has hung up."""
    return [part * (MEGABYTE // len(part))] * times


FLOODS = {
    "small headers": (b"431", START, *repeated(b"a:b\r\n")),
    "a header without end": (b"431", START + b"a: ", *repeated(b"b")),
    "a name without end": (b"431", START, *repeated(b"b")),
    "large headers": (b"431", START, *repeated(b"a: %b\r\n" % (b"b" * 9_000))),
    "an address without end": (b"414", b"GET /", *repeated(b"b")),
    "an address that is too long": (
        b"414",
        b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n" % (b"b" * 40_000),
    ),
    "blank lines": (b"431", *repeated(b"\r\n")),
    "extensions of a chunk": (b"400", CHUNKED + b"1;a=", *repeated(b"b")),
    "chunks of one byte": (b"400", CHUNKED, *repeated(b"1\r\nb\r\n")),
    "trailers": (b"431", CHUNKED + b"1\r\nb\r\n0\r\n", *repeated(b"a:b\r\n")),
    "a trailer without end": (b"400", CHUNKED + b"1\r\nb\r\n0\r\na: ", *repeated(b"b")),
    "no HTTP": (b"400", *repeated(b"\x16\x03\x01")),
}


@pytest.mark.timed
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_hundred_megabytes_of_no_body_are_answered_once(flood):
    status, *parts = flood
    started = thread_time()

    async with served(echo, receive_timeout_s=30) as connect:
        answer = await exchange(connect, *parts)

    assert answer.startswith(b"HTTP/1.1 %b " % status)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer
    assert reference_s(thread_time() - started) < CPU_S


@pytest.mark.timed
@pytest.mark.parametrize("name", ["small headers", "a header without end", "extensions of a chunk"])
async def test_nothing_of_them_is_kept(name):
    _, start, *parts = FLOODS[name]
    tracemalloc.start()
    try:
        async with served(echo, receive_timeout_s=30) as connect:
            await exchange(connect, start, *parts[:20])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 5 * MEGABYTE


@pytest.mark.parametrize(("count", "status"), [(97, b"200"), (98, b"431")])
async def test_a_hundred_headers_are_taken(count, status):
    headers = b"".join(b"a%d: %b\r\n" % (n, b"b" * 300) for n in range(count))

    async with served(echo) as connect:
        answer = await exchange(
            connect, START + headers + b"connection: close\r\ncontent-length: 2\r\n\r\nhi"
        )

    assert answer.startswith(b"HTTP/1.1 %b" % status)


async def test_what_goes_beyond_is_told():
    async with served(echo) as connect:
        answer = await exchange(connect, START + b"a: %b\r\n\r\n" % (b"b" * 40_000))

    assert answer.endswith(
        b"Request Header Fields Too Large: the request's head has more than 32768 bytes;"
        b" send fewer or shorter headers\n"
    )


async def test_trailers_are_no_headers():
    seen = []

    async def note(scope, receive, send):
        await echo(scope, receive, send)
        seen.extend(scope["headers"])

    async with served(note) as connect:
        answer = await exchange(
            connect,
            CHUNKED.replace(b"host", b"connection: close\r\nhost")
            + b"2\r\nhi\r\n0\r\nprivate-token: x\r\n\r\n",
        )

    assert answer.endswith(b"hi")
    assert [name for name, _ in seen] == [b"connection", b"host", b"transfer-encoding"]


async def test_chunks_of_a_few_bytes_are_taken():
    chunks = b"8\r\n12345678\r\n" * 5_000

    async with served(echo) as connect:
        answer = await exchange(
            connect, CHUNKED.replace(b"host", b"connection: close\r\nhost") + chunks + b"0\r\n\r\n"
        )

    assert answer.endswith(b"12345678" * 5_000)


class TestPipelines:
    async def test_of_a_hundred_requests_are_answered(self):
        last = GET.replace(b"host", b"connection: close\r\nhost")

        async with served(echo) as connect:
            answer = await exchange(connect, GET * 100 + last)

        assert answer.count(b"HTTP/1.1 200 OK") == 101

    async def test_without_end_are_answered_as_far_as_they_are_read(self):
        async with served(echo) as connect:
            answer = await exchange(connect, GET * 5_000)

        assert answer.count(b"HTTP/1.1 ") == answer.count(b"HTTP/1.1 200 OK") == 101
        assert answer.count(b"connection: close") == 1

    async def test_end_with_what_is_no_http(self):
        """The answers belong to the requests before it, and nothing else follows them."""
        async with served(echo) as connect:
            answer = await exchange(connect, GET * 3 + b"no HTTP\r\n\r\n" + GET)

        assert answer.count(b"HTTP/1.1 ") == answer.count(b"HTTP/1.1 200 OK") == 3

    async def test_end_with_a_body_that_breaks(self):
        async with served(echo) as connect:
            answer = await exchange(connect, GET * 2 + CHUNKED + b"no size\r\n\r\n" + GET)

        assert answer.count(b"HTTP/1.1 ") == answer.count(b"HTTP/1.1 200 OK") == 2


async def test_a_body_that_breaks_is_400_and_tells_the_application():
    told = asyncio.Event()

    async def wait(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass
        told.set()

    async with served(wait, receive_timeout_s=30) as connect:
        answer = await exchange(connect, CHUNKED + b"1\r\nb\r\n", b"no size\r\n")

    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert told.is_set()
