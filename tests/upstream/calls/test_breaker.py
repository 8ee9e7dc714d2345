"""Circuits: what fails again and again is left alone, by those whom it concerns."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest

from gateway.errors import GatewayError, UpstreamTimeout, UpstreamUnavailable
from gateway.upstream import routes
from gateway.upstream.calls import Call, Circuit, ClientConfig, Standings, standard_chain
from gateway.upstream.calls.breaker import OF_ONE_CALL, Breaker
from gateway.upstream.causes import Cause
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from gateway.upstream.wire import Answer, ConnectionBroken, NotConnected, TimedOut
from tests.harness.driven import Upstream, answer_of, drive, job_body, number_in

CONFIG = ClientConfig("https://gitlab.test/api/v4", retry_pause_s=0, max_retries=0)
THRESHOLD = 20
NOBODY = [cause for cause in Cause if cause not in OF_ONE_CALL]


class Below:
    """Answers as told: an exception is raised; the last answer stays."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = 0

    async def send(self, _):
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def an_answer(status=200):
    return Answer(status, {}.get, b"{}")


def call(route=routes.JOB, *, token="a", stack=None, project=1):
    deadline = asyncio.get_running_loop().time() + 30
    its_scope = CallScope(Credential("PRIVATE-TOKEN", token), deadline)
    return Call.of(its_scope, route, project, 7, stack=stack)


async def fail(breaker, times=THRESHOLD, **what):
    for _ in range(times):
        try:
            await breaker.send(call(**what))
        except UpstreamTimeout:
            pass
        except UpstreamUnavailable as error:
            assert not error.is_circuit_open  # noqa: PT017 - those that fail themselves


async def is_left_alone(breaker, **what):
    try:
        await breaker.send(call(**what))
    except UpstreamUnavailable as error:
        return error.is_circuit_open
    except UpstreamTimeout:
        return False
    return False


async def read_log(breaker, *, ends_well):
    with suppress(ConnectionBroken):
        async with AsyncExitStack() as stack:
            await breaker.send(call(routes.TRACE, stack=stack))
            if not ends_well:
                raise ConnectionBroken("cut")


def down(cause=Cause.CONNECTION_REFUSED):
    return UpstreamUnavailable("nobody", endpoint="GET", cause=cause)


class TestNobodyIsThere:
    @pytest.mark.parametrize("cause", NOBODY)
    def test_holds_up_all_calls(self, cause):
        async def run():
            breaker = Breaker(Below(down(cause)), Standings())
            await fail(breaker)
            return [
                await is_left_alone(breaker, route=route, token=token)
                for route in (routes.JOB, routes.CANCEL)
                for token in "ab"
            ]

        assert drive(run()) == [True] * 4

    def test_is_what_a_time_out_of_connecting_tells(self):
        async def run():
            late = UpstreamTimeout("late", endpoint="GET", cause=Cause.CONNECT_TIMED_OUT)
            breaker = Breaker(Below(late), Standings())
            await fail(breaker)
            return await is_left_alone(breaker, token="b")

        assert drive(run()) is True

    @pytest.mark.parametrize("answer", [an_answer(200), an_answer(404), an_answer(503)])
    def test_ends_with_any_answer(self, answer):
        async def run():
            breaker = Breaker(Below(*[down()] * (THRESHOLD - 1), answer, down()), Standings())
            await fail(breaker, THRESHOLD - 1)
            await breaker.send(call(token="b"))
            return await is_left_alone(breaker)

        assert drive(run()) is False

    def test_the_cause_is_told_while_it_lasts(self):
        async def run():
            breaker = Breaker(Below(down()), Standings(), Circuit(threshold=1))
            await fail(breaker, 1)
            with pytest.raises(UpstreamUnavailable, match=r"The last time: nobody$") as caught:
                await breaker.send(call())
            return caught.value

        error = drive(run())
        assert error.cause == "CONNECTION_REFUSED"
        assert error.retry_after_s == 2

    def test_one_call_at_a_time_looks_whether_somebody_is_back(self):
        async def run():
            below = Below(down())
            breaker = Breaker(below, Standings())
            await fail(breaker)
            found = []
            for _ in range(3):
                await asyncio.sleep(2)
                before = below.calls
                left_alone = [await is_left_alone(breaker, token=token) for token in "abcde"]
                found.append((below.calls - before, left_alone))
            return found

        assert drive(run()) == [(1, [False] + [True] * 4)] * 3

    def test_those_who_ask_while_one_looks_wait_for_its_answer(self):
        async def run():
            upstream = Upstream(lambda _: NotConnected(Cause.CONNECTION_REFUSED))
            chain = standard_chain(upstream, CONFIG)

            async def ask(number):
                its = call(token=f"{number}", project=number + 1)
                try:
                    await chain.send(its)
                except UpstreamUnavailable as error:
                    return error.is_circuit_open
                return "answered"

            for number in range(THRESHOLD):
                await ask(number)
            upstream.answer = lambda _: job_body(7)
            await asyncio.sleep(2)
            before = len(upstream.asked)
            first = await asyncio.gather(*map(ask, range(100)))
            sent = len(upstream.asked) - before
            return first.count("answered"), sent, await asyncio.gather(*map(ask, range(100)))

        answered, sent, then = drive(run())
        assert (answered, sent) == (1, 1)
        assert set(then) == {"answered"}


