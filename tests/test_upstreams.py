"""The gateway over every kind of upstream: each version profile, and each fault.

Whatever the upstream does, the answer is well-formed GraphQL within the deadline, no write is sent
twice, and no credential reaches another origin.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from gateway.execution.running import Budget
from gateway.sandbox import KINDS, PROFILES, Fault
from gateway.testing.server import serve
from tests.harness.over import over_driven

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
# With which only the body is lost: the status tells that a write was carried out.
SPOILED = {"cut_body", "broken_json"}


class Gateway:
    """The gateway over a sandbox of its own, asked as a maintainer."""

    def __init__(self, over):
        self.sandbox, self.url = over.server.sandbox, over.server.url
        self._over = over

    def ask(self, document, **variables):
        return self._over.run(self._over.execute(document, variables))

    def writes(self):
        return [call for call in self.sandbox.received if call.method == "POST"]


@pytest.fixture
def gateway():
    """Makes gateways whose operations have `timeout_s`."""
    with ExitStack() as stack:

        def start(*, timeout_s=20.0, **options):
            server = stack.enter_context(serve(**options))
            budget = Budget(calls=10_000)
            driven = over_driven(server, budget=budget, seconds=timeout_s)
            return Gateway(stack.enter_context(driven))

        yield start


@pytest.mark.parametrize("profile", PROFILES)
class TestProfiles:
    def test_everything_can_be_asked(self, gateway, profile):
        response = gateway(profile=profile).ask(EVERYTHING)

        assert response.errors is None
        project = response.data["project"]
        assert all(job["status"] != "UNKNOWN" for job in project["jobs"]["nodes"])
        assert project["canceling"]["nodes"]
        assert response.data["pipeline"]["jobs"]["totalCount"] >= 3
        assert response.data["job"]["log"]["byteCount"] > 0

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

        response = over.ask(WRITES[action])

        (payload,) = response.data.values()
        assert response.errors is None
        assert payload["userErrors"] == []
        assert len(over.writes()) == 1


@pytest.mark.parametrize("kind", KINDS)
class TestFaults:
    def test_a_read_is_answered_or_fails_by_name(self, gateway, kind):
        over = gateway(timeout_s=3.0)
        over.sandbox.faults.append(fault(kind))

        response = over.ask(READ)

        assert response.data["sibling"] == "Query"
        if kind in HARMLESS:
            assert response.errors is None
        else:
            assert response.data["project"] == {"jobs": None}
            (error,) = response.errors
            assert error["path"] == ["project", "jobs"]
            assert error["extensions"]["code"].startswith(("UPSTREAM_", "RATE_LIMITED"))
            assert "glpat" not in str(response.errors)

    @pytest.mark.parametrize("action", WRITES)
    def test_no_write_is_sent_twice(self, gateway, kind, action):
        over = gateway(timeout_s=1.0)
        over.sandbox.faults.append(fault(kind))

        response = over.ask(WRITES[action])

        assert len(over.writes()) == 1
        (payload,) = response.data.values()
        if kind in HARMLESS | SPOILED:
            assert payload["userErrors"] == []
        else:
            assert response.errors or payload["userErrors"]


@pytest.mark.parametrize("kind", ["reset", "cut_body", "status", "rate_limit_global"])
def test_a_read_is_sent_again(gateway, kind):
    over = gateway()
    over.sandbox.faults.append(fault(kind, times=1))

    response = over.ask(READ)

    assert response.errors is None
    assert len(response.data["project"]["jobs"]["nodes"]) == 20
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
