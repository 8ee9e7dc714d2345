"""What hooks are told of operations and of subscriptions."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from gateway.hooks import CALLER_LEFT, OperationEvent, SubscriptionEvent, tell

if TYPE_CHECKING:
    from gateway.execution.operation import Prepared
    from gateway.execution.request import Caller, GraphQLRequest
    from gateway.execution.response import GraphQLResponse
    from gateway.hooks import Hooks, WriteEvent
    from gateway.upstream.scope import Tally

__all__ = ["tell_began", "tell_ended", "tell_subscribed"]


def tell_began(hooks: Hooks, request: GraphQLRequest, caller: Caller) -> OperationEvent:
    """Tell of an operation before anything is known of it."""
    event = OperationEvent(
        caller.request_id,
        caller.carrier.name,
        caller.arrived,
        caller.carrier.method,
        request.query,
        None if caller.credential is None else caller.credential.fingerprint,
    )
    tell(hooks.operation_began, event)
    return event


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
    if response is None:
        status = CALLER_LEFT if caller.has_left else 0
    else:
        status, operation = carrier.statuses.get(response.kind, 0), response.operation
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
    )
    if began is not None:
        event = began.ended_as(event)
    tell(hooks.operation_ended, event)


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
        field=prepared.plan.root.fields[0].name,
        estimated=prepared.estimate.calls,
    )
    if hooks.subscription_began:
        tell(hooks.subscription_began, event)
    return event
