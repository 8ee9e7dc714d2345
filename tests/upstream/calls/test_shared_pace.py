"""One pace for each credential over all replicas, which share accounts: time is driven."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import RateLimited
from gateway.upstream import routes
from gateway.upstream.calls.pace import allowance_of
from tests.harness.accounts import Accounts
from tests.harness.driven import drive
from tests.harness.limited import ENDPOINTS, Caller, Chain, Limited, now, outcome


class Replicas:
    """So many of a gateway, over one upstream and one store of accounts."""

    def __init__(self, limited, number=3, *, accounts=None, **options):
        self.limited = limited
        self.accounts = accounts or Accounts()
        self.chains = [
            Chain(limited, pace=self.accounts.replica(), **options) for _ in range(number)
        ]

    def __getitem__(self, number):
        return self.chains[number]

    async def ask_all(self, callers, seconds):
        """Have each caller ask one of the replicas, again and again."""
        number = len(self.chains)
        asking = enumerate(callers)
        await asyncio.gather(*[caller.ask_for(self[i % number], seconds) for i, caller in asking])

    async def ask_in_turn(self, times, **options):
        """Have one replica after the other ask so many times in all."""
        for i in range(times):
            await self[i % len(self.chains)].ask(**options)

    @property
    def served(self):
        return self.limited.of_all(self.limited.served)

    @property
    def refused(self):
        return self.limited.of_all(self.limited.refused)


class TestAHundredCallersOfThreeReplicas:
    @staticmethod
    def ask(limited, seconds=180, **options):
        async def run():
            it, callers = Replicas(limited, **options), [Caller() for _ in range(100)]
            await it.ask_all(callers, seconds)
            return it, callers

        return drive(run())

    @pytest.mark.parametrize("name", ["throttle_authenticated_api", None])
    def test_use_sixty_reads_a_minute_up_and_are_hardly_ever_refused(self, name):
        it, callers = self.ask(Limited(limit=60, name=name))

        assert sum(it.served[:3]) >= 0.9 * 180
        assert sum(it.refused) <= 0.01 * sum(it.served)
        errors = [error for caller in callers for error in caller.errors]
        assert all(0 < (error.retry_after_s or 0) <= 60 for error in errors)

    @pytest.mark.parametrize("latency_s", [0.02, 0.4])
    @pytest.mark.parametrize("limit", [20, 600])
    def test_do_so_whatever_the_limit_and_however_slow_the_upstream_is(self, limit, latency_s):
        it, _ = self.ask(Limited(limit=limit), latency_s=lambda _: latency_s)

        assert all(served >= 0.9 * limit for served in it.served[:3])
        assert sum(it.refused) <= 0.01 * sum(it.served)

    def test_without_a_word_share_what_all_of_them_saw_served(self):
        it, callers = self.ask(Limited(limit=60, tells=False))

        assert all(served >= 0.9 * 60 for served in it.served[:3])
        assert sum(it.refused[1:]) == 0
        assert sum(caller.answers > 0 for caller in callers) >= 90

    def test_settle_in_lots_while_there_is_plenty(self):
        """Of 2,000 a thousand are gone before any is counted."""
        it, _ = self.ask(Limited(limit=2_000), seconds=60)

        assert it.served[0] >= 0.9 * 2_000
        assert it.accounts.settled < 0.75 * it.served[0]


def test_while_most_is_left_nothing_is_settled():
    async def run():
        it = Replicas(Limited(limit=2_000))
        await it.ask_in_turn(900)
        return it

    it = drive(run())

    assert it.served[0] == 900
    assert it.accounts.settled == 0


class TestWhatOneIsTold:
    @pytest.mark.parametrize("tells", [True, False])
    def test_stops_all_at_once(self, tells):
        async def run():
            it = Replicas(Limited(limit=300, tells=tells))
            await it[1].ask()
            await it[2].ask()
            it.limited.limit = 2
            first = await outcome(it[0].ask(seconds=5))
            await asyncio.sleep(0.01)
            others = [await outcome(one.ask(seconds=5)) for one in it.chains[1:]]
            return it, [first, *others]

        it, outcomes = drive(run())
        assert all(isinstance(found, RateLimited) for found in outcomes)
        assert sum(it.refused) == 1

    def test_stops_one_endpoint_where_it_is_about_that(self):
        async def run():
            limited = Limited(
                limit=3,
                name="project_jobs_api",
                routes=("/jobs",),
                refusal=ENDPOINTS,
                kind="application/json",
            )
            it = Replicas(limited)
            await it.ask_in_turn(3, route=routes.PROJECT_JOBS)
            stopped = [
                await outcome(one.ask(route=routes.PROJECT_JOBS, seconds=5)) for one in it.chains
            ]
            others = [await outcome(one.ask(route=routes.JOB, seconds=5)) for one in it.chains]
            return it, stopped, others

        it, stopped, others = drive(run())
        assert all(isinstance(found, RateLimited) for found in stopped)
        assert all(isinstance(found, float) for found in others)
        assert sum(it.refused) == 0

    def test_is_known_to_one_that_comes_later_before_its_first_call(self):
        async def run():
            it = Replicas(Limited(limit=10), number=1)
            for _ in range(10):
                await it[0].ask(seconds=100)
            late = Chain(it.limited, pace=it.accounts.replica())
            return await outcome(late.ask(seconds=0.5)), late.upstream.asked, it

        stopped, asked, it = drive(run())
        assert isinstance(stopped, RateLimited)
        assert not asked
        assert sum(it.refused) == 0

    def test_is_told_to_the_callers_of_all(self):
        async def run():
            it = Replicas(Limited(limit=60))
            for _ in range(20):
                await it[0].ask()
            scopes = [await one.ask() for one in it.chains]
            await asyncio.sleep(1)
            await it[0].ask()
            return [
                allowance_of(one.standings.of(scope))
                for one, scope in zip(it.chains, scopes, strict=True)
            ]

        allowances = drive(run())
        assert {allowance.limit for allowance in allowances} == {60}
        assert all(36 <= allowance.remaining <= 40 for allowance in allowances)


class TestTurns:
    def test_are_given_to_replicas_in_turn(self):
        """Who waits at one that is near the store has no more of them than others have."""

        async def run():
            it = Replicas(Limited(limit=30), latency_s=lambda _: 0.05)
            await it.ask_in_turn(27)
            asking = [outcome(it[i % 3].ask(seconds=120)) for i in range(60)]
            await asyncio.gather(*asking)
            minute = [0, 0, 0]
            for number, one in enumerate(it.chains):
                minute[number] = sum(60 <= asked.at < 120 for asked in one.upstream.asked)
            return it, minute

        it, minute = drive(run())
        assert sum(it.refused) == 0
        assert sum(minute) >= 27
        assert max(minute) - min(minute) <= 2

    def test_no_herd_comes_after_a_reset(self):
        async def run():
            it = Replicas(Limited(limit=20))
            await it.ask_in_turn(20, seconds=100)
            await asyncio.sleep(max(40 - now(), 0))
            asking = [outcome(it[i % 3].ask(seconds=60)) for i in range(100)]
            await asyncio.gather(*asking)
            asked = [asked.at for one in it.chains for asked in one.upstream.asked]
            reset_at = 60 * (min(at for at in asked if at > 60) // 60)
            return it, sum(reset_at <= at < reset_at + 1 for at in asked)

        it, in_first_second = drive(run())
        assert sum(it.refused) == 0
        assert in_first_second <= 5

    def test_of_a_replica_that_died_come_back(self):
        """It died with four calls under way, whose answers nobody told."""

        async def run():
            it = Replicas(Limited(limit=40))
            await it.ask_in_turn(24)
            dying = [asyncio.ensure_future(it[0].ask(seconds=9)) for _ in range(4)]
            await asyncio.sleep(0.005)
            it.accounts.cut_off(0)
            for asking in dying:
                asking.cancel()
            await asyncio.gather(*dying, return_exceptions=True)
            await asyncio.gather(*[Caller().ask_for(it[i % 2 + 1], 59) for i in range(20)])
            return it

        it = drive(run())
        assert it.served[0] == 40
        assert sum(it.refused) == 0

    def test_that_nobody_uses_are_the_others(self):
        async def run():
            it = Replicas(Limited(limit=40))
            await it.ask_in_turn(24)
            leaving = [asyncio.ensure_future(it[0].ask(seconds=50)) for _ in range(20)]
            await asyncio.sleep(0.1)
            for asking in leaving:
                asking.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
            await asyncio.gather(*[Caller().ask_for(it[i % 2 + 1], 59) for i in range(20)])
            return it

        it = drive(run())
        assert it.served[0] == 40
        assert sum(it.refused) == 0

    def test_that_are_left_last_are_for_operations_not_for_polls(self):
        """Writes, which wait for nobody, have left a twentieth."""

        async def run():
            it = Replicas(Limited(limit=100))
            await it.ask_in_turn(95, route=routes.CANCEL)
            await asyncio.sleep(1)
            polls = [outcome(one.ask(seconds=15, patient=True)) for one in it.chains]
            polled = await asyncio.gather(*polls)
            return it, polled, await outcome(it[0].ask(seconds=30)), now()

        it, polled, operation, ended = drive(run())
        assert all(isinstance(found, RateLimited) for found in polled)
        assert isinstance(operation, float)
        assert ended < 60
        assert it.served[0] == 96


class TestTheFirstCalls:
    def test_are_two_of_each_replica_until_one_is_answered(self):
        async def run():
            it = Replicas(Limited(limit=2_000), latency_s=lambda _: 0.5)
            asking = [asyncio.ensure_future(it[i % 3].ask()) for i in range(60)]
            await asyncio.sleep(0.4)
            ahead = [len(one.upstream.asked) for one in it.chains]
            await asyncio.gather(*asking)
            return ahead, it

        ahead, it = drive(run())
        assert ahead == [2, 2, 2]
        assert it.served[0] == 60

    def test_hold_up_the_others_for_a_moment_where_they_are_slow(self):
        async def run():
            it = Replicas(Limited(), number=1)
            upstream = it[0].upstream
            upstream.latency_s = lambda asked: 20 if asked.target.endswith(("/1", "/2")) else 0.02
            asking = [asyncio.ensure_future(it[0].ask()) for _ in range(5)]
            await asyncio.wait(asking[2:])
            at = now()
            await asyncio.gather(*asking)
            return at

        assert 3 <= drive(run()) < 3.1


class TestWithoutTheStore:
    def test_each_has_its_part(self):
        async def run():
            it = Replicas(Limited(limit=60))
            await it.ask_in_turn(9)
            it.accounts.is_up = False
            callers = [Caller() for _ in range(30)]
            await it.ask_all(callers, 180)
            return it

        it = drive(run())
        assert all(served >= 40 for served in it.served[:3])
        assert sum(it.refused) <= 0.02 * sum(it.served)

    def test_nobody_waits_for_it(self):
        async def run():
            it = Replicas(Limited(limit=60))
            await it.ask_in_turn(9)
            it.accounts.is_up = False
            began = now()
            await it.ask_in_turn(9)
            return now() - began

        assert drive(run()) == pytest.approx(9 * 0.02)

    def test_all_keep_one_pace_again_when_it_is_back(self):
        """It has lost what it knew."""

        async def run():
            it = Replicas(Limited(limit=60))

            async def go():
                await asyncio.sleep(70)
                it.accounts.is_up = False
                await asyncio.sleep(35)
                it.accounts.restart()

            callers = [Caller() for _ in range(60)]
            await asyncio.gather(go(), it.ask_all(callers, 240))
            return it

        it = drive(run())
        assert it.served[0] >= 54
        assert it.served[1] >= 40
        assert it.served[2] >= 54
        assert it.served[3] >= 54
        assert sum(it.refused) <= 0.02 * sum(it.served)
