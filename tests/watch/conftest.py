"""What is watched, over a served sandbox, in time that the tests drive."""

import asyncio
import math
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest

from gateway.watch import Clock, Live, Pacing
from tests.harness.over import over
from tests.watch.sharing import Medium, Replica
from tests.watch.subjects import LoggedJob

LEAST_S = 2.0
IDLE_S = 30


class DrivenClock(Clock):
    """Time that stands still until a test moves it."""

    def __init__(self):
        self.time = 1_000.0
        self.waiting = set()

    def now(self):
        return self.time

    async def wait(self, event, timeout_s):
        until = self.time + timeout_s
        waker = asyncio.get_running_loop().create_future()
        waiting = (until, waker)
        self.waiting.add(waiting)
        came = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait([waker, came], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.waiting.discard(waiting)
            came.cancel()
        return event.is_set()

    def move_to(self, time):
        self.time = time
        for until, waker in self.waiting:
            if until <= time and not waker.done():
                waker.set_result(None)


class World:
    """Live subjects over a sandbox; `advance` moves both clocks, `calls` counts upstream calls."""

    def __init__(self, gateway, pacing):
        self.gateway = gateway
        self.server = gateway.server
        self.sandbox = gateway.server.sandbox
        self.clock = DrivenClock()
        self.live = Live(gateway.client, clock=self.clock, pacing=pacing)

    def credential(self, role="developer"):
        return self.gateway.credential(role)

    @property
    def pollers(self):
        return len(self.live)

    async def idle(self):
        """Wait until every poller waits for its time."""
        async with asyncio.timeout(IDLE_S):
            quiet = 0
            while quiet < 2:
                # What was just told, or woken, has its turn first; and what that wakes.
                for _ in range(8):
                    await asyncio.sleep(0)
                if len(self.clock.waiting) >= self.pollers:
                    quiet += 1
                else:
                    quiet = 0
                    await asyncio.sleep(0.001)

    async def advance(self, seconds, *, world_s=None):
        """Let so much time pass: first the sandbox's, then, step by step, that of the pollers."""
        if world_s != 0:
            self.sandbox.advance(seconds if world_s is None else world_s)
        end = self.clock.time + seconds
        while True:
            await self.idle()
            due = min((until for until, _ in self.clock.waiting), default=math.inf)
            if due > end:
                break
            self.clock.move_to(max(due, self.clock.time))
        self.clock.move_to(end)
        await self.idle()

    def calls(self):
        """Upstream calls by the last part of their path, since this was last asked."""
        counted = Counter(_kind(one.raw_path) for one in self.sandbox.received)
        self.sandbox.received.clear()
        return dict(counted)


def _kind(raw_path):
    """A call's kind: the word before its number, or its last word."""
    *_, before, last = raw_path.partition("?")[0].split("/")
    return before.removesuffix("s") if last.isdigit() else last


def now_waiting(feed):
    """What a feed holds, taken off it."""
    taken = []
    while feed._events:
        event = feed._events.popleft()
        event.missed, feed._missed = feed._missed, 0
        taken.append(event)
    return taken


@pytest.fixture
def taken():
    return now_waiting


@asynccontextmanager
async def world_over(server, **config):
    """A world for a block; it closes in the end, and nothing may be left."""
    pacing = Pacing(LEAST_S, 15.0, jitter=0.0)
    async with over(server, max_retries=0, **config) as gateway:
        made = World(gateway, pacing)
        try:
            yield made
        finally:
            await made.live.aclose()
        assert len(made.live) == 0


@pytest.fixture
def world(sandbox_server):
    """Makes worlds over the test's sandbox, each for an `async with`."""
    return partial(world_over, sandbox_server)


@pytest.fixture(scope="session")
def worlds_over():
    return world_over


@pytest.fixture
def running(sandbox_server):
    """A pipeline with one running job of twenty seconds, and that job."""
    sandbox = sandbox_server.sandbox
    pipeline = sandbox.create_pipeline(1)
    job = sandbox.create_job(1, pipeline, status="pending", moves=True, planned_s=20.0)
    return pipeline, job


@pytest.fixture
def job(sandbox_server):
    return LoggedJob(sandbox_server.sandbox)


class Together(World):
    """Several replicas over one sandbox; they share one clock."""

    def __init__(self, gateway, pacing, replicas):
        super().__init__(gateway, pacing)
        self.pacing = pacing
        self.medium = Medium(self.clock)
        self.replicas = [Replica(self.medium) for _ in range(replicas)]
        self.lives = [
            Live(gateway.client, clock=self.clock, pacing=pacing, sharing=one)
            for one in self.replicas
        ]

    @property
    def pollers(self):
        return sum(map(len, self.lives))

    async def kill(self, number):
        """A replica ends without a word: what it held it holds until that lapses."""
        replica, live = self.replicas[number], self.lives.pop(number)
        self.replicas.pop(number)
        replica.is_frozen = True
        for state in self.medium.states.values():
            for member in list(state.members):
                if member.replica is replica:
                    member.leave = lambda: None
        await live.aclose()


@asynccontextmanager
async def together_over(server, replicas=3):
    """Replicas over a sandbox, for a block; they close in the end."""
    pacing = Pacing(LEAST_S, 15.0, jitter=0.0)
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(over(server, max_retries=0))
        made = Together(gateway, pacing, replicas)
        try:
            yield made
        finally:
            for live in made.lives:
                await live.aclose()
        assert made.pollers == 0


@pytest.fixture
def together(sandbox_server):
    """Makes replicas over the test's sandbox, for an `async with`."""
    return partial(together_over, sandbox_server)


@pytest.fixture(scope="session")
def replicas_over():
    return together_over
