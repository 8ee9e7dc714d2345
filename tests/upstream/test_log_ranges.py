"""How much of a log is asked for, and what is made of answers that are other than asked for."""

import re

import pytest

from gateway.errors import UpstreamInvalid
from gateway.turns import Turns
from gateway.upstream.logs import Slice, Tail
from gateway.upstream.logs.ranges import read_log
from gateway.upstream.wire import Answer
from tests.upstream.conftest import an_answer

pytestmark = pytest.mark.anyio

LOG = b"".join(b"line %06d of the log\n" % number for number in range(20_000))
END = len(LOG)


class Upstream:
    """Sends parts of a log, or does not know how to; counts what it sends. One that `knows` the
    limit alone sends the log's beginning, one that knows the position alone all that follows.
    """

    def __init__(self, log=LOG, *, sends_parts=True, knows=("byte_offset", "byte_limit")):
        self.log = log
        self.knows = knows if sends_parts else ()
        self.moved = 0

    async def __call__(self, sent):
        told = dict(re.findall(r"(byte_\w+)=(\d+)", sent.target))
        asked = {name: int(value) for name, value in told.items() if name in self.knows}
        body = self.log[asked.get("byte_offset", 0) :]
        body = body[: asked.get("byte_limit", len(body))]
        self.moved += len(body)
        pieces = [body[start : start + 9_000] for start in range(0, len(body), 9_000)]
        return Answer(200, {}.get, pieces)


@pytest.fixture
def read(over):
    def reading(upstream):
        it = over(upstream)

        async def read(*wants, **needs):
            scope = it.scope()
            run = Turns().run
            scan = await read_log(it.client, scope, 1, 7, wants, run=run, **needs)
            return scan, scope.tally

        return read

    return reading


async def test_polls_of_an_idle_log_move_little(read):
    upstream = Upstream()
    look = read(upstream)

    for poll in range(10):
        scan, tally = await look(Slice(END, 65_536))
        [piece] = scan.pieces()
        assert (piece.raw, piece.start_byte, piece.truncated) == (b"", END, False)
        # The first time it is found out that the upstream sends parts.
        assert (tally.calls, tally.retried) == ((1, 0) if poll else (2, 1))

    assert upstream.moved < 10 * 3_000


@pytest.mark.parametrize("sends_parts", [True, False])
@pytest.mark.parametrize("from_byte", [0, 5, 70_000, 100_007, 299_999, END - 30, END])
@pytest.mark.parametrize("max_bytes", [1, 500, 65_536, 2**20])
async def test_a_slice_is_the_same_from_any_upstream(read, from_byte, max_bytes, sends_parts):
    look = read(Upstream(sends_parts=sends_parts))

    first, tally = await look(Slice(from_byte, max_bytes))
    again, tally_again = await look(Slice(from_byte, max_bytes))

    for scan in (first, again):
        [piece] = scan.pieces()
        assert piece.raw == LOG[from_byte : piece.end_byte]
        assert piece.end_byte == END or LOG[piece.end_byte - 1 : piece.end_byte] == b"\n"
        assert piece.end_byte - from_byte <= max(max_bytes, 23)
        assert piece.truncated == (piece.end_byte < END)
    assert tally.calls - tally.retried == 1
    assert (tally_again.calls, tally_again.retried) == (1, 0)


@pytest.mark.parametrize("from_byte", [5, 70_000, 100_007, 299_999, END - 30, END, END + 9])
@pytest.mark.parametrize("max_bytes", [1, 65_536, 2**20])
@pytest.mark.parametrize("needs_size", [False, True])
@pytest.mark.parametrize("size", [90_000, END])
@pytest.mark.parametrize("knows", ["byte_limit", "byte_offset"])
async def test_one_that_is_taken_without_the_other_leads_nobody_astray(
    read, from_byte, max_bytes, needs_size, size, knows
):
    upstream = Upstream(LOG[:size], knows=(knows,))
    look = read(upstream)

    for _ in range(2):
        scan, _ = await look(Slice(from_byte, max_bytes), needs_size=needs_size)
        [piece] = scan.pieces()
        assert piece.start_byte == min(from_byte, size)
        assert piece.raw == upstream.log[piece.start_byte : piece.end_byte]


