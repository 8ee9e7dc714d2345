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
from typing import TYPE_CHECKING, Any, Final, TypedDict
from urllib.parse import urljoin, urlsplit

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
from gateway.upstream.credential import HIDDEN
from gateway.upstream.taking_apart import UNREADABLE
from gateway.upstream.wire import whole_number

if TYPE_CHECKING:
    from gateway.errors import UpstreamError
    from gateway.upstream.credential import Credential
    from gateway.upstream.wire import Answer, Body, HeaderLookUp

__all__ = [
    "FIRST_TIME",
    "THROTTLED",
    "date_in",
    "error_of",
    "is_page",
    "place_in",
    "reason_in",
    "retry_after_s",
    "unreadable_write",
]

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
# Which lead elsewhere; "304 Not Modified" does not, and 300 to 399 else do by RFC 9110, 15.
REDIRECTS: Final = frozenset(range(300, 400)) - {304}
# As in `{"message": {"job_variables_attributes": [{"key": ["can't be blank"]}]}}`, and one more.
MAX_NESTING: Final = 5
# The keys of a refusal that say why, the best first; the last ones are those of RFC 9457.
SAYING: Final = ("error_description", "message", "error", "errors", "detail", "title")
# Keys within them that name no part of what was sent.
_NAMELESS: Final = frozenset({"base", "error", "errors", "message"})
# Numbers below this are seconds from now, as the IETF's draft has them, and no time of Unix.
FIRST_TIME: Final = 100_000_000
# Longer waits are no more than a way to say never.
MAX_WAIT_S: Final = 366 * 24 * 3600.0

# "403 Forbidden - <reason>", with one space or two.
_PREFIX = re.compile(r"^\d{3} [A-Za-z ]+?\s+-\s+")
_JSON_BEGINS: Final = frozenset({b"{", b"[", b'"'})
# Any token of the upstream's, percent-encoded or not.
_TOKEN = re.compile(
    r"(?:(?:(?<![A-Za-z])|(?<=%[0-9A-Fa-f]{2}))gl[a-z]{2,8}(?:-|%(?:25)*2[Dd])"
    r"|Bearer(?:\s|\+|%(?:25)*20)+)[\w.~+/=%-]+"
)


def error_of(
    answer: Answer,
    *,
    endpoint: str,
    subject: str,
    credential: Credential | None,
    is_read: bool = True,
    asked: str = "",
) -> UpstreamError:
    """The error that an answer other than 2xx means. `subject` says what was asked for, `asked` at
    which address.
    """
    status = answer.status
    reason = reason_in(answer.body, credential)
    told = f": {_PREFIX.sub('', reason)}" if reason else ""
    if is_page(answer):
        told = ": a web page came in place of the API's answer"
    wait_s = _wait_s(answer.header("retry-after"))
    if status == 429 or (status in {400, 403} and THROTTLED in (reason or "")):
        wait_s = retry_after_s(answer.header)
        after = "in a minute" if wait_s is None else f"in {wait_s:.0f} s"
        kind: type[UpstreamError] = RateLimited
        message = f"the upstream limits how often {subject} may be asked for; try again {after}"
    elif not is_read and (status in REDIRECTS or (status == 405 and MOVED in (reason or ""))):
        kind, message = Redirected, f"{subject}: {_leads(answer, asked, credential)}"
    elif 400 <= status < 500:
        kind, message = _refusal(status, subject, told, credential)
    elif status < 500:
        kind = UpstreamInvalid
        place = place_in(answer, asked, credential)
        what = f"redirects it again and again, at last to {place}" if place else "tells nothing"
        message = f"{subject}: the upstream {what} (HTTP {status})"
    else:
        kind = UpstreamUnavailable
        after = "" if wait_s is None else f" in {wait_s:.0f} s"
        message = f"{subject}: the upstream failed (HTTP {status}){told}; try again{after}"
    facts = _Facts(
        endpoint=endpoint,
        status=status,
        upstream_request_id=answer.header("x-request-id"),
        reason=reason,
        retry_after_s=wait_s,
    )
    if not is_read and (outcome := _open_outcome(status, reason, told, facts)) is not None:
        return outcome
    error = kind(message, **facts)
    error.is_foreign = is_foreign(answer)
    return error


class _Facts(TypedDict):
    endpoint: str
    status: int
    upstream_request_id: str | None
    reason: str | None
    retry_after_s: float | None


def _refusal(
    status: int, subject: str, told: str, credential: Credential | None
) -> tuple[type[UpstreamError], str]:
    """What a status from 400 to 499 means."""
    if status == 401 and (credential is None or credential.is_anonymous):
        message = f"the upstream asks for a credential; set the header {HEADERS}"
        return Unauthenticated, f"{subject}: {message}"
    if status == 401:
        message = (
            f"the upstream does not accept the credential{told}; set a valid one in the header"
        )
        return Unauthenticated, f"{subject}: {message} {HEADERS}"
    if status == 403:
        return Forbidden, f"{subject}: the credential does not allow it{told}"
    if status == 404:
        place = "its project" if "project" in told.lower() and "project" not in subject[:7] else ""
        message = f"{place or 'it'} does not exist, or is not visible with"
        return NotFound, f"{subject}: {message} {'this' if credential else 'no'} credential"
    if status == 409:
        return Conflict, f"{subject}: not at the moment{told}"
    return RequestRefused, f"{subject}: the upstream refuses{told or f' (HTTP {status})'}"


