"""upstream.md, 4: who may write, 4.1 cancel and 4.2 retry. A test per row or sentence."""

import pytest

OPEN, CLOSED = 10, 11
FORBIDDEN = (403, {"message": "403 Forbidden"})
NOT_FOUND = (404, {"message": "404 Not found"})
PROJECT_UNKNOWN = (404, {"message": "404 Project Not Found"})
UNAUTHORIZED = (401, {"message": "401 Unauthorized"})
NOT_RETRYABLE = (403, {"message": "403 Forbidden - Job is not retryable"})
ACTIONS = ("cancel", "retry", "erase", "play")


def job_for(lab, action: str, **facts) -> int:
    """A job on which the action succeeds when it is allowed."""
    return {
        "cancel": lambda: lab.job("pending", **facts),
        "retry": lambda: lab.job("failed", **facts),
        "erase": lambda: lab.job("success", log="x", **facts),
        "play": lambda: lab.job("manual", when="manual", **facts),
    }[action]()


class TestWho:
    """upstream.md, 4, first lines and table."""

    @pytest.mark.parametrize("action", ACTIONS)
    def test_anonymous_invisible_reporter(self, lab, action):
        job = job_for(lab, action, project=CLOSED)
        target = f"/projects/11/jobs/{job}/{action}"

        assert lab.as_(None).post(target).said == UNAUTHORIZED
        assert lab.as_("outsider").post(target).said == PROJECT_UNKNOWN
        assert lab.as_("guest").post(target).said == FORBIDDEN
        assert lab.as_("reporter").post(target).said == FORBIDDEN

    @pytest.mark.parametrize(
        ("action", "status", "role"),
        [
            ("cancel", 201, "developer"),
            ("retry", 201, "developer"),
            ("erase", 201, "maintainer"),
            ("play", 200, "developer"),
        ],
    )
    @pytest.mark.parametrize("above", [None, "admin"], ids=["least role", "admin"])
    def test_success(self, lab, schemas, action, status, role, above):
        job = job_for(lab, action)

        answer = lab.as_(above or role).post(f"/projects/10/jobs/{job}/{action}")

        assert answer.status == status
        assert schemas.faults("job", answer.json(), "18") == []

    def test_cancel_by_force_needs_maintainer(self, lab):
        job = lab.job("canceling")
        target = f"/projects/10/jobs/{job}/cancel"

        assert lab.as_("developer").post(target, json_body={"force": True}).said == FORBIDDEN
        answer = lab.as_("maintainer").post(target, json_body={"force": True})
        assert (answer.status, answer.json()["status"]) == (201, "canceled")

    def test_erase_by_the_developer_who_triggered_it(self, lab):
        mine = lab.job("success", log="x", user="developer", ref="side")
        other = lab.job("success", log="x", user="maintainer", ref="side")
        developer = lab.as_("developer")

        assert developer.post(f"/projects/10/jobs/{mine}/erase").status == 201
        assert developer.post(f"/projects/10/jobs/{other}/erase").said == FORBIDDEN

    def test_erase_on_a_protected_ref_needs_maintainer(self, lab):
        mine = lab.job("success", log="x", user="developer", ref="protected")
        target = f"/projects/10/jobs/{mine}/erase"

        assert lab.as_("developer").post(target).said == FORBIDDEN
        assert lab.as_("maintainer").post(target).status == 201

    @pytest.mark.parametrize("action", ["retry", "erase", "play"])
    def test_protected_ref_refuses_developers(self, lab, action):
        job = job_for(lab, action, ref="protected")
        target = f"/projects/10/jobs/{job}/{action}"

        assert lab.as_("developer").post(target).said == FORBIDDEN
        assert lab.as_("maintainer").post(target).status in {200, 201}

    def test_a_project_may_raise_who_cancels(self, lab):
        lab.sandbox.update_project(OPEN, cancel_level=40)
        target = f"/projects/10/jobs/{lab.job('pending')}/cancel"

        assert lab.as_("developer").post(target).said == FORBIDDEN
        assert lab.as_("maintainer").post(target).status == 201

    @pytest.mark.parametrize("action", ["retry", "erase", "play"])
    def test_archived_job_refuses_everybody(self, lab, action):
        job = job_for(lab, action, archived=1)
        assert lab.post(f"/projects/10/jobs/{job}/{action}").said == FORBIDDEN


