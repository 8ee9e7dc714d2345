"""Whatever happens to replicas, to what they share by and to the upstream: every subscriber sees
states in order and ends at the true one, and has the log byte for byte.
"""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sandbox import Fault
from gateway.testing.server import serve
from tests.watch.subjects import Subscriber

steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 3_000)),
        st.tuples(st.just("change"), st.integers(0, 2)),
        st.tuples(st.just("fail"), st.sampled_from(["reset", "status", "cut_body", "html"])),
        st.tuples(st.just("heal"), st.none()),
        st.tuples(st.just("leave"), st.integers(0, 2)),
        st.tuples(st.just("come"), st.integers(0, 2)),
        st.tuples(st.just("freeze"), st.integers(0, 2)),
        st.tuples(st.just("go_away"), st.none()),
        st.tuples(st.just("come_back"), st.none()),
        st.tuples(st.just("wait"), st.sampled_from([1.0, 3.0, 20.0])),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def server():
    with serve(jobs=0) as served:
        yield served


class Run:
    def __init__(self, it):
        self.it, self.sandbox = it, it.sandbox
        self.pipeline = self.sandbox.create_pipeline(1)
        self.job = self.sandbox.create_job(1, self.pipeline, status="pending", log=b"")
        self.sandbox.set_status(self.job, "running")
        self.log, self.changes = b"", 0
        self.subscribers = [Subscriber(it, live, self.job, self.pipeline) for live in it.lives]

    def write(self, size):
        self.log += b"%d bytes of a line\n" % size * (size // 19 + 1)
        self.sandbox.set_log(self.job, self.log)

    def change(self, at):
        """Somebody's write through one of the replicas."""
        self.changes += 1
        self.sandbox.update_job(self.job, coverage=float(self.changes))
        self.it.lives[at].wake(job_ids=[self.job], at_once=True)

    def fail(self, kind):
        self.sandbox.faults[:] = [Fault(kind=kind, probability=0.7)]

    def heal(self, _):
        self.sandbox.faults.clear()

    def come(self, at):
        self.subscribers[at].come()

    async def leave(self, at):
        await self.subscribers[at].leave()

    def freeze(self, at):
        """Others take its leases over, or it goes on as if nothing were."""
        replica = self.it.replicas[at]
        replica.is_frozen = not replica.is_frozen

    def go_away(self, _):
        self.it.medium.is_away = True

    def come_back(self, _):
        self.it.medium.come_back()

    async def wait(self, seconds):
        await self.it.advance(seconds, world_s=0)

    async def end(self):
        self.heal(None)
        for replica in self.it.replicas:
            replica.is_frozen = False
        self.come_back(None)
        self.sandbox.set_status(self.job, "success")
        self.sandbox.set_log(self.job, self.log)
        for at in range(3):
            self.come(at)
        await self.wait(400)


def test_all_see_states_in_order_and_the_whole_log(server, replicas_over):
    @settings(max_examples=25)
    @given(steps=steps)
    def check(steps):
        asyncio.run(go_through(steps))

    async def go_through(steps):
        async with replicas_over(server) as it:
            run = Run(it)
            for subscriber in run.subscribers:
                subscriber.come()
            for step, what in steps:
                done = getattr(run, step)(what)
                if done is not None:
                    await done
            await run.end()
            tasks = [task for one in run.subscribers for task in one.tasks]
            await asyncio.wait(tasks, timeout=30)

            for subscriber in run.subscribers:
                assert subscriber.raw == run.log
                assert subscriber.seen[-1] == (float(run.changes), "success")
                assert subscriber.seen == sorted(subscriber.seen)
            assert all(task.done() and not task.exception() for task in tasks)

    check()
