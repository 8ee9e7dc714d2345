"""Many follow one log, however it grows and breaks: each is given every byte once, and what is read
for all of them is bounded.

A run is a list of steps: the log grows by any bytes, the upstream's next answer breaks off within
it, followers come at any position, leave, come again where they were, or take nothing for a while.
Time is driven; the upstream is in memory and counts what it sends.
"""

import asyncio
import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import SubscriberTooSlow, UpstreamError
from gateway.upstream.calls import ClientConfig, standard_chain
from gateway.upstream.client import Client
from gateway.upstream.credential import Credential
from gateway.upstream.log_ranges import HEAD_BYTES
from gateway.upstream.wire import Answer, ConnectionBroken
from gateway.watch import Live, Pacing
from gateway.watch.logs import FROM_START_BYTES
from tests.harness.driven import Upstream, answer_of, drive, job_body

CONFIG = ClientConfig("https://gitlab.test/api/v4", retry_pause_s=0, max_retries=0)
CREDENTIAL = Credential("PRIVATE-TOKEN", "x")
JOB = 7
WORDS = "the ünïcødé log ✓ of a job 🦊".encode()
# Beside the bytes that follow its position, what a follower's coming may read: a log of less is
# read from its start, else a little before the position.
MORE_BYTES = FROM_START_BYTES + 4_096
FOLLOWERS = 4

# What is written, and how many times over.
pieces = st.tuples(
    st.one_of(
        st.binary(max_size=30),
        st.integers(0, len(WORDS)).map(lambda end: WORDS[:end]),
        st.sampled_from([b"\n", b"a line\n", b"\r\n", b"50%\r", b"\x1b[0;31m", b"\x1b["]),
        st.just(b"section_start:1600000000:build\r\x1b[0K"),
    ),
    st.sampled_from([1, 1, 1, 100, 9_000]),
)
followers = st.integers(0, FOLLOWERS - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(pieces, min_size=1, max_size=5)),
        st.tuples(st.just("write"), st.lists(pieces, min_size=1, max_size=5)),
        st.tuples(st.just("cut"), st.integers(0, 100_000)),
        st.tuples(st.just("come"), st.tuples(followers, st.floats(0, 1))),
        st.tuples(st.just("leave"), followers),
        st.tuples(st.just("doze"), followers),
        st.tuples(st.just("wait"), st.sampled_from([0.5, 2.5, 5.0, 25.0])),
    ),
    max_size=40,
)


class Log:
    """A wire to an upstream of one job. It sends its log from a position on, if it `knows` how to,
    or the one of its nodes whose turn it is; an answer breaks off after as many bytes as `cut`
    says, and with each the log grows by `grows`.
    """

    def __init__(self, knows):
        self.knows = knows
        self.data = b""
        self.status = "running"
        self.cut = None
        self.grows = b""
        self.moved = 0
        # What is asked for again, so that answers show where they begin.
        self.known = 0
        self._wire = Upstream(self._answer)
        self.send, self.aclose = self._wire.send, self._wire.aclose

    def _answer(self, asked):
        if "/trace" not in asked.target:
            return job_body(JOB, status=self.status)
        told = dict(re.findall(r"(byte_\w+)=(\d+)", asked.target))
        self.known += HEAD_BYTES
        knows = self.knows() if callable(self.knows) else self.knows
        if knows is None and told:
            return answer_of({"error": "byte_offset is invalid"}, 400)
        given = {name: int(value) for name, value in told.items() if name in (knows or ())}
        body = self.data[given.get("byte_offset", 0) :]
        self.data += self.grows
        return Answer(200, {}.get, body[: given.get("byte_limit", len(body))])

    def stream(self, *asked, **options):
        return _Counted(self, self._wire.stream(*asked, **options))


class _Counted:
    """A stream of the log, by pieces that end anywhere."""

    def __init__(self, log, opened):
        self._log, self._opened = log, opened

    async def __aenter__(self):
        inner = await self._opened.__aenter__()
        self.status, self.header = inner.status, inner.header
        self._body, self.read = inner._body, inner.read
        return self

    async def __aexit__(self, *raised):
        return await self._opened.__aexit__(*raised)

    async def chunks(self):
        end = len(self._body)
        is_cut = self._log.cut is not None and self._log.cut < end
        if is_cut:
            end, self._log.cut = self._log.cut, None
        for start in range(0, end, 4_999):
            chunk = self._body[start : min(start + 4_999, end)]
            self._log.moved += len(chunk)
            yield bytes(chunk)
        if is_cut:
            raise ConnectionBroken("the connection to the upstream broke")


class Follower:
    """Follows the log through sessions that may end at any time."""

    def __init__(self, run):
        self.run = run
        self.start: Any = None
        self.raw = b""
        self.task = None
        self.awake = asyncio.Event()
        self.awake.set()

    @property
    def position(self):
        assert self.start is not None
        return self.start + len(self.raw)

    def come(self, part):
        if self.task is not None:
            return
        if self.start is None:
            self.start = int(part * len(self.run.log.data))
        self.run.allowed += len(self.run.log.data) - self.position + MORE_BYTES
        listener = self.run.live.log(CREDENTIAL, 1, JOB, 6, from_byte=self.position)
        self.task = asyncio.create_task(self.take(listener))

    async def leave(self):
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
            self.task = None

    async def take(self, listener):
        try:
            while (event := await listener.next()) is not None:
                if isinstance(event.value, SubscriberTooSlow):
                    assert event.value.resume_from == self.position
                    self.task = None
                    self.come(0)
                    return
                if isinstance(event.value, Exception):
                    assert isinstance(event.value, UpstreamError)
                    continue
                self.add(event.value)
                await self.awake.wait()
        finally:
            listener.close()

    def add(self, piece):
        skipped = piece.start_byte - self.position
        if skipped:
            # Of a character that the first position cuts, the rest is left out.
            assert not self.raw
            assert 0 < skipped <= 3
            self.start += skipped
        self.raw += piece.raw


