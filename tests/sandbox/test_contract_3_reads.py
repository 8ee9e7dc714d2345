"""Contract §3: read endpoints. A class per endpoint, a test per row or sentence, in their order."""

import io
import zipfile

import pytest

OPEN, CLOSED, MEMBERS = 10, 11, 14
FORBIDDEN = (403, {"message": "403 Forbidden"})
NOT_FOUND = (404, {"message": "404 Not found"})
PROJECT_UNKNOWN = (404, {"message": "404 Project Not Found"})
UNAUTHORIZED = (401, {"message": "401 Unauthorized"})
BAD_SCOPE = (400, {"error": "scope does not have a valid value"})


class TestRoles:
    """§3, first paragraph."""

    READS = ("/jobs", "/jobs/{job}", "/jobs/{job}/trace", "/pipelines/{pipeline}/jobs")

    @pytest.mark.parametrize("route", READS)
    @pytest.mark.parametrize(
        ("role", "status"),
        [("outsider", 404), ("guest", 403), ("reporter", 200), ("developer", 200), ("admin", 200)],
    )
    def test_private_project_without_public_pipelines(self, lab, route, role, status):
        pipeline = lab.pipeline(project=CLOSED)
        job = lab.job(project=CLOSED, pipeline=pipeline)

        target = f"/projects/11{route.format(job=job, pipeline=pipeline)}"

        assert lab.as_(role).get(target).status == status

    @pytest.mark.parametrize("route", READS)
    def test_with_public_pipelines_guests_read(self, lab, route):
        pipeline = lab.pipeline(project=MEMBERS)
        job = lab.job(project=MEMBERS, pipeline=pipeline)

        target = f"/projects/14{route.format(job=job, pipeline=pipeline)}"

        assert lab.as_("guest").get(target).status == 200
        assert lab.as_("outsider").get(target).said == PROJECT_UNKNOWN

    @pytest.mark.parametrize(
        "route", ["", "/{pipeline}", "/{pipeline}/jobs", "/{pipeline}/bridges"]
    )
    def test_with_public_pipelines_anonymous_reads_pipeline_routes(self, lab, route):
        target = f"pipelines{route.format(pipeline=lab.pipeline())}"
        closed = f"pipelines{route.format(pipeline=lab.pipeline(project=CLOSED))}"

        assert lab.as_(None).get(f"/projects/10/{target}").status == 200
        assert lab.as_(None).get(f"/projects/11/{closed}").said == PROJECT_UNKNOWN


class TestProjectJobs:
    """§3.1"""

    @pytest.fixture
    def jobs(self, lab) -> dict[str, int]:
        return {word: lab.job(word) for word in ("failed", "success", "pending")}

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("scope=failed", {"failed"}),
            ("scope[]=failed&scope[]=success", {"failed", "success"}),
            ("scope%5B%5D=failed", {"failed"}),
            ("scope=%5B%22failed%22,%22pending%22%5D", {"failed", "pending"}),
            ("scope[0]=failed&scope[1]=success", {"failed", "success"}),
            ("", {"failed", "success", "pending"}),
        ],
        ids=["string", "array", "encoded array", "JSON array", "hash", "absent"],
    )
    def test_scope_forms(self, lab, jobs, query, words):
        rows = lab.get(f"/projects/10/jobs?{query}").json()
        wanted = {jobs[word] for word in words}
        others = set(jobs.values()) - wanted

        ids = {row["id"] for row in rows}
        assert wanted <= ids
        assert not others & ids

    @pytest.mark.parametrize(
        "query", ["scope=bad", "scope[]=failed&scope[]=bad", "scope=failed,success"]
    )
    def test_scope_unknown_or_comma_list_is_400(self, lab, query):
        assert lab.get(f"/projects/10/jobs?{query}").said == BAD_SCOPE

    def test_ref_is_an_exact_name(self, lab):
        job = lab.job(ref="feature/x")

        assert lab.get("/projects/10/jobs?ref=feature/x").ids == [job]
        assert lab.get("/projects/10/jobs?ref=feature").said == (200, [])
        assert job in lab.get("/projects/10/jobs?ref=").ids
        assert len(lab.get("/projects/10/jobs?ref=").ids) > 1

    def test_builds_only_retried_included_newest_first(self, lab):
        bridge = lab.bridge()
        old = lab.job("failed")
        new = lab.post(f"/projects/10/jobs/{old}/retry").json()["id"]

        ids = lab.get("/projects/10/jobs").ids

        assert {old, new} <= set(ids)
        assert bridge not in ids
        assert ids == sorted(ids, reverse=True)

    def test_authentication_is_always_required(self, lab):
        assert lab.as_(None).get("/projects/10/jobs").said == UNAUTHORIZED

    def test_limit_is_600_a_minute_and_user(self, lab):
        lab.sandbox.limits.project_jobs = 600

        for _ in range(600):
            assert lab.get("/projects/10/jobs?per_page=1").status == 200

        assert lab.get("/projects/10/jobs").status == 429
        assert lab.as_("developer").get("/projects/10/jobs").status == 200
        lab.sandbox.advance(61)
        assert lab.get("/projects/10/jobs").status == 200


