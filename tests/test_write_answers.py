"""What a write's answer means, whatever it is: each mutation, each status, each way to spoil the
body, over every wire and the upstreams of three versions. The write is sent once.
"""

from __future__ import annotations

import asyncio
import gzip

import pytest

from gateway.execution.documents import Documents
from gateway.execution.engine import Engine
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.request import GraphQLRequest
from gateway.execution.schema import make_schema
from gateway.sandbox import PROFILES, Fault
from gateway.testing.server import serve
from gateway.upstream.client import Client, ClientConfig
from gateway.upstream.credential import Credential
from gateway.upstream.web_urls import WebUrls
from gateway.upstream.wire import WireOptions
from gateway.upstream.wires import WIRES, open_wire
from tests.harness.over import make_caller, make_scope
from tests.upstream.conftest import RawServer, say

pytestmark = pytest.mark.anyio

TOKEN = "glpat-a-secret-of-the-caller"
RESET = b"upstream connect error or disconnect/reset before headers. reset reason: "
MUTATIONS = ["jobCancel", "jobRetry", "jobErase", "jobPlay"]
WRITE = (
    'mutation { %s(input: {job: {path: {project: "1", job: "8"}}%s})'
    " { userErrors { code message retryAfter } } }"
)
UNREADABLE = {
    "cut": say(b'{"mess', length=100),
    "broken gzip": say(b"no gzip", headers=("content-encoding: gzip",)),
    "cut gzip": say(gzip.compress(b"{}" * 99)[:-9], headers=("content-encoding: gzip",)),
    "a page": say(b"<html>no</html>", headers=("content-type: text/html",)),
    "no JSON": say(b"{"),
    "too long": say(b"x" * 20_000),
    "nothing": say(b""),
    "a deep one": say(b'{"id":' + b"[" * 1_100 + b"]" * 1_100 + b"}"),
}


@pytest.fixture
async def server():
    async with RawServer().running() as running:
        yield running


@pytest.fixture(scope="module")
def documents():
    return Documents(make_schema(PlannedExecutor), Limits())


@pytest.fixture(params=sorted(WIRES))
def wire_name(request):
    return request.param


@pytest.fixture
async def write(server, wire_name, documents):
    """Sends one mutation to the raw server; gives its only user error, or None."""
    options = WireOptions(server.origin, max_answer_bytes=10_000)
    async with open_wire(wire_name, options) as wire:
        config = ClientConfig(f"{server.origin}/api/v4", retry_pause_s=0.0)
        engine = Engine(Client(wire, config), WebUrls(config.url), documents=documents)

        async def sent(mutation="jobCancel", more=""):
            document = WRITE % (mutation, more)
            caller = make_caller(Credential("PRIVATE-TOKEN", TOKEN))
            outcome = await engine.execute(GraphQLRequest(query=document, variables={}), caller)
            assert outcome.errors is None, outcome.errors
            (payload,) = outcome.data.values()
            assert len(server.heads) == 1
            return payload["userErrors"][0] if payload["userErrors"] else None

        yield sent


def answered(status, spoiled="nothing", headers=()):
    """The answer of a server with this status, its body spoiled."""

    async def answer(writer):
        class Restated:
            def write(self, data):
                more = "".join(f"{line}\r\n" for line in headers).encode()
                writer.write(data.replace(b"200 OK\r\n", f"{status} X\r\n".encode() + more, 1))

            def __getattr__(self, name):
                return getattr(writer, name)

        await UNREADABLE[spoiled](Restated())

    return answer


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("spoiled", UNREADABLE)
class TestUnreadable:
    @pytest.mark.parametrize(
        ("status", "code"), [(400, "NOT_ALLOWED_IN_STATUS"), (403, "FORBIDDEN"), (404, "NOT_FOUND")]
    )
    async def test_a_refusal_stands_by_its_status(
        self, server, write, mutation, spoiled, status, code
    ):
        server.answer = answered(status, spoiled)

        error = await write(mutation)

        # What refuses a request with a page stands before the upstream, which says 400 in JSON.
        is_by_proxy = (status, spoiled) == (400, "a page")
        assert error["code"] == ("UPSTREAM_REFUSED" if is_by_proxy else code)

    async def test_a_yes_is_a_yes_unless_a_page_says_it(self, server, write, mutation, spoiled):
        server.answer = answered(201, spoiled)

        error = await write(mutation)

        if spoiled == "a page":
            assert error["code"] == "OUTCOME_UNKNOWN"
            assert "a web page came in place of the API's answer (HTTP 201)" in error["message"]
        else:
            assert error is None


