"""Subscriptions: one behaviour over WebSocket, server-sent events and multipart responses."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest

from gateway.sandbox import Fault
from gateway.transport.callers import Watch
from tests.harness.app import listening, running_app
from tests.transport.subscribers import TRANSPORTS

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]

JOB = """
subscription ($job: JobRef!) {
  jobUpdated(job: $job) { databaseId status log { tail(lines: 1) { text } } }
}
"""
LOG = """
subscription ($job: JobRef!, $from: BigInt! = 0) {
  jobLog(job: $job, fromByte: $from, format: RAW) { text startByte endByte }
}
"""
PIPELINE = """
subscription ($pipeline: PipelineRef!) {
  pipelineUpdated(pipeline: $pipeline) { pipeline { status } changed { name status } }
}
"""
DEAR = """
subscription {
  jobUpdated(job: {path: {project: "1", job: 8}}) {
    pipeline { jobs(first: 100) { nodes { log { lineCount } } } }
  }
}
"""
CANCEL = "mutation ($i: JobCancelInput!) { jobCancel(input: $i) { job { status } } }"


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    return request.param


@pytest.fixture
def gateway(sandbox_server, transport):
    """A gateway over the sandbox that looks often, and a way to subscribe by this transport."""

    @asynccontextmanager
    async def make(**settings):
        knobs = {"watch_interval_s": 0.05, "watch_idle_interval_s": 0.1, **settings}
        tokens = sandbox_server.tokens
        async with (
            running_app(upstream_url=sandbox_server.url, tokens=tokens, **knobs) as api,
            listening(api.gateway) as url,
        ):

            def subscribe(document, variables=None, *, token=tokens["developer"]):
                headers = {"private-token": token} if token else {}
                return TRANSPORTS[transport](url, headers, document, variables)

            yield api, subscribe
            await no_more_of(api.gateway)

    return make


async def no_more_of(gateway):
    """Nothing is left once subscribers have left: no poller, no connection."""
    for _ in range(500):
        if not (len(gateway.live) or len(gateway._web_sockets) or len(gateway._endpoint._watch)):
            return
        await asyncio.sleep(0.01)
    pytest.fail("something is left")


def named(job):
    return {"job": {"path": {"project": "1", "job": str(job)}}}


@pytest.fixture
def running(sandbox_server):
    sandbox = sandbox_server.sandbox
    pipeline = sandbox.create_pipeline(1)
    job = sandbox.create_job(1, pipeline, status="pending", log=b"one\ntwo\n")
    sandbox.set_status(job, "running")
    return pipeline, job


async def test_a_job_is_told_until_it_has_finished(gateway, running, sandbox):
    async with gateway() as (_, subscribe), subscribe(JOB, named(running[1])) as it:
        first = await it.next()
        sandbox.set_status(running[1], "failed")
        rest = await it.rest()

        assert first["data"]["jobUpdated"]["status"] == "RUNNING"
        assert rest[-1]["data"]["jobUpdated"]["status"] == "FAILED"
        assert rest[-1]["data"]["jobUpdated"]["log"]["tail"]["text"]
        assert it.ended == "complete"


async def test_a_pipeline_is_told_whole_then_what_changes(gateway, running, sandbox):
    pipeline, job = running
    variables = {"pipeline": {"path": {"project": "1", "pipeline": str(pipeline)}}}
    async with gateway() as (_, subscribe), subscribe(PIPELINE, variables) as it:
        first = (await it.next())["data"]["pipelineUpdated"]
        sandbox.set_status(job, "success")
        rest = await it.rest()

        assert first == {
            "pipeline": {"status": "RUNNING"},
            "changed": [{"name": "job", "status": "RUNNING"}],
        }
        assert rest[-1]["data"]["pipelineUpdated"]["pipeline"]["status"] == "SUCCESS"
        assert it.ended == "complete"


async def test_a_log_is_told_as_it_grows_and_goes_on_from_a_byte(gateway, running, sandbox):
    _, job = running
    async with gateway() as (_, subscribe):
        async with subscribe(LOG, named(job)) as it:
            first = (await it.next())["data"]["jobLog"]
        sandbox.set_log(job, b"one\ntwo\nthree\n")
        sandbox.set_status(job, "success")
        sandbox.set_log(job, b"one\ntwo\nthree\n")
        async with subscribe(LOG, {**named(job), "from": first["endByte"]}) as it:
            rest = [one["data"]["jobLog"]["text"] for one in await it.rest()]

        assert first == {"text": "one\ntwo\n", "startByte": 0, "endByte": 8}
        assert "".join(rest) == "three\n"


async def test_a_write_of_ours_shows_at_once(gateway, running):
    async with (
        gateway(watch_interval_s=20, watch_idle_interval_s=20) as (api, subscribe),
        subscribe(JOB, named(running[1])) as it,
    ):
        await it.next()
        await api(CANCEL, i=named(running[1]))
        shown = await asyncio.wait_for(it.next(), 5)

        assert shown["data"]["jobUpdated"]["status"] == "CANCELED"


async def test_what_is_unknown_is_told_and_ends(gateway):
    async with gateway() as (_, subscribe), subscribe(JOB, named(999_999_999)) as it:
        [response] = await it.rest()

        assert response["data"] == {"jobUpdated": None}
        assert response["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        assert it.ended == "complete"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ('subscription { jobUpdated(job: {id: "no"}) { id } }', "BAD_USER_INPUT"),
        (DEAR, "COST_EXCEEDED"),
    ],
)
async def test_what_is_refused_is_told_before_any_call(gateway, document, code, sandbox):
    async with gateway() as (_, subscribe), subscribe(document) as it:
        [response] = await it.rest()

        assert response["errors"][0]["extensions"]["code"] == code
        assert not sandbox.received


async def test_a_query_is_answered_once(gateway):
    async with gateway() as (_, subscribe), subscribe("{ __typename }") as it:
        assert await it.rest() == [{"data": {"__typename": "Query"}}]
        assert it.ended == "complete"


async def test_a_fault_is_told_once_and_passes(gateway, running, sandbox):
    async with gateway() as (_, subscribe), subscribe(JOB, named(running[1])) as it:
        await it.next()
        sandbox.faults.append(Fault(kind="status", status=500, route=rf"/jobs/{running[1]}$"))
        told = await it.next()
        sandbox.faults.clear()
        well_again = await it.next()

        assert told["data"] == {"jobUpdated": None}
        assert told["errors"][0]["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"
        assert well_again["data"]["jobUpdated"]["status"] == "RUNNING"


async def test_a_revoked_credential_is_cut_off(gateway, running, sandbox, transport):
    async with gateway() as (_, subscribe), subscribe(JOB, named(running[1])) as it:
        await it.next()
        sandbox.faults.append(Fault(kind="status", status=401))
        [told] = await it.rest()

        assert told["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert it.ended == (4403 if transport == "websocket" else "complete")


async def test_the_gateway_stopping_tells_clients_to_come_again(gateway, running, transport):
    async with gateway() as (api, subscribe), subscribe(JOB, named(running[1])) as it:
        await it.next()

        api.gateway.hang_up()

        assert await it.rest() == []
        assert it.ended == (1012 if transport == "websocket" else "broken")


async def test_no_more_than_the_limit_for_a_credential(gateway, running, transport):
    async with (
        gateway(max_subscriptions=1) as (_, subscribe),
        subscribe(JOB, named(running[1])) as first,
    ):
        await first.next()
        if transport == "sse":
            with pytest.raises(AssertionError):
                async with subscribe(JOB, named(running[1])):
                    pass
            return
        async with subscribe(JOB, named(running[1])) as second:
            response = await second.next()

            assert response["errors"][0]["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"


async def test_a_stream_says_that_it_is_there(gateway, running, transport):
    async with (
        gateway(heartbeat_s=0.05) as (_, subscribe),
        subscribe(JOB, named(running[1])) as it,
    ):
        await it.next()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(it.next(), 0.5)

        assert it.heartbeats >= (0 if transport == "websocket" else 3)


class TestChoosing:
    """Which response a request gets, by what its caller takes and by what it asks for."""

    URQL = (
        "application/graphql-response+json, application/graphql+json, application/json,"
        " text/event-stream, multipart/mixed"
    )

    @pytest.fixture
    def gateway(self, sandbox_server):
        @asynccontextmanager
        async def make():
            tokens = sandbox_server.tokens
            async with (
                running_app(upstream_url=sandbox_server.url, tokens=tokens) as api,
                listening(api.gateway) as url,
                httpx.AsyncClient(headers={"private-token": tokens["developer"]}) as client,
            ):
                yield client, url

        return make

    @pytest.fixture
    def finished(self, sandbox):
        job = sandbox.create_job(1, sandbox.create_pipeline(1), status="success")
        return 'subscription { jobUpdated(job: {path: {project: "1", job: %d}}) { status } }' % job

    async def answer(self, asked, document, accept, method="POST"):
        client, url = asked
        body = {"query": document}
        options = {"json": body} if method == "POST" else {"params": body}
        return await client.request(method, url, headers={"accept": accept}, **options)

    async def media_types(self, gateway, document, accepts):
        async with gateway() as asked:
            answers = [await self.answer(asked, document, accept) for accept in accepts]
        return [answer.headers["content-type"].partition(";")[0] for answer in answers]

    async def test_a_subscription_goes_on_where_its_caller_names_a_stream(self, gateway, finished):
        expected = {
            self.URQL: "text/event-stream",
            "text/event-stream": "text/event-stream",
            "multipart/mixed;subscriptionSpec=1.0, application/json": "multipart/mixed",
            "multipart/mixed, text/event-stream;q=0.5": "multipart/mixed",
            "application/json, text/event-stream;q=0": "application/json",
            "*/*": "application/json",
        }

        found = await self.media_types(gateway, finished, expected)

        assert found == list(expected.values())

    async def test_who_looks_for_callers_that_left_takes_no_body(
        self, gateway, finished, monkeypatch
    ):
        enter = Watch.enter

        def enter_and_look(watch, receive, loop, cycle):
            loop.call_soon(watch._look, loop)
            return enter(watch, receive, loop, cycle)

        monkeypatch.setattr(Watch, "enter", enter_and_look)

        found = await self.media_types(gateway, finished, ["text/event-stream"] * 5)

        assert found == ["text/event-stream"] * 5

    async def test_a_query_goes_on_only_where_its_caller_takes_nothing_else(self, gateway):
        expected = {
            self.URQL: "application/graphql-response+json",
            "multipart/mixed;subscriptionSpec=1.0, application/json": "application/json",
            "text/event-stream": "text/event-stream",
        }

        found = await self.media_types(gateway, "{ __typename }", expected)

        assert found == list(expected.values())

    async def test_a_query_is_no_multipart_response(self, gateway):
        async with gateway() as asked:
            answer = await self.answer(asked, "{ __typename }", "multipart/mixed")

        assert answer.status_code == 406
        assert "only a subscription is answered by multipart/mixed" in answer.text

    @pytest.mark.parametrize(
        ("document", "code"),
        [
            ("subscription {", "GRAPHQL_PARSE_FAILED"),
            ("subscription { jobUpdatedd }", "GRAPHQL_VALIDATION_FAILED"),
            ("query A { __typename } query B { __typename }", "OPERATION_RESOLUTION_FAILURE"),
        ],
    )
    @pytest.mark.parametrize("accept", ["multipart/mixed", "text/event-stream"])
    @pytest.mark.parametrize("method", ["POST", "GET"])
    async def test_what_is_wrong_is_told_in_what_the_caller_takes(
        self, gateway, accept, document, code, method
    ):
        async with gateway() as asked:
            answer = await self.answer(asked, document, accept, method)

        first = answer.content.partition(b"{")[2].rpartition(b"}")[0]
        response = json.loads(b"{%b}" % first)
        (error, *_) = response.get("payload", response)["errors"]
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(accept)
        assert error["extensions"]["code"] == code
        assert answer.content.endswith((b"\r\n--graphql--\r\n", b"event: complete\ndata:\n\n"))

    async def test_an_event_source_asks_by_get(self, gateway, finished):
        async with gateway() as asked:
            answer = await self.answer(asked, finished, "text/event-stream", "GET")

        assert b'"status":"SUCCESS"' in answer.content
        assert answer.content.endswith(b"event: complete\ndata:\n\n")

    async def test_no_stream_is_compressed_or_kept(self, gateway, finished):
        async with gateway() as asked:
            answer = await self.answer(asked, finished, "text/event-stream")

        assert "content-encoding" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-accel-buffering"] == "no"
