"""Two gateways over one sandbox and one store, as their callers meet them."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256

import pytest

from gateway.app import Gateway
from gateway.settings import Settings, SettingsError
from gateway.transport.records import Records
from tests.harness.app import running_app
from tests.harness.redis import LITTLE_PATIENCE_S, PATIENCE_S
from tests.harness.turns import until
from tests.replicas.servers import upstream
from tests.store.stores import all_in, connected

pytestmark = pytest.mark.anyio

KEY = "0123456789abcdef0123456789abcdef"
JOB = "{ job(by: {path: {project: 1, job: %s}}) { name status erasedAt } }"
PIPELINE = "{ pipeline(by: {path: {project: 1, pipeline: 6}}) { id jobs { nodes { name } } } }"
ERASE = """mutation { jobErase(input: {job: {path: {project: 1, job: %s}}}) {
  userErrors { code } } }"""


@asynccontextmanager
async def two(server, **settings):
    """The upstream, and two gateways of it."""
    async with upstream() as over:
        options = {
            "upstream_url": over.url,
            "store_url": server.url,
            "store_key": KEY,
            "store_timeout_s": PATIENCE_S,
            "tokens": over.sandbox.tokens,
        }
        async with running_app(**options | settings) as one, running_app(**options | settings) as b:
            yield over, one, b


async def told(api):
    """The store has all that this gateway has told it."""
    store = api.gateway._kept._store
    await until(lambda: not (store._waiting or store._lanes))


async def test_what_one_has_read_the_other_gives_to_the_same_credential(redis):
    async with two(redis) as (over, one, other):
        first = await one(JOB % 2)
        await told(one)
        calls = over.calls
        again = await other(JOB % 2)
        calls_for_the_same = over.calls - calls
        await other(JOB % 2, role="maintainer")

        assert first == again
        assert first["data"]["job"]["status"]
        assert (calls_for_the_same, over.calls - calls) == (0, 1)


async def test_an_own_write_shows_at_the_other(redis):
    async with two(redis) as (_, one, other):
        before = [await api(JOB % 2, role="maintainer") for api in (one, other)]
        written = await one(ERASE % 2, role="maintainer")
        after = [await api(JOB % 2, role="maintainer") for api in (other, one)]

        assert [answer["data"]["job"]["erasedAt"] for answer in before] == [None, None]
        assert written["data"]["jobErase"]["userErrors"] == []
        assert all(answer["data"]["job"]["erasedAt"] for answer in after)


async def test_a_document_that_was_sent_to_one_is_known_to_the_other(redis):
    document = JOB % 2
    extensions = {
        "persistedQuery": {"version": 1, "sha256Hash": sha256(document.encode()).hexdigest()}
    }
    async with two(redis) as (_, one, other):
        sent = await one(document, extensions=extensions)
        await told(one)
        asked = await other.caller.post(
            "/graphql",
            json={"extensions": extensions},
            headers={"private-token": other.tokens["developer"]},
        )

        assert asked.json() == sent


async def test_nothing_of_a_caller_or_an_answer_is_in_the_store(redis):
    async with two(redis) as (over, one, other):
        for role in ("developer", "maintainer", "guest"):
            answer = await one(JOB % 2, role=role)
            await other(PIPELINE, role=role)
        await one(ERASE % 2, role="maintainer")
        await told(one)
        await told(other)
        async with connected(redis) as store:
            found = await all_in(store)
        stored = b"\n".join([*found, *found.values()])

        assert len(found) > 10
        assert sum(map(len, found.values())) > 10_000
        for token in over.sandbox.tokens.values():
            assert token.encode() not in stored
        for text in (answer["data"]["job"]["name"], '"id":', "status", "web_url", KEY):
            assert text.encode() not in stored


@pytest.mark.parametrize("trouble", ["kill", "freeze"])
async def test_no_operation_fails_while_the_store_is_away(redis, trouble):
    async with two(redis, store_timeout_s=LITTLE_PATIENCE_S) as (_, one, other):
        await one(JOB % 2)
        getattr(redis, trouble)()
        answers = await asyncio.gather(*(api(JOB % 2) for api in (one, other) * 10))
        written = await other(ERASE % 2, role="maintainer")
        seen = await other(JOB % 2)
        redis.restart()
        await until(lambda: one.gateway._kept._store.is_up and other.gateway._kept._store.is_up)
        later = await one(JOB % 2)

        assert all("errors" not in answer for answer in (*answers, written, seen, later))
        assert seen["data"]["job"]["erasedAt"] == later["data"]["job"]["erasedAt"] is not None


async def test_it_starts_while_the_store_is_away(redis):
    redis.kill()
    async with two(redis) as (_, one, _other):
        answer = await one(JOB % 2)

        assert answer["data"]["job"]


async def test_all_keep_one_pace(redis):
    """A hundred callers of one credential ask three gateways, 60 reads a minute are let through."""
    async with upstream() as over, AsyncExitStack() as stack:
        limits = over.sandbox.limits
        options = {
            "upstream_url": over.url,
            "store_url": redis.url,
            "store_key": KEY,
            "store_timeout_s": PATIENCE_S,
            "tokens": over.sandbox.tokens,
            "kept_reads": False,
            "request_timeout_s": 4,
        }
        three = [await stack.enter_async_context(running_app(**options)) for _ in range(3)]
        limits.everything = 60
        answers = await asyncio.gather(*(three[i % 3](JOB % (i + 1)) for i in range(100)))

    counted = [count for (name, _, _), count in limits._seen.items() if name == "everything"]
    assert sum(min(count, 60) for count in counted) >= 54
    assert sum(max(count - 60, 0) for count in counted) == 0
    codes = {each["extensions"]["code"] for answer in answers for each in answer.get("errors", ())}
    assert codes <= {"RATE_LIMITED", "NOT_FOUND"}


async def test_metrics_tell_how_the_store_stands(redis):
    async with two(redis, metrics=True) as (_, one, other):
        await one(JOB % 2)
        await told(one)
        there = (await one.caller.get("/metrics")).text
        at_second = (await other.caller.get("/metrics")).text
        redis.kill()
        await until(lambda: not one.gateway._kept._store.is_up)
        await one(JOB % 2)
        away = (await one.caller.get("/metrics")).text

        assert "gateway_store_up 1.0" in there
        # The first one learns of the second by its next beat.
        assert "gateway_store_gateways 2.0" in at_second
        commands = re.search(r'gateway_store_commands_total\{outcome="answered"\} (\d+)\.0', there)
        assert int(commands[1]) >= 3
        assert "gateway_store_up 0.0" in away
        assert "gateway_store_outages_total 1.0" in away
        assert re.search(r'gateway_store_commands_total\{outcome="away"\} [1-9]', away)


def test_an_address_with_options_that_are_unknown_is_a_mistake_at_start():
    settings = Settings(
        upstream_url="http://gitlab.test", store_url="redis://a?hush=hush", store_key=KEY
    )

    with pytest.raises(SettingsError, match="GATEWAY_STORE_URL=… is no address") as refused:
        Gateway(settings, Records(lambda _: None))

    assert "hush" not in str(refused.value)
