"""Which reads are kept, for whom and how long; what makes them be forgotten."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.hooks import Hook, Hooks
from gateway.upstream import routes
from gateway.upstream.calls import Call, ClientConfig, standard_chain
from gateway.upstream.client import Client
from gateway.upstream.credential import Credential
from gateway.upstream.entities import Job, Pipeline
from gateway.upstream.kept import KeptInMemory
from gateway.upstream.pruning import readers_of
from gateway.upstream.scope import CallScope
from gateway.upstream.wire import ConnectionBroken
from tests.harness.driven import Upstream, answer_of, drive, job_body, number_in

API = "https://gitlab.test/api/v4"
SHA = "0123456789abcdef0123456789abcdef01234567"


class Kept:
    """A client over an upstream in memory, whose reads are kept."""

    def __init__(self, answer, **options):
        self.upstream = Upstream(answer, **options)
        self.store = KeptInMemory(1_000_000)
        self.events = Listener()
        chain = standard_chain(
            self.upstream,
            ClientConfig(API, retry_pause_s=0),
            kept=self.store,
            hooks=Hooks(self.events),
        )
        self.client = Client.over(chain)
        self.chain: Any = chain

    @property
    def calls(self):
        return len(self.upstream.asked)

    async def ask(self, its_scope, route, *arguments, query=""):
        answer = await self.chain.send(Call.of(its_scope, route, *arguments, query=query))
        return msgspec.json.decode(answer.body)


class Listener(Hook):
    def __init__(self):
        self.kept = []

    def call_ended(self, event):
        if event.is_kept:
            self.kept.append((event.route, event.status, event.size_bytes > 0))


def drawn(seed):
    return Random(seed)


def scope(token="a", *, header="PRIVATE-TOKEN", sudo=None, **options):
    credential = None if token is None else Credential(header, token, sudo)
    return CallScope(credential, asyncio.get_running_loop().time() + 30, **options)


def a_job(asked):
    return job_body(number_in(asked.target, "jobs"))


def ages(route, arguments, answer, moments=(0.5, 1.5, 59, 61)):
    """The moments at which a read of time 0 was given again."""

    async def run():
        kept = Kept(answer, latency_s=lambda _: 0)
        await kept.chain.send(Call.of(scope(), route, *arguments))
        found = []
        for moment in moments:
            at_hand = Call.of(scope(), route, *arguments)
            await asyncio.sleep(moment - asyncio.get_running_loop().time())
            if kept.chain.at_hand(at_hand) is not None:
                found.append(moment)
        return found

    return drive(run())


class TestAges:
    @pytest.mark.parametrize(
        ("route", "arguments"),
        [
            (routes.PROJECT_JOBS, (1,)),
            (routes.PIPELINE_JOBS, (1, 6)),
            (routes.PIPELINE_BRIDGES, (1, 6)),
            (routes.PROJECT_PIPELINES, (1,)),
        ],
    )
    def test_lists_are_kept_for_two_seconds_whatever_their_rows(self, route, arguments):
        def finished(_):
            return [job_body(7), job_body(8)]

        assert ages(route, arguments, finished) == [0.5, 1.5]

    @pytest.mark.parametrize("status", ["success", "failed", "canceled"])
    def test_a_finished_job_is_kept_for_a_minute(self, status):
        def answer(_):
            return job_body(7, status=status)

        assert ages(routes.JOB, (1, 7), answer) == [0.5, 1.5, 59]

    @pytest.mark.parametrize("status", ["running", "manual", "skipped", "canceling", "new_word"])
    def test_a_job_that_may_change_is_kept_for_a_second(self, status):
        def answer(_):
            return job_body(7, status=status)

        assert ages(routes.JOB, (1, 7), answer) == [0.5]

    def test_a_finished_pipeline_may_run_again(self):
        assert ages(routes.PIPELINE, (1, 6), lambda _: {"id": 6, "status": "success"}) == [0.5]

    @pytest.mark.parametrize(
        ("name", "expected"), [(SHA, [0.5, 1.5, 59]), ("main", [0.5, 1.5]), (SHA[:8], [0.5, 1.5])]
    )
    def test_a_commit_is_kept_longer_by_its_full_hash(self, name, expected):
        assert ages(routes.COMMIT, (1, name), lambda _: {"id": SHA}) == expected

    @pytest.mark.parametrize(
        "answer",
        [
            answer_of({"id": 7}, 202),
            answer_of(b"<html>"),
            answer_of(b'{"id": 7, "status"'),
            answer_of(b""),
        ],
    )
    def test_nothing_but_a_whole_answer_is_kept(self, answer):
        assert ages(routes.JOB, (1, 7), lambda _: answer) == []

    @pytest.mark.parametrize("route", [routes.CURRENT_JOB, routes.ALLOWED_AGENTS])
    def test_what_only_a_job_token_asks_is_not_kept(self, route):
        assert ages(route, (), lambda _: {}) == []

    def test_every_route_says_what_is_kept_of_it(self):
        kept = {route.name for route in routes.ROUTES if route.keep is not routes.Keep.NOTHING}

        assert kept == {
            "project_jobs",
            "pipeline_jobs",
            "pipeline_bridges",
            "project_pipelines",
            "latest_pipeline",
            "job",
            "pipeline",
            "test_report_summary",
            "project",
            "commit",
        }

    def test_a_jobs_pipeline_is_shown_for_a_second(self):
        """The job stays as it is, but a colleague's retry makes its pipeline run again."""

        async def run():
            kept = Kept(a_job)
            without = readers_of(frozenset({(Job, frozenset({"name"})), (Pipeline, frozenset())}))
            await kept.client.job(scope(), 1, 7, readers=without)
            await asyncio.sleep(5)
            await kept.client.job(scope(), 1, 7, readers=without)
            before = kept.calls
            await kept.client.job(scope(), 1, 7)
            return before, kept.calls

        assert drive(run()) == (1, 2)


