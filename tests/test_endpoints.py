"""Each endpoint of the Jobs API through GraphQL, on the ids of the API's own documentation.

The README's table of endpoints names these cases; a test holds the two together.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.execution.engine import Engine, GraphQLRequest
from gateway.settings import Settings
from gateway.testing.server import serve
from gateway.upstream.client import Client, ClientConfig
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from gateway.upstream.web_urls import WebUrls
from gateway.upstream.wire import WireOptions
from gateway.upstream.wires import open_wire

README = Path(__file__).parent.parent / "README.md"

JOB = "job(by: {path: {project: 1, job: 8}})"
WRITE = "input: {job: {path: {project: 1, job: 1}}}"


@dataclass(frozen=True)
class Endpoint:
    """`route` is what the upstream has to receive, `document` what asks for it."""

    route: str
    document: str
    role: str = "maintainer"
    header: str = "PRIVATE-TOKEN"


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
    "job": Endpoint("GET /projects/1/jobs/8", f"{{ {JOB} {{ name }} }}"),
    "trace": Endpoint(
        "GET /projects/1/jobs/8/trace", f"{{ {JOB} {{ log {{ tail(lines: 3) {{ text }} }} }} }}"
    ),
    "job-of-token": Endpoint("GET /job", "{ currentJob { name } }", "job_token", "JOB-TOKEN"),
    "allowed-agents": Endpoint(
        "GET /job/allowed_agents",
        "{ allowedAgents { agents { databaseId } } }",
        "job_token",
        "JOB-TOKEN",
    ),
    "cancel": Endpoint(
        "POST /projects/1/jobs/1/cancel",
        f"mutation {{ jobCancel({WRITE}) {{ job {{ status }} userErrors {{ code }} }} }}",
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
    "pipeline": Endpoint(
        "GET /projects/1/pipelines/6",
        "{ pipeline(by: {path: {project: 1, pipeline: 6}}) { status duration } }",
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

    outcome, received = asyncio.run(_ask(endpoint))

    assert outcome.errors is None, outcome.errors
    assert _refusals(outcome.data) == []
    calls = [f"{call.method} {call.raw_path.removeprefix('/api/v4')}" for call in received]
    assert any(re.fullmatch(endpoint.route, call) for call in calls), calls
    assert all(200 <= call.status < 300 for call in received)


def test_the_readme_has_a_row_for_each():
    rows = re.findall(r"`tests/test_endpoints\.py::test_endpoint\[([a-z-]+)\]`", README.read_text())

    assert sorted(rows) == sorted(ENDPOINTS)


async def _ask(endpoint):
    async with AsyncExitStack() as stack:
        server = stack.enter_context(serve())
        wire = await stack.enter_async_context(
            open_wire(Settings().wire, WireOptions(origin=server.url))
        )
        api_url = f"{server.url}/api/v4"
        engine = Engine(Client(wire, ClientConfig(url=api_url)), WebUrls(api_url))
        credential = Credential(endpoint.header, server.tokens[endpoint.role])
        scope = CallScope(credential, asyncio.get_running_loop().time() + 10.0, "test")
        outcome = await engine.run(GraphQLRequest(query=endpoint.document), scope)
        return outcome, list(server.sandbox.received)


def _refusals(data):
    return [error for payload in data.values() for error in (payload or {}).get("userErrors", [])]
