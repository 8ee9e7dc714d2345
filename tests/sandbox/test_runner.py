"""The simulated runner: jobs move with the world's time, in the same way each time."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from anyio.lowlevel import checkpoint

from gateway.sandbox import Sandbox


def status_of(sandbox, job: int) -> str:
    return sandbox.jobs(id=job)[0].status


@pytest.fixture
def pipeline(sandbox) -> int:
    return sandbox.create_pipeline(project=1)


@pytest.fixture
def pending(sandbox, pipeline) -> int:
    """A queued build of a pipeline of its own, with 20 seconds of work."""
    return sandbox.create_job(
        1, pipeline, status="pending", moves=True, planned_s=20.0, log_lines=20
    )


class TestOneJob:
    def test_it_waits_runs_and_succeeds(self, sandbox, pending):
        seen = [status_of(sandbox, pending)]
        for step in (2.9, 0.2, 19.8, 0.2):
            sandbox.advance(step)
            seen.append(status_of(sandbox, pending))

        assert seen == ["pending", "pending", "running", "running", "success"]

    def test_what_it_leaves_behind(self, sandbox, api, pending):
        sandbox.advance(60)
        body = api.get(f"/projects/1/jobs/{pending}").json()

        kinds = [entry["file_type"] for entry in body["artifacts"]]
        assert (body["queued_duration"], body["duration"]) == (3.0, 20.0)
        assert (body["started_at"], body["finished_at"]) == (
            "2026-11-01T00:00:03.000Z",
            "2026-11-01T00:00:23.000Z",
        )
        assert body["runner"]["status"] == body["runner_manager"]["status"] == "online"
        assert kinds == ["archive", "metadata", "trace"]
        assert body["artifacts_expire_at"] == "2026-12-01T00:00:23.000Z"

    def test_its_outcome_may_be_a_failure(self, sandbox, pipeline, api):
        job = sandbox.create_job(
            1, pipeline, status="pending", moves=True, outcome="runner_system_failure"
        )

        sandbox.advance(60)

        body = api.get(f"/projects/1/jobs/{job}").json()
        assert (body["status"], body["failure_reason"]) == ("failed", "runner_system_failure")

    def test_its_log_grows_and_every_reading_begins_as_the_one_before(self, sandbox, api, pending):
        readings = []
        for _ in range(14):
            readings.append(api.get(f"/projects/1/jobs/{pending}/trace").body)
            sandbox.advance(2)

        assert readings[0] == b""
        assert len(set(readings)) > 8
        assert all(later.startswith(earlier) for earlier, later in pairwise(readings))
        assert readings[-1].endswith(b"Job succeeded\x1b[0;m\n")

    def test_without_moves_it_stays(self, sandbox, pipeline):
        job = sandbox.create_job(1, pipeline, status="running")

        sandbox.advance(1_000_000)

        assert status_of(sandbox, job) == "running"

    def test_without_a_runner_for_its_tags_it_stays_pending(self, sandbox, pipeline):
        job = sandbox.create_job(1, pipeline, status="pending", tags=["mainframe"], moves=True)

        sandbox.advance(1_000_000)

        assert status_of(sandbox, job) == "pending"

    @pytest.mark.parametrize(
        "status", ["waiting_for_resource", "preparing", "waiting_for_callback"]
    )
    def test_earlier_states_lead_to_pending(self, sandbox, pipeline, status):
        job = sandbox.create_job(1, pipeline, status=status, moves=True)

        sandbox.advance(10)

        assert status_of(sandbox, job) in {"pending", "running"}

    def test_a_scheduled_job_starts_by_itself(self, sandbox, pipeline):
        job = sandbox.create_job(1, pipeline, status="scheduled", when="delayed", moves=True)

        sandbox.advance(7)

        assert status_of(sandbox, job) == "running"

    def test_canceling_ends_canceled_with_the_lines_it_had(self, sandbox, api, pending):
        sandbox.advance(12)
        sandbox.update_job(pending, runner_id=1)
        before = api.get(f"/projects/1/jobs/{pending}/trace").body

        canceling = api.post(f"/projects/1/jobs/{pending}/cancel").json()
        sandbox.advance(6)
        canceled = api.get(f"/projects/1/jobs/{pending}").json()
        after = api.get(f"/projects/1/jobs/{pending}/trace").body

        assert (canceling["status"], canceling["finished_at"]) == ("canceling", None)
        assert (canceled["status"], canceled["duration"]) == ("canceled", 14.0)
        assert [entry["file_type"] for entry in canceled["artifacts"]] == ["trace"]
        assert after.startswith(before)
        assert after.endswith(b"canceled\x1b[0;m\n")


class TestPipeline:
    def test_stages_follow_each_other(self, sandbox, pipeline):
        stages = ("build", "test", "deploy")
        jobs = [
            sandbox.create_job(
                1,
                pipeline,
                stage=stage,
                status="pending" if stage == "build" else "created",
                moves=stage == "build",
                planned_s=10.0,
            )
            for stage in stages
        ]
        seen = []
        for _ in range(4):
            seen.append([status_of(sandbox, job) for job in jobs])
            sandbox.advance(13)

        assert seen == [
            ["pending", "created", "created"],
            ["success", "pending", "created"],
            ["success", "success", "pending"],
            ["success", "success", "success"],
        ]

    def test_its_own_status_and_times_follow(self, sandbox, api, pipeline, pending):
        target = f"/projects/1/pipelines/{pipeline}"
        sandbox.advance(5)
        running = api.get(target).json()
        sandbox.advance(60)
        over = api.get(target).json()

        assert (running["status"], running["started_at"]) == ("running", "2026-11-01T00:00:03.000Z")
        assert (over["status"], over["duration"], over["queued_duration"]) == ("success", 20, 3)
        assert over["finished_at"] == "2026-11-01T00:00:23.000Z"

    def test_a_failure_skips_what_follows_and_runs_what_waits_for_it(self, sandbox, pipeline):
        sandbox.create_job(
            1, pipeline, stage="build", status="pending", moves=True, outcome="script_failure"
        )
        skipped = sandbox.create_job(1, pipeline, stage="test", status="created")
        rescue = sandbox.create_job(1, pipeline, stage="test", status="created", when="on_failure")

        sandbox.advance(200)

        assert status_of(sandbox, skipped) == "skipped"
        assert status_of(sandbox, rescue) == "success"

    def test_a_blocking_manual_job_holds_the_next_stage(self, sandbox, api, pipeline, pending):
        manual = sandbox.create_job(1, pipeline, stage="deploy", status="created", when="manual")

        sandbox.advance(60)
        waiting = api.get(f"/projects/1/pipelines/{pipeline}").json()["status"]
        played = api.post(f"/projects/1/jobs/{manual}/play").json()
        sandbox.advance(60)

        assert (waiting, played["status"]) == ("manual", "pending")
        assert status_of(sandbox, manual) == "success"

    def test_a_bridge_starts_its_child_and_ends_with_it(self, sandbox, api, pipeline, pending):
        sandbox.create_job(
            1, pipeline, stage="deploy", status="created", bridge=True, downstream_project_id=2
        )
        target = f"/projects/1/pipelines/{pipeline}/bridges"
        seen = []
        for _ in range(6):
            (bridge,) = api.get(target).json()
            child = bridge["downstream_pipeline"]
            seen.append((bridge["status"], child and child["status"]))
            sandbox.advance(24)

        assert list(dict.fromkeys(seen)) == [
            ("created", None),
            ("pending", None),
            ("running", "running"),
            ("success", "success"),
        ]
        assert child["project_id"] == 2
        assert child["source"] == "pipeline"

    def test_the_demos_moving_pipeline_ends_where_people_must_act(self, sandbox, api):
        row = sandbox.landmarks["moving_pipeline"]

        sandbox.advance(1_000)

        jobs = api.get(f"/projects/1/pipelines/{row}/jobs?per_page=100").json()
        left = {job["name"]: job["status"] for job in jobs if job["status"] != "success"}
        assert left == {"by hand": "manual", "flaky spec": "failed"}
        assert api.get(f"/projects/1/pipelines/{row}").json()["status"] == "success"


class TestTime:
    def test_many_small_steps_lead_where_one_large_one_does(self):
        ends = []
        for step in (1, 100):
            sandbox = Sandbox()
            for _ in range(400 // step):
                sandbox.advance(step)
            ends.append(sandbox.jobs())
            sandbox.close()

        assert ends[0] == ends[1]

    def test_advance_says_how_many_steps_were_taken(self, sandbox, pending):
        sandbox.advance(0)
        assert sandbox.advance(2) == 0
        assert sandbox.advance(500) > 2

    def test_time_may_come_from_a_source(self):
        moment = datetime(2030, 1, 1, tzinfo=UTC)
        sandbox = Sandbox(now=lambda: moment)

        begun = sandbox.now
        moment += timedelta(seconds=30)

        assert sandbox.now - begun == timedelta(seconds=30)
        assert sandbox.jobs(id=8)[0].started_at == "2029-12-31T23:55:02.500Z"
        sandbox.close()


@pytest.mark.parametrize("action", ["play", "cancel"])
def test_the_demo_never_runs_out_of_jobs_that_wait_for_a_person(sandbox, api, action):
    for _ in range(3):
        [waiting, *_] = sandbox.jobs(1, status="manual", bridge=0)

        answer = api.post(f"/projects/1/jobs/{waiting.id}/{action}")

        assert answer.status in {200, 201}
        assert sandbox.jobs(1, status="manual", bridge=0)[0].id > waiting.id


@pytest.mark.anyio
class TestLive:
    async def test_served_it_moves_and_people_push(self):
        moment = datetime(2030, 1, 1, tzinfo=UTC)
        sandbox = Sandbox(live=True, now=lambda: moment)
        pipelines = len({row.pipeline_id for row in sandbox.jobs(1)})

        moment += timedelta(seconds=95)
        await serve_for_a_moment(sandbox)

        assert status_of(sandbox, sandbox.landmarks["moving_job"]) == "success"
        assert len({row.pipeline_id for row in sandbox.jobs(1)}) > pipelines
        sandbox.close()

    async def test_not_live_it_stands_still(self, sandbox):
        before = sandbox.jobs()

        await serve_for_a_moment(sandbox)

        assert sandbox.jobs() == before


async def serve_for_a_moment(sandbox) -> None:
    """Start and stop the application as a server does."""
    inbox = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
    outbox = []

    async def receive():
        for _ in range(5):  # every task that is ready takes a step
            await checkpoint()
        return inbox.pop()

    async def send(message):
        outbox.append(message["type"])

    await sandbox.app({"type": "lifespan", "state": {}}, receive, send)
    assert outbox == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
