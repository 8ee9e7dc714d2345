"""How long a batch takes over a slow upstream, in its round trips: time is driven."""

import asyncio
from collections import Counter

import pytest

from gateway.execution.engine import Engine
from gateway.execution.request import GraphQLRequest
from gateway.execution.running import Budget
from gateway.upstream.calls import ClientConfig, standard_chain
from gateway.upstream.client import Client
from gateway.upstream.credential import Credential
from gateway.upstream.web_urls import WebUrls
from gateway.upstream.wire import ConnectionBroken
from tests.harness.driven import Upstream, answer_of, drive, job_body, number_in
from tests.harness.over import make_caller

API = "https://gitlab.test/api/v4"
# What one round trip takes.
SLOW_S = 1.0
JOBS = 100
BATCH = """mutation($jobs: [JobRef!]!) { jobBatch(input: {action: RETRY, of: {jobs: $jobs}}) {
  results { item { databaseId status } userErrors { code } } } }"""
VERIFY = "{ job(by: {path: {project: 1, job: 1}}) { name } }"


def new_attempt(asked):
    """Its number tells whose it is. It is told as a job by its runner manager."""
    number = number_in(asked.target, "jobs")
    if asked.method == "GET":
        return job_body(number)
    return answer_of(job_body(1000 + number, status="pending", runner_manager=None), 201)


def retry_all(answer, *, at_once=None, latency_s=lambda _: SLOW_S):
    """The results of 100 retries, the round trips that they took, and the upstream."""
    budget = Budget() if at_once is None else Budget(calls_in_flight=at_once)
    upstream = Upstream(answer, latency_s)

    async def run():
        client = Client.over(standard_chain(upstream, ClientConfig(API)))
        engine = Engine(client, WebUrls(API), budget=budget)
        credential = Credential("PRIVATE-TOKEN", "a")

        async def ask(document, **variables):
            request = GraphQLRequest(query=document, variables=variables)
            return await engine.execute(request, make_caller(credential, seconds=300))

        # Who has never been answered would have a tenth of the connections.
        await ask(VERIFY)
        upstream.asked.clear()
        began = asyncio.get_running_loop().time()
        jobs = [{"path": {"project": "1", "job": str(number)}} for number in range(1, JOBS + 1)]
        response = await ask(BATCH, jobs=jobs)
        took_s = asyncio.get_running_loop().time() - began
        return response.data["jobBatch"]["results"], took_s / SLOW_S

    results, round_trips = drive(run())
    return results, round_trips, upstream


@pytest.mark.parametrize("at_once", [None, 1, 30, 60])
def test_a_hundred_retries_take_as_many_round_trips_as_the_bound_allows(at_once):
    results, round_trips, upstream = retry_all(new_attempt, at_once=at_once)

    bound = Budget().calls_in_flight if at_once is None else at_once
    assert upstream.most_at_once == bound
    assert round_trips == pytest.approx(-(-JOBS // bound), abs=0.1)
    assert len(upstream.asked) == JOBS
    assert [row["item"]["databaseId"] for row in results] == [*range(1001, 1001 + JOBS)]


def test_one_credential_leaves_room_for_others_whatever_the_bound():
    _, round_trips, upstream = retry_all(new_attempt, at_once=JOBS)

    # Two thirds of 100 connections.
    assert upstream.most_at_once == 67
    assert round_trips == pytest.approx(2, abs=0.1)


def test_results_are_in_order_however_late_each_answer_comes():
    results, _, upstream = retry_all(
        new_attempt, latency_s=lambda asked: SLOW_S * (1 + number_in(asked.target, "jobs") % 7)
    )

    sent = [number_in(asked.target, "jobs") for asked in upstream.asked]
    assert sorted(sent) == [*range(1, 1 + JOBS)]
    assert [row["item"]["databaseId"] for row in results] == [*range(1001, 1001 + JOBS)]


def test_an_upstream_that_dies_midway_leaves_each_with_what_is_known():
    answered = []

    def dying(asked):
        if len(answered) >= JOBS // 2:
            return ConnectionBroken("reset")
        answered.append(1000 + number_in(asked.target, "jobs"))
        return new_attempt(asked)

    results, _, upstream = retry_all(dying)

    writes = Counter(asked.target for asked in upstream.asked if asked.method == "POST")
    known = [row["item"]["databaseId"] for row in results if row["item"] is not None]
    unknown = [row["userErrors"][0]["code"] for row in results if row["item"] is None]
    assert set(writes.values()) == {1}
    assert known == sorted(answered[1:])
    assert unknown == ["OUTCOME_UNKNOWN"] * (JOBS - len(known))
