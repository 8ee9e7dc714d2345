"""A gateway stops while a log is followed, and another process takes over."""

import asyncio
import signal
from contextlib import AsyncExitStack

import pytest

from tests.harness.command import running
from tests.transport.subscribers import TRANSPORTS

pytestmark = [pytest.mark.anyio, pytest.mark.dear, pytest.mark.sandbox(jobs=0)]

LOG = """
subscription ($job: JobRef!, $from: BigInt! = 0) {
  jobLog(job: $job, fromByte: $from, format: RAW) { text startByte endByte }
}
"""
JOB = "subscription ($job: JobRef!) { jobUpdated(job: $job) { status coverage } }"
PIPELINE = """
subscription ($pipeline: PipelineRef!) {
  pipelineUpdated(pipeline: $pipeline) { pipeline { status } changed { name status } }
}
"""
OFTEN = {"GATEWAY_WATCH_INTERVAL_S": "0.05", "GATEWAY_WATCH_IDLE_INTERVAL_S": "0.1"}


class Job:
    """A running job of the sandbox."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.pipeline = sandbox.create_pipeline(1)
        self.id = sandbox.create_job(1, self.pipeline, status="pending", log=b"")
        sandbox.set_status(self.id, "running")
        self.log = ""
        self.named = {"job": {"path": {"project": "1", "job": str(self.id)}}}
        self.pipeline_named = {
            "pipeline": {"path": {"project": "1", "pipeline": str(self.pipeline)}}
        }

    def write(self):
        first = self.log.count("\n")
        self.log += "".join(f"line {number} of the lög\n" for number in range(first, first + 10))
        self.sandbox.set_log(self.id, self.log.encode())

    async def go_on_writing(self):
        while True:
            self.write()
            await asyncio.sleep(0.01)

    def finish(self):
        self.sandbox.set_status(self.id, "success")
        self.sandbox.set_log(self.id, self.log.encode())


class Follower:
    """Puts the pieces of a log together, from wherever they come."""

    def __init__(self, transport, headers, job):
        self.transport, self.headers, self.job = transport, headers, job
        self.text, self.position, self.ended = "", 0, None
        self.begun = asyncio.Event()

    async def follow(self, url):
        variables = {**self.job.named, "from": self.position}
        async with TRANSPORTS[self.transport](url, self.headers, LOG, variables) as it:
            while (response := await it.next()) is not None:
                piece = response["data"]["jobLog"]
                assert piece["startByte"] == self.position
                self.text += piece["text"]
                self.position = piece["endByte"]
                self.begun.set()
            self.ended = it.ended


@pytest.fixture
def job(sandbox_server):
    return Job(sandbox_server.sandbox)


@pytest.mark.broad
async def test_a_log_goes_on_at_another_process_without_loss_or_repetition(sandbox_server, job):
    headers = {"private-token": sandbox_server.tokens["developer"]}
    followers = [Follower(name, headers, job) for name in TRANSPORTS for _ in range(3)]
    serve = ("serve", "--port", "0", "--upstream-url", sandbox_server.url)
    with running(*serve, **OFTEN) as first, running(*serve, **OFTEN) as second:
        job.write()
        async with asyncio.TaskGroup() as group:
            for follower in followers:
                group.create_task(follower.follow(first.said("GraphQL")))
            for follower in followers:
                await follower.begun.wait()
            writing = asyncio.create_task(job.go_on_writing())
            first.process.send_signal(signal.SIGTERM)
        ended = {follower.transport: follower.ended for follower in followers}
        positions = {follower.position for follower in followers}
        job.write()
        async with asyncio.TaskGroup() as group:
            for follower in followers:
                follower.begun.clear()
                group.create_task(follower.follow(second.said("GraphQL")))
            for follower in followers:
                await follower.begun.wait()
            writing.cancel()
            job.finish()

        assert ended == {"websocket": 1012, "sse": "broken", "multipart": "broken"}
        assert all(0 < position < len(job.log.encode()) for position in positions)
        assert {follower.text for follower in followers} == {job.log}
        assert {follower.ended for follower in followers} == {"complete"}
        assert await asyncio.to_thread(first.process.wait, 60) == 0


@pytest.mark.broad
async def test_a_job_and_a_pipeline_are_told_as_they_are_meanwhile(sandbox_server, job):
    headers = {"private-token": sandbox_server.tokens["developer"]}
    serve = ("serve", "--port", "0", "--upstream-url", sandbox_server.url)
    with running(*serve, **OFTEN) as first, running(*serve, **OFTEN) as second:
        async with AsyncExitStack() as stack:

            async def come(served):
                url = served.said("GraphQL")
                both = [
                    await stack.enter_async_context(subscribe(url, headers, *asked))
                    for subscribe in TRANSPORTS.values()
                    for asked in ((JOB, job.named), (PIPELINE, job.pipeline_named))
                ]
                return both, [(await one.next())["data"] for one in both]

            before, _ = await come(first)
            first.process.send_signal(signal.SIGTERM)
            for one in before:
                await one.rest()
            job.sandbox.update_job(job.id, coverage=50.0)
            after, told = await come(second)
            job.finish()
            last = [(await one.rest())[-1]["data"] for one in after]

        of_job = {"jobUpdated": {"status": "RUNNING", "coverage": 50.0}}
        of_pipeline = {
            "pipelineUpdated": {
                "pipeline": {"status": "RUNNING"},
                "changed": [{"name": "job", "status": "RUNNING"}],
            }
        }
        assert told == [of_job, of_pipeline] * len(TRANSPORTS)
        assert {one["jobUpdated"]["status"] for one in last[::2]} == {"SUCCESS"}
        assert {one["pipelineUpdated"]["pipeline"]["status"] for one in last[1::2]} == {"SUCCESS"}
        assert {one.ended for one in after} == {"complete"}
