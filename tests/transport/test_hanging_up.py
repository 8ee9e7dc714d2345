"""Shutdown while hundreds subscribe: all are told to come again, and nothing is left of them."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from gateway.transport.server import address_of, listen, serving
from tests.harness.app import running_app
from tests.transport.subscribers import TRANSPORTS, web_socket

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]

CONNECTIONS, EACH, STREAMS = 20, 24, 20
JOB = "subscription ($job: JobRef!) { jobUpdated(job: $job) { status } }"


async def subscribed(stack, url, token, variables):
    """A WebSocket with many subscriptions, each of which has had its first event."""
    opened = await stack.enter_async_context(web_socket(url))
    await opened.send(json.dumps({"type": "connection_init", "payload": {"PRIVATE-TOKEN": token}}))
    payload = {"query": JOB, "variables": variables}
    for number in range(EACH):
        message = {"id": str(number), "type": "subscribe", "payload": payload}
        await opened.send(json.dumps(message))
    heard = [json.loads(await opened.recv())["type"] for _ in range(EACH + 1)]
    assert sorted(heard) == ["connection_ack", *["next"] * EACH]
    return opened


async def test_five_hundred_subscriptions_end_in_peace(sandbox_server):
    sandbox = sandbox_server.sandbox
    job = sandbox.create_job(1, sandbox.create_pipeline(1), status="running")
    variables = {"job": {"path": {"project": "1", "job": str(job)}}}
    token = sandbox_server.tokens["developer"]
    listener = listen("127.0.0.1", 0)
    url = f"{address_of(listener)}/graphql"
    before = asyncio.all_tasks()
    async with AsyncExitStack() as callers:
        async with (
            running_app(upstream_url=sandbox_server.url) as api,
            serving(
                api.gateway,
                listener,
                shutdown_timeout_s=5,
                hang_up=api.gateway.hang_up,
                cut_off=api.gateway.cut_off,
                max_message_bytes=100_000,
            ),
        ):
            sockets = [await subscribed(callers, url, token, variables) for _ in range(CONNECTIONS)]
            headers = {"private-token": token}
            streams = [
                await callers.enter_async_context(TRANSPORTS["sse"](url, headers, JOB, variables))
                for _ in range(STREAMS)
            ]
            assert {bool(await one.next()) for one in streams} == {True}
            reads = [one for one in sandbox.received if one.raw_path.endswith(f"/jobs/{job}")]
            live = api.gateway.live
            assert len(live) == 1

        # One poller's reads, and not one a subscription.
        assert len(reads) < 20
        assert len(live) == 0
        await asyncio.gather(*(one.wait_closed() for one in sockets))
        assert {one.close_code for one in sockets} == {1012}
        assert [await one.rest() for one in streams] == [[]] * STREAMS
        assert {one.ended for one in streams} == {"broken"}
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() - before == set()
