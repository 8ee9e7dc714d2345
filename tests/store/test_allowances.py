"""One pace for each credential, kept in a real store."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store.allowances import Allowances, one_pace
from gateway.store.connection import Store
from gateway.upstream.calls.shared_pace import Account, Named, Refusal, Told
from tests.harness.accounts import Book, ScriptedAccounts
from tests.harness.driven import EPOCH, drive
from tests.harness.limited import Caller, Chain, Limited, now, outcome
from tests.harness.redis import PATIENCE_S, redis_cluster
from tests.store.stores import all_in, connected

NAMED = Named("a name", is_general=True, routes=("job", "pipeline"))
# Numbers that have no rounding.
SECONDS = st.integers(0, 60 * 64).map(lambda n: n / 64)
FEW = st.integers(0, 5)


@st.composite
def accounts(draw):
    """What a replica may say; some of it makes no sense."""
    told = refusal = None
    if draw(st.booleans()):
        window = draw(st.sampled_from([-1.0, EPOCH, EPOCH + 60.0, EPOCH + 120.0]))
        slack_s, reset_s = draw(st.sampled_from([0.0, 2.0])), draw(SECONDS)
        limit = draw(st.sampled_from([0, 10, 60, 60, 1_000, 10**9]))
        told = Told(limit, draw(st.integers(0, min(limit, 1_000))), window, slack_s, reset_s)
    if draw(st.integers(0, 9)) == 0:
        wait_s, window_s = draw(SECONDS), draw(st.sampled_from([1.0, 60.0]))
        limit = draw(st.sampled_from([0, 0, 60]))
        refusal = Refusal(limit, draw(FEW), wait_s, is_said=draw(st.booleans()), window_s=window_s)
    wants = draw(st.sampled_from([0, 1, 2, 30]))
    return Account(
        holds=draw(FEW),
        turns=draw(st.sampled_from([0, wants])),
        useful_s=draw(SECONDS),
        wants=wants,
        until_s=draw(SECONDS),
        is_patient=draw(st.booleans()),
        untold=draw(FEW),
        limit=draw(st.sampled_from([0, 30])),
        is_guessed=draw(st.booleans()),
        told=told,
        refusal=refusal,
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    said=st.lists(
        st.tuples(st.sampled_from([0.015625, 1.0, 5.0, 17.0]), st.sampled_from("ab"), accounts()),
        max_size=30,
    )
)
def test_the_script_settles_as_the_model_does(redis, said):
    book, at = Book(), float(EPOCH)
    redis.ask("FLUSHALL")
    scripted = ScriptedAccounts(redis)
    for passed_s, replica, account in said:
        at += passed_s
        expected = book.settle(at, replica, account)

        found = scripted.settle(at - EPOCH, replica, "owner", NAMED, account)

        for name in expected.__struct_fields__:
            assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-4), name
    assert list(scripted.named("owner")) == ([NAMED] if said else [])
    scripted.close()


@pytest.mark.parametrize("tells", [True, False])
def test_a_hundred_callers_of_three_replicas_use_sixty_reads_a_minute_up(redis, tells):
    """By the script; where the upstream tells nothing the first 429 tells what it served."""
    scripted, limited = ScriptedAccounts(redis), Limited(limit=60, tells=tells)

    async def run():
        chains = [Chain(limited, pace=scripted.replica()) for _ in range(3)]
        asking = [Caller().ask_for(chains[i % 3], 180) for i in range(100)]
        await asyncio.gather(*asking)

    drive(run())
    scripted.close()

    served, refused = limited.of_all(limited.served), limited.of_all(limited.refused)
    assert sum(served[:3]) >= 0.9 * 180
    assert sum(refused if tells else refused[1:]) <= 0.01 * sum(served)


@dataclass
class Replica:
    store: Store
    pace: Allowances
    chain: Chain


@asynccontextmanager
async def replicas_of(server, limited, number=3):
    """So many, each with a connection of its own."""
    async with AsyncExitStack() as stack:
        replicas = []
        for _ in range(number):
            store = Store(server.url, patience_s=PATIENCE_S)
            await store.start()
            stack.push_async_callback(store.aclose)
            pace = await stack.enter_async_context(one_pace(store))
            replicas.append(Replica(store, pace, Chain(limited, pace=pace)))
        await asyncio.gather(*[one.store.heard() for one in replicas])
        yield replicas


async def ask_all(replicas, callers, until_s):
    """Have each caller ask one of the replicas, again and again."""
    number = len(replicas)
    asking = enumerate(callers)
    await asyncio.gather(
        *[caller.ask_for(replicas[i % number].chain, until_s) for i, caller in asking]
    )


async def until(is_so):
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 - the store has its own time
            await asyncio.sleep(0.02)


async def entries_of(store):
    """The keys of one limiter, once it is settled."""
    async with asyncio.timeout(30):
        keys = []
        while len(keys) < 2:
            await asyncio.sleep(0.02)
            keys = await store.run("KEYS", "*:pace*")
    return keys


async def settled(pace, owner, account):
    """What is given to one who says this."""
    given = asyncio.get_running_loop().create_future()
    pace.settle(owner, NAMED, account, given.set_result)
    return await given


@pytest.mark.anyio
class TestOverConnections:
    async def test_a_hundred_callers_of_three_replicas_use_what_there_is(self, redis):
        """The upstream counts by 4 s."""
        limited = Limited(limit=60, window_s=4)
        async with replicas_of(redis, limited) as replicas:
            first = int(now() // 4) + 1
            await asyncio.sleep(4 * first - now())
            await ask_all(replicas, [Caller() for _ in range(100)], 4 * first + 7.8)

        served, refused = limited.served, limited.refused
        assert served["a", first] + served["a", first + 1] >= 0.9 * 120
        assert refused.total() <= 0.01 * served.total()

    async def test_a_429_at_one_stops_the_others(self, redis):
        limited = Limited(limit=0, window_s=10**6)
        async with replicas_of(redis, limited) as replicas:
            await outcome(replicas[0].chain.ask(seconds=0.5))
            await asyncio.sleep(PATIENCE_S)
            others = [await outcome(one.chain.ask(seconds=0.5)) for one in replicas[1:]]

        assert [type(found).__name__ for found in others] == ["RateLimited"] * 2
        assert limited.refused.total() == 1

    async def test_replicas_are_counted_as_they_come_and_go(self, redis):
        async with replicas_of(redis, Limited(), number=2) as (first, second):
            await until(lambda: first.pace.replicas == 2)
            async with replicas_of(redis, Limited(), number=1):
                await until(lambda: first.pace.replicas == second.pace.replicas == 3)
            await until(lambda: first.pace.replicas == second.pace.replicas == 2)

    async def test_the_store_learns_no_credential(self, redis):
        async with replicas_of(redis, Limited(limit=10)) as replicas:
            for _ in range(3):
                await replicas[0].chain.ask("glpat-secret")
            stored = await all_in(replicas[0].store)

        assert len(stored) == 3
        assert not any(b"secret" in text for text in [*stored, *stored.values()])

    async def test_nonsense_in_the_store_holds_nobody_up(self, redis):
        limited = Limited(limit=60)
        async with replicas_of(redis, limited, number=1) as (one,):
            await one.chain.ask()
            keys = await entries_of(one.store)
            for key in keys:
                await one.store.run("SET", key, "nonsense")
            began = now()
            answers = await asyncio.gather(*[outcome(one.chain.ask()) for _ in range(10)])

        assert all(isinstance(found, float) for found in answers)
        assert now() - began < 5

    async def test_a_store_that_is_killed_and_comes_back_fails_nobody(self, redis):
        limited, callers = Limited(limit=60, window_s=4), [Caller() for _ in range(30)]
        async with replicas_of(redis, limited) as replicas:
            asking = asyncio.ensure_future(ask_all(replicas, callers, now() + 6))
            await asyncio.sleep(1.5)
            redis.kill()
            await asyncio.sleep(1.5)
            redis.start()
            await asking
            await until(lambda: all(one.store.is_up for one in replicas))

        assert limited.refused.total() <= 0.05 * limited.served.total()
        assert all(caller.answers for caller in callers)


@pytest.mark.anyio
@pytest.mark.usefixtures("redis")
async def test_accounts_and_news_are_one_over_the_nodes_of_a_cluster():
    with redis_cluster() as (url, _):
        async with AsyncExitStack() as stack:
            paces = []
            for _ in range(2):
                store = await stack.enter_async_context(connected(url))
                paces.append(await stack.enter_async_context(one_pace(store)))
                heard = []
                paces[-1].on_news(lambda *news, heard=heard: heard.append(news))
                await store.heard()
            told = Told(60, 20, EPOCH + 60.0, 0.0, 60.0)
            for owner in "abcdef":
                await settled(paces[0], owner, Account(holds=1, told=told))
                given = await settled(paces[1], owner, Account(holds=2, turns=1, wants=1))

                assert (given.turns, given.limit, given.left) == (1, 60, 16)
                assert list(await paces[1].known(owner)) == [NAMED]
            await until(lambda: len(heard) == 6)

    assert {news[1] for news in heard} == {NAMED}
