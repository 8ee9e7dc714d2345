"""The layers that decide whether a call is made now, later, or not at all.

`Bound` lets a call wait until its operation has room for it. `Share` makes one call of equal ones
that are under way:

    operation ──┐
    operation ──┼── flight ── one call          equal reads of one credential, whoever asks
    operation ──┘

A flight lives as long as somebody waits for it. Who leaves, or whose time is over, harms no other;
the last one stops the call. The first asker's tally counts the call, the others count it as shared.
All are given the same bytes, and each decodes them for itself.

Callers read their own writes: a write that has ended, however it ended, closes the flights of its
credential to newcomers, since their answers may have been made before it. The reads of a scope that
is `alone`, and conditional ones, are never joined.

A write that equals one under way is not sent again. It goes on when all its callers have left.

Where several workers send (`gateway.slate`), or gateways that share a store, each knows when
another's write has ended, and joins nobody to a read that began before; equal writes are merged
within a process only.
"""

from __future__ import annotations

import asyncio
import math
from asyncio import get_running_loop
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import field
from msgspec.structs import replace

from gateway.eager import own_task
from gateway.errors import UpstreamTimeout
from gateway.frames import without_frames
from gateway.upstream.calls.telling import hears_calls, joining, waiting
from gateway.upstream.credential import owner_of
from gateway.upstream.scope import CallScope

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.hooks import Hooks
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.shared_reads import KnownChanges
    from gateway.upstream.wire import Answer

__all__ = ["Bound", "Share", "written_by"]

# The credential's fingerprint and the target.
ReadKey: TypeAlias = tuple[str, str]
WriteKey: TypeAlias = tuple[str, str, bytes | None]
# Of the loop's clock, which does not count finer.
TICK_S: Final = 0.001


class Bound:
    """Lets a call wait until its operation has room for it (`CallScope.max_at_once`), and counts
    the bytes of its answer; a stream keeps its room until it is closed. An operation that has read
    more than it may reads no more; what a write answers is told all the same.
    """

    def __init__(self, below: Layer, hooks: Hooks | None = None) -> None:
        self._below = below
        self._hooks = hooks

    async def send(self, call: Call) -> Answer:
        scope = call.scope
        # No semaphore: there is nearly always room, and an operation has few calls.
        if scope.under_way < scope.max_at_once:
            scope.under_way += 1
        else:
            with waiting(self._hooks, "room", call):
                await _turn(scope)
        if call.stack is not None:
            call.stack.callback(_leave, scope)
            if scope.deadline <= get_running_loop().time():
                raise _too_late(call)
            scope.check_read()
            return await self._below.send(call)
        try:
            if scope.deadline <= get_running_loop().time():
                raise _too_late(call)
            if call.route.is_read:
                scope.check_read()
            answer = await self._below.send(call)
        finally:
            if scope.waiting:
                _leave(scope)
            else:
                scope.under_way -= 1
        scope.note_answer(len(answer.body))
        if call.route.is_read:
            scope.check_read()
        return answer


async def _turn(scope: CallScope) -> None:
    """Wait for the room of another call; the first to come is the first."""
    if scope.waiting is None:
        scope.waiting = deque()
    turn = get_running_loop().create_future()
    scope.waiting.append(turn)
    try:
        await turn
    except asyncio.CancelledError:
        if not turn.cancelled():
            # It was given room in the same moment.
            _leave(scope)
        raise


def _leave(scope: CallScope) -> None:
    while scope.waiting:
        turn = scope.waiting.popleft()
        if not turn.done():
            turn.set_result(None)
            return
    scope.under_way -= 1


def _too_late(call: Call) -> UpstreamTimeout:
    return UpstreamTimeout(
        "the operation's time was over before this call; ask for less at once",
        endpoint=call.route.endpoint,
    )