@pytest.mark.parametrize(
    "knows", [("byte_limit",), ("byte_offset",), ("byte_offset", "byte_limit")]
)
@pytest.mark.parametrize("log", [b"x" * 300_000, b"a line\n" * 50_000])
async def test_a_log_of_equal_parts_is_read_right(read, log, knows):
    look = read(Upstream(log, knows=knows))

    scan, _ = await look(Slice(140_000, 100), needs_size=True)

    [piece] = scan.pieces()
    assert (scan.byte_count, piece.start_byte) == (len(log), 140_000)
    assert piece.raw == log[140_000 : piece.end_byte]


async def test_the_size_beside_a_slice_needs_no_more_than_the_rest(read):
    upstream = Upstream()
    look = read(upstream)
    await look(Slice(END, 100))

    scan, tally = await look(Slice(END - 300_000, 100), needs_size=True)

    assert scan.byte_count == END
    assert (tally.calls, tally.retried) == (1, 0)
    assert upstream.moved < 310_000


async def test_an_old_upstream_is_not_asked_for_parts_again(read):
    upstream = Upstream(sends_parts=False)
    look = read(upstream)

    _, first = await look(Slice(END, 100))
    _, second = await look(Slice(END, 100))

    # Whether it sent the whole log, or ignored the limit only, is found out by two small reads.
    assert (first.calls, first.retried) == (3, 2)
    assert (second.calls, second.retried) == (1, 0)


async def test_one_that_ignores_the_limit_is_asked_by_position(read):
    upstream = Upstream(knows=("byte_offset",))
    look = read(upstream)
    await look(Slice(END, 100))
    upstream.moved = 0

    for _ in range(10):
        scan, tally = await look(Slice(END - 5_000, 100))
        [piece] = scan.pieces()
        assert piece.raw == LOG[END - 5_000 : piece.end_byte]
        assert (tally.calls, tally.retried) == (1, 0)

    assert upstream.moved < 10 * 10_000


@pytest.mark.parametrize("sends_parts", [True, False])
@pytest.mark.parametrize("size", [0, 1, 16, 17, 3_000, 60_000])
async def test_a_log_that_ends_before_the_position_tells_its_end(read, size, sends_parts):
    look = read(Upstream(LOG[:size], sends_parts=sends_parts))

    for _ in range(2):
        scan, tally = await look(Slice(400_000, 100))
        [piece] = scan.pieces()
        assert (piece.raw, piece.start_byte, piece.end_byte) == (b"", size, size)
        assert tally.calls - tally.retried == 1


async def test_a_tail_and_lines_are_read_from_the_whole(read):
    look = read(Upstream())

    scan, tally = await look(Tail(1, 9), Slice(END - 21, 5), needs_lines=True)

    assert [piece.raw for piece in scan.pieces()] == [LOG[-23:], LOG[-21:]]
    assert (scan.line_count, scan.byte_count, tally.calls) == (20_000, END, 1)


@pytest.mark.parametrize(
    "kind",
    ["text/html; charset=utf-8", "TEXT/HTML", "application/xhtml+xml", "application/json"],
)
async def test_a_page_or_document_in_place_of_a_log_is_no_log(over, kind):
    it = over(an_answer(b"<html>Sign in</html>", content_type=kind))

    with pytest.raises(UpstreamInvalid, match="in place of the log"):
        await read_log(it.client, it.scope(), 1, 7, [Tail(1, 99)], run=Turns().run)


@pytest.mark.parametrize(
    "headers",
    [{}, {"content_type": "text/plain"}, {"content_type": "application/octet-stream"}],
)
async def test_a_log_that_begins_as_a_page_does_is_a_log(over, headers):
    it = over(an_answer(b"<html>\n", **headers))

    scan = await read_log(it.client, it.scope(), 1, 7, [Tail(1, 99)], run=Turns().run)

    assert scan.pieces()[0].raw == b"<html>\n"


@pytest.mark.parametrize("headers", [{}, {"content_type": "text/html"}])
async def test_a_page_in_place_of_json_is_named_so(over, headers):
    it = over(an_answer(b"<!DOCTYPE html><html>", **headers))

    with pytest.raises(UpstreamInvalid, match=r"a web page.* in place of JSON"):
        await it.client.job(it.scope(), 1, 7)
