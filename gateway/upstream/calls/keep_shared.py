"""The layer in the place of `Kept` where several gateways share kept reads (`shared_reads`).

Each read asks the store first, those of one turn of the loop together. What it is told of others'
writes keeps `Share` below from joining it to a call that began before one of them.
"""

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING

from gateway.upstream.calls.keep import age_of, given, kept_as, tags_of_read
from gateway.upstream.calls.telling import hears_calls
from gateway.upstream.credential import owner_of
from gateway.upstream.routes import Keep
from gateway.upstream.shared_reads import Reading

if TYPE_CHECKING:
    from gateway.hooks import Hooks
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.shared_reads import SharedReads
    from gateway.upstream.wire import Answer

__all__ = ["KeptShared"]

# Of what is asked for fresh nothing is given.
NOTHING_IS_FRESH = -1.0


class KeptShared:
    """Answers a read by what the store has kept, and keeps what it may."""

    def __init__(self, below: Layer, reads: SharedReads, hooks: Hooks | None = None) -> None:
        self._below = below
        self._reads = reads
        self._hooks = hears_calls(hooks)

    async def send(self, call: Call) -> Answer:
        scope = call.scope
        if not call.route.is_read:
            return await self._below.send(call)
        owner = kept_as(scope)
        if owner is None or call.route.keep is Keep.NOTHING:
            if call.stack is None and not scope.alone:
                await self._reads.observe(owner_of(scope.credential))
            return await self._below.send(call)
        now = get_running_loop().time()
        reading = Reading(owner, scope.credential, call.target, tags_of_read(call, owner))
        max_age_s = NOTHING_IS_FRESH if scope.fresh else call.max_age_s
        looked = await self._reads.look(reading, now=now, max_age_s=max_age_s)
        if looked.kept is not None:
            answer = given(self._hooks, call, looked.kept, now)
            if answer is not None:
                return answer
        answer = await self._below.send(call)
        if looked.mark is not None and (age_s := age_of(call, answer)):
            answer.decoded = {}
            await self._reads.keep(reading, answer, looked.mark, age_s)
        return answer
