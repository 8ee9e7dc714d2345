"""The connection to the store: what it gives, and what it does where the store is away."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from gateway.store.allowances import one_pace
from gateway.store.connection import LEAST_PAUSE_S, Store
from gateway.store.documents import DocumentsInStore
from gateway.store.kept import KeptInStore
from gateway.store.outcomes import StoreAway
from gateway.store.patience import SILENT_TIMES
from gateway.store.script import Script
from gateway.store.sealing import Sealing
from gateway.upstream.calls.shared_pace import Account, Named, Told
from gateway.upstream.shared_reads import Reading
from gateway.upstream.wire import Answer
from tests.harness.redis import LITTLE_PATIENCE_S, redis_cluster
from tests.harness.turns import turns, until
from tests.store.stores import BACK_S, connected, until_back

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


class TestCommands:
    async def test_are_answered(self, redis):
        async with connected(redis) as store:
            await store.run("SET", store.key("a", "b"), b"\x00\xff")

            assert await store.run("GET", "jgw:1:{a}:b") == b"\x00\xff"
            assert await store.run("GET", "nothing") is None
            assert await store.run("INCRBY", "n", 41) == 41

    async def test_of_one_turn_go_together(self, redis):
        async with connected(redis) as store:
            answers = await asyncio.gather(*(store.run("ECHO", number) for number in range(1000)))

            assert answers == [b"%d" % number for number in range(1000)]
            assert store.counts.answered == 1000

    async def test_may_be_scripts_which_the_store_need_not_know(self, redis):
        script = Script("return {KEYS[1], ARGV[1]}")
        async with connected(redis) as store:
            answers = [await store.script(script, ["{a}"], [n]) for n in (1, 2)]
            redis.ask("SCRIPT", "FLUSH")
            answers.append(await store.script(script, ["{a}"], [3]))

            assert answers == [[b"{a}", b"1"], [b"{a}", b"2"], [b"{a}", b"3"]]
            assert store.counts.refused == 0

    async def test_may_be_told_without_waiting(self, redis):
        async with connected(redis) as store:
            store.tell("SET", "a", 1)
            store.tell("INCR", "no number", "and too many")

            assert await store.run("GET", "a") == b"1"

    async def test_of_two_spaces_have_no_key_together(self, redis):
        async with connected(redis) as store:
            other = Store(redis.url, space="b")

            assert (store.key("a", "c"), other.key("a", "c")) == ("jgw:1:{a}:c", "jgw:1:{b.a}:c")
            await other.aclose()

    async def test_that_are_refused_fail_alone(self, redis, caplog):
        async with connected(redis) as store:
            await store.run("SET", "text", "x")
            asked = store.run("INCR", "text"), store.run("ECHO", 1)
            answers = await asyncio.gather(*asked, return_exceptions=True)

            assert type(answers[0]) is StoreAway
            assert answers[1] == b"1"
            assert (store.is_up, store.counts.refused) == (True, 1)
            assert "refuses" in caplog.text

    async def test_that_nobody_waits_for_any_more_harm_nobody(self, redis):
        async with connected(redis) as store:
            left = asyncio.create_task(store.run("ECHO", 1))
            await asyncio.sleep(0)
            left.cancel()
            stayed = await store.run("ECHO", 2)

            assert stayed == b"2"
            assert store.is_up


class TestAway:
    async def test_it_is_not_there_at_first(self, redis, caplog):
        redis.kill()
        async with connected(redis) as store:
            with pytest.raises(StoreAway):
                await store.run("PING")
            assert "is not there" in caplog.text
            redis.start()
            await until_back(store)

            assert await store.run("ECHO", 1) == b"1"

    @pytest.mark.parametrize(
        ("url", "told"),
        [
            ("redis://127.0.0.1:9", "CONNECTION_REFUSED: its host refuses connections"),
            ("redis://127.0.0.1:9?cluster=true", "CONNECTION_REFUSED: its host refuses"),
            ("unix:///no/such/socket", "NO_FILE: its socket"),
        ],
    )
    async def test_it_says_why_and_what_to_do(self, url, told, caplog):
        store = Store(url)
        async with asyncio.timeout(BACK_S):
            await store.start()
        await store.aclose()

        assert re.search(rf"the store {url.split('?')[0]} is not there \(.*(?:{told})", caplog.text)

    async def test_a_reason_that_stays_is_told_once(self, redis, caplog):
        redis.ask("CONFIG", "SET", "requirepass", "hush")
        async with connected(redis):
            await asyncio.sleep(3 * LEAST_PAUSE_S)
            redis.kill()
            await until(lambda: "NO_FILE" in caplog.text or "CONNECTION_REFUSED" in caplog.text)

        assert caplog.text.count("PASSWORD_REFUSED") == 1
        assert "hush" not in caplog.text

    async def test_it_ends_where_a_cancellation_turns_into_a_failure(self, monkeypatch):
        """A group of tasks of which one fails meanwhile does that."""

        class Failing:
            async def connect(self, _):
                try:
                    await asyncio.get_running_loop().create_future()
                except asyncio.CancelledError:
                    raise ConnectionError from None

            async def close(self):
                pass

        monkeypatch.setattr("gateway.store.connection.open_servers", lambda _: Failing())
        store = Store("redis://nobody")
        starting = asyncio.create_task(store.start())
        await turns(3)

        async with asyncio.timeout(BACK_S):
            await store.aclose()
            await starting

    async def test_commands_fail_in_time_while_it_is_frozen(self, redis, caplog):
        async with connected(redis, LITTLE_PATIENCE_S) as store:
            loop = asyncio.get_running_loop()
            redis.freeze()
            before = loop.time()
            with pytest.raises(StoreAway):
                await store.run("PING")
            took_s = loop.time() - before
            with pytest.raises(StoreAway):
                await store.run("PING", is_patient=True)
            patient_s = loop.time() - before
            with pytest.raises(StoreAway):
                await store.run("PING")
            known_s = loop.time() - before

            assert LITTLE_PATIENCE_S <= took_s < 2 * LITTLE_PATIENCE_S + 1
            assert patient_s < 7 * LITTLE_PATIENCE_S + 1
            assert known_s - patient_s < 0.2
            assert (store.counts.slow, store.counts.away, store.counts.outages) == (1, 1, 1)
            assert "is away (silent)" in caplog.text
            redis.thaw()
            await until_back(store)
            assert await store.run("ECHO", 1) == b"1"

    async def test_a_moment_of_silence_is_no_outage(self, redis):
        async with connected(redis, LITTLE_PATIENCE_S) as store:
            redis.freeze()
            with pytest.raises(StoreAway):
                await store.run("PING")
            redis.thaw()
            answer = await store.run("ECHO", 1, is_patient=True)
            await asyncio.sleep(SILENT_TIMES * LITTLE_PATIENCE_S)

            assert answer == b"1"
            assert (store.is_up, store.counts.slow, store.counts.outages) == (True, 1, 0)

    async def test_all_commands_under_way_fail_when_it_is_killed(self, redis):
        async with connected(redis, LITTLE_PATIENCE_S) as store:
            redis.freeze()
            asked = [asyncio.create_task(store.run("ECHO", number)) for number in range(600)]
            await asyncio.sleep(0)
            redis.kill()
            answers = await asyncio.gather(*asked, return_exceptions=True)

            assert {type(answer) for answer in answers} == {StoreAway}
            redis.start()
            await until_back(store)
            assert await store.run("ECHO", 1) == b"1"

    async def test_it_tells_when_it_is_back(self, redis, caplog):
        async with connected(redis) as store:
            returned = []
            store.on_return(lambda: returned.append(store.is_up))
            redis.kill()
            await until(lambda: not store.is_up)
            assert "is away (CONNECTION_LOST: " in caplog.text
            redis.start()
            await until_back(store)

            assert returned == [True]
            assert store.counts.outages == 1

    async def test_a_loop_that_was_busy_takes_no_store_for_slow(self, redis):
        async with connected(redis, patience_s=0.05) as store:
            asked = asyncio.create_task(store.run("ECHO", 1))
            await asyncio.sleep(0)
            redis.ask("PING")
            busy_until = asyncio.get_running_loop().time() + 0.2
            while asyncio.get_running_loop().time() < busy_until:
                redis.ask("PING")

            assert await asked == b"1"

    @pytest.mark.parametrize("url", ["http://a", "redis://a?hush=hush", "redis://a:hush", ""])
    async def test_it_is_at_no_such_address(self, url):
        with pytest.raises(ValueError, match="is no address of a store") as mistake:
            Store(url)

        assert "hush" not in str(mistake.value)

    async def test_its_password_is_never_shown(self, caplog):
        store = Store("redis://user:hush@127.0.0.1:1/0?client_name=hush")
        await store.start()
        await store.aclose()

        assert "redis://127.0.0.1:1/0" in caplog.text
        assert "hush" not in caplog.text


class TestChannels:
    async def test_reach_all_that_listen(self, redis):
        async with connected(redis) as one, connected(redis) as other:
            heard = []
            off = one.on("c", heard.append)
            other.on("c", heard.append)
            await one.heard()
            await other.heard()
            await other.publish("c", b"1")
            await until(lambda: heard == [b"1", b"1"])
            off()
            await one.publish("c", b"2")
            await until(lambda: len(heard) > 2)

            assert heard == [b"1", b"1", b"2"]

    async def test_are_heard_again_after_it_was_away(self, redis):
        async with connected(redis) as store:
            heard = []
            store.on("c", heard.append)
            redis.restart()
            await until(lambda: not store.is_up)
            await until_back(store)
            await store.publish("c", b"1")
            await until(lambda: heard)

            assert heard == [b"1"]

    async def test_that_break_alone_are_told_of(self, redis):
        async with connected(redis) as store:
            returned, heard = [], []
            store.on_return(lambda: returned.append(True))
            store.on("c", heard.append)
            redis.ask("CLIENT", "KILL", "TYPE", "pubsub")
            await until(lambda: returned)
            await store.publish("c", b"1")
            await until(lambda: heard)

            assert heard == [b"1"]


class TestCluster:
    @pytest.fixture
    def cluster(self, redis):
        """A cluster of three; `redis` says that there are servers."""
        with redis_cluster() as (url, servers):
            yield url, servers

    async def test_answers_from_all_its_nodes_in_their_order(self, cluster):
        url, servers = cluster
        async with connected(url) as store:
            asked = [store.run("SET", store.key(f"{n}", "a"), n) for n in range(200)]
            await asyncio.gather(*asked)
            got = await asyncio.gather(
                *(store.run("GET", store.key(f"{n}", "a")) for n in range(200))
            )

            assert got == [b"%d" % n for n in range(200)]
            assert all(int(server.ask("DBSIZE")[1:]) > 20 for server in servers)

    async def test_runs_scripts_over_the_keys_of_a_tag(self, cluster):
        url, _ = cluster
        script = Script("redis.call('SET', KEYS[1], ARGV[1]); return redis.call('GET', KEYS[2])")
        async with connected(url) as store:
            for tag in "abcdefgh":
                await store.run("SET", store.key(tag, "2"), tag)
                keys = [store.key(tag, "1"), store.key(tag, "2")]

                assert await store.script(script, keys, ["x"]) == tag.encode()
            assert store.counts.refused == 0

    async def test_tells_what_is_published_at_any_node(self, cluster):
        url, _ = cluster
        async with connected(url) as one, connected(url) as other:
            heard = []
            one.on("c", heard.append)
            await one.heard()
            for number in range(9):
                await other.publish("c", b"%d" % number)
            await until(lambda: len(heard) == 9)

            assert sorted(heard) == [b"%d" % number for number in range(9)]

    async def test_is_away_while_a_node_is_and_found_again(self, cluster):
        url, servers = cluster
        async with connected(url, LITTLE_PATIENCE_S) as store:
            servers[1].freeze()
            with pytest.raises(StoreAway):
                await asyncio.gather(*(store.run("GET", f"{n}") for n in range(50)))
            servers[1].thaw()
            await until_back(store)

            assert await store.run("GET", "a") is None

    async def test_has_no_socket(self):
        with pytest.raises(ValueError, match="is no address of a store"):
            Store("unix:///run/redis.sock?cluster=true")

    @pytest.mark.parametrize("url", ["redis://a/1?cluster=true", "redis://a?db=1&cluster=true"])
    async def test_has_one_database(self, url):
        with pytest.raises(ValueError, match="a cluster has none but 0"):
            Store(url)


async def test_a_user_who_may_do_little_is_enough(redis):
    """What docs/operations.md says that the store's user needs."""
    [rules] = re.findall(r"few rights\.\* Enough is\n +`([^`]*)`", PAGE.read_text())
    redis.ask("ACL", "SETUSER", "gateway", "on", ">hush", *rules.split())
    sealing = Sealing("k" * 32, "https://gitlab.test")
    async with connected(f"unix://gateway@{redis.path}?password=hush") as store:
        kept = KeptInStore(store, sealing, 1_000_000)
        documents = DocumentsInStore(store, sealing)
        reading = Reading("a", None, "/jobs/7", (("a", None), 7))
        looked = await kept.look(reading, now=0.0, max_age_s=1.0)
        await kept.keep(reading, Answer(200, {}.get, b"{}"), looked.mark, 60.0)
        await kept.drop(("a", None), 7, at=0.0)
        documents.keep("d", "{ a }")
        found = await documents.find("d")
        heard = []
        store.on(store.key("news"), heard.append)
        await store.heard()
        await store.publish(store.key("news"), b"1")
        await until(lambda: heard)
        await kept.aclose()
        async with one_pace(store) as pace:
            settled = asyncio.get_running_loop().create_future()
            told = Told(60, 20, 60.0, 0.0, 60.0)
            limiter = Named("x", is_general=True)
            pace.settle("a", limiter, Account(holds=0, told=told), settled.set_result)
            given = await settled
            known = await pace.known("a")

        assert found == "{ a }"
        assert given.left == 20
        assert known == [limiter]
        assert store.counts.refused == 0
        with pytest.raises(StoreAway):
            await store.run("GET", "other:key")