class TestARouteFails:
    @pytest.mark.parametrize("status", [502, 503, 504])
    def test_that_holds_up_this_credentials_calls_to_it(self, status):
        async def run():
            breaker = Breaker(Below(an_answer(status)), Standings())
            await fail(breaker)
            return (
                await is_left_alone(breaker),
                await is_left_alone(breaker, route=routes.PIPELINE),
                await is_left_alone(breaker, token="b"),
            )

        assert drive(run()) == (True, False, False)

    def test_a_project_that_is_limited_by_a_proxy_holds_up_nobody_else(self):
        """A asks it three times a second; nginx answers 503."""

        async def run():
            def answer(asked):
                if "/projects/9/" in asked.target:
                    return answer_of(b"<html>", 503)
                return job_body(number_in(asked.target, "jobs"))

            chain = standard_chain(Upstream(answer), CONFIG)
            others = []

            async def hammer():
                for _ in range(180):
                    with pytest.raises(GatewayError):
                        await chain.send(call(token="a", project=9))
                    await asyncio.sleep(0.33)

            async def ask():
                for _ in range(60):
                    others.append((await chain.send(call(token="b"))).status)
                    await asyncio.sleep(1)

            await asyncio.gather(hammer(), ask())
            return others

        assert drive(run()) == [200] * 60

    @pytest.mark.parametrize(
        "broken",
        [
            ConnectionBroken("cut"),
            ConnectionBroken("no answer", cause=Cause.HUNG_UP),
            ConnectionBroken("junk", cause=Cause.NOT_HTTP),
            TimedOut("late"),
        ],
    )
    def test_a_job_whose_answer_is_cut_holds_up_nobody_else(self, broken):
        async def run():
            def answer(asked):
                return broken if asked.token == "a" else job_body(7)

            chain = standard_chain(Upstream(answer), CONFIG)
            for _ in range(2 * THRESHOLD):
                with pytest.raises(GatewayError):
                    await chain.send(call(token="a"))
            return (await chain.send(call(token="b"))).status

        assert drive(run()) == 200

    def test_a_refused_write_says_nothing_of_reads(self):
        async def run():
            breaker = Breaker(Below(an_answer(503)), Standings())
            await fail(breaker, 3 * THRESHOLD, route=routes.CANCEL)
            return await is_left_alone(breaker), await is_left_alone(breaker, route=routes.CANCEL)

        assert drive(run()) == (False, False)

    @pytest.mark.parametrize("ends_well", [True, False])
    def test_a_stream_counts_by_its_end(self, ends_well):
        async def run():
            breaker = Breaker(Below(an_answer()), Standings())
            for _ in range(THRESHOLD):
                await read_log(breaker, ends_well=ends_well)
            async with AsyncExitStack() as stack:
                return await is_left_alone(breaker, route=routes.TRACE, stack=stack)

        assert drive(run()) is not ends_well

    def test_recovers_within_one_probe(self):
        async def run():
            below = Below(an_answer(503))
            breaker = Breaker(below, Standings())
            await fail(breaker)
            below.answers[:] = [an_answer()]
            await asyncio.sleep(2)
            before = below.calls
            statuses = [(await breaker.send(call())).status for _ in range(3)]
            return statuses, below.calls - before

        assert drive(run()) == ([200] * 3, 3)


class TestCircuit:
    def test_opens_after_failures_in_a_row_for_a_moment(self):
        circuit = Circuit(threshold=3, open_s=2)
        for _ in range(3):
            circuit.check(100, "GET /x")
            circuit.failed(100)

        with pytest.raises(UpstreamUnavailable, match="failed 3 times in a row"):
            circuit.check(101.9, "GET /x")
        circuit.check(102, "GET /x")
        with pytest.raises(UpstreamUnavailable):
            circuit.check(102, "GET /x")

    def test_one_answer_closes_it(self):
        circuit = Circuit(threshold=3, open_s=2)
        for _ in range(3):
            circuit.failed(100)
        circuit.worked()

        circuit.check(100, "GET /x")
        circuit.failed(100)
        circuit.check(100, "GET /x")
