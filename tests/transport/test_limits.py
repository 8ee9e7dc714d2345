"""Bodies, responses, slow callers and callers that leave."""

import asyncio
import gc
import logging

import pytest
from graphql import ExecutionResult

from gateway.transport.callers import Watched
from gateway.transport.request import HttpRequest

pytestmark = pytest.mark.anyio

TYPENAME = {"query": "{ __typename }"}
BODY = b'{"query": "{ __typename }"}'
JSON = "application/json"


class TestBodies:
    async def test_one_said_to_be_too_large_is_refused_unread(self, make_caller):
        answer = await make_caller(max_body_bytes=100).post(TYPENAME, content_length="101")

        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert answer.codes == ["PAYLOAD_TOO_LARGE"]

    async def test_one_that_grows_too_large_is_counted_while_it_comes(self, make_caller):
        caller = make_caller(max_body_bytes=100)

        answer = await caller.call("POST", body=[b" " * 60] * 3, content_type=JSON)

        assert answer.status == 413

    async def test_one_of_the_largest_size_is_read(self, make_caller):
        body = b'{"query": "{ __typename }"}'.ljust(100)

        answer = await make_caller(max_body_bytes=100).post(body)

        assert answer.status == 200

    async def test_a_length_that_is_no_number_is_400(self, caller):
        assert (await caller.post(TYPENAME, content_length="ten")).status == 400


class TestResponses:
    async def test_one_too_large_is_replaced_by_an_error(self, make_caller):
        async def run(scope):
            return ExecutionResult({"text": "x" * 1000}, None)

        answer = await make_caller(run, max_response_bytes=1000).post(TYPENAME)

        assert answer.status == 200
        assert answer.codes == ["RESPONSE_TOO_LARGE"]
        assert "; most of them at text: " in answer.json()["errors"][0]["message"]
        assert answer.json()["data"] is None


class TestFailures:
    async def test_a_bug_is_masked_and_recorded(self, make_caller, caplog):
        async def run(scope):
            raise RuntimeError("the inner secret")

        answer = await make_caller(run).post(TYPENAME, x_request_id="abc")

        assert answer.status == 500
        assert answer.codes == ["INTERNAL_SERVER_ERROR"]
        assert b"secret" not in answer.body
        [entry] = [entry for entry in caplog.records if entry.levelno == logging.ERROR]
        assert "abc" in entry.getMessage()
        assert "the inner secret" in str(entry.exc_info[1])


class TestSlowCallers:
    async def test_a_body_that_does_not_come_is_408(self, make_caller, make_exchange):
        exchange = make_exchange([b'{"query"'], is_whole=False)

        await make_caller(receive_timeout_s=0.001).exchange(exchange, content_type=JSON)

        answer = exchange.answer
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert answer.codes == ["REQUEST_TIMEOUT"]

    async def test_an_operation_may_take_longer_than_a_body(self, make_caller, make_exchange):
        may_end = asyncio.Event()

        async def run(scope):
            await may_end.wait()
            return ExecutionResult({"slow": True}, None)

        caller = make_caller(run, receive_timeout_s=1e-9)
        exchange = make_exchange([BODY])
        running = asyncio.create_task(caller.exchange(exchange, content_type=JSON))
        await looked(caller)
        await looked(caller)
        may_end.set()
        await running

        assert exchange.answer.json() == {"data": {"slow": True}}


class TestCallersThatLeave:
    async def test_end_their_operation(self, make_caller, make_exchange, records, lines):
        ended, began = [], asyncio.Event()

        async def run(scope):
            scope.tally.calls = 2
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(scope)

        caller = make_caller(run)
        exchange = make_exchange([BODY])
        running = asyncio.create_task(caller.exchange(exchange, content_type=JSON))
        await began.wait()
        await looked(caller)
        exchange.left.set()
        await running

        records.flush()
        assert len(ended) == 1
        assert exchange.sent == []
        assert [(line["record"], line["status"], line["calls"]) for line in lines] == [
            ("operation", 499, 2)
        ]

    async def test_leave_a_batch_whose_operations_are_told_one_by_one(
        self, make_caller, make_exchange, records, lines
    ):
        began = asyncio.Semaphore(0)

        async def run(scope):
            scope.tally.calls = 1
            began.release()
            await asyncio.Event().wait()

        caller = make_caller(run, max_batch=2)
        exchange = make_exchange([b"[%b, %b]" % (BODY, BODY)])
        running = asyncio.create_task(caller.exchange(exchange, content_type=JSON))
        await began.acquire()
        await began.acquire()
        await looked(caller)
        exchange.left.set()
        await running

        records.flush()
        assert exchange.sent == []
        assert [(line["record"], line["status"], line["calls"]) for line in lines] == [
            ("operation", 499, 1)
        ] * 2

    async def test_before_their_body_has_come_are_not_answered(
        self, caller, make_exchange, records, lines
    ):
        exchange = make_exchange([b"{"], is_whole=False)
        exchange.left.set()

        await caller.exchange(exchange, content_type=JSON)

        records.flush()
        assert exchange.sent == []
        assert [(line["record"], line["status"]) for line in lines] == [("request", 499)]

    async def test_leave_no_listener_behind(self, make_caller, make_exchange):
        may_end = asyncio.Event()

        async def run(scope):
            await may_end.wait()
            return ExecutionResult({}, None)

        before = asyncio.all_tasks()
        caller = make_caller(run)
        running = asyncio.create_task(caller.exchange(make_exchange([BODY]), content_type=JSON))
        await looked(caller)
        listening = asyncio.all_tasks() - before - {running}
        may_end.set()
        await running
        await asyncio.wait(listening, timeout=30)

        assert len(listening) == 1
        assert asyncio.all_tasks() == before
        assert len(caller.app._watch) == 0

    async def test_leave_nothing_to_the_collector(self, make_caller, make_exchange):
        """What an operation answered would wait for it with the request and its listener."""
        may_end = asyncio.Event()

        async def run(scope):
            await may_end.wait()
            return ExecutionResult({}, None)

        caller = make_caller(run)
        gc.disable()
        try:
            before = under_way()
            running = asyncio.create_task(caller.exchange(make_exchange([BODY]), content_type=JSON))
            await looked(caller)
            assert [one.listener is not None for one in caller.app._watch._all] == [True]
            may_end.set()
            await running
            del running
            await asyncio.sleep(0)
            await asyncio.sleep(0)

            assert len(under_way()) == len(before)
        finally:
            gc.enable()

    async def test_a_shutdown_is_no_caller_that_left(
        self, make_caller, make_exchange, records, lines
    ):
        async def run(scope):
            await asyncio.Event().wait()

        exchange = make_exchange([BODY])
        running = asyncio.create_task(make_caller(run).exchange(exchange, content_type=JSON))
        await asyncio.sleep(0)
        running.cancel()

        with pytest.raises(asyncio.CancelledError):
            await running
        records.flush()
        assert exchange.sent == []
        assert [(line["record"], line.get("status")) for line in lines] == [("operation", None)]


def under_way():
    """The requests, and what watches over them."""
    # By their type: of what is weakly held and gone, nothing else may be asked.
    return [found for found in gc.get_objects() if type(found) in {HttpRequest, Watched}]


async def looked(caller):
    """Let the watch look at the requests now, and what it began get under way."""
    await asyncio.sleep(0)
    caller.app._watch._look(asyncio.get_running_loop())
    await asyncio.sleep(0)
