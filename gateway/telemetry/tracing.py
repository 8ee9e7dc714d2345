"""Spans of what hooks tell (OpenTelemetry; extra `otel`).

    query                          an operation; its parent is the caller's span (`traceparent`)
    ├─ project_jobs                an upstream call, by its route: one span for each attempt
    ├─ pipeline_jobs               … that another operation made: linked to that one's span
    •  wait, kept                  events: a call had to wait; it was answered by what is kept

Names hold no ids. The upstream is given the call's span as its parent. A poll belongs to nobody's
operation, and is a trace of its own.
"""

from __future__ import annotations

from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.hooks import Hook, Trace, document_hash

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from gateway.hooks import CallEvent, OperationEvent, Origin, SubscriptionEvent, WaitEvent

__all__ = ["Tracing"]

NAME_CHARACTERS: Final = 100
# What the gateway could not do; all else is the caller's, or the upstream's.
_FAILED: Final = frozenset({"failed", "stopped", "busy"})
_FAULT: Final = Status(StatusCode.ERROR)

_w3c: Final = TraceContextTextMapPropagator()


class _Open:
    """A span that has begun: as the parent of others, and what to add to `perf_counter`, in ns,
    for its time. It is the same for all spans of an operation, so that none begins before another
    one that it is part of.
    """

    __slots__ = ("context", "offset_ns", "span")

    def __init__(self, span: Span, context: Context, offset_ns: int) -> None:
        self.span = span
        self.context = context
        self.offset_ns = offset_ns

    def at(self, moment: float) -> int:
        """A time of `perf_counter`, in ns since 1970."""
        return round(moment * 1e9) + self.offset_ns


class Tracing(Hook):
    """Makes the spans with a tracer, which says what becomes of them."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    # -- operations ------------------------------------------------------------------------------

    def operation_began(self, operation: OperationEvent) -> None:
        self._begin_operation("operation", operation)

    def operation_ended(self, operation: OperationEvent) -> None:
        opened: _Open = operation.notes.pop(self)
        span = opened.span
        if span.is_recording():
            kind, name = operation.type, operation.name
            if kind is not None:
                span.update_name(f"{kind} {name}" if operation.trusted and name else kind)
            if operation.document:
                span.set_attribute("gateway.document", document_hash(operation.document))
            span.set_attributes(
                _present(
                    {
                        **_of_request(operation),
                        "graphql.operation.type": kind,
                        "http.request.method": operation.method,
                        "http.response.status_code": operation.status,
                        "gateway.joined": operation.is_joined,
                        "gateway.outcome": operation.outcome,
                        "gateway.codes": operation.codes,
                    }
                )
            )
            if operation.outcome in _FAILED:
                span.set_status(_FAULT)
        span.end(opened.at(operation.began + operation.duration_s))

    def subscription_began(self, subscription: SubscriptionEvent) -> None:
        self._begin_operation("subscription", subscription)

    def subscription_ended(self, subscription: SubscriptionEvent) -> None:
        opened: _Open = subscription.notes.pop(self)
        span = opened.span
        if span.is_recording():
            span.set_attributes(
                _present(
                    {
                        **_of_request(subscription),
                        "graphql.operation.type": "subscription",
                        "gateway.document": document_hash(subscription.document),
                        "gateway.field": subscription.field,
                        "gateway.ending": subscription.ending,
                        "gateway.codes": subscription.codes,
                        "gateway.events": subscription.events,
                        "gateway.missed": subscription.missed,
                    }
                )
            )
        span.end(opened.at(subscription.began + subscription.duration_s))

    def _begin_operation(self, name: str, told: OperationEvent | SubscriptionEvent) -> None:
        opened = self._begin(
            name, told.began, _parent_in(told.origin), SpanKind.SERVER, time_ns() - _now_ns()
        )
        told.notes[self] = opened
        told.trace = _trace_of(opened.span)

    # -- calls -----------------------------------------------------------------------------------

    def call_began(self, call: CallEvent) -> None:
        if call.is_kept:
            return
        above = self._above(call)
        opened = self._begin(
            call.route,
            call.began,
            Context() if above is None else above.context,
            SpanKind.INTERNAL if call.is_shared else SpanKind.CLIENT,
            time_ns() - _now_ns() if above is None else above.offset_ns,
        )
        call.notes[self] = opened
        call.trace = _trace_of(opened.span)
        if not call.is_shared:
            headers: dict[str, str] = {}
            _w3c.inject(headers, opened.context)
            call.headers = headers or None

    def call_ended(self, call: CallEvent) -> None:
        if call.is_kept:
            above = self._above(call)
            if above is not None:
                above.span.add_event("kept", {"gateway.route": call.route}, above.at(call.began))
            return
        opened: _Open = call.notes[self]
        span = opened.span
        if call.shared_with is not None:
            made: _Open | None = call.shared_with.notes.get(self)
            if made is not None:
                span.add_link(made.span.get_span_context())
        if span.is_recording():
            span.set_attributes(
                _present(
                    {
                        "http.request.method": call.method,
                        "http.response.status_code": call.status,
                        "http.response.body.size": call.size_bytes,
                        "http.request.resend_count": call.attempt - 1,
                        "error.type": call.error,
                        "gateway.cause": call.cause,
                        "gateway.request_id": call.request_id,
                    }
                )
            )
            if call.error is not None or call.status >= 400:
                span.set_status(_FAULT)
        span.end(opened.at(call.began + call.duration_s))

    def waited(self, wait: WaitEvent) -> None:
        above = self._above(wait)
        if above is not None:
            told: dict[str, Any] = {
                "gateway.reason": wait.reason,
                "gateway.route": wait.route,
                "gateway.duration_s": wait.duration_s,
            }
            above.span.add_event("wait", told, above.at(wait.began))

    def _above(self, told: CallEvent | WaitEvent) -> _Open | None:
        """The span of the operation for which it is."""
        operation = told.operation
        found: _Open | None = None if operation is None else operation.notes.get(self)
        return found

    def _begin(
        self, name: str, began: float, parent: Context, kind: SpanKind, offset_ns: int
    ) -> _Open:
        begun_ns = round(began * 1e9) + offset_ns
        span = self._tracer.start_span(name, parent, kind, start_time=begun_ns)
        return _Open(span, set_span_in_context(span, parent), offset_ns)


def _parent_in(origin: Origin | None) -> Context:
    """The caller's span; none of this process, which may trace something else."""
    if origin is None or origin.passed is None:
        return Context()
    return _w3c.extract(origin.passed, Context())


def _trace_of(span: Span) -> Trace | None:
    context = span.get_span_context()
    if not context.is_valid:
        return None
    return Trace(f"{context.trace_id:032x}", f"{context.span_id:016x}")


def _of_request(told: OperationEvent | SubscriptionEvent) -> dict[str, Any]:
    origin = told.origin
    return {
        "graphql.operation.name": told.name[:NAME_CHARACTERS] if told.name else None,
        "gateway.request_id": told.request_id,
        "gateway.carrier": told.carrier,
        "gateway.caller": told.caller,
        "gateway.estimated": told.estimated,
        "gateway.calls": told.calls,
        "gateway.shared": told.shared,
        "gateway.cached": told.cached,
        "gateway.retried": told.retried,
        "client.address": None if origin is None else origin.address,
        "gateway.client": None if origin is None else origin.client,
        "gateway.client_version": None if origin is None else origin.client_version,
    }


def _present(attributes: dict[str, Any]) -> dict[str, Any]:
    """Those that say something."""
    return {name: value for name, value in attributes.items() if value}


def _now_ns() -> int:
    return round(perf_counter() * 1e9)
