"""One action on many jobs, and actions on pipelines: what is sent, and what each came to."""

import time

import pytest

from gateway.sandbox.http.faults import Fault
from gateway.schema.ids import global_id
from gateway.upstream.patterns import NamePatterns

BATCH = """mutation Batch($input: JobBatchInput!) { jobBatch(input: $input) { results {
  item { __typename databaseId status } userErrors { code message field } } } }"""


def named(*jobs):
    return {"jobs": [{"path": {"project": "10", "job": str(job)}} for job in jobs]}


def of_pipeline(pipeline, **fits):
    return {
        "pipeline": {"pipeline": {"path": {"project": "10", "pipeline": str(pipeline)}}, **fits}
    }


def act(gate, action, of, **options):
    result = gate.ask(BATCH, input={"action": action, "of": of, **options})
    rows = (result.data["jobBatch"] or {"results": []})["results"]
    return result, rows


def codes(rows):
    return [[error["code"] for error in row["userErrors"]] for row in rows]


def writes(result):
    return [call for call in result.calls if call.startswith("POST")]


class TestGivenJobs:
    def test_each_has_its_result_in_order(self, gate):
        failed, running = gate.job("failed"), gate.job("running")
        missing, canceled = 999_999, gate.job("canceled")

        result, rows = act(gate, "RETRY", named(failed, running, missing, canceled))

        assert codes(rows) == [[], ["NOT_ALLOWED_IN_STATUS"], ["NOT_FOUND"], []]
        assert rows[0]["item"]["databaseId"] > canceled
        assert rows[1]["item"] == {"__typename": "Job", "databaseId": running, "status": "RUNNING"}
        assert rows[2]["item"] is None
        assert rows[2]["userErrors"][0]["field"] == ["of", "jobs", "2", "path"]
        assert len(writes(result)) == 4

    def test_one_that_is_named_twice_is_sent_once(self, gate):
        job = gate.job("failed")
        by_id = {"id": global_id(b"Job:10:1:%d" % job)}

        result, rows = act(gate, "RETRY", {"jobs": [by_id, by_id, *named(job)["jobs"]]})

        assert len(writes(result)) == 1
        assert rows[0] == rows[1] == rows[2]

    def test_two_names_of_its_project_are_refused(self, gate):
        job = gate.job("failed")
        by_path = {"path": {"project": "lab/open", "job": str(job)}}

        result, _ = act(gate, "RETRY", {"jobs": [*named(job)["jobs"], by_path]})

        assert result.codes == {"jobBatch": "BAD_USER_INPUT"}
        assert result.calls == []

    @pytest.mark.parametrize("count", [0, 101])
    def test_none_and_too_many_are_refused_with_their_number(self, gate, count):
        result, _ = act(gate, "CANCEL", named(*range(1, count + 1)))

        assert f"{count} are given" in result.errors["jobBatch"]["message"]
        assert result.calls == []

    def test_if_status_is_read_off_lists_and_spares_the_write(self, gate):
        pipeline = gate.pipeline()
        jobs = [
            gate.job(status, pipeline=pipeline, name=f"job {number}")
            for number, status in enumerate(["failed"] * 8 + ["success"])
        ]

        result, rows = act(gate, "RETRY", named(*jobs), ifStatus=["FAILED"])

        assert codes(rows) == [[]] * 8 + [["STATUS_CHANGED"]]
        assert len(writes(result)) == 8
        assert len(result.calls) < 8 + 8

    def test_a_cancel_of_what_had_ended_has_nothing_to_do(self, gate):
        ended, waiting = gate.job("success"), gate.job("pending")

        _, rows = act(gate, "CANCEL", named(ended, waiting))

        assert codes(rows) == [["NOTHING_TO_DO"], []]
        assert rows[1]["item"]["status"] == "CANCELED"

    def test_an_upstream_that_dies_midway_leaves_what_is_known(self, gate):
        jobs = [gate.job("failed") for _ in range(3)]
        gate.sandbox.faults.append(Fault(kind="reset", route=f"/jobs/{jobs[1]}/retry"))
        try:
            result, rows = act(gate, "RETRY", named(*jobs))
        finally:
            gate.sandbox.faults.clear()

        assert codes(rows) == [[], ["OUTCOME_UNKNOWN"], []]
        assert len(writes(result)) == 3

    def test_a_hundred_run_side_by_side(self, gate):
        jobs = [gate.job("failed") for _ in range(100)]

        result, rows = act(gate, "RETRY", named(*jobs))

        assert codes(rows) == [[]] * 100
        assert len(result.calls) == 100
        assert result.estimated == 200


