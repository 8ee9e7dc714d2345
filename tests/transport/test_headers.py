"""Request ids, CORS, caching headers, credentials."""

from typing import Any

import pytest
from graphql import ExecutionResult

from gateway.errors import BadInput
from gateway.transport.request import HttpRequest
from gateway.upstream.credential import Credential

pytestmark = pytest.mark.anyio

TYPENAME = {"query": "{ __typename }"}
ORIGIN = "https://ci.example.com"


def headers_of(*headers):
    """What is read of the headers of a request."""
    nobody: Any = None
    return HttpRequest({"method": "GET", "headers": headers}, nobody, nobody).headers


class TestRequestId:
    async def test_the_callers_is_kept(self, caller):
        answer = await caller.post(TYPENAME, x_request_id="0b5f-42.a:b")

        assert answer.headers["x-request-id"] == "0b5f-42.a:b"

    @pytest.mark.parametrize("told", ["two words", "a\nb", "x" * 129, 'quo"te', "é"])
    async def test_one_that_could_do_harm_is_replaced(self, caller, told):
        answer = await caller.post(TYPENAME, x_request_id=told)

        assert answer.headers["x-request-id"] != told

    async def test_each_request_has_its_own(self, caller):
        ids = {(await caller.post(TYPENAME)).headers["x-request-id"] for _ in range(3)}

        assert len(ids) == 3

    async def test_refusals_and_failures_carry_it_too(self, caller):
        answer = await caller.post(b"", x_request_id="abc")

        assert answer.headers["x-request-id"] == "abc"
        assert answer.json()["errors"][0]["extensions"]["requestId"] == "abc"


class TestCaching:
    async def test_no_cache_keeps_an_answer_to_get(self, caller):
        for answer in (await caller.get("query=%7B+__typename+%7D"), await caller.get()):
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["vary"] == "accept"

    async def test_the_length_is_told(self, caller):
        for answer in (await caller.post(TYPENAME), await caller.post(b"")):
            assert answer.headers["content-length"] == str(len(answer.body))


async def preflight(caller, asked, **headers):
    return await caller.call(
        "OPTIONS",
        origin=ORIGIN,
        access_control_request_method="POST",
        access_control_request_headers=asked,
        **headers,
    )


class TestCors:
    async def test_no_origin_may_call_by_default(self, caller):
        answer = await caller.post(TYPENAME, origin=ORIGIN)

        assert answer.status == 200
        assert not [name for name in answer.headers if name.startswith("access-control")]

    async def test_an_allowed_origin_is_told(self, make_caller):
        caller = make_caller(cors_origins=(ORIGIN,))

        for answer in (
            await caller.post(TYPENAME, origin=ORIGIN),
            await caller.post(b"", origin=ORIGIN),
        ):
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            exposed = answer.headers["access-control-expose-headers"].split(", ")
            assert {"x-request-id", "retry-after"} <= set(exposed)
            assert "origin" in answer.headers["vary"]
            # Cookies of a proxy in front, for pages that are named.
            assert answer.headers["access-control-allow-credentials"] == "true"

    async def test_an_answer_to_get_varies_by_origin(self, make_caller):
        caller = make_caller(cors_origins=(ORIGIN,))

        for origin in (ORIGIN, None):
            answer = await caller.get("query=%7B+__typename+%7D", origin=origin)
            assert answer.headers["vary"] == "accept, origin"

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", ORIGIN + ".evil.example"])
    async def test_another_origin_is_not(self, make_caller, origin):
        answer = await make_caller(cors_origins=(ORIGIN,)).post(TYPENAME, origin=origin)

        assert "access-control-allow-origin" not in answer.headers

    async def test_every_origin_may_be_allowed(self, make_caller):
        answer = await make_caller(cors_origins=("*",)).post(TYPENAME, origin=ORIGIN)

        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers

    @pytest.mark.parametrize("origins", [(ORIGIN,), ("*",)])
    @pytest.mark.parametrize(
        "asked",
        [
            "content-type,private-token",
            # Apollo Client with a name; Sentry and OpenTelemetry; whatever comes next.
            "apollographql-client-name,apollographql-client-version,authorization,content-type",
            "baggage, sentry-trace, traceparent, tracestate",
            "x-anything-at-all",
        ],
    )
    async def test_a_preflight_allows_what_it_asks_for(self, make_caller, origins, asked):
        answer = await preflight(make_caller(cors_origins=origins), asked)

        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["access-control-allow-origin"] in {ORIGIN, "*"}
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == asked
        assert int(answer.headers["access-control-max-age"]) >= 600
        assert "access-control-request-headers" in answer.headers["vary"]

    @pytest.mark.parametrize(
        "asked", ["", "content type", "a,,b", "a: b", "x" * 5000, "a\u00e9", "a(b)"]
    )
    async def test_a_preflight_that_asks_for_no_names_gets_the_usual(self, make_caller, asked):
        answer = await preflight(make_caller(cors_origins=(ORIGIN,)), asked)

        allowed = answer.headers["access-control-allow-headers"].split(", ")
        assert {"content-type", "private-token", "authorization", "job-token", "sudo"} <= set(
            allowed
        )
        assert all(name.replace("-", "").isalpha() for name in allowed)

    async def test_a_page_may_reach_a_private_network_if_it_asks(self, make_caller):
        caller = make_caller(cors_origins=(ORIGIN,))

        asking = await preflight(
            caller, "content-type", access_control_request_private_network="true"
        )
        silent = await preflight(caller, "content-type")

        assert asking.headers["access-control-allow-private-network"] == "true"
        assert "access-control-allow-private-network" not in silent.headers

    async def test_a_preflight_of_another_origin_is_answered_without(self, make_caller):
        answer = await make_caller(cors_origins=(ORIGIN,)).call(
            "OPTIONS", origin="https://evil.example", access_control_request_method="POST"
        )

        assert not [name for name in answer.headers if name.startswith("access-control")]


