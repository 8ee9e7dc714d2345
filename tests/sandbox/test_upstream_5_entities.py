"""upstream.md, 5: entities. Every body validates in every profile; then the notes, row by row."""

import pytest

WORLD_PAGES = 3
ALIKE = 6  # a project of many jobs, one like the other: a page of them will do


def rows_of(caller, target: str, pages: int = 50) -> list[dict]:
    """Rows of a list, page after page."""
    rows: list[dict] = []
    sign = "&" if "?" in target else "?"
    for page in range(1, pages + 1):
        part = caller.get(f"{target}{sign}per_page=100&page={page}").json()
        rows += part
        if len(part) < 100:
            break
    return rows


def is_tolerance_case(job: dict) -> bool:
    """The world's own odd job: a status and keys no version has (upstream.md, 11)."""
    return job["status"].startswith("unknown")


@pytest.fixture
def world(profile, request):
    """The demo world, with few of its many like jobs."""
    request.node.add_marker(pytest.mark.sandbox(profile=profile, jobs=220))
    return request.getfixturevalue("api").as_("admin")


class TestEveryBodyValidates:
    def test_jobs(self, world, profile, schemas, project_ids):
        jobs = [
            job
            for project in project_ids
            for job in rows_of(
                world, f"/projects/{project}/jobs", pages=1 if project == ALIKE else 50
            )
        ]
        regular = [job for job in jobs if not is_tolerance_case(job)]

        faults = [
            f"job {job['id']} {fault}"
            for job in regular
            for fault in schemas.faults("job", job, profile)
        ]

        assert faults == []
        assert len(regular) > 300

    def test_pipelines_and_bridges(self, world, profile, schemas, project_ids):
        faults: list[str] = []
        seen = {"bridge": 0, "pipeline": 0}

        def check(name: str, body: dict, where: str) -> None:
            seen[name] = seen.get(name, 0) + 1
            if "status" in body and is_tolerance_case(body):
                return
            faults.extend(f"{where} {fault}" for fault in schemas.faults(name, body, profile))

        for project in project_ids:
            for row in rows_of(world, f"/projects/{project}/pipelines", WORLD_PAGES):
                check("pipeline_row", row, f"row {row['id']}")
                target = f"/projects/{project}/pipelines/{row['id']}"
                check("pipeline", world.get(target).json(), target)
                for bridge in rows_of(world, f"{target}/bridges"):
                    check("bridge", bridge, f"{target} bridge {bridge['id']}")
                check(
                    "test_report_summary",
                    world.get(f"{target}/test_report_summary").json(),
                    target,
                )
                for variable in world.get(f"{target}/variables").json():
                    check("pipeline_variable", variable, target)

        assert faults == []
        assert seen.pop("pipeline_variable") >= 2
        assert min(seen.values()) >= 8

    def test_answers_of_writes(self, world, profile, schemas):
        """The documented job 1, through cancel, retry, erase and play in turn."""
        answers = [
            world.post(f"/projects/1/jobs/1/{action}") for action in ("cancel", "play", "erase")
        ]

        assert [answer.status for answer in answers] == [201, 200, 201]
        assert [
            fault for answer in answers for fault in schemas.faults("job", answer.json(), profile)
        ] == []

    def test_own_job_agents_project_and_commit(self, world, profile, schemas):
        own = world.as_("job_token")
        job = own.get("/job").json()
        sha = job["commit"]["id"]
        commit = world.get(f"/projects/{job['pipeline']['project_id']}/repository/commits/{sha}")

        assert schemas.faults("job", job, profile) == []
        assert schemas.faults("allowed_agents", own.get("/job/allowed_agents").json()) == []
        assert schemas.faults("project", world.get("/projects/1").json()) == []
        assert schemas.faults("commit_detail", commit.json()) == []