class TestJobsOfAPipeline:
    def test_those_that_fit_are_acted_on(self, gate):
        pipeline = gate.pipeline()
        for name in ("unit 1", "unit 2", "lint"):
            gate.job("failed", pipeline=pipeline, name=name)
        gate.job("success", pipeline=pipeline, name="unit 3")
        bridge = gate.job("failed", pipeline=pipeline, name="unit child", bridge=True)

        result, rows = act(
            gate, "RETRY", of_pipeline(pipeline, statuses=["FAILED"], names=["unit*"])
        )

        assert codes(rows) == [[], [], []]
        assert [row["item"]["__typename"] for row in rows] == ["Bridge", "Job", "Job"]
        assert f"POST /projects/10/jobs/{bridge}/retry" in writes(result)
        assert len(result.calls) == 2 + 3

    def test_cancel_leaves_bridges_out(self, gate):
        pipeline = gate.pipeline()
        gate.job("pending", pipeline=pipeline, name="a")
        gate.job("running", pipeline=pipeline, name="b", bridge=True)

        result, rows = act(gate, "CANCEL", of_pipeline(pipeline))

        assert codes(rows) == [[]]
        assert len(result.calls) == 2

    def test_more_than_a_hundred_are_refused_with_their_number(self, gate):
        pipeline = gate.pipeline()
        for number in range(103):
            gate.job("failed", pipeline=pipeline, name=f"job {number}")

        for fits in ({"statuses": ["FAILED"]}, {"names": ["job *"]}):
            result, _ = act(gate, "RETRY", of_pipeline(pipeline, **fits))

            assert "103 fit" in result.errors["jobBatch"]["message"]
            assert writes(result) == []

    def test_none_that_fits_is_no_error(self, gate):
        result, rows = act(gate, "RETRY", of_pipeline(gate.pipeline(), statuses=["FAILED"]))

        assert (rows, result.errors) == ([], {})


class TestPipelineActions:
    RETRY = """mutation Retry($input: PipelineRetryInput!) { pipelineRetry(input: $input) {
      pipeline { databaseId status duration } userErrors { code field message } } }"""
    CANCEL = RETRY.replace("Retry", "Cancel")

    def ask(self, gate, document, pipeline, **options):
        ref = {"path": {"project": "10", "pipeline": str(pipeline)}}
        result = gate.ask(document, input={"pipeline": ref, **options})
        (payload,) = result.data.values()
        return result, payload

    def test_retry_runs_again_what_failed_by_one_call(self, gate):
        pipeline = gate.pipeline()
        gate.job("failed", pipeline=pipeline, name="a")

        result, payload = self.ask(gate, self.RETRY, pipeline)

        assert result.calls == [f"POST /projects/10/pipelines/{pipeline}/retry"]
        assert payload["userErrors"] == []
        assert payload["pipeline"]["status"] in {"PENDING", "RUNNING"}

    def test_cancel_stops_what_runs_by_one_call(self, gate):
        pipeline = gate.pipeline()
        gate.job("pending", pipeline=pipeline, name="a")

        result, payload = self.ask(gate, self.CANCEL, pipeline)

        assert result.calls == [f"POST /projects/10/pipelines/{pipeline}/cancel"]
        assert payload["pipeline"]["status"] == "CANCELED"

    def test_if_status_is_checked_first(self, gate):
        pipeline = gate.pipeline(status="success")

        result, payload = self.ask(gate, self.RETRY, pipeline, ifStatus=["FAILED"])

        (error,) = payload["userErrors"]
        assert (error["code"], error["field"]) == ("STATUS_CHANGED", ["ifStatus"])
        assert f"pipeline {pipeline}" in error["message"]
        assert writes(result) == []

    def test_nothing_to_do_is_told(self, gate):
        pipeline = gate.pipeline()
        gate.sandbox.set_status(gate.job("running", pipeline=pipeline, name="a"), "success")

        _, payload = self.ask(gate, self.RETRY, pipeline)

        assert [error["code"] for error in payload["userErrors"]] == ["NOTHING_TO_DO"]

    def test_a_cancel_beside_a_failed_job_is_done(self, gate):
        pipeline = gate.pipeline()
        gate.job("failed", pipeline=pipeline, name="a")
        running = gate.job("running", pipeline=pipeline, name="b")

        _, payload = self.ask(gate, self.CANCEL, pipeline)

        assert payload["pipeline"]["status"] == "FAILED"
        assert payload["userErrors"] == []
        (job,) = [job for job in gate.sandbox.jobs(10, pipeline) if job.id == running]
        assert job.status == "canceled"

    def test_one_that_is_not_there_is_data(self, gate):
        result, payload = self.ask(gate, self.RETRY, 999_999)

        (error,) = payload["userErrors"]
        assert (error["code"], error["field"]) == ("NOT_FOUND", ["pipeline", "path"])
        assert "pipeline 999999" in error["message"]
        assert payload["pipeline"] is None
        assert len(result.calls) == 1


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "name", "fits"),
        [
            ("unit", "unit", True),
            ("unit", "unit 1", False),
            ("unit*", "unit 1/3", True),
            ("*", "", True),
            ("a*a", "a", False),
            ("a*b*c", "a1b2b3c", True),
            ("a*b*c", "acb", False),
            ("*[1/2]*", "rspec [1/2]", True),
        ],
    )
    def test_a_star_stands_for_any_run(self, pattern, name, fits):
        assert NamePatterns([pattern]).fit(name) is fits

    def test_a_pattern_of_many_stars_takes_no_time(self):
        started = time.thread_time()

        assert not NamePatterns(["*a" * 100 + "b"]).fit("a" * 255)

        assert time.thread_time() - started < 0.1
