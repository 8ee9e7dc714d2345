"""Whether the upstream is there, asked without a credential; and if it is not, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.upstream.causes import misdirected
from gateway.upstream.wire import WireError

if TYPE_CHECKING:
    from gateway.upstream.causes import Cause
    from gateway.upstream.wire import Wire

__all__ = ["NotReady", "why_not_ready"]


class NotReady(NamedTuple):
    """A sentence without addresses, and the cause where it is known."""

    reason: str
    cause: Cause | None = None


async def why_not_ready(wire: Wire, base_path: str, *, timeout_s: float) -> NotReady | None:
    """Ask for the upstream's version; any answer of its own below 500 counts, and gives None. Cost:
    1 call, which is not retried.
    """
    try:
        answer = await wire.send("GET", f"{base_path}/version", {}, timeout_s=timeout_s)
    except WireError as error:
        if error.cause is None:
            return NotReady("the upstream does not answer")
        return NotReady(error.cause.sentence, error.cause)
    if (cause := misdirected(answer.status, answer.body)) is not None:
        return NotReady(cause.sentence, cause)
    if answer.status >= 500:
        return NotReady(f"the upstream fails (HTTP {answer.status})")
    return None