class TestWhose:
    def test_they_are_told_apart_by_credential_and_sudo(self):
        async def run():
            kept = Kept(
                lambda asked: {"id": 7, "name": asked.token + asked.headers.get("Sudo", "")}
            )
            callers = [("a", None), ("b", None), (None, None), ("a", "root"), ("a", "other")]
            found = []
            for _ in range(2):
                for token, sudo in callers:
                    read = await kept.ask(scope(token, sudo=sudo), routes.JOB, 1, 7)
                    found.append(read["name"])
            return found, kept.calls

        assert drive(run()) == (["a", "b", "", "aroot", "aother"] * 2, 5)

    @pytest.mark.parametrize(
        ("header", "token"),
        [("JOB-TOKEN", "x"), ("PRIVATE-TOKEN", "glcbt-64_x"), ("Authorization", "Bearer glcbt-1")],
    )
    def test_nothing_is_kept_for_job_tokens(self, header, token):
        async def run():
            kept = Kept(a_job)
            for _ in range(2):
                await kept.ask(scope(token, header=header), routes.JOB, 1, 7)
            return kept.calls, kept.store.size_bytes

        assert drive(run()) == (2, 0)

    def test_what_a_write_depends_on_is_neither_given_nor_kept(self):
        async def run():
            kept = Kept(a_job)
            await kept.ask(scope(), routes.JOB, 1, 7)
            await kept.ask(scope(alone=True), routes.JOB, 1, 7)
            await kept.ask(scope(alone=True), routes.JOB, 1, 8)
            await kept.ask(scope(), routes.JOB, 1, 8)
            return kept.calls

        assert drive(run()) == 4

    def test_who_asks_fresh_reads_for_the_others(self):
        async def run():
            versions = iter(range(10))
            kept = Kept(lambda _: {"id": 7, "status": "success", "name": next(versions)})
            found = []
            for fresh in (False, True, False):
                read = await kept.ask(scope(fresh=fresh), routes.JOB, 1, 7)
                found.append(read["name"])
            return found

        assert drive(run()) == [0, 1, 1]

    def test_who_asks_fresh_joins_no_call_from_before(self):
        async def run():
            versions = iter(range(10))
            kept = Kept(lambda _: {"id": 7, "name": next(versions)})
            scopes = [scope(), scope(fresh=True), scope()]

            async def read(its_scope, delay_s):
                await asyncio.sleep(delay_s)
                return (await kept.ask(its_scope, routes.JOB, 1, 7))["name"]

            delays_s = [0, 0.001, 0.002]
            return await asyncio.gather(*map(read, scopes, delays_s))

        assert drive(run()) == [0, 1, 1]

    def test_streams_are_not_kept(self):
        async def run():
            kept = Kept(lambda _: answer_of(b"log", content_type="text/plain"))
            for _ in range(2):
                async with kept.client.trace(scope(), 1, 7) as streamed:
                    assert [chunk async for chunk in streamed.chunks()] == [b"log"]
            return kept.calls

        assert drive(run()) == 2


