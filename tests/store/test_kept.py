"""Kept reads that two gateways share: who is given what, and that own writes show at both."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from random import Random

import msgspec
import pytest

from gateway.errors import GatewayError
from gateway.store.kept import SETTLED_S, KeptInStore, WritesSeen
from gateway.store.sealing import Sealing
from gateway.upstream import routes
from gateway.upstream.calls import Call, ClientConfig, standard_chain
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from gateway.upstream.wire import ConnectionBroken
from tests.harness.driven import Upstream, answer_of, job_body, number_in
from tests.harness.redis import LITTLE_PATIENCE_S, PATIENCE_S
from tests.harness.turns import until
from tests.store.stores import connected, until_back

pytestmark = pytest.mark.anyio

API = "https://gitlab.test/api/v4"
KEY = "0123456789abcdef0123456789abcdef"
SECRET = "glpat-very-secret-token"


class Replica:
    """A gateway's calls, over an upstream in memory that all replicas have."""

    def __init__(self, upstream, store):
        self.sealing = Sealing(KEY, API)
        self.store = store
        self.kept = KeptInStore(store, self.sealing, 40_000_000)
        config = ClientConfig(API, retry_pause_s=0)
        self.chain = standard_chain(upstream, config, kept=self.kept)

    def scope(self, token=SECRET, **options):
        until_s = asyncio.get_running_loop().time() + 30
        credential = Credential("PRIVATE-TOKEN", token, None, self.sealing.fingerprint_key)
        return CallScope(credential, until_s, **options)

    async def read(self, route=routes.JOB, *arguments, query="", token=SECRET, **options):
        """A read, and the store has what it kept."""
        call = Call.of(self.scope(token, **options), route, *(arguments or (1, 7)), query=query)
        answer = await self.chain.send(call)
        await until(lambda: not (self.store._waiting or self.store._lanes))
        return answer

    async def write(self, job_id=7, token=SECRET):
        return await self.chain.send(Call.of(self.scope(token), routes.RETRY, 1, job_id))


@asynccontextmanager
async def replicas(server, answer=None, count=2, upstream=None, patience_s=PATIENCE_S, **options):
    options = {"latency_s": lambda _: 0} | options
    upstream = upstream or Upstream(answer or a_job, **options)
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            store = await stack.enter_async_context(connected(server, patience_s))
            made.append(Replica(upstream, store))
            stack.push_async_callback(made[-1].kept.aclose)
        yield upstream, *made


def a_job(asked):
    """A job; any other endpoint answers the seventh."""
    return job_body(number_in(asked.target, "jobs") if "/jobs/" in asked.target else 7)


def reads(upstream):
    return sum(asked.method == "GET" for asked in upstream.asked)


