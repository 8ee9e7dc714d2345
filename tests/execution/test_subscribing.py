"""Subscriptions by the engine: what hooks are told, and what becomes of slow subscribers."""

import asyncio

import pytest

from gateway.execution.engine import Engine
from gateway.execution.request import GraphQLRequest
from gateway.execution.running import Budget
from gateway.hooks import Hook, Hooks
from gateway.upstream.credential import Credential
from gateway.watch import Live, Pacing
from tests.harness.over import make_caller, over

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]

JOB = 'subscription Live { jobUpdated(job: {path: {project: "1", job: %d}}) { status coverage } }'


class Told(Hook):
    def __init__(self):
        self.operations, self.began, self.ended = [], [], []

    def operation_ended(self, operation):
        self.operations.append(operation)

    def subscription_began(self, subscription):
        self.began.append((subscription.field, subscription.events))

    def subscription_ended(self, subscription):
        self.ended.append(subscription)


@pytest.fixture
async def live(sandbox_server):
    """An engine that looks often, what its hooks were told, and a way to subscribe."""
    told = Told()
    async with over(sandbox_server) as gateway:
        watched = Live(gateway.client, pacing=Pacing(0.02, 0.05))
        engine = Engine(
            gateway.client, gateway.urls, hooks=Hooks(told), live=watched, budget=Budget()
        )

        def subscribe(document, caller=None):
            caller = caller or make_caller(gateway.credential("developer"))
            return engine.subscribe(GraphQLRequest(query=document), caller)

        yield subscribe, told
        await watched.aclose()


@pytest.fixture
def job(sandbox_server):
    sandbox = sandbox_server.sandbox
    return sandbox.create_job(1, sandbox.create_pipeline(1), status="running")


async def test_hooks_are_told_when_one_begins_and_ends(live, job, sandbox):
    subscribe, told = live

    statuses = []
    async for response in subscribe(JOB % job):
        statuses.append(response.data["jobUpdated"]["status"])
        assert told.began == [("jobUpdated", 0)]
        assert told.ended == []
        sandbox.set_status(job, "success")

    [ended] = told.ended
    assert statuses == ["RUNNING", "SUCCESS"]
    assert (ended.events, ended.ending, ended.name) == (2, "complete", "Live")
    assert ended.size_bytes > 0
    assert told.operations == []


async def test_what_is_stopped_before_it_begins_is_told_as_an_operation(live, job, sandbox_server):
    subscribe, told = live
    caller = make_caller(Credential("PRIVATE-TOKEN", sandbox_server.tokens["developer"]))
    # So long that it is prepared in several slices.
    fields = " ".join(f"a{number}: name" for number in range(1_500))
    responses = subscribe((JOB % job).replace("coverage", fields), caller)
    coming = asyncio.ensure_future(anext(responses))
    await asyncio.sleep(0)

    caller.is_cut_off = True
    coming.cancel()
    await asyncio.wait([coming])

    [stopped] = told.operations
    assert coming.cancelled()
    assert (stopped.outcome, stopped.status) == ("stopped", 0)
    assert told.began == told.ended == []


async def test_who_leaves_is_told_so(live, job):
    subscribe, told = live
    responses = subscribe(JOB % job)
    await anext(responses)

    await responses.aclose()

    assert told.ended[0].ending == "left"


async def test_who_is_cut_off_between_two_events_is_told_so(live, job, sandbox_server):
    subscribe, told = live
    caller = make_caller(Credential("PRIVATE-TOKEN", sandbox_server.tokens["developer"]))
    responses = subscribe(JOB % job, caller)
    await anext(responses)

    caller.is_cut_off = True
    await responses.aclose()

    assert told.ended[0].ending == "stopped"


async def test_what_is_refused_is_told_as_an_operation(live):
    subscribe, told = live

    [response] = [one async for one in subscribe("subscription { jobUpdated { id } }")]

    assert response.kind == "refused"
    assert [one.codes for one in told.operations] == [("GRAPHQL_VALIDATION_FAILED",)]
    assert told.began == []


async def test_calls_of_events_are_counted(live, job, sandbox):
    subscribe, told = live
    document = (JOB % job).replace("coverage", "log { byteCount }")

    async for _ in subscribe(document):
        sandbox.set_status(job, "failed")

    [ended] = told.ended
    assert (ended.estimated, ended.calls, ended.events) == (1, 2, 2)


async def test_a_slow_subscriber_is_told_what_it_missed(live, job, sandbox):
    subscribe, told = live
    responses = subscribe(JOB % job)
    await anext(responses)
    for number in range(40):
        sandbox.update_job(job, coverage=float(number))
        await asyncio.sleep(0.05)

    sandbox.set_status(job, "success")
    rest = [one async for one in responses]

    missed = [one.extensions["missed"] for one in rest if one.extensions]
    assert len(missed) == 1
    assert sum(missed) == told.ended[0].missed > 0
    assert rest[-1].data["jobUpdated"]["status"] == "SUCCESS"


async def test_a_root_that_directives_leave_out_is_refused(live, job):
    subscribe, _ = live
    document = (JOB % job).replace(") {", ") @skip(if: true) {", 1)

    [response] = [one async for one in subscribe(document)]

    assert response.kind == "refused"


async def test_execute_says_how_to_subscribe(sandbox_server, job):
    async with over(sandbox_server) as gateway:
        response = await gateway.execute(JOB % job)

    assert response.kind == "refused"
    assert "text/event-stream" in response.errors[0]["message"]
