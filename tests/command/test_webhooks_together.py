"""A webhook reaches one of several workers or replicas: what the others know of it, with a store
and without.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import defaultdict
from contextlib import AsyncExitStack, ExitStack

import anyio
import httpx
import pytest

from tests.harness.command import STARTED_S, ask, running
from tests.harness.redis import PATIENCE_S

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="workers need Unix"),
    pytest.mark.sandbox(jobs=0),
]

SECRET = "a secret token"
WATCH = "subscription ($job: JobRef!) { jobUpdated(job: $job) { status } }"
# It has finished, so it is kept for a minute where nothing of its pipeline that may change is read.
FINISHED = 7
JOB = '{ job(by: {path: {project: "1", job: 7}}) { erasedAt pipeline { id } } }'
# A poller comes to rest; it would look by itself after half as long again as the last time.
RESTING_S = 2.0


@pytest.fixture(params=["alone", "with a store"])
def sharing(request):
    """Settings of gateways without a store, and with one."""
    if request.param == "alone":
        return {}
    redis = request.getfixturevalue("redis")
    return {
        "GATEWAY_STORE_URL": redis.url,
        "GATEWAY_STORE_KEY": "k" * 32,
        "GATEWAY_STORE_TIMEOUT_S": str(PATIENCE_S),
    }


class Polls:
    """When the sandbox was asked for each job, as it comes."""

    def __init__(self, sandbox) -> None:
        self._sandbox = sandbox
        self._at = defaultdict(list)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        seen = 0
        while not self._is_over.wait(0.01):
            calls = list(self._sandbox.received)
            for call in calls[seen:]:
                found = re.search(r"/jobs/(\d+)$", call.raw_path)
                if found:
                    self._at[int(found[1])].append(time.monotonic())
            seen = len(calls)

    def number(self, job) -> int:
        return len(self._at[job])

    def gap_s(self, job, number=-1) -> float:
        """Between a poll and the one before."""
        at = self._at[job]
        return at[number] - at[number - 1] if len(at) > 1 else 0.0

    async def next(self, job) -> float:
        """Wait for the next one; gives its gap."""
        before = self.number(job)
        with anyio.fail_after(STARTED_S):
            while self.number(job) == before:  # noqa: ASYNC110 - of another process
                await anyio.sleep(0.01)
        return self.gap_s(job, before)


def hook(url, job, pipeline, client=httpx) -> None:
    body = {"object_kind": "build", "build_id": job, "pipeline_id": pipeline}
    root = url.removesuffix("/graphql")
    told = client.post(
        f"{root}/webhooks/gitlab", json=body, headers={"x-gitlab-token": SECRET}, timeout=30
    )
    assert told.status_code == 204


async def statuses(stream):
    async for line in stream.aiter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))["data"]["jobUpdated"]["status"]


@pytest.mark.anyio
async def test_it_wakes_what_any_worker_watches(sandbox_server, sharing):
    """Two are watched, one through each worker; both hooks go by one connection, to one worker."""
    sandbox = sandbox_server.sandbox
    pipelines = [sandbox.create_pipeline(1) for _ in range(2)]
    jobs = [sandbox.create_job(1, pipeline, status="running") for pipeline in pipelines]
    often = {"GATEWAY_WATCH_INTERVAL_S": "0.1", "GATEWAY_WATCH_IDLE_INTERVAL_S": "600"}
    command = ("serve", "--port", "0", "--workers", "2", "--upstream-url", sandbox_server.url)
    gaps = []
    with (
        running(*command, GATEWAY_WEBHOOK_SECRET=SECRET, **often, **sharing) as served,
        Polls(sandbox) as polls,
    ):
        url = served.said("GraphQL")
        headers = {
            "private-token": sandbox_server.tokens["maintainer"],
            "accept": "text/event-stream",
        }
        async with (
            httpx.AsyncClient(headers=headers, timeout=STARTED_S) as client,
            AsyncExitStack() as stack,
        ):
            told = []
            for job in jobs:
                ref = {"job": {"path": {"project": "1", "job": job}}}
                stream = client.stream("POST", url, json={"query": WATCH, "variables": ref})
                told.append(statuses(await stack.enter_async_context(stream)))
            first = [await anext(one) for one in told]
            with httpx.Client() as gitlab, anyio.fail_after(STARTED_S):
                for job, pipeline in zip(jobs, pipelines, strict=True):
                    while (last_s := await polls.next(job)) < RESTING_S:
                        pass
                    sandbox.set_status(job, "canceled")
                    hook(url, job, pipeline, gitlab)
                    gaps.append((await polls.next(job), last_s))
            then = [await anext(one) for one in told]
        served.stop()

    assert first == ["RUNNING"] * 2
    assert then == ["CANCELED"] * 2
    assert all(woken_s < last_s for woken_s, last_s in gaps), gaps


def test_what_any_worker_keeps_of_its_job_is_given_no_more(sandbox_server, sharing):
    """Each request is a connection of its own, so they go to the workers in turn."""
    token = sandbox_server.tokens["maintainer"]
    command = ("serve", "--port", "0", "--workers", "2", "--upstream-url", sandbox_server.url)
    with running(*command, GATEWAY_WEBHOOK_SECRET=SECRET, **sharing) as served:
        url = served.said("GraphQL")
        before = [erased_at(url, token) for _ in range(4)]
        erase(sandbox_server)
        kept = [erased_at(url, token) for _ in range(4)]
        hook(url, FINISHED, 6)
        after = [erased_at(url, token) for _ in range(4)]
        served.stop()

    assert before == kept == [None] * 4
    assert None not in after


def test_replicas_without_a_store_know_of_their_own_hooks_only(sandbox_server):
    token = sandbox_server.tokens["maintainer"]
    command = ("serve", "--port", "0", "--upstream-url", sandbox_server.url)
    with ExitStack() as stack:
        served = [
            stack.enter_context(running(*command, GATEWAY_WEBHOOK_SECRET=SECRET)) for _ in range(2)
        ]
        told, other = (one.said("GraphQL") for one in served)
        before = [erased_at(url, token) for url in (told, other)]
        erase(sandbox_server)
        hook(told, FINISHED, 6)
        after = [erased_at(url, token) for url in (told, other)]
        for one in served:
            one.stop()

    assert before == [None, None]
    assert after[0] is not None
    assert after[1] is None


def erased_at(url, token) -> str | None:
    return ask(url, JOB, token)["data"]["job"]["erasedAt"]


def erase(server) -> None:
    """As a colleague does who doesn't go through the gateway."""
    headers = {"private-token": server.tokens["maintainer"]}
    path = f"{server.api_url}/projects/1/jobs/{FINISHED}/erase"
    assert httpx.post(path, headers=headers).status_code == 201