class Run:
    def __init__(self, knows):
        self.log = Log(knows)
        chain = standard_chain(self.log, CONFIG)
        self.live = Live(Client.over(chain), pacing=Pacing(2.0, 15.0, jitter=0.0))
        self.followers = [Follower(self) for _ in range(FOLLOWERS)]
        # What may be read of the log at most.
        self.allowed = 0

    def write(self, some):
        self.log.data += b"".join(piece * times for piece, times in some)

    def cut(self, after):
        self.log.cut = after

    def come(self, who_and_part):
        who, part = who_and_part
        self.followers[who].come(part)

    async def leave(self, who):
        self.followers[who].awake.set()
        await self.followers[who].leave()

    def doze(self, who):
        self.followers[who].awake.clear()

    async def wait(self, seconds):
        await asyncio.sleep(seconds)

    async def go_through(self, steps):
        self.followers[0].come(0)
        for step, what in steps:
            done = getattr(self, step)(what)
            if done is not None:
                await done
        for follower in self.followers:
            follower.awake.set()
            follower.come(0)
        await self.end()

    async def end(self):
        self.log.status = "success"
        await asyncio.sleep(400)
        assert len(self.live) == 0
        await self.live.aclose()


@pytest.mark.parametrize("knows", [("byte_offset", "byte_limit"), ("byte_offset",), ()])
def test_each_is_given_every_byte_once(knows):
    @settings(max_examples=30)
    @given(steps=steps)
    def check(steps):
        run = drive(go_through(steps))
        for follower in run.followers:
            assert follower.raw == run.log.data[follower.start :]
        if knows:
            # Each byte once for all of them, and what those who come late had missed.
            assert run.log.moved <= len(run.log.data) + run.log.known + run.allowed

    async def go_through(steps):
        run = Run(knows)
        await run.go_through(steps)
        return run

    check()


@settings(max_examples=60)
@given(steps=steps, seed=st.integers(0, 2**32))
def test_each_is_given_every_byte_once_whatever_nodes_answer(steps, seed):
    turns = random.Random(seed)
    kinds = [("byte_offset", "byte_limit"), ("byte_offset",), ("byte_limit",), (), None]
    knows = turns.sample(kinds, turns.randint(1, len(kinds)))

    async def go_through():
        run = Run(lambda: turns.choice(knows))
        await run.go_through(steps)
        return run

    run = drive(go_through())

    for follower in run.followers:
        assert follower.raw == run.log.data[follower.start :]


def test_an_upstream_that_sends_parts_no_more_is_noticed_by_its_next_answer():
    async def follow():
        run = Run(("byte_offset", "byte_limit"))
        run.come((0, 0.0))
        for number in range(30):
            run.write([(b"line %03d\n" % (number % 7), 100)])
            run.log.knows = ("byte_offset", "byte_limit") if number % 20 < 10 else ()
            await asyncio.sleep(2.0)
        await run.end()
        return run

    run = drive(follow())

    assert run.followers[0].raw == run.log.data


@pytest.mark.parametrize("line", [b"x", b"a line\n", b"x" * 99 + b"\n", WORDS + b"\n"])
@pytest.mark.parametrize("knows", [("byte_offset", "byte_limit"), ("byte_limit",), (), None])
def test_who_comes_late_is_given_what_follows_whatever_the_lines_and_the_upstream(line, knows):
    async def follow():
        run = Run(knows)
        run.write([(line, 200_000 // len(line))])
        run.come((0, 0.7))
        for _ in range(20):
            await asyncio.sleep(2.0)
            run.write([(line, 1 + 2_000 // len(line))])
        await run.end()
        return run

    run = drive(follow())

    assert run.followers[0].raw == run.log.data[run.followers[0].start :]
    if knows and "byte_offset" in knows:
        # Once as a whole at most, where the log looks there as it does at its start.
        assert run.log.moved <= 2 * len(run.log.data) + run.log.known


@pytest.mark.parametrize("part", [0.0, 1.0])
def test_a_log_that_grows_while_it_is_read_is_read_by_its_new_bytes(part):
    async def follow():
        run = Run(("byte_offset", "byte_limit"))
        run.write([(b"", 1)] if part == 0.0 else [(b"what came before\n", 5_000)])
        run.log.grows = b"a line of some length\n" * 10
        run.come((0, part))
        await asyncio.sleep(300.0)
        run.log.grows = b""
        await run.end()
        return run

    run = drive(follow())

    [follower] = [one for one in run.followers if one.task]
    assert follower.raw == run.log.data[follower.start :]
    assert run.log.moved <= len(run.log.data) + run.log.known + MORE_BYTES


@pytest.mark.parametrize("size", [100, 400])
def test_what_is_read_grows_with_the_log_and_not_with_its_square(size):
    """Three follow it from their places while it grows by 10 KB each round."""

    async def grow():
        run = Run(("byte_offset", "byte_limit"))
        coming = {0: (0, 0.0), 5: (1, 1.0), 20: (2, 0.5)}
        for number in range(size):
            run.write([(b"x" * 99 + b"\n", 100)])
            if number in coming:
                run.come(coming[number])
            await asyncio.sleep(2.0)
        await run.end()
        return run

    run = drive(grow())
    assert all(one.raw == run.log.data[one.start :] for one in run.followers if one.task)
    assert run.log.moved <= len(run.log.data) + run.log.known + run.allowed
    assert run.log.known <= size * 3 * HEAD_BYTES
    assert run.allowed == 3 * MORE_BYTES + 10_000 + 105_000
