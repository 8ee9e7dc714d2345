"""Faults of the upstream that the sandbox's own do not cover, and what stays true with all of them:
the answer is well-formed within the deadline, no write is sent twice, no credential is told, others
are served, and the first call after the fault is answered.
"""

from __future__ import annotations

import asyncio
import gzip
import random
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import pytest

from gateway.errors import GatewayError
from gateway.execution.engine import Engine
from gateway.execution.request import GraphQLRequest
from gateway.upstream.calls import ClientConfig, Standings, standard_chain
from gateway.upstream.causes import Cause
from gateway.upstream.client import Client
from gateway.upstream.credential import Credential
from gateway.upstream.kept import KeptInMemory
from gateway.upstream.scope import CallScope
from gateway.upstream.web_urls import WebUrls
from gateway.upstream.wire import AnswerTooLong, ConnectionBroken, NotConnected, WireOptions
from gateway.upstream.wires import open_wire
from tests.harness.driven import Upstream, answer_of, drive, job_body
from tests.harness.over import make_caller
from tests.upstream.conftest import RawServer, say

if TYPE_CHECKING:
    from collections.abc import Callable

API = "https://gitlab.test/api/v4"
SECRET = "glpat-never-told-1"
SECONDS = 10
READ = "{ job(by: {path: {project: 1, job: 7}}) { id name status } sibling: __typename }"
INPUT = "input: {job: {path: {project: 1, job: 7}}}"
WRITES = {
    "cancel": f"mutation {{ jobCancel({INPUT}) {{ job {{ id }} userErrors {{ code }} }} }}",
    "retry": f"mutation {{ jobRetry({INPUT}) {{ item {{ id }} userErrors {{ code }} }} }}",
    "erase": f"mutation {{ jobErase({INPUT}) {{ job {{ id }} userErrors {{ code }} }} }}",
    "play": f"mutation {{ jobPlay({INPUT}) {{ item {{ id }} userErrors {{ code }} }} }}",
}
DOCUMENTS = {"read": READ, **WRITES}
ENDPOINTS = {"message": {"error": "This endpoint has been requested too many times."}}
MOVED = "https://elsewhere.test/api/v4/projects/1/jobs/7"

# Each gives an answer, an exception to raise, or None for one that never comes.
FAULTS = {
    "500": lambda: answer_of({"message": "500 Internal Server Error"}, 500),
    "502": lambda: answer_of(b"<html>", 502, content_type="text/html"),
    "503": lambda: answer_of(b"<html>", 503, content_type="text/html"),
    "reset": lambda: ConnectionBroken("reset"),
    "cut": lambda: ConnectionBroken("cut"),
    "refused": lambda: NotConnected(Cause.CONNECTION_REFUSED),
    "unknown name": lambda: NotConnected(Cause.NAME_UNKNOWN),
    "too long": lambda: AnswerTooLong("the answer is longer than 64000000 bytes"),
    "broken JSON": lambda: answer_of(b'{"id": 7, "name": "bui', content_type="application/json"),
    "wrong type": lambda: answer_of({"id": "seven", "status": 3, "name": []}),
    "a list": lambda: answer_of([1, 2, 3]),
    "HTML": lambda: answer_of(b"<html>sign in", content_type="text/html"),
    "empty": lambda: answer_of(b""),
    "global 429": lambda: answer_of(b"Retry later", 429, content_type="text/plain", Retry_After=3),
    "endpoint 429": lambda: answer_of(ENDPOINTS, 429),
    "redirect": lambda: answer_of(b"", 302, location=MOVED),
    "echo": lambda: answer_of({"message": f"no: {SECRET}"}, 400, x_request_id="up-1"),
    "silence": lambda: None,
}


class World:
    """The engine over an upstream in memory that has a fault while `fault` is set."""

    def __init__(self, fault):
        self.fault: Callable[[], object] | None = FAULTS[fault]
        self.upstream = Upstream(self.answer, self.latency_s)
        standings = Standings()
        chain = standard_chain(
            self.upstream,
            ClientConfig(API),
            standings=standings,
            kept=KeptInMemory(10_000_000),
        )
        self.engine = Engine(Client.over(chain, standings), WebUrls(API))

    def answer(self, asked):
        fault = self.of(asked)
        return job_body(7) if fault is None else fault()

    def latency_s(self, asked):
        fault = self.of(asked)
        return 1e6 if fault is not None and fault() is None else 0.02

    def of(self, asked):
        """The fault that strikes a request."""
        return self.fault if asked.token == SECRET else None

    async def ask(self, document, token=SECRET, *, fresh=True):
        caller = make_caller(Credential("PRIVATE-TOKEN", token), seconds=SECONDS)
        caller.fresh = fresh
        began = asyncio.get_running_loop().time()
        response = await self.engine.execute(GraphQLRequest(query=document), caller)
        took_s = asyncio.get_running_loop().time() - began
        body = response.encoded().body
        assert isinstance(msgspec.json.decode(body), dict)
        assert SECRET.encode() not in body
        assert took_s <= SECONDS + 0.1
        return response


