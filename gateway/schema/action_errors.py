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
    RequestRefused,
    UpstreamError,
    UpstreamInvalid,
    UpstreamUnavailable,
)
from gateway.schema.fields import plain

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
        "RATE_LIMITED", description="Too many requests; try again later."
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


@strawberry.type(description="Why an action was refused.")
class JobActionError:
    message: str = plain("message", "What happened, to what, and what to do; for people.")
    field: list[str] | None = plain(
        "field", 'Path into the input, e.g. ["job", "webUrl"]; null where no part is to blame.'
    )
    code: JobActionErrorCode = plain("code", "What happened, for programs.")


Code = JobActionErrorCode
# Parts of the upstream's sentences where the status is the reason (upstream.md, 4).
STATE_SENTENCES: Final = ("not retryable", "not erasable", "unplayable")
# Actions that carry variables or inputs, which a 400 may be about.
TAKING_VALUES: Final = {"play", "retry"}


def action_error_for(error: UpstreamError, action: str, target: Target) -> ActionError | None:
    """The action error for an error of the upstream; None where the write failed for a reason that
    the schema does not list.
    """
    job = f"job {target.number}"
    said = f": {error.reason}" if error.reason else ""
    field: list[str] | None = ["job", target.way]
    match error:
        case Forbidden() | RequestRefused() if is_about_state(error):
            code = Code.NOT_ALLOWED_IN_STATUS
            message = f"cannot {action} {job} as it is now{said}"
        case NotFound():
            code = Code.NOT_FOUND
            message = f"cannot {action} {job}: there is none, it is not visible, or it is a bridge"
        case Forbidden():
            code = Code.FORBIDDEN
            message = f"not allowed to {action} {job}{said}"
        case Conflict():
            code, field = Code.CONFLICT, None
            message = f"cannot {action} {job} just now, try again later{said}"
        case RateLimited():
            code, field = Code.RATE_LIMITED, None
            after = "later" if error.retry_after_s is None else f"in {error.retry_after_s:g} s"
            message = f"did not {action} {job}: too many requests, try again {after}"
        # A 5xx may come from a proxy before an upstream that has done it.
        case OutcomeUnknown() | UpstreamInvalid() | UpstreamUnavailable(status=int()):
            code, field = Code.OUTCOME_UNKNOWN, None
            message = f"sent {action} of {job}, no readable answer came: read it before a next try"
        case RequestRefused() if error.status == 400 and action in TAKING_VALUES:
            code, field = Code.INVALID_VARIABLES, None
            message = f"cannot {action} {job} with these values{said}"
        case _:
            return None
    return ActionError(code, message, field)


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


def bad_variable(position: int, message: str) -> ActionError:
    return ActionError(Code.INVALID_VARIABLES, message, ["variables", str(position), "key"])


def bad_inputs() -> ActionError:
    return ActionError(
        Code.INVALID_VARIABLES, "inputs must be an object of names and values", ["inputs"]
    )