class TestSharing:
    async def test_what_one_has_read_the_other_gives(self, redis):
        async with replicas(redis) as (upstream, one, other):
            first = await one.read()
            again = await other.read()

            assert (bytes(again.body), again.status) == (bytes(first.body), 200)
            assert reads(upstream) == 1

    async def test_headers_that_are_read_later_come_along(self, redis):
        link = '<https://gitlab.test/2>; rel="next"'
        answer = answer_of([job_body(7)], X_Total=3, Link=link, X_Other="a")
        async with replicas(redis, lambda _: answer) as (upstream, one, other):
            await one.read(routes.PROJECT_JOBS, 1)
            again = await other.read(routes.PROJECT_JOBS, 1)

            assert again.header("x-total") == again.header("X-Total") == "3"
            assert list(again.header_values("link")) == [link]
            assert (again.header("x-page"), again.header_values("x-page")) == (None, [])
            assert reads(upstream) == 1

    async def test_is_for_one_credential_only(self, redis):
        async with replicas(redis) as (upstream, one, other):
            await one.read(token="a")
            await other.read(token="b")
            await one.read(token="b")

            assert [asked.token for asked in upstream.asked] == ["a", "b"]

    async def test_a_credential_of_the_same_fingerprint_opens_nothing(self, redis):
        """As if 64 bits had met: the answers are sealed by the credential itself."""
        async with replicas(redis) as (upstream, one, other):
            await one.read(token="a")
            scope = other.scope("b")
            msgspec.structs.force_setattr(
                scope.credential, "fingerprint", one.scope("a").credential.fingerprint
            )
            await other.chain.send(Call.of(scope, routes.JOB, 1, 7))

            assert [asked.token for asked in upstream.asked] == ["a", "b"]

    async def test_what_was_given_is_held_and_not_sent_again(self, redis):
        async with replicas(redis) as (upstream, one, other):
            await one.read()
            first = await other.read()
            second = await other.read()

            assert second.body is first.body
            assert reads(upstream) == 1

    async def test_fresh_is_read_anew_and_kept_for_all(self, redis):
        async with replicas(redis) as (upstream, one, other):
            await one.read()
            await other.read(fresh=True)
            await one.read()

            assert reads(upstream) == 2

    async def test_ends_with_its_age_at_all(self, redis):
        async with replicas(redis) as (upstream, one, other):
            await one.read(routes.PIPELINE, 1, 7)
            await asyncio.sleep(1.1)
            await other.read(routes.PIPELINE, 1, 7)
            await one.read(routes.PIPELINE, 1, 7)

            assert reads(upstream) == 2

    async def test_what_is_too_large_is_held_by_its_reader(self, redis):
        large = answer_of({"id": 7, "status": "success", "text": "x" * 1_100_000})
        async with replicas(redis, lambda _: large) as (upstream, one, other):
            await one.read()
            await one.read()
            before = reads(upstream)
            await other.read()

            assert (before, reads(upstream)) == (1, 2)

    async def test_nothing_in_the_store_tells_anything(self, redis):
        async with replicas(redis) as (_, one, other):
            await one.read(routes.PROJECT_JOBS, "secret-group/secret-project", query="?scope=x")
            await one.read()
            await other.write()
            await one.read()
            keys = await one.store.run("KEYS", "*")
            values = [await one.store.run("GET", key) for key in keys]
            stored = b"\n".join(keys + values)

            assert len(keys) > 5
            for told in (SECRET, "secret", "status", "project", "PRIVATE", "https", KEY):
                assert told.encode() not in stored


class TestOwnWrites:
    async def test_through_one_show_at_the_other(self, redis):
        async with replicas(redis) as (upstream, one, other):
            await one.read()
            await other.read()
            await one.write()
            await other.read()

            assert reads(upstream) == 2

    async def test_of_a_job_show_to_all_credentials(self, redis):
        async with replicas(redis) as (upstream, one, other):
            await other.read(token="b")
            await one.write(token="a")
            await other.read(token="b")

            assert reads(upstream) == 2

    async def test_leave_what_others_have_of_other_jobs(self, redis):
        async with replicas(redis) as (upstream, one, other):
            await other.read(routes.JOB, 1, 8, token="b")
            await one.write(token="a")
            await one.read(routes.JOB, 1, 8, token="b")

            assert reads(upstream) == 1

    async def test_keep_out_what_was_being_read_meanwhile(self, redis):
        gate = asyncio.Event()

        class Slow(Upstream):
            async def send(self, method, *arguments, **options):
                answer = await super().send(method, *arguments, **options)
                if method == "GET":
                    await gate.wait()
                return answer

        upstream = Slow(a_job, latency_s=lambda _: 0)
        async with replicas(redis, upstream=upstream) as (_, one, other):
            before = asyncio.create_task(other.read())
            await until(lambda: upstream.asked)
            await one.write()
            later = asyncio.create_task(other.read())
            await until(lambda: reads(upstream) == 2)
            gate.set()
            await asyncio.gather(before, later)
            await one.read()

            # What began before the write was neither joined nor given to who came later; it may
            # have been kept over what began after it.
            assert reads(upstream) in {2, 3}

    async def test_of_which_nobody_knows_bar_what_they_may_change(self, redis):
        def answer(asked):
            return ConnectionBroken("lost") if asked.method == "POST" else a_job(asked)

        async with replicas(redis, answer) as (upstream, one, other):
            with suppress(GatewayError):
                await one.write()
            await other.read()
            await other.read()

            assert reads(upstream) == 2

    async def test_that_are_cancelled_are_told_all_the_same(self, redis):
        async with replicas(redis, latency_s=lambda _: 0.05) as (upstream, one, other):
            await other.read()
            writing = asyncio.create_task(one.write())
            await until(lambda: len(upstream.asked) == 2)
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing
            await asyncio.sleep(0.2)
            await other.read()

            assert reads(upstream) == 2

    @pytest.mark.parametrize("seed", range(12))
    async def test_are_seen_by_every_later_read_through_any(self, redis, seed):
        """Three replicas, three credentials, four jobs; reads and writes at random, at once."""
        drawn = Random(seed)
        version = dict.fromkeys(range(1, 5), 0)

        def answer(asked):
            job = number_in(asked.target, "jobs")
            if asked.method == "POST":
                version[job] += 1
            return {**job_body(job), "name": f"{version[job]}", "status": "success"}

        def latency_s(_):
            return drawn.choice([0, 0, 0.001, 0.004])

        async with replicas(redis, answer, 3, latency_s=latency_s) as (upstream, *made):
            done = []

            async def act():
                job, token = drawn.randint(1, 4), drawn.choice("abc")
                replica = drawn.choice(made)
                if drawn.random() < 0.25:
                    await replica.write(job, token)
                    done.append((job, token, version[job]))
                    return
                # All writes that have ended, by whomever: a job's are dropped for everybody.
                least = max((wrote for its, _, wrote in done if its == job), default=0)
                answer = await replica.read(routes.JOB, 1, job, token=token)
                seen = int(msgspec.json.decode(answer.body)["name"])
                assert seen >= least, (job, token)

            for _ in range(12):
                await asyncio.gather(*(act() for _ in range(drawn.randint(1, 12))))

            assert reads(upstream) < 100


