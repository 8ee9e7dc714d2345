"""upstream.md, 10: what differs across versions. One test per row, each profile in turn."""

from dataclasses import replace

import pytest

from gateway.sandbox import PROFILES

OLD = pytest.mark.sandbox(profile="16")
MIDDLE = pytest.mark.sandbox(profile="17")


@pytest.fixture(params=tuple(PROFILES))
def each(request):
    """The lab in each profile; `each.profile` names it."""
    request.node.add_marker(pytest.mark.sandbox(profile=request.param))
    return request.getfixturevalue("lab")


def by(each, **expected):
    return expected[f"v{each.profile}"]


def test_statuses(each):
    answer = each.get("/projects/10/jobs?scope[]=canceling&scope[]=waiting_for_callback")
    assert answer.status == by(each, v16=400, v17=200, v18=200)


def test_cancel_of_running(each):
    job = each.job("running", graceful=True)

    status = each.post(f"/projects/10/jobs/{job}/cancel").json()["status"]

    assert status == by(each, v16="canceled", v17="canceling", v18="canceling")


def test_force(each):
    """Since about 17.9; older versions ignore it."""
    job = each.job("pending")

    status = each.post(f"/projects/10/jobs/{job}/cancel?force=true").json()["status"]

    assert status == by(each, v16="canceled", v17="canceled", v18="pending")


def test_retry_of_canceling(each):
    """16 has no such state: there the job is running."""
    status = each.post(f"/projects/10/jobs/{each.job('canceling')}/retry").status
    assert status == by(each, v16=403, v17=201, v18=201)


def test_job_keys(each):
    body = each.get(f"/projects/10/jobs/{each.job('success')}").json()

    newer = {"runner_manager", "archived", "source"} & body.keys()
    assert newer == by(
        each,
        v16=set(),
        v17={"runner_manager", "archived"},
        v18={"runner_manager", "archived"},
    )


def test_documented_source_of_jobs_is_a_mixture(make_lab):
    lab = make_lab(profile=replace(PROFILES["18"], job_source=True))

    body = lab.get(f"/projects/10/jobs/{lab.job('success')}").json()

    assert body["source"] == "push"


def test_runner_has_more_keys(each):
    job = each.job("running")
    runner = each.get(f"/projects/10/jobs/{job}").json()["runner"]
    assert ("job_execution_status" in runner) == by(each, v16=False, v17=False, v18=True)


def test_totals_on_project_jobs(each):
    answer = each.get("/projects/10/jobs")
    counted = answer.header("x-total") is not None

    assert counted == by(each, v16=True, v17=False, v18=False)
    assert ("last" in answer.links) == counted


@pytest.mark.parametrize("parameter", ["inputs"])
def test_retry_inputs(each, parameter):
    body = {parameter: {"no_such": "x"}}
    answer = each.post(f"/projects/10/jobs/{each.job('failed')}/retry", json_body=body)
    assert answer.status == by(each, v16=201, v17=201, v18=400)


def test_play_inputs(each):
    job = each.job("manual", when="manual")

    answer = each.post(f"/projects/10/jobs/{job}/play", json_body={"job_inputs": {"no_such": "x"}})

    assert answer.status == by(each, v16=200, v17=200, v18=400)


def test_play_on_a_finished_manual_job(each):
    pipeline = each.pipeline()
    job = each.job("success", when="manual", pipeline=pipeline)

    answered = each.post(f"/projects/10/jobs/{job}/play").json()["id"]

    newest = each.get(f"/projects/10/pipelines/{pipeline}/jobs").ids[0]
    assert newest > job
    assert answered == by(each, v16=job, v17=job, v18=newest)


def test_ref_filter(each):
    each.job(ref="feature/x")

    rows = each.get("/projects/10/jobs?ref=feature/x&per_page=100").json()

    others = {row["ref"] for row in rows} - {"feature/x"}
    assert bool(others) == by(each, v16=True, v17=True, v18=False)


def test_trace_slice(each):
    job = each.job("success", log="0123456789")

    text = each.get(f"/projects/10/jobs/{job}/trace?byte_offset=2&byte_limit=3").text

    assert text == by(each, v16="0123456789", v17="0123456789", v18="234")


def test_job_token_on_lists(each):
    statuses = {
        each.as_("job_token").get("/projects/10/jobs").status,
        each.as_("job_token").get(f"/projects/10/pipelines/{each.pipeline()}/jobs").status,
    }

    # 17.x: "no / some"
    assert statuses <= by(each, v16={401, 200}, v17={401, 200}, v18={200})
    if each.profile == "16":
        assert each.as_("job_token").get("/projects/10/jobs").status == 401


def test_cross_project_job_token(each):
    job = each.job("success", project=11, artifacts=True)
    answer = each.as_("job_token").get(f"/projects/11/jobs/{job}/artifacts")
    assert answer.status == by(each, v16=404, v17=403, v18=403)


def test_erase_and_retry_check_permission_first_before_18(each):
    """upstream.md, 1, order of checks: in 15.x-17.x before the job lookup, after it today."""
    for action in ("retry", "erase"):
        status = each.as_("reporter").post(f"/projects/10/jobs/987654321/{action}").status
        assert status == by(each, v16=403, v17=403, v18=404)


@pytest.mark.parametrize("target", ["/metadata", "/version"])
def test_version_is_told_to_who_has_a_credential(each, target):
    assert each.get(target).json()["version"].startswith(f"{each.profile}.")
    assert each.as_(None).get(target).status == 401


def test_moved_projects(each):
    """upstream.md, 9: 301 since 16.4; before, the old path simply worked."""
    status = each.get("/projects/lab%2Fold-name/jobs").status
    assert status == by(each, v16=200, v17=301, v18=301)


def test_filters_of_pipelines(each):
    named = each.pipeline(name="nightly")
    each.sandbox.advance(7200)
    late = each.pipeline()
    child = each.pipeline(source="parent_pipeline")

    def heeds(query, wanted):
        rows = each.get(f"/projects/10/pipelines?{query}&per_page=100").ids
        return wanted in rows and len(rows) == 1

    assert heeds("name=nightly", named) == by(each, v16=False, v17=True, v18=True)
    between = "2026-11-01T01:00:00Z"
    assert heeds(f"created_after={between}", late) == by(each, v16=False, v17=False, v18=True)
    assert heeds("source=parent_pipeline", child) == by(each, v16=False, v17=True, v18=True)


def test_pipelines_without_names_are_a_mixture(make_lab):
    lab = make_lab(profile=replace(PROFILES["16"], pipeline_names=False))
    pipeline = lab.pipeline(name="nightly")

    rows = lab.get("/projects/10/pipelines").json()
    body = lab.get(f"/projects/10/pipelines/{pipeline}").json()

    assert not any("name" in row for row in [*rows, body])
