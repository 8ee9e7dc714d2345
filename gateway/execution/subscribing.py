"""Runs subscriptions: an ordinary execution of the plan for each event of what is watched.

    source ── watch ──► listener ── event ──► plan, with the event at its root ──► response

Each event has a deadline, a budget and a count of calls of its own.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from graphql import GraphQLError

from gateway.errors import BadInput, Unauthenticated
from gateway.execution.response import GraphQLResponse, RequestError
from gateway.hooks import tell
from gateway.schema.sources import Source
from gateway.watch import Change

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from gateway.context import Context
    from gateway.execution.operation import Prepared
    from gateway.execution.plan import Slot
    from gateway.execution.request import Caller
    from gateway.hooks import Hooks, SubscriptionEvent
    from gateway.upstream.scope import CallScope

__all__ = ["NO_STREAM", "Listener", "listener_of", "responses"]

# To who asks for one where a single response is given.
NO_STREAM: Final = (
    "a subscription has many responses; ask for it by WebSocket (graphql-transport-ws), or by POST"
    " or GET with accept: text/event-stream or multipart/mixed"
)


class Listener(Protocol):
    """What `Live` gives; one waits at a time."""

    async def next(self) -> Any:
        """The next event; None once nothing more will come."""

    def close(self) -> None: ...


def listener_of(prepared: Prepared, context: Context) -> Listener:
    """Begin to listen to what a subscription is about; raises `RequestError`."""
    fields = prepared.plan.root.fields
    slot: Slot | None = fields[0].slot if len(fields) == 1 else None
    if slot is None or not isinstance(slot.edge, Source):
        message = "a subscription selects one field; @skip and @include may not leave it out"
        raise RequestError("BAD_REQUEST", message, operation=prepared.operation)
    try:
        arguments = prepared.estimate.arguments.get(slot.number)
        if arguments is None:
            arguments = slot.arguments.values(prepared.variables)
        return cast("Listener", slot.edge.watch(context, **arguments))
    except GraphQLError as error:
        raise _refused(error, prepared) from None
    except BadInput as error:
        nodes = [detail.node for detail in slot.details]
        told = GraphQLError(error.message, nodes, path=[slot.key], original_error=error)
        raise _refused(told, prepared) from None


def _refused(error: GraphQLError, prepared: Prepared) -> RequestError:
    return RequestError("BAD_USER_INPUT", errors=[error], operation=prepared.operation)


async def responses(
    listener: Listener,
    caller: Caller,
    told: SubscriptionEvent,
    hooks: Hooks,
    *,
    scope: Callable[[], CallScope],
    answer: Callable[[Any, CallScope], Awaitable[GraphQLResponse]],
) -> AsyncGenerator[GraphQLResponse]:
    """A response for each event. `scope` makes one for an event, `answer` runs the plan."""
    try:
        while (event := await listener.next()) is not None:
            is_of_log = hasattr(event, "texts") and not isinstance(event.value, Exception)
            parts = event.value.parts() if isinstance(event.value, Change) else [event.value]
            for number, part in enumerate(parts):
                own = scope()
                response = await answer(event if is_of_log else part, own)
                response.is_revoked = event.is_last and isinstance(part, Unauthenticated)
                if event.missed and not number:
                    told.missed += event.missed
                    response.extensions = {**(response.extensions or {}), "missed": event.missed}
                    response.encoded()
                _count(told, response, own)
                if response.is_revoked:
                    told.ending = "revoked"
                yield response
        if told.ending == "left":
            told.ending = "complete"
    finally:
        # Cancelled while it waits for an event, or closed while it is between two of them.
        if caller.is_cut_off and told.ending != "revoked":
            told.ending = "stopped"
        listener.close()
        told.duration_s = perf_counter() - told.began
        if hooks.subscription_ended:
            tell(hooks.subscription_ended, told)


def _count(told: SubscriptionEvent, response: GraphQLResponse, scope: CallScope) -> None:
    tally = scope.tally
    told.events += 1
    told.size_bytes += len(response.body)
    told.calls += tally.calls
    told.shared += tally.shared
    told.cached += tally.cached
    told.retried += tally.retried
    if response.errors:
        told.codes = tuple(dict.fromkeys((*told.codes, *response.codes)))
