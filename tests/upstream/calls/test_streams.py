"""What may happen to a log, which is read in pieces."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import UpstreamTimeout, UpstreamUnavailable
from tests.harness.turns import turns
from tests.upstream.samples import CUT, JOB, LATE, UNSENT

pytestmark = pytest.mark.anyio


class TestStreams:
    @pytest.mark.parametrize("failure", [503, UNSENT, CUT])
    async def test_are_sent_again_before_their_first_piece(self, over, answer, failure):
        failed = failure if isinstance(failure, Exception) else answer(b"", failure)
        it = over(failed, answer(b"log"))
        scope = it.scope()

        async with it.client.trace(scope, 1, 7) as streamed:
            assert await streamed.read(100) == b"log"
        assert (scope.tally.calls, scope.tally.retried) == (2, 1)

    @pytest.mark.parametrize(
        ("failure", "kind"), [(CUT, UpstreamUnavailable), (LATE, UpstreamTimeout)]
    )
    async def test_that_break_later_are_not(self, over, answer, failure, kind):
        broken = answer(b"")
        broken.body = [b"so far", failure]
        it = over(broken)
        seen = []

        async def read():
            async with it.client.trace(it.scope(), 1, 7) as streamed:
                async for piece in streamed.chunks():
                    seen.append(piece)  # noqa: PERF401 - what came before the end counts

        with pytest.raises(kind):
            await read()
        assert seen == [b"so far"]
        assert len(it.wire.sent) == 1

    async def test_pass_on_what_their_reader_raises(self, over, answer):
        it = over(answer(b"log"))

        async def read():
            async with it.client.trace(it.scope(), 1, 7):
                raise KeyError("the reader's own")

        with pytest.raises(KeyError):
            await read()

    async def test_count_among_the_operations_calls_while_they_are_open(self, over, answer):
        it = over(answer(b"log"), answer(JOB))
        scope = it.scope()
        scope.max_at_once = 1

        async with it.client.trace(scope, 1, 7):
            read = asyncio.ensure_future(it.client.job(scope, 1, 7))
            await turns(10)
            assert len(it.wire.sent) == 1
        assert (await read).id == 7
