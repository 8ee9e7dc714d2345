"""Answers that say no, as errors by cause (upstream.md, 2).

Three shapes of bodies exist, and lists, plain text and HTML besides. What the upstream says is
repeated where it is a short sentence of its own; never a whole body, never a credential.

To a write, an answer says more than yes or no: `error_of` keeps apart what was not carried out, and
what may have been (`OutcomeUnknown`).
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from gateway.errors import (
    Conflict,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Redirected,
    RequestRefused,
    Unauthenticated,
    UpstreamInvalid,
    UpstreamUnavailable,
)
from gateway.upstream.wire import whole_number

if TYPE_CHECKING:
    from gateway.errors import UpstreamError
    from gateway.upstream.credential import Credential
    from gateway.upstream.wire import Answer, Body, HeaderLookUp

__all__ = ["error_of", "reason_in", "retry_after_s", "unreadable_write"]

MAX_REASON: Final = 300
# More of a body is not looked at: no refusal is that long.
MAX_READ_BYTES: Final = 64 * 1024
# A limit may be told with another status than 429 (upstream.md, 4.6).
THROTTLED: Final = "requested too many times"
HEADERS: Final = "PRIVATE-TOKEN, Authorization (Bearer) or JOB-TOKEN"
# A write by a project's former path (upstream.md, 9).
MOVED: Final = "moved projects"
# Statuses from 500 on of which the sender says that the request was not handled: RFC 9110, 15.6
# (501, 503, 505) and RFC 6585 (511); a front end of gitlab.com that found nobody to hand it to.
# Any other may come after the work was done: 500 from an application that failed behind it, 502 and
# 504 from a proxy whose upstream was cut off, or took too long.
NOT_HANDLED: Final = frozenset({501, 503, 505, 511, 521, 523, 525, 526})
# A proxy's 503 for a request that it had handed on (Envoy), unless it could not connect.
CUT_OFF: Final = "reset before headers"
UNSENT: Final = ("connection failure", "connection refused", "overflow")
# Longer waits are no more than a way to say never.
MAX_WAIT_S: Final = 366 * 24 * 3600.0

# "403 Forbidden - <reason>", with one space or two.
_PREFIX = re.compile(r"^\d{3} [A-Za-z ]+?\s+-\s+")
_TOKEN = re.compile(r"(?:\bgl[a-z]{2,8}-|Bearer\s+)[\w.~+/=-]+")


def error_of(
    answer: Answer,
    *,
    endpoint: str,
    subject: str,
    credential: Credential | None,
    is_read: bool = True,
) -> UpstreamError:
    """The error that an answer other than 2xx means. `subject` says what was asked for."""
    status = answer.status
    reason = reason_in(answer.body, credential)
    told = f": {_PREFIX.sub('', reason)}" if reason else ""
    request_id = answer.header("x-request-id")
    wait_s = _wait_s(answer.header("retry-after"))
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
    elif not is_read and (300 <= status < 400 or (status == 405 and MOVED in (reason or ""))):
        kind = Redirected
        message = f"{subject}: {_leads(answer, credential)}"
    elif status == 409:
        kind = Conflict
        message = f"{subject}: not at the moment{told}"
    elif 400 <= status < 500:
        kind = RequestRefused
        message = f"{subject}: the upstream refuses{told or f' (HTTP {status})'}"
    elif status >= 500:
        is_open = is_read or (status in NOT_HANDLED and not _was_handed_on(reason))
        kind = UpstreamUnavailable if is_open else OutcomeUnknown
        after = "" if wait_s is None else f" in {wait_s:.0f} s"
        message = f"{subject}: the upstream failed (HTTP {status}){told}; " + (
            f"try again{after}"
            if is_open
            else "it may or may not have been done, so read the job before trying again"
        )
    else:
        kind = UpstreamInvalid
        message = f"{subject}: the upstream answered HTTP {status}, which means nothing here"
    return kind(
        message,
        endpoint=endpoint,
        status=status,
        upstream_request_id=request_id,
        reason=reason,
        retry_after_s=wait_s,
    )


def unreadable_write(answer: Answer, endpoint: str) -> UpstreamError:
    """The error for a 2xx answer to a write whose body cannot be read. The status tells that it was
    carried out; but a page comes from something else than the API, a sign-in for instance.
    """
    is_page = (answer.header("content-type") or "").lower().startswith("text/html")
    kind = OutcomeUnknown if is_page else UpstreamInvalid
    error = kind(
        "a page came in place of an answer, so the write may or may not have happened; read the job"
        " before trying again"
        if is_page
        else f"the write was carried out (HTTP {answer.status}), but its answer cannot be read",
        endpoint=endpoint,
        status=answer.status,
        upstream_request_id=answer.header("x-request-id"),
    )
    if isinstance(error, UpstreamInvalid):
        error.was_carried_out = True
    return error


def reason_in(body: Body, credential: Credential | None = None) -> str | None:
    """The upstream's own sentence in the body of a refusal, on one line; None if it has none."""
    return _cleaned(_sentence(bytes(body[:MAX_READ_BYTES])), credential) or None


def _cleaned(text: str, credential: Credential | None) -> str:
    """Text of the upstream on one short line, without a credential."""
    text = " ".join(text.split())
    if credential is not None:
        text = text.replace(credential.value.rpartition(" ")[2], "(credential)")
    text = _TOKEN.sub("(credential)", text)
    if len(text) > MAX_REASON:
        text = f"{text[: MAX_REASON - 1]}…"
    return text


def retry_after_s(header: HeaderLookUp) -> float | None:
    """Seconds after which the upstream wants to be asked again, from either of two headers."""
    after = header("retry-after")
    if after:
        return _wait_s(after)
    reset = whole_number(header("ratelimit-reset"))
    return None if reset is None else min(max(0.0, reset - time()), MAX_WAIT_S)


def _wait_s(after: str | None) -> float | None:
    """What a Retry-After tells (RFC 9110, 10.2.3): seconds or a date; None for anything else."""
    if not after:
        return None
    seconds = whole_number(after)
    if seconds is not None:
        return min(float(seconds), MAX_WAIT_S)
    try:
        return min(max(0.0, parsedate_to_datetime(after).timestamp() - time()), MAX_WAIT_S)
    except (ValueError, OverflowError):
        return None


def _was_handed_on(reason: str | None) -> bool:
    text = (reason or "").lower()
    return CUT_OFF in text and not any(words in text for words in UNSENT)


def _leads(answer: Answer, credential: Credential | None) -> str:
    """Where the answer to a write leads, without what an address may carry beside its place."""
    if answer.status == 405:
        return (
            "the project has moved, and the upstream takes no writes by its former path; name the"
            " project by number, or by its new path"
        )
    place = ""
    try:
        scheme, host, path, _, _ = urlsplit(answer.header("location") or "")
        if host or path:
            named = f"{scheme}://{host.rpartition('@')[2]}" if host else ""
            place = f" to {_cleaned(named + path, credential)}"
    except ValueError:
        pass
    return (
        f"the upstream redirects it{place} (HTTP {answer.status}), and writes are not sent on; set"
        " the gateway's upstream URL to the address that answers"
    )


def _sentence(body: bytes) -> str:
    try:
        said: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = body.decode("utf-8", "replace")
        # A page of a proxy says nothing to a reader of one line, nor does JSON that was cut.
        return "" if "<" in text or text.lstrip()[:1] in {"{", '"'} else text
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
