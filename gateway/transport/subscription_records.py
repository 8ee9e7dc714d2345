"""Records of subscriptions: a line when one begins, and one when it has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from gateway.hooks import Hook, document_hash
from gateway.transport.records import NAME_CHARACTERS, told_origin

if TYPE_CHECKING:
    from gateway.hooks import SubscriptionEvent
    from gateway.transport.records import Records

__all__ = ["SubscriptionRecords"]

_encode = msgspec.json.Encoder().encode


class _SubscriptionRecord(msgspec.Struct, omit_defaults=True):
    """A subscription, when it begins and when it ends; see `SubscriptionEvent`."""

    time: datetime
    level: str
    record: str
    request_id: str
    carrier: str
    field: str
    operation: str | None = None
    document: str | None = None
    caller: str | None = None
    ending: str = ""
    duration_ms: float = 0.0
    bytes: int = 0
    events: int = 0
    missed: int = 0
    codes: tuple[str, ...] = ()
    estimated: int = 0
    calls: int = 0
    shared: int = 0
    cached: int = 0
    retried: int = 0
    trusted: str | None = None
    address: str = ""
    client: str = ""
    client_version: str = ""
    trace_id: str = ""
    span_id: str = ""


class SubscriptionRecords(Hook):
    """A record when a subscription begins, and one when it ends."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def subscription_began(self, subscription: SubscriptionEvent) -> None:
        self._write("subscription began", subscription)

    def subscription_ended(self, subscription: SubscriptionEvent) -> None:
        self._write("subscription", subscription)

    def _write(self, kind: str, told: SubscriptionEvent) -> None:
        address, client, client_version, trace_id, span_id = told_origin(told)
        self._records.gather(
            _encode(
                _SubscriptionRecord(
                    time=datetime.now(UTC),
                    level="info",
                    record=kind,
                    request_id=told.request_id,
                    carrier=told.carrier,
                    operation=told.name[:NAME_CHARACTERS] if told.name else None,
                    field=told.field,
                    document=document_hash(told.document),
                    caller=told.caller,
                    estimated=told.estimated,
                    ending="" if kind != "subscription" else told.ending,
                    duration_ms=round(told.duration_s * 1000, 3),
                    events=told.events,
                    missed=told.missed,
                    bytes=told.size_bytes,
                    codes=told.codes,
                    calls=told.calls,
                    shared=told.shared,
                    cached=told.cached,
                    retried=told.retried,
                    trusted=told.trusted,
                    address=address,
                    client=client,
                    client_version=client_version,
                    trace_id=trace_id,
                    span_id=span_id,
                )
            )
        )
