"""The lease of a subject that replicas watch together: who reads it, who follows, and what becomes
of it where one of them or the store is gone.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from pathlib import Path

import pytest

from gateway.store.outcomes import StoreAway
from gateway.team import News
from gateway.upstream.credential import Credential
from gateway.watch.sharing import SharingAway
from tests.harness.redis import redis_cluster
from tests.harness.turns import until
from tests.store.sharing import KEY, replicas_of
from tests.store.stores import connected, until_back

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
# Of a lease that nobody keeps alive.
SOON_S = 0.05


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
            async with asyncio.timeout(30):
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
            async with asyncio.timeout(30):
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
            async with asyncio.timeout(30):
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
