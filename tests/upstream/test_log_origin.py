"""Which part of a log has come is told by each answer: the upstream's nodes may differ."""

import asyncio
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import UpstreamInvalid
from gateway.turns import Turns
from gateway.upstream.calls import ClientConfig, standard_chain
from gateway.upstream.client import Client
from gateway.upstream.log_ranges import HEAD_BYTES, HOLDS_S, LogRanges
from gateway.upstream.logs import Slice
from gateway.upstream.logs.origin import Origin, SeenOfLog, find_origin
from gateway.upstream.logs.ranges import read_log
from gateway.upstream.wire import Answer
from tests.harness.driven import Upstream, answer_of, drive
from tests.harness.over import make_scope
from tests.upstream.conftest import ScriptedStream, an_answer

pytestmark = pytest.mark.anyio

CONFIG = ClientConfig("https://gitlab.test/api/v4", retry_pause_s=0, max_retries=0)
LINES = b"".join(b"line %06d of the log\n" % number for number in range(20_000))
END = len(LINES)
EQUAL = b"a line\n" * 40_000
BOTH = ("byte_offset", "byte_limit")
# What nodes know, and that one refuses it.
KINDS = [BOTH, ("byte_offset",), ("byte_limit",), (), None]


class Nodes:
    """An upstream of several nodes: `turn()` says what the next one that answers knows."""

    def __init__(self, log, turn):
        self.log = log
        self.turn = turn
        self.moved = 0
        self.grows = 0
        self.wire = Upstream(self._answer)
        self.client = Client.over(standard_chain(self.wire, CONFIG))

    @property
    def asked(self):
        return [asked.target.partition("/trace")[2] for asked in self.wire.asked]

    def _answer(self, asked):
        told = dict(re.findall(r"(byte_\w+)=(\d+)", asked.target))
        knows = self.turn()
        if knows is None and told:
            return answer_of({"error": "byte_offset is invalid"}, 400)
        given = {name: int(value) for name, value in told.items() if name in (knows or ())}
        body = self.log[given.get("byte_offset", 0) :]
        body = body[: given.get("byte_limit", len(body))]
        self.moved += len(body)
        if self.grows:
            self.log = LINES[: len(self.log) + self.grows]
        return Answer(200, {}.get, body)

    async def read(self, *wants, job=7, **needs):
        scope = make_scope(None, seconds=10_000)
        scan = await read_log(self.client, scope, 1, job, wants, run=Turns().run, **needs)
        return scan, (scope.tally.calls, scope.tally.retried)


def always(knows):
    return lambda: knows


logs = st.one_of(
    st.sampled_from([LINES, EQUAL, b"x" * 200_000, LINES[:70_000], LINES[:100], b""]),
    # The beginning comes again.
    st.integers(0, 100_000).map(lambda size: LINES[:size] + LINES),
)
reads = st.tuples(
    st.one_of(st.integers(0, END + 100_000), st.sampled_from([70_000, 140_000, END])),
    st.sampled_from([1, 500, 100_000, 500_000]),
    st.booleans(),
)


@given(log=logs, wanted=st.lists(reads, min_size=1, max_size=6), data=st.data())
@settings(max_examples=150)
def test_whatever_nodes_answer_slices_and_sizes_are_right(log, wanted, data):
    nodes = Nodes(log, lambda: data.draw(st.sampled_from(KINDS)))

    async def look():
        for from_byte, max_bytes, needs_size in wanted:
            scan, (calls, retried) = await nodes.read(
                Slice(from_byte, max_bytes), needs_size=needs_size
            )
            [piece] = scan.pieces()
            start = min(from_byte, len(log))
            assert (piece.start_byte, piece.raw) == (start, log[start : piece.end_byte])
            assert piece.raw or start == len(log)
            assert not needs_size or scan.byte_count == len(log)
            assert calls - retried == 1
            assert retried <= 2

    drive(look())


def test_one_that_stops_to_send_parts_is_noticed_at_once():
    nodes = Nodes(LINES, always(BOTH))

    async def look():
        _, counts = await nodes.read(Slice(300_000, 40), needs_size=True)
        assert counts == (2, 1)
        _, counts = await nodes.read(Slice(300_000, 40), needs_size=True)
        assert counts == (1, 0)

        nodes.turn = always(())
        scan, counts = await nodes.read(Slice(300_000, 40), needs_size=True)
        assert scan.pieces()[0].raw == LINES[300_000 : scan.pieces()[0].end_byte]
        assert (scan.byte_count, counts) == (END, (2, 1))

    drive(look())


@pytest.mark.parametrize("knows", [(), None])
def test_one_that_sends_none_is_asked_again_after_a_while(knows):
    nodes = Nodes(LINES, always(knows))

    async def look():
        await nodes.read(Slice(300_000, 40))
        _, counts = await nodes.read(Slice(300_000, 40), job=8)
        assert counts == (1, 0)

        nodes.turn = always(BOTH)
        nodes.moved = 0
        await asyncio.sleep(HOLDS_S + 1)
        for calls in (2, 1, 1):
            _, counts = await nodes.read(Slice(300_000, 40))
            assert counts == (calls, calls - 1)

    drive(look())
    assert nodes.moved < 3 * 80_000


@pytest.mark.parametrize("size", [0, 100, 255])
def test_a_log_that_grows_meanwhile_says_nothing_of_the_upstream(size):
    nodes = Nodes(LINES[:size], always(BOTH))
    nodes.grows = 20

    async def look():
        for _ in range(3):
            await nodes.read(Slice(300_000, 40))
        nodes.log, nodes.moved, nodes.grows = LINES, 0, 0
        for _ in range(3):
            scan, _ = await nodes.read(Slice(300_000, 40))
            assert scan.pieces()[0].raw == LINES[300_000 : scan.pieces()[0].end_byte]

    drive(look())
    assert nodes.moved < 3 * 80_000


