"""upstream.md, 1: base, ids, authentication, order of checks. One test per row, in their order."""

import pytest

OPEN, CLOSED = 10, 11  # a public and a private project of `lab`
PROJECT_UNKNOWN = (404, {"message": "404 Project Not Found"})
NO_ROUTE = (404, {"error": "404 Not Found"})
UNAUTHORIZED = (401, {"message": "401 Unauthorized"})
BAD_SCOPE = (400, {"error": "scope does not have a valid value"})


class TestBase:
    def test_api_v3_is_gone(self, lab):
        answer = lab.get("/projects/10/jobs", root="/api/v3")

        gone = {"error": "API V3 is no longer supported. Use API V4 instead."}
        assert answer.said == (410, gone)

    def test_json_form_and_query_are_accepted_on_post(self, lab):
        variables = [{"key": "A", "value": "1"}]
        form = [
            ("job_variables_attributes[][key]", "A"),
            ("job_variables_attributes[][value]", "1"),
        ]
        jobs = [lab.job("manual", when="manual") for _ in range(3)]

        by_json = lab.post(
            f"/projects/10/jobs/{jobs[0]}/play", json_body={"job_variables_attributes": variables}
        )
        by_form = lab.post(f"/projects/10/jobs/{jobs[1]}/play", form=form)
        by_query = lab.post(f"/projects/10/jobs/{jobs[2]}/play", query=form)

        assert [answer.status for answer in (by_json, by_form, by_query)] == [200, 200, 200]

    def test_answers_are_json(self, lab):
        assert lab.get("/projects/10/jobs").header("content-type") == "application/json"


class TestProjectId:
    """Table "`:id` of a project"."""

    def test_integer(self, lab):
        assert lab.get("/projects/10").json()["id"] == OPEN

    def test_negative_integer_is_looked_up_by_id(self, lab):
        assert lab.get("/projects/-10").said == PROJECT_UNKNOWN

    @pytest.mark.parametrize("path", ["lab%2Fopen", "lab%2fopen", "LAB%2FOpen"])
    def test_full_path_in_any_letter_case(self, lab, path):
        assert lab.get(f"/projects/{path}").json()["id"] == OPEN
        assert lab.get(f"/projects/{path}/jobs").status == 200

    @pytest.mark.parametrize("path", ["lab%2Finner%2Fproject.x", "lab%2Finner%2Fproject%2Ex"])
    def test_nested_path_with_a_dot(self, lab, path):
        assert lab.get(f"/projects/{path}/jobs").status == 200

    @pytest.mark.parametrize("word", ["open", "10a", "1.0", "lab%252Fopen"])
    def test_bare_word_never_resolves(self, lab, word):
        assert lab.get(f"/projects/{word}").said == PROJECT_UNKNOWN

    @pytest.mark.parametrize("target", ["/projects/lab/open/jobs", "/projects/lab/open"])
    def test_raw_slash_hits_no_route(self, lab, target):
        assert lab.get(target).said == NO_ROUTE

    @pytest.mark.parametrize("target", ["/projects/10/../11/jobs", "/projects/10/%2e%2e/11/jobs"])
    def test_dot_segments_are_not_resolved(self, lab, target):
        assert lab.get(target).status == 404

    @pytest.mark.parametrize("name", ["job_id", "pipeline_id"])
    def test_other_ids_must_be_numbers(self, lab, name):
        target = {"job_id": "/projects/10/jobs/abc", "pipeline_id": "/projects/10/pipelines/abc"}
        assert lab.get(target[name]).said == (400, {"error": f"{name} is invalid"})

    def test_pipeline_id_is_never_the_iid(self, lab):
        pipeline = lab.get(f"/projects/10/pipelines/{lab.pipeline()}").json()

        assert pipeline["iid"] != pipeline["id"]
        assert lab.get(f"/projects/10/pipelines/{pipeline['iid']}").status == 404

    @pytest.mark.parametrize("kind", ["jobs", "pipelines"])
    def test_id_beyond_int64_is_not_found(self, lab, kind):
        """Recorded from a real server."""
        unknown = (404, {"message": "404 Not found"})
        assert lab.get(f"/projects/10/{kind}/123456789012345678901").said == unknown


