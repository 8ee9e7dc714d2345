"""A job as an answer holds it, and how a wire fails."""

from __future__ import annotations

from typing import Any, Final

from gateway.upstream.causes import Cause
from gateway.upstream.wire import ConnectionBroken, NotConnected, TimedOut

__all__ = ["CUT", "JOB", "LATE", "PLACED", "UNSENT"]

JOB: Final[dict[str, Any]] = {"id": 7, "status": "success", "name": "build"}
PLACED: Final = JOB | {"pipeline": {"id": 6, "project_id": 1}}

UNSENT: Final = NotConnected(Cause.CONNECTION_REFUSED)
CUT: Final = ConnectionBroken("the connection to the upstream broke")
LATE: Final = TimedOut("the upstream did not answer in time")
