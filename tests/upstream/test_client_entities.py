"""What the client makes of answers written by hand: each row is read by itself and knows where it
was read; the answers to writes tell a job from a bridge.
"""

from __future__ import annotations

import pytest

from gateway.errors import OutcomeUnknown, UpstreamInvalid
from gateway.upstream.entities import Bridge, Job
from gateway.upstream.written import item_of
from tests.upstream.samples import JOB, PLACED

pytestmark = pytest.mark.anyio


class TestReading:
    async def test_a_bad_row_costs_only_its_own_place(self, over, answer):
        rows = [JOB | {"id": 9}, JOB | {"id": "x"}, {"status": "success"}, 5, JOB]
        it = over(answer(rows, x_request_id="r-1"))

        page = await it.client.project_jobs_page(it.scope(), 1, per_page=20)

        assert [getattr(row, "id", None) for row in page.items] == [9, None, None, None, 7]
        bad = page.items[1]
        assert isinstance(bad, UpstreamInvalid)
        assert (bad.endpoint, bad.status) == ("GET /projects/:id/jobs", 200)
        assert bad.upstream_request_id == "r-1"
        assert "$.id" in bad.message

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b"{}",
            b"<html>sign in</html>",
            b'[{"id":7,',
            b'"\xff"',
            b"[" * 100_000,
            b'[{"id":7,"status":"success","name":"x","user":' + b"[" * 100_000,
        ],
        ids=["empty", "null", "object", "html", "cut", "no utf-8", "deep", "deep row"],
    )
    async def test_what_is_no_list_is_invalid(self, over, answer, body):
        it = over(answer(body))

        with pytest.raises(UpstreamInvalid) as caught:
            await it.client.project_jobs_page(it.scope(), 1, per_page=20)

        assert "sign in" not in str(caught.value)

    @pytest.mark.parametrize("body", [b"", b"null", b"[]", b"<html>", b"{", b'{"name":"x"}'])
    async def test_what_is_no_job_is_invalid(self, over, answer, body):
        it = over(answer(body))

        with pytest.raises(UpstreamInvalid):
            await it.client.job(it.scope(), 1, 7)

    async def test_ids_beyond_32_bits_are_exact(self, over, answer):
        it = over(answer([JOB | {"id": 9223372036854775807}]))

        page = await it.client.project_jobs_page(it.scope(), 1, per_page=20)

        assert page.items[0].id == 9223372036854775807


class TestPlaces:
    """Every entity leaves the client knowing where it belongs."""

    @pytest.mark.parametrize("project", [1, "g/p"])
    async def test_a_job_without_its_pipeline_knows_where_it_was_read(self, over, answer, project):
        it = over(answer(JOB), answer([JOB]), answer(JOB))

        job = await it.client.job(it.scope(), project, 7)
        page = await it.client.project_jobs_page(it.scope(), project, per_page=1)
        written = await it.client.cancel(it.scope(), project, 7)

        assert job.asked_project == page.items[0].asked_project == written.asked_project == project

    async def test_a_pipeline_that_names_no_project_knows_where_it_was_read(self, over, answer):
        row = JOB | {"pipeline": {"id": 6}}
        it = over(answer([row]), answer({"id": 6}), answer([{"id": 6}]))

        page = await it.client.project_jobs_page(it.scope(), "g/p", per_page=1)
        pipeline = await it.client.pipeline(it.scope(), "g/p", 6)
        pipelines = await it.client.pipelines_page(it.scope(), "g/p", per_page=1)

        assert page.items[0].pipeline.project == "g/p"
        assert pipeline.project == "g/p"
        assert pipelines.items[0].project == "g/p"

    async def test_the_upstreams_number_goes_before_what_the_caller_said(self, over, answer):
        it = over(answer(PLACED))

        job = await it.client.job(it.scope(), "g/p", 7)

        assert job.pipeline.project == 1
        assert job.asked_project is None

    async def test_a_downstream_pipeline_is_not_placed_where_its_bridge_is(self, over, answer):
        it = over(answer([PLACED | {"downstream_pipeline": {"id": 5}}]))

        page = await it.client.bridges_page(it.scope(), 1, 6, per_page=1)

        assert page.items[0].downstream_pipeline.asked_project is None


class TestItems:
    @pytest.mark.parametrize("downstream", [None, {"id": 5}])
    async def test_play_answers_a_bridge_in_its_own_shape(self, over, answer, downstream):
        it = over(answer(PLACED | {"downstream_pipeline": downstream}))

        assert isinstance(await it.client.play(it.scope(), 1, 7), Bridge)

    async def test_play_answers_a_job_in_its_own_shape(self, over, answer):
        it = over(answer(PLACED | {"artifacts": []}))

        assert isinstance(await it.client.play(it.scope(), 1, 7), Job)

    @pytest.mark.parametrize("body", [b"[]", b"{}"])
    async def test_what_is_neither_is_invalid(self, over, answer, body):
        it = over(answer(body))

        with pytest.raises(UpstreamInvalid):
            await it.client.play(it.scope(), 1, 7)

    async def test_a_page_does_not_tell_whether_it_was_done(self, over, answer):
        it = over(answer(b"<html>"))

        with pytest.raises(OutcomeUnknown, match="a web page came in place of the API's answer"):
            await it.client.play(it.scope(), 1, 7)

    async def test_a_bridge_is_told_in_retrys_answer(self, over, answer):
        row = PLACED | {"artifacts": [], "runner": None, "tag_list": ["bridge"], "archived": False}
        it = over(answer(row, 201))

        job = await it.client.retry(it.scope(), 1, 7)
        item = item_of(job)

        assert isinstance(job, Job)
        assert isinstance(item, Bridge)
        assert (item.id, item.pipeline, item.archived) == (7, job.pipeline, False)

    @pytest.mark.parametrize(
        "known",
        [{"tag_list": ["docker"]}, {"tag_list": []}, {}, {"runner": {"id": 1}}],
    )
    def test_a_job_stays_a_job(self, known):
        job = Job(7, "success", "x", tag_list=["bridge"], artifacts=[])
        for name, value in ({"tag_list": None} | known).items():
            setattr(job, name, value)

        assert item_of(job) is job

    def test_a_bridge_that_is_known_as_one_needs_no_marks(self):
        assert isinstance(item_of(Job(7, "success", "x"), is_bridge=True), Bridge)
