"""Subscriptions at three gateways over one sandbox and one store, as their callers meet them."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.harness.app import listening, running_app
from tests.harness.redis import PATIENCE_S
from tests.transport.subscribers import TRANSPORTS

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]

KEY = "0123456789abcdef0123456789abcdef"
JOB = "subscription ($job: JobRef!) { jobUpdated(job: $job) { databaseId status } }"
LOG = "subscription ($job: JobRef!) { jobLog(job: $job, format: RAW) { text } }"
CANCEL = """mutation { jobCancel(input: {job: {path: {project: "1", job: %s}}}) {
  userErrors { code } } }"""
# One poll at the beginning; all others are for what is written.
SELDOM_S = 30.0


def kind_of(call):
    """A read of the job, of its log, of another thing; or a write."""
    if call.method == "POST":
        return "write"
    found = re.search(r"/jobs/\d+(/trace)?(?:$|\?)", call.raw_path)
    return "other" if found is None else "log" if found[1] else "job"


class Gateways:
    """Three of them, and who subscribes."""

    def __init__(self, server, stack, apis, urls):
        self.sandbox, self.tokens = server.sandbox, server.tokens
        self.stack, self.apis, self.urls = stack, apis, urls
        pipeline = self.sandbox.create_pipeline(1)
        self.job = self.sandbox.create_job(1, pipeline, status="running", log=b"one\n")

    @property
    def variables(self):
        return {"job": {"path": {"project": "1", "job": self.job}}}

    async def subscribe(self, at, transport, document, role="maintainer"):
        headers = {"private-token": self.tokens[role]}
        way = TRANSPORTS[transport](self.urls[at], headers, document, self.variables)
        return await self.stack.enter_async_context(way)

    def calls(self):
        counted = Counter(map(kind_of, self.sandbox.received))
        self.sandbox.received.clear()
        return counted


@pytest.fixture
def gateways(sandbox_server, redis):
    @asynccontextmanager
    async def make(**settings):
        options = {
            "upstream_url": sandbox_server.url,
            "tokens": sandbox_server.tokens,
            "store_url": redis.url,
            "store_key": KEY,
            "store_timeout_s": PATIENCE_S,
            "watch_interval_s": SELDOM_S,
            "watch_idle_interval_s": SELDOM_S,
        } | settings
        async with AsyncExitStack() as stack:
            apis = [await stack.enter_async_context(running_app(**options)) for _ in range(3)]
            urls = [await stack.enter_async_context(listening(api.gateway)) for api in apis]
            async with AsyncExitStack() as subscriptions:
                yield Gateways(sandbox_server, subscriptions, apis, urls)

    return make


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_write_at_one_shows_at_all_with_one_call(gateways, transport):
    async with gateways() as it:
        subscribers = [await it.subscribe(at, transport, JOB) for at in range(3)]
        first = [await one.next() for one in subscribers]
        at_first = it.calls()
        written = await it.apis[0](CANCEL % it.job, role="maintainer")
        then = [await one.next() for one in subscribers]
        after = it.calls()

        assert [told["data"]["jobUpdated"]["status"] for told in first] == ["RUNNING"] * 3
        assert at_first == {"job": 1}
        assert written["data"]["jobCancel"]["userErrors"] == []
        assert [told["data"]["jobUpdated"]["status"] for told in then] == ["CANCELING"] * 3
        assert (after["write"], after["job"]) == (1, 1)


async def test_each_credential_has_a_poller_of_its_own(gateways):
    async with gateways() as it:
        for at, role in enumerate(("developer", "maintainer", "developer")):
            subscriber = await it.subscribe(at, "websocket", JOB, role)
            await subscriber.next()

        assert it.calls() == {"job": 2}


async def test_a_log_is_read_once_for_all(gateways):
    async with gateways() as it:
        subscribers = [await it.subscribe(at, "websocket", LOG) for at in range(3)]
        first = [await one.next() for one in subscribers]
        counted = it.calls()

        assert [told["data"]["jobLog"]["text"] for told in first] == ["one\n"] * 3
        assert (counted["job"], counted["log"]) == (1, 1)


async def test_a_gateway_that_stops_leaves_what_it_read_to_the_others(gateways):
    async with gateways(watch_interval_s=0.2, watch_idle_interval_s=0.4) as it:
        subscribers = [await it.subscribe(at, "websocket", JOB) for at in range(3)]
        for one in subscribers:
            await one.next()
        await it.apis[0].gateway.live.aclose()
        it.sandbox.set_status(it.job, "canceled")
        rest = [await one.rest() for one in subscribers[1:]]

        assert [told[-1]["data"]["jobUpdated"]["status"] for told in rest] == ["CANCELED"] * 2
