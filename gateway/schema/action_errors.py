"""Writes that were not done, as data: from the upstream's error to a `JobActionError`."""

from __future__ import annotations

from enum import Enum
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
from gateway.schema.fields import plain
from gateway.schema.scalars import Duration

if TYPE_CHECKING:
    from gateway.schema.enums import Status
    from gateway.schema.inputs import Target

__all__ = [
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


Code = JobActionErrorCode
# Parts of the upstream's sentences where the status is the reason (upstream.md, 4).
STATE_SENTENCES: Final = ("not retryable", "not erasable", "unplayable")
# How a secondary, and an upstream in maintenance, refuse every write (upstream.md, 2).
READ_ONLY: Final = "read-only instance"
# What is wrong with the values that were sent: they make no sense, or too many bytes.
VALUE_STATUSES: Final = {400, 413, 422}
# What the caller's choice of a job is to blame for.
ABOUT_JOB: Final = {Code.NOT_ALLOWED_IN_STATUS, Code.NOT_FOUND, Code.FORBIDDEN, Code.NOTHING_TO_DO}
# A job that is canceled, or about to be.
CANCELED: Final = {"canceled", "canceling"}
OVER: Final = {"success", "failed", "skipped"}


def action_error_for(
    error: UpstreamError, action: str, target: Target, *, has_values: bool = False
) -> ActionError | None:
    """The action error for an error of the upstream; None where the write failed for a reason that
    the schema does not list. `has_values` tells that variables or inputs went with the write.
    """
    said = f": {error.reason}" if error.reason else ""
    what = f"{action} job {target.number}"
    found = _about_upstream(error, what, said) or _about_job(error, what, said, action, has_values)
    if found is None:
        return None
    code, message = found
    is_about_job = code in ABOUT_JOB or (code is Code.REDIRECTED and error.status == 405)
    return ActionError(
        code, message, ["job", target.way] if is_about_job else None, error.retry_after_s
    )


def _about_upstream(
    error: UpstreamError, what: str, said: str
) -> tuple[JobActionErrorCode, str] | None:
    """What the upstream, or the way to it, is the reason of."""
    after = "later" if error.retry_after_s is None else f"in {error.retry_after_s:g} s"
    match error:
        case Redirected():
            return Code.REDIRECTED, f"did not {what}: {error.message.partition(': ')[2]}"
        case RateLimited():
            return Code.RATE_LIMITED, f"did not {what}: too many requests, try again {after}"
        case Conflict():
            return Code.CONFLICT, f"cannot {what} just now, try again {after}{said}"
        case OutcomeUnknown() | UpstreamInvalid():
            told = (
                f"the upstream failed (HTTP {error.status}) and may have done it{said};"
                if (error.status or 0) >= 500
                else "no answer to it came;"
            )
            return Code.OUTCOME_UNKNOWN, f"asked to {what}, {told} read the job before a next try"
    # One that may have been handled is `OutcomeUnknown`; one that was not sent has no status.
    is_down = isinstance(error, UpstreamUnavailable) and error.status is not None
    if is_down or (isinstance(error, Forbidden) and READ_ONLY in (error.reason or "")):
        message = f"did not {what}: the upstream takes no writes now{said}; try again {after}"
        return Code.UNAVAILABLE, message
    return None


def _about_job(
    error: UpstreamError,
    what: str,
    said: str,
    action: str,
    has_values: bool,
) -> tuple[JobActionErrorCode, str] | None:
    """What the job, the caller, or what was sent with it is the reason of."""
    code: JobActionErrorCode
    match error:
        case Forbidden() | RequestRefused() if is_about_state(error):
            code, message = Code.NOT_ALLOWED_IN_STATUS, f"cannot {what} as it is now{said}"
        case NotFound():
            code = Code.NOT_FOUND
            message = f"cannot {what}: there is none, it is not visible, or it is a bridge"
        case Forbidden():
            code, message = Code.FORBIDDEN, f"not allowed to {what}{said}"
        case RequestRefused() if has_values and error.status in VALUE_STATUSES:
            code, message = Code.INVALID_VARIABLES, f"cannot {what} with these values{said}"
        case RequestRefused(status=400) if action == "play" or not error.reason:
            code, message = Code.NOT_ALLOWED_IN_STATUS, f"cannot {what} as it is now{said}"
        case _:
            return None
    return code, message


def is_about_state(error: UpstreamError) -> bool:
    """Does the upstream name the job's state as its reason?"""
    reason = (error.reason or "").lower()
    return any(sentence in reason for sentence in STATE_SENTENCES)


def status_changed(action: str, target: Target, status: str, wanted: list[Status]) -> ActionError:
    listed = ", ".join(status.name for status in wanted)
    return ActionError(
        Code.STATUS_CHANGED,
        f"did not {action} job {target.number}: its status is {status!r}, not one of {listed}",
        ["ifStatus"],
    )


def nothing_to_cancel(target: Target, status: str | None, *, is_forced: bool) -> ActionError | None:
    """The action error for a cancel that the upstream took and that changed nothing (upstream.md,
    4.1), by the status it answered; None where the job is canceled or about to be, and where the
    answer tells no status.
    """
    if status is None or status in CANCELED:
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