def _open_outcome(
    status: int, reason: str | None, told: str, facts: _Facts
) -> OutcomeUnknown | None:
    """The error for an answer to a write that does not tell whether it was carried out; None for
    those that do.
    """
    if status in REDIRECTS or 400 <= status < 500:
        return None
    if status < 500:
        return OutcomeUnknown.after(
            f"the upstream answered HTTP {status}, which tells nothing of a write", **facts
        )
    if status in NOT_HANDLED and not _was_handed_on(reason):
        return None
    return OutcomeUnknown.after(f"the upstream failed (HTTP {status}){told}", **facts)


def unreadable_write(answer: Answer, endpoint: str) -> UpstreamError:
    """The error for a 2xx answer to a write whose body cannot be read. The status tells that it was
    carried out; but a page comes from something else than the API, a sign-in for instance.
    """
    status, request_id = answer.status, answer.header("x-request-id")
    if is_page(answer):
        return OutcomeUnknown.after(
            f"a web page came in place of the API's answer (HTTP {status})",
            endpoint=endpoint,
            status=status,
            upstream_request_id=request_id,
        )
    error = UpstreamInvalid(
        f"the write was carried out (HTTP {status}), but its answer cannot be read",
        endpoint=endpoint,
        status=status,
        upstream_request_id=request_id,
    )
    error.was_carried_out = True
    return error


def is_page(answer: Answer) -> bool:
    """Is it a web page, by its type, or by its first letter where that is not told?"""
    kind = (answer.header("content-type") or "").lower()
    if "json" in kind:
        return False
    return "html" in kind or bytes(answer.body[:64]).lstrip().startswith(b"<")


def is_foreign(answer: Answer) -> bool:
    """Does it look like no word of the API: a page, or text that does not begin as its JSON?"""
    said = bytes(answer.body[:64]).lstrip()
    return is_page(answer) or (bool(said) and said[:1] not in _JSON_BEGINS)


def reason_in(body: Body, credential: Credential | None = None) -> str | None:
    """The upstream's own sentence in the body of a refusal, on one line; None if it has none."""
    return _cleaned(_sentence(bytes(body[:MAX_READ_BYTES])), credential) or None


def _cleaned(text: str, credential: Credential | None) -> str:
    """Text of the upstream on one short line, without a credential."""
    text = " ".join(text.split())
    if credential is not None:
        text = credential.hidden_in(text)
    text = _TOKEN.sub(HIDDEN, text)
    if len(text) > MAX_REASON:
        text = f"{text[: MAX_REASON - 1]}…"
    return text


def retry_after_s(header: HeaderLookUp) -> float | None:
    """Seconds after which the upstream wants to be asked again, from either of two headers; by its
    own clock where it tells that.
    """
    after = header("retry-after")
    if after:
        return _wait_s(after)
    reset = whole_number(header("ratelimit-reset"))
    if reset is not None and reset >= FIRST_TIME:
        date = date_in(header)
        reset -= int(time() if date is None else date)
    return None if reset is None else min(max(0.0, float(reset)), MAX_WAIT_S)


def date_in(header: HeaderLookUp) -> float | None:
    """The upstream's clock when it answered, in seconds of Unix; None where it tells none."""
    try:
        return parsedate_to_datetime(header("date") or "").timestamp()
    except (ValueError, OverflowError):
        return None


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


def _leads(answer: Answer, asked: str, credential: Credential | None) -> str:
    """Where the answer to a write leads."""
    if answer.status == 405:
        return (
            "the project has moved, and the upstream takes no writes by its former path; name the"
            " project by number, or by its new path"
        )
    place = place_in(answer, asked, credential)
    return (
        f"the upstream redirects it{f' to {place}' if place else ''} (HTTP {answer.status}), and"
        " writes are not sent on; set the gateway's upstream URL to the address that answers"
    )


def place_in(answer: Answer, asked: str, credential: Credential | None) -> str:
    """Where a redirect leads, without what an address may carry beside its place; empty where it
    does not say. A path of the address that was `asked` is told as a path.
    """
    location = (answer.header("location") or "").strip()
    try:
        # "//other.example/x" leads to another host by the same scheme (RFC 3986, 4.2).
        scheme, host, path, _, _ = urlsplit(
            urljoin(asked, location) if location.startswith("//") else location
        )
    except ValueError:
        return ""
    place = f"//{host.rpartition('@')[2]}{path}" if host else path
    return _cleaned(f"{scheme}:{place}" if scheme else place, credential)


def _sentence(body: bytes) -> str:
    try:
        said: Any = msgspec.json.decode(body)
    except UNREADABLE:
        text = body.decode("utf-8", "replace")
        # A page of a proxy says nothing to a reader of one line, nor does JSON that was cut.
        return "" if "<" in text or text.lstrip()[:1] in {"{", '"'} else text
    if isinstance(said, dict):
        said = next((said[key] for key in SAYING if said.get(key)), None)
    return _flat(said, MAX_NESTING)


def _flat(said: Any, depth: int) -> str:
    """Words out of lists and objects: `{"base": ["no"], "key": ["is long", "is taken"]}` says "no;
    key: is long, is taken".
    """
    if isinstance(said, dict) and depth:
        parts = [(key, _flat(value, depth - 1)) for key, value in said.items()]
        return "; ".join(
            part if key in _NAMELESS else f"{key}: {part}" for key, part in parts if part
        )
    if isinstance(said, list) and depth:
        return ", ".join(filter(None, (_flat(part, depth - 1) for part in said)))
    return said if isinstance(said, str) else ""
