"""upstream.md, 3.8: projects, pipelines, commits, artifacts, the version. A test per row."""

import io
import json
import zipfile

import pytest

OPEN, CLOSED, MEMBERS = 10, 11, 14
FORBIDDEN = (403, {"message": "403 Forbidden"})
NOT_FOUND = (404, {"message": "404 Not found"})
PROJECT_UNKNOWN = (404, {"message": "404 Project Not Found"})


class TestOtherEndpoints:
    """upstream.md, 3.8"""

    def test_project(self, lab, schemas):
        body = lab.get("/projects/10").json()

        assert schemas.faults("project", body) == []
        assert body["path_with_namespace"] == "lab/open"
        assert lab.as_(None).get("/projects/10").status == 200
        assert lab.as_(None).get("/projects/11").said == PROJECT_UNKNOWN

    def test_project_limit_is_400_a_minute(self, lab):
        lab.sandbox.limits.project = 400

        for _ in range(400):
            assert lab.get("/projects/10").status == 200

        assert lab.get("/projects/10").status == 429

    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ("status=failed", {"a"}),
            ("ref=side", {"b"}),
            ("source=schedule", {"c"}),
            ("scope=running", {"b"}),
            ("scope=pending", {"c"}),
            ("scope=finished", {"a"}),
            ("name=nightly", {"c"}),
        ],
    )
    def test_pipelines_filters(self, lab, query, wanted):
        pipelines = {
            "a": lab.pipeline(status="failed"),
            "b": lab.pipeline(status="running", ref="side"),
            "c": lab.pipeline(status="pending", source="schedule", name="nightly"),
        }

        ids = set(lab.get(f"/projects/10/pipelines?{query}&per_page=100").ids)

        assert ids & set(pipelines.values()) == {pipelines[key] for key in wanted}

    def test_pipelines_filter_by_branches_and_tags(self, lab):
        """The newest pipeline of each."""
        lab.pipeline(ref="side")
        branch = lab.pipeline(ref="side")
        tag = lab.pipeline(ref="v1", tag=1)

        branches = lab.get("/projects/10/pipelines?scope=branches").json()
        tags = lab.get("/projects/10/pipelines?scope=tags").json()

        assert [row["id"] for row in branches if row["ref"] == "side"] == [branch]
        assert [row["id"] for row in tags] == [tag]

    def test_pipelines_filter_by_user_faults_and_time(self, lab):
        lab.sandbox.advance(3600)
        between = "2026-11-01T00:30:00Z"
        late = lab.pipeline(user="reporter", yaml_errors="broken")

        def ids(query):
            return lab.get(f"/projects/10/pipelines?{query}").ids

        assert ids("username=reporter") == [late]
        assert ids("username=nobody") == []
        assert ids("yaml_errors=true") == [late]
        assert late not in ids("yaml_errors=false")
        assert ids(f"created_after={between}") == [late]
        assert late not in ids(f"updated_before={between}")

    def test_pipelines_filter_by_sha(self, lab):
        pipeline = lab.pipeline()
        sha = lab.get(f"/projects/10/pipelines/{pipeline}").json()["sha"]

        rows = lab.get(f"/projects/10/pipelines?sha={sha}").json()

        assert pipeline in {row["id"] for row in rows}
        assert {row["sha"] for row in rows} == {sha}

    def test_pipelines_order(self, lab):
        for _ in range(3):
            lab.pipeline()

        down = lab.get("/projects/10/pipelines?per_page=100").ids
        up = lab.get("/projects/10/pipelines?order_by=id&sort=asc&per_page=100").ids

        assert down == sorted(down, reverse=True)
        assert up == down[::-1]

    @pytest.mark.parametrize("name", ["scope", "status", "source", "order_by", "sort"])
    def test_pipelines_bad_word_is_400(self, lab, name):
        refusal = {"error": f"{name} does not have a valid value"}
        assert lab.get(f"/projects/10/pipelines?{name}=bad").said == (400, refusal)

    def test_current_user(self, lab):
        user = lab.as_("developer").get("/user").json()

        assert (user["username"], user["state"]) == ("developer", "active")
        assert lab.as_(None).get("/user").status == 401
        assert lab.as_("job_token").get("/user").status == 401

    def test_one_pipeline(self, lab, schemas):
        pipeline = lab.pipeline()

        body = lab.get(f"/projects/10/pipelines/{pipeline}").json()

        assert body["id"] == pipeline
        assert schemas.faults("pipeline", body, "18") == []
        assert lab.get("/projects/10/pipelines/987654321").said == NOT_FOUND

    def test_latest_pipeline_of_a_ref(self, lab):
        lab.pipeline(ref="side")
        newest = lab.pipeline(ref="side")

        assert lab.get("/projects/10/pipelines/latest?ref=side").json()["id"] == newest

    @pytest.mark.parametrize(
        ("role", "status"),
        [
            ("admin", 200),
            ("maintainer", 200),
            # The developer has started it, the reporter has not.
            ("developer", 200),
            ("reporter", 403),
            ("guest", 403),
            (None, 403),
        ],
    )
    def test_variables_are_for_maintainers_and_who_started_the_pipeline(self, lab, role, status):
        given = [{"variable_type": "file", "key": "KEY", "value": "s3cret"}]
        pipeline = lab.pipeline(user="developer", variables_json=json.dumps(given))

        answer = lab.as_(role).get(f"/projects/10/pipelines/{pipeline}/variables")

        assert answer.said == ((200, given) if status == 200 else FORBIDDEN)

    def test_variables_of_somebody_elses_pipeline_or_on_a_protected_ref(self, lab):
        others = lab.pipeline(user="maintainer")
        lab.sandbox.update_project(10, protected_refs_json='["main"]')
        protected = lab.pipeline(user="developer")

        def seen(pipeline, role="developer"):
            return lab.as_(role).get(f"/projects/10/pipelines/{pipeline}/variables").said

        assert seen(others) == seen(protected) == FORBIDDEN
        assert seen(protected, "maintainer") == (200, [])
        assert seen(987654321) == NOT_FOUND
        hidden = f"/projects/11/pipelines/{lab.pipeline(project=CLOSED)}/variables"
        assert lab.as_("outsider").get(hidden).said == PROJECT_UNKNOWN

    def test_report_summary_counts_the_tests_of_the_latest_jobs(self, lab):
        pipeline = lab.pipeline()
        artifacts = {"pipeline": pipeline, "artifacts_json": '[{"file_type":"junit"}]'}
        lab.job("failed", name="rspec 1/2", retried=1, **artifacts)
        first = lab.job("failed", name="rspec 1/2", **artifacts)
        second = lab.job("success", name="rspec 2/2", **artifacts)
        other = lab.job("success", name="jest", **artifacts)
        lab.job("success", name="lint", pipeline=pipeline)

        body = lab.get(f"/projects/10/pipelines/{pipeline}/test_report_summary").json()

        suites = {suite["name"]: suite for suite in body["test_suites"]}
        assert {name: suite["build_ids"] for name, suite in suites.items()} == {
            "rspec": [first, second],
            "jest": [other],
        }
        assert suites["rspec"]["failed_count"] > suites["jest"]["failed_count"] == 0
        parts = ("success", "failed", "skipped", "error")
        for suite in suites.values():
            assert suite["total_count"] == sum(suite[f"{part}_count"] for part in parts)
        for part in parts:
            assert body["total"][part] == sum(suite[f"{part}_count"] for suite in suites.values())
        assert body["total"]["count"] == sum(suite["total_count"] for suite in suites.values())

    def test_report_summary_is_zeros_where_nothing_was_reported(self, lab):
        target = f"/projects/10/pipelines/{lab.pipeline()}/test_report_summary"

        body = lab.as_(None).get(target).json()

        assert body["test_suites"] == []
        assert set(body["total"].values()) == {0, None}
        hidden = f"/projects/14/pipelines/{lab.pipeline(project=MEMBERS)}/test_report_summary"
        assert lab.as_(None).get(hidden).status in {403, 404}

    def test_pipeline_retry_and_cancel(self, lab):
        pipeline = lab.pipeline()
        failed, running = (
            lab.job("failed", pipeline=pipeline),
            lab.job("running", pipeline=pipeline),
        )
        target = f"/projects/10/pipelines/{pipeline}"

        retried = lab.post(f"{target}/retry")
        canceled = lab.post(f"{target}/cancel")
        again = lab.post(f"{target}/cancel")

        statuses = {row["id"]: row["status"] for row in lab.get(f"{target}/jobs").json()}
        assert (retried.status, canceled.status, again.status) == (201, 200, 200)
        assert retried.json()["id"] == pipeline
        assert failed not in statuses
        assert statuses[running] == "canceled"

    def test_artifacts_archive(self, lab):
        job = lab.job("success", artifacts=True)

        answer = lab.get(f"/projects/10/jobs/{job}/artifacts")

        assert answer.status == 200
        assert answer.header("content-transfer-encoding") == "binary"
        assert answer.header("content-disposition") == (
            "attachment; filename=\"artifacts.zip\"; filename*=UTF-8''artifacts.zip"
        )
        assert zipfile.ZipFile(io.BytesIO(answer.body)).testzip() is None

    def test_artifacts_in_object_storage_are_a_302_to_another_host(self, lab):
        lab.sandbox.object_storage = "http://storage.example:9000"
        job = lab.job("success", artifacts=True)

        answer = lab.get(f"/projects/10/jobs/{job}/artifacts")

        assert answer.status == 302
        assert answer.header("location").startswith("http://storage.example:9000/")
        assert lab.tokens["maintainer"] not in answer.header("location")

    def test_artifacts_not_public(self, lab):
        job = lab.job("success", artifacts=True, artifacts_public=0)
        target = f"/projects/10/jobs/{job}/artifacts"

        assert lab.as_("reporter").get(target).said == FORBIDDEN
        assert lab.as_("developer").get(target).status == 200

    def test_artifacts_expired(self, lab):
        expires = "2026-11-01T00:01:00.000Z"
        job = lab.job("success", artifacts=True, artifacts_expire_at=expires)
        target = f"/projects/10/jobs/{job}"

        before = lab.get(f"{target}/artifacts").status
        lab.sandbox.advance(120)

        assert before == 200
        assert lab.get(f"{target}/artifacts").said == (404, {"message": "404 Not Found"})
        assert "artifacts_file" not in lab.get(target).json()

    def test_artifacts_erased(self, lab):
        job = lab.job("success", artifacts=True)
        lab.post(f"/projects/10/jobs/{job}/erase")

        answer = lab.get(f"/projects/10/jobs/{job}/artifacts")

        assert answer.said == (404, {"message": "404 Not Found"})

    def test_artifacts_anonymous_on_a_private_project(self, lab):
        job = lab.job("success", project=CLOSED, artifacts=True)
        assert lab.as_(None).get(f"/projects/11/jobs/{job}/artifacts").status == 404

    def test_one_artifact_file(self, lab):
        job = lab.job("success", artifacts=True)
        target = f"/projects/10/jobs/{job}/artifacts"
        archive = zipfile.ZipFile(io.BytesIO(lab.get(target).body))
        name = next(entry for entry in archive.namelist() if not entry.endswith("/"))

        assert lab.get(f"{target}/{name}").body == archive.read(name)
        assert lab.get(f"{target}/no/such").status == 404
        assert lab.get(f"{target}/..%2F..%2Fetc").status == 400

    @pytest.mark.parametrize("by", ["id", "ref"])
    def test_commit(self, lab, schemas, by):
        pipeline = lab.get(f"/projects/10/pipelines/{lab.pipeline()}").json()
        sha = pipeline["sha"] if by == "id" else pipeline["ref"]

        body = lab.get(f"/projects/10/repository/commits/{sha}").json()

        assert schemas.faults("commit_detail", body) == []
        assert body["project_id"] == OPEN
        if by == "id":
            assert body["id"] == sha

    def test_commit_is_hidden_with_the_code(self, lab):
        sha = lab.get(f"/projects/11/pipelines/{lab.pipeline(project=CLOSED)}").json()["sha"]
        target = f"/projects/11/repository/commits/{sha}"

        assert lab.as_("reporter").get(target).status == 200
        assert lab.as_("guest").get(target).status in {403, 404}
        assert lab.as_("outsider").get(target).said == PROJECT_UNKNOWN

    def test_commit_unknown(self, lab):
        answer = lab.get(f"/projects/10/repository/commits/{'0' * 40}")
        assert answer.said == (404, {"message": "404 Commit Not Found"})

    def test_artifacts_keep(self, lab):
        job, bare = lab.job("success", artifacts=True), lab.job("success")

        kept = lab.post(f"/projects/10/jobs/{job}/artifacts/keep")

        assert (kept.status, kept.json()["artifacts_expire_at"]) == (200, None)
        assert lab.post(f"/projects/10/jobs/{bare}/artifacts/keep").status == 404

    def test_artifacts_delete_needs_maintainer(self, lab):
        target = f"/projects/10/jobs/{lab.job('success', artifacts=True)}/artifacts"

        refused = lab.as_("developer").call("DELETE", target)
        done = lab.call("DELETE", target)

        assert refused.said == FORBIDDEN
        assert (done.status, done.body) == (204, b"")
        assert lab.get(target).status == 404
