"""Each endpoint of the Jobs API through GraphQL, on the ids of the API's own documentation.

The README's table of endpoints names these cases; a test holds the two together.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.testing.server import serve
from tests.harness.over import over

README = Path(__file__).parent.parent / "README.md"

JOB = "job(by: {path: {project: 1, job: 8}})"
IN_PIPELINE = "input: {pipeline: {path: {project: 1, pipeline: 6}}}"
WRITE = "input: {job: {path: {project: 1, job: 1}}}"


@dataclass(frozen=True)
class Endpoint:
    """`route` is what the upstream has to receive, `document` what asks for it, `refusals` are the
    codes of the user errors in the answer.
    """

    route: str
    document: str
    role: str = "maintainer"
    refusals: tuple[str, ...] = ()


ENDPOINTS = {
    "project-jobs": Endpoint(
        r"GET /projects/1/jobs\?pagination=keyset.*",
        "{ project(id: 1) { jobs { nodes { name } } } }",
    ),
    "pipeline-jobs": Endpoint(
        r"GET /projects/1/pipelines/6/jobs\?.*",
        "{ pipeline(by: {path: {project: 1, pipeline: 6}}) { jobs { nodes { name } } } }",
    ),
    "pipeline-bridges": Endpoint(
        r"GET /projects/1/pipelines/6/bridges\?.*",
        "{ pipeline(by: {path: {project: 1, pipeline: 6}})"
        " { bridges { nodes { downstreamPipeline { databaseId } } } } }",
    ),
    "pipeline-retry": Endpoint(
        "POST /projects/1/pipelines/6/retry",
        f"mutation {{ pipelineRetry({IN_PIPELINE}) {{ userErrors {{ code }} }} }}",
    ),
    "pipeline-cancel": Endpoint(
        "POST /projects/1/pipelines/6/cancel",
        f"mutation {{ pipelineCancel({IN_PIPELINE}) {{ userErrors {{ code }} }} }}",
    ),
    "job": Endpoint("GET /projects/1/jobs/8", f"{{ {JOB} {{ name }} }}"),
    "trace": Endpoint(
        "GET /projects/1/jobs/8/trace", f"{{ {JOB} {{ log {{ tail(lines: 3) {{ text }} }} }} }}"
    ),
    "job-of-token": Endpoint("GET /job", "{ currentJob { name } }", "job_token"),
    "current-user": Endpoint("GET /user", "{ currentUser { username webUrl } }"),
    "version": Endpoint("GET /version", "{ upstream { version revision } }"),
    "allowed-agents": Endpoint(
        "GET /job/allowed_agents",
        "{ allowedAgents { agents { databaseId } } }",
        "job_token",
    ),
    "cancel": Endpoint(
        "POST /projects/1/jobs/1/cancel",
        f"mutation {{ jobCancel({WRITE}) {{ job {{ status }} userErrors {{ code }} }} }}",
        # Job 1 of the demo has ended.
        refusals=("NOTHING_TO_DO",),
    ),
    "retry": Endpoint(
        "POST /projects/1/jobs/1/retry",
        f"mutation {{ jobRetry({WRITE}) {{ item {{ status }} userErrors {{ code }} }} }}",
    ),
    "erase": Endpoint(
        "POST /projects/1/jobs/1/erase",
        f"mutation {{ jobErase({WRITE}) {{ job {{ erasedAt }} userErrors {{ code }} }} }}",
    ),
    "play": Endpoint(
        "POST /projects/1/jobs/1/play",
        f"mutation {{ jobPlay({WRITE}) {{ item {{ status }} userErrors {{ code }} }} }}",
    ),
    "project": Endpoint(
        "GET /projects/demo%2Fdiaspora-client", '{ project(id: "demo/diaspora-client") { id } }'
    ),
    "pipelines": Endpoint(
        r"GET /projects/1/pipelines\?.*", "{ project(id: 1) { pipelines { nodes { status } } } }"
    ),
    "latest-pipeline": Endpoint(
        r"GET /projects/1/pipelines/latest\?ref=main",
        '{ project(id: 1) { latestPipeline(ref: "main") { status } } }',
    ),
    "pipeline": Endpoint(
        "GET /projects/1/pipelines/6",
        "{ pipeline(by: {path: {project: 1, pipeline: 6}}) { status duration } }",
    ),
    "pipeline-variables": Endpoint(
        "GET /projects/1/pipelines/6/variables",
        "{ pipeline(by: {path: {project: 1, pipeline: 6}}) { variables { key value } } }",
    ),
    "test-report-summary": Endpoint(
        "GET /projects/1/pipelines/6/test_report_summary",
        "{ pipeline(by: {path: {project: 1, pipeline: 6}})"
        " { testReportSummary { total { count } } } }",
    ),
    "commit": Endpoint(
        r"GET /projects/1/repository/commits/[0-9a-f]{40}",
        "{ pipeline(by: {path: {project: 1, pipeline: 6}}) { commit { title } } }",
    ),
    "artifacts": Endpoint(
        "GET /projects/1/jobs/1",
        "{ job(by: {path: {project: 1, job: 1}})"
        " { artifactsArchive { downloadUrl } artifacts { fileType size } } }",
    ),
}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_endpoint(name):
    endpoint = ENDPOINTS[name]

    response, received = asyncio.run(_ask(endpoint))

    assert response.errors is None, response.errors
    assert tuple(error["code"] for error in _refusals(response.data)) == endpoint.refusals
    calls = [f"{call.method} {call.raw_path.removeprefix('/api/v4')}" for call in received]
    assert any(re.fullmatch(endpoint.route, call) for call in calls), calls
    assert all(200 <= call.status < 300 for call in received)


def test_the_readme_has_a_row_for_each():
    rows = re.findall(r"`tests/test_endpoints\.py::test_endpoint\[([a-z-]+)\]`", README.read_text())

    assert sorted(rows) == sorted(ENDPOINTS)


async def _ask(endpoint):
    with serve() as server:
        async with over(server) as gateway:
            response = await gateway.execute(endpoint.document, role=endpoint.role)
        return response, list(server.sandbox.received)


def _refusals(data):
    return [error for payload in data.values() for error in (payload or {}).get("userErrors", [])]
