"""Writes that were not done, as data: from the upstream's error to a `JobActionError`."""

from __future__ import annotations

import re
from enum import Enum
from math import ceil
from typing import TYPE_CHECKING, Final

import strawberry
from msgspec import Struct

from gateway.errors import (
    Conflict,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Redirected,
    RequestRefused,
    UpstreamError,
    UpstreamInvalid,
    UpstreamUnavailable,
)
from gateway.schema.enums import Status, status_of
from gateway.schema.fields import plain
from gateway.schema.scalars import Duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.schema.inputs import Target

__all__ = [
    "USER_ERRORS",
    "ActionError",
    "JobActionError",
    "JobActionErrorCode",
    "action_error_for",
    "bad_inputs",
    "bad_variable",
    "nothing_to_cancel",
    "status_changed",
]


@strawberry.enum(description="Why an action was refused, for programs.")
class JobActionErrorCode(Enum):
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="It does not exist, is not visible, or is a bridge."
    )
    FORBIDDEN = strawberry.enum_value(
        "FORBIDDEN",
        description="The caller may not do it; nobody may where the job is archived.",
    )
    NOT_ALLOWED_IN_STATUS = strawberry.enum_value(
        "NOT_ALLOWED_IN_STATUS", description="Upstream says the state does not allow it."
    )
    STATUS_CHANGED = strawberry.enum_value(
        "STATUS_CHANGED", description="ifStatus did not hold; nothing was sent."
    )
    CONFLICT = strawberry.enum_value(
        "CONFLICT",
        description="Artifact size is being refreshed, or another write was faster; try again.",
    )
    INVALID_VARIABLES = strawberry.enum_value(
        "INVALID_VARIABLES", description="A variable or an input cannot be used."
    )
    RATE_LIMITED = strawberry.enum_value(
        "RATE_LIMITED", description="Too many requests; try again later, see retryAfter."
    )
    NOTHING_TO_DO = strawberry.enum_value(
        "NOTHING_TO_DO", description="There was nothing to do, e.g. to cancel: it had finished."
    )
    UNAVAILABLE = strawberry.enum_value(
        "UNAVAILABLE",
        description=(
            "The upstream is down or in maintenance, or only reads, and has not done it; see"
            " retryAfter."
        ),
    )
    REDIRECTED = strawberry.enum_value(
        "REDIRECTED",
        description=(
            "The upstream redirected the write, so it was not carried out: the project has moved,"
            " or the gateway's address of the upstream is wrong."
        ),
    )
    UPSTREAM_REFUSED = strawberry.enum_value(
        "UPSTREAM_REFUSED",
        description=(
            "The upstream, or a proxy before it, refused it for another reason, which the message"
            " tells; nothing was done."
        ),
    )
    OUTCOME_UNKNOWN = strawberry.enum_value(
        "OUTCOME_UNKNOWN",
        description="The write may or may not have happened; read the job before trying again.",
    )


class ActionError(Struct, frozen=True):
    """The source of a `JobActionError`. `field` is the path into the input that is to blame."""

    code: JobActionErrorCode
    message: str
    field: list[str] | None = None
    retry_after_s: float | None = None


@strawberry.type(description="Why an action was refused.")
class JobActionError:
    message: str = plain("message", "What happened, to what, and what to do; for people.")
    field: list[str] | None = plain(
        "field", 'Path into the input, e.g. ["job", "webUrl"]; null where no part is to blame.'
    )
    code: JobActionErrorCode = plain("code", "What happened, for programs.")
    retry_after: Duration | None = plain(
        "retry_after_s", "When it may be tried again, where the upstream tells."
    )


# What payloads say of their list of these.
USER_ERRORS: Final = "Why nothing was done; empty where it was."

Code = JobActionErrorCode
# Parts of the upstream's sentences where the status is the reason (upstream.md, 4).
STATE_SENTENCES: Final = ("not retryable", "not erasable", "unplayable", "not playable")
# How a secondary, and an upstream in maintenance, refuse every write (upstream.md, 2).
READ_ONLY: Final = "read-only instance"
# What is wrong with the values that were sent: they make no sense, or are too many bytes.
VALUE_STATUSES: Final = {400, 413, 422}
# How the upstream names what was sent (upstream.md, 4.2 and 4.4), and our fields for it.
VARIABLE: Final = re.compile(r"\bjob_variables_attributes(?:\[(\d+)\])?(?:\[(key|value)\])?")
NAMED: Final = {
    "variables": re.compile(r"\b(?:job_)?variables?\b", re.IGNORECASE),
    "inputs": re.compile(r"\b(?:job_)?inputs?\b", re.IGNORECASE),
}
# The fields for values that the input of an action has.
TAKES: Final = {"play": ("variables", "inputs"), "retry": ("inputs",)}
WEB_PAGE: Final = (
    "a web page came in place of the API's answer; check the gateway's upstream URL, and what"
    " stands before the upstream"
)
LOOK_FIRST: Final = "it may or may not have happened, so read the job before a next try"
# What the caller's choice of a job is to blame for.
ABOUT_JOB: Final = {Code.NOT_ALLOWED_IN_STATUS, Code.NOT_FOUND, Code.FORBIDDEN, Code.NOTHING_TO_DO}
# A job that is canceled, or about to be.
CANCELED: Final = {"canceled", "canceling"}
OVER: Final = {"success", "failed", "skipped"}


