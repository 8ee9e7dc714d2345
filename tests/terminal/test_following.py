"""Subscriptions over connections that break, by a server that does as it is told."""

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest
from websockets.asyncio.server import serve

from gateway.terminal.connection import SUBPROTOCOL, Address, Refused, responses
from gateway.terminal.following import Lost, Patience, Unreachable, follow

pytestmark = pytest.mark.anyio

GONE_S = 5
IMPATIENT = Patience(first_s=0.01, most_s=0.02, give_up_s=0.1)


class Scripted:
    """Plays one script a connection: messages, "abort", or a code to close with. The last is
    played again and again.
    """

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.asked = []

    async def __call__(self, socket):
        init = json.loads(await socket.recv())
        assert init["type"] == "connection_init"
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        await socket.send('{"type": "ping"}')
        await socket.send('{"type": "connection_ack"}')
        subscribed = json.loads(await socket.recv())
        assert subscribed == {"type": "pong"}
        subscribed = json.loads(await socket.recv())
        self.asked.append((init["payload"], subscribed["payload"]["variables"]))
        for step in script:
            if step == "abort":
                socket.transport.abort()
                return
            if isinstance(step, int):
                await socket.close(step, "told so")
                return
            await socket.send(json.dumps({"id": "1", **step}))
        await socket.wait_closed()


@asynccontextmanager
async def serving(script):
    async with serve(script, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:
        port = server.sockets[0].getsockname()[1]
        yield Address(f"http://127.0.0.1:{port}/graphql", {"PRIVATE-TOKEN": "t"}, by_proxy=False)


def piece(value, **more):
    return {"type": "next", "payload": {"data": {"jobLog": value}, **more}}


def fault(code):
    return piece(None, errors=[{"message": "it fails", "extensions": {"code": code}}])


COMPLETE = {"type": "complete"}


async def followed(script, patience=IMPATIENT):
    """The values, the notices, and the error at the end."""
    values, notices = [], []
    async with serving(script) as address:
        try:
            async for value in follow(
                address,
                "subscription { jobLog }",
                lambda: {"from": len(values)},
                notice=notices.append,
                patience=patience,
            ):
                values.append(value)  # noqa: PERF401 - variables count them meanwhile
        except (Refused, Lost, Unreachable) as failure:
            return values, notices, failure
    return values, notices, None


async def test_it_goes_on_over_connections_that_break():
    script = Scripted(
        [piece("a"), piece("b"), "abort"], [1012], [piece("c"), 1011], [piece("d"), COMPLETE]
    )

    values, notices, failure = await followed(script)

    assert (values, failure) == (["a", "b", "c", "d"], None)
    assert script.asked == [({"PRIVATE-TOKEN": "t"}, {"from": at}) for at in (0, 2, 2, 3)]
    assert notices == [
        "the connection broke off; trying again",
        "told so; trying again",
        "told so; trying again",
    ]


async def test_what_passes_is_told_and_what_stays_is_raised():
    script = Scripted([fault("UPSTREAM_TIMEOUT"), piece("a"), fault("NOT_FOUND"), COMPLETE])

    values, notices, failure = await followed(script)

    assert values == ["a"]
    assert notices == ["it fails"]
    assert failure.code == "NOT_FOUND"


IN_THE_WAY = {"code": "UPSTREAM_UNAVAILABLE", "upstream": {"cause": "NAME_UNKNOWN"}}


@pytest.mark.parametrize(
    ("final", "before", "is_final"),
    [({"NAME_UNKNOWN"}, [], True), ({"TLS_EXPECTED"}, [], False), ({"NAME_UNKNOWN"}, ["a"], False)],
)
async def test_what_was_in_the_way_from_the_start_is_raised(final, before, is_final):
    told = piece(None, errors=[{"message": "it fails", "extensions": IN_THE_WAY}])
    script = Scripted([*map(piece, before), told, piece("b"), COMPLETE])

    values, notices, failure = await followed(
        script, replace(IMPATIENT, final_causes=frozenset(final))
    )

    if is_final:
        assert (values, notices, failure.cause) == ([], [], "NAME_UNKNOWN")
    else:
        assert (values, notices, failure) == ([*before, "b"], ["it fails"], None)


async def test_a_subscriber_that_was_too_slow_begins_anew():
    script = Scripted([piece("a"), fault("SUBSCRIBER_TOO_SLOW"), COMPLETE], [piece("b"), COMPLETE])

    values, notices, failure = await followed(script)

    assert (values, notices, failure) == (["a", "b"], [], None)
    assert script.asked[1][1] == {"from": 1}


@pytest.mark.parametrize("code", [4400, 4403, 4406, 4429, 1009])
async def test_a_close_that_would_come_again_is_raised(code):
    values, _, failure = await followed(Scripted([piece("a"), code]))

    assert values == ["a"]
    assert isinstance(failure, Refused)
    assert failure.code == ("UNAUTHENTICATED" if code == 4403 else "")


async def test_a_refused_operation_is_raised():
    error = {"message": "no", "extensions": {"code": "COST_EXCEEDED"}}

    _, _, failure = await followed(Scripted([{"type": "error", "payload": [error]}]))

    assert (str(failure), failure.code) == ("no", "COST_EXCEEDED")


async def test_it_gives_up_in_the_end():
    values, _, failure = await followed(Scripted([piece("a"), "abort"], [1012]))

    assert values == ["a"]
    assert isinstance(failure, Lost)


async def test_where_nobody_listens_is_told_at_once():
    address = Address("http://127.0.0.1:9/graphql", by_proxy=False)

    with pytest.raises(Unreachable, match=r"no connection to http://127\.0\.0\.1:9/graphql"):
        async for _ in follow(address, "", dict, notice=print, patience=IMPATIENT):
            pass


@pytest.mark.parametrize(
    ("status", "told"),
    [(302, "leads elsewhere"), (404, "there is no gateway at"), (403, "refuses the connection")],
)
async def test_what_is_no_gateway_is_told_and_gets_no_credential(status, told):
    def answer(connection, _):
        response = connection.respond(status, "")
        response.headers["Location"] = "ws://127.0.0.1:9/"
        return response

    async with serve(Scripted([]), "127.0.0.1", 0, process_request=answer) as server:
        port = server.sockets[0].getsockname()[1]
        address = Address(f"http://127.0.0.1:{port}/graphql", {"a": "b"}, by_proxy=False)

        with pytest.raises(Refused, match=told):
            async for _ in responses(address, "", {}):
                pass


async def test_no_connection_is_left_open_where_its_closing_is_cancelled():
    is_asked_to_close, is_gone = asyncio.Event(), asyncio.Event()

    async def never_closing(socket):
        await socket.recv()
        await socket.send('{"type": "connection_ack"}')
        await socket.recv()
        socket.protocol.receive_data = lambda _: is_asked_to_close.set()
        await socket.send(json.dumps({"id": "1", **COMPLETE}))
        await socket.wait_closed()
        is_gone.set()

    async def read(address):
        async with aclosing(responses(address, "", {})) as answers:
            async for _ in answers:
                pass

    async with serving(never_closing) as address:
        async with asyncio.timeout(GONE_S):
            reading = asyncio.create_task(read(address))
            await is_asked_to_close.wait()

            reading.cancel()
            await asyncio.wait([reading])

            assert reading.cancelled()
            assert await is_gone.wait()
