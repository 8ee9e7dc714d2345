"""Counts what hooks tell.

What is counted for each operation and call is one look-up and a few additions: no label is made
twice. The values of a label that callers choose are bounded; what is beyond is `other`.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

import gateway.telemetry.catalogue as catalogue
from gateway.hooks import Hook, document_hash

if TYPE_CHECKING:
    from gateway.hooks import (
        CallEvent,
        LimitEvent,
        OperationEvent,
        RequestEvent,
        SubscriptionEvent,
        WaitEvent,
    )
    from gateway.telemetry.catalogue import Metric
    from gateway.telemetry.cells import Cells

__all__ = ["Metrics"]

# Documents that are told by their hash; later ones are `other`.
MAX_HASHED: Final = 300
# Shorter ones are looked up as they are, which costs less than their hash.
LOOKED_UP_CHARACTERS: Final = 4_000
# Of all else that is counted, for a kind of event.
MAX_SERIES: Final = 2_000
OTHER: Final = "other"


class Metrics(Hook):
    """Counts into cells. One for a process."""

    def __init__(self, cells: Cells) -> None:
        self.count_in(cells)

    def count_in(self, cells: Cells) -> None:
        """Count in these from now on."""
        self._cells = cells
        # Where the numbers of an operation stand: its count, its duration.
        self._operations: dict[tuple[str, str | None, str], tuple[int, int]] = {}
        self._hashed: set[str] = set()
        # Of a call: its count; its duration, 0 where it was not made.
        self._calls: dict[tuple[str, bool, bool, bool, int | str | None], tuple[int, int]] = {}
        self._others: dict[tuple[Metric, tuple[str, ...]], int] = {}

    # -- operations ------------------------------------------------------------------------------

    def operation_ended(self, operation: OperationEvent) -> None:
        document = operation.document or ""
        if len(document) > LOOKED_UP_CHARACTERS:
            document = document_hash(document)
        key = (document, operation.name, operation.outcome)
        counts = self._operations.get(key) or self._counts_of(operation, key)
        values, duration_s, at = self._cells.values, operation.duration_s, counts[1]
        values[counts[0]] += 1
        values[at] += duration_s
        values[at + 1 + bisect_left(catalogue.SECONDS, duration_s)] += 1
        if operation.is_joined:
            self._add(catalogue.OPERATIONS_JOINED)
        for code in operation.codes:
            self._add(catalogue.OPERATION_ERRORS, code)
        for write in operation.writes:
            self._add(catalogue.WRITES, write.action, write.outcome)

    def _counts_of(
        self, operation: OperationEvent, key: tuple[str, str | None, str]
    ) -> tuple[int, int]:
        kind, label, hashed = operation.type, OTHER, document_hash(operation.document or "")
        if kind is None:
            # No operation was found, or its document was refused.
            label = "none"
        elif operation.trusted is not None:
            label = operation.name or hashed
        elif hashed in self._hashed or len(self._hashed) < MAX_HASHED:
            self._hashed.add(hashed)
            label = hashed
        counts = (
            self._cells.slot(catalogue.OPERATIONS, label, kind or "none", operation.outcome),
            self._cells.slot(catalogue.OPERATION_SECONDS, label, kind or "none"),
        )
        if label not in {"none", OTHER} and len(self._operations) < MAX_SERIES:
            self._operations[key] = counts
        return counts

    def request_ended(self, request: RequestEvent) -> None:
        self._add(catalogue.REQUESTS_REFUSED, str(request.status))

    def limit_exceeded(self, limit: LimitEvent) -> None:
        self._add(catalogue.LIMITS, limit.limit, "refused" if limit.is_refused else "measured")

    # -- subscriptions ---------------------------------------------------------------------------

    def subscription_began(self, subscription: SubscriptionEvent) -> None:
        self._add(catalogue.SUBSCRIPTIONS, subscription.field)

    def subscription_ended(self, subscription: SubscriptionEvent) -> None:
        field = subscription.field
        self._add(catalogue.SUBSCRIPTIONS, field, by=-1)
        self._add(catalogue.SUBSCRIPTIONS_ENDED, field, subscription.ending)
        self._add(catalogue.SUBSCRIPTION_EVENTS, field, by=subscription.events)
        self._add(catalogue.SUBSCRIPTION_MISSED, field, by=subscription.missed)

    # -- calls -----------------------------------------------------------------------------------

    def call_ended(self, call: CallEvent) -> None:
        key = (
            call.route,
            call.is_kept,
            call.is_shared,
            call.attempt > 1,
            call.status or call.error,
        )
        counts = self._calls.get(key) or self._call_counts_of(call, key)
        values, at = self._cells.values, counts[1]
        values[counts[0]] += 1
        if at:
            duration_s = call.duration_s
            values[at] += duration_s
            values[at + 1 + bisect_left(catalogue.SECONDS, duration_s)] += 1

    def _call_counts_of(
        self, call: CallEvent, key: tuple[str, bool, bool, bool, int | str | None]
    ) -> tuple[int, int]:
        outcome = str(key[-1]) if len(self._calls) < MAX_SERIES else OTHER
        origin = "made"
        if call.is_kept:
            origin = "kept"
        elif call.is_shared:
            origin = "shared"
        elif call.attempt > 1:
            origin = "retried"
        is_made = origin in {"made", "retried"}
        counts = (
            self._cells.slot(catalogue.CALLS, call.route, origin, outcome),
            self._cells.slot(catalogue.CALL_SECONDS, call.route) if is_made else 0,
        )
        if outcome != OTHER:
            self._calls[key] = counts
        return counts

    def waited(self, wait: WaitEvent) -> None:
        self.observe(catalogue.WAITS, wait.duration_s, wait.reason)

    # -- for others ------------------------------------------------------------------------------

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Count a value in a histogram."""
        at = self._slot(metric, labels)
        values = self._cells.values
        values[at] += value
        values[at + 1 + bisect_left(metric.bounds, value)] += 1

    def _add(self, metric: Metric, *labels: str, by: float = 1) -> None:
        at = self._slot(metric, labels)
        self._cells.values[at] += by

    def _slot(self, metric: Metric, labels: tuple[str, ...]) -> int:
        at = self._others.get((metric, labels))
        if at is None:
            if len(self._others) >= MAX_SERIES:
                return self._cells.slot(metric, *[OTHER] * len(labels))
            at = self._others[metric, labels] = self._cells.slot(metric, *labels)
        return at