def action_error_for(
    error: UpstreamError, action: str, target: Target, *, sent: Sequence[str] = ()
) -> ActionError | None:
    """The action error for an error of the upstream; None where the write was not asked for: the
    credential is not accepted, or nothing could be sent.

    `sent` names the input's fields whose values went with the write: variables, inputs.
    """
    said = f": {error.reason}" if error.reason else ""
    if error.is_foreign and not said:
        said = f": {WEB_PAGE}"
    what = f"{action} {target.what}"
    # A proxy looks at no more of the values than their size.
    speaks_of_values = error.status == 413 if error.is_foreign else error.status in VALUE_STATUSES
    blamed = None if error.is_foreign else _field_named(error.reason, TAKES.get(action, ()))
    found = _about_upstream(error, what, said) or _about_job(
        error, what, said, are_values_bad=speaks_of_values and bool(blamed or sent)
    )
    if found is None:
        return None
    code, message = found
    field: list[str] | None = None
    if code is Code.INVALID_VARIABLES:
        field = blamed or ([sent[0]] if len(sent) == 1 else None)
    elif code is Code.FORBIDDEN and blamed is not None and blamed[0] in sent:
        field = blamed
    elif code in ABOUT_JOB or (code is Code.REDIRECTED and error.status == 405):
        field = [target.kind, target.way]
    return ActionError(code, message, field, error.retry_after_s)


def _about_upstream(
    error: UpstreamError, what: str, said: str
) -> tuple[JobActionErrorCode, str] | None:
    """What the upstream, or the way to it, is the reason of."""
    after = "later" if error.retry_after_s is None else f"in {ceil(error.retry_after_s)} s"
    match error:
        case Redirected():
            return Code.REDIRECTED, f"did not {what}: {error.message.partition(': ')[2]}"
        case RateLimited():
            return Code.RATE_LIMITED, f"did not {what}: too many requests, try again {after}"
        case Conflict():
            return Code.CONFLICT, f"cannot {what} just now, try again {after}{said}"
        case OutcomeUnknown() | UpstreamInvalid():
            came = error.came if isinstance(error, OutcomeUnknown) else error.message
            return Code.OUTCOME_UNKNOWN, f"asked to {what}, but {came}; {LOOK_FIRST}"
    # One that may have been handled is `OutcomeUnknown`; one that was not sent has no status.
    is_down = isinstance(error, UpstreamUnavailable) and error.status is not None
    if is_down or (isinstance(error, Forbidden) and READ_ONLY in (error.reason or "")):
        told = f"the upstream takes no writes now{said}; try again {after}"
        return Code.UNAVAILABLE, f"did not {what}: {error.message if error.cause else told}"
    return None


def _about_job(
    error: UpstreamError, what: str, said: str, *, are_values_bad: bool
) -> tuple[JobActionErrorCode, str] | None:
    """What the job, the caller, or what was sent with it is the reason of."""
    code: JobActionErrorCode
    match error:
        case Forbidden() | RequestRefused() if is_about_state(error):
            code, message = Code.NOT_ALLOWED_IN_STATUS, f"cannot {what} as it is now{said}"
        case NotFound():
            code = Code.NOT_FOUND
            message = f"cannot {what}: there is none, it is not visible, or it is a bridge"
            message += said if error.is_foreign else ""
        case Forbidden():
            code, message = Code.FORBIDDEN, f"not allowed to {what}{said}"
        case RequestRefused() if are_values_bad:
            code, message = Code.INVALID_VARIABLES, f"cannot {what} with these values{said}"
        case RequestRefused(status=400) if not error.reason and not error.is_foreign:
            # Its body was empty or cut: a well-formed request is refused so for its job's state.
            code, message = Code.NOT_ALLOWED_IN_STATUS, f"cannot {what} as it is now"
        case RequestRefused():
            code = Code.UPSTREAM_REFUSED
            who = "a proxy before the upstream" if error.is_foreign else "the upstream"
            message = f"did not {what}: {who} refused it (HTTP {error.status}){said}"
        case _:
            return None
    return code, message


def is_about_state(error: UpstreamError) -> bool:
    """Does the upstream name the job's state as its reason?"""
    reason = (error.reason or "").lower()
    return any(sentence in reason for sentence in STATE_SENTENCES)


def _field_named(reason: str | None, fields: Sequence[str]) -> list[str] | None:
    """The field of the input that the upstream blames, as far as it tells."""
    if reason is None:
        return None
    if "variables" in fields and (named := VARIABLE.search(reason)) is not None:
        return ["variables", *(part for part in named.groups() if part is not None)]
    return next(([field] for field in fields if NAMED[field].search(reason)), None)


def status_changed(action: str, target: Target, status: str, wanted: list[Status]) -> ActionError:
    listed = ", ".join(status.name for status in wanted)
    return ActionError(
        Code.STATUS_CHANGED,
        f"did not {action} {target.what}: its status is {status!r}, not one of {listed}",
        ["ifStatus"],
    )


def nothing_to_cancel(target: Target, status: str | None, *, is_forced: bool) -> ActionError | None:
    """The action error for a cancel that the upstream took and that changed nothing (upstream.md,
    4.1), by the status it answered; None where the job is canceled or about to be, and where the
    answer tells no status, or one whose meaning nobody knows here.
    """
    if status is None or status in CANCELED or status_of(status) is Status.UNKNOWN:
        return None
    why = "it has ended" if status in OVER else "it cannot be canceled now"
    if is_forced and status not in OVER:
        why = "force ends a job that is canceling, and no other"
    return ActionError(
        Code.NOTHING_TO_DO,
        f"nothing to cancel of job {target.number}: its status is {status!r}, {why}",
        ["job", target.way],
    )


def bad_variable(position: int, message: str) -> ActionError:
    return ActionError(Code.INVALID_VARIABLES, message, ["variables", str(position), "key"])


def bad_inputs() -> ActionError:
    return ActionError(
        Code.INVALID_VARIABLES, "inputs must be an object of names and values", ["inputs"]
    )
