"""The gateway over every kind of upstream: each version profile, and each fault.

Whatever the upstream does, the answer is well-formed GraphQL within the deadline, no write is sent
twice, and no credential reaches another origin.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from gateway.execution.engine import Engine, GraphQLRequest
from gateway.sandbox import KINDS, PROFILES, Fault
from gateway.settings import Settings
from gateway.testing.server import serve
from gateway.upstream.client import Client, ClientConfig
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from gateway.upstream.web_urls import WebUrls
from gateway.upstream.wire import WireOptions
from gateway.upstream.wires import open_wire

EVERYTHING = """{
  project(id: 1) {
    jobs(first: 50) { nodes { id status statusText source archived runnerManager { systemId }
      pipeline { id duration } commit { title } artifacts { fileType } erasable } }
    canceling: jobs(statuses: [CANCELING, WAITING_FOR_CALLBACK, RUNNING]) { nodes { status } }
    pipelines(first: 5) { nodes { id status name } }
  }
  pipeline(by: {path: {project: 1, pipeline: 6}}) {
    jobs(includeRetried: true) { totalCount nodes { name } }
    bridges { totalCount nodes { downstreamPipeline { id } } }
  }
  job(by: {path: {project: 1, job: 8}}) { log { byteCount tail(lines: 2) { text } } }
}"""
WALK = """query ($after: String) {
  project(id: 6) { jobs(first: 100, after: $after) {
    nodes { databaseId } pageInfo { hasNextPage endCursor } } } }"""
READ = "{ project(id: 1) { jobs { nodes { id } } } sibling: __typename }"
JOB = "input: {job: {path: {project: 1, job: %d}}}"
WRITES = {
    "cancel": f"mutation {{ jobCancel({JOB % 8}) {{ job {{ status }} userErrors {{ code }} }} }}",
    "retry": f"mutation {{ jobRetry({JOB % 1}) {{ item {{ id }} userErrors {{ code }} }} }}",
    "erase": f"mutation {{ jobErase({JOB % 1}) {{ job {{ erasedAt }} userErrors {{ code }} }} }}",
    "play": f"mutation {{ jobPlay({JOB % 1}) {{ item {{ id }} userErrors {{ code }} }} }}",
}
# With which the answer still comes whole.
HARMLESS = {"latency", "slow_drip", "wrong_content_type"}


class Gateway:
    """An engine over a sandbox of its own, whose operations have `timeout_s`."""

    def __init__(self, server, engine, runner, timeout_s):
        self.sandbox, self.url = server.sandbox, server.url
        self._server, self._engine, self._runner = server, engine, runner
        self._timeout_s = timeout_s

    def ask(self, document, **variables):
        return self._runner.run(self._ask(document, variables))

    async def _ask(self, document, variables):
        credential = Credential("PRIVATE-TOKEN", self._server.tokens["maintainer"])
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        scope = CallScope(credential, deadline, "test")
        return await self._engine.run(GraphQLRequest(query=document, variables=variables), scope)

    def writes(self):
        return [call for call in self.sandbox.received if call.method == "POST"]


@pytest.fixture
def gateway():
    with AsyncExitStackRunner() as (runner, stack):

        def start(*, timeout_s=20.0, **options):
            server = stack.enter_context(serve(**options))
            wire = runner.run(
                stack.enter_async_context(
                    open_wire(Settings().wire, WireOptions(origin=server.url))
                )
            )
            config = ClientConfig(url=f"{server.url}/api/v4", retry_pause_s=0.0)
            engine = Engine(Client(wire, config), WebUrls(config.url), max_calls=10_000)
            return Gateway(server, engine, runner, timeout_s)

        yield start


class AsyncExitStackRunner:
    """A loop and an exit stack that is left on it."""

    def __enter__(self):
        self._runner = asyncio.Runner().__enter__()
        self._stack = AsyncExitStack()
        return self._runner, self._stack

    def __exit__(self, *raised):
        self._runner.run(self._stack.aclose())
        self._runner.__exit__(*raised)


@pytest.mark.parametrize("profile", PROFILES)
class TestProfiles:
    def test_everything_can_be_asked(self, gateway, profile):
        outcome = gateway(profile=profile).ask(EVERYTHING)

        assert outcome.errors is None
        project = outcome.data["project"]
        assert all(job["status"] != "UNKNOWN" for job in project["jobs"]["nodes"])
        assert project["canceling"]["nodes"]
        assert outcome.data["pipeline"]["jobs"]["totalCount"] >= 3
        assert outcome.data["job"]["log"]["byteCount"] > 0

    def test_a_walk_shows_every_job_once(self, gateway, profile):
        over = gateway(profile=profile)
        seen, after, goes_on = [], None, True
        while goes_on:
            page = over.ask(WALK, after=after).data["project"]["jobs"]
            seen += [job["databaseId"] for job in page["nodes"]]
            goes_on, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]

        builds = {job.id for job in over.sandbox.jobs(6) if not job.bridge}
        assert seen == sorted(builds, reverse=True)

    @pytest.mark.parametrize("action", WRITES)
    def test_each_write_works(self, gateway, profile, action):
        over = gateway(profile=profile)

        outcome = over.ask(WRITES[action])

        (payload,) = outcome.data.values()
        assert outcome.errors is None
        assert payload["userErrors"] == []
        assert len(over.writes()) == 1


@pytest.mark.parametrize("kind", KINDS)
class TestFaults:
    def test_a_read_is_answered_or_fails_by_name(self, gateway, kind):
        over = gateway(timeout_s=3.0)
        over.sandbox.faults.append(fault(kind))

        outcome = over.ask(READ)

        assert outcome.data["sibling"] == "Query"
        if kind in HARMLESS:
            assert outcome.errors is None
        else:
            assert outcome.data["project"] == {"jobs": None}
            (error,) = outcome.errors
            assert error["path"] == ["project", "jobs"]
            assert error["extensions"]["code"].startswith(("UPSTREAM_", "RATE_LIMITED"))
            assert "glpat" not in str(outcome.errors)

    @pytest.mark.parametrize("action", WRITES)
    def test_no_write_is_sent_twice(self, gateway, kind, action):
        over = gateway(timeout_s=1.0)
        over.sandbox.faults.append(fault(kind))

        outcome = over.ask(WRITES[action])

        assert len(over.writes()) == 1
        (payload,) = outcome.data.values()
        if kind in HARMLESS:
            assert payload["userErrors"] == []
        else:
            assert outcome.errors or payload["userErrors"]


@pytest.mark.parametrize("kind", ["reset", "cut_body", "status", "rate_limit_global"])
def test_a_read_is_sent_again(gateway, kind):
    over = gateway()
    over.sandbox.faults.append(fault(kind, times=1))

    outcome = over.ask(READ)

    assert outcome.errors is None
    assert len(outcome.data["project"]["jobs"]["nodes"]) == 20
    assert len(over.sandbox.received) == 2


@pytest.mark.parametrize("document", [READ, *WRITES.values()])
def test_no_credential_goes_to_another_origin(gateway, document):
    over, elsewhere = gateway(), gateway()
    over.sandbox.faults.append(Fault(kind="redirect", location=elsewhere.url))

    over.ask(document)

    assert over.sandbox.received
    assert len(over.writes()) <= 1
    assert list(elsewhere.sandbox.received) == []


def fault(kind, **how):
    """A fault of every call; slow ones slower than a test's deadline only where they must be."""
    settings = {
        "status": {"status": 503},
        "latency": {"seconds": 0.02},
        "slow_drip": {"seconds": 0.0005},
        "redirect": {"location": "http://127.0.0.2:1"},
        "rate_limit_global": {"retry_after": 0},
    }
    return Fault(kind=kind, **settings.get(kind, {}), **how)
