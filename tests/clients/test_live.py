"""Subscriptions with the clients that people use, unmodified: those of docs/clients.md and
graphql-sse over Node.js, and gql over Python.
"""

from __future__ import annotations

import json

import pytest
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport

from gateway.testing.server import serve
from tests.clients.conftest import run
from tests.harness.app import program

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
CANCEL = "mutation ($input: JobCancelInput!) { jobCancel(input: $input) { job { status } } }"


def waiting_jobs(server, number):
    pipeline = server.sandbox.create_pipeline(1)
    return [server.sandbox.create_job(1, pipeline, status="pending") for _ in range(number)]


@pytest.fixture(scope="module")
def served():
    """A sandbox, and the address of a gateway over it."""
    with serve() as server, program(server.url) as url:
        yield server, url


@pytest.fixture(scope="module")
def found(front_end, served):
    server, url = served
    run(front_end, "node", "build.mjs", "drive_live.ts")
    seen = {
        "GATEWAY_URL": url,
        "GATEWAY_TOKENS": json.dumps(dict(server.tokens)),
        "JOBS": json.dumps(waiting_jobs(server, len(BY_NODE))),
    }
    done = run(front_end, "node", "built/drive_live.mjs", **seen)
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.node
@pytest.mark.parametrize("client", BY_NODE)
def test_a_job_is_told_until_it_is_canceled(found, client):
    assert found[client] == ["PENDING", "CANCELED"]


@pytest.mark.anyio
async def test_gql_is_told_of_a_job_until_it_is_canceled(served):
    server, url = served
    [job] = waiting_jobs(server, 1)
    transport = WebsocketsTransport(
        url.replace("http", "ws"),
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        init_payload={"PRIVATE-TOKEN": server.tokens["developer"]},
    )
    seen = []
    async with Client(transport=transport) as session:
        variables = {"job": {"path": {"project": "1", "job": str(job)}}}
        live, cancel = gql(LIVE), gql(CANCEL)
        live.variable_values, cancel.variable_values = variables, {"input": variables}
        async for told in session.subscribe(live):
            seen.append(told["jobUpdated"]["status"])
            if len(seen) == 1:
                # A write of the gateway's own shows at once.
                await session.execute(cancel)

    assert seen == ["PENDING", "CANCELED"]