def test_a_log_that_repeats_itself_turns_parts_off_for_no_other():
    nodes = Nodes(EQUAL, always(BOTH))

    async def look():
        # At a multiple of its lines' length it looks as it does at its start.
        scan, _ = await nodes.read(Slice(7 * 20_000 + 2_100, 40))
        assert scan.pieces()[0].start_byte == 7 * 20_000 + 2_100
        nodes.log, nodes.moved = LINES, 0
        await nodes.read(Slice(300_000, 40), job=8)

    drive(look())
    assert nodes.moved < 80_000


def test_a_log_that_was_read_from_its_start_needs_no_second_call():
    nodes = Nodes(LINES, always(BOTH))

    async def look():
        await nodes.read(Slice(0, 70_000))
        _, counts = await nodes.read(Slice(70_000, 70_000))
        assert counts == (1, 0)

    drive(look())
    assert [one.partition("=")[0] for one in nodes.asked] == ["?byte_limit", "?byte_offset"]


HEAD = LINES[:HEAD_BYTES]
KNOWN = LINES[90_000 - 255 : 90_000]


@pytest.mark.parametrize(
    ("body", "headers", "seen", "origin"),
    [
        (KNOWN + b"new\n", {}, SeenOfLog(HEAD, KNOWN, 90_000), Origin.POSITION),
        (KNOWN, {}, SeenOfLog(HEAD, KNOWN, 90_000), Origin.POSITION),
        (LINES, {}, SeenOfLog(HEAD, KNOWN, 90_000), Origin.START),
        # It has lost what was seen of it, or is another one.
        (KNOWN[:-1], {}, SeenOfLog(HEAD, KNOWN, 90_000), Origin.UNTOLD),
        (b"", {}, SeenOfLog(HEAD, KNOWN, 90_000), Origin.UNTOLD),
        (HEAD[:255], {}, SeenOfLog(HEAD, KNOWN, 90_000), Origin.UNTOLD),
        (b"another log\n" * 99, {}, SeenOfLog(HEAD, KNOWN, 90_000), Origin.UNTOLD),
        # Nothing is known of the position.
        (b"other text\n" * 99, {}, SeenOfLog(HEAD, b"", 256), Origin.POSITION),
        (LINES[:20], {}, SeenOfLog(HEAD, b"", 256), Origin.POSITION),
        (b"", {}, SeenOfLog(HEAD, b"", 256), Origin.POSITION),
        (LINES, {}, SeenOfLog(HEAD, b"", 256), Origin.UNTOLD),
        # All bytes are the same: only the length tells, as far as there is one.
        (b"x" * 900, {}, SeenOfLog(b"x" * 256, b"x" * 255, 5_000), Origin.POSITION),
        (b"x" * 5_000, {}, SeenOfLog(b"x" * 256, b"x" * 255, 5_000), Origin.UNTOLD),
        (b"x" * 70_000, {}, SeenOfLog(b"x" * 256, b"x" * 255, 90_000), Origin.UNTOLD),
        (
            b"x" * 70_000,
            {"content_length": "70000"},
            SeenOfLog(b"x" * 256, b"x" * 255, 90_000),
            Origin.POSITION,
        ),
        # That is how long it is when it is packed.
        (
            b"x" * 95_000,
            {"content_length": "300", "content_encoding": "gzip"},
            SeenOfLog(b"x" * 256, b"x" * 255, 90_000),
            Origin.UNTOLD,
        ),
    ],
)
async def test_an_answer_shows_where_it_begins(body, headers, seen, origin):
    streamed = ScriptedStream(an_answer(body, **headers))

    found, held = await find_origin(streamed, streamed.chunks(), seen)

    assert found is origin
    assert body.startswith(held)
    assert len(held) <= 64 * 1024 + 5


def test_what_is_remembered_of_beginnings_is_bounded():
    async def remember():
        ranges = LogRanges()
        for job in range(2_000):
            ranges.keep_head(job, b"%06d" % job + bytes(HEAD_BYTES - 6))
        # What is shorter may grow.
        ranges.keep_head(9_999, b"short")
        assert (ranges.head(0), ranges.head(9_999)) == (None, None)
        assert ranges.head(1_999)[:6] == b"001999"

        await asyncio.sleep(HOLDS_S + 1)
        assert ranges.head(1_999) is None

    drive(remember())


@pytest.mark.parametrize(
    ("told", "offset", "limit", "is_taken"),
    [
        ("bytes 0-99/100", None, None, True),
        ("bytes 0-99/900", None, None, False),
        ("bytes 0-99/*", None, None, False),
        ("bytes 100-199/200", None, None, False),
        ("bytes 100-199/200", 100, None, True),
        ("bytes 100-199/900", 100, None, False),
        ("bytes 100-199/900", 100, 100, True),
        ("bytes 100-199/900", 100, 200, False),
        ("bytes 100-199/200", 100, 200, True),
        ("bytes 300-399/400", 100, 100, False),
        ("bytes */400", None, None, False),
        ("lines 0-99/100", None, None, False),
        (None, None, None, False),
    ],
)
async def test_a_part_that_was_not_asked_for_is_not_taken_for_the_log(
    over, told, offset, limit, is_taken
):
    headers = {} if told is None else {"content_range": told}
    it = over(an_answer(LINES[:100], 206, **headers))

    async def read():
        async with it.client.trace(
            it.scope(), 1, 7, byte_offset=offset, byte_limit=limit
        ) as streamed:
            return await streamed.read(1_000)

    if is_taken:
        assert await read() == LINES[:100]
    else:
        with pytest.raises(UpstreamInvalid, match="not asked for"):
            await read()
