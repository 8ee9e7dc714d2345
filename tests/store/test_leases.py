"""What replicas watch together over a store: who reads, who follows, and what becomes of both where
one of them or the store is gone.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from gateway.store.connection import Store
from gateway.store.leases import SharedSubjects
from gateway.store.outcomes import StoreAway
from gateway.store.sealing import Sealing
from gateway.team import News
from gateway.upstream.credential import Credential
from gateway.upstream.logs import LogPiece
from gateway.watch import Live, Pacing
from gateway.watch.sharing import SharingAway
from tests.harness.over import over
from tests.harness.redis import PATIENCE_S, redis_cluster
from tests.harness.turns import until
from tests.store.stores import connected, until_back

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
KEY = "k" * 32
GITLAB = "https://gitlab.test/api/v4"
CREDENTIAL = Credential("PRIVATE-TOKEN", "a-secret-token")
# Of a lease that nobody keeps alive.
SOON_S = 0.05
# Nobody polls by time.
NEVER = Pacing(600.0, 600.0, jitter=0.0)
OFTEN = Pacing(0.2, 0.4, jitter=0.1)


def nothing():
    """Nobody looks."""


class Replica:
    """A replica with a store's connection of its own."""

    def __init__(self, server, least_s):
        url = server if isinstance(server, str) else server.url
        self.store = Store(url, patience_s=PATIENCE_S)
        self.shared = SharedSubjects(self.store, Sealing(KEY, GITLAB), least_s)
        self.live = None

    def subject(self, noticed=nothing, name="pipeline 6", credential=CREDENTIAL):
        return self.shared.subject(credential, name, noticed)

    async def die(self):
        """It is gone from the store without a word."""
        await self.store.aclose()


@asynccontextmanager
async def replicas_of(server, count=2, least_s=2.0):
    async with AsyncExitStack() as stack:
        made = [Replica(server, least_s) for _ in range(count)]
        for one in made:
            await one.store.start()
            stack.push_async_callback(one.store.aclose)
            stack.push_async_callback(one.shared.aclose)
        yield made


async def tell(subject, number, index=b"index", parts=None, due_s=60.0, late_s=1.0):
    parts = {} if parts is None else parts
    return await subject.tell(number, index, parts, list(parts), due_s=due_s, late_s=late_s)