@pytest.mark.parametrize("mutation", MUTATIONS)
class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_are_told_and_not_followed(self, server, write, mutation, status):
        where = f"https://user:pw@other.example/{TOKEN}/sign_in?private_token={TOKEN}#x"
        server.answer = answered(status, headers=[f"location: {where}"])

        error = await write(mutation)

        assert error["code"] == "REDIRECTED"
        assert "https://other.example/(credential)/sign_in " in error["message"]
        assert not any(secret in error["message"] for secret in (TOKEN, "pw@", "private_token"))

    @pytest.mark.parametrize("place", ["https://[broken", "javascript:x", "//a b/", ""])
    async def test_to_nowhere_are_told(self, server, write, mutation, place):
        server.answer = answered(302, headers=[f"location: {place}"])

        assert (await write(mutation))["code"] == "REDIRECTED"

    async def test_to_another_host_by_the_same_scheme_are_told(self, server, write, mutation):
        server.answer = answered(302, headers=["location: //other.example/x"])

        assert "to http://other.example/x (HTTP 302)" in (await write(mutation))["message"]

    async def test_not_modified_is_none(self, server, write, mutation):
        server.answer = answered(304)

        error = await write(mutation)

        assert error["code"] == "OUTCOME_UNKNOWN"
        assert "the upstream answered HTTP 304" in error["message"]


@pytest.mark.parametrize("mutation", MUTATIONS)
class TestNoAnswer:
    @pytest.mark.parametrize(
        ("said", "told"),
        [
            (b"", "no answer to it came: the upstream closed a new connection without a word"),
            (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "the upstream's answer is no HTTP"),
            (
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
                # httpx does not tell the status.
                ("(HTTP 101)", "the upstream's answer is no HTTP"),
            ),
        ],
    )
    async def test_what_came_is_told(self, server, write, mutation, said, told):
        async def answer(writer):
            writer.write(said)
            await writer.drain()
            writer.close()

        server.answer = answer

        error = await write(mutation)

        assert error["code"] == "OUTCOME_UNKNOWN"
        assert any(text in error["message"] for text in ([told] if isinstance(told, str) else told))


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("status", [402, 405, 413, 418, 422, 423])
async def test_a_refusal_for_any_other_reason_is_data(server, write, mutation, status):
    server.answer = say(b'{"message":{"base":["why"]}}', status=f"{status} X")

    error = await write(mutation)

    assert error["code"] == "UPSTREAM_REFUSED"
    assert error["message"].endswith(f"(HTTP {status}): why")


async def test_a_cancel_that_ends_in_a_word_of_tomorrow_was_not_in_vain(server, write):
    server.answer = say(b'{"id": 8, "name": "x", "status": "zapped"}', status="201 Created")

    assert await write("jobCancel") is None


@pytest.mark.parametrize("mutation", MUTATIONS)
class TestDown:
    @pytest.mark.parametrize(
        ("header", "retry_after"),
        [
            ([], None),
            (["retry-after: 120"], 120.0),
            (["retry-after: Thu, 01 Jan 1970 00:00:00 GMT"], 0.0),
            (["retry-after: soon"], None),
            ([f"retry-after: {'9' * 18}"], 366 * 24 * 3600.0),
            # No number beyond 64 bits is one.
            ([f"retry-after: {'9' * 5_000}"], None),
        ],
    )
    async def test_a_503_was_not_handled(self, server, write, mutation, header, retry_after):
        server.answer = say(
            b'{"message":"GitLab is undergoing maintenance"}',
            status="503 Service Unavailable",
            headers=tuple(header),
        )

        error = await write(mutation)

        assert (error["code"], error["retryAfter"]) == ("UNAVAILABLE", retry_after)
        assert "GitLab is undergoing maintenance" in error["message"]

    async def test_a_read_only_upstream_is_down_for_writes(self, server, write, mutation):
        server.answer = say(
            b'{"message":"You cannot perform write operations on a read-only instance"}',
            status="403 Forbidden",
            headers=("retry-after: 60",),
        )

        error = await write(mutation)

        assert (error["code"], error["retryAfter"]) == ("UNAVAILABLE", 60.0)

    @pytest.mark.parametrize(
        ("status", "body", "code"),
        [
            ("500 Internal Server Error", b"", "OUTCOME_UNKNOWN"),
            ("501 Not Implemented", b"", "UNAVAILABLE"),
            ("502 Bad Gateway", b"", "OUTCOME_UNKNOWN"),
            ("504 Gateway Timeout", b"", "OUTCOME_UNKNOWN"),
            ("520 X", b"", "OUTCOME_UNKNOWN"),
            ("521 X", b"", "UNAVAILABLE"),
            ("503 X", RESET + b"connection termination", "OUTCOME_UNKNOWN"),
            ("503 X", RESET + b"remote connection failure", "UNAVAILABLE"),
        ],
    )
    async def test_who_may_have_done_it_is_not_known_to_have_not(
        self, server, write, mutation, status, body, code
    ):
        server.answer = say(body, status=status)

        assert (await write(mutation))["code"] == code