class Share:
    """Joins calls to equal ones that have started. Streams are never shared. `changes` are those
    that others know of. `on_write` is called with the owner of a write when it begins, and when it
    has ended, before anybody is told of its answer.
    """

    def __init__(
        self,
        below: Layer,
        hooks: Hooks | None = None,
        changes: KnownChanges | None = None,
        on_write: Callable[[str], object] | None = None,
    ) -> None:
        self._below = below
        self._hooks = hears_calls(hooks)
        self._changes = changes
        self._on_write = on_write
        self._flights: dict[ReadKey, _Flight] = {}
        self._deadlines = _Deadlines()
        self._writes: dict[WriteKey, asyncio.Task[Answer]] = {}

    async def send(self, call: Call) -> Answer:
        scope = call.scope
        if not call.route.is_read:
            return await self._write(call)
        if call.stack is not None or scope.alone or scope.tags is not None:
            # Wires may need one.
            await own_task()
            return await self._below.send(call)
        credential = scope.credential
        # As `owner_of`, without calling it.
        key = ("" if credential is None else credential.fingerprint, call.target)
        flight = None if scope.fresh else self._flights.get(key)
        if flight is not None and self._is_stale(flight):
            flight = None
        if flight is None:
            flight = self._flights[key] = _Flight(
                credential,
                scope.deadline,
                scope.request_id,
                tally=scope.tally,
                headers=scope.headers,
                open_flights=self._flights,
                deadlines=self._deadlines,
                key=key,
                # The waiters keep the time.
                is_timed=False,
                began=0.0 if self._changes is None else self._changes.now(),
            )
            if scope.told is not None or scope.origin is not None:
                flight.told, flight.origin = scope.told, scope.origin
            flight.heard = scope.heard
            flying = flight.fly(self._below, replace(call, scope=flight))
            # In a task of its own, which ends with the last who waits for it.
            flight.task = get_running_loop().create_task(flying)
        else:
            scope.tally.shared += 1
            if self._hooks is not None:
                return await self._join(self._hooks, call, flight)
        waiter = flight.join(scope, call.route.endpoint)
        try:
            return await waiter
        finally:
            flight.leave(waiter)
            # Its failure holds this frame.
            del waiter

    async def _join(self, hooks: Hooks, call: Call, flight: _Flight) -> Answer:
        """Wait for another one's answer, and tell of that."""
        with joining(hooks, call, flight) as event:
            waiter = flight.join(call.scope, call.route.endpoint)
            try:
                answer = await waiter
            finally:
                flight.leave(waiter)
                # Its failure holds this frame.
                del waiter
            event.status, event.size_bytes = answer.status, len(answer.body)
            return answer

    def _is_stale(self, flight: _Flight) -> bool:
        """Has another worker's write ended since it began?"""
        changes = self._changes
        return changes is not None and changes.since(flight.began, written_by(flight.key[0]))

    async def _write(self, call: Call) -> Answer:
        owner = owner_of(call.scope.credential)
        key = (owner, call.target, call.body)
        task = self._writes.get(key)
        if task is None:
            if self._on_write is not None:
                self._on_write(owner)
            task = self._writes[key] = asyncio.ensure_future(self._send_write(call))
            task.add_done_callback(partial(self._written, key))
        else:
            call.scope.tally.shared += 1
            if self._hooks is not None:
                with joining(self._hooks, call, None) as event:
                    try:
                        answer = await asyncio.shield(task)
                    finally:
                        del task
                    event.status, event.size_bytes = answer.status, len(answer.body)
                    return answer
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
            owner = owner_of(call.scope.credential)
            for key in [key for key in self._flights if key[0] == owner]:
                del self._flights[key]
            if self._on_write is not None:
                self._on_write(owner)
            if self._changes is not None:
                self._changes.note(written_by(owner))

    def _written(self, key: WriteKey, task: asyncio.Task[Answer]) -> None:
        del self._writes[key]
        if not task.cancelled():
            # Looked at, should nobody wait any more.
            task.exception()