class TestTold:
    def test_they_are_counted_and_told(self):
        async def run():
            kept = Kept(a_job)
            scopes = [scope(), scope()]
            for its_scope in scopes:
                await kept.ask(its_scope, routes.JOB, 1, 7)
            first, second = (its_scope.tally for its_scope in scopes)
            return first, second, kept.events.kept

        first, second, told = drive(run())

        assert (first.calls, first.cached, second.calls, second.cached) == (1, 0, 0, 1)
        assert first.read_bytes == second.read_bytes > 0
        assert told == [("job", 200, True)]

    def test_a_kept_answer_is_decoded_once_by_each_reader(self):
        async def run():
            kept = Kept(lambda _: [job_body(7), job_body(8)])
            pages = [
                await kept.client.pipeline_jobs_page(scope(), 1, 6, per_page=2) for _ in range(2)
            ]
            pages[0].items.clear()
            third = await kept.client.pipeline_jobs_page(scope(), 1, 6, per_page=2)
            return pages[1].items, third.items

        second, third = drive(run())
        assert [job.id for job in second] == [7, 8]
        assert all(mine is yours for mine, yours in zip(second, third, strict=True))

    def test_rows_that_cannot_be_read_are_errors_of_each_reader(self):
        async def run():
            kept = Kept(lambda _: [job_body(7), {"id": "x"}])
            pages = [
                await kept.client.pipeline_jobs_page(scope(), 1, 6, per_page=2) for _ in range(2)
            ]
            return kept.calls, [page.items[1] for page in pages]

        calls, (one, other) = drive(run())
        assert calls == 1
        assert isinstance(one, GatewayError)
        assert one is not other


class TestForgotten:
    @pytest.mark.parametrize("route", [routes.CANCEL, routes.RETRY, routes.ERASE, routes.PLAY])
    @pytest.mark.parametrize("end", [201, 403, 500, ConnectionBroken("cut")])
    def test_a_write_drops_all_of_its_credential_however_it_ends(self, route, end):
        def answer(asked):
            if asked.method == "GET":
                return job_body(7)
            return end if isinstance(end, Exception) else answer_of(job_body(7), end)

        async def run():
            kept = Kept(answer)
            await kept.ask(scope(), routes.JOB, "g/p", 7)
            await kept.ask(scope("b"), routes.JOB, 1, 8)
            with suppress(GatewayError):
                await kept.ask(scope(), route, 1, 7)
            await kept.ask(scope(), routes.JOB, "g/p", 7)
            await kept.ask(scope("b"), routes.JOB, 1, 8)
            return [asked.method for asked in kept.upstream.asked]

        assert drive(run()) == ["GET", "GET", "POST", "GET"]

    def test_a_write_drops_its_job_for_everybody(self):
        async def run():
            kept = Kept(a_job)
            await kept.ask(scope("b"), routes.JOB, "g/p", 7)
            await kept.ask(scope("a"), routes.ERASE, 1, 7)
            await kept.ask(scope("b"), routes.JOB, "g/p", 7)
            return kept.calls

        assert drive(run()) == 3

    def test_a_write_whose_callers_have_left_drops_when_it_ends(self):
        async def run():
            kept = Kept(a_job, latency_s=lambda _: 1.0)
            writing = asyncio.ensure_future(kept.ask(scope(), routes.ERASE, 1, 7))
            await asyncio.sleep(0.1)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await kept.ask(scope(), routes.JOB, 1, 7)
            await asyncio.sleep(1)
            await kept.ask(scope(), routes.JOB, 1, 7)
            return kept.calls

        assert drive(run()) == 3

    def test_a_write_that_may_still_happen_keeps_all_out_for_a_minute(self):
        def answer(asked):
            return job_body(7) if asked.method == "GET" else ConnectionBroken("cut")

        async def run():
            kept = Kept(answer)
            with pytest.raises(GatewayError):
                await kept.ask(scope(), routes.ERASE, 1, 7)
            for _ in range(2):
                await asyncio.sleep(29)
                await kept.ask(scope(), routes.JOB, 1, 7)
            await asyncio.sleep(3)
            for _ in range(2):
                await kept.ask(scope(), routes.JOB, 1, 7)
            return kept.calls

        assert drive(run()) == 4

    @pytest.mark.parametrize(
        ("status", "asked_for", "left"),
        [
            (401, (1, 9), []),
            (403, (1, 9), ["2"]),
            (404, (1, 9), ["2"]),
            (404, ("g/p", 9), ["g/q"]),
            (500, (1, 9), ["1", "2", "g/p", "g/q"]),
        ],
    )
    def test_a_refusal_drops_what_it_is_about(self, status, asked_for, left):
        """A project may have been named the other way, so that goes as well."""

        def answer(asked):
            job_id = number_in(asked.target, "jobs")
            return answer_of({}, status) if job_id == 9 else job_body(job_id)

        async def run():
            kept = Kept(answer)
            for project in (1, 2, "g/p", "g/q"):
                await kept.ask(scope(), routes.JOB, project, 7)
            await kept.ask(scope("b"), routes.JOB, 1, 7)
            with pytest.raises(GatewayError):
                await kept.ask(scope(), routes.JOB, *asked_for)
            found = [
                str(project)
                for project in (1, 2, "g/p", "g/q")
                if kept.chain.at_hand(Call.of(scope(), routes.JOB, project, 7))
            ]
            assert kept.chain.at_hand(Call.of(scope("b"), routes.JOB, 1, 7))
            return found

        assert drive(run()) == left

    def test_what_was_being_read_is_not_kept_afterwards(self):
        async def run():
            chance = drawn(1)
            kept = Kept(a_job, latency_s=lambda _: chance.random())
            reading = [
                asyncio.ensure_future(kept.ask(scope(), routes.JOB, 1, number))
                for number in range(20)
            ]
            await asyncio.sleep(0.001)
            await kept.ask(scope(), routes.ERASE, 1, 99)
            await asyncio.gather(*reading)
            return [
                number
                for number in range(20)
                if kept.chain.at_hand(Call.of(scope(), routes.JOB, 1, number))
            ]

        assert drive(run()) == []


