"""What tests of trusted documents share: a folder of them, and a gateway that trusts it."""

import json
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import pytest

from tests.harness.app import running_app

JOBS = """\
query Jobs($project: ID!, $first: Int = 2) {
  project(id: $project) { jobs(first: $first) { nodes { ...Parts } } }
}
"""
WHO = 'query Who { project(id: "1") { jobs(first: 1) { nodes { name user { name } } } } }'
CANCEL = "mutation Cancel($job: JobRef!) { jobCancel(input: {job: $job}) { job { name } } }"
WATCH = "subscription Watch($job: JobRef!) { jobUpdated(job: $job) { name } }"
NODE = "query Node($id: ID!) { node(id: $id) { id } }"
TYPE = "query Type { __typename }"


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@pytest.fixture
def folder(tmp_path):
    """Trusted documents: files, and a manifest of each kind."""
    files = {
        "Jobs.graphql": JOBS,
        "parts.graphql": "fragment Parts on Job { id name webUrl }",
        "Watch.graphql": WATCH,
        "Node.graphql": NODE,
        "relay.json": json.dumps({"0d2f9ece5d8a983948a0d24e5257236e": WHO}),
        "codegen.json": json.dumps({f"sha256:{digest(CANCEL)}": CANCEL}),
        "apollo.json": json.dumps(
            {
                "format": "apollo-persisted-query-manifest",
                "version": 1,
                "operations": [
                    {"id": digest(TYPE), "name": "Type", "type": "query", "body": TYPE},
                    {"id": "own-id", "name": "Type", "type": "query", "body": TYPE},
                ],
            }
        ),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def trusting(sandbox_server, folder) -> Any:
    """Makes a gateway over the sandbox that trusts the folder's documents."""

    @asynccontextmanager
    async def make(**settings):
        knobs = {"trusted_documents": str(folder), **settings}
        tokens = sandbox_server.tokens
        async with running_app(upstream_url=sandbox_server.url, tokens=tokens, **knobs) as api:
            yield api

    return make
