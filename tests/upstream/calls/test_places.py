"""A fair share of the connections for each credential, and the tables of credentials."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from gateway.errors import GatewayError, UpstreamTimeout
from gateway.upstream import routes
from gateway.upstream.calls import Call, ClientConfig, Standings, standard_chain
from gateway.upstream.calls.places import LARGE_PAGE
from gateway.upstream.calls.standing import MAX_UNVERIFIED, MAX_VERIFIED
from gateway.upstream.client import Client
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from gateway.watch import Live
from tests.harness.driven import Upstream, answer_of, drive

CONFIG = ClientConfig("https://gitlab.test/api/v4", retry_pause_s=0)


def slow(asked):
    last = asked.target.rpartition("/")[2]
    return 0.02 if last.isdigit() and int(last) < 100 else 5.0


class Chain:
    """Over an upstream that takes 5 s for the jobs from 100 on, and for all lists and logs."""

    def __init__(self, connections=100, *, answer=None):
        self.upstream = Upstream(answer or (lambda _: {"id": 1, "status": "running"}), slow)
        self.standings = Standings()
        self.chain = standard_chain(
            self.upstream, CONFIG, connections=connections, standings=self.standings
        )

    async def ask(self, token, job_id=1, *, route=routes.JOB, rows=1, seconds=30.0):
        """How long it took."""
        began = now()
        its_scope = CallScope(Credential("PRIVATE-TOKEN", token), began + seconds)
        await self.chain.send(Call.of(its_scope, route, 1, job_id, rows=rows))
        return now() - began

    async def verify(self, *tokens):
        for token in tokens:
            await self.ask(token)


def now():
    return asyncio.get_running_loop().time()


class TestShares:
    def test_sixty_slow_operations_of_one_caller_make_no_other_wait(self):
        """60 operations of 7 calls each, of 5 s."""

        async def run():
            it = Chain()
            await it.verify("a", "b")
            slow = [
                asyncio.ensure_future(it.ask("a", 100 + number, seconds=60))
                for number in range(60 * 7)
            ]
            await asyncio.sleep(1)
            waits = []
            for _ in range(20):
                waits.append(await it.ask("b"))
                await asyncio.sleep(0.5)
            most = it.upstream.most_at_once
            took = await asyncio.gather(*slow)
            return max(waits), most, max(took)

        longest, most, slowest = drive(run())
        assert longest < 0.1
        assert 60 <= most <= 70
        # Work goes on: 420 calls of 5 s by 66 at once.
        assert slowest < 40

    def test_are_equal_among_those_who_want_more(self):
        async def run():
            it = Chain(connections=30)
            await it.verify(*"abc")
            asking = [
                asyncio.ensure_future(it.ask(token, 100 + number, seconds=600))
                for token in "abc"
                for number in range(50)
            ]
            await asyncio.sleep(21)
            asked = [asked.token for asked in it.upstream.asked]
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            return [asked.count(token) for token in "abc"], it.standings

        counts, standings = drive(run())
        assert max(counts) - min(counts) <= max(counts) / 3
        assert [standing.places for standing in standings._verified.values()] == [[0, 0]] * 3

    @pytest.mark.parametrize("connections", [1, 2, 3])
    def test_of_few_connections_are_one_at_least(self, connections):
        async def run():
            it = Chain(connections=connections)
            await it.verify("a", "b")
            asked = [(token, number) for token in "ab" for number in (100, 101)]
            asking = [it.ask(token, number, rows=LARGE_PAGE) for token, number in asked]
            return await asyncio.gather(*asking)

        assert max(drive(run())) <= 20.1

    def test_who_waits_is_told_in_time_that_none_came_free(self):
        async def run():
            it = Chain(connections=1)
            await it.verify("a")
            first = asyncio.ensure_future(it.ask("a", 100))
            await asyncio.sleep(0.1)
            with pytest.raises(UpstreamTimeout):
                await it.ask("a", 101, seconds=2)
            told_at = now()
            await first
            return told_at, await it.ask("a", 1)

        told_at, wait_s = drive(run())
        assert told_at < 2.3
        assert wait_s < 0.1

    def test_who_leaves_while_it_waits_takes_no_place_along(self):
        async def run():
            it = Chain(connections=2)
            await it.verify("a")
            asking = [asyncio.ensure_future(it.ask("a", 100 + n)) for n in range(10)]
            await asyncio.sleep(0.1)
            for task in asking[1:]:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            return await asyncio.gather(it.ask("a", 1), it.ask("a", 2))

        assert max(drive(run())) < 0.1


class TestPolls:
    @pytest.mark.parametrize("connections", [1, 4])
    def test_of_many_subjects_make_no_operation_wait(self, connections):
        """200 jobs are watched, over an upstream of which each answer takes a second."""

        async def run():
            upstream = Upstream(lambda _: {"id": 1, "status": "running"}, lambda _: 1.0)
            chain = standard_chain(upstream, CONFIG, connections=connections)
            credential = Credential("PRIVATE-TOKEN", "a")
            live = Live(Client.over(chain))
            for number in range(1000, 1200):
                live.job(credential, 1, number)
            waits = []
            for number in range(1, 20):
                await asyncio.sleep(4.5)
                scope, began = CallScope(credential, now() + 30), now()
                reads = [chain.send(Call.of(scope, routes.JOB, 1, n)) for n in (number, 50)]
                await asyncio.gather(*reads)
                waits.append(now() - began)
            polled = len({asked.target for asked in upstream.asked if "/jobs/1" in asked.target})
            await live.aclose()
            return max(waits), polled

        longest, polled = drive(run())
        # Its two calls, after one that is under way.
        assert longest <= 3.1
        assert polled > 40

    def test_wait_for_nobody_who_has_used_up_its_own_share(self):
        async def run():
            it = Chain()
            await it.verify("a", "b")
            slow = [asyncio.ensure_future(it.ask("a", 100 + n, seconds=60)) for n in range(100)]
            await asyncio.sleep(0.1)
            scope, began = CallScope(Credential("PRIVATE-TOKEN", "b"), 30, patient=True), now()
            await it.chain.send(Call.of(scope, routes.JOB, 1, 2))
            took = now() - began
            await asyncio.gather(*slow)
            return took

        assert drive(run()) < 0.1


class TestLarge:
    @pytest.mark.parametrize("kind", ["pages", "logs"])
    def test_what_is_large_starves_no_single_read(self, kind):
        async def run():
            it = Chain(connections=10)
            await it.verify("a")

            async def read_log(number):
                client_scope = CallScope(Credential("PRIVATE-TOKEN", "a"), now() + 600)
                async with Client.over(it.chain).trace(client_scope, 1, number) as streamed:
                    await asyncio.sleep(5)
                    async for _ in streamed.chunks():
                        pass

            if kind == "logs":
                large = [asyncio.ensure_future(read_log(n)) for n in range(100)]
            else:
                large = [
                    asyncio.ensure_future(
                        it.ask("a", 100 + n, route=routes.PIPELINE_JOBS, rows=100, seconds=600)
                    )
                    for n in range(100)
                ]
            await asyncio.sleep(1)
            waits = [await it.ask("a", number) for number in range(1, 20)]
            for task in large:
                task.cancel()
            await asyncio.gather(*large, return_exceptions=True)
            (standing,) = it.standings._verified.values()
            return max(waits), standing.places

        longest, places = drive(run())
        assert longest < 0.1
        assert places == [0, 0]


class TestUnverified:
    def test_a_thousand_made_up_tokens_share_one_small_place(self):
        def answer(asked):
            return {"id": 1} if asked.token == "a" else answer_of({}, 401)

        async def run():
            it = Chain(connections=50, answer=answer)
            await it.verify("a")
            made_up = [
                asyncio.ensure_future(it.ask(f"made up {number}", 100 + number, seconds=60))
                for number in range(1_000)
            ]
            await asyncio.sleep(1)
            most = it.upstream.most_at_once
            waits = [await it.ask("a") for _ in range(20)]
            for task in made_up:
                task.cancel()
            await asyncio.gather(*made_up, return_exceptions=True)
            return most, max(waits), len(it.standings._unverified), len(it.standings._verified)

        most, longest, unverified, verified = drive(run())
        assert most == 5
        assert longest < 0.1
        assert unverified <= MAX_UNVERIFIED
        assert verified == 1

    def test_401_ends_what_a_credential_had(self):
        statuses = iter([200, 401, 404, 200])

        async def run():
            it = Chain(answer=lambda _: answer_of({"id": 1}, next(statuses)))
            found = []
            for number in range(4):
                with suppress(GatewayError):
                    await it.ask("a", number + 1)
                found.append(len(it.standings._verified))
            return found

        assert drive(run()) == [1, 0, 0, 1]

    def test_tables_are_bounded_and_those_used_last_stay(self):
        standings = Standings()
        first = CallScope(Credential("PRIVATE-TOKEN", "first"), 1)
        for number in range(MAX_VERIFIED + 10):
            credential = Credential("PRIVATE-TOKEN", f"{number}")
            standings.tell(standings.of(CallScope(credential, 1)), 200)
            if number == 10:
                standings.tell(standings.of(first), 200)
            if number > 10:
                standings.of(CallScope(first.credential, 1))

        assert len(standings._verified) == MAX_VERIFIED
        again = CallScope(first.credential, 1)
        assert standings.of(again) is standings.of(first)
