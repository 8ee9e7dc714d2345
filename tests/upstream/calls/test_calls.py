"""What may happen to a read: retries, redirects, limits, bounds."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import (
    Forbidden,
    NotFound,
    RateLimited,
    RequestRefused,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.upstream import routes
from gateway.upstream.calls import Call, ClientConfig, Standings
from gateway.upstream.calls.attempts import Retry
from gateway.upstream.calls.exchange import Exchange
from gateway.upstream.causes import Cause
from gateway.upstream.wire import AnswerTooLong, NotConnected
from tests.harness.turns import turns
from tests.upstream.samples import CUT, JOB, LATE, UNSENT

pytestmark = pytest.mark.anyio


class TestReads:
    @pytest.mark.parametrize("failure", [500, 502, 503, 504, UNSENT, CUT])
    async def test_are_sent_again_after_what_may_pass(self, over, answer, failure):
        failed = failure if isinstance(failure, Exception) else answer(b"", failure)
        it = over(failed, failed, answer(JOB))
        scope = it.scope()

        job = await it.client.job(scope, 1, 7)

        assert job.id == 7
        assert (scope.tally.calls, scope.tally.retried) == (3, 2)

    @pytest.mark.parametrize("cause", [cause for cause in Cause if not cause.may_pass])
    async def test_are_sent_once_where_somebody_has_to_change_something(self, over, cause):
        it = over(NotConnected(cause))

        with pytest.raises(UpstreamUnavailable) as caught:
            await it.client.job(it.scope(), 1, 7)

        assert len(it.wire.sent) == 1
        assert caught.value.cause == cause
        assert caught.value.message == cause.sentence

    @pytest.mark.parametrize(
        ("status", "said", "cause"),
        [
            (407, b"", Cause.PROXY_AUTHENTICATION_REQUIRED),
            (400, b"Client sent an HTTP request to an HTTPS server.\n", Cause.TLS_EXPECTED),
            (
                400,
                b"<center>The plain HTTP request was sent to HTTPS port</center>",
                Cause.TLS_EXPECTED,
            ),
            (
                400,
                b"<center>No required SSL certificate was sent</center>",
                Cause.CLIENT_CERTIFICATE_REQUIRED,
            ),
        ],
    )
    async def test_are_told_who_answered_in_the_place_of_the_upstream(
        self, over, answer, status, said, cause
    ):
        it = over(answer(said, status))

        with pytest.raises(UpstreamUnavailable) as caught:
            await it.client.job(it.scope(), 1, 7)

        assert (caught.value.cause, caught.value.status) == (cause, status)
        assert len(it.wire.sent) == 1

    async def test_are_given_up_after_three_more(self, over, answer):
        it = over(answer({"message": "500 Internal Server Error"}, 500, x_request_id="r"))

        with pytest.raises(UpstreamUnavailable) as caught:
            await it.client.job(it.scope(), 1, 7)

        assert len(it.wire.sent) == 4
        assert (caught.value.status, caught.value.upstream_request_id) == (500, "r")

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(400, RequestRefused), (403, Forbidden), (404, NotFound), (304, UpstreamInvalid)],
    )
    async def test_are_sent_once_where_the_answer_stands(self, over, answer, status, kind):
        it = over(answer(b"", status))

        with pytest.raises(kind):
            await it.client.job(it.scope(), 1, 7)
        assert len(it.wire.sent) == 1

    async def test_that_are_too_long_are_sent_once(self, over):
        it = over(AnswerTooLong("the answer is longer than 10 bytes"))

        with pytest.raises(UpstreamInvalid, match="longer than 10 bytes"):
            await it.client.job(it.scope(), 1, 7)
        assert len(it.wire.sent) == 1

    async def test_end_with_the_deadline(self, over, answer):
        it = over(answer(b"", 503))
        late = it.scope(seconds=0)

        with pytest.raises(UpstreamTimeout, match="before this call"):
            await it.client.job(late, 1, 7)
        assert (it.wire.sent, late.tally.calls) == ([], 0)

    async def test_have_what_is_left_of_the_deadline(self, over):
        async def never(_):
            await asyncio.Event().wait()

        it = over(never)

        with pytest.raises(UpstreamTimeout, match="did not answer in time") as caught:
            await it.client.job(it.scope(seconds=0.01), 1, 7)
        assert caught.value.endpoint == "GET /projects/:id/jobs/:job_id"
        assert len(it.wire.sent) == 1

    async def test_that_nobody_can_join_have_it_from_the_wire(self, over, answer):
        it = over(answer(JOB))
        alone = it.scope(seconds=5)
        alone.alone = True

        await it.client.job(alone, 1, 7)
        await it.client.cancel(it.scope(seconds=5), 1, 7)
        async with it.client.trace(it.scope(seconds=5), 1, 7):
            pass

        assert [0 < sent.timeout_s <= 5 for sent in it.wire.sent] == [True] * 3

    async def test_pause_longer_each_time_and_never_beyond_the_deadline(self, over, answer):
        wire = over(answer(b"", 503)).wire
        config = ClientConfig("https://x/api/v4", retry_pause_s=0.001, max_pause_s=0.002)
        drawn = []

        def draw():
            drawn.append(len(wire.sent))
            return 0.5 if len(drawn) < 3 else 1_000_000

        retry = Retry(Exchange(wire, config), config, Standings(), draw=draw)
        with pytest.raises(UpstreamUnavailable):
            await retry.send(Call.of(over().scope(), routes.CURRENT_JOB))

        assert drawn == [1, 2, 3]
        assert len(wire.sent) == 3


class TestRateLimits:
    async def test_are_waited_out_where_the_deadline_allows(self, over, answer):
        it = over(answer(b"Retry later", 429, retry_after="0"), answer(JOB))
        scope = it.scope()

        assert (await it.client.job(scope, 1, 7)).id == 7
        assert scope.tally.retried == 1

    async def test_are_told_at_once_where_it_does_not(self, over, answer):
        it = over(answer(b"Retry later", 429, retry_after="60"))

        with pytest.raises(RateLimited, match="in 60 s") as caught:
            await it.client.job(it.scope(seconds=30), 1, 7)

        assert caught.value.retry_after_s == 60
        assert len(it.wire.sent) == 1

    async def test_hold_for_all_reads_of_the_credential(self, over, answer):
        it = over(answer(b"", 429, retry_after="50"), answer(JOB))
        with pytest.raises(RateLimited):
            await it.client.job(it.scope(), 1, 7)

        with pytest.raises(RateLimited):
            await it.client.job(it.scope(), 1, 8)
        assert len(it.wire.sent) == 1

        assert (await it.client.job(it.scope(token="glpat-other"), 1, 7)).id == 7
        assert (await it.client.cancel(it.scope(), 1, 7)).id == 7

    async def test_that_come_near_slow_reads_down(self, over, answer):
        def left(remaining):
            figures = {"ratelimit_limit": "100000", "ratelimit_reset": "9999999999"}
            return answer(JOB, ratelimit_remaining=str(remaining), **figures)

        # A minute at most: 6 ms for each of 10,000 reads, 6 s for each of 10.
        it = over(left(9_999), left(9))
        for _ in range(3):
            await it.client.job(it.scope(), 1, 7)

        with pytest.raises(RateLimited, match="used up") as caught:
            await it.client.job(it.scope(seconds=5), 1, 7)
        assert caught.value.retry_after_s == pytest.approx(6.7, abs=0.2)
        assert len(it.wire.sent) == 3


class TestRedirects:
    @pytest.mark.parametrize(
        "location",
        [
            "https://gitlab.test/api/v4/projects/42/jobs/7?x=1",
            "https://GitLab.test:443/api/v4/projects/42/jobs/7?x=1",
            "/api/v4/projects/42/jobs/7?x=1",
        ],
    )
    async def test_within_the_api_are_followed(self, over, answer, location):
        it = over(answer(b"moved", 301, location=location), answer(JOB))
        scope = it.scope()

        assert (await it.client.job(scope, "old/path", 7)).id == 7
        assert it.wire.targets[1] == "GET /api/v4/projects/42/jobs/7?x=1"
        assert it.wire.sent[1].headers["PRIVATE-TOKEN"] == "glpat-secret-1"
        assert (scope.tally.calls, scope.tally.retried) == (2, 1)

    @pytest.mark.parametrize(
        ("location", "place"),
        [
            ("https://evil.test/api/v4/projects/42", ", to https://evil.test/api/v4/projects/42;"),
            ("http://gitlab.test/api/v4/x", ", to http://gitlab.test/api/v4/x;"),
            ("https://gitlab.test:8443/api/v4/x", ", to https://gitlab.test:8443/api/v4/x;"),
            ("//evil.test/api/v4/projects/42", ", to https://evil.test/api/v4/projects/42;"),
            ("https://gitlab.test@evil.test/api/v4/x", ", to https://evil.test/api/v4/x;"),
            ("https://gitlab.test/users/sign_in?x#y", ", to https://gitlab.test/users/sign_in;"),
            ("/users/sign_in", ", to /users/sign_in;"),
            ("https://gitlab.test/api/v4/../../x", ", to https://gitlab.test/api/v4/../../x;"),
            ("https://gitlab.test/api/v4/%2e%2e/x", ", to https://gitlab.test/api/v4/%2e%2e/x;"),
            ("https://[gitlab.test/api/v4/x", "API; set"),
            ("", "API; set"),
        ],
    )
    async def test_that_lead_away_are_told_and_nothing_is_sent(self, over, answer, location, place):
        it = over(answer(b"", 302, location=location), answer(JOB))

        with pytest.raises(UpstreamInvalid, match="redirects away from its API") as caught:
            await it.client.job(it.scope(), 1, 7)

        assert len(it.wire.sent) == 1
        assert place in str(caught.value)

    async def test_in_circles_end(self, over, answer):
        it = over(answer(b"", 301, location="/api/v4/projects/1/jobs/7"))

        with pytest.raises(UpstreamInvalid, match="again and again, at last to /api/v4/projects/1"):
            await it.client.job(it.scope(), 1, 7)
        assert len(it.wire.sent) == 4

    async def test_of_logs_are_followed_too(self, over, answer):
        moved = answer(b"moved", 301, location="/api/v4/projects/42/jobs/7/trace")
        it = over(moved, answer(b"log"))

        async with it.client.trace(it.scope(), "old/path", 7) as streamed:
            assert await streamed.read(100) == b"log"


class TestBounds:
    async def test_an_operation_has_so_many_calls_at_once(self, over, answer):
        at_once = most = 0

        async def slow(_):
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await turns(3)
            at_once -= 1
            return answer(JOB)

        it = over(slow)
        scope = it.scope()
        await asyncio.gather(*[it.client.job(scope, 1, number) for number in range(1, 61)])

        assert most == 16
        assert scope.tally.calls == 60

    async def test_after_failures_in_a_row_calls_fail_at_once(self, over, answer):
        it = over(UNSENT)
        for number in range(12):
            with pytest.raises(UpstreamUnavailable):
                await it.client.job(it.scope(), 1, number + 1)
        sent = len(it.wire.sent)
        it.wire.answers = [answer(JOB)]

        with pytest.raises(UpstreamUnavailable, match="left alone"):
            await it.client.job(it.scope(), 1, 7)
        with pytest.raises(UpstreamUnavailable, match="left alone"):
            await it.client.retry(it.scope(), 1, 7)
        assert len(it.wire.sent) == sent == 20

    @pytest.mark.parametrize("failure", [500, LATE])
    async def test_what_one_caller_can_cause_shuts_out_nobody(self, over, answer, failure):
        failed = failure if isinstance(failure, Exception) else answer(b"", failure)
        it = over(failed)
        for number in range(30):
            with pytest.raises((UpstreamUnavailable, UpstreamTimeout)):
                await it.client.job(it.scope(), 1, number + 1)
        it.wire.answers = [answer(JOB)]

        assert (await it.client.job(it.scope(), 1, 7)).id == 7
