"""Many follow one log, however it grows and breaks: each is given every byte once, and what is read
for all of them is bounded.

A run is a list of steps: the log grows by any bytes, the upstream's next answer breaks off within
it, followers come at any position, leave, come again where they were, or take nothing for a while.
Time is driven; the upstream is in memory and counts what it sends.
"""

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import SubscriberTooSlow, UpstreamError
from gateway.upstream.calls import ClientConfig, standard_chain
from gateway.upstream.client import Client
from gateway.upstream.credential import Credential
from gateway.upstream.wire import Answer, ConnectionBroken
from gateway.watch import Live, Pacing
from gateway.watch.logs import FROM_START_BYTES
from tests.harness.driven import Upstream, drive, job_body

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
    """A wire to an upstream of one job. It sends its log from a position on, if it `knows` how to;
    an answer breaks off after as many bytes as `cut` says.
    """

    def __init__(self, knows):
        self.knows = knows
        self.data = b""
        self.status = "running"
        self.cut = None
        self.moved = 0
        self._wire = Upstream(self._answer)
        self.send, self.aclose = self._wire.send, self._wire.aclose

    def _answer(self, asked):
        if "/trace" not in asked.target:
            return job_body(JOB, status=self.status)
        told = dict(re.findall(r"(byte_\w+)=(\d+)", asked.target))
        given = {name: int(value) for name, value in told.items() if name in self.knows}
        body = self.data[given.get("byte_offset", 0) :]
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
        self._body = inner._body
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
            assert run.log.moved <= len(run.log.data) + run.allowed + 1_024

    async def go_through(steps):
        run = Run(knows)
        await run.go_through(steps)
        return run

    check()


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
    assert run.log.moved <= len(run.log.data) + run.allowed
    assert run.allowed == 3 * MORE_BYTES + 10_000 + 105_000
