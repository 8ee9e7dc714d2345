"""The short way of a request and its response: it is seen in nothing but its speed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.transport.callers import Callers
from gateway.transport.cycle import line_of
from gateway.transport.request import HttpRequest
from tests.harness.over import make_caller
from tests.harness.turns import turns
from tests.transport.connections import Connection, answering, eager

pytestmark = pytest.mark.anyio

KEEP_ALIVE_S = 5.0
HEAD = b"POST /graphql?a=%20b HTTP/1.1\r\nhost: x\r\n"
WHOLE = HEAD + b"content-length: 2\r\n\r\nhi"


@pytest.mark.parametrize(
    "head",
    [
        HEAD,
        HEAD.replace(b"POST", b"HEAD"),
        HEAD.replace(b"1.1", b"1.0"),
        HEAD + b"connection: close\r\n",
    ],
    ids=["post", "head", "http 1.0", "close"],
)
@pytest.mark.parametrize("standard", [("date", "now"), ("connection", "close")])
@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 50_000], ids=["empty", "small", "large"])
@pytest.mark.parametrize(
    "headers",
    [(), ((b"vary", b"accept"),), ((b"connection", b"close"),)],
    ids=["none", "vary", "close"],
)
async def test_a_response_is_the_same_as_by_messages(head, standard, body, headers):
    request = head + b"content-length: 2\r\n\r\nhi"
    connections = [
        Connection(answering(body, *headers, by_messages=by_messages), [standard])
        for by_messages in (False, True)
    ]

    short, by_messages = [await one.ask(request) for one in connections]

    assert short == by_messages
    assert short.startswith(b"HTTP/1.1 200 OK\r\n")
    assert connections[0].transport.is_closed is connections[1].transport.is_closed


@pytest.mark.parametrize(
    "pieces",
    [
        (WHOLE,),
        (WHOLE[:-1], WHOLE[-1:]),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\nh\r\n", b"1\r\ni\r\n0\r\n\r\n"),
    ],
    ids=["whole", "in two", "in chunks"],
)
@pytest.mark.parametrize("by_messages", [False, True])
async def test_a_body_is_read_however_it_comes(pieces, by_messages):
    seen: list[Any] = []
    connection = Connection(answering(b"{}", by_messages=by_messages, seen=seen))

    await connection.ask(*pieces)
    await connection.ask(*pieces)

    assert seen == [(b"hi", True, "/graphql", b"a=%20b")] * 2


async def test_a_body_is_asked_for_before_it_is_sent():
    connection = Connection(answering(b"{}", by_messages=False))

    asked = await connection.ask(HEAD + b"Expect: 100-Continue\r\ncontent-length: 2\r\n\r\n")
    answered = await connection.ask(b"hi")

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("header", [(b"vary", b"a\r\nb: c"), (b"a b", b"c")])
def test_what_is_no_header_is_not_sent(header):
    with pytest.raises(ValueError, match="no header may hold"):
        line_of(*header)


class TestIdling:
    async def test_ends_a_connection_in_time(self):
        connection = Connection(answering(b"{}", by_messages=False))
        await connection.ask(WHOLE)
        connection.loop.go_on(3)
        await connection.ask(WHOLE)

        connection.loop.go_on(3 + KEEP_ALIVE_S - 0.1)
        was_closed = connection.transport.is_closed
        connection.loop.go_on(3 + KEEP_ALIVE_S)

        assert not was_closed
        assert connection.transport.is_closed

    async def test_ends_none_that_is_answered(self):
        may_answer = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            if may_answer.is_set() or connection.loop.now:
                await may_answer.wait()
            await answering(b"{}", by_messages=False)(scope, receive, send)

        connection = Connection(slow)
        await connection.ask(WHOLE)
        connection.loop.go_on(1)
        await connection.ask(WHOLE)

        connection.loop.go_on(100)

        assert not connection.transport.is_closed
        may_answer.set()
        await turns()
        assert connection.transport.written[0].startswith(b"HTTP/1.1 200 OK")
        connection.loop.go_on(100 + KEEP_ALIVE_S)
        assert connection.transport.is_closed

    async def test_has_one_timer_for_many_requests(self):
        connection = Connection(answering(b"{}", by_messages=False))

        for _ in range(20):
            await connection.ask(WHOLE)

        idling = connection.protocol.timeout_keep_alive_handler
        assert [timer.call for timer in connection.loop.timers].count(idling) == 1

    async def test_leaves_no_timer_behind(self):
        connection = Connection(answering(b"{}", by_messages=False))
        await connection.ask(WHOLE)

        connection.protocol.connection_lost(ConnectionResetError())

        assert all(timer.is_cancelled for timer in connection.loop.timers)


async def test_who_presents_another_credential_is_another_caller():
    callers, presented = Callers(b"key", 1), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = HttpRequest(scope, receive, send)
        presented.append(callers.of_request(request, make_caller().carrier, 0).credential)
        await request.body(100)
        await request.respond(200, b"{}", ())

    connection = Connection(app)
    for header in (b"private-token: a", b"private-token: a", b"private-token: b", b"job-token: b"):
        await connection.ask(HEAD + header + b"\r\ncontent-length: 2\r\n\r\nhi")
    await connection.ask(HEAD + b"private-token: b\r\nsudo: c\r\ncontent-length: 2\r\n\r\nhi")
    await connection.ask(WHOLE)

    told = [None if one is None else (one.header, one.value, one.sudo) for one in presented]
    assert told == [
        ("PRIVATE-TOKEN", "a", None),
        ("PRIVATE-TOKEN", "a", None),
        ("PRIVATE-TOKEN", "b", None),
        ("JOB-TOKEN", "b", None),
        ("PRIVATE-TOKEN", "b", "c"),
        None,
    ]
    assert presented[0] is presented[1]


class TestAnApplicationThatBeginsAtOnce:
    async def test_is_answered_for_before_the_loop_turns(self):
        connection = Connection(eager(answering(b"{}", by_messages=False)))

        connection.protocol.data_received(WHOLE)

        assert connection.transport.written[0].startswith(b"HTTP/1.1 200 OK")

    async def test_answers_the_requests_of_one_piece_in_order(self):
        seen: list[Any] = []
        connection = Connection(eager(answering(b"{}", by_messages=False, seen=seen)))

        answered = await connection.ask(WHOLE.replace(b"hi", b"h1") + WHOLE.replace(b"hi", b"h2"))

        assert answered.count(b"HTTP/1.1 200 OK") == 2
        assert [came for came, *_ in seen] == [b"h1", b"h2"]

    async def test_answers_what_came_whole_before_what_is_no_http(self):
        connection = Connection(eager(answering(b"{}", by_messages=False)))

        answered = await connection.ask(WHOLE + b"\0\r\n\r\n")

        assert answered.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in answered

    async def test_waits_in_a_task_that_the_server_knows(self):
        may_answer, tasks = asyncio.Event(), []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await may_answer.wait()
            tasks.append(asyncio.current_task())
            await answering(b"{}", by_messages=False)(scope, receive, send)

        connection = Connection(eager(app))
        await connection.ask(WHOLE)
        known = list(connection.protocol.tasks)
        may_answer.set()
        await turns()

        assert known == tasks
        assert connection.transport.written[0].startswith(b"HTTP/1.1 200 OK")
        assert not connection.protocol.tasks


@pytest.mark.parametrize("begins_at_once", [False, True])
@pytest.mark.parametrize("fault", ["raises", "says nothing", "says half"])
async def test_an_application_that_gives_up_is_answered_for(fault, begins_at_once, caplog):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if fault == "raises":
            raise LookupError
        if fault == "says half":
            await send({"type": "http.response.start", "status": 200, "headers": []})

    app.begins_at_once = begins_at_once  # type: ignore[attr-defined]
    connection = Connection(app)

    answered = await connection.ask(WHOLE)

    if fault == "says half":
        assert answered.startswith(b"HTTP/1.1 200 OK")
    else:
        assert answered.startswith(b"HTTP/1.1 500 ")
    assert connection.transport.is_closed
    assert caplog.records


async def test_the_request_that_runs_hears_that_its_caller_left_though_others_wait_behind_it():
    heard, may_answer = [], asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        heard.append(await receive())
        await may_answer.wait()
        await HttpRequest(scope, receive, send).respond(200, b"{}", ())

    connection = Connection(eager(app))
    await connection.ask(WHOLE + WHOLE)

    connection.protocol.connection_lost(None)
    await turns()
    may_answer.set()
    await turns()

    assert heard == [{"type": "http.disconnect"}]
    assert not connection.transport.written
    assert not connection.protocol.tasks