async def test_values_are_to_blame_for_a_bad_request_where_some_were_sent(server, write):
    server.answer = answered(400)

    error = await write("jobPlay", ', variables: [{key: "A", value: "1"}]')

    assert error["code"] == "INVALID_VARIABLES"


@pytest.mark.parametrize("seconds", [0.0, 0.2])
async def test_a_write_meets_no_connection_that_ended_while_it_was_kept(
    server, wire_name, seconds, monkeypatch
):
    """The upstream answers reads, then drops the connection without a word to the next request on
    it: five writes, and none is lost. (Reads of one credential are sent again ten times in a row.)
    """
    monkeypatch.setattr("gateway.upstream.wires.http1.MAX_IDLE_BEFORE_WRITE_S", 0.05)
    answers = {}

    async def once(writer):
        if answers.setdefault(writer, 0):
            writer.transport.abort()
            return
        answers[writer] += 1
        await say(b'{"id": 8, "name": "x", "status": "canceled"}')(writer)
        if not seconds:
            writer.close()

    server.answer = once
    async with open_wire(wire_name, WireOptions(server.origin)) as wire:
        client = Client(wire, ClientConfig(f"{server.origin}/api/v4", retry_pause_s=0.0))
        for _ in range(5):
            scope = make_scope()
            await client.job(scope, 1, 8)
            # The upstream's end, or what counts as long ago, comes in between.
            await asyncio.sleep(seconds)
            assert (await client.cancel(scope, 1, 8)).status == "canceled"

    assert sum(head.startswith("POST") for head in server.heads) == 5


CANCEL = (
    'mutation { jobCancel(input: {job: {path: {project: "1", job: "%d"}}}) { job { status }'
    " userErrors { code } } }"
)
ACTIONS = {
    "jobErase": ("NOT_ALLOWED_IN_STATUS", {"status": "failed", "log": b"x"}),
    "jobRetry": ("NOT_ALLOWED_IN_STATUS", {"status": "failed"}),
    "jobPlay": ("NOT_ALLOWED_IN_STATUS", {"status": "manual", "when": "manual"}),
    "jobCancel": (None, {"status": "running", "runner_id": 2}),
}


@pytest.mark.parametrize("profile", PROFILES)
class TestVersions:
    @pytest.fixture
    async def asked(self, profile, documents):
        with serve(profile=profile) as upstream:
            async with open_wire("http1", WireOptions(upstream.url)) as wire:
                config = ClientConfig(f"{upstream.url}/api/v4", retry_pause_s=0.0)
                engine = Engine(Client(wire, config), WebUrls(config.url), documents=documents)

                async def ask(document):
                    caller = make_caller(Credential("PRIVATE-TOKEN", upstream.tokens["maintainer"]))
                    request = GraphQLRequest(query=document, variables={})
                    outcome = await engine.execute(request, caller)
                    assert outcome.errors is None
                    (payload,) = outcome.data.values()
                    return payload

                yield upstream.sandbox, ask

    @pytest.mark.parametrize("status", ["success", "failed", "skipped"])
    async def test_to_cancel_what_has_ended_is_in_vain(self, asked, status):
        sandbox, ask = asked
        job = sandbox.create_job(1, 6, status=status)

        payload = await ask(CANCEL % job)

        assert payload["job"] == {"status": status.upper()}
        assert payload["userErrors"] == [{"code": "NOTHING_TO_DO"}]

    @pytest.mark.parametrize("mutation", ACTIONS)
    async def test_the_second_time_it_is_refused_or_done_already(self, asked, mutation):
        sandbox, ask = asked
        code, columns = ACTIONS[mutation]
        job = sandbox.create_job(1, 6, **columns)
        document = (
            'mutation { %s(input: {job: {path: {project: "1", job: "%d"}}})'
            " { userErrors { code } } }" % (mutation, job)
        )

        first, second = await ask(document), await ask(document)

        assert first["userErrors"] == []
        assert second["userErrors"] == ([{"code": code}] if code else [])
        assert sum(call.method == "POST" for call in sandbox.received) == 2

    @pytest.mark.parametrize("mutation", ACTIONS)
    async def test_maintenance_is_told(self, asked, mutation):
        sandbox, ask = asked
        sandbox.faults.append(Fault(kind="status", status=503, method="POST", retry_after=60))

        payload = await ask(
            'mutation { %s(input: {job: {path: {project: "1", job: "1"}}})'
            " { userErrors { code retryAfter } } }" % mutation
        )

        assert payload["userErrors"] == [{"code": "UNAVAILABLE", "retryAfter": 60.0}]
        assert sum(call.method == "POST" for call in sandbox.received) == 1
