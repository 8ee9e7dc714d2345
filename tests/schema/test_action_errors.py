"""Which action error each refusal of a write becomes."""

import pytest

from gateway.errors import (
    Conflict,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    Unauthenticated,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.schema.action_errors import JobActionErrorCode, action_error_for
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
        (
            RequestRefused("r", **AT, status=400, reason="400 Bad request - Unknown input: x"),
            "play",
            "INVALID_VARIABLES",
            None,
        ),
        (Conflict("c", **AT, status=409, reason="409 Conflict"), "erase", "CONFLICT", None),
        (RateLimited("l", **AT, status=429), "retry", "RATE_LIMITED", None),
        (OutcomeUnknown("o", **AT), "retry", "OUTCOME_UNKNOWN", None),
        (UpstreamInvalid("i", **AT, status=201), "retry", "OUTCOME_UNKNOWN", None),
        (UpstreamUnavailable("d", **AT, status=502), "retry", "OUTCOME_UNKNOWN", None),
    ],
)
def test_a_refusal_is_data(error, action, code, field):
    found = action_error_for(error, action, TARGET)

    assert found.code is JobActionErrorCode[code]
    assert found.field == (["job", "path"] if field else None)
    assert action in found.message
    assert "job 8" in found.message


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (Unauthenticated("u", **AT, status=401), "cancel"),
        (UpstreamTimeout("t", **AT), "cancel"),
        (UpstreamUnavailable("d", **AT), "cancel"),
        (RequestRefused("r", **AT, status=405, reason="moved projects"), "cancel"),
        (RequestRefused("r", **AT, status=400, reason="job_id is invalid"), "cancel"),
    ],
)
def test_a_failure_is_an_error(error, action):
    assert action_error_for(error, action, TARGET) is None


def test_the_upstreams_reason_is_told():
    error = Forbidden("f", **AT, status=403, reason="403 Forbidden - Job is not retryable")

    assert action_error_for(error, "retry", TARGET).message == (
        "cannot retry job 8 as it is now: 403 Forbidden - Job is not retryable"
    )


def test_how_long_to_wait_is_told():
    error = RateLimited("l", **AT, status=429, retry_after_s=30.0)

    assert action_error_for(error, "play", TARGET).message.endswith("try again in 30 s")
