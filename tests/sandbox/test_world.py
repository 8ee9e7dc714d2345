"""The demo world: what is in it, the same each time, and the documentation's examples."""

import pytest

from gateway.sandbox import STATUSES, Sandbox
from gateway.sandbox.demo.projects import DEMO, MONOREPO

EXAMPLES = [
    "/projects/1/jobs?scope[]=pending&scope[]=running",
    "/projects/1/pipelines/6/jobs?scope[]=pending&scope[]=running",
    "/projects/1/pipelines/6/bridges?scope[]=pending&scope[]=running",
]


class TestDocumentation:
    """Every curl example of the Jobs API's documentation, as printed, in a fresh world."""

    @pytest.mark.parametrize("role", ["maintainer", "developer"])
    @pytest.mark.parametrize("target", EXAMPLES)
    def test_lists_find_something(self, reader, role, target):
        rows = reader.as_(role).get(target).json()

        assert rows
        assert {row["status"] for row in rows} <= {"pending", "running"}

    def test_the_bridge_leads_to_pipeline_5(self, reader):
        (bridge,) = reader.get(EXAMPLES[2]).json()

        assert bridge["downstream_pipeline"]["id"] == 5

    def test_the_pipelines_jobs_by_name(self, reader):
        rows = reader.get("/projects/1/pipelines/6/jobs").json()

        names = {row["id"]: row["name"] for row in rows}
        assert names == {6: "rspec:other", 7: "teaspoon", 8: "rubocop"}

    def test_the_job_of_the_job_token(self, reader):
        own = reader.as_("job_token")

        assert own.get("/job").json()["id"] == 8
        assert own.get("/job/allowed_agents").json()["job"] == {"id": 8}

    def test_one_job_and_its_log(self, reader):
        assert reader.get("/projects/1/jobs/8").json()["name"] == "rubocop"
        assert b"section_start:" in reader.get("/projects/1/jobs/8/trace").body

    @pytest.mark.parametrize(
        ("action", "status"), [("cancel", 201), ("retry", 201), ("erase", 201), ("play", 200)]
    )
    def test_each_action_on_job_1_in_a_fresh_world(self, api, action, status):
        variables = [{"key": "VAR1", "value": "foo"}, {"key": "VAR2", "value": "bar"}]
        body = {"job_variables_attributes": variables} if action == "play" else None

        assert api.post(f"/projects/1/jobs/1/{action}", json_body=body).status == status

    @pytest.mark.parametrize("last", ["retry", "play"])
    def test_job_1_is_canceled_erased_and_started_again_in_turn(self, api, last):
        """Retry and play exclude each other: both need a job that was not retried before."""
        actions = ["cancel", "erase", last]
        answers = [api.post(f"/projects/1/jobs/1/{action}") for action in actions]

        assert [answer.status for answer in answers] == [201, 201, 200 if last == "play" else 201]
        assert answers[-1].json()["id"] > 1


class TestContents:
    def test_every_status(self, reader):
        row = reader.sandbox.landmarks["every_status_pipeline"]
        jobs = reader.get(f"/projects/1/pipelines/{row}/jobs?per_page=100").json()

        assert {job["status"] for job in jobs} == set(STATUSES)

    def test_hundreds_of_jobs_to_page_and_to_fold(self, reader):
        folding = reader.sandbox.landmarks["folding_pipeline"]

        answer = reader.get(f"/projects/{MONOREPO}/pipelines/{folding}/jobs")

        assert int(answer.header("x-total")) >= 200
        assert len(reader.sandbox.jobs(MONOREPO, bridge=0)) >= 1_000

    def test_one_downstream_is_the_maintainers_alone(self, reader):
        marks = reader.sandbox.landmarks
        (bridge,) = [
            row
            for row in reader.get(
                f"/projects/1/pipelines/{marks['bridges_pipeline']}/bridges"
            ).json()
            if row["id"] == marks["invisible_bridge"]
        ]
        downstream = bridge["downstream_pipeline"]
        target = f"/projects/{downstream['project_id']}/pipelines/{downstream['id']}"

        assert reader.get(target).status == 200
        assert reader.as_("developer").get(target).status == 404

    def test_sizes_are_those_of_the_files(self, reader):
        job = reader.get("/projects/1/jobs/1").json()
        sizes = {entry["file_type"]: entry["size"] for entry in job["artifacts"]}

        assert len(reader.get("/projects/1/jobs/1/trace").body) == sizes["trace"]
        assert len(reader.get("/projects/1/jobs/1/artifacts").body) == sizes["archive"]
        assert job["artifacts_file"] == {"filename": "artifacts.zip", "size": sizes["archive"]}

    def test_logs_have_colours_sections_progress_and_letters(self, reader):
        log = reader.get(f"/projects/1/jobs/{reader.sandbox.landmarks['moving_job'] - 1}/trace")
        whole = reader.get("/projects/1/jobs/1/trace").text

        assert whole.startswith(log.text.partition("\n")[0])
        for part in ("\x1b[32;1m", "section_start:", "section_end:", "57%\r", "完了", "🎉"):
            assert part in whole

    def test_every_landmark_is_there(self, reader):
        found = {row.id for row in reader.sandbox.jobs()}
        jobs = {
            name: number
            for name, number in reader.sandbox.landmarks.items()
            if name.endswith(("_job", "_bridge"))
        }

        assert len(jobs) > 40
        assert {name for name, number in jobs.items() if number not in found} == set()


