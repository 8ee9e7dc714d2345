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
    ],
)
def test_what_was_not_asked_for_is_an_error(error, action):
    assert action_error_for(error, action, TARGET) is None


@pytest.mark.parametrize("status", [400, 402, 405, 408, 413, 418, 421, 422, 423, 451])
@pytest.mark.parametrize("action", ["cancel", "retry", "erase", "play"])
def test_a_refusal_for_any_other_reason_is_data_and_tells_it(status, action):
    found = action_error_for(RequestRefused("r", **AT, status=status, reason="why"), action, TARGET)

    assert found.code is JobActionErrorCode.UPSTREAM_REFUSED
    assert found.message == f"did not {action} job 8: the upstream refused it (HTTP {status}): why"
    assert found.field is None


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize(("action", "field"), [("play", "variables"), ("retry", "inputs")])
def test_values_that_went_with_it_are_to_blame_for_a_bad_request(status, action, field):
    error = RequestRefused("r", **AT, status=status, reason="400 Bad request - too odd")

    found = action_error_for(error, action, TARGET, sent=[field])

    assert found.code is JobActionErrorCode.INVALID_VARIABLES
    assert found.message == f"cannot {action} job 8 with these values: {error.reason}"
    assert found.field == [field]


@pytest.mark.parametrize(
    ("reason", "action", "field"),
    [
        ("job_variables_attributes[1][key] is missing", "play", ["variables", "1", "key"]),
        ("job_variables_attributes[0][value] is invalid", "play", ["variables", "0", "value"]),
        ("job_variables_attributes is invalid", "play", ["variables"]),
        ("job_variables_attributes: key: can't be blank", "play", ["variables"]),
        ("Variables have duplicate values (A)", "play", ["variables"]),
        ("400 Bad request - Unknown input: x", "play", ["inputs"]),
        ("400 Bad request - Unknown input: x", "retry", ["inputs"]),
        ("job_inputs is invalid", "retry", ["inputs"]),
    ],
)
@pytest.mark.parametrize("sent", [(), ("variables", "inputs")])
def test_values_that_the_upstream_names_are_pointed_at(reason, action, field, sent):
    error = RequestRefused("r", **AT, status=400, reason=reason)

    found = action_error_for(error, action, TARGET, sent=sent)

    assert found.code is JobActionErrorCode.INVALID_VARIABLES
    assert found.field == field


def test_values_are_not_to_blame_for_a_state():
    error = RequestRefused("r", **AT, status=400, reason="400 Bad request - Unplayable Job")

    found = action_error_for(error, "play", TARGET, sent=["variables"])

    assert (found.code.name, found.field) == ("NOT_ALLOWED_IN_STATUS", ["job", "path"])


def test_values_that_the_caller_may_not_send_are_pointed_at():
    reason = "403 Forbidden - The inputs parameter is not available"
    error = Forbidden("f", **AT, status=403, reason=reason)

    found = action_error_for(error, "retry", TARGET, sent=["inputs"])

    assert (found.code.name, found.field) == ("FORBIDDEN", ["inputs"])


@pytest.mark.parametrize("reason", [None, "400 Bad Request: an invalid variable"])
def test_what_a_proxy_refuses_never_reached_the_upstream(reason):
    error = RequestRefused("r", **AT, status=400, reason=reason)
    error.is_foreign = True

    found = action_error_for(error, "play", TARGET, sent=["variables"])

    assert found.code is JobActionErrorCode.UPSTREAM_REFUSED
    assert found.message.startswith("did not play job 8: a proxy before the upstream refused it")
    assert found.field is None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OutcomeUnknown.after("a web page came", **AT, status=200),
            "asked to cancel job 8, but a web page came; it may or may not have happened",
        ),
        (OutcomeUnknown("o", **AT), "but no answer to it came; it may or may not have"),
        (UpstreamInvalid("it was odd", **AT, status=201), "but it was odd; it may or may not"),
    ],
)
def test_an_unknown_outcome_tells_what_came(error, told):
    assert told in action_error_for(error, "cancel", TARGET).message


def test_what_is_in_the_way_is_told_with_what_to_set():
    error = UpstreamUnavailable("a password is wanted", **AT, status=407, cause="X")

    found = action_error_for(error, "cancel", TARGET)

    assert (found.code.name, found.message) == (
        "UNAVAILABLE",
        "did not cancel job 8: a password is wanted",
    )


def test_the_upstreams_reason_is_told():
    error = Forbidden("f", **AT, status=403, reason="403 Forbidden - Job is not retryable")

    assert action_error_for(error, "retry", TARGET).message == (
        "cannot retry job 8 as it is now: 403 Forbidden - Job is not retryable"
    )


@pytest.mark.parametrize(
    ("seconds", "told"), [(30.0, "30"), (0.2, "1"), (31_622_400.0, "31622400")]
)
def test_how_long_to_wait_is_told(seconds, told):
    error = RateLimited("l", **AT, status=429, retry_after_s=seconds)

    found = action_error_for(error, "play", TARGET)

    assert found.message.endswith(f"try again in {told} s")
    assert found.retry_after_s == seconds


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


@pytest.mark.parametrize("status", [None, "", "a_word_of_tomorrow"])
@pytest.mark.parametrize("is_forced", [False, True])
def test_an_answer_of_no_known_status_does_not_show_that_a_cancel_was_in_vain(status, is_forced):
    assert nothing_to_cancel(TARGET, status, is_forced=is_forced) is None
