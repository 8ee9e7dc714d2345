"""Shutdown while hundreds subscribe: all are told to come again, and nothing is left of them."""

import asyncio
import gc
import json
from contextlib import AsyncExitStack

import pytest

from gateway.app import Gateway
from gateway.hooks import Hook
from gateway.settings import Settings
from gateway.transport.records import Records
from gateway.transport.request import HttpRequest
from gateway.transport.server import address_of, listen, serving
from gateway.transport.streams import EVENT_STREAM, stream
from tests.harness.app import listening, running_app
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


class Endings(Hook):
    def __init__(self):
        self.told = []

    def subscription_ended(self, subscription):
        self.told.append(subscription.ending)


class SlowReader:
    """A caller that takes no event, and leaves at the end of its stream."""

    def __init__(self, document, variables):
        self.sent, self.has_event = b"", asyncio.Event()
        self._body = json.dumps({"query": document, "variables": variables}).encode()
        self._has_ended = asyncio.Event()

    def asks(self, gateway, token):
        headers = {
            b"accept": b"text/event-stream",
            b"content-type": b"application/json",
            b"private-token": token.encode(),
        }
        scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b""}
        return gateway({**scope, "headers": [*headers.items()]}, self._receive, self._send)

    async def _receive(self):
        if self._body:
            body, self._body = self._body, b""
            return {"type": "http.request", "body": body, "more_body": False}
        await self._has_ended.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        self.sent += message.get("body", b"")
        if b"event: next" in self.sent and not self.has_event.is_set():
            self.has_event.set()
            await asyncio.Event().wait()
        if message["type"] == "http.response.body" and "more_body" not in message:
            self._has_ended.set()


async def test_who_has_not_taken_an_event_is_told_as_hung_up_on(sandbox_server):
    """No operation is under way then that could be cancelled."""
    sandbox, endings = sandbox_server.sandbox, Endings()
    job = sandbox.create_job(1, sandbox.create_pipeline(1), status="running")
    reader = SlowReader(JOB, {"job": {"path": {"project": "1", "job": str(job)}}})
    gateway = Gateway(Settings(upstream_url=sandbox_server.url), Records(lambda _: None), endings)

    async with gateway.running():
        asking = asyncio.create_task(reader.asks(gateway, sandbox_server.tokens["developer"]))
        await reader.has_event.wait()
        gateway.hang_up()
        await asking

    assert endings.told == ["stopped"]
    assert b"event: complete" not in reader.sent


@pytest.mark.parametrize("transport", ["sse", "multipart"])
async def test_who_subscribes_while_the_gateway_stops_is_told_to_come_again(
    sandbox_server, transport
):
    sandbox = sandbox_server.sandbox
    job = sandbox.create_job(1, sandbox.create_pipeline(1), status="running")
    asked = JOB, {"job": {"path": {"project": "1", "job": str(job)}}}
    headers = {"private-token": sandbox_server.tokens["developer"]}
    async with (
        running_app(upstream_url=sandbox_server.url) as api,
        listening(api.gateway) as url,
    ):
        api.gateway.hang_up()

        async with TRANSPORTS[transport](url, headers, *asked) as it:
            assert await it.rest() == []
            assert it.ended == "broken"


async def test_responses_may_end_in_the_turn_in_which_their_stream_is_hung_up_on():
    """That they have is nobody's to ask for any more, and no fault to be recorded."""
    faults = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))

    is_hung_up = await _hung_up_on_at_its_end()
    gc.collect()

    assert is_hung_up
    assert faults == []


async def _hung_up_on_at_its_end():
    async def responses():
        streaming.cancel()
        return
        yield

    async def send(_):
        pass

    request = HttpRequest({"method": "POST", "headers": []}, None, send)
    streaming = asyncio.create_task(stream(request, responses(), EVENT_STREAM, (), heartbeat_s=1))
    await asyncio.wait([streaming])
    return streaming.cancelled()