class TestCredentials:
    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({"private_token": "glpat-1"}, ("PRIVATE-TOKEN", "glpat-1")),
            ({"authorization": "Bearer abc"}, ("Authorization", "Bearer abc")),
            ({"job_token": "64_x"}, ("JOB-TOKEN", "64_x")),
        ],
    )
    async def test_reach_the_engine_unchanged(self, make_caller, headers, expected):
        seen = []

        async def run(scope):
            seen.append(scope.credential)
            return ExecutionResult({}, None)

        await make_caller(run).post(TYPENAME, **headers)

        assert (seen[0].header, seen[0].value) == expected

    @pytest.mark.parametrize(
        "headers", [{"private_token": "x"}, {"authorization": "Bearer x"}, {"job_token": "x"}]
    )
    async def test_take_sudo_along(self, make_caller, headers):
        seen = []

        async def run(scope):
            seen.append(scope.credential)
            return ExecutionResult({}, None)

        caller = make_caller(run)
        for sudo in ({"sudo": " ada "}, {"sudo": "42"}, {}):
            await caller.post(TYPENAME, **headers, **sudo)

        assert [credential.sudo for credential in seen] == ["ada", "42", None]
        assert len({credential.fingerprint for credential in seen}) == 3

    @pytest.mark.parametrize(
        "headers",
        [
            {"private_token": "glpat-1", "sudo": " "},
            {"private_token": "glpat-1", "sudo": "a\nX-Other: b"},
            {"private_token": "glpat-1", "sudo": "a b"},
            {"sudo": "root"},
            {"private_token": " ", "sudo": "root"},
        ],
    )
    async def test_whose_sudo_would_be_lost_are_400(self, caller, headers):
        answer = await caller.post(TYPENAME, **headers)

        assert answer.status == 400
        assert "Sudo" in answer.json()["errors"][0]["message"]

    def test_that_name_two_users_are_refused(self):
        headers = headers_of((b"private-token", b"glpat-1"), (b"sudo", b"ada"), (b"sudo", b"bob"))

        with pytest.raises(BadInput, match="twice"):
            Credential.from_headers(headers)

    def test_that_come_twice_are_the_first(self):
        headers = headers_of((b"private-token", b"glpat-1"), (b"private-token", b"glpat-2"))

        credential = Credential.from_headers(headers)

        assert credential == Credential("PRIVATE-TOKEN", "glpat-1")

    async def test_are_not_needed(self, make_caller):
        seen = []

        async def run(scope):
            seen.append(scope.credential)
            return ExecutionResult({}, None)

        answer = await make_caller(run).post(TYPENAME)

        assert answer.status == 200
        assert seen == [None]

    async def test_that_cannot_be_sent_on_are_400_and_not_repeated(self, caller):
        answer = await caller.post(TYPENAME, private_token="glpat-1\nX-Other: secret")

        assert answer.status == 400
        assert b"glpat" not in answer.body


@pytest.mark.parametrize("query", ["sudo=root", "x=1&sudo=2", "Sudo=root&query={__typename}"])
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_sudo_in_the_address_is_refused_with_what_to_send(caller, method, query):
    answer = await caller.call(
        method, body=b'{"query": "{ __typename }"}', query=query, content_type="application/json"
    )

    assert answer.status == 400
    assert "send the header Sudo" in answer.json()["errors"][0]["message"]


async def test_an_operation_may_speak_of_sudo(caller):
    answer = await caller.get('query={__typename}&extensions={"sudo":1}&visudo=2')

    assert answer.status == 200
