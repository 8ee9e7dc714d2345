"""The first layer: so many calls of one operation may be under way at once."""

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING

from gateway.errors import UpstreamTimeout

if TYPE_CHECKING:
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.wire import Answer

__all__ = ["Bound"]


class Bound:
    """Lets a call wait until its operation has room for it (`CallScope.limiter`); a stream keeps
    its room until it is closed.
    """

    def __init__(self, below: Layer) -> None:
        self._below = below

    async def send(self, call: Call) -> Answer:
        scope = call.scope
        limiter = scope.limiter
        await limiter.acquire()
        if call.stack is not None:
            call.stack.callback(limiter.release)
            _check_time(call)
            return await self._below.send(call)
        try:
            _check_time(call)
            return await self._below.send(call)
        finally:
            limiter.release()


def _check_time(call: Call) -> None:
    if call.scope.deadline <= get_running_loop().time():
        raise UpstreamTimeout(
            "the operation's time was over before this call; ask for less at once",
            endpoint=call.route.endpoint,
        )
