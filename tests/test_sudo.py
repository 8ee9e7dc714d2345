"""`Sudo`: an administrator acts as another user, in reads and in writes (upstream.md, 1)."""

from __future__ import annotations

import asyncio

import pytest

from gateway.sandbox import Fault
from gateway.testing.server import serve
from gateway.upstream.credential import Credential
from tests.harness.over import make_caller, over

pytestmark = pytest.mark.anyio

READ = "{ project(id: 1) { jobs(first: 1) { nodes { name } } } }"
RETRY = """mutation { jobRetry(input: {job: {path: {project: "1", job: "%d"}}}) {
    item { ... on Job { user { username } } } userErrors { code } } }"""


@pytest.fixture
async def gateway():
    with serve() as server:
        async with over(server) as gateway:
            yield gateway


def acting_as(gateway, sudo, role="admin"):
    return make_caller(Credential("PRIVATE-TOKEN", gateway.server.tokens[role], sudo))


async def test_reads_and_writes_are_that_users(gateway):
    job = gateway.server.sandbox.create_job(1, 6, status="failed")

    written = await gateway.execute(RETRY % job, caller=acting_as(gateway, "developer"))
    refused = await gateway.execute(RETRY % job, caller=acting_as(gateway, "guest"))

    assert written.data["jobRetry"]["item"] == {"user": {"username": "developer"}}
    assert refused.data["jobRetry"]["userErrors"] == [{"code": "FORBIDDEN"}]
    assert {call.headers["sudo"] for call in gateway.server.sandbox.received} == {
        "developer",
        "guest",
    }


@pytest.mark.parametrize(
    ("role", "sudo", "code"),
    [("developer", "root", "FORBIDDEN"), ("admin", "nobody-at-all", "NOT_FOUND")],
)
async def test_who_may_not_or_names_nobody_is_told(gateway, role, sudo, code):
    response = await gateway.execute(READ, caller=acting_as(gateway, sudo, role))

    assert response.data == {"project": {"jobs": None}}
    assert response.codes == (code,)


async def test_equal_reads_as_different_users_are_not_one(gateway):
    callers = [acting_as(gateway, sudo) for sudo in ("developer", "developer", "reporter", None)]
    gateway.server.sandbox.faults.append(Fault(kind="latency", seconds=0.2))

    responses = await asyncio.gather(*(gateway.execute(READ, caller=caller) for caller in callers))

    assert [response.errors for response in responses] == [None] * 4
    received = [call.headers.get("sudo") for call in gateway.server.sandbox.received]
    assert sorted(received, key=str) == [None, "developer", "reporter"]


async def test_it_goes_to_no_other_origin(gateway):
    with serve() as elsewhere:
        gateway.server.sandbox.faults.append(Fault(kind="redirect", location=elsewhere.url))

        for document in (READ, RETRY % 1):
            await gateway.execute(document, caller=acting_as(gateway, "developer"))

        assert list(elsewhere.sandbox.received) == []
