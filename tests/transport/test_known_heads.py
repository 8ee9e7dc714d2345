"""A head that is sent again is not parsed again: it is seen in nothing but its speed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.transport.request import HttpRequest
from tests.harness.turns import turns
from tests.transport.connections import Connection, eager

pytestmark = pytest.mark.anyio

HEAD = b"POST /graphql?a=b HTTP/1.1\r\nhost: x\r\nprivate-token: a\r\n"
ONE = HEAD + b"content-length: 3\r\n\r\none"
TWO = HEAD + b"content-length: 3\r\n\r\ntwo"
EXPECTING = HEAD + b"content-length: 3\r\nexpect: 100-continue\r\n\r\none"
REQUESTS = [
    ONE,
    TWO,
    HEAD + b"content-length: 5\r\n\r\nthree",
    HEAD.replace(b": a", b": b") + b"content-length: 3\r\n\r\none",
    HEAD + b"content-length: 3\r\nconnection: close\r\n\r\none",
    HEAD.replace(b"1.1", b"1.0") + b"content-length: 3\r\n\r\none",
    EXPECTING,
    HEAD + b"content-length: 3\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\none",
    HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n",
    HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\ntrailer: a\r\n\r\n",
    # Two that say two things of their body.
    HEAD + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n",
    HEAD + b"content-length: 3\r\ncontent-length: 0\r\n\r\none",
    HEAD + b"host: y\r\ncontent-length: 3\r\n\r\none",
    b"GET /graphql?a=b HTTP/1.1\r\nhost: x\r\n\r\n",
    b"\r\n",
    b"\0",
]


class Parsed:
    """A connection whose requests are all parsed."""

    def __init__(self, app: Any) -> None:
        connection = Connection(app)
        connection.protocol._learn = lambda _: None
        self.ask, self.transport = connection.ask, connection.transport


def telling(seen: list[Any], *, slowly: bool = False, by_messages: bool = False) -> Any:
    """An application that remembers all that it is told of a request, and changes it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def passing_on(message: Any) -> None:
            await send(message)

        request = HttpRequest(scope, receive, passing_on if by_messages else send)
        request.request_id = "one"
        if slowly:
            await asyncio.sleep(0)
        body = await request.body(100)
        seen.append(({**scope, "headers": [*scope["headers"]]}, body))
        scope["headers"].clear()
        scope["path"] = "/elsewhere"
        scope["state"]["a"] = "b"
        await request.respond(200, body, ())

    return app


@given(
    requests=st.lists(st.sampled_from(REQUESTS), max_size=6),
    cuts=st.lists(st.integers(0, 400), max_size=3),
    slowly=st.booleans(),
    by_messages=st.booleans(),
    at_once=st.booleans(),
)
@example(requests=[ONE, TWO, TWO], cuts=[], slowly=False, by_messages=False, at_once=True)
@example(requests=[ONE, ONE], cuts=[len(ONE) - 1], slowly=True, by_messages=True, at_once=False)
@example(
    requests=[ONE, b"\r\n", ONE, b"\r\n"],
    cuts=[400, 0, 400],
    slowly=False,
    by_messages=False,
    at_once=True,
)
@example(requests=[EXPECTING, EXPECTING], cuts=[], slowly=True, by_messages=True, at_once=False)
async def test_requests_are_found_as_by_the_parser(requests, cuts, slowly, by_messages, at_once):
    pieces = cut(requests, cuts)
    told: list[Any] = []

    for make in (Connection, Parsed):
        seen: list[Any] = []
        app = telling(seen, slowly=slowly, by_messages=by_messages)
        connection = make(eager(app) if at_once else app)
        answers = [await connection.ask(piece) for piece in pieces if piece]
        await turns(20)
        told.append((seen, answers, connection.transport.is_closed))

    assert told[0] == told[1]


def cut(requests: list[bytes], cuts: list[int]) -> list[bytes]:
    """A piece for each request, with these cut once more, and what is left of each after a cut
    joined to the next one.
    """
    pieces = list(requests)
    for number, at in enumerate(cuts):
        if number + 1 < len(pieces):
            whole = pieces[number] + pieces[number + 1]
            pieces[number : number + 2] = [whole[:at], whole[at:]]
    return pieces


async def test_a_head_that_is_sent_again_is_not_parsed_again():
    seen: list[Any] = []
    connection = Connection(eager(telling(seen)))
    parser = connection.protocol.parser = Counting(connection.protocol.parser)

    for request in (ONE, TWO, ONE, TWO[:-1], TWO[-1:], TWO):
        await connection.ask(request)

    assert [body for _, body in seen] == [b"one", b"two", b"one", b"two", b"two"]
    assert parser.fed == [ONE, TWO[:-1], TWO[-1:]]


@pytest.mark.parametrize("piece", [ONE + TWO, ONE + ONE[:20], b"\r\n" * 3 + ONE[:-1]])
async def test_what_is_more_or_less_than_a_request_is_parsed(piece):
    seen: list[Any] = []
    connection = Connection(eager(telling(seen)))
    await connection.ask(ONE)
    parser = connection.protocol.parser = Counting(connection.protocol.parser)

    await connection.ask(piece)

    assert parser.fed == [piece]


async def test_the_rest_of_a_request_is_no_part_of_the_next_ones_head():
    seen: list[Any] = []
    connection = Connection(telling(seen))
    await connection.ask(ONE[:-1])
    await connection.ask(b"e" + TWO)

    answered = await connection.ask(b"e" + TWO)

    assert [body for _, body in seen] == [b"one", b"two"]
    assert answered.startswith(b"HTTP/1.1 400 ")


async def test_blank_lines_after_a_body_are_no_part_of_it():
    """Some clients end each body by a line break that they do not count."""
    seen: list[Any] = []
    connection = Connection(eager(telling(seen)))

    for request in (ONE, ONE, TWO):
        await connection.ask(request + b"\r\n")

    assert [body for _, body in seen] == [b"one", b"one", b"two"]


async def test_it_waits_until_the_one_before_was_answered():
    may_answer, running = asyncio.Event(), []

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        running.append(scope)
        await may_answer.wait()
        await telling([])(scope, receive, send)

    connection = Connection(slow)
    may_answer.set()
    await connection.ask(ONE)
    may_answer.clear()
    running.clear()

    await connection.ask(TWO)
    await connection.ask(ONE)
    at_once = len(running)
    may_answer.set()
    await turns(20)

    assert at_once == 1
    assert [answer[-3:] for answer in connection.transport.written] == [b"two", b"one"]


class Counting:
    """A parser that remembers what it was fed."""

    def __init__(self, parser: Any) -> None:
        self._parser, self.fed = parser, []

    def feed_data(self, data: bytes) -> None:
        self.fed.append(data)
        self._parser.feed_data(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)