class TestCancel:
    """upstream.md, 4.1"""

    def test_force_must_be_boolean(self, lab):
        answer = lab.post(f"/projects/10/jobs/{lab.job()}/cancel", json_body={"force": "maybe"})
        assert answer.said == (400, {"error": "force is invalid"})

    @pytest.mark.parametrize("status", ["success", "failed", "skipped", "canceled"])
    def test_a_state_that_cannot_be_cancelled_changes_nothing(self, lab, status):
        target = f"/projects/10/jobs/{lab.job(status)}"
        before = lab.get(target).json()

        answer = lab.post(f"{target}/cancel")

        assert answer.status == 201
        assert answer.json() == before == lab.get(target).json()

    def test_running_is_canceled_at_once(self, lab):
        answer = lab.post(f"/projects/10/jobs/{lab.job('running')}/cancel").json()

        assert answer["status"] == "canceled"
        assert answer["finished_at"] is not None

    def test_running_on_a_capable_runner_is_canceling(self, lab):
        job = lab.job("running", graceful=True)

        answer = lab.post(f"/projects/10/jobs/{job}/cancel").json()

        assert (answer["status"], answer["finished_at"]) == ("canceling", None)

    def test_never_started_keeps_started_at_null(self, lab):
        answer = lab.post(f"/projects/10/jobs/{lab.job('pending')}/cancel").json()

        assert answer["started_at"] is None
        assert answer["duration"] is None
        assert answer["finished_at"] is not None

    @pytest.mark.parametrize("status", ["pending", "running", "manual", "success"])
    def test_force_changes_no_other_state(self, lab, status):
        """It does not fall back to a plain cancel."""
        job = lab.job(status)

        answer = lab.post(f"/projects/10/jobs/{job}/cancel", json_body={"force": True})

        assert (answer.status, answer.json()["status"]) == (201, status)

    @pytest.mark.parametrize("status", ["pending", "canceling", "success"])
    def test_force_by_a_developer_is_403_whatever_the_state(self, lab, status):
        target = f"/projects/10/jobs/{lab.job(status)}/cancel"
        assert lab.as_("developer").post(target, json_body={"force": True}).said == FORBIDDEN

    def test_force_false_is_a_plain_cancel(self, lab):
        target = f"/projects/10/jobs/{lab.job('pending')}/cancel"
        answer = lab.as_("developer").post(target, json_body={"force": False})
        assert answer.json()["status"] == "canceled"

    def test_bridge_is_404(self, lab):
        assert lab.post(f"/projects/10/jobs/{lab.bridge()}/cancel").said == NOT_FOUND


