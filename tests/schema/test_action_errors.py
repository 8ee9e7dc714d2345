"""Which action error each refusal of a write becomes."""

import pytest

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
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.schema.action_errors import JobActionErrorCode, action_error_for, nothing_to_cancel
from gateway.schema.inputs import Target

TARGET = Target(1, 8, "path")
AT = {"endpoint": "POST /projects/:id/jobs/:job_id/:action"}


@pytest.mark.parametrize(
    ("error", "action", "code", "field"),
    [
        (NotFound("n", **AT, status=404, reason="404 Not found"), "cancel", "NOT_FOUND", "job"),
        (Forbidden("f", **AT, status=403, reason="403 Forbidden"), "erase", "FORBIDDEN", "job"),
        (
            Forbidden("f", **AT, status=403, reason="403 Forbidden - Job is not retryable"),
            "retry",
            "NOT_ALLOWED_IN_STATUS",
            "job",
        ),
        (
            Forbidden("f", **AT, status=403, reason="403 Forbidden - Job is not erasable!"),
            "erase",
            "NOT_ALLOWED_IN_STATUS",
            "job",
        ),
        (
            RequestRefused("r", **AT, status=400, reason="400 Bad request - Unplayable Job"),
            "play",
            "NOT_ALLOWED_IN_STATUS",
            "job",
        ),
        (RequestRefused("r", **AT, status=400), "play", "NOT_ALLOWED_IN_STATUS", "job"),
        (RequestRefused("r", **AT, status=400), "cancel", "NOT_ALLOWED_IN_STATUS", "job"),
        (Conflict("c", **AT, status=409, reason="409 Conflict"), "erase", "CONFLICT", None),
        (RateLimited("l", **AT, status=429), "retry", "RATE_LIMITED", None),
        (OutcomeUnknown("o", **AT), "retry", "OUTCOME_UNKNOWN", None),
        (UpstreamInvalid("i", **AT, status=201), "retry", "OUTCOME_UNKNOWN", None),
        (OutcomeUnknown("d", **AT, status=502), "retry", "OUTCOME_UNKNOWN", None),
        (UpstreamUnavailable("d", **AT, status=503), "retry", "UNAVAILABLE", None),
        (
            Forbidden(
                "f",
                **AT,
                status=403,
                reason="You cannot perform write operations on a read-only instance",
            ),
            "erase",
            "UNAVAILABLE",
            None,
        ),
        (Redirected("to x: it leads away", **AT, status=308), "erase", "REDIRECTED", None),
        (Redirected("to x: it has moved", **AT, status=405), "erase", "REDIRECTED", "job"),
    ],
)
def test_a_refusal_is_data(error, action, code, field):
    found = action_error_for(error, action, TARGET)

    assert found.code is JobActionErrorCode[code]
    assert found.field == (["job", "path"] if field else None)
    assert f"{action} job 8" in found.message


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (Unauthenticated("u", **AT, status=401), "cancel"),
        (UpstreamTimeout("t", **AT), "cancel"),
        (UpstreamUnavailable("d", **AT), "cancel"),
        (RequestRefused("r", **AT, status=405, reason="405 Not Allowed"), "cancel"),
        (RequestRefused("r", **AT, status=400, reason="job_id is invalid"), "cancel"),
    ],
)
def test_a_failure_is_an_error(error, action):
    assert action_error_for(error, action, TARGET) is None


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("action", ["play", "retry"])
def test_values_that_went_with_it_are_to_blame_for_a_bad_request(status, action):
    error = RequestRefused("r", **AT, status=status, reason="400 Bad request - Unknown input: x")

    found = action_error_for(error, action, TARGET, has_values=True)

    assert found.code is JobActionErrorCode.INVALID_VARIABLES
    assert found.message == f"cannot {action} job 8 with these values: {error.reason}"


def test_the_upstreams_reason_is_told():
    error = Forbidden("f", **AT, status=403, reason="403 Forbidden - Job is not retryable")

    assert action_error_for(error, "retry", TARGET).message == (
        "cannot retry job 8 as it is now: 403 Forbidden - Job is not retryable"
    )


def test_how_long_to_wait_is_told():
    error = RateLimited("l", **AT, status=429, retry_after_s=30.0)

    found = action_error_for(error, "play", TARGET)

    assert found.message.endswith("try again in 30 s")
    assert found.retry_after_s == 30.0


def test_what_was_canceled_is_done_and_anything_else_was_in_vain():
    found = {
        status: nothing_to_cancel(TARGET, status, is_forced=False)
        for status in ("canceled", "canceling", "success", "running")
    }

    assert (found["canceled"], found["canceling"]) == (None, None)
    assert found["success"].code is JobActionErrorCode.NOTHING_TO_DO
    assert found["success"].message == (
        "nothing to cancel of job 8: its status is 'success', it has ended"
    )
    assert found["running"].message.endswith("'running', it cannot be canceled now")


def test_an_answer_without_a_status_does_not_show_that_a_cancel_was_in_vain():
    assert nothing_to_cancel(TARGET, None, is_forced=False) is None
