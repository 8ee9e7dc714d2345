"""The connection to the store: what it gives, and what it does where the store is away."""

from __future__ import annotations

import asyncio

import pytest

from gateway.store.connection import Script, Store, StoreAway
from tests.harness.redis import PATIENCE_S
from tests.harness.turns import until
from tests.store.stores import connected, until_back

pytestmark = pytest.mark.anyio


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

    async def test_commands_fail_in_time_while_it_is_frozen(self, redis, caplog):
        async with connected(redis) as store:
            loop = asyncio.get_running_loop()
            redis.freeze()
            before = loop.time()
            with pytest.raises(StoreAway):
                await store.run("PING")
            took_s = loop.time() - before
            with pytest.raises(StoreAway):
                await store.run("PING")

            assert PATIENCE_S <= took_s < 4 * PATIENCE_S + 1
            assert (store.counts.slow, store.counts.away) == (1, 1)
            assert "is away (silent)" in caplog.text
            redis.thaw()
            await until_back(store)
            assert await store.run("ECHO", 1) == b"1"

    async def test_all_commands_under_way_fail_when_it_is_killed(self, redis):
        async with connected(redis) as store:
            redis.freeze()
            asked = [asyncio.create_task(store.run("ECHO", number)) for number in range(600)]
            await asyncio.sleep(0)
            redis.kill()
            answers = await asyncio.gather(*asked, return_exceptions=True)

            assert {type(answer) for answer in answers} == {StoreAway}
            redis.start()
            await until_back(store)
            assert await store.run("ECHO", 1) == b"1"

    async def test_it_tells_when_it_is_back(self, redis):
        async with connected(redis) as store:
            returned = []
            store.on_return(lambda: returned.append(store.is_up))
            redis.kill()
            await until(lambda: not store.is_up)
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