class TestCredentials:
    """Table "Credentials"."""

    JOBS = "/projects/10/jobs"

    @pytest.mark.parametrize("role", ["oauth", "developer", "job_token"])
    def test_bearer_is_oauth_then_personal_then_job_token(self, lab, role):
        header = {"authorization": f"Bearer {lab.tokens[role]}"}
        assert lab.get(self.JOBS, headers=header).status == 200

    def test_bearer_job_token_only_where_job_tokens_are_allowed(self, lab):
        header = {"authorization": f"Bearer {lab.tokens['job_token']}"}
        assert lab.get(f"/projects/10/jobs/{lab.job()}", headers=header).said == UNAUTHORIZED

    @pytest.mark.parametrize("role", ["oauth", "developer"])
    def test_access_token_parameter_is_as_bearer(self, lab, role):
        token = lab.tokens[role]
        assert lab.as_(None).get(f"{self.JOBS}?access_token={token}").status == 200

    def test_private_token_parameter_and_header(self, lab):
        token = lab.tokens["developer"]
        assert lab.as_(None).get(f"{self.JOBS}?private_token={token}").status == 200
        assert lab.get(self.JOBS, headers={"private-token": token}).status == 200

    @pytest.mark.parametrize("name", ["job_token", "token"])
    def test_job_token_parameters_and_header(self, lab, name):
        token = lab.tokens["job_token"]
        assert lab.as_(None).get(f"/job?{name}={token}").status == 200
        assert lab.get("/job", headers={"job-token": token}).status == 200

    def test_oauth_token_is_no_personal_token(self, lab):
        header = {"private-token": lab.tokens["oauth"]}
        assert lab.get(self.JOBS, headers=header).said == UNAUTHORIZED

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_read_api_scope_reads(self, lab, method):
        assert lab.as_("read_only").call(method, self.JOBS).status == 200

    @pytest.mark.parametrize("action", ["cancel", "retry", "erase", "play"])
    def test_read_api_scope_does_not_write(self, lab, action):
        answer = lab.as_("read_only").post(f"/projects/10/jobs/{lab.job()}/{action}")

        assert answer.status == 403
        assert answer.json()["error"] == "insufficient_scope"

    def test_cluster_token_in_a_personal_slot_is_ignored(self, lab):
        header = {"private-token": "glcbt-64_abc"}
        pipeline = lab.pipeline()

        assert lab.get(f"/projects/10/pipelines/{pipeline}/jobs", headers=header).status == 200
        assert lab.get(self.JOBS, headers=header).said == UNAUTHORIZED

    def test_query_token_is_echoed_in_link(self, lab):
        """*(derived: all request parameters are)*"""
        token = lab.tokens["developer"]
        link = lab.as_(None).get(f"{self.JOBS}?private_token={token}").header("link")
        assert f"private_token={token}" in link

    def test_sudo_acts_as_the_user(self, lab):
        job = lab.job("manual", when="manual")

        body = lab.as_("admin").post(f"/projects/10/jobs/{job}/play?sudo=developer").json()

        assert body["user"]["username"] == "developer"

    def test_sudo_needs_an_admin(self, lab):
        header = {"private-token": lab.tokens["developer"], "sudo": "root"}
        assert lab.get(self.JOBS, headers=header).status == 403


class TestJobTokenRoutes:
    """Table "Job tokens are accepted by"."""

    @pytest.mark.parametrize("target", ["/job", "/job/allowed_agents"])
    def test_own_job(self, lab, target):
        assert lab.as_("job_token").get(target).status == 200

    def test_artifact_downloads(self, lab):
        job = lab.job("success", artifacts=True)
        assert lab.as_("job_token").get(f"/projects/10/jobs/{job}/artifacts").status == 200

    def test_project_jobs(self, lab):
        assert lab.as_("job_token").get("/projects/10/jobs").status == 200

    def test_pipeline_jobs(self, lab):
        target = f"/projects/10/pipelines/{lab.pipeline()}/jobs"
        assert lab.as_("job_token").get(target).status == 200

    @pytest.mark.parametrize("route", ["", "/trace"])
    def test_not_single_job_or_trace(self, lab, route):
        answer = lab.as_("job_token").get(f"/projects/10/jobs/{lab.job()}{route}")
        assert answer.said == UNAUTHORIZED

    @pytest.mark.parametrize("action", ["cancel", "retry", "erase", "play"])
    def test_not_actions(self, lab, action):
        answer = lab.as_("job_token").post(f"/projects/10/jobs/{lab.job()}/{action}")
        assert answer.said == UNAUTHORIZED

    @pytest.mark.parametrize("route", ["", "/{pipeline}", "/{pipeline}/bridges"])
    def test_not_pipelines_or_bridges(self, lab, route):
        target = f"/projects/11/pipelines{route.format(pipeline=lab.pipeline(project=CLOSED))}"
        assert lab.as_("job_token").get(target).status in {401, 404}

    def test_finished_jobs_token(self, lab):
        assert lab.as_("finished_job_token").get("/job").said == UNAUTHORIZED
        assert lab.as_("finished_job_token").get("/projects/10/jobs").said == UNAUTHORIZED

    def test_token_of_an_anonymous_job(self, lab):
        header = {"job-token": lab.sandbox.job_token(lab.job("running", user=None))}
        assert lab.get("/job", headers=header).said == UNAUTHORIZED

    def test_permission_of_the_token_missing(self, lab):
        lab.sandbox.update_project(CLOSED, allowlist_json='{"10": ["read_pipelines"]}')

        answer = lab.as_("job_token").get("/projects/11/jobs")

        assert answer.status == 403
        assert answer.json()["message"] == (
            "403 Forbidden - Insufficient permissions to access this resource in project"
            " lab/closed. The following token permission is required: read_jobs."
        )

    def test_project_that_allows_the_source(self, lab):
        lab.sandbox.update_project(CLOSED, allowlist_json='{"10": ["read_jobs"]}')
        assert lab.as_("job_token").get("/projects/11/jobs").status == 200

    def test_project_that_does_not_allow_the_source(self, lab):
        answer = lab.as_("job_token").get("/projects/11/jobs")

        assert answer.status == 403
        assert answer.json()["message"] == (
            "403 Forbidden - Authentication by CI/CD job token not allowed from lab/open to"
            " lab/closed."
        )


