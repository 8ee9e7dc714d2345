"""What hooks are told of a call beside its attempts: that it waited, that it joined another one, or
that what is kept answered it. Called where there is something to tell and somebody who listens.
"""

from __future__ import annotations

from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from gateway.hooks import CallEvent, WaitEvent, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.hooks import Hooks
    from gateway.upstream.calls.call import Call
    from gateway.upstream.scope import CallScope
    from gateway.upstream.wire import Answer

__all__ = ["hears_calls", "joining", "tell_kept", "waiting"]


def hears_calls(hooks: Hooks | None) -> Hooks | None:
    """The hooks, if any of them listens to calls."""
    return hooks if hooks is not None and (hooks.call_began or hooks.call_ended) else None


@contextmanager
def waiting(
    hooks: Hooks | None, reason: Literal["room", "pace", "place", "retry"], call: Call
) -> Iterator[None]:
    """Tell how long a call has waited in the block, however the wait ended."""
    if hooks is None or not hooks.waited:
        yield
        return
    began = perf_counter()
    try:
        yield
    finally:
        scope = call.scope
        waited_s = perf_counter() - began
        event = WaitEvent(reason, call.route.name, scope.request_id, began, waited_s, scope.told)
        tell(hooks.waited, event)


@contextmanager
def joining(hooks: Hooks, call: Call, flight: CallScope | None) -> Iterator[CallEvent]:
    """Tell of a call that waits in the block for another one's answer, which `flight` makes."""
    event = _event(call, is_shared=True)
    tell(hooks.call_began, event)
    try:
        yield event
    except BaseException as error:
        event.error = getattr(error, "code", "CANCELLED")
        event.cause = getattr(error, "cause", None)
        raise
    finally:
        event.shared_with = None if flight is None else flight.made
        event.duration_s = perf_counter() - event.began
        tell(hooks.call_ended, event)


def tell_kept(hooks: Hooks, call: Call, answer: Answer) -> None:
    """Tell of a call that what is kept has answered."""
    event = _event(call, is_kept=True)
    tell(hooks.call_began, event)
    event.status = answer.status
    event.size_bytes = len(answer.body)
    tell(hooks.call_ended, event)


def _event(call: Call, *, is_kept: bool = False, is_shared: bool = False) -> CallEvent:
    route, scope = call.route, call.scope
    event = CallEvent(
        route.name,
        route.method,
        scope.request_id,
        perf_counter(),
        operation=scope.told,
        is_kept=is_kept,
        is_shared=is_shared,
    )
    if scope.heard is not None:
        scope.heard.append(event)
    return event
