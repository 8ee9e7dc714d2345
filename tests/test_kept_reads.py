"""Kept reads, as callers meet them: a dashboard, own writes, and how to ask for what is fresh."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway.execution.engine import Engine
from gateway.execution.request import GraphQLRequest
from gateway.upstream.calls import ClientConfig, standard_chain
from gateway.upstream.client import Client
from gateway.upstream.credential import Credential
from gateway.upstream.kept import KeptInMemory
from gateway.upstream.web_urls import WebUrls
from tests.harness.app import running_app
from tests.harness.driven import Upstream, drive, job_body, number_in
from tests.harness.over import make_caller

API = "https://gitlab.test/api/v4"
PIPELINE = """{ pipeline(by: {path: {project: 1, pipeline: 6}}) {
  duration jobs(first: 50) { nodes { id name status } } } }"""
JOB = "{ job(by: {path: {project: 1, job: 7}}) { id name status } }"
POLLERS = 10
SECONDS = 60


def a_pipeline(asked):
    path = asked.target.partition("?")[0]
    if path.endswith("/pipelines/6"):
        return {"id": 6, "project_id": 1, "status": "running", "duration": 5}
    if path.endswith("/jobs"):
        return [job_body(number) for number in range(40, 0, -1)]
    return job_body(number_in(path, "jobs"))


class Dashboards:
    """The engine over an upstream in memory, and callers that ask it each second."""

    def __init__(self, *, keep):
        self.upstream = Upstream(a_pipeline)
        kept = KeptInMemory(10_000_000) if keep else None
        client = Client.over(standard_chain(self.upstream, ClientConfig(API), kept=kept))
        self.engine = Engine(client, WebUrls(API))

    async def ask(self, document, token="a", *, fresh=False):
        caller = make_caller(Credential("PRIVATE-TOKEN", token))
        caller.fresh = fresh
        response = await self.engine.execute(GraphQLRequest(query=document), caller)
        assert response.errors is None
        return response

    async def poll(self, phase_s):
        await asyncio.sleep(phase_s)
        for _ in range(SECONDS):
            await self.ask(PIPELINE)
            await asyncio.sleep(1 - asyncio.get_running_loop().time() % 1 + phase_s)


def calls_of_a_minute(pollers, *, keep):
    async def run():
        it = Dashboards(keep=keep)
        await asyncio.gather(*[it.poll(number * 0.097) for number in range(pollers)])
        return it.upstream.calls()

    return drive(run())


class TestDashboard:
    def test_ten_callers_of_one_pipeline_are_as_one(self):
        one = calls_of_a_minute(1, keep=True)
        ten = calls_of_a_minute(POLLERS, keep=True)

        assert sum(one.values()) <= 2 * SECONDS
        for target, calls in ten.items():
            # A poller on its own asks at most once in what its phase leaves of the last second.
            assert calls <= one[target] + 1, target

    def test_without_kept_reads_each_asks_for_itself(self):
        ten = calls_of_a_minute(POLLERS, keep=False)

        assert set(ten.values()) == {POLLERS * SECONDS}


class TestCost:
    def test_tells_what_was_kept(self):
        async def run():
            it = Dashboards(keep=True)
            return [(await it.ask(JOB)).tally for _ in range(2)]

        first, second = drive(run())

        assert (first.calls, first.cached) == (1, 0)
        assert (second.calls, second.cached) == (0, 1)
        assert first.read_bytes == second.read_bytes

    def test_many_single_jobs_that_are_kept_need_no_list(self):
        async def run():
            it = Dashboards(keep=True)
            aliases = " ".join(f"j{n}: job(by: {{path: {{project: 1, job: {n}}}}}) {{ name }}"
                               for n in range(1, 4))  # fmt: skip
            for _ in range(2):
                await it.ask(f"{{ {aliases} }}")
            more = aliases + " j4: job(by: {path: {project: 1, job: 4}}) { name }"
            return (await it.ask(f"{{ {more} }}")).tally

        tally = drive(run())

        assert (tally.calls, tally.cached) == (1, 3)

    @pytest.mark.parametrize(
        ("selected", "lasts_s"),
        [("name", 60), ("pipeline { id }", 60), ("pipeline { status }", 1)],
    )
    def test_a_finished_job_lasts_where_nothing_of_its_pipeline_is_read_that_may_change(
        self, selected, lasts_s
    ):
        document = f"{{ job(by: {{path: {{project: 1, job: 7}}}}) {{ {selected} }} }}"

        async def run():
            it = Dashboards(keep=True)
            calls = []
            for wait_s in (0, lasts_s - 0.5, 1):
                await asyncio.sleep(wait_s)
                calls.append((await it.ask(document)).tally.calls)
            return calls

        assert drive(run()) == [1, 0, 1]


MUTATION = """mutation { jobErase(input: {job: {path: {project: 1, job: %d}}}) {
  job { erasedAt } userErrors { code } } }"""
ERASED = "{ job(by: {path: {project: 1, job: %d}}) { erasedAt } }"


@pytest.mark.anyio
class TestOverHttp:
    async def test_an_own_write_shows_in_the_next_read(self, sandbox_server):
        async with running_app(
            upstream_url=sandbox_server.url, tokens=sandbox_server.tokens
        ) as api:
            before = [await api(ERASED % 1, role="maintainer") for _ in range(2)]
            reads = len(sandbox_server.sandbox.received)
            await api(MUTATION % 1, role="maintainer")
            after = await api(ERASED % 1, role="maintainer")

        assert reads == 1
        assert before == [{"data": {"job": {"erasedAt": None}}}] * 2
        assert after["data"]["job"]["erasedAt"] is not None

    @pytest.mark.parametrize(
        ("header", "calls"),
        [
            ({}, 1),
            ({"cache-control": "no-cache"}, 2),
            ({"cache-control": "private, No-Store"}, 2),
            ({"cache-control": "max-age=0"}, 2),
            ({"cache-control": "max-age=60"}, 1),
        ],
    )
    async def test_callers_can_ask_fresh(self, sandbox_server, header, calls):
        credential = {"private-token": sandbox_server.tokens["developer"]}
        body = msgspec.json.encode({"query": ERASED % 1})
        async with running_app(upstream_url=sandbox_server.url) as api:
            for headers in (credential, credential | header):
                answer = await api.caller.post(
                    "/graphql",
                    content=body,
                    headers={"content-type": "application/json"} | headers,
                )
                assert answer.status_code == 200

        assert len(sandbox_server.sandbox.received) == calls

    @pytest.mark.parametrize(
        ("told", "calls"),
        [
            ({"object_kind": "build", "build_id": 1, "pipeline_id": 1}, 2),
            ({"object_kind": "pipeline", "object_attributes": {"id": 1}, "builds": [{"id": 1}]}, 2),
            ({"object_kind": "build", "build_id": 2, "pipeline_id": 1}, 1),
        ],
    )
    async def test_what_a_webhook_names_is_read_anew(self, sandbox_server, told, calls):
        async with running_app(
            upstream_url=sandbox_server.url, tokens=sandbox_server.tokens, webhook_secret="hook"
        ) as api:
            await api(ERASED % 1)
            await api.caller.post("/webhooks/gitlab", json=told, headers={"x-gitlab-token": "hook"})
            await api(ERASED % 1)

        assert len(sandbox_server.sandbox.received) == calls

    async def test_one_setting_turns_it_off(self, sandbox_server):
        async with running_app(
            upstream_url=sandbox_server.url, tokens=sandbox_server.tokens, kept_reads=False
        ) as api:
            for _ in range(2):
                await api(ERASED % 1)

        assert len(sandbox_server.sandbox.received) == 2