class TestAway:
    async def test_reads_go_on_without(self, redis):
        async with replicas(redis, patience_s=LITTLE_PATIENCE_S) as (upstream, one, other):
            await one.read()
            redis.freeze()
            await one.read()
            await other.read()
            redis.kill()
            await one.read()
            await other.write()

            assert reads(upstream) == 4

    async def test_it_is_told_that_nobody_can_tell_who_has_written(self, redis):
        async with replicas(redis, patience_s=LITTLE_PATIENCE_S) as (_, one, _):
            before = await one.kept.observe("an owner")
            redis.kill()
            while_it_is_away = await one.kept.observe("an owner")

            assert (before, while_it_is_away) == (True, False)

    async def test_a_write_meanwhile_is_told_when_it_is_back(self, redis):
        async with replicas(redis, patience_s=LITTLE_PATIENCE_S) as (upstream, one, other):
            await other.read()
            redis.freeze()
            await one.write()
            redis.thaw()
            await until_back(one.store)
            await until_back(other.store)
            await other.read()

            assert reads(upstream) == 2
            assert not one.kept._untold or await settled(lambda: not one.kept._untold)

    async def test_nothing_from_before_is_given_and_what_comes_later_is(self, redis):
        async with replicas(redis, patience_s=LITTLE_PATIENCE_S) as (upstream, one, other):
            await one.read()
            redis.freeze()
            await other.read()
            redis.thaw()
            await until_back(other.store)
            await other.read()
            meanwhile = reads(upstream)
            await asyncio.sleep(SETTLED_S + 0.1)
            await other.read()
            await other.read()

            assert (meanwhile, reads(upstream)) == (3, 4)

    async def test_a_store_that_forgets_drops_all(self, redis):
        async with replicas(redis, patience_s=LITTLE_PATIENCE_S) as (upstream, one, other):
            await one.read()
            redis.ask("FLUSHALL")
            await one.read()
            await other.read()

            assert reads(upstream) == 2

    async def test_what_cannot_be_told_is_bounded(self, redis, monkeypatch):
        monkeypatch.setattr("gateway.store.kept.MAX_UNTOLD", 5)
        async with replicas(redis, count=1) as (_, one):
            redis.kill()
            await until(lambda: not one.store.is_up)
            for job in range(20):
                await one.kept.drop(job, at=0.0)

            assert list(one.kept._untold) == [15, 16, 17, 18, 19]


async def settled(condition):
    await until(condition)
    return True


class TestWritesSeen:
    def test_come_in_their_order_whatever_the_clock(self):
        seen = WritesSeen()
        before = seen.now()
        seen.note("a")
        after = seen.now()

        assert seen.since(before, "a")
        assert not seen.since(after, "a")
        assert not seen.since(before, "b")

    def test_that_are_forgotten_count_for_all(self, monkeypatch):
        monkeypatch.setattr("gateway.store.kept.MAX_OWNERS", 2)
        seen = WritesSeen()
        before = seen.now()
        for subject in "abc":
            seen.note(subject)

        assert seen.since(before, "somebody else")
        assert not seen.since(seen.now(), "a", "b", "c")
