"""Where a request comes from: what is recorded of it, and what the upstream is told."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest

from gateway.app import Gateway
from gateway.hooks import Origin
from gateway.sandbox import Fault
from gateway.settings import Settings
from gateway.transport.origins import origin_in
from gateway.transport.records import Records
from gateway.transport.websocket_messages import headers_in
from gateway.upstream.credential import Credential
from tests.harness.app import listening
from tests.transport.subscribers import web_socket

pytestmark = pytest.mark.anyio

JOBS = '{ project(id: "1") { jobs(first: 3) { nodes { name } } } }'


@asynccontextmanager
async def gateway_over(server, **settings):
    """Posts from an address; gives the response, and the records so far."""
    lines = []
    records = Records(lines.append)
    gateway = Gateway(Settings(upstream_url=server.url, **settings), records)

    async def post(address="192.0.2.7", token=None, **headers):
        transport = httpx.ASGITransport(gateway, client=(address, 4711))
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            told["private-token"] = token
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as caller:
            answer = await caller.post("/graphql", json={"query": JOBS}, headers=told)
        records.flush()
        return answer.json(), [json.loads(line) for line in b"".join(lines).splitlines()]

    async with gateway.running():
        yield post


@pytest.mark.parametrize("prefix", ["apollographql-client", "graphql-client", "x-graphql-client"])
async def test_the_clients_name_and_version_are_recorded(sandbox_server, prefix):
    async with gateway_over(sandbox_server) as post:
        _, [record] = await post(**{f"{prefix}-name": "web", f"{prefix}-version": "1.2"})

    assert (record["client"], record["client_version"]) == ("web", "1.2")
    assert "address" not in record


async def test_the_address_behind_trusted_proxies_is_recorded(sandbox_server):
    async with gateway_over(sandbox_server, trusted_proxies=("10.0.0.0/8",)) as post:
        _, [record] = await post("10.1.2.3", x_forwarded_for="203.0.113.9, 198.51.100.4")

    assert record["address"] == "198.51.100.4"


async def test_the_upstream_is_told_no_address_unless_that_is_set(sandbox_server):
    async with gateway_over(sandbox_server, trusted_proxies=("10.0.0.0/8",)) as post:
        await post("10.1.2.3", x_forwarded_for="203.0.113.9")

    [asked] = sandbox_server.sandbox.received
    assert "x-forwarded-for" not in asked.headers


class TestForwardedAddresses:
    async def test_the_upstream_is_told_where_the_caller_is(self, sandbox_server):
        proxies = ("10.0.0.0/8",)
        async with gateway_over(
            sandbox_server, forward_address=True, trusted_proxies=proxies
        ) as post:
            await post("10.1.2.3", x_forwarded_for="6.6.6.6, 203.0.113.9")
            await post("192.0.2.7", x_forwarded_for="6.6.6.6")

        told = [asked.headers["x-forwarded-for"] for asked in sandbox_server.sandbox.received]
        assert told == ["203.0.113.9", "192.0.2.7"]

    async def test_nothing_is_shared_or_kept_between_addresses(self, sandbox_server):
        token = sandbox_server.tokens["developer"]
        sandbox_server.sandbox.faults.append(Fault(kind="latency", seconds=0.2))
        async with gateway_over(sandbox_server, forward_address=True) as post:
            await asyncio.gather(*(post(f"192.0.2.{n % 2}", token) for n in range(4)))
            await post("192.0.2.0", token)
            await post("192.0.2.9", token)

        told = [asked.headers["x-forwarded-for"] for asked in sandbox_server.sandbox.received]
        assert sorted(told) == ["192.0.2.0", "192.0.2.1", "192.0.2.9"]

    async def test_nothing_is_shared_between_addresses_without_a_credential(self, sandbox_server):
        sandbox_server.sandbox.faults.append(Fault(kind="latency", seconds=0.2))
        async with gateway_over(sandbox_server, forward_address=True) as post:
            await asyncio.gather(*(post(f"192.0.2.{n % 2}") for n in range(4)))

        told = [asked.headers["x-forwarded-for"] for asked in sandbox_server.sandbox.received]
        assert sorted(told) == ["192.0.2.0", "192.0.2.1"]

    async def test_a_caller_with_nothing_but_an_address_presents_no_credential(
        self, sandbox_server
    ):
        async with gateway_over(sandbox_server, forward_address=True) as post:
            await post()

        [asked] = sandbox_server.sandbox.received
        assert not {"private-token", "authorization", "job-token", ""} & set(asked.headers)

    async def test_no_record_tells_of_a_credential_by_its_address(self, sandbox_server):
        token = sandbox_server.tokens["developer"]
        async with gateway_over(sandbox_server, forward_address=True) as post:
            _, [here] = await post("192.0.2.1", token)
            _, [_, there] = await post("192.0.2.2", token)

        assert here["address"] != there["address"]
        assert here["caller"] != there["caller"]
        assert token not in json.dumps([here, there])


@pytest.mark.parametrize("is_in_payload", [False, True])
async def test_a_web_socket_tells_it_in_its_handshake_or_in_connection_init(
    sandbox_server, is_in_payload
):
    lines = []
    records = Records(lines.append)
    settings = Settings(upstream_url=sandbox_server.url, forward_address=True)
    gateway = Gateway(settings, records)
    told = {"apollographql-client-name": "web", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    headers, payload = ({}, told) if is_in_payload else (told, {})
    asked = {"query": '{ project(id: "1") { jobs { nodes { name } } } }'}

    async with (
        gateway.running(),
        listening(gateway) as url,
        web_socket(url, {**headers, "x-forwarded-for": "6.6.6.6"}) as opened,
    ):
        await opened.send(json.dumps({"type": "connection_init", "payload": payload}))
        await opened.recv()
        await opened.send(json.dumps({"id": "1", "type": "subscribe", "payload": asked}))
        await opened.recv()
        await opened.recv()

    [record] = [json.loads(line) for line in b"".join(lines).splitlines()]
    assert (record["client"], record["trace_id"]) == ("web", "a" * 32)
    assert record["address"] == "127.0.0.1"
    [received] = sandbox_server.sandbox.received
    assert received.headers["traceparent"] == told["traceparent"]
    assert received.headers["x-forwarded-for"] == "127.0.0.1"


def test_a_name_in_a_payload_that_is_no_text_is_passed_over():
    assert headers_in({"graphql-client-name": 7, "private-token": "t"}) == {b"private-token": b"t"}


def test_what_a_client_calls_itself_is_bounded_and_printable():
    told = origin_in({b"graphql-client-name": b"a\x00\x1b[31m" + b"b" * 500})

    assert told is not None
    assert told.client.startswith("a[31mbbb")
    assert len(told.client) <= 100


def test_a_request_that_tells_nothing_has_no_origin():
    assert origin_in({b"user-agent": b"curl"}) is None
    assert origin_in({b"tracestate": b"a=b"}, "192.0.2.7") == Origin("192.0.2.7")


def test_a_credential_is_another_one_from_another_address():
    presented = Credential("PRIVATE-TOKEN", "glpat-1")

    here, there = (Credential.seen_from(f"192.0.2.{n}", presented) for n in (1, 2))

    assert here != there != presented
    assert len({presented.fingerprint, here.fingerprint, there.fingerprint}) == 3
    assert Credential.seen_from("", presented) is presented
