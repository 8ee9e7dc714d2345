"""What may happen to a write: it is sent once, and equal ones in flight are one."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import (
    OutcomeUnknown,
    RateLimited,
    Redirected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.upstream.wire import AnswerTooLong, TimedOut
from tests.harness.turns import turns, until
from tests.upstream.samples import CUT, JOB, LATE, UNSENT

pytestmark = pytest.mark.anyio


class TestWrites:
    @pytest.mark.parametrize(
        ("failure", "kind"),
        [
            (CUT, OutcomeUnknown),
            (LATE, OutcomeUnknown),
            (AnswerTooLong("too long"), OutcomeUnknown),
            (UNSENT, UpstreamUnavailable),
            (TimedOut("no connection came free", was_sent=False), UpstreamTimeout),
            (503, UpstreamUnavailable),
            (429, RateLimited),
            (301, Redirected),
        ],
    )
    async def test_are_sent_once_whatever_happens(self, over, answer, failure, kind):
        failed = failure if isinstance(failure, Exception) else answer(b"", failure)
        it = over(failed, answer(JOB))
        scope = it.scope()

        with pytest.raises(kind):
            await it.client.retry(scope, 1, 7)

        assert len(it.wire.sent) == 1
        assert (scope.tally.calls, scope.tally.retried) == (1, 0)

    async def test_that_are_equal_and_in_flight_are_one(self, over, answer):
        gate = asyncio.Event()

        async def slow(_):
            await gate.wait()
            return answer(JOB)

        it = over(slow)
        scopes = [it.scope() for _ in range(3)]
        writes = [asyncio.ensure_future(it.client.retry(scope, 1, 7)) for scope in scopes]
        await asyncio.sleep(0)
        gate.set()

        assert [job.id for job in await asyncio.gather(*writes)] == [7, 7, 7]
        assert len(it.wire.sent) == 1
        assert [scope.tally.calls for scope in scopes] == [1, 0, 0]
        assert [scope.tally.shared for scope in scopes] == [0, 1, 1]
        await it.client.retry(it.scope(), 1, 7)
        assert len(it.wire.sent) == 2

    async def test_that_differ_are_not_one(self, over, answer):
        gate = asyncio.Event()

        async def slow(_):
            await gate.wait()
            return answer(JOB)

        it = over(slow)
        other = it.scope(token="glpat-other")
        writes = [
            asyncio.ensure_future(write)
            for write in (
                it.client.play(it.scope(), 1, 7),
                it.client.play(it.scope(), 1, 8),
                it.client.play(other, 1, 7),
                it.client.play(it.scope(token=None), 1, 7),
                it.client.play(it.scope(), 1, 7, variables=[("A", "1")]),
                it.client.retry(it.scope(), 1, 7),
            )
        ]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*writes)

        assert len(it.wire.sent) == len(writes)

    async def test_go_on_when_their_caller_leaves(self, over, answer):
        gate = asyncio.Event()
        ended = asyncio.Event()

        async def slow(_):
            await gate.wait()
            ended.set()
            return answer(JOB)

        it = over(slow)
        write = asyncio.ensure_future(it.client.retry(it.scope(), 1, 7))
        await until(lambda: it.wire.sent)
        write.cancel()
        with pytest.raises(asyncio.CancelledError):
            await write
        gate.set()

        await ended.wait()

    async def test_that_nobody_waits_for_may_fail_in_silence(self, over):
        gate = asyncio.Event()

        async def slow(_):
            await gate.wait()
            raise CUT

        it = over(slow)
        write = asyncio.ensure_future(it.client.retry(it.scope(), 1, 7))
        await until(lambda: it.wire.sent)
        write.cancel()
        await asyncio.gather(write, return_exceptions=True)
        gate.set()

        # A task whose error nobody looked at is a warning, and warnings are errors here.
        await turns()