class TestDeterminism:
    def test_the_same_seed_gives_the_same_bodies(self, reader, loop):
        with_same, with_other = Sandbox(), Sandbox(seed=2)
        target = "/projects/6/jobs?per_page=100"
        bodies = []
        for sandbox in (with_same, with_other):
            bodies.append(type(reader)(sandbox, runner=loop).get(target).body)
            sandbox.close()

        assert bodies[0] == reader.get(target).body
        assert bodies[1] != bodies[0]

    def test_jobs_is_how_many_builds_project_6_has(self):
        sandbox = Sandbox(jobs=2_000)
        try:
            assert len(sandbox.jobs(MONOREPO)) == 2_000
        finally:
            sandbox.close()

    @pytest.mark.parametrize("seed", [1, 2])
    def test_another_one_of_the_same_seed_knows_nothing_of_what_became_of_the_first(self, seed):
        """It is a copy, which costs less than to make it again."""
        made = [Sandbox(seed=seed, jobs=20) for _ in range(3)]
        before = [sandbox.store.image() for sandbox in made]

        made[1].set_status(8, "success")
        made[1].create_pipeline(1)
        after = [sandbox.store.image() for sandbox in made]
        made[1].reset()
        again = made[1].store.image()
        for sandbox in made:
            sandbox.close()

        assert before == [before[0]] * 3
        assert [one == before[0] for one in after] == [True, False, True]
        assert again == before[0]

    def test_reset_is_a_fresh_world(self, api, sandbox):
        before = api.get("/projects/1/jobs?per_page=100").body
        api.post("/projects/1/jobs/1/retry")
        sandbox.advance(500)

        sandbox.reset()

        assert api.get("/projects/1/jobs?per_page=100").body == before
        assert len(sandbox.received) == 1


class TestEditing:
    def test_a_job_needs_its_own_projects_pipeline(self, sandbox):
        with pytest.raises(ValueError, match="pipeline 6 is project 1's, not 2's"):
            sandbox.create_job(project=2, pipeline=6)

    def test_unknown_things_are_named(self, sandbox):
        with pytest.raises(LookupError, match="no such user: nobody"):
            sandbox.create_job(user="nobody")
        with pytest.raises(LookupError, match="no such row in jobs: 424242"):
            sandbox.set_status(424242, "success")

    def test_a_given_log_is_served_and_sized(self, api, sandbox):
        job = sandbox.create_job(log="grüße\n".encode())

        body = api.get(f"/projects/{DEMO}/jobs/{job}").json()

        assert body["artifacts"][-1]["size"] == 8
        assert api.get(f"/projects/{DEMO}/jobs/{job}/trace").text == "grüße\n"

    def test_a_replaced_log_comes_back(self, api, sandbox):
        written = api.get("/projects/1/jobs/1/trace").body
        sandbox.set_log(1, b"mine")
        mine = api.get("/projects/1/jobs/1/trace").body
        sandbox.set_log(1, None)

        assert (mine, api.get("/projects/1/jobs/1/trace").body) == (b"mine", written)

    def test_a_deleted_job_never_was(self, api, sandbox):
        sandbox.delete_job(7)

        assert api.get("/projects/1/jobs/7").status == 404
        assert api.get("/projects/1/pipelines/6/jobs").ids == [8, 6]

    def test_tags_when_and_user_are_columns_too(self, api, sandbox):
        job = sandbox.create_job(tags=["b", "a"], when="manual", user="guest", status="manual")

        body = api.get(f"/projects/1/jobs/{job}").json()

        assert body["tag_list"] == ["a", "b"]
        assert body["user"]["username"] == "guest"
        assert sandbox.jobs(id=job)[0].run_when == "manual"

    def test_set_status_gives_the_times_of_the_status(self, sandbox):
        job = sandbox.create_job(status="pending")
        sandbox.advance(2)
        running = sandbox.set_status(job, "running")
        sandbox.advance(3)
        failed = sandbox.set_status(job, "failed", failure_reason="api_failure")
        waiting = sandbox.set_status(job, "created")

        assert (running.started_at, running.duration) == ("2026-11-01T00:00:02.000Z", None)
        assert (failed.duration, failed.failure_reason) == (3.0, "api_failure")
        assert (waiting.started_at, waiting.finished_at, waiting.failure_reason) == (None,) * 3
