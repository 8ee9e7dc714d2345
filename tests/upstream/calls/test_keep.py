"""Which reads are kept, for whom and how long."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import GatewayError
from gateway.upstream import routes
from gateway.upstream.calls import Call
from gateway.upstream.entities import Job, Pipeline
from gateway.upstream.pruning import readers_of
from tests.harness.driven import answer_of, drive, job_body
from tests.upstream.calls.keeping import Kept, a_job, scope

SHA = "0123456789abcdef0123456789abcdef01234567"


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