class TestRetry:
    """upstream.md, 4.2"""

    @pytest.mark.parametrize("status", ["success", "failed", "canceled", "canceling"])
    def test_condition(self, lab, status):
        assert lab.post(f"/projects/10/jobs/{lab.job(status)}/retry").status == 201

    @pytest.mark.parametrize("status", ["created", "pending", "running", "manual", "skipped"])
    def test_otherwise_not_retryable(self, lab, status):
        assert lab.post(f"/projects/10/jobs/{lab.job(status)}/retry").said == NOT_RETRYABLE

    def test_retried_job_can_not_be_retried_again(self, lab):
        target = f"/projects/10/jobs/{lab.job('failed')}/retry"

        assert lab.post(target).status == 201
        assert lab.post(target).said == NOT_RETRYABLE

    def test_new_job(self, lab):
        old = lab.job("failed", log="x", artifacts=True, user="maintainer", tags=["linux"])
        before = lab.get(f"/projects/10/jobs/{old}").json()

        new = lab.as_("developer").post(f"/projects/10/jobs/{old}/retry").json()

        assert new["id"] > old
        for key in ("name", "stage", "ref", "tag", "tag_list", "allow_failure", "commit"):
            assert new[key] == before[key]
        assert new["pipeline"]["id"] == before["pipeline"]["id"]
        assert new["user"]["username"] == lab.username("developer")
        assert new["artifacts"] == []
        assert "artifacts_file" not in new
        for key in ("started_at", "finished_at", "erased_at", "duration", "artifacts_expire_at"):
            assert new[key] is None
        assert lab.get(f"/projects/10/jobs/{new['id']}/trace").body == b""

    def test_old_job_keeps_status_and_data_and_leaves_the_pipelines_list(self, lab):
        pipeline = lab.pipeline()
        old = lab.job("failed", pipeline=pipeline, log="x", artifacts=True)
        before = lab.get(f"/projects/10/jobs/{old}").json()

        new = lab.post(f"/projects/10/jobs/{old}/retry").json()["id"]

        after = lab.get(f"/projects/10/jobs/{old}").json()
        for body in (before, after):
            del body["pipeline"]  # it runs again
        assert after == before
        assert lab.get(f"/projects/10/pipelines/{pipeline}/jobs").ids == [new]

    def test_skipped_followers_go_back_to_created_and_the_pipeline_runs(self, lab):
        pipeline = lab.pipeline(status="failed")
        first = lab.job("failed", pipeline=pipeline, stage="build")
        follower = lab.job("skipped", pipeline=pipeline, stage="test")

        lab.post(f"/projects/10/jobs/{first}/retry")

        assert lab.get(f"/projects/10/jobs/{follower}").json()["status"] == "created"
        status = lab.get(f"/projects/10/pipelines/{pipeline}").json()["status"]
        assert status in {"pending", "running"}

    def test_answer_is_the_new_job_normally_pending(self, lab):
        assert (
            lab.post(f"/projects/10/jobs/{lab.job('failed')}/retry").json()["status"] == "pending"
        )

    def test_bridge_is_answered_in_the_job_shape(self, lab):
        """*(derived)*"""
        pipeline = lab.pipeline()
        old = lab.bridge("failed", pipeline=pipeline)

        new = lab.post(f"/projects/10/jobs/{old}/retry")

        body = new.json()
        assert (new.status, body["artifacts"], body["runner"]) == (201, [], None)
        assert body["tag_list"] == []
        assert "runner_manager" not in body
        assert "downstream_pipeline" not in body
        assert lab.get(f"/projects/10/pipelines/{pipeline}/bridges").ids == [body["id"]]

    def test_bridge_that_failed_for_depth_is_out(self, lab):
        bridge = lab.bridge("failed", failure_reason="reached_max_descendant_pipelines_depth")
        assert lab.post(f"/projects/10/jobs/{bridge}/retry").said == NOT_RETRYABLE

    def test_unknown_input_is_400(self, lab):
        target = f"/projects/10/jobs/{lab.job('failed')}/retry"

        answer = lab.post(target, json_body={"inputs": {"no_such": "x"}})

        assert answer.status == 400
        assert "Unknown input: no_such" in answer.json()["message"]
        assert lab.post(target).status == 201

    def test_input_outside_its_options_is_400(self, lab):
        options = '{"environment":{"options":["staging","production"]}}'
        target = f"/projects/10/jobs/{lab.job('failed', inputs_json=options)}/retry"

        refused = lab.post(target, json_body={"inputs": {"environment": "development"}})
        taken = lab.post(target, json_body={"inputs": {"environment": "staging"}})

        reason = (
            "`environment` input: `development` cannot be used because it is not in the list of"
            " allowed options"
        )
        assert refused.said == (400, {"message": f"400 Bad request - {reason}"})
        assert taken.status == 201

    def test_undeclared_parameters_are_ignored(self, lab):
        target = f"/projects/10/jobs/{lab.job('failed')}/retry"
        assert lab.post(target, json_body={"job_inputs": {"no_such": "x"}, "more": 1}).status == 201

    def test_unknown_job(self, lab):
        assert lab.post("/projects/10/jobs/987654321/retry").said == NOT_FOUND
