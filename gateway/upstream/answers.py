"""Answers that say no, as errors by cause (upstream.md, 2).

Three shapes of bodies exist, and lists, plain text and HTML besides. What the upstream says is
repeated where it is a short sentence of its own; never a whole body, never a credential.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING, Any, Final

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
    from gateway.errors import UpstreamError
    from gateway.upstream.credential import Credential
    from gateway.upstream.wire import Answer, Body, HeaderLookUp

__all__ = ["error_of", "reason_in", "retry_after_s"]

MAX_REASON: Final = 300
# More of a body is not looked at: no refusal is that long.
MAX_READ_BYTES: Final = 64 * 1024
# A limit may be told with another status than 429 (upstream.md, 4.5).
THROTTLED: Final = "requested too many times"
HEADERS: Final = "PRIVATE-TOKEN, Authorization (Bearer) or JOB-TOKEN"

# "403 Forbidden - <reason>", with one space or two.
_PREFIX = re.compile(r"^\d{3} [A-Za-z ]+?\s+-\s+")
_TOKEN = re.compile(r"(?:\bgl[a-z]{2,8}-|Bearer\s+)[\w.~+/=-]+")


def error_of(
    answer: Answer, *, endpoint: str, subject: str, credential: Credential | None
) -> UpstreamError:
    """The error that an answer other than 2xx means. `subject` says what was asked for."""
    status = answer.status
    reason = reason_in(answer.body, credential)
    told = f": {_PREFIX.sub('', reason)}" if reason else ""
    request_id = answer.header("x-request-id")
    if status == 429 or (status in {400, 403} and THROTTLED in (reason or "")):
        wait_s = retry_after_s(answer.header)
        return RateLimited(
            f"the upstream limits how often {subject} may be asked for; try again"
            f" {'in a minute' if wait_s is None else f'in {wait_s:.0f} s'}",
            endpoint=endpoint,
            status=status,
            upstream_request_id=request_id,
            reason=reason,
            retry_after_s=wait_s,
        )
    kind: type[UpstreamError]
    if status == 401 and credential is None:
        kind = Unauthenticated
        message = f"{subject}: the upstream asks for a credential; set the header {HEADERS}"
    elif status == 401:
        kind = Unauthenticated
        message = (
            f"{subject}: the upstream does not accept the credential{told};"
            f" set a valid one in the header {HEADERS}"
        )
    elif status == 403:
        kind = Forbidden
        message = f"{subject}: the credential does not allow it{told}"
    elif status == 404:
        kind = NotFound
        place = "its project" if "project" in told.lower() and "project" not in subject[:7] else ""
        message = (
            f"{subject}: {place or 'it'} does not exist, or is not visible with"
            f" {'this credential' if credential else 'no credential'}"
        )
    elif status == 409:
        kind = Conflict
        message = f"{subject}: not at the moment{told}"
    elif 400 <= status < 500:
        kind = RequestRefused
        message = f"{subject}: the upstream refuses{told or f' (HTTP {status})'}"
    elif status >= 500:
        kind = UpstreamUnavailable
        message = f"{subject}: the upstream failed (HTTP {status}); try again"
    else:
        kind = UpstreamInvalid
        message = f"{subject}: the upstream answered HTTP {status}, which means nothing here"
    return kind(
        message, endpoint=endpoint, status=status, upstream_request_id=request_id, reason=reason
    )


def reason_in(body: Body, credential: Credential | None = None) -> str | None:
    """The upstream's own sentence in the body of a refusal, on one line; None if it has none."""
    text = _sentence(bytes(body[:MAX_READ_BYTES]))
    text = " ".join(text.split())
    if credential is not None:
        text = text.replace(credential.value.rpartition(" ")[2], "(credential)")
    text = _TOKEN.sub("(credential)", text)
    if len(text) > MAX_REASON:
        text = f"{text[: MAX_REASON - 1]}…"
    return text or None


def retry_after_s(header: HeaderLookUp) -> float | None:
    """Seconds after which the upstream wants to be asked again, from either of two headers."""
    after = header("retry-after")
    if after:
        if after.isdecimal():
            return float(after)
        try:
            return max(0.0, parsedate_to_datetime(after).timestamp() - time())
        except ValueError:
            return None
    reset = header("ratelimit-reset")
    if reset and reset.isdecimal():
        return max(0.0, float(reset) - time())
    return None


def _sentence(body: bytes) -> str:
    try:
        said: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = body.decode("utf-8", "replace")
        # A page of a proxy says nothing to a reader of one line.
        return "" if "<" in text else text
    if isinstance(said, dict):
        said = said.get("error_description") or said.get("message") or said.get("error")
    return _flat(said, 3)


def _flat(said: Any, depth: int) -> str:
    if isinstance(said, dict) and depth:
        return "; ".join(
            _flat(value, depth - 1)
            if key in {"error", "base"}
            else f"{key}: {_flat(value, depth - 1)}"
            for key, value in said.items()
        )
    if isinstance(said, list) and depth:
        return ", ".join(_flat(part, depth - 1) for part in said)
    return said if isinstance(said, str) else ""