class TestSchemas:
    """The schemas notice what they are for."""

    @pytest.mark.parametrize(
        ("change", "place"),
        [
            ({"invented": 1}, "$"),
            ({"id": "7"}, "$.id"),
            ({"failure_reason": "script_failure"}, "$"),
            ({"created_at": "2026-11-01T00:00:00Z"}, "$.created_at"),
            ({"pipeline": {"id": 1}}, "$.pipeline"),
            ({"artifacts_file": {"filename": "a.zip", "size": 1}}, "$.artifacts"),
            ({"runner": {"id": 1}}, "$.runner"),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
    )
    def test_a_wrong_job_is_noticed(self, lab, schemas, change, place):
        body = lab.get(f"/projects/10/jobs/{lab.job('success')}").json()

        faults = schemas.faults("job", body | change, "18")

        assert schemas.faults("job", body, "18") == []
        assert any(fault.startswith(place) for fault in faults)

    @pytest.mark.parametrize("key", ["archived", "runner_manager", "tag_list", "user"])
    def test_a_missing_key_is_noticed(self, lab, schemas, key):
        body = lab.get(f"/projects/10/jobs/{lab.job('success')}").json()
        del body[key]

        assert schemas.faults("job", body, "18") != []

    def test_a_newer_key_is_noticed_in_an_older_version(self, lab, schemas):
        body = lab.get(f"/projects/10/jobs/{lab.job('success')}").json()

        assert schemas.faults("job", body, "17") != []
        assert schemas.faults("job", body) == []


class TestJob:
    """upstream.md, 5.1, the notes."""

    def test_tag_says_the_ref_is_a_tag(self, lab):
        job = lab.job(pipeline=lab.pipeline(ref="v1.0", tag=True), ref="v1.0", tag=True)
        body = lab.get(f"/projects/10/jobs/{job}").json()
        assert (body["tag"], body["ref"]) == (True, "v1.0")

    def test_coverage_is_a_number_here_and_text_in_a_pipeline(self, lab):
        pipeline = lab.pipeline()
        job = lab.job("success", pipeline=pipeline, coverage=30.0)

        in_job = lab.get(f"/projects/10/jobs/{job}").json()["coverage"]
        in_pipeline = lab.get(f"/projects/10/pipelines/{pipeline}").json()["coverage"]

        assert in_job == 30.0
        assert isinstance(in_job, float)
        assert in_pipeline == "30.00"

    def test_never_started_job_has_null_times(self, lab):
        body = lab.get(f"/projects/10/jobs/{lab.job('pending')}").json()
        nulls = ("started_at", "finished_at", "erased_at", "duration", "runner", "coverage")
        assert [body[key] for key in nulls] == [None] * 6

    def test_queued_duration_grows_while_waiting_and_after_a_cancel_before_the_start(self, lab):
        waiting = f"/projects/10/jobs/{lab.job('pending')}"

        first = lab.get(waiting).json()["queued_duration"]
        lab.sandbox.advance(10)
        second = lab.get(waiting).json()["queued_duration"]
        lab.post(f"{waiting}/cancel")
        lab.sandbox.advance(10)
        third = lab.get(waiting).json()["queued_duration"]

        assert second - first == pytest.approx(10, abs=0.01)
        assert third - second == pytest.approx(10, abs=0.01)

    def test_user_may_be_null(self, lab):
        body = lab.get(f"/projects/10/jobs/{lab.job(user=None)}").json()
        assert body["user"] is None

    def test_commit_is_null_if_gone(self, lab):
        job = lab.job(sha="f" * 40)
        body = lab.get(f"/projects/10/jobs/{job}").json()
        assert body["commit"] is None

    @pytest.mark.parametrize("status", ["failed", "success", "canceled", "running"])
    def test_failure_reason_is_absent_unless_failed(self, lab, status):
        body = lab.get(f"/projects/10/jobs/{lab.job(status)}").json()
        assert ("failure_reason" in body) == (status == "failed")

    def test_web_url_also_for_bridges(self, lab):
        pipeline = lab.pipeline()
        job, bridge = lab.job(pipeline=pipeline), lab.bridge(pipeline=pipeline)

        bodies = [
            lab.get(f"/projects/10/jobs/{job}").json(),
            lab.get(f"/projects/10/pipelines/{pipeline}/bridges").json()[0],
        ]

        assert [body["web_url"] for body in bodies] == [
            f"http://127.0.0.1:8001/lab/open/-/jobs/{number}" for number in (job, bridge)
        ]

    def test_project_has_no_id(self, lab):
        body = lab.get(f"/projects/10/jobs/{lab.job()}").json()

        assert body["project"].keys() == {"ci_job_token_scope_enabled"}
        assert body["pipeline"]["project_id"] == 10

    def test_artifacts_file_only_with_a_live_archive(self, lab):
        with_archive = lab.get(f"/projects/10/jobs/{lab.job('success', artifacts=True)}").json()
        with_log = lab.get(f"/projects/10/jobs/{lab.job('success', log='x')}").json()
        bare = lab.get(f"/projects/10/jobs/{lab.job('success')}").json()

        archive = next(x for x in with_archive["artifacts"] if x["file_type"] == "archive")
        assert with_archive["artifacts_file"] == {k: archive[k] for k in ("filename", "size")}
        assert "artifacts_file" not in with_log
        assert "artifacts_file" not in bare
        assert bare["artifacts"] == []

    def test_artifacts_include_the_trace(self, lab):
        body = lab.get(f"/projects/10/jobs/{lab.job('success', log='four')}").json()

        trace = next(item for item in body["artifacts"] if item["file_type"] == "trace")
        assert (trace["filename"], trace["size"]) == ("job.log", 4)

    def test_tag_list_is_sorted(self, lab):
        job = lab.job(tags=["ruby", "docker", "linux"])
        body = lab.get(f"/projects/10/jobs/{job}").json()
        assert body["tag_list"] == ["docker", "linux", "ruby"]


class TestBridge:
    """upstream.md, 5.2"""

    def rows(self, lab, **facts) -> dict:
        pipeline = lab.pipeline()
        lab.bridge(pipeline=pipeline, **facts)
        return lab.get(f"/projects/10/pipelines/{pipeline}/bridges").json()[0]

    def test_downstream_null(self, lab, schemas):
        body = self.rows(lab)

        assert body["downstream_pipeline"] is None
        assert schemas.faults("bridge", body, "18") == []

    def test_downstream_of_another_project_may_be_invisible(self, lab):
        """lab: the guest reads project 14's pipelines, and not those of project 11."""
        closed = lab.pipeline(project=11)

        downstream = self.rows(lab, downstream=closed)["downstream_pipeline"]

        assert (downstream["id"], downstream["project_id"]) == (closed, 11)
        target = f"/projects/11/pipelines/{closed}"
        assert lab.as_("outsider").get(target).status == 404


class TestCommit:
    """upstream.md, 5.5"""

    def test_times_carry_the_authors_offset(self, reader):
        rows = reader.get("/projects/1/jobs?per_page=100").json()
        times = {row["commit"]["committed_date"] for row in rows if row["commit"]}

        assert any(not time.endswith(("Z", "+00:00")) for time in times)


class TestPipeline:
    """upstream.md, 5.4"""

    def test_durations_are_whole_seconds(self, reader):
        for row in reader.get("/projects/1/pipelines?per_page=20").json():
            body = reader.get(f"/projects/1/pipelines/{row['id']}").json()
            assert isinstance(body["duration"], int | None)
            assert isinstance(body["queued_duration"], int | None)

    def test_user_is_the_short_form(self, reader):
        body = reader.get("/projects/1/pipelines/6").json()
        assert "bio" not in body["user"]