class TestOneSubject:
    async def test_is_read_by_one_who_hears_what_the_others_want(self, redis):
        async with replicas_of(redis) as (a, b):
            leads, follows = a.subject(), b.subject()
            first = await leads.claim(b"one", math.inf)
            second = await follows.claim(b"two", math.inf)
            again = await leads.claim(b"one", math.inf)

            assert first.number > 0
            assert (first.wants, again.wants) == ((), (b"two",))
            assert second.number is None
            assert second.look.under_way_s >= 0
            assert second.look.rest_s > 0
            assert again.number > first.number

    async def test_is_told_in_parts_to_all_who_noticed(self, redis):
        async with replicas_of(redis) as (a, b):
            noticed = asyncio.Event()
            leads, follows = a.subject(), b.subject(noticed.set)
            turn = await leads.claim(b"", math.inf)
            await follows.claim(b"", math.inf)
            parts = {"1.0": b"short", "1.1": b"long" * 50_000}
            assert await tell(leads, turn.number, b"index", parts)
            async with asyncio.timeout(5):
                await noticed.wait()
            look = await follows.look(b"")

            assert (look.number, look.index, look.under_way_s) == (turn.number, b"index", None)
            assert 60 < look.rest_s <= 61
            assert 0 <= look.age_s < 5
            assert [await follows.part(name) for name in (*parts, "1.2")] == [
                *parts.values(),
                None,
            ]

    async def test_parts_that_are_named_no_more_are_gone(self, redis):
        async with replicas_of(redis) as (a, b):
            leads, follows = a.subject(), b.subject()
            turn = await leads.claim(b"", math.inf)
            await tell(leads, turn.number, parts={"1.0": b"a", "1.1": b"b"})
            turn = await leads.claim(b"", math.inf)
            await leads.tell(turn.number, b"", {"2.0": b"c"}, ["1.1", "2.0"], due_s=1, late_s=1)

            assert [await follows.part(name) for name in ("1.0", "1.1", "2.0")] == [
                None,
                b"b",
                b"c",
            ]

    async def test_is_taken_over_where_who_read_it_is_gone(self, redis):
        async with replicas_of(redis, least_s=SOON_S) as (a, b):
            gone, heir = a.subject(), b.subject()
            before = await gone.claim(b"", math.inf)
            await a.die()
            await asyncio.sleep(2 * SOON_S)
            after = await heir.claim(b"", math.inf)

            assert after.number > before.number
            assert gone.has_lost(before.number)
            assert not heir.has_lost(after.number)

    async def test_is_kept_while_a_round_takes_long(self, redis):
        async with replicas_of(redis, least_s=4 * SOON_S) as (a, b):
            slow, other = a.subject(), b.subject()
            turn = await slow.claim(b"", math.inf)
            await asyncio.sleep(12 * SOON_S)

            assert (await other.claim(b"", math.inf)).number is None
            assert not slow.has_lost(turn.number)
            assert await tell(slow, turn.number)

    async def test_what_a_frozen_one_tells_late_is_refused(self, redis):
        async with replicas_of(redis, least_s=SOON_S) as (a, b):
            frozen, heir = a.subject(), b.subject()
            before = await frozen.claim(b"", math.inf)
            frozen._keep_no_more()
            await asyncio.sleep(2 * SOON_S)
            after = await heir.claim(b"", math.inf)
            assert await tell(heir, after.number, b"later")

            assert frozen.has_lost(before.number)
            assert not await tell(frozen, before.number, b"earlier", {"1.0": b"earlier"})
            look = await heir.look(b"")
            assert (look.number, look.index) == (after.number, b"later")
            assert await heir.part("1.0") is None

    async def test_is_read_by_who_needs_it_younger_unless_somebody_reads(self, redis):
        async with replicas_of(redis) as (a, b):
            leads, needs = a.subject(), b.subject()
            turn = await leads.claim(b"", math.inf)
            while_it_reads = await needs.claim(b"", 0.0)
            await tell(leads, turn.number)
            young_enough = await needs.claim(b"", 60.0)
            too_old = await needs.claim(b"", 0.0)

            assert while_it_reads.number is young_enough.number is None
            assert too_old.number > turn.number
            assert (await leads.claim(b"", math.inf)).number is None

    async def test_that_another_read_while_a_claim_waited_is_young_enough(self, redis):
        async with replicas_of(redis) as (a, b):
            waits, reads = a.subject(), b.subject()
            are_told = asyncio.Event()
            a.shared.telling = asyncio.create_task(are_told.wait())
            claiming = asyncio.create_task(waits.claim(b"", SOON_S))
            turn = await reads.claim(b"", math.inf)
            await tell(reads, turn.number)
            await asyncio.sleep(2 * SOON_S)
            are_told.set()

            assert (await claiming).number is None

    async def test_is_given_back_by_who_leaves(self, redis):
        async with replicas_of(redis) as (a, b):
            noticed = asyncio.Event()
            leaves, stays = a.subject(), b.subject(noticed.set)
            turn = await leaves.claim(b"wanted", math.inf)
            await stays.claim(b"", math.inf)
            await tell(leaves, turn.number, due_s=30.0, late_s=60.0)
            async with asyncio.timeout(5):
                await noticed.wait()
                noticed.clear()
                leaves.leave()
                await noticed.wait()
            look = await stays.look(b"")
            heir = await stays.claim(b"", math.inf)

            # The next round is due when it would have been.
            assert 25 < look.rest_s <= 30
            assert heir.number > turn.number
            assert heir.wants == ()

    async def test_numbers_grow_where_the_store_forgot_all(self, redis):
        async with replicas_of(redis) as (a, _):
            subject = a.subject()
            before = await subject.claim(b"", math.inf)
            redis.restart()
            await until(lambda: not a.store.is_up)
            await until_back(a.store)
            after = await subject.claim(b"", math.inf)

            assert after.number > before.number
            assert not await tell(subject, before.number)

    async def test_cannot_be_shared_while_the_store_is_away(self, redis):
        async with replicas_of(redis) as (a, _):
            subject = a.subject()
            redis.kill()
            with pytest.raises(SharingAway):
                await subject.claim(b"", math.inf)
            with pytest.raises(SharingAway):
                await subject.look(b"")
            with pytest.raises(SharingAway):
                await tell(subject, 1)

    async def test_is_another_for_each_credential_and_name(self, redis):
        async with replicas_of(redis) as (a, b):
            subjects = [
                a.subject(),
                b.subject(name="pipeline 7"),
                b.subject(credential=Credential("PRIVATE-TOKEN", "another")),
                b.subject(credential=None),
            ]

            assert all([(await one.claim(b"", math.inf)).number for one in subjects])

    async def test_shows_nothing_to_who_reads_the_store(self, redis):
        async with replicas_of(redis) as (a, _):
            subject = a.subject(name="pipeline of group/project")
            turn = await subject.claim(b"a wish of somebody", math.inf)
            await tell(subject, turn.number, b"the index", {"1.0": b"an answer " * 500})
            stored = []
            for key in await a.store.run("KEYS", "*"):
                kind = await a.store.run("TYPE", key)
                stored += [key]
                stored += await a.store.run(
                    *(("HGETALL", key) if kind == b"hash" else ("MGET", key))
                )

            assert len(stored) > 10
            told = b"\n".join(stored)
            for secret in (b"secret", b"group", b"wish", b"the index", b"answer", KEY.encode()):
                assert secret not in told


