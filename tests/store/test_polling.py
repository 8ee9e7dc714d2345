"""What replicas watch together over a store: one polls, and the others take it in, whoever dies."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from gateway.upstream.logs import LogPiece
from gateway.watch import Live, Pacing
from tests.harness.over import over
from tests.harness.turns import until
from tests.store.sharing import replicas_of
from tests.store.stores import until_back

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]

# Nobody polls by time.
NEVER = Pacing(600.0, 600.0, jitter=0.0)
OFTEN = Pacing(0.2, 0.4, jitter=0.1)


class Watched:
    """Three replicas over a sandbox, and what is watched at each."""

    def __init__(self, gateway, replicas):
        self.gateway = gateway
        self.sandbox = gateway.server.sandbox
        self.replicas = replicas
        self.pipeline = self.sandbox.create_pipeline(1)
        self.job = self.sandbox.create_job(1, self.pipeline, status="running", log=b"")
        self.tasks = []

    @property
    def credential(self):
        return self.gateway.credential("developer")

    def calls(self, last="job"):
        """How often the job or its log was read since this was last asked."""
        read = Counter(
            "trace" if "/trace" in one.raw_path else "job" for one in self.sandbox.received
        )
        self.sandbox.received.clear()
        return read[last]

    def follow(self, live, times=1):
        """The states that so many subscribers of the job were told."""
        told = []
        for _ in range(times):
            feed = live.job(self.credential, 1, self.job, self.pipeline)
            states = []
            told.append(states)
            self.tasks.append(asyncio.create_task(self._take(feed, states)))
        return told

    async def _take(self, feed, states):
        while (event := await feed.next()) is not None:
            if not isinstance(event.value, Exception):
                states.append((event.value.coverage or 0.0, event.value.status))

    def change(self, coverage):
        self.sandbox.update_job(self.job, coverage=coverage)

    async def all_see(self, told, state):
        async with asyncio.timeout(30):
            while not all(states and states[-1] == state for states in told):  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@asynccontextmanager
async def watched(server, redis, pacing, count=3):
    async with (
        over(server, max_retries=0) as gateway,
        replicas_of(redis, count, pacing.least_s) as replicas,
    ):
        made = Watched(gateway, replicas)
        for one in replicas:
            one.live = Live(gateway.client, pacing=pacing, sharing=one.shared)
            await one.store.heard()
        try:
            yield made
        finally:
            for one in replicas:
                await one.live.aclose()
            if made.tasks:
                await asyncio.wait(made.tasks)
        assert not any(len(one.live) for one in replicas)


async def test_a_thousand_subscribers_at_three_replicas_are_one_poller(sandbox_server, redis):
    async with watched(sandbox_server, redis, NEVER) as it:
        told = [states for one in it.replicas for states in it.follow(one.live, 334)]
        await it.all_see(told, (0.0, "running"))
        assert it.calls() == 1

        for number in range(1, 6):
            it.change(float(number))
            it.replicas[number % 3].live.wake(job_ids=[it.job], at_once=True)
            await it.all_see(told, (float(number), "running"))
            assert it.calls() == 1

        it.sandbox.set_status(it.job, "success")
        it.replicas[0].live.wake(job_ids=[it.job], at_once=True)
        await it.all_see(told, (5.0, "success"))
        assert it.calls() == 1
        assert all(states == sorted(states) and len(states) == 7 for states in told)


async def test_by_time_one_polls_and_the_others_take_it_in(sandbox_server, redis):
    async with watched(sandbox_server, redis, OFTEN) as it:
        told = [states for one in it.replicas for states in it.follow(one.live)]
        await it.all_see(told, (0.0, "running"))
        began = asyncio.get_running_loop().time()
        it.calls()
        for number in range(1, 8):
            it.change(float(number))
            await it.all_see(told, (float(number), "running"))
        rounds = (asyncio.get_running_loop().time() - began) / OFTEN.least_s

        # As many as one replica has time for.
        assert it.calls() <= rounds + 1


async def test_who_read_dies_and_another_goes_on(sandbox_server, redis):
    async with watched(sandbox_server, redis, OFTEN) as it:
        told = [states for one in it.replicas for states in it.follow(one.live)]
        await it.all_see(told, (0.0, "running"))
        for number in (1, 2):
            await it.replicas[number].die()
            it.change(float(number))
            await it.all_see(told, (float(number), "running"))

        assert all(states == sorted(states) for states in told)


@pytest.mark.parametrize("trouble", ["kill", "freeze"])
async def test_each_polls_while_the_store_is_away_and_one_when_it_is_back(
    sandbox_server, redis, trouble
):
    async with watched(sandbox_server, redis, OFTEN) as it:
        told = [states for one in it.replicas for states in it.follow(one.live)]
        await it.all_see(told, (0.0, "running"))
        getattr(redis, trouble)()
        it.change(1.0)
        await it.all_see(told, (1.0, "running"))
        redis.restart()
        await until(lambda: not any(one.store.is_up for one in it.replicas))
        for one in it.replicas:
            await until_back(one.store)
        it.change(2.0)
        await it.all_see(told, (2.0, "running"))
        # Each has met the others again.
        await asyncio.sleep(3 * OFTEN.most_s)
        it.calls()
        began = asyncio.get_running_loop().time()
        it.change(3.0)
        await it.all_see(told, (3.0, "running"))
        await asyncio.sleep(3 * OFTEN.most_s)
        rounds = (asyncio.get_running_loop().time() - began) / OFTEN.least_s

        assert it.calls() <= rounds + 1
        assert all(states == sorted(states) for states in told)


async def test_no_byte_of_a_log_is_lost_where_who_read_it_dies(sandbox_server, redis):
    async with watched(sandbox_server, redis, OFTEN) as it:
        raw = [b"", b"", b""]

        async def take(number, live):
            follower = live.log(it.credential, 1, it.job, it.pipeline)
            while (event := await follower.next()) is not None:
                if isinstance(event.value, LogPiece):
                    assert event.value.start_byte == len(raw[number])
                    raw[number] += event.value.raw

        it.tasks += [
            asyncio.create_task(take(number, one.live)) for number, one in enumerate(it.replicas)
        ]
        log = b""
        for number in range(12):
            log += b"line %d\n" % number * 3_000
            it.sandbox.set_log(it.job, log)
            await asyncio.sleep(OFTEN.least_s)
            if number in {4, 8}:
                await it.replicas[number // 4 - 1].die()
        it.sandbox.set_status(it.job, "success")
        it.sandbox.set_log(it.job, log)
        async with asyncio.timeout(30):
            await asyncio.wait(it.tasks)

        assert raw == [log] * 3
