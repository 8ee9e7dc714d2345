"""The pace of each credential, over an upstream in memory that counts: time is driven."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest

from gateway.errors import GatewayError, RateLimited, UpstreamTimeout
from gateway.upstream import routes
from gateway.upstream.calls import Call, ClientConfig, Standings, standard_chain
from gateway.upstream.calls.limiter import Limiter
from gateway.upstream.calls.pace import MAX_LIMITERS, allowance_of
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from tests.harness.driven import EPOCH, Upstream, answer_of, drive, number_in

CONFIG = ClientConfig("https://gitlab.test/api/v4", retry_pause_s=0)
ENDPOINTS = (
    b'{"message":{"error":"This endpoint has been requested too many times. Try again later."}}'
)


@dataclass
class Limited:
    """Serves so many calls of a credential in each minute of its clock, and tells what is left."""

    limit: int = 60
    tells: bool = True
    name: str | None = "throttle_authenticated_api"
    routes: tuple[str, ...] = ()
    """What it counts, by the end of the path; all where none is named."""
    refusal: bytes = b"Retry later\n"
    kind: str = "text/plain"
    served: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)

    def __call__(self, asked):
        now = asyncio.get_running_loop().time()
        path = asked.target.partition("?")[0]
        if self.routes and not path.endswith(self.routes):
            return answer_of({"id": 1}, now=now)
        key = (asked.token, int(now // 60))
        is_refused = self.served[key] >= self.limit
        (self.refused if is_refused else self.served)[key] += 1
        headers: dict[str, object] = {}
        if self.tells:
            headers = {
                "RateLimit_Limit": self.limit,
                "RateLimit_Remaining": self.limit - self.served[key],
                "RateLimit_Reset": EPOCH + int(now // 60 + 1) * 60,
            }
            if self.name:
                headers["RateLimit_Name"] = self.name
        if is_refused:
            body = self.refusal
            return answer_of(body, 429, now=now, content_type=self.kind, **headers)
        return answer_of({"id": 1, "status": "running", "name": "x"}, now=now, **headers)

    def of_all(self, counted):
        return [sum(n for (_, at), n in counted.items() if at == minute) for minute in range(4)]

    def of(self, token, counted):
        return [counted[token, minute] for minute in range(4)]


class Chain:
    def __init__(self, limited, *, sharers=1, **options):
        self.limited = limited
        self.upstream = Upstream(limited, **options)
        self.standings = Standings(sharers)
        self.chain = standard_chain(self.upstream, CONFIG, standings=self.standings)
        self._numbers = iter(range(1, 10**9))

    async def ask(self, token="a", *, route=routes.JOB, seconds=30.0):
        """One call, of a target that nobody else asks for, to join none."""
        its_scope = CallScope(Credential("PRIVATE-TOKEN", token), now() + seconds)
        arguments = (1, next(self._numbers)) if len(route.of) > 1 else (next(self._numbers),)
        await self.chain.send(Call.of(its_scope, route, *arguments))
        return its_scope


def now():
    return asyncio.get_running_loop().time()


async def take(limiter, call):
    """As the layer does."""
    if not limiter.take_at_once(call):
        await limiter.take(call)


async def outcome(asking):
    """When it was answered, or the error."""
    try:
        await asking
    except GatewayError as error:
        return error
    return now()


@dataclass
class Caller:
    """Asks again as soon as it is answered; where it is told to wait, it does."""

    waits: list[float] = field(default_factory=list)
    answers: int = 0
    errors: list[GatewayError] = field(default_factory=list)

    async def ask_for(self, it, seconds, token="a"):
        while (began := now()) < seconds:
            try:
                await it.ask(token)
                self.answers += 1
            except RateLimited as error:
                self.errors.append(error)
                await asyncio.sleep(max(error.retry_after_s or 0, 0.5))
            finally:
                self.waits.append(now() - began)


class TestThreeMinutesOfTwentyCallers:
    """An upstream of 60 reads a minute."""

    @pytest.mark.parametrize("name", ["throttle_authenticated_api", None])
    def test_use_what_is_told_up_and_are_never_refused(self, name):
        async def run():
            it = Chain(Limited(name=name))
            callers, other = [Caller() for _ in range(20)], Caller()
            theirs = [caller.ask_for(it, 180) for caller in callers]

            async def quietly():
                for _ in range(170):
                    began = now()
                    await it.ask("other")
                    other.waits.append(now() - began)
                    await asyncio.sleep(1.05)

            await asyncio.gather(quietly(), *theirs)
            return it.limited, callers, other

        limited, callers, other = drive(run())
        served, refused = limited.of("a", limited.served), limited.of("a", limited.refused)
        assert sum(served[:3]) >= 0.95 * 180
        assert sum(refused) <= 0.01 * sum(served)
        assert all(caller.answers for caller in callers)
        waits_s = [error.retry_after_s or 0 for caller in callers for error in caller.errors]
        assert all(0 < wait_s <= 60 for wait_s in waits_s)
        assert max(other.waits) < 0.1

    def test_without_a_word_wait_for_the_minute_and_then_keep_to_what_was_served(self):
        """The first minute ends with a 429 for each call that was under way; none come after."""

        async def run():
            it = Chain(Limited(tells=False))
            callers = [Caller() for _ in range(20)]
            await asyncio.gather(*[caller.ask_for(it, 180) for caller in callers])
            return it.limited, callers

        limited, callers = drive(run())
        served, refused = limited.of("a", limited.served), limited.of("a", limited.refused)
        assert served[:3] == [60, 60, 60]
        assert refused[0] <= 20
        assert sum(refused[1:]) <= 0.01 * sum(served)
        assert all(caller.answers for caller in callers)

    def test_after_that_more_is_tried_slowly(self):
        async def run():
            it = Chain(Limited(tells=False, limit=30))
            callers = [Caller() for _ in range(10)]
            work = [asyncio.ensure_future(caller.ask_for(it, 600)) for caller in callers]
            await asyncio.sleep(170)
            it.limited.limit = 60
            await asyncio.gather(*work)
            return [it.limited.served["a", minute] for minute in range(10)]

        served = drive(run())
        assert served[1] == served[2] == 30
        assert served[4] < served[6] < served[9] <= 60


class TestSeveralProcesses:
    """Each knows what it sent itself, and what the upstream tells of all."""

    def test_together_send_no_more_than_one_would(self):
        limited = Limited(limit=60)
        four = [Chain(limited, sharers=4) for _ in range(4)]

        async def run():
            callers = [Caller() for _ in range(20)]
            asking = zip(callers, four * 5, strict=True)
            await asyncio.gather(*(one.ask_for(it, 180) for one, it in asking))

        drive(run())
        assert sum(limited.of_all(limited.refused)[1:]) <= 2
        assert all(served >= 40 for served in limited.of_all(limited.served)[:3])

    def test_tell_their_callers_what_the_upstream_told(self):
        limiter = Limiter("x", is_general=True, sharers=4)
        limiter.told(answer_of({}, ratelimit_reset=60), 0.0, limit=102, remaining=51)

        assert (limiter.limit, limiter.left) == (25, 12)
        assert (limiter.allowance.limit, limiter.allowance.remaining) == (102, 48)

    def test_are_let_a_call_each_where_there_are_fewer_than_they(self):
        limiter = Limiter("x", is_general=True, sharers=4)
        limiter.told(answer_of({}, ratelimit_reset=60), 0.0, limit=3, remaining=3)

        assert (limiter.limit, limiter.left) == (1, 0)


class TestTurns:
    @staticmethod
    def with_left(left, *, at=0.0, limit=100, reset_s=60.0):
        limiter = Limiter("x", is_general=True)
        headers = {"ratelimit_reset": int(reset_s)}
        limiter.told(answer_of({}, **headers), at, limit=limit, remaining=left)
        return limiter

    def test_nothing_waits_while_there_is_plenty(self):
        async def run():
            limiter = self.with_left(50)
            its_scope = CallScope(None, 30)
            for _ in range(40):
                await take(limiter, Call.of(its_scope, routes.JOB, 1, 1))
            return now()

        assert drive(run()) == 0

    def test_what_is_left_is_used_up_by_those_who_wait(self):
        """200 ask, 5 are left: 5 are answered within their time, the others told when to come."""

        async def run():
            limiter = self.with_left(5)

            async def ask():
                call = Call.of(CallScope(None, 30), routes.JOB, 1, 1)
                await take(limiter, call)

            return await asyncio.gather(*[outcome(ask()) for _ in range(200)])

        outcomes = drive(run())
        answered = [found for found in outcomes if not isinstance(found, GatewayError)]
        assert len(answered) == 5
        assert answered == sorted(answered)
        assert answered[-1] < 30
        assert {type(found) for found in outcomes[5:]} == {RateLimited}
        assert all(found.retry_after_s <= 60 for found in outcomes[5:])

    def test_are_taken_in_order_and_by_nobody_who_has_left_or_has_no_time(self):
        async def run():
            limiter = self.with_left(4, reset_s=40)
            order = []

            async def ask(name, seconds):
                await take(limiter, Call.of(CallScope(None, now() + seconds), routes.JOB, 1, 1))
                order.append((name, round(now(), 1)))

            asking = [asyncio.ensure_future(outcome(ask(name, 39))) for name in "abcd"]
            await asyncio.sleep(1)
            asking[1].cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            return [name for name, _ in order]

        assert drive(run()) == ["a", "c", "d"]

    def test_that_were_given_to_one_who_leaves_are_the_next_ones(self):
        async def run():
            limiter = self.with_left(2, reset_s=50)

            async def ask(seconds):
                await take(limiter, Call.of(CallScope(None, now() + seconds), routes.JOB, 1, 1))
                return now()

            await ask(30)
            second, third = (asyncio.ensure_future(ask(seconds)) for seconds in (30, 120))
            await asyncio.sleep(0)
            at = limiter.next_at

            def give_and_leave():
                limiter._give()
                second.cancel()

            asyncio.get_running_loop().call_at(at, give_and_leave)
            await asyncio.wait([second, third])
            return second.cancelled(), third.result(), at

        has_left, third, at = drive(run())
        assert has_left
        assert third == at < 50

    def test_polls_come_after_operations(self):
        async def run():
            limiter = self.with_left(10, reset_s=40)
            order = []

            async def ask(name, *, patient):
                scope = CallScope(None, now() + 39, patient=patient)
                await take(limiter, Call.of(scope, routes.JOB, 1, 1))
                order.append(name)

            polls = [asyncio.ensure_future(ask(name, patient=True)) for name in "abc"]
            await asyncio.sleep(1)
            operations = [asyncio.ensure_future(ask(name, patient=False)) for name in "xy"]
            await asyncio.gather(*polls, *operations)
            return order

        # The first asked before anybody else did.
        assert drive(run()) == ["a", "x", "y", "b", "c"]

    def test_polls_leave_operations_what_is_left_last(self):
        """Of 100 a tenth is spread, and half of that is for operations."""

        async def run():
            limiter = self.with_left(8, reset_s=20)

            async def ask(*, patient):
                scope = CallScope(None, now() + 15, patient=patient)
                await take(limiter, Call.of(scope, routes.JOB, 1, 1))

            polls = await asyncio.gather(*[outcome(ask(patient=True)) for _ in range(6)])
            left = limiter.left
            return polls, left, await outcome(ask(patient=False)), now()

        polls, left, operation, at = drive(run())
        assert [isinstance(found, RateLimited) for found in polls] == [False] * 3 + [True] * 3
        assert left == 5
        assert operation == at < 20

    def test_no_herd_comes_after_a_reset(self):
        async def run():
            it = Chain(Limited(limit=20))
            for _ in range(20):
                await it.ask()
            await asyncio.sleep(40 - now())
            asking = [outcome(it.ask()) for _ in range(100)]
            outcomes = await asyncio.gather(*asking)
            in_first_second = sum(60 <= asked.at < 61 for asked in it.upstream.asked)
            return it.limited, outcomes, in_first_second

        limited, outcomes, in_first_second = drive(run())
        assert sum(limited.refused.values()) == 0
        assert in_first_second <= 5
        answered = [found for found in outcomes if not isinstance(found, GatewayError)]
        # Their deadlines end 10 s after the reset.
        assert 3 <= len(answered) <= 20
        assert {type(found) for found in outcomes} == {float, RateLimited}


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


class TestAllowance:
    def test_is_what_the_upstream_told_last(self):
        async def run():
            it = Chain(Limited())
            scope = await it.ask()
            nothing = await Chain(lambda _: answer_of({"id": 1})).ask("b")
            return (
                allowance_of(it.standings.of(scope)),
                allowance_of(it.standings.of(nothing)),
                allowance_of(Standings().of(CallScope(None, 1))),
            )

        told, *untold = drive(run())
        assert (told.limit, told.remaining) == (60, 59)
        assert told.reset_at == pytest.approx(60, abs=1.1)
        assert [(one.limit, one.remaining, one.reset_at) for one in untold] == [(None,) * 3] * 2


def test_who_waits_for_a_turn_is_told_so_and_not_that_the_upstream_is_slow():
    async def run():
        it = Chain(Limited(limit=10))
        for _ in range(10):
            await it.ask(seconds=90)
        await asyncio.sleep(45 - now())
        return await asyncio.gather(*[outcome(it.ask(seconds=17)) for _ in range(10)])

    outcomes = drive(run())
    assert not [found for found in outcomes if isinstance(found, UpstreamTimeout)]
    assert any(isinstance(found, float) for found in outcomes)


def test_the_number_in_a_path_is_the_jobs():
    assert number_in("/api/v4/projects/1/jobs/7", "jobs") == 7
