"""Who has the next turn, and when: time is driven."""

from __future__ import annotations

import asyncio

from gateway.errors import GatewayError, RateLimited, UpstreamTimeout
from gateway.upstream import routes
from gateway.upstream.calls import Call
from gateway.upstream.calls.limiter import Limiter
from gateway.upstream.scope import CallScope
from tests.harness.driven import answer_of, drive
from tests.harness.limited import Chain, Limited, now, outcome, take


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
