"""Whatever happens to the upstream and to subscribers: nothing is lost, and nothing comes twice.

A run is a list of steps: the job's log grows, its state changes, the upstream fails in one way or
another or is well again, the subscriber leaves and comes again where it was, time passes. In the
end the upstream is well and the job finishes.
"""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sandbox import Fault
from gateway.testing.server import serve
from tests.watch.subjects import Subscriber

FAULTS = ("reset", "status", "rate_limit_global", "cut_body", "html")
PIECES = (
    b"a line\n",
    b"part of a line",
    b"\n",
    b"\r\n",
    "ünïcødé ✓\n".encode(),
    "✓".encode()[:2],
    b"\x1b[0;31mred\x1b[0m",
    b"\x1b[",
    b"section_start:1600000000:build\r\x1b[0K",
    b"2026-11-01T00:00:00.000000Z 00O stamped\n2026-11-01T00:00:00.000000Z 00O+ goes on\n",
    b"x" * 70_000,
)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(st.sampled_from(PIECES), min_size=1, max_size=4)),
        st.tuples(st.just("change"), st.none()),
        st.tuples(st.just("fail"), st.sampled_from(FAULTS)),
        st.tuples(st.just("heal"), st.none()),
        st.tuples(st.just("leave"), st.none()),
        st.tuples(st.just("come"), st.none()),
        st.tuples(st.just("wait"), st.sampled_from([1.0, 3.0, 20.0])),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def server():
    with serve(jobs=0) as served:
        yield served


class Run:
    """One run: a job, its log, its changes, and who follows it."""

    def __init__(self, it):
        self.it, self.sandbox = it, it.sandbox
        self.pipeline = self.sandbox.create_pipeline(1)
        self.job = self.sandbox.create_job(1, self.pipeline, status="pending", log=b"")
        self.sandbox.set_status(self.job, "running")
        self.log, self.changes = b"", 0
        self.subscriber = Subscriber(it, it.live, self.job, self.pipeline)

    def write(self, pieces):
        self.log += b"".join(pieces)
        self.sandbox.set_log(self.job, self.log)

    def change(self, _):
        self.changes += 1
        self.sandbox.update_job(self.job, coverage=float(self.changes))

    def fail(self, kind):
        self.sandbox.faults[:] = [Fault(kind=kind, probability=0.7)]

    def heal(self, _):
        self.sandbox.faults.clear()

    def come(self, _):
        self.subscriber.come()

    async def leave(self, _):
        await self.subscriber.leave()

    async def wait(self, seconds):
        await self.it.advance(seconds, world_s=0)

    async def end(self):
        self.heal(None)
        self.sandbox.set_status(self.job, "success")
        self.sandbox.set_log(self.job, self.log)
        self.come(None)
        await self.wait(400)


@pytest.mark.parametrize("profile", ["18", "16"])
def test_no_state_and_no_byte_is_lost_or_told_twice(server, worlds_over, profile):
    @settings(max_examples=15)
    @given(steps=steps)
    def check(steps):
        asyncio.run(go_through(steps))

    async def go_through(steps):
        server.sandbox.profile = profile
        async with worlds_over(server) as it:
            run = Run(it)
            subscriber = run.subscriber
            subscriber.come()
            for step, what in steps:
                done = getattr(run, step)(what)
                if done is not None:
                    await done
            await run.end()
            await asyncio.wait(subscriber.tasks, timeout=30)

            assert subscriber.raw == run.log
            assert subscriber.seen[-1] == (float(run.changes), "success")
            assert subscriber.seen == sorted(subscriber.seen)
            assert all(task.done() and not task.exception() for task in subscriber.tasks)

    check()