async def follows_what_another_read(server):
    """One reads, another takes it in; both are told news, and nothing is refused."""
    async with replicas_of(server) as (a, b):
        noticed, news = asyncio.Event(), []
        b.shared.on_news(lambda told, _: news.append(told.job_ids))
        for number in range(8):
            name = f"pipeline {number}"
            leads, follows = a.subject(name=name), b.subject(noticed.set, name=name)
            turn = await leads.claim(b"", math.inf)
            assert (await follows.claim(b"", math.inf)).number is None
            assert await tell(leads, turn.number, b"index", {"1.0": b"a part"})
            async with asyncio.timeout(5):
                await noticed.wait()
            noticed.clear()
            assert (await follows.look(b"")).index == b"index"
            assert await follows.part("1.0") == b"a part"
            leads.leave()
        a.shared.tell(News(6, (1,)))
        await until(lambda: news)

        assert news == [(1,)]
        assert a.store.counts.refused == b.store.counts.refused == 0


async def test_a_cluster_is_as_good(redis):
    """`redis` says that there are servers."""
    with redis_cluster() as (url, _):
        await follows_what_another_read(url)


async def test_a_user_who_may_do_little_may_do_enough(redis):
    """What docs/operations.md says that the store's user needs."""
    [rights] = re.findall(r"`(~jgw[^`]*)`", PAGE.read_text())
    redis.ask("ACL", "SETUSER", "gateway", "on", ">hush", *rights.split())
    url = f"unix://gateway@{redis.path}?password=hush"
    await follows_what_another_read(url)
    async with connected(url) as store:
        with pytest.raises(StoreAway):
            await store.run("GET", "other:key")


async def test_news_reach_all_others(redis):
    async with replicas_of(redis, 3) as replicas:
        heard = Counter()
        for number, one in enumerate(replicas):
            one.shared.on_news(
                lambda news, _, number=number: heard.update([(number, news.job_ids)])
            )
            await one.store.heard()

        assert replicas[1].shared.tell(News(6, (1, 2), at_once=True))
        await until(lambda: len(heard) == 2)

        assert heard == {(0, (1, 2)): 1, (2, (1, 2)): 1}


# -- live subjects over it -----------------------------------------------------------------------


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
        async with asyncio.timeout(20):
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
        async with asyncio.timeout(20):
            await asyncio.wait(it.tasks)

        assert raw == [log] * 3
