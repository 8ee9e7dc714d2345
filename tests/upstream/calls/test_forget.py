"""What makes kept reads be forgotten: writes, refusals, and what is under way meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.upstream import routes
from gateway.upstream.calls import Call
from gateway.upstream.wire import ConnectionBroken
from tests.harness.driven import answer_of, drive, job_body, number_in
from tests.upstream.calls.keeping import Kept, a_job, drawn, scope


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
