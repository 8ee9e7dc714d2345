"""Many projects in one operation: side by side, and each for itself."""

import pytest

from gateway.execution.engine import Engine
from gateway.execution.running import Budget
from gateway.testing.server import serve
from gateway.upstream.client import Client
from tests.harness.over import over_driven
from tests.schema.conftest import Gate

IDS = [*range(100, 120)]
WORLD = {
    "projects": [
        {"id": number, "path": f"lab/app-{number}", "visibility": "public"} for number in IDS
    ]
}
NEWEST_FAILED = (
    "jobs(first: 10, statuses: [FAILED]) { nodes { name status webUrl project { fullPath } } }"
)
PROJECTS = f"query($ids: [ID!]!) {{ projects(ids: $ids) {{ {NEWEST_FAILED} }} }}"


class Peak:
    """A layer of the client that counts how many calls are under way at once."""

    def __init__(self, below):
        self.most = self._now = 0
        self._below = below

    async def send(self, call):
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            return await self._below.send(call)
        finally:
            self._now -= 1


@pytest.fixture(scope="module")
def over():
    with serve(world=WORLD) as server, over_driven(server) as made:
        for project in IDS:
            pipeline = server.sandbox.create_pipeline(project)
            for number in range(12):
                server.sandbox.create_job(project, pipeline, name=f"job {number}", status="failed")
        yield made


@pytest.fixture
def gate(over):
    return Gate(over)


class TestDashboard:
    def test_twenty_projects_take_twenty_calls(self, gate):
        result = gate.ask(PROJECTS, ids=[str(number) for number in IDS])

        assert result.errors == {}
        assert len(result.calls) == result.estimated == 20
        assert [len(each["jobs"]["nodes"]) for each in result.data["projects"]] == [10] * 20
        assert [
            each["jobs"]["nodes"][0]["project"]["fullPath"] for each in result.data["projects"]
        ] == [f"lab/app-{number}" for number in IDS]

    @pytest.mark.parametrize("are_aliased", [False, True])
    def test_they_are_one_round_trip(self, over, are_aliased):
        peak = Peak(over.client._chain)
        budget = Budget(calls_in_flight=20)
        engine = Engine(Client.over(peak), over.urls, budget=budget)
        aliased = [f'p{number}: project(id: "{number}") {{ {NEWEST_FAILED} }}' for number in IDS]
        asked = Gate(
            type(over)(over.server, over.client, over.urls, engine, over.seconds, over.runner)
        )

        result = (
            asked.ask(f"{{ {' '.join(aliased)} }}")
            if are_aliased
            else asked.ask(PROJECTS, ids=[str(number) for number in IDS])
        )

        assert result.errors == {}
        assert (len(result.calls), peak.most) == (20, 20)


class TestFailures:
    def test_one_harms_no_other(self, gate):
        result = gate.ask(PROJECTS, ids=["100", "no/such", "no path", "101"])

        first, missing, senseless, last = result.data["projects"]
        assert first["jobs"]["nodes"]
        assert last["jobs"]["nodes"]
        assert missing == {"jobs": None}
        assert senseless is None
        assert result.codes["projects.1.jobs"] == "NOT_FOUND"
        assert result.codes["projects.2"] == "BAD_USER_INPUT"

    def test_a_path_is_looked_up_only_for_its_number(self, gate):
        result = gate.ask(
            "query($ids: [ID!]!) { projects(ids: $ids) { databaseId } }",
            ids=["lab/app-100", "no/such", "101"],
        )

        assert result.data["projects"] == [{"databaseId": 100}, None, {"databaseId": 101}]
        assert result.codes == {"projects.1": "NOT_FOUND"}
        assert len(result.calls) == 2
