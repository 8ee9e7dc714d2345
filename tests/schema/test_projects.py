"""A project's own fields, its latest pipeline, and filters of its pipelines, over the sandbox."""

import pytest

from gateway.testing.server import serve
from tests.harness.over import over_driven
from tests.schema.conftest import Gate

WORLD = {"projects": [{"id": 7, "path": "lab/app", "name": "The app", "visibility": "public"}]}


@pytest.fixture(scope="module")
def made():
    with serve(world=WORLD) as server, over_driven(server) as over:
        sandbox = server.sandbox
        pipelines = {
            "old": sandbox.create_pipeline(7, status="success"),
            "nightly": sandbox.create_pipeline(7, status="failed", name="nightly"),
            "side": sandbox.create_pipeline(7, status="running", ref="side", source="schedule"),
        }
        yield over, pipelines


@pytest.fixture
def gate(made):
    return Gate(made[0])


@pytest.fixture
def pipelines(made):
    return made[1]


@pytest.mark.parametrize("key", ["7", "lab/app"])
def test_a_projects_own_fields_share_one_call(gate, key):
    result = gate.ask(
        "query($id: ID!) { project(id: $id) { databaseId name webUrl defaultBranch fullPath } }",
        id=key,
    )

    project = result.data["project"]
    assert (project["databaseId"], project["name"], project["defaultBranch"]) == (
        7,
        "The app",
        "main",
    )
    assert project["webUrl"].endswith("/lab/app")
    assert len(result.calls) == 1


class TestLatestPipeline:
    @pytest.mark.parametrize(("arguments", "wanted"), [("", "nightly"), ('(ref: "side")', "side")])
    def test_is_the_newest_of_the_ref_in_its_long_form(self, gate, pipelines, arguments, wanted):
        result = gate.ask(
            f"{{ project(id: 7) {{ latestPipeline{arguments}"
            " { databaseId name detailedStatus { icon text group detailsPath } } } }"
        )

        latest = result.data["project"]["latestPipeline"]
        assert latest["databaseId"] == pipelines[wanted]
        assert latest["detailedStatus"]["icon"].startswith("status_")
        assert latest["detailedStatus"]["detailsPath"].endswith(f"/pipelines/{pipelines[wanted]}")
        assert len(result.calls) == result.estimated == 1

    def test_where_there_is_none_the_error_says_so(self, gate):
        result = gate.ask('{ project(id: 7) { latestPipeline(ref: "gone") { databaseId } } }')

        error = result.errors["project.latestPipeline"]
        assert error["extensions"]["code"] == "FORBIDDEN"
        assert "has no pipeline" in error["message"]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ('name: "nightly"', {"nightly"}),
        ("scope: RUNNING", {"side"}),
        ("scope: FINISHED", {"old", "nightly"}),
        ('source: "schedule"', {"side"}),
        ('username: "nobody"', set()),
        ('createdAfter: "2001-01-01T00:00:00+02:00"', {"old", "nightly", "side"}),
        ('createdBefore: "2001-01-01T00:00:00Z"', set()),
        ('updatedAfter: "2101-01-01T00:00:00Z"', set()),
        ('updatedBefore: "2101-01-01T00:00:00Z", status: FAILED', {"nightly"}),
    ],
)
def test_pipelines_are_filtered_by_the_upstream(gate, pipelines, arguments, wanted):
    result = gate.ask(
        f"{{ project(id: 7) {{ pipelines({arguments}) {{ nodes {{ databaseId }} }} }} }}"
    )

    found = {node["databaseId"] for node in result.data["project"]["pipelines"]["nodes"]}
    assert found == {pipelines[name] for name in wanted}
    assert len(result.calls) == 1


def test_the_upstreams_address_costs_nothing_and_its_version_one_call(gate):
    address = gate.ask("{ upstream { url } }", role=None)
    both = gate.ask("{ upstream { url version revision } }")

    assert address.data == {"upstream": {"url": gate.web_url}}
    assert (address.calls, address.estimated) == ([], 0)
    assert both.data["upstream"]["version"]
    assert (both.calls, both.estimated) == (["GET /version"], 1)


@pytest.mark.parametrize("role", [None, "job_token"])
def test_who_asks_and_of_what_is_null_without_a_personal_credential(made, role):
    over, _ = made

    response = over.run(over.execute("{ currentUser { name } upstream { version } }", role=role))

    assert response.data == {"currentUser": None, "upstream": {"version": None}}
    codes = {error["extensions"]["code"] for error in response.errors}
    assert codes == {"UNAUTHENTICATED"}


class TestOrder:
    def test_pages_go_on_in_the_order_they_began_in(self, gate, pipelines):
        text = """query($after: String, $by: PipelineOrder!, $order: SortOrder!) {
          project(id: 7) { pipelines(first: 2, after: $after, orderBy: $by, order: $order) {
            nodes { databaseId } pageInfo { hasNextPage endCursor } } } }"""

        def walk(by, order):
            found, after = [], None
            while True:
                result = gate.ask(text, by=by, order=order, after=after)
                page = result.data["project"]["pipelines"]
                found += [node["databaseId"] for node in page["nodes"]]
                if not page["pageInfo"]["hasNextPage"]:
                    return found
                after = page["pageInfo"]["endCursor"]

        oldest_first = sorted(pipelines.values())
        assert walk("ID", "ASC") == oldest_first
        assert walk("ID", "DESC") == oldest_first[::-1]
        assert sorted(walk("UPDATED_AT", "ASC")) == oldest_first

    def test_the_upstream_is_asked_for_it(self, gate):
        result = gate.ask(
            "{ project(id: 7) { pipelines(first: 3, orderBy: STATUS, order: ASC) { nodes { status }"
            " } } }"
        )

        statuses = [node["status"] for node in result.data["project"]["pipelines"]["nodes"]]
        assert statuses == sorted(statuses)
        assert result.calls == [
            "GET /projects/7/pipelines?page=1&per_page=3&order_by=status&sort=asc"
        ]

    def test_newest_first_is_asked_for_as_it_always_was(self, gate):
        result = gate.ask(
            "{ project(id: 7) { pipelines(first: 3, orderBy: ID, order: DESC) { nodes { id } } } }"
        )

        assert result.calls == ["GET /projects/7/pipelines?page=1&per_page=3"]
