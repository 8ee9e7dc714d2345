"""Records: a JSON object a line. One for each operation, and what is logged elsewhere.

Lines of operations are gathered and written a few times a second, so that an operation pays for
encoding only; anything else is written at once. Both only hand lines to a thread that writes them
(`gateway.transport.line_writer`): a reader of standard error that stalls or leaves costs records,
whose number is told, and stops nothing. No line ever holds a credential: a caller is told by the
fingerprint of theirs.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec.structs import astuple

from gateway.hooks import Hook, Trace, document_hash
from gateway.transport.line_writer import LineWriter, write_to
from gateway.upstream.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.hooks import CallEvent, OperationEvent, RequestEvent, SubscriptionEvent

__all__ = [
    "CallRecords",
    "OperationRecords",
    "RecordHandler",
    "Records",
    "record_logging",
    "standard_records",
    "told_origin",
]

WRITE_EVERY_S: Final = 0.2
# How long a process that ends waits for whoever reads its records.
LAST_LINES_S: Final = 0.5
NAME_CHARACTERS: Final = 100

_ENDPOINTS: Final = {route.name: route.endpoint for route in ROUTES}

_encode = msgspec.json.Encoder().encode


class Write(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What an operation wrote, or was refused to; see `WriteEvent`."""

    action: str
    project: int | str
    job: int | None = None
    pipeline: int | None = None
    outcome: str
    made: int | None = None


class Record(msgspec.Struct, omit_defaults=True, gc=False, rename={"kind": "record"}):
    """What is recorded of an operation, or of a request that never became one (`kind`); what it
    does not have is left out.

    `document` is the start of the document's SHA-256, `trusted` its id where it is a trusted one,
    `joined` tells that an equal operation's execution answered it,
    `caller` the fingerprint of the credential,
    `codes` the distinct `extensions.code`s of the response, `status` 499 where the caller left
    before the response, and left out where the gateway stopped before it. `address` is told where
    proxies are trusted, or addresses forwarded; `client` is what the caller's program calls itself;
    `trace_id` and `span_id` are its place in a distributed trace.
    """

    time: datetime
    level: str
    kind: Literal["operation", "request"]
    request_id: str
    carrier: str = "http"
    method: str = ""
    status: int = 0
    # Always told: no record has these defaults.
    duration_ms: float = -1.0
    bytes: int = -1
    operation: str | None = None
    type: str | None = None
    document: str | None = None
    caller: str | None = None
    codes: tuple[str, ...] = ()
    estimated: int = 0
    calls: int = 0
    shared: int = 0
    cached: int = 0
    retried: int = 0
    writes: tuple[Write, ...] = ()
    trusted: str | None = None
    joined: bool = False


class _PlacedRecord(Record, omit_defaults=True, gc=False, rename={"kind": "record"}):
    """A record of what tells where it came from."""

    address: str = ""
    client: str = ""
    client_version: str = ""
    trace_id: str = ""
    span_id: str = ""


_placed: Callable[..., _PlacedRecord] = _PlacedRecord


class _CallRecord(msgspec.Struct, omit_defaults=True):
    """A request to the upstream. `endpoint` is its route, without what was asked for; `status` is
    left out where no answer came, and `code` and `cause` then tell why. One that was answered by
    what is kept is `cached`, one that waited for another operation's is `shared`.
    """

    time: datetime
    level: str
    record: str
    request_id: str
    endpoint: str
    attempt: int
    duration_ms: float
    bytes: int
    status: int = 0
    code: str | None = None
    cause: str | None = None
    cached: bool = False
    shared: bool = False
    trace_id: str = ""
    span_id: str = ""


class _LogRecord(msgspec.Struct, omit_defaults=True):
    time: datetime
    level: str
    record: str
    message: str
    traceback: str | None = None


