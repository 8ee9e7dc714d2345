"""Liveness and readiness."""

import asyncio

import pytest
from starlette.applications import Starlette

from gateway.transport.health import KEPT_S, Health
from gateway.upstream.causes import Cause
from gateway.upstream.readiness import NotReady
from tests.harness.app import caller_of

pytestmark = pytest.mark.anyio


class Upstream:
    """Says what a test has it say, and counts how often it was asked."""

    def __init__(self) -> None:
        self.why_not: NotReady | None = None
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def probe(self) -> NotReady | None:
        self.asked += 1
        self.was_asked.set()
        await self.may_answer.wait()
        return self.why_not


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def health(upstream) -> Health:
    return Health(upstream.probe)


@pytest.fixture
async def caller(health):
    async with caller_of(Starlette(routes=health.routes)) as caller:
        yield caller
    await health.close()


async def test_live_needs_no_upstream(caller, upstream):
    answer = await caller.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "live"})
    assert answer.headers["cache-control"] == "no-store"
    assert upstream.asked == 0


async def test_ready_needs_one(caller, upstream, health):
    ready = await caller.get("/health/ready")
    upstream.why_not = NotReady("the upstream does not answer")
    _let_pass(health, KEPT_S)
    not_ready = await caller.get("/health/ready")

    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert not_ready.status_code == 503
    assert not_ready.json() == {"status": "not ready", "reason": "the upstream does not answer"}


async def test_what_is_wrong_is_told_with_its_cause(caller, upstream):
    cause = Cause.CERTIFICATE_EXPIRED
    upstream.why_not = NotReady(cause.sentence, cause)
    answer = await caller.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "reason": cause.sentence,
        "cause": "CERTIFICATE_EXPIRED",
    }


async def test_an_answer_counts_for_a_second(caller, upstream, health):
    for _ in range(5):
        await caller.get("/health/ready")
    first = upstream.asked
    _let_pass(health, KEPT_S)
    await caller.get("/health/ready")

    assert (first, upstream.asked) == (1, 2)


async def test_checks_at_the_same_time_share_one_probe(caller, upstream):
    upstream.may_answer.clear()
    checks = [asyncio.create_task(caller.get("/health/ready")) for _ in range(5)]
    await upstream.was_asked.wait()
    upstream.may_answer.set()

    assert {answer.status_code for answer in await asyncio.gather(*checks)} == {200}
    assert upstream.asked == 1


async def test_a_check_that_is_given_up_does_not_end_the_probe_of_others(caller, upstream):
    upstream.may_answer.clear()
    first, second = (asyncio.create_task(caller.get("/health/ready")) for _ in range(2))
    await upstream.was_asked.wait()
    first.cancel()
    upstream.may_answer.set()

    assert (await second).status_code == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_head_is_answered(caller, path):
    assert (await caller.head(path)).status_code == 200


def _let_pass(health: Health, seconds: float) -> None:
    health._asked_at -= seconds
