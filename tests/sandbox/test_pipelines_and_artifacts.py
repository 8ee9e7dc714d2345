"""upstream.md, 3.8: the pipelines list by filter, artifacts by ref; and `Sudo` (upstream.md, 1)."""

import pytest

PIPELINES = "/projects/1/pipelines"


@pytest.fixture
def rows(reader):
    """Rows of the pipelines list with these parameters."""

    def of(**query):
        answer = reader.get(PIPELINES, query={"per_page": 100, **query})
        assert answer.status == 200, answer.text
        return answer.json()

    return of


class TestPipelineFilters:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("status", "failed"), ("ref", "develop"), ("source", "schedule"), ("name", "Retried")],
    )
    def test_by_equal_column(self, rows, name, value):
        found = rows(**{name: value})

        assert found
        assert {row[name] for row in found} == {value}

    def test_by_sha(self, rows):
        newest = rows()[0]
        assert [row["id"] for row in rows(sha=newest["sha"])] == [newest["id"]]

    def test_child_pipelines_only_when_asked_for(self, rows):
        assert [row["id"] for row in rows(source="parent_pipeline")] == [5]
        assert 5 not in {row["id"] for row in rows()}

    @pytest.mark.parametrize(
        ("scope", "statuses"),
        [("running", {"running"}), ("finished", {"success", "failed", "canceled"})],
    )
    def test_scope_by_status(self, rows, scope, statuses):
        found = rows(scope=scope)

        assert found
        assert {row["status"] for row in found} <= statuses

    def test_scope_branches_and_tags_are_the_newest_of_each_ref(self, rows):
        branches, tags = rows(scope="branches"), rows(scope="tags")

        refs = [row["ref"] for row in branches]
        assert len(refs) == len(set(refs)) > 2
        assert [row["ref"] for row in tags] == ["v1.2.0"]

    def test_by_user(self, rows):
        by_root = {row["id"] for row in rows(username="root")}

        assert by_root
        assert by_root < {row["id"] for row in rows()}
        assert rows(username="nobody") == []

    def test_by_yaml_errors(self, reader, rows):
        broken = reader.sandbox.landmarks["yaml_error_pipeline"]

        assert [row["id"] for row in rows(yaml_errors="true")] == [broken]
        assert broken not in {row["id"] for row in rows(yaml_errors="false")}

    def test_by_time(self, rows):
        moment = "2026-10-31T23:00:00+00:00"

        after = rows(created_after=moment)
        before = rows(created_before=moment)

        assert {row["created_at"] > "2026-10-31T23" for row in after} == {True}
        assert len(after) + len(before) == len(rows())
        assert rows(updated_after="2026-11-02T00:00:00Z") == []

    def test_order(self, rows):
        ids = [row["id"] for row in rows(sort="asc")]
        refs = [row["ref"] for row in rows(order_by="ref", sort="asc")]

        assert ids == sorted(ids)
        assert refs == sorted(refs)

    @pytest.mark.parametrize(
        ("query", "text"),
        [
            ("scope=nonsense", "scope does not have a valid value"),
            ("status=nonsense", "status does not have a valid value"),
            ("order_by=iid", "order_by does not have a valid value"),
            (
                "sort=up&source=x",
                "sort does not have a valid value, source does not have a valid value",
            ),
            ("yaml_errors=perhaps", "yaml_errors is invalid"),
            ("updated_after=yesterday", "updated_after is invalid"),
            ("ref[]=main", "ref is invalid"),
        ],
    )
    def test_bad_values_are_400(self, reader, query, text):
        assert reader.get(f"{PIPELINES}?{query}").said == (400, {"error": text})

    def test_blank_values_count_as_absent(self, rows):
        assert rows(updated_after="", yaml_errors="") == rows()


class TestArtifactsOfARef:
    NEWEST = "/projects/1/jobs/artifacts/develop"

    def test_archive_of_the_newest_successful_pipeline(self, reader):
        answer = reader.get(f"{self.NEWEST}/download?job=rspec")

        assert answer.status == 200
        assert answer.body.startswith(b"PK")

    def test_one_file_of_it(self, reader):
        answer = reader.get(f"{self.NEWEST}/raw/coverage/.last_run.json?job=rspec")

        assert answer.json() == {"result": {"line": 98.4}}

    @pytest.mark.parametrize("job", ["nosuch", "jest"], ids=["no such job", "no archive"])
    def test_absent_is_404(self, reader, job):
        refusal = (404, {"message": "404 Not Found"})
        assert reader.get(f"{self.NEWEST}/download?job={job}").said == refusal

    def test_job_is_required(self, reader):
        refusal = (400, {"error": "job is missing"})
        assert reader.get(f"{self.NEWEST}/download").said == refusal


class TestSudo:
    """upstream.md, 1, credentials: `Sudo: user`."""

    def test_an_administrator_acts_as_another(self, api):
        admin = api.as_("admin")
        header = {"private-token": api.sandbox.tokens["admin"]}

        played = admin.post("/projects/1/jobs/1/play", headers={**header, "sudo": "guest"})
        retried = admin.post("/projects/1/jobs/7/retry?sudo=3")

        assert played.status == 403
        assert retried.json()["user"]["username"] == "developer"

    def test_others_may_not(self, reader):
        refusal = (403, {"message": "403 Forbidden - Must be admin to use sudo"})
        assert reader.get("/projects/1/jobs?sudo=root").said == refusal

    def test_unknown_user(self, reader):
        text = "404 User with ID or username 'nobody' Not Found"
        answer = reader.as_("admin").get("/projects/1/jobs?sudo=nobody")
        assert answer.said == (404, {"message": text})


def test_pipeline_retry_and_cancel_need_a_developer(api):
    for action in ("retry", "cancel"):
        refusal = (403, {"message": "403 Forbidden"})
        assert api.as_("reporter").post(f"/projects/1/pipelines/6/{action}").said == refusal


def test_pipeline_retry_runs_what_failed_again(api, sandbox):
    row = sandbox.landmarks["failed_pipeline"]

    answer = api.post(f"/projects/1/pipelines/{row}/retry")
    sandbox.advance(300)

    jobs = api.get(f"/projects/1/pipelines/{row}/jobs").json()
    assert (answer.status, answer.json()["status"]) == (201, "running")
    assert {job["status"] for job in jobs} == {"success"}


def test_pipeline_cancel_stops_what_is_alive(api):
    answer = api.post("/projects/1/pipelines/6/cancel")

    words = {job["id"]: job["status"] for job in api.get("/projects/1/pipelines/6/jobs").json()}
    assert answer.status == 200
    assert words[6] == "canceled"
    assert words[8] in {"canceling", "canceled"}


def test_a_write_is_never_answered_304(api):
    token = api.sandbox.tokens["maintainer"]
    headers = {"private-token": token, "if-none-match": "*"}
    first = api.post("/projects/1/jobs/1/play", headers=headers)

    assert first.status == 200
    assert first.header("etag") is None
