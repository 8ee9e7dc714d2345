"""The protocol graphql-transport-ws: each message, each close code."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from websockets.exceptions import InvalidStatus

from tests.harness.app import listening, running_app
from tests.transport.subscribers import web_socket

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]

INIT = {"type": "connection_init"}
TYPENAME = {"query": "{ __typename }"}
JOB = 'subscription { jobUpdated(job: {path: {project: "1", job: %d}}) { status } }'


NO_MESSAGES = (
    "no JSON",
    "[]",
    '"text"',
    "{}",
    '{"type": 1}',
    '{"type": "unheard_of"}',
    b"bytes",
    '{"type": "ping", "payload": 1}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": 1, "payload": {"query": "{ a }"}}',
    '{"type": "subscribe", "id": "", "payload": {"query": "{ a }"}}',
    '{"type": "subscribe", "id": "a"}',
    '{"type": "subscribe", "id": "a", "payload": {}}',
    '{"type": "subscribe", "id": "a", "payload": []}',
    '{"type": "subscribe", "id": "a", "payload": {"query": 1}}',
    '{"type": "subscribe", "id": "a", "payload": {"query": "{ a }", "variables": 1}}',
    '{"type": "complete"}',
)


@pytest.fixture
def gateway(sandbox_server):
    @asynccontextmanager
    async def make(**settings):
        async with (
            running_app(
                upstream_url=sandbox_server.url, tokens=sandbox_server.tokens, **settings
            ) as api,
            listening(api.gateway) as url,
        ):
            yield api, url

    return make


@pytest.fixture
def connected(gateway):
    """A connection, and what talks over it."""

    @asynccontextmanager
    async def make(*, headers=None, init=True, protocol="graphql-transport-ws", **settings):
        async with (
            gateway(**settings) as (_, url),
            web_socket(url, headers, protocol=protocol) as opened,
        ):
            talk = Talk(opened)
            if init is not None and init is not False:
                await talk.say(INIT if init is True else {**INIT, "payload": init})
                assert await talk.hear() == {"type": "connection_ack"}
            yield talk

    return make


class Talk:
    def __init__(self, opened):
        self.opened = opened

    async def say(self, message):
        text = message if isinstance(message, str | bytes) else json.dumps(message)
        await self.opened.send(text)

    async def hear(self):
        return json.loads(await asyncio.wait_for(self.opened.recv(), 30))

    async def closed(self):
        """The code that the connection is closed with; what comes before is not looked at."""
        await asyncio.wait_for(self.opened.wait_closed(), 30)
        return self.opened.close_code


class TestOperations:
    async def test_a_query_is_answered_and_complete(self, connected):
        async with connected() as talk:
            await talk.say({"id": "a", "type": "subscribe", "payload": TYPENAME})

            payload = {"data": {"__typename": "Query"}}
            assert await talk.hear() == {"id": "a", "type": "next", "payload": payload}
            assert await talk.hear() == {"id": "a", "type": "complete"}

    async def test_an_id_may_be_used_again(self, connected):
        async with connected() as talk:
            for _ in range(2):
                await talk.say({"id": "a", "type": "subscribe", "payload": TYPENAME})
                assert (await talk.hear())["type"] == "next"
                assert (await talk.hear())["type"] == "complete"

    async def test_a_document_that_is_refused_is_an_error_and_nothing_more(self, connected):
        async with connected() as talk:
            await talk.say({"id": "a", "type": "subscribe", "payload": {"query": "{ nothing }"}})
            told = await talk.hear()
            await talk.say({"type": "ping"})

            assert told["type"] == "error"
            assert told["payload"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
            assert await talk.hear() == {"type": "pong"}

    async def test_who_completes_hears_no_more(self, connected, sandbox):
        job = sandbox.create_job(1, sandbox.create_pipeline(1), status="running")
        token = sandbox.tokens["developer"]
        async with connected(
            init={"PRIVATE-TOKEN": token}, watch_interval_s=0.05, watch_idle_interval_s=0.05
        ) as talk:
            await talk.say({"id": "a", "type": "subscribe", "payload": {"query": JOB % job}})
            assert (await talk.hear())["type"] == "next"
            await talk.say({"id": "a", "type": "complete"})
            sandbox.set_status(job, "success")
            await talk.say({"id": "b", "type": "subscribe", "payload": {"query": JOB % job}})

            assert {(await talk.hear())["id"] for _ in range(2)} == {"b"}

    async def test_to_complete_what_is_not_there_is_no_mistake(self, connected):
        async with connected() as talk:
            await talk.say({"id": "never", "type": "complete"})
            await talk.say({"type": "ping"})

            assert await talk.hear() == {"type": "pong"}

    async def test_a_connection_has_a_limit(self, connected, sandbox):
        job = sandbox.create_job(1, sandbox.create_pipeline(1), status="running")
        async with connected(
            init={"PRIVATE-TOKEN": sandbox.tokens["developer"]}, max_connection_subscriptions=1
        ) as talk:
            await talk.say({"id": "a", "type": "subscribe", "payload": {"query": JOB % job}})
            await talk.say({"id": "b", "type": "subscribe", "payload": TYPENAME})

            heard = {message["id"]: message for message in [await talk.hear(), await talk.hear()]}
            assert heard["a"]["type"] == "next"
            [error] = heard["b"]["payload"]
            assert error["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"


class TestPings:
    async def test_are_answered_with_their_payload(self, connected):
        async with connected() as talk:
            await talk.say({"type": "ping", "payload": {"a": [1, "b"]}})

            assert await talk.hear() == {"type": "pong", "payload": {"a": [1, "b"]}}

    async def test_are_answered_before_the_init(self, connected):
        async with connected(init=None) as talk:
            await talk.say({"type": "ping"})

            assert await talk.hear() == {"type": "pong"}

    async def test_pongs_are_taken(self, connected):
        async with connected() as talk:
            await talk.say({"type": "pong", "payload": {}})
            await talk.say({"type": "ping"})

            assert await talk.hear() == {"type": "pong"}


class TestCredentials:
    QUERY = """{ project(id: "1") { jobs(first: 1) { nodes { status } } } }"""

    async def asked(self, talk):
        await talk.say({"id": "a", "type": "subscribe", "payload": {"query": self.QUERY}})
        return (await talk.hear())["payload"]

    async def test_come_in_the_payload_of_the_init(self, gateway, sandbox):
        token = sandbox.tokens["developer"]
        payloads = (
            {"PRIVATE-TOKEN": token},
            {"private-token": token},
            {"Authorization": f"Bearer {token}"},
            {"headers": {"Private-Token": token}},
        )
        async with gateway() as (_, url):
            for payload in payloads:
                async with web_socket(url) as opened:
                    talk = Talk(opened)
                    await talk.say({**INIT, "payload": payload})
                    await talk.hear()

                    assert "errors" not in await self.asked(talk), payload.keys()

    async def test_come_in_the_headers(self, connected, sandbox):
        headers = {"private-token": sandbox.tokens["developer"]}
        async with connected(headers=headers) as talk:
            assert "errors" not in await self.asked(talk)

    async def test_of_the_init_win(self, connected, sandbox):
        headers = {"authorization": "Bearer nobody"}
        async with connected(
            headers=headers, init={"PRIVATE-TOKEN": sandbox.tokens["developer"]}
        ) as talk:
            assert "errors" not in await self.asked(talk)

    async def test_of_the_init_go_with_the_sudo_of_the_headers(self, connected, sandbox):
        """Who may act as somebody else must not do so as themselves."""
        token = sandbox.tokens["developer"]
        async with connected(headers={"sudo": "root"}, init={"PRIVATE-TOKEN": token}) as talk:
            [error] = (await self.asked(talk))["errors"]

            assert error["extensions"]["code"] == "FORBIDDEN"
            assert "sudo" in error["extensions"]["upstream"]["reason"]

    async def test_without_one_the_upstream_says_so(self, connected):
        async with connected() as talk:
            [error] = (await self.asked(talk))["errors"]

            assert error["extensions"]["code"] == "UNAUTHENTICATED"

    @pytest.mark.parametrize("value", ["two words", "naïve", 5, ["glpat-x"], {"value": "glpat-x"}])
    async def test_that_no_header_can_carry_are_refused(self, connected, value):
        async with connected(init=None) as talk:
            await talk.say({**INIT, "payload": {"PRIVATE-TOKEN": value}})

            assert await talk.closed() == 4403


class TestCloseCodes:
    async def test_4400_for_what_is_no_message(self, gateway):
        async with gateway() as (_, url):
            for message in NO_MESSAGES:
                async with web_socket(url) as opened:
                    talk = Talk(opened)
                    await talk.say(INIT)
                    await talk.hear()
                    await talk.say(message)

                    assert await talk.closed() == 4400, message

    async def test_4400_for_an_init_whose_payload_is_none(self, connected):
        async with connected(init=None) as talk:
            await talk.say({**INIT, "payload": "a token"})

            assert await talk.closed() == 4400

    async def test_4401_for_a_subscription_before_the_ack(self, connected):
        async with connected(init=None) as talk:
            await talk.say({"id": "a", "type": "subscribe", "payload": TYPENAME})

            assert await talk.closed() == 4401

    @pytest.mark.parametrize("protocol", [None, "graphql-ws"])
    async def test_4406_for_another_protocol(self, gateway, protocol):
        async with (
            gateway() as (_, url),
            web_socket(url, protocol=protocol) as opened,
        ):
            assert await Talk(opened).closed() == 4406

    async def test_4408_without_an_init(self, connected):
        async with connected(init=None, receive_timeout_s=0.1) as talk:
            assert await talk.closed() == 4408

    async def test_4409_for_an_id_in_use(self, connected, sandbox):
        job = sandbox.create_job(1, sandbox.create_pipeline(1), status="running")
        async with connected(init={"PRIVATE-TOKEN": sandbox.tokens["developer"]}) as talk:
            for _ in range(2):
                await talk.say({"id": "a", "type": "subscribe", "payload": {"query": JOB % job}})

            assert await talk.closed() == 4409

    async def test_4429_for_a_second_init(self, connected):
        async with connected() as talk:
            await talk.say(INIT)

            assert await talk.closed() == 4429

    async def test_1009_for_a_message_that_is_too_long(self, connected):
        async with connected() as talk:
            await talk.say({"type": "ping", "payload": {"a": "x" * 200_000}})

            assert await talk.closed() == 1009

    async def test_1012_when_the_gateway_stops(self, gateway):
        async with gateway() as (api, url), web_socket(url) as opened:
            talk = Talk(opened)
            await talk.say(INIT)
            await talk.hear()

            api.gateway.hang_up()

            assert await talk.closed() == 1012

    async def test_1012_for_who_connects_while_the_gateway_stops(self, gateway):
        async with gateway() as (api, url):
            api.gateway.hang_up()

            async with web_socket(url) as opened:
                assert await Talk(opened).closed() == 1012


class TestHandshakes:
    @pytest.mark.parametrize("origin", ["https://ci.example.com", None])
    async def test_of_pages_that_are_named_and_of_no_page_are_taken(self, gateway, origin):
        headers = {"origin": origin} if origin else {}
        async with (
            gateway(cors_origins=("https://ci.example.com",)) as (_, url),
            web_socket(url, headers) as opened,
        ):
            assert opened.subprotocol == "graphql-transport-ws"

    async def test_of_pages_of_this_host_are_taken(self, gateway):
        async with gateway() as (_, url):
            origin = url.removesuffix("/graphql")
            async with web_socket(url, {"origin": origin}) as opened:
                assert opened.subprotocol == "graphql-transport-ws"

    async def test_of_other_pages_are_refused(self, gateway):
        async with gateway() as (_, url):
            with pytest.raises(InvalidStatus) as refused:
                async with web_socket(url, {"origin": "https://elsewhere.example.com"}):
                    pass

            assert refused.value.response.status_code == 403
            assert b'"code":"FORBIDDEN"' in refused.value.response.body

    async def test_elsewhere_are_refused(self, gateway):
        async with gateway() as (_, url):
            with pytest.raises(InvalidStatus) as refused:
                async with web_socket(f"{url}/elsewhere"):
                    pass

            assert refused.value.response.status_code == 404
            assert b'"code":"NOT_FOUND"' in refused.value.response.body

    async def test_live_on_beyond_the_time_for_requests(self, connected):
        async with connected(receive_timeout_s=0.2) as talk:
            await asyncio.sleep(0.5)
            await talk.say({"type": "ping"})

            assert await talk.hear() == {"type": "pong"}
