"""What an audit finds in the records: each write with its outcome, and upstream calls at debug."""

import json
from contextlib import asynccontextmanager

import httpx
import pytest

from gateway.app import Gateway
from gateway.sandbox import Fault
from gateway.settings import Settings
from gateway.transport.records import Records

pytestmark = pytest.mark.anyio

WRITE = 'mutation { %s(input: {job: {path: {project: "1", job: "%d"}}%s}) { __typename } }'
SECRET = "a-variable-of-the-caller"


@asynccontextmanager
async def gateway_over(server, **settings):
    """Posts a document as the sandbox's maintainer; gives the records that came of it."""
    lines = []
    records = Records(lines.append)
    gateway = Gateway(Settings(upstream_url=server.url, **settings), records)
    async with gateway.running():
        transport = httpx.ASGITransport(gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:

            async def post(document):
                lines.clear()
                headers = {
                    "private-token": server.tokens["maintainer"],
                    "x-request-id": "audit-1",
                }
                await client.post("/graphql", json={"query": document}, headers=headers)
                records.flush()
                return [json.loads(line) for line in b"".join(lines).splitlines()]

            yield post


class TestWrites:
    async def test_what_was_done_is_told(self, sandbox_server):
        job = sandbox_server.sandbox.create_job(1, 6, status="failed")

        async with gateway_over(sandbox_server) as post:
            [record] = await post(WRITE % ("jobRetry", job, ""))

        made = record["writes"][0].pop("made")
        assert made > job
        assert record["writes"] == [
            {"action": "retry", "project": 1, "job": job, "outcome": "DONE"}
        ]
        assert record["caller"]

    @pytest.mark.parametrize(
        ("mutation", "status", "more", "outcome"),
        [
            ("jobCancel", "success", "", "NOTHING_TO_DO"),
            ("jobRetry", "running", "", "NOT_ALLOWED_IN_STATUS"),
            ("jobErase", "running", ", ifStatus: [FAILED]", "STATUS_CHANGED"),
            (
                "jobPlay",
                "manual",
                ', variables: [{key: "", value: "%s"}]' % SECRET,
                "INVALID_VARIABLES",
            ),
        ],
    )
    async def test_what_was_refused_is_told(self, sandbox_server, mutation, status, more, outcome):
        job = sandbox_server.sandbox.create_job(1, 6, status=status)

        async with gateway_over(sandbox_server) as post:
            [record] = await post(WRITE % (mutation, job, more))

        action = mutation.removeprefix("job").lower()
        assert record["writes"] == [
            {"action": action, "project": 1, "job": job, "outcome": outcome}
        ]
        assert SECRET not in json.dumps(record)

    async def test_what_failed_is_told_each_by_itself(self, sandbox_server):
        sandbox_server.sandbox.faults.append(Fault(kind="reset", method="POST", times=1))
        one = WRITE % ("jobErase", 999_999, "")

        async with gateway_over(sandbox_server) as post:
            [record] = await post(one.replace("}}) {", "}}) {", 1)[:-2] + " b: " + one[11:])

        assert [write["outcome"] for write in record["writes"]] == ["OUTCOME_UNKNOWN", "NOT_FOUND"]

    async def test_reads_have_none(self, sandbox_server):
        async with gateway_over(sandbox_server) as post:
            [record] = await post("{ project(id: 1) { jobs { nodes { id } } } }")

        assert "writes" not in record


class TestCalls:
    READ = '{ project(id: 1) { pipelines(first: 1, ref: "secret-branch") { nodes { id } } } }'

    async def test_are_told_at_debug(self, sandbox_server):
        sandbox_server.sandbox.faults.append(Fault(kind="status", status=502, times=1))

        async with gateway_over(sandbox_server, log_level="debug") as post:
            first, second, operation = await post(self.READ)

        assert operation["record"] == "operation"
        for call, attempt, status in ((first, 1, 502), (second, 2, 200)):
            assert call.pop("time")
            assert call.pop("duration_ms") > 0
            assert call.pop("bytes") > 0
            assert call == {
                "level": "debug",
                "record": "call",
                "request_id": "audit-1",
                "endpoint": "GET /projects/:id/pipelines",
                "attempt": attempt,
                "status": status,
            }

    async def test_are_not_at_info(self, sandbox_server):
        async with gateway_over(sandbox_server) as post:
            records = await post(self.READ)

        assert [record["record"] for record in records] == ["operation"]
