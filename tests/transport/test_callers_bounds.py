"""What one caller may take of the gateway: operations at once, memory of what they don't read."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from graphql import ExecutionResult

from gateway.execution.admission import Admission
from gateway.execution.engine import Engine
from gateway.execution.request import GraphQLRequest
from gateway.execution.response import RequestError
from gateway.execution.running import Budget
from gateway.settings import Settings
from gateway.transport.callers import Callers
from gateway.transport.sending import Sending
from gateway.transport.subscription_quota import SubscriptionQuota
from gateway.transport.websocket import SUBPROTOCOL, WebSockets
from gateway.upstream.calls import Standings
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from tests.execution.test_engine import URLS, NoClient
from tests.harness.over import make_caller
from tests.transport.serving import hello_at_once, served, until_closed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

QUERY = {"query": '{ project(id: "1") { fullPath } }'}


def known(name: str = "known") -> Credential:
    return Credential("PRIVATE-TOKEN", name)


class TestAdmittedOperations:
    async def test_of_a_known_credential_are_its_own(self):
        one, other = known("one"), known("other")
        admission = Admission({one.fingerprint, other.fingerprint}, each=2, unknown=1)
        taken = [admission.enter(make_caller(one)) for _ in range(2)]

        with pytest.raises(RequestError):
            admission.enter(make_caller(one))

        assert admission.enter(make_caller(other)) == other.fingerprint
        admission.leave(taken[0])
        assert admission.enter(make_caller(one)) == one.fingerprint

    async def test_of_invented_credentials_are_counted_together(self):
        admission = Admission(each=100, unknown=3)
        for number in range(3):
            admission.enter(make_caller(known(f"invented {number}")))

        for number in range(3, 1_000):
            with pytest.raises(RequestError):
                admission.enter(make_caller(known(f"invented {number}")))

        assert len(admission._running) == 1

    async def test_that_have_ended_take_no_room(self):
        admission = Admission(each=10, unknown=10)

        for number in range(100):
            admission.leave(admission.enter(make_caller(known(f"invented {number}"))))

        assert admission._running == {}

    async def test_of_the_unknown_are_split_by_address_where_that_is_told(self):
        admission = Admission(each=10, unknown=1)
        here, there = make_caller(), make_caller()
        here.address, there.address = "192.0.2.1", "192.0.2.2"

        admission.enter(here)
        admission.enter(there)

        with pytest.raises(RequestError):
            admission.enter(here)

    async def test_are_of_a_known_credential_as_long_as_the_upstream_answers(self):
        standings, credential = Standings(), known()
        standing = standings.of(CallScope(credential, 0.0, "request"))

        seen = []
        for status in (404, 200, 401):
            standings.tell(standing, status)
            seen.append(credential.fingerprint in standings.verified)

        assert seen == [False, True, False]

    async def test_that_are_too_many_are_answered_429_with_a_time_to_wait(self, request):
        make_asker = request.getfixturevalue("make_caller")
        held: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def run(_: Any) -> ExecutionResult:
            await held
            return ExecutionResult({}, None)

        caller = make_asker(run, admission=Admission(each=4, unknown=2))
        running = [asyncio.ensure_future(caller.post(QUERY)) for _ in range(2)]
        for _ in range(20):
            await asyncio.sleep(0.001)

        answer = await caller.post(QUERY, private_token="invented")

        held.set_result(None)
        assert [(await one).status for one in running] == [200, 200]
        assert (answer.status, answer.headers.get("retry-after")) == (429, "1"), answer
        [error] = answer.json()["errors"]
        assert error["extensions"] == {"code": "TOO_MANY_OPERATIONS", "retryAfter": 1}
        assert "GATEWAY_MAX_OPERATIONS" in error["message"]
        assert (await caller.post(QUERY)).status == 200


class TestAddresses:
    @pytest.mark.parametrize(
        ("client", "forwarded", "address"),
        [
            ("192.0.2.1", None, "192.0.2.1"),
            ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
            ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "6.6.6.6, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
            ("10.0.0.1", "10.0.0.3", "10.0.0.3"),
            ("10.0.0.1", "nonsense", ""),
        ],
    )
    async def test_are_what_the_last_trusted_proxy_tells(self, client, forwarded, address):
        headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]

        scope = {"client": (client, 1), "headers": headers}

        assert Callers(b"key", 1, ["10.0.0.0/8"])._address(scope) == address

    async def test_are_nothing_without_trusted_proxies(self):
        request: Any = SimpleNamespace(headers={}, request_id="r", arrived=0.0, cycle=None)

        assert Callers(b"key", 1).of_request(request, make_caller().carrier, 0).address == ""

    async def test_are_those_of_operations_over_web_sockets_as_well(self):
        """Or all whose credential is not known yet would share one bound over WebSockets."""
        addresses = []

        class Engine:
            async def subscribe(self, _: Any, caller: Any) -> AsyncIterator[Any]:
                addresses.append(caller.address)
                for response in ():
                    yield response

        callers = Callers(b"key", 1, ["10.0.0.0/8"])
        engine: Any = Engine()
        sockets = WebSockets(engine, callers, Settings(), SubscriptionQuota(1))
        messages = [
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": '{"type": "connection_init"}'},
            {
                "type": "websocket.receive",
                "text": '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }"}}',
            },
        ]
        sent: asyncio.Queue[Any] = asyncio.Queue()
        scope = {
            "client": ("10.0.0.1", 1),
            "headers": [(b"x-forwarded-for", b"198.51.100.7")],
            "subprotocols": [SUBPROTOCOL],
        }

        async def receive() -> Any:
            if messages:
                return messages.pop(0)
            while "complete" not in (await sent.get()).get("text", ""):
                pass
            return {"type": "websocket.disconnect"}

        await sockets(scope, receive, sent.put)

        assert addresses == ["198.51.100.7"]


class TestHosts:
    @pytest.mark.parametrize(
        ("head", "status"),
        [
            (b"GET / HTTP/1.1\r\n\r\n", b"400"),
            (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", b"400"),
            (b"GET / HTTP/1.0\r\nhost: a\r\nHost: a\r\n\r\n", b"400"),
            (b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", b"200"),
            (b"GET / HTTP/1.0\r\n\r\n", b"200"),
        ],
    )
    async def test_are_told_once(self, head, status):
        async with served(hello_at_once) as (connect, _):
            reader, writer = await connect()
            writer.write(head)
            writer.write_eof()
            answer = await until_closed(reader)
            writer.close()

        assert answer.split(b" ")[1] == status


async def forty_megabytes(_scope, _receive, send):
    body = bytes(40_000_000)
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class TestThoseWhoDoNotRead:
    async def test_are_cut_at_the_deadline(self):
        async with served(forty_megabytes, send_timeout_s=0.5) as (connect, server):
            reader, writer = await connect()
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            await reader.read(1)
            async with asyncio.timeout(30):
                while server._server.server_state.connections:  # noqa: ASYNC110 - uvicorn tells nobody
                    await asyncio.sleep(0.05)
            writer.transport.abort()

    def test_are_cut_while_too_much_waits_for_all(self):
        sending = Sending(10, max_waiting_bytes=100)
        connections = [Waiting(60), Waiting(30), Waiting(50)]

        for connection in connections:
            sending.wait(connection)

        assert [connection.is_cut for connection in connections] == [True, False, False]

    def test_are_those_who_take_too_little(self):
        sending = Sending(10)
        slow, fast = Waiting(1_000_000), Waiting(1_000_000)
        sending.wait(slow)
        sending.wait(fast)

        for _ in range(12):
            Waiting.clock += 1
            slow.size -= 1_000
            fast.size -= 70_000
            sending._look(slow.loop)

        assert (slow.is_cut, fast.is_cut) == (True, False)


class Waiting:
    """A connection, its transport and its loop, with a driven clock."""

    clock = 0.0

    def __init__(self, size: int) -> None:
        self.size = size
        self.is_cut = False
        self.transport = self.loop = self

    def time(self) -> float:
        return Waiting.clock

    def call_later(self, *_: Any) -> None:
        return None

    def get_write_buffer_size(self) -> int:
        return self.size

    def abort(self) -> None:
        self.is_cut = True


class TestBatches:
    async def test_share_what_an_operation_may_take(self):
        query = '{ project(id: "1") { jobs { nodes { pipeline { duration } } } } }'
        engine, batch = Engine(NoClient(), URLS, budget=Budget(calls=50)), make_caller()

        responses = [await engine.execute(GraphQLRequest(query), batch) for _ in range(3)]

        assert [response.estimated_calls for response in responses] == [21, 21, 0]
        [error] = responses[2].errors or [{}]
        assert error["extensions"]["code"] == "COST_EXCEEDED"
        assert "those before it in its batch 42; 50 are allowed" in error["message"]
