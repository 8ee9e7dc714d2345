"""Equal reads of many callers, through the whole gateway: how many calls the upstream receives."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.harness.app import running_app
from tests.harness.turns import turns, until
from tests.upstream.conftest import RawServer

pytestmark = pytest.mark.anyio

JOB = {"id": 7, "status": "failed", "name": "build", "pipeline": {"id": 6, "project_id": 1}}
READ = "{ job(by: {path: {project: 1, job: 7}}) { name } }"
COSTS = {"cost": True}


class Upstream(RawServer):
    """Answers once `gate` is set; a job is called as its last write left it."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.answer = self._answer
        self._name = "build"

    def received(self, method: str) -> int:
        return sum(head.startswith(method) for head in self.heads)

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        is_write = self.heads[-1].startswith("POST")
        if is_write:
            self._name = "retried"
        body = msgspec.json.encode({**JOB, "name": self._name})
        if not is_write:
            await self.gate.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


@pytest.fixture
async def upstream():
    async with Upstream().running() as running:
        yield running


@pytest.fixture
async def ask(upstream):
    """Sends a document with a credential, as its own request."""
    async with running_app(upstream_url=upstream.origin) as api:

        async def send(document, token="glpat-one", **extensions):
            return await api(document, token=token, extensions=extensions)

        yield send


async def test_two_hundred_at_once_are_one_call(ask, upstream):
    asked = [asyncio.ensure_future(ask(READ, **COSTS)) for _ in range(200)]
    await until(lambda: upstream.heads)
    await turns(300)
    upstream.gate.set()

    answers = await asyncio.gather(*asked)

    costs = [answer["extensions"]["cost"] for answer in answers]
    assert {answer["data"]["job"]["name"] for answer in answers} == {"build"}
    assert upstream.received("GET") == sum(cost["calls"] for cost in costs) == 1
    assert sum(cost["shared"] for cost in costs) == 199
    assert all(cost["calls"] <= cost["estimated"] for cost in costs)


async def test_two_credentials_are_two_calls(ask, upstream):
    tokens = ["glpat-one", "glpat-two"] * 100
    asked = [asyncio.ensure_future(ask(READ, token)) for token in tokens]
    await until(lambda: upstream.received("GET") == 2)
    await turns(300)
    upstream.gate.set()

    await asyncio.gather(*asked)

    assert upstream.received("GET") == 2


async def test_what_a_write_depends_on_is_read_anew(ask, upstream):
    earlier = asyncio.ensure_future(ask(READ))
    await until(lambda: upstream.received("GET") == 1)
    write = (
        "mutation { jobErase(input: {job: {path: {project: 1, job: 7}}, ifStatus: [FAILED]})"
        " { job { name } userErrors { code } } }"
    )

    wrote = asyncio.ensure_future(ask(write))
    await until(lambda: upstream.received("GET") == 2)
    upstream.gate.set()

    assert (await wrote)["data"]["jobErase"] == {"job": {"name": "retried"}, "userErrors": []}
    assert (await earlier)["data"]["job"]["name"] == "build"


async def test_who_asks_after_a_write_is_given_no_read_from_before_it(ask, upstream):
    earlier = asyncio.ensure_future(ask(READ))
    await until(lambda: upstream.received("GET") == 1)
    write = "mutation { jobErase(input: {job: {path: {project: 1, job: 7}}}) { job { id } } }"
    await ask(write)

    later = asyncio.ensure_future(ask(READ))
    await until(lambda: upstream.received("GET") == 2)
    upstream.gate.set()

    assert (await earlier)["data"]["job"]["name"] == "build"
    assert (await later)["data"]["job"]["name"] == "retried"
