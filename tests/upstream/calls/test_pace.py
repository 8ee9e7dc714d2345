"""The pace of each credential, over an upstream in memory that counts: time is driven."""

from __future__ import annotations

import asyncio

import pytest

from gateway.upstream.calls import Standings
from gateway.upstream.calls.limiter import Limiter
from gateway.upstream.calls.pace import allowance_of
from gateway.upstream.scope import CallScope
from tests.harness.driven import answer_of, drive, number_in
from tests.harness.limited import Caller, Chain, Limited, now


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


def test_the_number_in_a_path_is_the_jobs():
    assert number_in("/api/v4/projects/1/jobs/7", "jobs") == 7