class TestOrderOfChecks:
    """upstream.md, 1, order of checks *(derived)*"""

    def test_the_global_limiter_stands_in_front(self, lab):
        lab.sandbox.limits.everything = 1
        unknown = {"private-token": "unknown"}

        assert lab.get("/projects/10/jobs", headers=unknown).said == UNAUTHORIZED
        assert lab.get("/projects/10/jobs", headers=unknown).status == 429

    def test_authentication_comes_before_parameters(self, lab):
        assert lab.as_(None).get("/projects/10/jobs?scope=bad").said == UNAUTHORIZED

    def test_where_anonymous_is_allowed_parameters_come_first(self, lab):
        target = f"/projects/10/pipelines/{lab.pipeline()}/jobs?scope=bad"
        assert lab.as_(None).get(target).said == BAD_SCOPE

    def test_parameters_come_before_the_project(self, lab):
        assert lab.get("/projects/987654321/jobs?scope=bad").said == BAD_SCOPE

    def test_limiter_comes_before_the_project_and_after_parameters(self, lab):
        lab.sandbox.limits.project_jobs = 1

        assert lab.get("/projects/987654321/jobs").status == 404
        assert lab.get("/projects/987654321/jobs").status == 429
        assert lab.get("/projects/987654321/jobs?scope=bad").said == BAD_SCOPE

    def test_project_comes_before_permission(self, lab):
        assert lab.as_("outsider").get("/projects/11/jobs").said == PROJECT_UNKNOWN

    def test_permission_comes_before_the_record(self, lab):
        assert lab.as_("guest").get("/projects/11/jobs/987654321").status == 403

    def test_cancel_checks_permission_before_the_job(self, lab):
        answer = lab.as_("reporter").post("/projects/10/jobs/987654321/cancel")
        assert answer.said == (403, {"message": "403 Forbidden"})

    @pytest.mark.parametrize("action", ["retry", "erase"])
    def test_retry_and_erase_look_the_job_up_first(self, lab, action):
        answer = lab.as_("reporter").post(f"/projects/10/jobs/987654321/{action}")
        assert answer.said == (404, {"message": "404 Not found"})

    def test_play_checks_reading_then_the_job_then_playing(self, lab):
        unknown, running = "/projects/11/jobs/987654321/play", lab.job("running", project=CLOSED)

        assert lab.as_("guest").post(unknown).status == 403
        assert lab.as_("reporter").post(unknown).status == 404
        assert lab.as_("reporter").post(f"/projects/11/jobs/{running}/play").status == 403

    def test_state_comes_last(self, lab):
        running = f"/projects/10/jobs/{lab.job('running')}"

        assert lab.as_("reporter").post(f"{running}/play").said == (
            403,
            {"message": "403 Forbidden"},
        )
        assert lab.as_("developer").post(f"{running}/play").status == 400

    @pytest.mark.parametrize("target", ["/projects/10", "/projects/10/pipelines"])
    def test_an_invalid_token_is_never_anonymous(self, lab, target):
        assert lab.as_(None).get(target).status == 200
        assert lab.get(target, headers={"private-token": "glpat-unknown"}).said == UNAUTHORIZED
        assert lab.get(target, headers={"authorization": "Bearer unknown"}).status == 401
