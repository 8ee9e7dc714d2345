"""The layer that tells hooks of each request to the upstream. A chain without listeners is put
together without it.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from gateway.hooks import CallEvent, tell

if TYPE_CHECKING:
    from gateway.hooks import Hooks
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.wire import Answer

__all__ = ["Observe"]


class Observe:
    """Tells when a request goes out, and when its answer has come or none will. A stream's answer
    has come with its head.
    """

    def __init__(self, below: Layer, hooks: Hooks) -> None:
        self._below = below
        self._hooks = hooks

    async def send(self, call: Call) -> Answer:
        event = CallEvent(
            call.route.name,
            call.route.method,
            call.scope.request_id,
            perf_counter(),
            attempt=call.attempt,
        )
        tell(self._hooks.call_began, event)
        try:
            answer = await self._below.send(call)
        except BaseException as error:
            # A call that was called off has no code of its own.
            event.error = getattr(error, "code", "CANCELLED")
            raise
        else:
            event.status = answer.status
            event.size_bytes = len(answer.body)
            return answer
        finally:
            event.duration_s = perf_counter() - event.began
            tell(self._hooks.call_ended, event)