class TestPipelineJobs:
    """§3.2"""

    @pytest.mark.parametrize("query", ["scope=failed", "scope[]=failed"])
    def test_scope_as_string_or_array(self, lab, query):
        pipeline = lab.pipeline()
        failed = lab.job("failed", pipeline=pipeline)
        lab.job("success", pipeline=pipeline)

        assert lab.get(f"/projects/10/pipelines/{pipeline}/jobs?{query}").ids == [failed]

    def test_scope_as_hash_is_400(self, lab):
        target = f"/projects/10/pipelines/{lab.pipeline()}/jobs"
        assert lab.get(f"{target}?scope[0]=failed").said == (400, {"error": "scope is invalid"})

    @pytest.mark.parametrize("value", ["true", "True", "1", "t"])
    def test_include_retried(self, lab, value):
        pipeline = lab.pipeline()
        old = lab.job("failed", pipeline=pipeline)
        new = lab.post(f"/projects/10/jobs/{old}/retry").json()["id"]
        target = f"/projects/10/pipelines/{pipeline}/jobs"

        assert lab.get(target).ids == [new]
        assert lab.get(f"{target}?include_retried=false").ids == [new]
        assert lab.get(f"{target}?include_retried={value}").ids == [new, old]

    def test_include_retried_must_be_boolean(self, lab):
        target = f"/projects/10/pipelines/{lab.pipeline()}/jobs?include_retried=maybe"
        assert lab.get(target).said == (400, {"error": "include_retried is invalid"})

    def test_jobs_of_that_pipeline_only(self, lab):
        parent, child = lab.pipeline(), lab.pipeline(source="parent_pipeline")
        lab.bridge(pipeline=parent, downstream=child)
        of_parent, of_child = lab.job(pipeline=parent), lab.job(pipeline=child)

        assert lab.get(f"/projects/10/pipelines/{parent}/jobs").ids == [of_parent]
        assert lab.get(f"/projects/10/pipelines/{child}/jobs").ids == [of_child]

    def test_refusals(self, lab):
        foreign, own = lab.pipeline(project=CLOSED), lab.pipeline()
        del own

        assert lab.get(f"/projects/10/pipelines/{foreign}/jobs").said == NOT_FOUND
        target = f"/projects/11/pipelines/{foreign}/jobs"
        assert lab.as_("outsider").get(target).said == PROJECT_UNKNOWN
        assert lab.as_("guest").get(target).said == FORBIDDEN


class TestBridges:
    """§3.3"""

    def test_scope_paging_and_order_as_pipeline_jobs(self, lab):
        pipeline = lab.pipeline()
        failed = lab.bridge("failed", pipeline=pipeline)
        passed = lab.bridge("success", pipeline=pipeline)
        lab.job(pipeline=pipeline)
        target = f"/projects/10/pipelines/{pipeline}/bridges"

        answer = lab.get(target)

        assert answer.ids == [passed, failed]
        assert answer.header("x-total") == "2"
        assert lab.get(f"{target}?scope=failed").ids == [failed]
        assert lab.get(f"{target}?scope=bad").said == BAD_SCOPE
        assert lab.get(f"{target}?scope[0]=failed").said == (400, {"error": "scope is invalid"})

    def test_latest_only(self, lab):
        pipeline = lab.pipeline()
        old = lab.bridge("failed", pipeline=pipeline)
        new = lab.post(f"/projects/10/jobs/{old}/retry").json()["id"]

        assert lab.get(f"/projects/10/pipelines/{pipeline}/bridges").ids == [new]

    @pytest.mark.parametrize("value", ["true", "false"])
    def test_any_include_retried_shows_retried_bridges(self, lab, value):
        """*(derived, do not rely on it)*"""
        pipeline = lab.pipeline()
        old = lab.bridge("failed", pipeline=pipeline)
        new = lab.post(f"/projects/10/jobs/{old}/retry").json()["id"]

        target = f"/projects/10/pipelines/{pipeline}/bridges?include_retried={value}"

        assert lab.get(target).ids == [new, old]


