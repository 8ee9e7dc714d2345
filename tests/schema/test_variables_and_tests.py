"""What a pipeline was started with, and the tests that its jobs reported, with their calls."""

from __future__ import annotations

import json
import logging

import pytest

PIPELINE = '{ pipeline(by: {path: {project: "10", pipeline: "%d"}}) { %s } }'
SECRET = "s3cret-of-the-deployment"
GIVEN = [
    {"variable_type": "env_var", "key": "DEPLOY_TOKEN", "value": SECRET},
    {"variable_type": "file", "key": "KUBECONFIG", "value": "clusters: []"},
]
VARIABLES = "variables { key value variableType }"
COUNTS = "{ count success failed skipped error time }"
JUNIT = '[{"file_type":"junit"}]'


@pytest.fixture
def started(gate):
    return gate.pipeline(user="developer", variables_json=json.dumps(GIVEN))


@pytest.mark.parametrize("role", ["maintainer", "developer"])
def test_variables_are_shown_to_who_may_see_them(gate, started, role):
    result = gate.ask(PIPELINE % (started, VARIABLES), role=role)

    assert result.data["pipeline"]["variables"] == [
        {"key": given["key"], "value": given["value"], "variableType": given["variable_type"]}
        for given in GIVEN
    ]
    assert result.calls == [f"GET /projects/10/pipelines/{started}/variables"]


def test_variables_are_null_and_forbidden_to_others_and_harm_nothing_else(gate, started):
    result = gate.ask(PIPELINE % (started, f"status {VARIABLES}"), role="reporter")

    assert result.codes == {"pipeline.variables": "FORBIDDEN"}
    assert result.data["pipeline"]["status"]
    assert result.data["pipeline"]["variables"] is None


def test_variables_that_are_asked_for_twice_are_one_call(gate, started):
    text = PIPELINE % (started, f"{VARIABLES} again: variables {{ key }}")

    result = gate.ask(text)

    assert result.errors == {}
    assert len(result.calls) == 1


def test_values_of_variables_are_in_no_record(gate, started, caplog):
    caplog.set_level(logging.DEBUG)

    shown = gate.ask(PIPELINE % (started, VARIABLES))
    gate.sandbox.update_project(10, protected_refs_json='["main"]')
    refused = gate.ask(PIPELINE % (started, VARIABLES), role="developer")
    gate.sandbox.update_project(10, protected_refs_json="[]")

    assert SECRET in json.dumps(shown.data)
    assert refused.codes == {"pipeline.variables": "FORBIDDEN"}
    assert SECRET not in json.dumps(refused.errors)
    assert SECRET not in caplog.text


class TestReports:
    def report(self, gate):
        pipeline = gate.pipeline()
        old = gate.job("failed", pipeline=pipeline, name="rspec", retried=1, artifacts_json=JUNIT)
        new = gate.job("failed", pipeline=pipeline, name="rspec", artifacts_json=JUNIT)
        jest = [
            gate.job(pipeline=pipeline, name=f"jest {part}/2", artifacts_json=JUNIT)
            for part in (1, 2)
        ]
        gate.job(pipeline=pipeline, name="lint")
        return pipeline, old, new, jest

    def test_tests_are_counted_by_suite_and_in_all(self, gate):
        pipeline, *_ = self.report(gate)

        result = gate.ask(
            PIPELINE
            % (
                pipeline,
                f"testReportSummary {{ total {COUNTS} suites {{ name error counts {COUNTS} }} }}",
            )
        )

        summary = result.data["pipeline"]["testReportSummary"]
        suites = {suite["name"]: suite for suite in summary["suites"]}
        assert result.errors == {}
        assert suites.keys() == {"rspec", "jest"}
        assert suites["rspec"]["counts"]["failed"] == summary["total"]["failed"] > 0
        for name, number in summary["total"].items():
            assert number == pytest.approx(sum(each["counts"][name] for each in suites.values()))
        assert result.calls == [f"GET /projects/10/pipelines/{pipeline}/test_report_summary"]

    def test_a_pipeline_without_reports_has_zeros(self, gate):
        result = gate.ask(
            PIPELINE
            % (gate.pipeline(), f"testReportSummary {{ total {COUNTS} suites {{ name }} }}")
        )

        summary = result.data["pipeline"]["testReportSummary"]
        assert summary["suites"] == []
        assert set(summary["total"].values()) == {0}

    def test_the_jobs_of_suites_come_from_the_list_that_others_need_too(self, gate):
        pipeline, _, new, jest = self.report(gate)
        jobs = "testReportSummary { suites { name jobs { databaseId status } } }"

        result = gate.ask(
            PIPELINE % (pipeline, f"{jobs} jobs {{ nodes {{ attempts {{ partial }} }} }}")
        )

        below = f"GET /projects/10/pipelines/{pipeline}"
        suites = result.data["pipeline"]["testReportSummary"]["suites"]
        assert {row["name"]: [job["databaseId"] for job in row["jobs"]] for row in suites} == {
            "rspec": [new],
            "jest": jest,
        }
        assert sorted(result.calls) == [
            f"{below}/jobs?page=1&per_page=100&include_retried=true",
            f"{below}/jobs?page=1&per_page=20",
            f"{below}/test_report_summary",
        ]

    def test_a_job_that_the_row_limit_hides_is_null_with_an_error_that_says_so(self, gate):
        pipeline = gate.pipeline()
        gate.job(pipeline=pipeline, name="rspec", artifacts_json=JUNIT)
        for _ in range(500):
            gate.job(pipeline=pipeline)

        result = gate.ask(
            PIPELINE % (pipeline, "testReportSummary { suites { name jobs { name } } }")
        )

        (suite,) = result.data["pipeline"]["testReportSummary"]["suites"]
        (error,) = result.errors.values()
        assert suite == {"name": "rspec", "jobs": [None]}
        assert error["path"] == ["pipeline", "testReportSummary", "suites", 0, "jobs", 0]
        assert "GATEWAY_MAX_LIST_ROWS" in error["message"]