def written_by(owner: str) -> str:
    """The subject of an owner's writes, among all that changes."""
    return f"written by {owner}"


class _Deadlines:
    """Until when each waiter waits. They have one timer together, for the earliest deadline that it
    was ever set to: a timer of its own would cost each of them more than it is needed. An operation
    may be given more time while it waits: others have joined it.
    """

    __slots__ = ("_earliest", "_timer", "_waiting", "remove")

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[Answer], tuple[CallScope, str]] = {}
        self._timer: asyncio.TimerHandle | None = None
        # What the timer is set to.
        self._earliest = math.inf
        self.remove: Final = self._waiting.__delitem__

    def add(self, waiter: asyncio.Future[Answer], scope: CallScope, endpoint: str) -> None:
        """Fail the waiter with `UpstreamTimeout` at its deadline, unless it is removed before."""
        self._waiting[waiter] = (scope, endpoint)
        if scope.deadline < self._earliest:
            self._set(scope.deadline)

    def _set(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._earliest = deadline
        self._timer = get_running_loop().call_at(deadline, self._look)

    def _look(self) -> None:
        """End the waiting of those whose time is over."""
        self._timer, self._earliest = None, math.inf
        over = get_running_loop().time() + TICK_S
        earliest = math.inf
        for waiter, (scope, endpoint) in self._waiting.items():
            if waiter.done():
                continue
            if scope.deadline > over:
                earliest = min(earliest, scope.deadline)
                continue
            waiter.set_exception(
                UpstreamTimeout("the upstream did not answer in time", endpoint=endpoint)
            )
        if earliest < math.inf:
            self._set(earliest)


class _Flight(CallScope, eq=False, kw_only=True):
    """A read under way, who waits for it, and the scope of its call: the credential and the request
    id of the first asker, the latest deadline, and the tally of one who still waits.

    Newcomers find it in `open_flights`.
    """

    open_flights: dict[ReadKey, _Flight]
    deadlines: _Deadlines
    key: ReadKey
    began: float
    task: asyncio.Task[None] | None = None
    waiters: dict[asyncio.Future[Answer], CallScope] = field(default_factory=dict)

    def join(self, scope: CallScope, endpoint: str) -> asyncio.Future[Answer]:
        """The answer, on its way to one more; fails with `UpstreamTimeout` at the scope's deadline.
        Who has joined leaves, whatever comes.
        """
        waiter: asyncio.Future[Answer] = get_running_loop().create_future()
        self.deadlines.add(waiter, scope, endpoint)
        self.waiters[waiter] = scope
        self.deadline = max(self.deadline, scope.deadline)
        return waiter

    def leave(self, waiter: asyncio.Future[Answer]) -> None:
        """Wait no more; the last one stops the call."""
        scope = self.waiters.pop(waiter)
        self.deadlines.remove(waiter)
        task = self.task
        if task is None:
            return
        if not self.waiters:
            self._close()
            # A cancelled task holds its frames, and they this flight.
            self.task = None
            task.cancel()
            return
        # What is sent from now on is sent for those who are still there.
        self.deadline = max(waiting.deadline for waiting in self.waiters.values())
        if scope.tally is self.tally:
            self.tally = next(waiting.tally for waiting in self.waiters.values())

    async def fly(self, below: Layer, call: Call) -> None:
        try:
            answer = await below.send(call)
        except Exception as error:  # noqa: BLE001 - the waiters' to handle
            self._close()
            without_frames(error)
            for waiter in self.waiters:
                if not waiter.done():
                    waiter.set_exception(error)
        else:
            if self.open_flights.get(self.key) is self:
                del self.open_flights[self.key]
            for waiter in self.waiters:
                if not waiter.done():
                    waiter.set_result(answer)
        self.task = None

    def _close(self) -> None:
        if self.open_flights.get(self.key) is self:
            del self.open_flights[self.key]
