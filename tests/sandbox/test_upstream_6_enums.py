"""upstream.md, 6: enums. Every word a profile knows, and none it does not."""

import pytest

SINCE_17 = ["waiting_for_callback", "canceling"]
STATUSES = [
    *["created", "waiting_for_resource", "preparing", "pending", "running", "success", "failed"],
    *["canceled", "skipped", "manual", "scheduled"],
    *SINCE_17,
]
FILE_FORMATS = {
    "zip": "archive lsif",
    "gzip": "metadata junit metrics metrics_referee network_referee dotenv cobertura jacoco"
    " cluster_applications cyclonedx annotations repository_xray",
    "raw": "trace sast secret_detection dependency_scanning container_scanning"
    " cluster_image_scanning dast license_scanning accessibility codequality performance"
    " browser_performance load_performance terraform requirements requirements_v2"
    " coverage_fuzzing api_fuzzing",
}
FORMAT_BY_TYPE = {kind: form for form, kinds in FILE_FORMATS.items() for kind in kinds.split()}
FAILURE_REASONS = frozenset(
    [
        "unknown_failure",
        "script_failure",
        "api_failure",
        "stuck_or_timeout_failure",
        "runner_system_failure",
        "missing_dependency_failure",
        "runner_unsupported",
        "stale_schedule",
        "job_execution_timeout",
        "archived_failure",
        "unmet_prerequisites",
        "scheduler_failure",
        "data_integrity_failure",
        "forward_deployment_failure",
        "user_blocked",
        "project_deleted",
        "ci_quota_exceeded",
        "pipeline_loop_detected",
        "no_matching_runner",
        "trace_size_exceeded",
        "builds_disabled",
        "environment_creation_failure",
        "deployment_rejected",
        "failed_outdated_deployment_job",
        "protected_environment_failure",
        "insufficient_bridge_permissions",
        "downstream_bridge_project_not_found",
        "invalid_bridge_trigger",
        "upstream_bridge_project_not_found",
        "insufficient_upstream_permissions",
        "bridge_pipeline_is_child_pipeline",
        "downstream_pipeline_creation_failed",
        "secrets_provider_not_found",
        "reached_max_descendant_pipelines_depth",
        "ip_restriction_failure",
        "reached_max_pipeline_hierarchy_size",
        "reached_downstream_pipeline_trigger_rate_limit",
    ]
)
SINCE_2026 = frozenset(
    [
        "job_execution_server_timeout",
        "stuck_pending_with_matching_runners",
        "stuck_pending_no_matching_runners",
        "no_updates_running",
        "no_updates_canceling",
        "server_timeout_running",
        "server_timeout_canceling",
        "runner_configuration_error",
        "runner_external_dependency_failure",
        "runner_interrupted",
    ]
)
LISTS = ["/projects/1/jobs", "/projects/1/pipelines/6/jobs", "/projects/1/pipelines/6/bridges"]


@pytest.mark.parametrize("target", LISTS)
@pytest.mark.parametrize("word", STATUSES)
def test_scope_takes_each_status(reader, target, word):
    answer = reader.get(f"{target}?scope[]={word}")

    assert answer.status == 200
    assert {row["status"] for row in answer.json()} <= {word}


@pytest.mark.sandbox(profile="16")
@pytest.mark.parametrize("target", LISTS)
def test_16_lacks_two_statuses_and_refuses_the_whole_request(api, target):
    refusal = (400, {"error": "scope does not have a valid value"})

    assert [api.get(f"{target}?scope[]={word}").said for word in SINCE_17] == [refusal] * 2
    assert api.get(f"{target}?scope[]=failed&scope[]=canceling").said == refusal
    assert api.get(f"{target}?scope[]=failed").status == 200


@pytest.mark.parametrize("word", ["cancelled", "SUCCESS", "done", "failed ", "failed,success"])
def test_spelling_matters(reader, word):
    refusal = (400, {"error": "scope does not have a valid value"})
    assert reader.get("/projects/1/jobs", query={"scope": word}).said == refusal


def test_the_world_has_jobs_in_every_status(reader):
    empty = [
        word for word in STATUSES if not reader.get(f"/projects/1/jobs?scope={word}&per_page=1").ids
    ]
    assert empty == []


def test_pipeline_status_uses_the_same_words(reader):
    rows = reader.get("/projects/1/pipelines?per_page=100").json()
    assert {row["status"] for row in rows} <= set(STATUSES)


def rows_of(caller, query: str):
    page = 1
    while rows := caller.get(f"/projects/1/jobs?{query}&per_page=100&page={page}").json():
        yield from rows
        page += 1


def test_failure_reasons_are_the_documented(reader):
    reasons = {row["failure_reason"] for row in rows_of(reader, "scope=failed")}

    assert len(reasons) > 1
    assert reasons <= FAILURE_REASONS | SINCE_2026


def test_artifact_formats_follow_their_types(reader):
    """A trace's format is null in every recording (field census 1.6); documentation says raw."""
    seen = {
        (artifact["file_type"], artifact["file_format"])
        for row in rows_of(reader, "")
        for artifact in row["artifacts"]
    }

    wrong = {(kind, form) for kind, form in seen if FORMAT_BY_TYPE.get(kind) != form}
    assert len(seen) >= 8
    assert wrong <= {("trace", None)}