class TestSingleJob:
    """§3.4"""

    def test_job(self, lab):
        job = lab.job("success")
        assert lab.get(f"/projects/10/jobs/{job}").json()["id"] == job

    def test_bridge_is_404(self, lab):
        assert lab.get(f"/projects/10/jobs/{lab.bridge()}").said == NOT_FOUND

    def test_authentication_is_required(self, lab):
        assert lab.as_(None).get(f"/projects/10/jobs/{lab.job()}").said == UNAUTHORIZED


class TestTrace:
    """§3.5"""

    LOG = "\x1b[0KRunning\r\nsection_start:1:a\r\x1b[0Kcafé\r\nsection_end:1:a\r\x1b[0Kdone\n"

    def trace(self, lab, query: str = "", **facts):
        job = lab.job("success", **{"log": self.LOG, **facts})
        return lab.get(f"/projects/10/jobs/{job}/trace{query}")

    def test_raw_log_as_plain_text(self, lab):
        answer = self.trace(lab)

        assert answer.status == 200
        assert answer.header("content-type").startswith("text/plain")
        assert answer.body == self.LOG.encode()

    def test_no_log_is_200_and_empty(self, lab):
        answer = self.trace(lab, log=None)

        assert (answer.status, answer.body) == (200, b"")
        assert answer.header("content-type").startswith("text/plain")

    def test_erased_is_200_and_empty(self, lab):
        job = lab.job("success", log=self.LOG)
        lab.post(f"/projects/10/jobs/{job}/erase")

        answer = lab.get(f"/projects/10/jobs/{job}/trace")

        assert (answer.status, answer.body) == (200, b"")

    def test_live_while_the_job_runs(self, lab):
        job = lab.job("running", log_lines=100, planned_s=100.0)
        target = f"/projects/10/jobs/{job}/trace"

        readings = []
        for _ in range(3):
            lab.sandbox.advance(20)
            readings.append(lab.get(target).body)

        first, second, third = readings
        assert 0 < len(first) < len(second) < len(third)
        assert third.startswith(second)
        assert second.startswith(first)
        assert b"section_start:" in third

    def test_unknown_job_or_bridge_is_404(self, lab):
        assert lab.get("/projects/10/jobs/987654321/trace").said == NOT_FOUND
        assert lab.get(f"/projects/10/jobs/{lab.bridge()}/trace").said == NOT_FOUND

    def test_disposition(self, lab):
        job = lab.job("success", log=self.LOG)
        answer = lab.get(f"/projects/10/jobs/{job}/trace")
        assert answer.header("content-disposition") == f'infile; filename="{job}.log"'

    def test_range_is_not_supported(self, lab):
        job = lab.job("success", log=self.LOG)

        answer = lab.get(f"/projects/10/jobs/{job}/trace", headers={"range": "bytes=0-3"})

        assert (answer.status, answer.body) == (200, self.LOG.encode())

    @pytest.mark.parametrize(
        ("query", "first", "last"),
        [
            ("?byte_offset=5", 5, None),
            ("?byte_limit=7", 0, 7),
            ("?byte_offset=5&byte_limit=7", 5, 12),
            ("?byte_offset=100000", 100_000, None),
            ("?byte_offset=0", 0, None),
            ("?byte_offset=38&byte_limit=1", 38, 39),
        ],
        ids=["to the end", "from 0", "both", "beyond the end", "zero", "inside a character"],
    )
    def test_slices_are_by_bytes(self, lab, query, first, last):
        answer = self.trace(lab, query)

        assert (answer.status, answer.body) == (200, self.LOG.encode()[first:last])

    @pytest.mark.parametrize("query", ["?byte_offset=-1", "?byte_limit=0", "?byte_offset=x"])
    def test_bad_slices_are_400(self, lab, query):
        assert self.trace(lab, query).status == 400

    @pytest.mark.parametrize(
        ("role", "status"), [("reporter", 403), ("developer", 200), ("maintainer", 200)]
    )
    def test_debug_trace_needs_developer(self, lab, role, status):
        job = lab.job("success", log=self.LOG, debug=1)
        assert lab.as_(role).get(f"/projects/10/jobs/{job}/trace").status == status


