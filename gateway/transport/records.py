"""Records: a JSON object a line. One for each request at level info, and what is logged elsewhere.

Lines of requests are gathered and written a few times a second, so that a request pays for encoding
only; anything else is written at once. No line ever holds a credential: a caller is told by the
fingerprint of theirs.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.transport.visit import Visit

__all__ = ["RecordHandler", "Records", "RequestRecord", "record_logging", "standard_records"]

WRITE_EVERY_S: Final = 0.2
NAME_CHARACTERS: Final = 100
# Longer documents are rare, and hashing one costs little beside running it.
REMEMBERED_CHARACTERS: Final = 16_384

_encode = msgspec.json.Encoder().encode


class RequestRecord(msgspec.Struct, omit_defaults=True, rename={"kind": "record"}):
    """What is recorded of a request; what it does not have is left out.

    `document` is the start of the document's SHA-256, `caller` the fingerprint of the credential,
    `codes` the distinct `extensions.code`s of the response, `status` 499 where the caller left
    before the response.
    """

    time: datetime
    level: str
    kind: str
    request_id: str
    method: str
    status: int
    duration_ms: float
    bytes: int
    operation: str | None = None
    type: str | None = None
    document: str | None = None
    caller: str | None = None
    codes: tuple[str, ...] | None = None
    estimated: int = 0
    calls: int = 0
    shared: int = 0
    cached: int = 0
    retried: int = 0


class _LogRecord(msgspec.Struct, omit_defaults=True):
    time: datetime
    level: str
    record: str
    message: str
    traceback: str | None = None


class Records:
    """Writes records with `write`, which takes whole lines."""

    def __init__(self, write: Callable[[bytes], object], *, tells_requests: bool = True) -> None:
        self.tells_requests = tells_requests
        self._write = write
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._lock = Lock()

    def tell_request(
        self, visit: Visit, *, status: int, size_bytes: int, codes: tuple[str, ...]
    ) -> None:
        """Record a request that was answered (or left); called once for each."""
        record = RequestRecord(
            time=datetime.now(UTC),
            level="info",
            kind="request",
            request_id=visit.request_id,
            method=visit.method,
            status=status,
            duration_ms=round((perf_counter() - visit.began) * 1000, 3),
            bytes=size_bytes,
            codes=codes or None,
            document=document_hash(visit.document) if visit.document else None,
        )
        if (scope := visit.upstream) is not None:
            tally = scope.tally
            if scope.credential is not None:
                record.caller = scope.credential.fingerprint
            record.calls, record.shared = tally.calls, tally.shared
            record.cached, record.retried = tally.cached, tally.retried
        if (outcome := visit.outcome) is not None:
            name = outcome.operation_name
            record.operation = name[:NAME_CHARACTERS] if name else None
            record.type = outcome.operation_type
            record.estimated = outcome.estimated_calls
        self._lines.append(_encode(record))
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


def standard_records(level: str) -> Records:
    """Records on standard error; those of requests from level info down."""
    stream = sys.stderr.buffer

    def write(lines: bytes) -> None:
        # A reader that went away must not stop the gateway.
        with suppress(OSError):
            stream.write(lines)
            stream.flush()

    return Records(write, tells_requests=level in {"debug", "info"})


def record_logging(records: Records, level: str) -> None:
    """Make what modules log records as well, for the whole process."""
    logging.basicConfig(level=level.upper(), handlers=[RecordHandler(records)], force=True)
    if level != "debug":
        # uvicorn tells of its starting and stopping at info; `jobs-gateway` does so itself.
        logging.getLogger("uvicorn").setLevel(max(logging.WARNING, logging.root.level))


def document_hash(document: str) -> str:
    """The first 16 hexadecimal digits of a document's SHA-256."""
    if len(document) > REMEMBERED_CHARACTERS:
        return _hash(document)
    return _remembered_hash(document)


def _hash(document: str) -> str:
    return sha256(document.encode(errors="replace")).hexdigest()[:16]


_remembered_hash = lru_cache(maxsize=1000)(_hash)