# -- properties ----------------------------------------------------------------------------------

ACTORS = ("a", "b", "c")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(ACTORS),
        st.sampled_from(["job", "job", "by path", "list", "pipeline", "write", "fresh", "refused"]),
        st.integers(0, 300),
    ),
    min_size=5,
    max_size=40,
)


class Versions:
    """A job that every write changes; reads show its version and who asked."""

    def __init__(self, seed):
        self.version = 0
        # By actor: the version that their last write made, and that they were told of.
        self.made = {}
        self.told = {}
        self.random = drawn(seed)
        self.kept = Kept(self.answer, latency_s=lambda _: self.random.random() * 0.4)
        self.failures = []

    def answer(self, asked):
        if asked.method == "POST":
            self.version += 1
            self.made[asked.token] = self.version
        if "jobs/9" in asked.target:
            return answer_of({}, 404)
        shown = job_body(7, name=f"{self.version}", ref=asked.token)
        if asked.method == "GET" and "pipelines/6/jobs" in asked.target:
            return [shown]
        return shown

    async def act(self, actor, action, delay_ms):
        await asyncio.sleep(delay_ms / 100)
        ask, its_scope = self.kept.ask, scope(actor, fresh=action == "fresh")
        known = self.told.get(actor, 0)
        match action:
            case "write":
                await ask(its_scope, routes.RETRY, 1, 7)
                self.told[actor] = self.made[actor]
                return
            case "refused":
                with pytest.raises(GatewayError):
                    await ask(its_scope, routes.JOB, 1, 9)
                return
            case "list":
                (shown,) = await ask(its_scope, routes.PIPELINE_JOBS, 1, 6)
            case "pipeline":
                shown = await ask(its_scope, routes.PIPELINE, 1, 6)
            case "by path":
                shown = await ask(its_scope, routes.JOB, "g/p", 7)
            case _:
                shown = await ask(its_scope, routes.JOB, 1, 7)
        if shown["ref"] != actor:
            self.failures.append(f"{actor} was shown what is {shown['ref']}'s")
        if int(shown["name"]) < known:
            self.failures.append(f"{actor} was shown {shown['name']} after writing {known}")


@settings(max_examples=150)
@given(STEPS, st.integers(0, 2**16))
def test_an_own_write_shows_at_once_and_nobody_sees_anothers(steps, seed):
    async def run():
        world = Versions(seed)
        await asyncio.gather(*[world.act(*step) for step in steps])
        return world.failures

    assert drive(run()) == []
