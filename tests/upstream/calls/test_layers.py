"""The layers of a call, each alone over a layer that a test writes by hand."""

from __future__ import annotations

import asyncio
import inspect
import re
from typing import Any

import pytest

from gateway.errors import (
    NotFound,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.hooks import Hook, Hooks
from gateway.upstream import calls, routes
from gateway.upstream.calls import Call, Circuit, ClientConfig, Standings, standard_chain
from gateway.upstream.calls.admission import Bound, Share
from gateway.upstream.calls.attempts import Observe, Retry
from gateway.upstream.calls.breaker import Breaker
from gateway.upstream.calls.exchange import Exchange
from gateway.upstream.calls.keep import Forget
from gateway.upstream.calls.pace import Paced
from gateway.upstream.calls.places import Places
from gateway.upstream.calls.retry_budget import MOST_SAVED, MOST_SAVED_BY_ONE
from gateway.upstream.causes import Cause
from gateway.upstream.credential import Credential
from gateway.upstream.kept import KeptInMemory
from gateway.upstream.wire import Answer
from tests.harness.over import make_scope

pytestmark = pytest.mark.anyio

CONFIG = ClientConfig("https://gitlab.test/api/v4", retry_pause_s=0)
DOWN = UpstreamUnavailable("no connection; try again", endpoint="GET")


class Below:
    """A layer that answers as told: an exception is raised; the last answer stays."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = []

    async def send(self, call):
        self.calls.append(call)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(status=200, **headers):
    values = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, values.get, b"{}")


def call(route=routes.JOB, *, seconds=30.0, token="a"):
    scope = make_scope(Credential("PRIVATE-TOKEN", token), seconds=seconds, request_id="request-1")
    return Call.of(scope, route, 1, 7)


class Noted(Hook):
    def __init__(self):
        self.events = []

    def call_began(self, event):
        self.events.append(("began", event.route, event.attempt, event.request_id))

    def call_ended(self, event):
        self.events.append(("ended", event.status, event.error, event.size_bytes))


class TestChain:
    async def test_is_what_the_docstring_draws(self, over):
        drawn = re.findall(r"^ {4} *([A-Z]\w+)  ", calls.__doc__, re.MULTILINE)
        kept = KeptInMemory(1_000_000)
        layer: Any = standard_chain(over().wire, CONFIG, kept=kept, hooks=Hooks(Noted()))
        found = []
        while layer is not None:
            found.append(type(layer).__name__)
            layer = getattr(layer, "_below", None)

        assert found == drawn

    async def test_has_no_observer_where_nobody_listens(self, over):
        layer = standard_chain(over().wire, CONFIG, hooks=Hooks(Hook()))
        while hasattr(layer, "_below"):
            assert not isinstance(layer, Observe)
            layer = layer._below

    @pytest.mark.parametrize(
        "layer", [Bound, Share, Forget, Retry, Paced, Places, Breaker, Observe, Exchange]
    )
    def test_is_of_layers_with_one_method(self, layer):
        public = [name for name in vars(layer) if not name.startswith("_")]

        assert public == ["send"]
        assert list(inspect.signature(layer.send).parameters) == ["self", "call"]


class TestBound:
    async def test_refuses_a_call_whose_time_was_over_before_it(self):
        below = Below(answer())
        late = call(seconds=0)

        with pytest.raises(UpstreamTimeout, match="before this call"):
            await Bound(below).send(late)

        assert below.calls == []
        assert late.scope.under_way == 0

    async def test_gives_room_back_after_failures(self):
        failing = call()
        failing.scope.max_at_once = 1

        for _ in range(3):
            with pytest.raises(NotFound):
                await Bound(Below(NotFound("no", endpoint="GET"))).send(failing)


class TestRetry:
    async def test_counts_attempts_on_the_call(self):
        below = Below(DOWN, answer(503), answer())

        await Retry(below, CONFIG, Standings()).send(call())

        assert [sent.attempt for sent in below.calls] == [1, 2, 3]

    async def test_does_not_wait_for_an_open_circuit(self):
        breaker = Breaker(below := Below(answer(503)), Standings(), Circuit(threshold=1))
        retried = call()

        with pytest.raises(UpstreamUnavailable, match="left alone") as caught:
            await Retry(breaker, CONFIG, Standings()).send(retried)

        assert caught.value.is_circuit_open
        assert (len(below.calls), retried.scope.tally.retried) == (1, 1)

    async def test_moves_a_call_within_the_api_only(self):
        moved = answer(301, location="https://gitlab.test/api/v4/projects/2/jobs/7?a=b")
        below = Below(moved, answer())

        await Retry(below, CONFIG, Standings()).send(call())

        assert [sent.target for sent in below.calls] == [
            "/projects/1/jobs/7",
            "/projects/2/jobs/7?a=b",
        ]


class TestRetryBudget:
    async def test_lets_a_tenth_of_the_reads_be_sent_again(self):
        below = Below(answer(503))
        retry = Retry(below, CONFIG, Standings())

        for _ in range(500):
            with pytest.raises(UpstreamUnavailable):
                await retry.send(call())

        assert len(below.calls) - 500 <= 500 * 0.1 + MOST_SAVED

    async def test_is_saved_again_in_quiet_times(self):
        below = Below(answer(503))
        retry = Retry(below, CONFIG, Standings())
        for _ in range(100):
            with pytest.raises(UpstreamUnavailable):
                await retry.send(call())
        below.answers[:] = [answer()]
        for _ in range(40):
            await retry.send(call())
        below.answers[:] = [answer(503), answer()]

        assert (await retry.send(call())).status == 200

    async def test_of_one_credential_is_not_used_up_by_another(self):
        standings, below = Standings(), Below(answer(503))
        retry = Retry(below, CONFIG, standings)
        for token in ("a", "b"):
            standings.tell(standings.of(call(token=token).scope), 200)
        for _ in range(500):
            with pytest.raises(UpstreamUnavailable):
                await retry.send(call(token="a"))
        below.answers[:] = [answer(503), answer(503), answer(503), answer()]

        assert (await retry.send(call(token="b"))).status == 200

    async def test_of_made_up_credentials_leaves_half_to_the_others(self):
        standings, below = Standings(), Below(answer(503))
        retry = Retry(below, CONFIG, standings)
        standings.tell(standings.of(call(token="known").scope), 200)
        for number in range(500):
            with pytest.raises(UpstreamUnavailable):
                await retry.send(call(token=f"made up {number}"))
        before = len(below.calls)

        for _ in range(int(MOST_SAVED_BY_ONE)):
            with pytest.raises(UpstreamUnavailable):
                await retry.send(call(token="known"))

        assert len(below.calls) - before - MOST_SAVED_BY_ONE >= MOST_SAVED / 2 - 1

    async def test_says_what_failed_where_it_is_used_up(self):
        below = Below(answer(503))
        retry = Retry(below, CONFIG, Standings())
        for _ in range(100):
            with pytest.raises(UpstreamUnavailable, match="HTTP 503"):
                await retry.send(call())


class TestObserve:
    async def test_tells_of_each_request(self):
        noted = Noted()
        below = Below(answer(), NotFound("no", endpoint="GET"))
        observe = Observe(below, Hooks(noted))

        await observe.send(call().again())
        with pytest.raises(NotFound):
            await observe.send(call(routes.RETRY))

        assert noted.events == [
            ("began", "job", 2, "request-1"),
            ("ended", 200, None, 2),
            ("began", "retry", 1, "request-1"),
            ("ended", 0, "NOT_FOUND", 0),
        ]

    async def test_tells_the_cause_of_a_failure(self):
        heard = []

        class Heard(Hook):
            def call_ended(self, event):
                heard.append((event.error, event.cause))

        lost = UpstreamUnavailable("lost", endpoint="GET", cause=Cause.NAME_UNKNOWN)
        observe = Observe(Below(lost, answer()), Hooks(Heard()))

        with pytest.raises(UpstreamUnavailable):
            await observe.send(call())
        await observe.send(call())

        assert heard == [("UPSTREAM_UNAVAILABLE", "NAME_UNKNOWN"), (None, None)]

    async def test_tells_of_calls_that_were_called_off(self):
        noted = Noted()

        class Never:
            async def send(self, _):
                await asyncio.Event().wait()

        sending = asyncio.ensure_future(Observe(Never(), Hooks(noted)).send(call()))
        await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

        assert noted.events[-1] == ("ended", 0, "CANCELLED", 0)
