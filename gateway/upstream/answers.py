"""Answers that say no, as errors by cause (contract, section 2).

Three shapes of bodies exist, and plain text and HTML besides. What the upstream says is repeated
where it is a short sentence of its own; never a whole body.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from gateway.errors import (
    Conflict,
    Forbidden,
    NotFound,
    RateLimited,
    RequestRefused,
    Unauthenticated,
    UpstreamInvalid,
    UpstreamUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["raise_for", "reason_in"]

MAX_REASON = 300
THROTTLED = "requested too many times"
# "403 Forbidden - <reason>", with one space or two.
_PREFIX = re.compile(r"^\d{3} [A-Za-z ]+?\s+-\s+")
_CREDENTIAL = re.compile(r"(?:gl[a-z]{2,8}-|Bearer\s+)[\w.~+/=-]+")


def reason_in(body: bytes) -> str | None:
    """The upstream's own sentence in the body of a refusal, on one line; None if it has none."""
    try:
        answer: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = body[:MAX_REASON].decode("utf-8", "replace").strip()
        return None if not text or "<" in text else _short(text)
    if not isinstance(answer, dict):
        return None
    for key in ("error_description", "message", "error"):
        if answer.get(key):
            return _short(_flat(answer[key]))
    return None


def _flat(said: Any) -> str:
    if isinstance(said, dict):
        return "; ".join(
            _flat(value) if key in ("error", "base") else f"{key}: {_flat(value)}"
            for key, value in said.items()
        )
    if isinstance(said, list):
        return ", ".join(_flat(part) for part in said)
    return str(said)


def _short(text: str) -> str:
    text = _CREDENTIAL.sub("(credential)", " ".join(text.split()))
    return text if len(text) <= MAX_REASON else text[: MAX_REASON - 1] + "…"


def raise_for(
    status: int, header: Callable[[str], str | None], body: bytes, *, endpoint: str, subject: str
) -> NoReturn:
    """Raise what an answer other than 2xx means. `subject` says what was asked for."""
    reason = reason_in(body)
    known = {
        "endpoint": endpoint,
        "status": status,
        "upstream_request_id": header("x-request-id"),
        "reason": reason,
    }
    told = _PREFIX.sub("", reason) if reason else ""
    if status == 429 or (status in (400, 403) and THROTTLED in (reason or "")):
        wait = _retry_after_s(header)
        hint = f"in {wait:.0f} s" if wait is not None else "in a minute"
        raise RateLimited(
            f"the upstream limits {subject}; try again {hint}", retry_after_s=wait, **known
        )
    if status == 401:
        raise Unauthenticated(
            f"the upstream does not accept the credential for {subject}; set a valid one in the"
            " PRIVATE-TOKEN, Authorization (Bearer) or JOB-TOKEN header",
            **known,
        )
    if status == 403:
        raise Forbidden(f"the credential does not allow {subject}{_aside(told)}", **known)
    if status == 404:
        raise NotFound(f"{subject}: does not exist, or the credential does not show it", **known)
    if status == 409:
        raise Conflict(f"{subject}: the upstream is busy with it{_aside(told)}", **known)
    if 400 <= status < 500:
        raise RequestRefused(f"the upstream refuses {subject}{_aside(told)}", **known)
    if status >= 500:
        raise UpstreamUnavailable(
            f"the upstream failed at {subject} (HTTP {status}); try again", **known
        )
    raise UpstreamInvalid(f"the upstream answered {subject} with HTTP {status}", **known)


def _aside(told: str) -> str:
    return f": {told}" if told else ""


def _retry_after_s(header: Callable[[str], str | None]) -> float | None:
    """Seconds until the upstream wants to be asked again, from either of its two headers."""
    after = header("retry-after")
    if after:
        if after.isdigit():
            return float(after)
        try:
            return max(0.0, parsedate_to_datetime(after).timestamp() - time())
        except ValueError:
            return None
    reset = header("ratelimit-reset")
    if reset and reset.isdigit():
        return max(0.0, float(reset) - time())
    return None
