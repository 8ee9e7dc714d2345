"""Many callers of one gateway, who ask the same at the same time of an upstream that waits."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import msgspec

from gateway.app import Gateway
from gateway.hooks import Hook
from gateway.settings import Settings
from gateway.transport.records import Records
from tests.harness.app import caller_of
from tests.harness.turns import turns, until
from tests.upstream.conftest import RawServer

__all__ = [
    "ERASE",
    "READ",
    "calling",
]

JOB = {"id": 7, "status": "failed", "name": "build", "pipeline": {"id": 6, "project_id": 1}}
PIPELINE = {"id": 6, "project_id": 1, "status": "failed", "duration": 3}
# Two calls, one after the other.
READ = (
    "query Q($job: ID!) { job(by: {path: {project: 1, job: $job}}) { name pipeline { duration } } }"
)
READ += " query Other { __typename }"
ERASE = "mutation { jobErase(input: {job: {path: {project: 1, job: 7}}}) { job { id } } }"


class Upstream(RawServer):
    """Answers a pipeline once `gate` is set; a job is called as its last write left it."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.answer = self._answer
        self.status = b"200 OK"
        self._name = "build"

    @property
    def reads(self) -> tuple[int, int]:
        """How often the job and the pipeline were read."""
        jobs, pipelines = "/jobs/", "/pipelines/"
        gets = [head for head in self.heads if head.startswith("GET")]
        return sum(jobs in head for head in gets), sum(pipelines in head for head in gets)

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        head = self.heads[-1]
        body = msgspec.json.encode({**JOB, "name": self._name})
        status = b"200 OK"
        if head.startswith("POST"):
            self._name = "erased"
            body = msgspec.json.encode({**JOB, "name": self._name})
        elif "/pipelines/" in head:
            await self.gate.wait()
            body, status = msgspec.json.encode(PIPELINE), self.status
        writer.write(b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))


class Ended(Hook):
    def __init__(self):
        self.events = []
        self.calls = []

    def call_ended(self, call):
        self.calls.append(call)

    def operation_ended(self, operation):
        self.events.append(operation)


class Callers:
    """Ask one gateway, each in a request of their own."""

    def __init__(self, gateway, upstream, http, ended, lines, records):
        self.gateway = gateway
        self.calls = ended.calls
        self.records = records
        self.upstream = upstream
        self.told = ended.events
        self.lines = lines
        self.http = http

    def ask(self, document=READ, token="glpat-one", name="Q", job="7", headers=None, **more):
        presented = {"private-token": token} if token else {}
        asked = self.http.post(
            "/graphql",
            json={"query": document, "operationName": name, "variables": {"job": job}, **more},
            headers={**presented, **(headers or {})},
        )
        return asyncio.ensure_future(asked)

    async def ask_all(self, count):
        """So many at once, of which the upstream knows by now."""
        asked = [self.ask() for _ in range(count)]
        await until(lambda: self.upstream.reads[1])
        await turns(300)
        return asked


@asynccontextmanager
async def calling(*, expected=2, **settings):
    ended, lines = Ended(), []
    upstream = Upstream()
    async with upstream.running():
        told = Settings(upstream_url=upstream.origin, kept_reads=False, **settings)
        records = Records(lines.append)
        gateway = Gateway(told, records, ended)
        async with gateway.running(), caller_of(gateway) as http:
            callers = Callers(gateway, upstream, http, ended, lines, records)
            # From now on the document is known, and that several ask for it at once.
            upstream.gate.set()
            await asyncio.gather(*[callers.ask() for _ in range(expected)])
            upstream.gate.clear()
            records.flush()
            for seen in (upstream.heads, ended.events, ended.calls, lines):
                seen.clear()
            yield callers
