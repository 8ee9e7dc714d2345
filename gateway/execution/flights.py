"""Equal questions at once: one execution, and one response that was written once.

    operation ──┐
    operation ──┼── flight ── one execution          equal queries of one credential
    operation ──┘

Equal are the credential, the document (its text, or what it is named by), the operation's name, the
variables and the request's extensions. The media type is not looked at: it decides on the status,
not on the body. What is answered at once, without waiting for the upstream, is not shared.

What is asked once runs alone, in the task of who asks, and costs next to nothing more. When the
same is asked meanwhile a flight begins, which all others join; from then on the first of them is a
flight as well, for as long as others join it.

A flight has a task of its own, and goes on until the latest deadline of those who wait for it. Who
leaves, or whose time is over, harms no other; the last one stops it. Its calls are counted for one
of those who wait, and are shared for the others. Each response has its own request id, and its own
cost.

Callers read their own writes: a write that begins or ends, through whichever worker, closes the
flights of its credential to newcomers; where nobody can tell, nobody joins. A flight is closed
after `MOVING_S`, and one that was given what was kept, at once. So nobody is told what is older
than what would be kept, nor do those who join have much more time than its calls.
"""

from __future__ import annotations

from asyncio import CancelledError, get_running_loop
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from msgspec import Struct, field

from gateway.errors import GatewayError
from gateway.frames import without_frames
from gateway.upstream.calls.admission import written_by
from gateway.upstream.calls.keep import MOVING_S

if TYPE_CHECKING:
    from asyncio import Future, Task, TimerHandle
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from gateway.execution.operation import Prepared
    from gateway.execution.request import Caller, GraphQLRequest
    from gateway.execution.response import GraphQLResponse
    from gateway.upstream.scope import CallScope
    from gateway.upstream.shared_reads import KnownChanges

__all__ = ["Flight", "Flights", "key_of"]

# Whose it is, the text, its id, the operation's name, its variables and extensions.
Key: TypeAlias = tuple[str, str | None, str | None, str | None, bytes | int]
# What comes of it: a response, or what prevents one; None where its waiter's time is over.
Landed: TypeAlias = "GraphQLResponse | Exception | None"

# The loop's clock does not count finer.
TICK_S: Final = 0.001
# What is expected to be asked by several at once.
MAX_EXPECTED: Final = 1_000
# Who came together with others has their time: nobody is waked for so little.
TOGETHER_S: Final = 0.05

_encode = msgspec.json.Encoder(order="deterministic").encode


def key_of(request: GraphQLRequest, caller: Caller) -> Key:
    """What a query must have in common with another to be equal, as it was asked. One that has
    variables which no JSON text holds equals no other.
    """
    variables, extensions = request.variables, request.extensions
    told: bytes | int = b""
    if variables or extensions:
        try:
            told = _encode([variables, extensions] if extensions else variables)
        except (TypeError, ValueError, RecursionError):
            told = id(request)
    credential = caller.credential
    # As `owner_of`, without calling it.
    owner = "" if credential is None else credential.fingerprint
    return owner, request.query, request.document_id, request.operation_name, told


class Flights:
    """The flights under way. `changes` are the writes that others know of, where there are any;
    `observe` asks for an owner's where they are far away, and tells whether it had an answer.
    """

    def __init__(
        self,
        changes: KnownChanges | None = None,
        observe: Callable[[str], Awaitable[bool]] | None = None,
    ) -> None:
        self._changes = changes
        self._observe = observe
        self.open: dict[Key, Flight] = {}
        """Those that others may join, as far as time and writes let them."""
        # Of keys these have the hashes: who meets by chance costs nobody more than a task.
        self.alone: set[int] = set()
        """What runs for itself."""
        self.expected: dict[int, None] = {}
        """What was asked by several at once; the oldest first."""

    async def look(self, key: Key) -> Flight | None:
        """As `find`, where other gateways may have written meanwhile."""
        if self._observe is not None and not await self._observe(key[0]):
            return None
        return self.find(key)

    def find(self, key: Key) -> Flight | None:
        """An execution that answers what is asked now as well."""
        flight = self.open.get(key)
        if flight is None:
            return None
        if (
            flight.scope.tally.cached
            # Calls that wait for their turn do so no longer than was said when they began.
            or get_running_loop().time() - flight.began > MOVING_S
        ):
            return None
        if self._changes is not None and self._changes.since(flight.known, written_by(key[0])):
            return None
        return flight

    def expects(self, number: int) -> bool:
        """Will others join what is about to be executed? Need not be asked where nothing equal runs
        `alone`, and nothing is `expected`.
        """
        if number in self.alone:
            self.expected[number] = None
            if len(self.expected) > MAX_EXPECTED:
                del self.expected[next(iter(self.expected))]
        return number in self.expected

    def begin(
        self,
        key: Key,
        scope: CallScope,
        prepared: Prepared,
        text: str | None,
        execution: Awaitable[GraphQLResponse],
    ) -> Flight:
        """Execute what was prepared, with the scope of the first who waits for it."""
        loop = get_running_loop()
        known = 0.0 if self._changes is None else self._changes.now()
        flight = Flight(self, key, scope, prepared, text, loop.time(), known)
        flight.is_shared = hash(key) in self.alone
        self.open[key] = flight
        flight.task = loop.create_task(flight.land(execution))
        return flight

    def forget(self, key: Key) -> None:
        """Nobody has joined what was executed for others, too: the next one runs alone."""
        self.expected.pop(hash(key), None)

    def close(self, owner: str) -> None:
        """Let nobody join what runs for this credential: a write of theirs begins, or has ended."""
        for key in [key for key in self.open if key[0] == owner]:
            del self.open[key]