class Records:
    """Writes records with `write`, which takes whole lines and returns at once."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._lock = Lock()

    def gather(self, line: bytes) -> None:
        """Write a line with others, `WRITE_EVERY_S` later; from the event loop."""
        self._lines.append(line)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WRITE_EVERY_S, self.flush)

    def tell(self, line: bytes) -> None:
        """Write a line at once, after those that wait; from any thread."""
        self._lines.append(line)
        self._write_lines()

    def flush(self) -> None:
        """Write what waits; the last call is the owner's, at the end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._write_lines()

    def _write_lines(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
            if lines:
                self._write(b"\n".join([*lines, b""]))


class OperationRecords(Hook):
    """One record for each operation, and for each request that never became one."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def operation_ended(self, operation: OperationEvent) -> None:
        name, document = operation.name, operation.document
        # By position: names cost as much as the rest.
        record = Record(
            datetime.now(UTC),
            "info",
            "operation",
            operation.request_id,
            operation.carrier,
            operation.method,
            operation.status,
            round(operation.duration_s * 1000, 3),
            operation.size_bytes,
            name[:NAME_CHARACTERS] if name else None,
            operation.type,
            document_hash(document) if document else None,
            operation.caller,
            operation.codes,
            operation.estimated,
            operation.calls,
            operation.shared,
            operation.cached,
            operation.retried,
            _told_writes(operation) if operation.writes else (),
            operation.trusted,
            operation.is_joined,
        )
        if operation.origin is not None or operation.trace is not None:
            record = _placed(*astuple(record), *told_origin(operation))
        self._records.gather(_encode(record))

    def request_ended(self, request: RequestEvent) -> None:
        self._records.gather(
            _encode(
                Record(
                    datetime.now(UTC),
                    "info",
                    "request",
                    request.request_id,
                    request.carrier,
                    request.method,
                    request.status,
                    round(request.duration_s * 1000, 3),
                    request.size_bytes,
                    codes=request.codes,
                )
            )
        )


class CallRecords(Hook):
    """One record for each request to the upstream, at level debug."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def call_ended(self, call: CallEvent) -> None:
        self._records.gather(
            _encode(
                _CallRecord(
                    time=datetime.now(UTC),
                    level="debug",
                    record="call",
                    request_id=call.request_id,
                    endpoint=_ENDPOINTS.get(call.route, call.route),
                    attempt=call.attempt,
                    duration_ms=round(call.duration_s * 1000, 3),
                    bytes=call.size_bytes,
                    status=call.status,
                    code=call.error,
                    cause=call.cause,
                    cached=call.is_kept,
                    shared=call.is_shared,
                    trace_id=call.trace.trace_id if call.trace else "",
                    span_id=call.trace.span_id if call.trace else "",
                )
            )
        )


class RecordHandler(logging.Handler):
    """Sends what modules log (`logging`) the same way."""

    def __init__(self, records: Records) -> None:
        super().__init__()
        self._records = records
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            formatter = self.formatter or logging.Formatter()
            line = _LogRecord(
                time=datetime.fromtimestamp(record.created, UTC),
                level=record.levelname.lower(),
                record=record.name,
                message=record.getMessage(),
                traceback=formatter.formatException(record.exc_info) if record.exc_info else None,
            )
            self._records.tell(_encode(line))
        except Exception:  # noqa: BLE001 - a record must not end what it tells of
            self.handleError(record)


def standard_records(lock: int | None = None) -> Records:
    """Records on standard error; where several processes write there they take turns by a file that
    all have open, `lock`.
    """
    writer = LineWriter(write_to(sys.stderr, lock), dropped_records)
    atexit.register(writer.drain, LAST_LINES_S)
    return Records(writer.write)


def dropped_records(number: int) -> bytes:
    """The record that tells how many are lacking before it."""
    message = f"{number} records were dropped: standard error was not read, or not fast enough"
    line = _LogRecord(datetime.now(UTC), "warning", "gateway.transport.records", message)
    return _encode(line) + b"\n"


def record_logging(records: Records, level: str) -> None:
    """Make what modules log records as well, for the whole process."""
    logging.basicConfig(level=level.upper(), handlers=[RecordHandler(records)], force=True)
    # They tell addresses, and what headers came back, which may repeat a credential.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.root.level))
    if level != "debug":
        # uvicorn tells of its starting and stopping at info; `jobs-gateway` does so itself.
        logging.getLogger("uvicorn").setLevel(max(logging.WARNING, logging.root.level))


def told_origin(told: OperationEvent | SubscriptionEvent) -> tuple[str, str, str, str, str]:
    """Address, client and its version, trace and span id; empty for what is not known."""
    origin, trace = told.origin, told.trace
    if origin is None:
        return _NO_ORIGIN if trace is None else ("", "", "", trace.trace_id, trace.span_id)
    trace = trace or origin.trace or _NO_TRACE
    client, version = origin.client, origin.client_version
    return origin.address, client, version, trace.trace_id, trace.span_id


_NO_ORIGIN: Final = ("",) * 5
_NO_TRACE: Final = Trace("")


def _told_writes(operation: OperationEvent) -> tuple[Write, ...]:
    return tuple(
        Write(
            action=write.action,
            project=write.project,
            job=write.job,
            pipeline=write.pipeline,
            outcome=write.outcome,
            made=write.made,
        )
        for write in operation.writes
    )