@pytest.mark.parametrize("fault", FAULTS)
class TestEachFault:
    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_is_told_in_time_and_nothing_is_written_twice(self, fault, name):
        async def run():
            world = World(fault)
            response = await world.ask(DOCUMENTS[name])
            posts = [asked for asked in world.upstream.asked if asked.method == "POST"]
            hosts = {asked.target.partition("/api/v4")[0] for asked in world.upstream.asked}
            return response, posts, hosts

        response, posts, hosts = drive(run())
        assert hosts == {""}
        if name == "read":
            assert response.data["sibling"] == "Query"
            (error,) = response.errors
            assert error["extensions"]["code"] in {
                "RATE_LIMITED",
                "UPSTREAM_INVALID",
                "UPSTREAM_REFUSED",
                "UPSTREAM_TIMEOUT",
                "UPSTREAM_UNAVAILABLE",
            }
            assert posts == []
        else:
            (payload,) = response.data.values()
            assert len(posts) == 1
            assert response.errors or payload is not None

    def test_holds_up_nobody_else_and_is_over_with_the_first_answer(self, fault):
        async def run():
            world = World(fault)
            await asyncio.gather(*[world.ask(READ) for _ in range(30)])
            # What says that nobody is there concerns all; no fault of one call does.
            is_for_all = fault in {"refused", "unknown name"}
            other = await world.ask(READ, "another")
            world.fault = None
            # A minute's limit, and a circuit's 2 s.
            await asyncio.sleep(61)
            first = await world.ask(READ)
            return is_for_all, other, first

        is_for_all, other, first = drive(run())
        assert first.errors is None
        assert first.data["job"]["name"] == "build"
        assert is_for_all or other.errors is None


def test_ten_thousand_writes_through_all_faults_are_sent_once_each():
    """Each write has a job of its own, so that none joins another one."""
    chance = random.Random(12)
    kinds = [fault for fault in FAULTS if fault != "silence"]

    async def run():
        upstream = Upstream(lambda _: FAULTS[chance.choice(kinds)]())
        client = Client.over(standard_chain(upstream, ClientConfig(API)))

        async def write(number):
            credential = Credential("PRIVATE-TOKEN", f"{number % 50}")
            deadline = asyncio.get_running_loop().time() + SECONDS
            with suppress(GatewayError):
                await client.retry(CallScope(credential, deadline), 1, number)

        for start in range(1, 10_001, 100):
            await asyncio.gather(*map(write, range(start, start + 100)))
        return upstream.calls()

    calls = drive(run())
    assert len(calls) > 9_500
    assert set(calls.values()) == {1}


BOMB = gzip.compress(bytes(80_000_000))
LARGE = b'{"id": 7, "name": "' + b"x" * 50_000_000 + b'"}'


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (BOMB, ("content-encoding: gzip",), "UPSTREAM_INVALID"),
        (LARGE, (), "UPSTREAM_INVALID"),
        (gzip.compress(b'{"id": 7')[:-9], ("content-encoding: gzip",), "UPSTREAM_UNAVAILABLE"),
    ],
    ids=["gzip bomb", "50 MB", "cut gzip"],
)
async def test_what_is_large_is_refused_while_it_arrives(body, headers, code):
    async with RawServer().running() as server:
        server.answer = say(body, headers=headers)
        options = WireOptions(server.origin, max_answer_bytes=1_000_000)
        async with open_wire("http1", options) as wire:
            client = Client(wire, ClientConfig(f"{server.origin}/api/v4", max_retries=0))
            engine = Engine(client, WebUrls(f"{server.origin}/api/v4"))
            caller = make_caller(Credential("PRIVATE-TOKEN", SECRET))

            response = await engine.execute(GraphQLRequest(query=READ), caller)
            server.answer = say(msgspec.json.encode(job_body(7)))
            after = await engine.execute(GraphQLRequest(query=READ), caller)

    assert [error["extensions"]["code"] for error in response.errors] == [code]
    assert after.errors is None