class TestOwnJob:
    """§3.6"""

    @pytest.mark.parametrize("form", ["bearer", "header", "parameter"])
    def test_job_of_the_token(self, lab, form):
        token = lab.tokens["job_token"]
        caller = lab.as_(None)
        answer = {
            "bearer": lambda: caller.get("/job", headers={"authorization": f"Bearer {token}"}),
            "header": lambda: caller.get("/job", headers={"job-token": token}),
            "parameter": lambda: caller.get(f"/job?job_token={token}"),
        }[form]()

        assert (answer.status, answer.json()["status"]) == (200, "running")

    def test_personal_token_is_404(self, lab):
        assert lab.get("/job").said == (404, {"message": "404 Job Not Found"})

    def test_none_unknown_or_finished_is_401(self, lab):
        assert lab.as_(None).get("/job").said == UNAUTHORIZED
        assert lab.get("/job", headers={"job-token": "unknown"}).said == UNAUTHORIZED
        assert lab.as_("finished_job_token").get("/job").said == UNAUTHORIZED


class TestAllowedAgents:
    """§3.7"""

    TARGET = "/job/allowed_agents"

    def test_same_rules_as_own_job(self, lab):
        assert lab.get(self.TARGET).said == (404, {"message": "404 Job Not Found"})
        assert lab.as_(None).get(self.TARGET).said == UNAUTHORIZED
        assert lab.as_("finished_job_token").get(self.TARGET).said == UNAUTHORIZED

    def test_feature_flag_header(self, lab):
        flags = lab.as_("job_token").get(self.TARGET).header("gitlab-feature-flag")
        assert all(flag.endswith(("=true", "=false")) for flag in flags.split(", "))

    def test_body(self, lab, schemas):
        own = lab.as_("job_token").get("/job").json()

        body = lab.as_("job_token").get(self.TARGET).json()

        assert schemas.faults("allowed_agents", body) == []
        assert body["job"] == {"id": own["id"]}
        assert body["pipeline"] == {"id": own["pipeline"]["id"]}
        assert body["project"]["id"] == own["pipeline"]["project_id"]
        assert body["user"].keys() == {"id", "username", "roles_in_project"}

    def test_roles_are_every_role_at_or_under_the_users(self, lab):
        roles = lab.as_("job_token").get(self.TARGET).json()["user"]["roles_in_project"]

        order = [
            "guest",
            "planner",
            "reporter",
            "developer",
            "security_manager",
            "maintainer",
            "owner",
        ]
        assert {"guest", "reporter", "developer"} <= set(roles)
        assert roles == [role for role in order if role in roles]

    def test_absent_environment_is_left_out(self, lab):
        """The lab's running job deploys nowhere."""
        assert "environment" not in lab.as_("job_token").get(self.TARGET).json()

    def test_environment_of_a_deploying_job(self, lab):
        job = lab.job("running", environment_json='{"slug":"prod","tier":"production"}')
        header = {"job-token": lab.sandbox.job_token(job)}

        body = lab.get(self.TARGET, headers=header).json()

        assert body["environment"] == {"slug": "prod", "tier": "production"}

    def test_groups_are_the_own_group_and_its_ancestors(self, lab):
        token = lab.as_("job_token")

        before = token.get(self.TARGET).json()["project"]["groups"]
        lab.sandbox.update_project(OPEN, groups_json="[22,21]")
        after = token.get(self.TARGET).json()["project"]["groups"]

        assert (before, after) == ([], [{"id": 22}, {"id": 21}])


class TestNeighbours:
    """§3.8"""

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
