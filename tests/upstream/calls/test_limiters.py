"""Which calls a limiter stops, and what a 429 does: time is driven."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from gateway.errors import RateLimited
from gateway.upstream import routes
from gateway.upstream.calls.pace import MAX_LIMITERS
from tests.harness.driven import EPOCH, answer_of, drive
from tests.harness.limited import ENDPOINTS, Caller, Chain, Limited, now, outcome


class TestLimiters:
    @pytest.mark.parametrize("tells", [True, False])
    def test_an_endpoints_429_stops_that_endpoint_only(self, tells):
        async def run():
            limited = Limited(
                limit=2,
                tells=tells,
                name="project_jobs_api" if tells else None,
                routes=("/jobs",),
                refusal=ENDPOINTS,
                kind="application/json",
            )
            it = Chain(limited)
            for _ in range(2):
                await it.ask(route=routes.PROJECT_JOBS)
            stopped = await outcome(it.ask(route=routes.PROJECT_JOBS, seconds=5))
            others = [await outcome(it.ask(route=route)) for route in (routes.JOB, routes.PIPELINE)]
            return stopped, others, now()

        stopped, others, ended = drive(run())
        assert isinstance(stopped, RateLimited)
        assert 50 < (stopped.retry_after_s or 0) <= 60
        assert all(isinstance(found, float) for found in others)
        assert ended < 1

    def test_a_general_one_stops_routes_that_were_not_asked_yet(self):
        async def run():
            it = Chain(Limited(limit=2))
            for _ in range(2):
                await it.ask()
            stopped = await outcome(it.ask(route=routes.PIPELINE, seconds=5))
            return stopped, len(it.upstream.asked)

        stopped, asked = drive(run())
        assert isinstance(stopped, RateLimited)
        assert asked == 2

    def test_each_credential_has_its_own(self):
        async def run():
            it = Chain(Limited(limit=2))
            for _ in range(2):
                await it.ask()
            return await outcome(it.ask(seconds=5)), await outcome(it.ask("b", seconds=5))

        mine, theirs = drive(run())
        assert isinstance(mine, RateLimited)
        assert isinstance(theirs, float)

    def test_writes_do_not_wait_and_count(self):
        async def run():
            it = Chain(Limited(limit=20))
            for _ in range(18):
                await it.ask(route=routes.CANCEL)
            written_at = now()
            answered = [await outcome(it.ask()) for _ in range(2)]
            return written_at, answered, await outcome(it.ask(seconds=5)), len(it.upstream.asked)

        written_at, answered, third, asked = drive(run())
        assert written_at < 1
        assert answered[1] > 5
        assert isinstance(third, RateLimited)
        assert asked == 20

    def test_those_kept_are_bounded(self):
        async def run():
            names = iter(range(1_000))

            def answer(_):
                headers = {"RateLimit_Limit": 1_000, "RateLimit_Remaining": 400}
                return answer_of({"id": 1}, RateLimit_Name=f"throttle_{next(names)}", **headers)

            it = Chain(answer)
            for _ in range(100):
                await it.ask()
            (standing,) = it.standings._verified.values()
            return len(standing.limiters)

        assert drive(run()) == MAX_LIMITERS


class TestRefusals:
    @pytest.mark.parametrize(
        ("headers", "waits_s"),
        [
            ({"Retry_After": 20}, 20),
            ({"RateLimit_Reset": EPOCH + 25}, 25),
            ({"RateLimit_Reset": 15}, 15),
            ({"Retry_After": 3, "RateLimit_Reset": EPOCH + 50}, 3),
            ({"RateLimit_Reset": "9" * 5_000}, 60),
            ({}, 60),
        ],
    )
    def test_are_waited_for_as_long_as_they_tell(self, headers, waits_s):
        async def run():
            answers = iter([answer_of(b"", 429, content_type="text/plain", **headers)])

            def answer(_):
                return next(answers, None) or answer_of({"id": 1}, now=now())

            it = Chain(answer, latency_s=lambda _: 0)
            its_scope = await it.ask(seconds=90)
            return now(), its_scope.tally.calls

        waited_s, calls = drive(run())
        assert waited_s == pytest.approx(waits_s, abs=0.1)
        assert calls == 2

    def test_that_tell_no_time_are_waited_for_once(self):
        async def run():
            it = Chain(lambda _: answer_of(ENDPOINTS, 429, content_type="application/json"))
            failed = await outcome(it.ask("glpat-secret", seconds=1_000))
            return failed, len(it.upstream.asked)

        failed, asked = drive(run())
        assert isinstance(failed, RateLimited)
        assert failed.reason == "This endpoint has been requested too many times. Try again later."
        assert asked == 2

    def test_that_tell_a_wrong_time_hold_up_for_a_minute_at_most(self):
        async def run():
            first = answer_of(b"", 429, content_type="text/plain", Retry_After=100_000)
            answers = iter([first])
            it = Chain(lambda _: next(answers, None) or answer_of({"id": 1}, now=now()))
            told = await outcome(it.ask())
            return told, await outcome(it.ask()), await outcome(it.ask(seconds=90))

        told, early, late = drive(run())
        assert told.retry_after_s == 100_000
        assert isinstance(early, RateLimited)
        assert late == pytest.approx(60, abs=0.1)

    def test_of_a_proxy_that_counts_by_the_second_hold_up_for_seconds(self):
        """Nginx's limit_req answers a page, and has forgotten it a second later."""

        async def run():
            served = Counter()

            def answer(_):
                served[int(now())] += 1
                if served[int(now())] > 10:
                    return answer_of(b"<html>", 429, content_type="text/html")
                return answer_of({"id": 1}, now=now())

            it = Chain(answer)
            callers = [Caller() for _ in range(5)]
            await asyncio.gather(*[caller.ask_for(it, 60) for caller in callers])
            return sum(caller.answers for caller in callers), len(it.upstream.asked)

        answers, asked = drive(run())
        assert answers >= 0.7 * 600
        assert asked - answers <= 0.1 * asked