class Flight(Struct, eq=False):
    """An execution, and who waits for it.

    `scope` is that of its calls: the first asker's, and when they have left that of one who waits,
    but for the deadline. `began` is by the loop's clock, `known` by that of what others told of
    their writes.
    """

    _flights: Flights
    _key: Key
    scope: CallScope
    prepared: Prepared
    # Of the document.
    text: str | None
    began: float
    known: float
    task: Task[None] | None = None
    # Each with its scope, and until when it waits.
    _waiters: dict[Future[Landed], tuple[CallScope, float]] = field(default_factory=dict)
    _timer: TimerHandle | None = None
    # Was the same asked by somebody else, meanwhile?
    is_shared: bool = False
    # Where a bug of ours was met.
    _trace: TracebackType | None = None

    async def land(self, execution: Awaitable[GraphQLResponse]) -> None:
        """Execute, and tell all who wait; in the flight's task."""
        landed: Landed
        try:
            landed = await execution
        except CancelledError:
            # Nobody waits any more, unless all tasks of the loop are cancelled.
            for waiter in self._waiters:
                waiter.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - those who wait tell it, each in their response
            if isinstance(error, GatewayError):
                without_frames(error)
            elif error.__traceback__ is not None:
                # Without this frame, which holds the error.
                self._trace = error.__traceback__.tb_next
            landed = error
        finally:
            self._close()
            if not self.is_shared:
                self._flights.forget(self._key)
            # A task holds its frames, and they this flight.
            self.task = None
        self._tell(landed)
        # A bug's frames hold this one, from Python 3.12 on.
        del landed

    def _tell(self, landed: Landed) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(landed)

    async def wait(self, scope: CallScope, deadline: float) -> GraphQLResponse | None:
        """What comes of it, for an operation with this scope; raises what the execution raises.
        None at the deadline, where others have more time.
        """
        waiter: Future[Landed] = get_running_loop().create_future()
        self.is_shared = self.is_shared or bool(self._waiters)
        self._waiters[waiter] = scope, deadline
        if abs(deadline - self.scope.deadline) > TOGETHER_S:
            self.scope.deadline = max(deadline, self.scope.deadline)
            self._watch()
        try:
            landed = await waiter
        finally:
            self._leave(waiter)
        if landed is not None and scope.tally is not self.scope.tally:
            _count_as_shared(self.scope, scope)
        if isinstance(landed, Exception):
            try:
                # Without the frames of those who raised it before.
                raise landed.with_traceback(self._trace)
            finally:
                # It holds this frame.
                del landed, waiter
        return landed

    def _leave(self, waiter: Future[Landed]) -> None:
        """Wait no more; the last one stops it."""
        scope, _ = self._waiters.pop(waiter)
        task = self.task
        if task is None:
            return
        if not self._waiters:
            # Nobody may join what is about to be stopped.
            self._close()
            self.task = None
            # Not before it has begun: the execution must hear of it.
            get_running_loop().call_soon(task.cancel)
        elif scope.tally is self.scope.tally:
            self._bequeath()

    def _close(self) -> None:
        """Let nobody join any more."""
        self._hide()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hide(self) -> None:
        """From newcomers."""
        if self._flights.open.get(self._key) is self:
            del self._flights.open[self._key]

    def _watch(self) -> None:
        """Look at the waiters when the time of the first of them is over. The last ones have that
        of the execution.
        """
        if self._timer is not None:
            self._timer.cancel()
        early = [deadline for _, deadline in self._waiters.values() if self._is_early(deadline)]
        self._timer = get_running_loop().call_at(min(early), self._look) if early else None

    def _look(self) -> None:
        """End the waiting of those whose time is over."""
        over = get_running_loop().time() + TICK_S
        for waiter, (_, deadline) in self._waiters.items():
            if deadline <= over and self._is_early(deadline) and not waiter.done():
                waiter.set_result(None)
        # Those leave before the timer comes again.
        self._timer = get_running_loop().call_later(TICK_S, self._watch)

    def _is_early(self, deadline: float) -> bool:
        return deadline < self.scope.deadline - TOGETHER_S

    def _bequeath(self) -> None:
        """Make what is called from now on another one's: whose it was has left."""
        scope, (heir, _) = self.scope, next(iter(self._waiters.values()))
        if scope.tally.cached:
            # The heir's tally counts as shared what was kept.
            self._hide()
        _count_as_shared(scope, heir)
        scope.tally, scope.request_id = heir.tally, heir.request_id
        scope.told, scope.origin = heir.told, heir.origin
        # They tell the request's id; made anew with the next call.
        scope.headers = {}


def _count_as_shared(paid: CallScope, scope: CallScope) -> None:
    """Count what was read for another operation."""
    others, own = paid.tally, scope.tally
    own.shared += others.calls + others.shared + others.cached
    own.read_bytes += others.read_bytes
    if paid.heard is not None and scope.heard is not None:
        scope.heard += paid.heard
