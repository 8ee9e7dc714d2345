"""The states of a connection: a table that leaves nothing open."""

from __future__ import annotations

import asyncio
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.turns import Turns
from gateway.upstream.causes import Troubles
from gateway.upstream.wires.connection import MAX_AHEAD_BYTES, Connection
from gateway.upstream.wires.states import FOLLOWS, UNDER_WAY, Event, State
from tests.harness.turns import turns
from tests.upstream.wires.raw import OK


def reached_from(state: State) -> set[State]:
    reached: set[State] = set()
    left = [state]
    while left:
        for following in FOLLOWS[left.pop()].values():
            if following not in reached:
                reached.add(following)
                left.append(following)
    return reached


def test_every_state_says_what_follows():
    assert set(FOLLOWS) == set(State)


def test_every_event_leads_somewhere():
    assert {event for events in FOLLOWS.values() for event in events} == set(Event)


def test_every_state_is_reached():
    assert {State.NEW} | reached_from(State.NEW) == set(State)


@pytest.mark.parametrize("state", State)
def test_the_end_may_come_at_any_time_and_is_one(state):
    end = FOLLOWS[state][Event.ENDED]

    assert end in {State.CLOSED, State.SILENT}
    assert reached_from(end) == {end}


@pytest.mark.parametrize("state", State)
def test_only_answers_that_are_awaited_come(state):
    answered = {Event.ANSWERED, Event.ANSWERED_LAST} <= FOLLOWS[state].keys()

    assert answered == (state in UNDER_WAY)
    assert answered or FOLLOWS[state].keys().isdisjoint({Event.ANSWERED, Event.ANSWERED_LAST})


@pytest.mark.parametrize("state", State)
def test_a_request_is_sent_on_an_idle_connection_only(state):
    asking = FOLLOWS[state].keys() & {Event.ASKED, Event.ASKED_FOR_STREAM}

    assert bool(asking) == (state is State.IDLE)


class Transport(asyncio.Transport):
    """Sends nothing; notes whether it is paused or aborted."""

    def __init__(self):
        super().__init__()
        self.is_paused = False
        self.is_aborted = False

    def write(self, data):
        pass

    def pause_reading(self):
        self.is_paused = True

    def resume_reading(self):
        self.is_paused = False

    def abort(self):
        self.is_aborted = True


LARGE = b"x" * (MAX_AHEAD_BYTES + 1)
RECEIVED = {
    "an answer": OK + b"Content-Length: 2\r\n\r\n{}",
    "the last answer": OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
    "a head": OK + b"Content-Length: 2\r\n\r\n",
    "a large head": OK + b"Content-Length: %d\r\n\r\n" % (len(LARGE) + 2),
    "a body": b"{}",
    "a large body": LARGE,
    "a hint": b"HTTP/1.1 103 Early Hints\r\n\r\n",
    "an endless answer": OK + b"\r\nuntil the end",
    "no HTTP": b"\x15\x03\x01",
}
ACTIONS = ["ask", "stream", "read", "leave", "wait long", "close", "cut", "end", *RECEIVED]


async def live_through(actions: list[str]) -> list[State]:
    """The states that a connection is in, one after the other, while all this happens to it."""
    loop = asyncio.get_running_loop()
    lost: list[Connection] = []
    connection = Connection(
        loop,
        memoryview(bytearray(2**20)),
        lost.append,
        Troubles("https://upstream.test"),
        Turns(),
    )
    transport = Transport()
    connection.connection_made(transport)
    states = [connection.state]
    readers: list[asyncio.Task[object]] = []
    for action in actions:
        match action:
            case "ask" if connection.state is State.IDLE:
                asking = connection.exchange(b"GET", math.inf, 2**20, heard_by=loop.time() + 60)
                readers.append(loop.create_task(asking))
            case "stream" if connection.state is State.IDLE:
                readers.append(loop.create_task(read_all(connection)))
            case "leave" if readers:
                readers[-1].cancel()
            case "wait long" if connection.state in UNDER_WAY and connection._timer:
                connection._timer._run()
            case "close":
                connection.close()
            case "cut" | "end" if not lost:
                connection.connection_lost(ConnectionResetError() if action == "cut" else None)
            case _ if action in RECEIVED and not (lost or transport.is_aborted):
                receive(connection, transport, RECEIVED[action])
        states.append(connection.state)
        await turns(9)
        states.append(connection.state)
        assert connection.state in UNDER_WAY or all(reader.done() for reader in readers)
        assert transport.is_paused == (connection.state is State.HELD_BACK) or transport.is_aborted
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return states


def receive(connection: Connection, transport: Transport, data: bytes) -> None:
    while data and not transport.is_aborted:
        buffer = connection.get_buffer(-1)
        taken = min(len(buffer), len(data))
        buffer[:taken] = data[:taken]
        connection.buffer_updated(taken)
        data = data[taken:]


async def read_all(connection: Connection) -> None:
    streamed = await connection.open(b"GET", math.inf)
    await asyncio.sleep(0)
    async for _ in streamed.chunks():
        await asyncio.sleep(0)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(ACTIONS), max_size=10))
def test_nothing_happens_that_the_table_does_not_know(actions):
    """What it does not know is a `KeyError`."""
    states = asyncio.run(live_through(actions))

    for before, after in itertools.pairwise(states):
        assert after is before or after in reached_from(before)
