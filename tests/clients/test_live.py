"""Subscriptions with the clients that people use, unmodified: those of docs/clients.md and
graphql-sse over Node.js, and gql over Python.
"""

from __future__ import annotations

import json

import pytest
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport

from gateway.testing.server import serve
from tests.clients.test_clients import project, run
from tests.harness.app import program

__all__ = ["project"]

BY_NODE = (
    "graphql-ws",
    "graphql-sse",
    "apollo websocket",
    "apollo multipart",
    "urql websocket",
    "urql sse",
    "relay",
)
LIVE = "subscription ($job: JobRef!) { jobUpdated(job: $job) { id status } }"


def waiting_jobs(server, number):
    pipeline = server.sandbox.create_pipeline(1)
    return [server.sandbox.create_job(1, pipeline, status="pending") for _ in range(number)]


@pytest.fixture(scope="module")
def found(project):
    run(project, "node", "build.mjs", "drive_live.ts")
    with serve() as server, program(server.url) as url:
        seen = {
            "GATEWAY_URL": url,
            "GATEWAY_TOKENS": json.dumps(dict(server.tokens)),
            "JOBS": json.dumps(waiting_jobs(server, len(BY_NODE))),
        }
        done = run(project, "node", "built/drive_live.mjs", **seen)
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.node
@pytest.mark.parametrize("client", BY_NODE)
def test_a_job_is_told_until_it_is_canceled(found, client):
    assert found[client] == ["PENDING", "CANCELED"]


@pytest.mark.anyio
async def test_gql_is_told_of_a_job_until_it_is_canceled(sandbox_server):
    [job] = waiting_jobs(sandbox_server, 1)
    with program(sandbox_server.url) as url:
        transport = WebsocketsTransport(
            url.replace("http", "ws"),
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            init_payload={"PRIVATE-TOKEN": sandbox_server.tokens["developer"]},
        )
        seen = []
        async with Client(transport=transport) as session:
            document = gql(LIVE)
            document.variable_values = {"job": {"path": {"project": "1", "job": str(job)}}}
            async for told in session.subscribe(document):
                seen.append(told["jobUpdated"]["status"])
                if len(seen) == 1:
                    sandbox_server.sandbox.set_status(job, "canceled")

    assert seen == ["PENDING", "CANCELED"]
