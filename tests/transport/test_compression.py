"""gzip: for whom, from which size, and at whose cost."""

import asyncio
import gzip
import json

import pytest
from graphql import ExecutionResult

from gateway.transport.compression import LEAST_BYTES, Compressor

pytestmark = pytest.mark.anyio

QUERY = {"query": "{ __typename }"}
TEXT = "a job by any other name " * 1_000


@pytest.fixture
def compressor():
    made = Compressor()
    yield made
    made.close()


@pytest.fixture
def make_big(make_caller, compressor):
    """Makes a caller whose every answer holds a text."""

    def make(text=TEXT, **options):
        async def run(_scope):
            return ExecutionResult({"text": text}, None)

        return make_caller(run, compressor=compressor, **options)

    return make


@pytest.mark.parametrize(
    "accept_encoding",
    [
        "gzip",
        "gzip, deflate, br, zstd",
        "GZIP;Q=1.0",
        "x-gzip",
        "*",
        "br;q=1.0, gzip;q=0.8, *;q=0.1",
        "gzip;q=0.001",
        "identity;q=0.5, gzip;q=0.5",
        "identity;q=0, *",
        "deflate, *;q=0.5",
        "gzip, *;q=0",
    ],
)
async def test_who_accepts_gzip_gets_it(make_big, accept_encoding):
    answer = await make_big().post(QUERY, accept_encoding=accept_encoding)

    assert answer.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in answer.headers["vary"]
    assert int(answer.headers["content-length"]) == len(answer.body) < len(TEXT) / 10
    assert json.loads(gzip.decompress(answer.body)) == {"data": {"text": TEXT}}


@pytest.mark.parametrize(
    "accept_encoding",
    [
        None,
        "identity",
        "br, deflate",
        "gzip;q=0",
        "gzip;q=0, *",
        "*;q=0",
        "identity, gzip;q=0.5",
        "gzip;q=nonsense",
        "gzipped",
        ", ;",
    ],
)
async def test_who_does_not_gets_it_plain(make_big, accept_encoding):
    answer = await make_big().post(QUERY, accept_encoding=accept_encoding)

    assert "content-encoding" not in answer.headers
    # A cache must not give this answer to one who would rather have the other.
    assert "accept-encoding" in answer.headers["vary"]
    assert answer.json() == {"data": {"text": TEXT}}


async def test_small_answers_stay_plain(make_big):
    frame = len(b'{"data":{"text":""}}')

    below, at = [
        await make_big("x" * (LEAST_BYTES - frame - less)).post(QUERY, accept_encoding="gzip")
        for less in (1, 0)
    ]

    assert "content-encoding" not in below.headers
    assert at.headers["content-encoding"] == "gzip"


async def test_small_answers_are_compressed_for_who_takes_nothing_else(make_big):
    answer = await make_big("x").post(QUERY, accept_encoding="gzip, identity;q=0")

    assert json.loads(gzip.decompress(answer.body)) == {"data": {"text": "x"}}


async def test_head_tells_what_get_would(make_big):
    get, head = [
        await make_big().call(method, query="query={__typename}", accept_encoding="gzip")
        for method in ("GET", "HEAD")
    ]

    told = ("content-encoding", "content-length", "content-type", "vary")
    assert [get.headers[name] for name in told] == [head.headers[name] for name in told]
    assert get.headers["content-encoding"] == "gzip"


async def test_it_can_be_turned_off(make_caller):
    async def run(_scope):
        return ExecutionResult({"text": TEXT}, None)

    answer = await make_caller(run, compressor=None).post(QUERY, accept_encoding="gzip")

    assert "content-encoding" not in answer.headers
    assert "vary" not in answer.headers or "accept-encoding" not in answer.headers["vary"]


async def test_a_long_answer_is_compressed_off_the_loop(compressor):
    body = b"%b" % (TEXT.encode() * 1_000)
    turns = 0

    async def turn():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    packed = await compressor.compress(body)
    turning.cancel()

    assert gzip.decompress(packed) == body
    assert turns > 10
