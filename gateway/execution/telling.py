"""What hooks are told of operations and of subscriptions."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

from gateway.execution.limits import limits_in
from gateway.hooks import (
    CALLER_LEFT,
    CallEvent,
    LimitEvent,
    OperationEvent,
    SubscriptionEvent,
    tell,
)

if TYPE_CHECKING:
    from gateway.execution.operation import Prepared
    from gateway.execution.request import Caller, GraphQLRequest
    from gateway.execution.response import GraphQLResponse, ResponseKind
    from gateway.hooks import Hooks, Outcome, WriteEvent
    from gateway.upstream.scope import CallScope, Tally

__all__ = [
    "OF_LIMITS",
    "tell_began",
    "tell_ended",
    "tell_shared",
    "tell_subscribed",
    "tell_unbegun",
]

_OUTCOMES: Final[dict[ResponseKind, Outcome]] = {
    "executed": "partial",
    "refused": "refused",
    "malformed": "refused",
    "read only": "refused",
    "failed": "failed",
    "stopped": "stopped",
    "busy": "busy",
}
# The codes of errors that may be about a limit. Such an error names the limit's setting.
OF_LIMITS: Final = frozenset(
    {
        "BAD_USER_INPUT",
        "COST_EXCEEDED",
        "GRAPHQL_VALIDATION_FAILED",
        "READ_TOO_LARGE",
        "RESPONSE_TOO_LARGE",
        "TOO_MANY_OPERATIONS",
    }
)


def tell_began(
    hooks: Hooks, request: GraphQLRequest, caller: Caller, scope: CallScope
) -> OperationEvent:
    """Tell of an operation before anything is known of it; its calls are told with it."""
    event = scope.told = OperationEvent(
        caller.request_id,
        caller.carrier.name,
        caller.arrived,
        caller.carrier.method,
        request.query,
        None if caller.credential is None else caller.credential.fingerprint,
        origin=caller.origin,
    )
    tell(hooks.operation_began, event)
    return event


def tell_shared(
    hooks: Hooks, calls: list[CallEvent], caller: Caller, operation: OperationEvent | None
) -> None:
    """Tell of the calls of an equal operation, whose answers were this one's as well."""
    for made in calls:
        event = CallEvent(
            made.route,
            made.method,
            caller.request_id,
            # Not before its operation.
            max(made.began, caller.arrived),
            made.attempt,
            operation,
            is_shared=True,
        )
        tell(hooks.call_began, event)
        event.status, event.size_bytes = made.status, made.size_bytes
        # One that goes on is about to be called off.
        event.error = made.error or (None if made.status else "CANCELLED")
        event.cause = made.cause
        event.duration_s = max(0.0, made.began + made.duration_s - event.began)
        event.shared_with = made.shared_with if made.is_shared else made
        tell(hooks.call_ended, event)


def tell_ended(
    hooks: Hooks,
    began: OperationEvent | None,
    request: GraphQLRequest,
    caller: Caller,
    tally: Tally,
    response: GraphQLResponse | None,
    writes: list[WriteEvent] | None,
) -> None:
    """Tell what an operation came to; without a response it was cancelled."""
    carrier, operation = caller.carrier, None
    outcome: Outcome
    if response is None:
        status = CALLER_LEFT if caller.has_left else 0
        outcome = "left" if caller.has_left else "stopped"
    else:
        kind = response.kind
        status, operation = carrier.statuses.get(kind, 0), response.operation
        outcome = _OUTCOMES[kind] if response.errors else "ok"
    # By position: names cost as much as the rest.
    event = OperationEvent(
        caller.request_id,
        carrier.name,
        caller.arrived,
        carrier.method,
        request.query,
        None if caller.credential is None else caller.credential.fingerprint,
        None if operation is None else operation.name,
        None if operation is None else operation.type,
        status,
        response.codes if response is not None and response.errors else (),
        perf_counter() - caller.arrived,
        0 if response is None else len(response.body),
        0 if response is None else response.estimated_calls,
        tally.calls,
        tally.shared,
        tally.cached,
        tally.retried,
        tuple(writes) if writes else (),
        None if operation is None else operation.trusted,
        outcome,
        caller.origin,
        response is not None and response.is_joined,
    )
    if began is not None:
        event = began.ended_as(event)
    tell(hooks.operation_ended, event)
    if hooks.limit_exceeded and response is not None and response.errors:
        _tell_limits(hooks, response)


def tell_unbegun(
    hooks: Hooks,
    request: GraphQLRequest,
    caller: Caller,
    scope: CallScope,
    response: GraphQLResponse | None,
) -> None:
    """Tell of a subscription that never began: refused, or cancelled where there is no response."""
    began = tell_began(hooks, request, caller, scope)
    tell_ended(hooks, began, request, caller, scope.tally, response, None)


def _tell_limits(hooks: Hooks, response: GraphQLResponse) -> None:
    """Tell of the limits for which an operation was refused, each once."""
    refused = dict.fromkeys(
        limit
        for error in response.errors or ()
        if error["extensions"]["code"] in OF_LIMITS
        for limit in limits_in(error["message"])
    )
    for limit in refused:
        tell(hooks.limit_exceeded, LimitEvent(limit, is_refused=True))


def tell_subscribed(
    hooks: Hooks, request: GraphQLRequest, caller: Caller, prepared: Prepared
) -> SubscriptionEvent:
    """Tell of a subscription that begins."""
    event = SubscriptionEvent(
        caller.request_id,
        caller.carrier.name,
        perf_counter(),
        document=request.query or "",
        caller=None if caller.credential is None else caller.credential.fingerprint,
        name=prepared.operation.name,
        origin=caller.origin,
        trusted=prepared.operation.trusted,
        field=prepared.plan.root.fields[0].name,
        estimated=prepared.estimate.calls,
    )
    if hooks.subscription_began:
        tell(hooks.subscription_began, event)
    return event
