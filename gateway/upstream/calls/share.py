"""The layer that makes one call of equal ones under way.

    operation ──┐
    operation ──┼── flight ── one call          equal reads of one credential, whoever asks
    operation ──┘

A flight lives as long as somebody waits for it: who leaves, or whose time is over, harms no other,
and the last one stops the call. The first asker's tally counts the call, the others count it as
shared; all are given the same bytes, and each decodes them for itself.

So that callers read their own writes, a write that has ended, however it ended, closes the flights
of its credential to newcomers: their answers may have been made before it. And the reads of a scope
that is `alone` are made by themselves.

A write that equals one under way is not sent again. It goes on when all its callers have left.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec.structs import replace

from gateway.errors import UpstreamTimeout
from gateway.frames import without_frames
from gateway.upstream.scope import CallScope

if TYPE_CHECKING:
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.wire import Answer

__all__ = ["Share"]

# The credential's fingerprint and the target.
ReadKey: TypeAlias = tuple[str, str]
WriteKey: TypeAlias = tuple[str, str, bytes | None]

# The wire's bound for a call whose waiters keep the time: they may be joined by others, who have
# more of it, while the call is under way.
FLIGHT_TIMEOUT_S: Final = 3_600.0


class Share:
    """Joins calls to equal ones that have started. Streams are never shared."""

    def __init__(self, below: Layer) -> None:
        self._below = below
        self._flights: dict[ReadKey, _Flight] = {}
        self._writes: dict[WriteKey, asyncio.Task[Answer]] = {}

    async def send(self, call: Call) -> Answer:
        scope = call.scope
        if not call.route.is_read:
            return await self._write(call)
        if call.stack is not None or scope.alone:
            return await self._below.send(call)
        key = (scope.owner, call.target)
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(self._flights, key, scope)
            flight.start(self._below, call)
        else:
            scope.tally.shared += 1
        return await flight.answer_for(call)

    async def _write(self, call: Call) -> Answer:
        key = (call.scope.owner, call.target, call.body)
        task = self._writes.get(key)
        if task is None:
            task = self._writes[key] = asyncio.ensure_future(self._send_write(call))
            task.add_done_callback(partial(self._written, key))
        else:
            call.scope.tally.shared += 1
        try:
            return await asyncio.shield(task)
        finally:
            # Its failure holds this frame.
            del task

    async def _send_write(self, call: Call) -> Answer:
        try:
            return await self._below.send(call)
        finally:
            # Before anybody is told of the answer.
            owner = call.scope.owner
            for key in [key for key in self._flights if key[0] == owner]:
                del self._flights[key]

    def _written(self, key: WriteKey, task: asyncio.Task[Answer]) -> None:
        del self._writes[key]
        if not task.cancelled():
            # Looked at, should nobody wait any more.
            task.exception()


class _Flight:
    """A read under way, and who waits for it. Newcomers find it in `open_flights`."""

    __slots__ = ("_key", "_open_flights", "_scope", "_task", "_waiters")

    def __init__(
        self, open_flights: dict[ReadKey, _Flight], key: ReadKey, first: CallScope
    ) -> None:
        self._open_flights = open_flights
        self._key = key
        self._scope = _FlightScope(first)
        self._waiters: dict[asyncio.Future[Answer], CallScope] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self, below: Layer, call: Call) -> None:
        """Send the call in a task of its own, which ends with the last who waits for it."""
        shared = replace(call, scope=self._scope)
        self._task = asyncio.get_running_loop().create_task(self._fly(below, shared))

    async def answer_for(self, call: Call) -> Answer:
        """Wait for the answer; raises `UpstreamTimeout` where the time of this call's own scope is
        over before.
        """
        scope = call.scope
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Answer] = loop.create_future()
        timer = loop.call_at(scope.deadline, _time_out, waiter, call.route.endpoint)
        self._waiters[waiter] = scope
        self._scope.deadline = max(self._scope.deadline, scope.deadline)
        try:
            return await waiter
        finally:
            timer.cancel()
            del self._waiters[waiter]
            self._left_by(scope)
            # Its failure holds this frame.
            del waiter

    def _left_by(self, scope: CallScope) -> None:
        task = self._task
        if task is None or task.done():
            return
        if not self._waiters:
            self._close()
            # A cancelled task holds its frames, and they this flight.
            self._task = None
            task.cancel()
            return
        # What is sent from now on is sent for those who are still there.
        self._scope.deadline = max(waiting.deadline for waiting in self._waiters.values())
        if scope.tally is self._scope.tally:
            self._scope.tally = next(iter(self._waiters.values())).tally

    async def _fly(self, below: Layer, call: Call) -> None:
        try:
            answer = await below.send(call)
        except Exception as error:  # noqa: BLE001 - the waiters' to handle
            self._close()
            without_frames(error)
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_exception(error)
        else:
            self._close()
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(answer)

    def _close(self) -> None:
        if self._open_flights.get(self._key) is self:
            del self._open_flights[self._key]


class _FlightScope(CallScope):
    """The scope of a call that several operations wait for: the credential and the request id of
    the first one, the latest deadline, and the tally of one that still waits.
    """

    __slots__ = ("_first",)

    def __init__(self, first: CallScope) -> None:
        self._first = first
        self.alone = False
        self.credential = first.credential
        self.request_id = first.request_id
        self.deadline = first.deadline
        self.tally = first.tally

    @property
    def headers(self) -> dict[str, str] | None:  # kept by the first scope
        return self._first.headers

    @headers.setter
    def headers(self, headers: dict[str, str] | None) -> None:
        self._first.headers = headers

    def exchange_timeout_s(self, now: float) -> float:  # noqa: ARG002 - see there
        return FLIGHT_TIMEOUT_S


def _time_out(waiter: asyncio.Future[Answer], endpoint: str) -> None:
    if not waiter.done():
        waiter.set_exception(
            UpstreamTimeout("the upstream did not answer in time", endpoint=endpoint)
        )
