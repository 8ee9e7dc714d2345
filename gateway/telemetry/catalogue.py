"""The metrics: name, kind, labels, and what they say (docs/operations.md, metrics).

Labels have few values. An operation is told by its name only where its document is trusted; any
other by the hash of its document, as records do, and only so many of them.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

__all__ = ["METRICS", "SECONDS", "Metric"]

# Upper ends of buckets.
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LAG_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Metric(Struct, frozen=True, eq=False):
    """A metric. `merge` says how the values of several workers become one. A histogram has
    `bounds`; a counter's name ends in `_total`.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    merge: Literal["sum", "min", "max"] = "sum"

    @property
    def size(self) -> int:
        """How many numbers it holds for one set of labels: a histogram its sum, then a count for
        each bucket, the last one without an end.
        """
        return 2 + len(self.bounds) if self.kind == "histogram" else 1


def _counter(name: str, help_: str, *labels: str) -> Metric:
    return Metric(name, "counter", help_, labels)


def _histogram(name: str, help_: str, *labels: str, bounds: tuple[float, ...] = SECONDS) -> Metric:
    return Metric(name, "histogram", help_, labels, bounds)


def _gauge(
    name: str, help_: str, *labels: str, merge: Literal["sum", "min", "max"] = "sum"
) -> Metric:
    return Metric(name, "gauge", help_, labels, merge=merge)


OPERATIONS: Final = _counter(
    "gateway_operations_total",
    "Operations that have ended, by what became of them; subscriptions have metrics of their own.",
    "operation",
    "type",
    "outcome",
)
OPERATION_SECONDS: Final = _histogram(
    "gateway_operation_duration_seconds",
    "From the first byte of an operation's request to its response.",
    "operation",
    "type",
)
OPERATIONS_JOINED: Final = _counter(
    "gateway_operations_joined_total",
    "Operations that were executed together with an equal one, which had begun before.",
)
OPERATION_ERRORS: Final = _counter(
    "gateway_operation_errors_total", "Operations that had an error of this code.", "code"
)
REQUESTS_REFUSED: Final = _counter(
    "gateway_requests_total",
    "Requests that never became an operation, by status: refused, preflights, pages.",
    "status",
)
WRITES: Final = _counter(
    "gateway_writes_total",
    "Writes that operations asked for: DONE, or why not.",
    "action",
    "outcome",
)
CALLS: Final = _counter(
    "gateway_calls_total",
    "Reads and writes of the upstream by how they were answered. Of them `made` and `retried` are"
    " requests to the upstream; `shared` waited for an equal one, `kept` were answered by what was"
    " read before.",
    "route",
    "origin",
    "outcome",
)
CALL_SECONDS: Final = _histogram(
    "gateway_call_duration_seconds",
    "From a request to the upstream to its answer, a stream's first byte.",
    "route",
)
WAITS: Final = _histogram(
    "gateway_call_wait_seconds",
    "How long calls have waited that had to: for room in their operation, for the pace of the"
    " upstream's limits, for a place among the connections, before they are sent again.",
    "reason",
)
LIMITS: Final = _counter(
    "gateway_limits_exceeded_total",
    "What was over a limit, by its setting: refused, or measured only (GATEWAY_LIMITS=measure).",
    "limit",
    "action",
)
SUBSCRIPTIONS: Final = _gauge("gateway_subscriptions", "Subscriptions that run.", "field")
SUBSCRIPTIONS_ENDED: Final = _counter(
    "gateway_subscriptions_ended_total", "Subscriptions that have ended.", "field", "ending"
)
SUBSCRIPTION_EVENTS: Final = _counter(
    "gateway_subscription_events_total",
    "Responses of subscriptions, counted when they end.",
    "field",
)
SUBSCRIPTION_MISSED: Final = _counter(
    "gateway_subscription_missed_total",
    "States that slow subscribers missed, counted when they end.",
    "field",
)
LOOP_LAG: Final = _histogram(
    "gateway_loop_lag_seconds",
    "How late the event loop was, asked twice a second.",
    bounds=LAG_SECONDS,
)
RUNNING: Final = _gauge("gateway_operations_in_flight", "Operations that run.")
WEB_SOCKETS: Final = _gauge("gateway_websockets", "Open WebSockets.")
PACE_LEFT: Final = _gauge(
    "gateway_pace_left_ratio",
    "Part of the upstream's limit that is left, of the credential that has the least left.",
    "limiter",
    merge="min",
)
PACE_WAITING: Final = _gauge(
    "gateway_pace_waiting", "Reads that wait for what a limiter of the upstream leaves.", "limiter"
)
PLACES_USED: Final = _gauge("gateway_connections_used", "Connections to the upstream in use.")
PLACES: Final = _gauge("gateway_connections_max", "Connections to the upstream that may be used.")
CIRCUIT: Final = _gauge(
    "gateway_circuit_open",
    "1 while nobody answers at the upstream, and all calls are refused for a moment.",
    merge="max",
)
ROUTE_CIRCUITS: Final = _gauge(
    "gateway_route_circuits_open",
    "Credentials whose calls to a route are refused for a moment, since it fails.",
    "route",
)
CREDENTIALS: Final = _gauge(
    "gateway_credentials",
    "Credentials that are remembered, by whether the upstream has accepted them.",
    "standing",
)
KEPT_BYTES: Final = _gauge("gateway_kept_bytes", "Memory that kept reads take, as estimated.")
KEPT_MAX: Final = _gauge("gateway_kept_max_bytes", "Memory that kept reads may take.")
STORE_UP: Final = _gauge(
    "gateway_store_up",
    "1 while the shared store answers in time, 0 while all goes on without it.",
    merge="min",
)
STORE_OUTAGES: Final = _counter(
    "gateway_store_outages_total", "How often the shared store was away after it had been there."
)
STORE_COMMANDS: Final = _counter(
    "gateway_store_commands_total",
    "Commands to the shared store: answered; refused by it; slow, so that nobody waited longer;"
    " lost with the connection; not sent, since it was known to be away.",
    "outcome",
)
STORE_GATEWAYS: Final = _gauge(
    "gateway_store_gateways",
    "Processes that share the store with this one, itself counted, as far as is known.",
    merge="min",
)
POLLERS: Final = _gauge("gateway_pollers", "Pollers of what is watched.", "subject")
DOCUMENTS: Final = _gauge("gateway_documents", "Documents in memory.", "store")
INFO: Final = _gauge("gateway_info", "1, with the version.", "version", merge="max")
WORKERS: Final = _gauge("gateway_workers", "Processes that serve.")

METRICS: Final = {
    metric.name: metric for metric in list(globals().values()) if isinstance(metric, Metric)
}
