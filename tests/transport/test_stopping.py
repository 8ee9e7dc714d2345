"""What becomes of operations that still run when the gateway stops."""

import asyncio
import logging

import pytest
from graphql import ExecutionResult

from gateway.transport.server import CUT_OFF_S
from tests.harness.turns import turns
from tests.transport.serving import served, until_closed

pytestmark = pytest.mark.anyio

READ = {"query": "query Read { project(id: 1) { jobs { nodes { name } } } }"}
WRITE = {
    "query": """mutation Write {
      jobCancel(input: {job: {path: {project: 1, job: 1}}}) { userErrors { code } }
    }"""
}
GRAPHQL_RESPONSE = "application/graphql-response+json"


class Hanging:
    """A caller whose operations wait for an upstream for ever, each after `calls` calls."""

    def __init__(self, make_caller):
        self.caller = make_caller(self._run, max_batch=2)
        self.entered = asyncio.Semaphore(0)
        self.calls = 1
        self.shared = 0

    async def _run(self, scope):
        scope.tally.calls += self.calls
        scope.tally.shared += self.shared
        self.entered.release()
        await asyncio.Event().wait()
        return ExecutionResult({}, None)

    async def cut_off(self, body, **headers):
        asking = asyncio.create_task(self.caller.post(body, **headers))
        for _ in body if isinstance(body, list) else (body,):
            await self.entered.acquire()
        await asyncio.sleep(0)
        self.caller.app.cut_off()
        return await asking


@pytest.fixture
def hanging(make_caller):
    return Hanging(make_caller)


@pytest.mark.parametrize(("accept", "status"), [(GRAPHQL_RESPONSE, 503), ("application/json", 200)])
async def test_a_read_is_told_to_come_again(hanging, records, lines, accept, status):
    answer = await hanging.cut_off(READ, accept=accept)

    [error] = answer.json()["errors"]
    assert (answer.status, answer.media_type) == (status, accept)
    assert error["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"
    assert "send the operation again" in error["message"]
    assert "data" not in answer.json()
    records.flush()
    [line] = lines
    assert (line["status"], line["codes"], line["operation"]) == (
        status,
        ["UPSTREAM_UNAVAILABLE"],
        "Read",
    )


async def test_a_write_under_way_is_unknown_and_no_status_has_it_sent_again(
    hanging, records, lines
):
    answer = await hanging.cut_off(WRITE, accept=GRAPHQL_RESPONSE)

    assert answer.status == 200
    assert answer.json()["data"] is None
    assert answer.codes == ["OUTCOME_UNKNOWN"]
    records.flush()
    assert [(line["type"], line["codes"]) for line in lines] == [("mutation", ["OUTCOME_UNKNOWN"])]


async def test_a_write_that_joined_one_under_way_is_unknown_too(hanging):
    hanging.calls, hanging.shared = 0, 1

    answer = await hanging.cut_off(WRITE, accept=GRAPHQL_RESPONSE)

    assert (answer.status, answer.codes) == (200, ["OUTCOME_UNKNOWN"])


async def test_a_write_that_was_not_sent_may_be_sent_again(hanging):
    hanging.calls = 0

    answer = await hanging.cut_off(WRITE, accept=GRAPHQL_RESPONSE)

    assert (answer.status, answer.codes) == (503, ["UPSTREAM_UNAVAILABLE"])


async def test_each_operation_of_a_batch_is_told(hanging, records, lines):
    answer = await hanging.cut_off([READ, WRITE])

    codes = [one["errors"][0]["extensions"]["code"] for one in answer.json()]
    assert codes == ["UPSTREAM_UNAVAILABLE", "OUTCOME_UNKNOWN"]
    records.flush()
    assert sorted(line["codes"] for line in lines) == [
        ["OUTCOME_UNKNOWN"],
        ["UPSTREAM_UNAVAILABLE"],
    ]


async def test_a_request_that_has_not_arrived_is_told(caller, make_exchange, records, lines):
    exchange = make_exchange([b"{"], is_whole=False)
    asking = asyncio.create_task(
        caller.exchange(exchange, content_type="application/json", origin="https://a.example")
    )
    await turns()

    caller.app.cut_off()
    await asking

    assert (exchange.answer.status, exchange.answer.codes) == (503, ["UPSTREAM_UNAVAILABLE"])
    assert exchange.answer.headers["connection"] == "close"
    records.flush()
    assert [line["status"] for line in lines] == [503]


async def test_a_server_gives_the_answers_to_what_it_cuts_off(hanging):
    async with served(
        hanging.caller.app,
        receive_timeout_s=5,
        shutdown_timeout_s=0.1,
        cut_off=hanging.caller.app.cut_off,
    ) as connect:
        reader, writer = await connect()
        writer.write(post(READ["query"]))
        await hanging.entered.acquire()

    answer = await until_closed(reader)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in answer
    assert b"UPSTREAM_UNAVAILABLE" in answer
    writer.close()


async def test_a_second_signal_hurries(hanging):
    loop = asyncio.get_running_loop()

    async with served(
        hanging.caller.app,
        receive_timeout_s=5,
        shutdown_timeout_s=600,
        cut_off=hanging.caller.app.cut_off,
    ) as (connect, server):
        reader, writer = await connect()
        writer.write(post(READ["query"]))
        await hanging.entered.acquire()
        loop.call_later(0.05, server.hurry)

    assert b"UPSTREAM_UNAVAILABLE" in await until_closed(reader)
    writer.close()


async def test_what_does_not_answer_even_then_is_503_without_a_traceback(caplog):
    entered = asyncio.Event()

    async def endless(_scope, _receive, _send):
        entered.set()
        await asyncio.Event().wait()

    with caplog.at_level(logging.WARNING):
        async with served(endless, shutdown_timeout_s=0.05, receive_timeout_s=5) as connect:
            reader, writer = await connect()
            writer.write(post("{a}"))
            await entered.wait()

    assert (await until_closed(reader)).startswith(b"HTTP/1.1 503 ")
    assert [record.exc_info for record in caplog.records] == [None]
    assert "1 requests were cut off" in caplog.text
    writer.close()


async def test_a_caller_who_does_not_read_does_not_hold_up_the_end(caplog):
    sending = asyncio.Event()

    async def flooding(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            sending.set()
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})

    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(10 + CUT_OFF_S):
            async with served(flooding, shutdown_timeout_s=0.05, receive_timeout_s=5) as connect:
                _, writer = await connect()
                writer.write(post("{a}"))
                await sending.wait()

    assert [record.exc_info for record in caplog.records] == [None]
    writer.close()


async def test_connections_are_closed_after_the_next_response_while_draining(caller):
    async with served(caller.app, receive_timeout_s=5) as (connect, server):
        reader, writer = await connect()
        writer.write(post("{__typename}"))
        before = await reader.readuntil(b"Query")
        server.close_after_responses()
        await reader.readuntil(b"}}")
        writer.write(post("{__typename}"))

        answer = await until_closed(reader)

    assert b"connection: close" not in before
    assert b"connection: close" in answer
    assert answer.endswith(b'{"data":{"__typename":"Query"}}')
    writer.close()


def post(query):
    body = b'{"query": "%b"}' % query.replace('"', '\\"').encode()
    return (
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"accept: application/graphql-response+json\r\ncontent-length: %d\r\n\r\n%b"
        % (len(body), body)
    )
