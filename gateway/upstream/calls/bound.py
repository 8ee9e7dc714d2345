"""The first layer: so many calls of one operation may be under way at once."""

from __future__ import annotations

from asyncio import CancelledError, get_running_loop
from collections import deque
from typing import TYPE_CHECKING

from gateway.errors import UpstreamTimeout

if TYPE_CHECKING:
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.scope import CallScope
    from gateway.upstream.wire import Answer

__all__ = ["Bound"]


class Bound:
    """Lets a call wait until its operation has room for it (`CallScope.max_at_once`), and counts
    the bytes of its answer; a stream keeps its room until it is closed.
    """

    def __init__(self, below: Layer) -> None:
        self._below = below

    async def send(self, call: Call) -> Answer:
        scope = call.scope
        # No semaphore: there is nearly always room, and an operation has few calls.
        if scope.under_way < scope.max_at_once:
            scope.under_way += 1
        else:
            await _turn(scope)
        if call.stack is not None:
            call.stack.callback(_leave, scope)
            if scope.deadline <= get_running_loop().time():
                raise _too_late(call)
            return await self._below.send(call)
        try:
            if scope.deadline <= get_running_loop().time():
                raise _too_late(call)
            answer = await self._below.send(call)
        finally:
            if scope.waiting:
                _leave(scope)
            else:
                scope.under_way -= 1
        scope.tally.read_bytes += len(answer.body)
        return answer


async def _turn(scope: CallScope) -> None:
    """Wait for the room of another call; the first to come is the first."""
    if scope.waiting is None:
        scope.waiting = deque()
    turn = get_running_loop().create_future()
    scope.waiting.append(turn)
    try:
        await turn
    except CancelledError:
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
