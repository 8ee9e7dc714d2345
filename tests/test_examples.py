"""The operations in `examples/`: each runs over the demo, and takes the calls that it says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationType, build_schema, get_operation_ast, parse, validate

from gateway.execution.schema import print_sdl
from gateway.parts import DEMO as SHOWN
from gateway.sandbox.demo.projects import DEMO
from gateway.testing.server import serve
from gateway.transport.explorer.tabs import opening_tabs
from tests.harness.over import DrivenOver, over_driven

ROOT = Path(__file__).parents[1]
EXAMPLES = {path.stem: path for path in sorted((ROOT / "examples").glob("*.graphql"))}
TABS = ROOT / "gateway" / "transport" / "explorer" / "tabs"
PIPELINE = {"project": str(DEMO), "pipeline": "6"}


@pytest.fixture(scope="module")
def over():
    with serve() as server, over_driven(server) as made:
        yield made


def run(over: DrivenOver, name: str, **variables: Any) -> Any:
    text = EXAMPLES[name].read_text(encoding="utf-8")
    response = over.run(over.execute(text, variables))
    assert not response.errors
    return response


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_tells_its_cost_and_is_shown_in_the_readme(name):
    text = EXAMPLES[name].read_text(encoding="utf-8")

    assert text.startswith("# ")
    assert re.search(rf"^(query|mutation|subscription) {name}\(", text, re.MULTILINE)
    assert f"(examples/{name}.graphql)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "FollowPipeline"])
def test_the_explorer_opens_with_the_same(name):
    tab = TABS / f"{name}.graphql"

    assert tab.read_text(encoding="utf-8") == EXAMPLES[name].read_text(encoding="utf-8")


def test_the_dashboard_takes_a_call_a_project(over):
    response = run(over, "Dashboard", projects=["1", "2"])

    assert len(response.data["projects"]) == 2
    assert response.tally.calls == 2


def test_failed_jobs_come_with_the_ends_of_their_logs(over):
    response = run(over, "FailedJobs", project="1")

    jobs = response.data["project"]["jobs"]["nodes"]
    assert all(job["log"]["tail"]["text"] for job in jobs)
    assert response.tally.calls == 1 + len(jobs)


def test_the_tree_has_stages_figures_and_the_pipelines_below(over):
    response = run(over, "PipelineTree", **PIPELINE)

    pipeline = response.data["pipeline"]
    assert [each["depth"] for each in pipeline["descendants"]["nodes"]] == [1]
    assert pipeline["summary"]["total"] == sum(
        len(stage["items"]) for stage in pipeline["stages"]["nodes"]
    )
    assert response.tally.calls == 3 + 1


def test_all_failed_jobs_run_again(over):
    response = run(over, "RetryAllFailed", **PIPELINE)

    results = response.data["jobBatch"]["results"]
    assert [result["item"]["name"] for result in results] == ["teaspoon"]
    assert response.tally.calls == 2 + len(results)
    assert response.estimated_calls == 118


@pytest.mark.parametrize("jobs", [0, 1_000])
def test_the_tabs_do_what_they_say_one_after_another(jobs):
    tabs = [tab for tab in opening_tabs(SHOWN) if "\nsubscription " not in tab.query]
    with serve(jobs=jobs) as server, over_driven(server) as over:
        responses = [over.run(over.execute(tab.query, json.loads(tab.variables))) for tab in tabs]

    assert len(responses) == 8
    for response in responses:
        told = json.dumps(response.data)
        assert not response.errors
        assert '"userErrors": [{' not in told


def test_following_is_a_valid_operation(over):
    schema = build_schema(print_sdl())
    document = parse(EXAMPLES["FollowPipeline"].read_text(encoding="utf-8"))

    assert validate(schema, document) == []
    assert get_operation_ast(document).operation is OperationType.SUBSCRIPTION
