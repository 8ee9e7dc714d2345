"""Refusals in all their shapes, as errors by cause (upstream.md, 2)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from time import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import (
    Conflict,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Redirected,
    RequestRefused,
    Unauthenticated,
    UpstreamError,
    UpstreamInvalid,
    UpstreamUnavailable,
)
from gateway.upstream.answers import error_of, reason_in, retry_after_s
from gateway.upstream.credential import Credential
from gateway.upstream.wire import Answer

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
CREDENTIAL = Credential("PRIVATE-TOKEN", "glpat-secret-1")

TOO_MANY = "This endpoint has been requested too many times. Try again later."
EXPIRED = "Token is expired. You can either do re-authorization or token refresh."
NO_VALUE = "scope does not have a valid value"


def refused(status, body, *, credential=CREDENTIAL, **headers):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    values = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Answer(status, values.get, body)
    return error_of(
        answer, endpoint="GET /x", subject="job 7 of project g/p", credential=credential
    )


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (401, {"message": "401 Unauthorized"}, Unauthenticated, "PRIVATE-TOKEN"),
        (401, {"error": "invalid_token", "error_description": EXPIRED}, Unauthenticated, EXPIRED),
        (
            403,
            {"error": "insufficient_scope", "error_description": "requires higher privileges"},
            Forbidden,
            "requires higher privileges",
        ),
        (403, {"message": "403 Forbidden"}, Forbidden, "does not allow"),
        (
            403,
            {"message": "403 Forbidden  - Job is not retryable"},
            Forbidden,
            ": Job is not retryable",
        ),
        (404, {"message": "404 Project Not Found"}, NotFound, "its project does not exist"),
        (404, {"message": "404 Not found"}, NotFound, "it does not exist"),
        (404, {"error": "404 Not Found"}, NotFound, "it does not exist"),
        (400, {"error": NO_VALUE}, RequestRefused, NO_VALUE),
        (
            400,
            {"message": "400 Bad request - Unplayable Job"},
            RequestRefused,
            ": Unplayable Job",
        ),
        (400, {"message": {"name": ["is taken", "is short"]}}, RequestRefused, "name: is taken"),
        (
            405,
            {"message": "Non GET methods are not allowed for moved projects"},
            RequestRefused,
            "moved projects",
        ),
        (409, {"message": "409 Conflict: Resource lock"}, Conflict, "Resource lock"),
        (409, {"message": ["Another one exists: !59"]}, Conflict, "Another one exists: !59"),
        (414, b"", RequestRefused, "HTTP 414"),
        (429, {"message": {"error": TOO_MANY}}, RateLimited, "in a minute"),
        (429, b"Retry later\n", RateLimited, "in a minute"),
        (403, {"message": TOO_MANY}, RateLimited, "in a minute"),
        (400, {"message": {"error": TOO_MANY}}, RateLimited, "in a minute"),
        (500, {"message": "500 Internal Server Error"}, UpstreamUnavailable, "HTTP 500"),
        (502, b"<html><h1>Bad Gateway</h1></html>", UpstreamUnavailable, "HTTP 502"),
        (530, b"error code: 1033", UpstreamUnavailable, "HTTP 530"),
        (304, b"", UpstreamInvalid, "HTTP 304"),
        (403, b"<html>no</html>", Forbidden, "does not allow it: a web page came in place of"),
    ],
)
def test_each_refusal_has_its_cause_and_says_what_was_asked(status, body, kind, says):
    error = refused(status, body, x_request_id="r-1")

    assert type(error) is kind
    assert says in error.message
    assert "job 7 of project g/p" in error.message
    assert (error.status, error.endpoint, error.upstream_request_id) == (status, "GET /x", "r-1")


class TestWrites:
    @staticmethod
    def answered(status, body=b"", **headers):
        values = {name.replace("_", "-"): value for name, value in headers.items()}
        return error_of(
            Answer(status, values.get, body),
            endpoint="POST /x",
            subject="to cancel job 7",
            credential=CREDENTIAL,
            is_read=False,
            asked="https://gitlab.test/api/v4/x",
        )

    @pytest.mark.parametrize("status", [304, 199, 999])
    def test_what_means_nothing_does_not_tell_the_outcome(self, status):
        error = self.answered(status)

        assert type(error) is OutcomeUnknown
        assert f"HTTP {status}" in error.came

    @pytest.mark.parametrize(
        ("location", "place"),
        [
            ("//evil.test/x?y#z", "https://evil.test/x"),
            ("//user:pw@evil.test/x", "https://evil.test/x"),
            ("http://evil.test/glpat-secret-1/", "http://evil.test/(credential)/"),
            ("/users/sign_in", "/users/sign_in"),
            ("mailto:somebody", "mailto:somebody"),
        ],
    )
    def test_where_a_redirect_leads_is_told(self, location, place):
        error = self.answered(302, location=location)

        assert type(error) is Redirected
        assert f"the upstream redirects it to {place} (HTTP 302)" in error.message

    @pytest.mark.parametrize("location", ["", "https://[broken", "//[broken", "?x=1"])
    def test_a_redirect_to_nowhere_is_one(self, location):
        assert "redirects it (HTTP 302)" in self.answered(302, location=location).message

    @pytest.mark.parametrize(
        ("body", "kind", "is_foreign"),
        [
            (b"  <html>", {"content_type": "text/plain"}, True),
            (b"", {"content_type": "text/html; charset=utf-8"}, True),
            (b"Bad Request", {}, True),
            (b'{"mess', {}, False),
            (b"", {}, False),
            (b'{"message":"<b>"}', {"content_type": "application/json"}, False),
        ],
    )
    def test_what_is_no_word_of_the_api_is_told_from_it(self, body, kind, is_foreign):
        assert self.answered(400, body, **kind).is_foreign is is_foreign


def test_a_missing_credential_is_told_from_a_refused_one():
    missing = refused(401, {"message": "401 Unauthorized"}, credential=None)
    wrong = refused(401, {"message": "401 Unauthorized"})

    assert "asks for a credential; set the header PRIVATE-TOKEN" in missing.message
    assert "does not accept the credential" in wrong.message


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", None),
        (b"null", None),
        (b"7", None),
        (b'"a word"', "a word"),
        (b"[]", None),
        (b'["a",{"b":"c"}]', "a, b: c"),
        (b'{"message":{"base":["it is not playable"]}}', "it is not playable"),
        (b'{"message":["one",null,"two"]}', "one, two"),
        (
            b'{"message":{"job_variables_attributes":[{"key":["is blank"]},{}]}}',
            "job_variables_attributes: key: is blank",
        ),
        (b'{"errors":[{"message":"one"}]}', "one"),
        (b'{"title":"t","detail":"a problem","status":400}', "a problem"),
        (b'{"message":{"a":1,"b":null}}', None),
        (b"{}", None),
        (b'{"message":null,"error":"an error"}', "an error"),
        (
            b'{"message":{"base":["one"],"other":{"deep":{"deeper":1}}}}',
            "one",
        ),
        (b"<!DOCTYPE html><p>secret", None),
        (b"Retry\r\n\tlater", "Retry later"),
        (b"\xff\xfe", "��"),
        (b"[" * 60_000, "[" * 299 + "…"),
        (b'{"message":"' + b"x" * 1_000 + b'"}', "x" * 299 + "…"),
    ],
)
def test_the_upstreams_own_sentence_is_short_and_on_one_line(body, reason):
    assert reason_in(body) == reason


@pytest.mark.parametrize(
    "said",
    [
        "token glpat-abcDEF_123-xyz is revoked",
        "Authorization: Bearer abc.def-ghi was sent",
        "you sent glpat-secret-1",
        "job token glcbt-64_xyz is old",
    ],
)
def test_credentials_are_never_repeated(said):
    error = refused(403, {"message": said})

    for secret in ("glpat-", "abc.def", "glcbt-"):
        assert secret not in str(error)
        assert secret not in str(error.reason)
    assert "(credential)" in error.reason


def test_a_credential_without_a_known_form_is_not_repeated_either():
    bearer = Credential("Authorization", "Bearer 0123456789abcdef")

    reason = reason_in(b'{"error":"no such token: 0123456789abcdef"}', bearer)

    assert reason == "no such token: (credential)"


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"retry-after": "7"}, 7),
            ({"retry-after": "soon"}, None),
            ({"retry-after": "-7"}, None),
            ({"ratelimit-reset": "soon"}, None),
            ({"ratelimit-reset": "0"}, 0),
            ({"retry-after": "7", "ratelimit-reset": "0"}, 7),
        ],
    )
    def test_is_read_from_either_header(self, headers, seconds):
        assert retry_after_s(headers.get) == seconds

    def test_may_be_a_date_or_a_time(self):
        later = datetime.now(UTC) + timedelta(seconds=100)

        dated = retry_after_s({"retry-after": format_datetime(later, usegmt=True)}.get)
        timed = retry_after_s({"ratelimit-reset": str(int(time()) + 100)}.get)

        assert dated is not None
        assert 90 < dated <= 100
        assert timed is not None
        assert 90 < timed <= 100


@given(st.integers(300, 599), st.binary(max_size=200))
def test_any_answer_makes_an_error(status, body):
    error = refused(status, body)

    assert isinstance(error, UpstreamError)
    assert "\n" not in error.message
    assert len(error.message) < 600


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not here")
@pytest.mark.parametrize(
    "path", sorted(RECORDED.glob("error__*.headers.json")), ids=lambda path: path.name
)
def test_recorded_refusals_have_their_cause(path):
    recorded = json.loads(path.read_text(encoding="utf-8"))
    body = Path(str(path).replace(".headers.json", ".json")).read_bytes()
    headers = {name.lower(): value for name, value in recorded["headers"].items()}
    kinds = {401: Unauthenticated, 403: Forbidden, 404: NotFound, 409: Conflict}

    answer = Answer(recorded["status"], headers.get, body)
    error = error_of(answer, endpoint="GET /x", subject="it", credential=CREDENTIAL)

    assert type(error) is kinds.get(recorded["status"], RequestRefused)
    assert error.upstream_request_id == headers.get("x-request-id")
    assert error.reason
