"""upstream.md, 4.3 erase and 4.4 play. A test per row or sentence."""

import pytest

OPEN, CLOSED = 10, 11
FORBIDDEN = (403, {"message": "403 Forbidden"})
NOT_FOUND = (404, {"message": "404 Not found"})
UNPLAYABLE = (400, {"message": "400 Bad request - Unplayable Job"})
NOT_ERASABLE = (403, {"message": "403 Forbidden - Job is not erasable!"})


class TestErase:
    """upstream.md, 4.3"""

    @pytest.mark.parametrize("status", ["success", "failed", "canceled", "skipped"])
    @pytest.mark.parametrize("facts", [{"log": "x"}, {"artifacts": True}], ids=["log", "artifacts"])
    def test_complete_with_log_or_artifacts(self, lab, status, facts):
        assert lab.post(f"/projects/10/jobs/{lab.job(status, **facts)}/erase").status == 201

    @pytest.mark.parametrize("status", ["success", "failed", "canceled", "skipped"])
    def test_complete_without_is_403(self, lab, status):
        assert lab.post(f"/projects/10/jobs/{lab.job(status)}/erase").said == NOT_ERASABLE

    @pytest.mark.parametrize("status", ["created", "pending", "running", "canceling", "manual"])
    def test_incomplete_is_403(self, lab, status):
        assert lab.post(f"/projects/10/jobs/{lab.job(status, log='x')}/erase").said == NOT_ERASABLE

    def test_second_erase_is_403(self, lab):
        target = f"/projects/10/jobs/{lab.job('success', log='x')}/erase"

        assert lab.post(target).status == 201
        assert lab.post(target).said == NOT_ERASABLE

    def test_effect(self, lab):
        job = lab.job("success", log="x", artifacts=True)

        body = lab.post(f"/projects/10/jobs/{job}/erase").json()

        assert body["status"] == "success"
        assert body["artifacts"] == []
        assert "artifacts_file" not in body
        assert body["artifacts_expire_at"] is None
        assert body["erased_at"] is not None
        assert lab.get(f"/projects/10/jobs/{job}/trace").body == b""

    def test_bridge_is_404(self, lab):
        assert lab.post(f"/projects/10/jobs/{lab.bridge('success')}/erase").said == NOT_FOUND


class TestPlay:
    """upstream.md, 4.4"""

    @pytest.mark.parametrize(
        ("variables", "text"),
        [
            ([{"key": "A", "value": "1"}, {"value": "2"}], "[1][key] is missing"),
            ([{"key": "A"}], "[0][value] is missing"),
        ],
    )
    def test_variables_need_key_and_value_and_nothing_runs(self, lab, variables, text):
        target = f"/projects/10/jobs/{lab.job('manual', when='manual')}"

        answer = lab.post(f"{target}/play", json_body={"job_variables_attributes": variables})

        assert answer.said == (400, {"error": f"job_variables_attributes{text}"})
        assert lab.get(target).json()["status"] == "manual"

    def test_variables_form_style(self, lab):
        form = [
            ("job_variables_attributes[][key]", "A"),
            ("job_variables_attributes[][value]", "1"),
            ("job_variables_attributes[][key]", "B"),
            ("job_variables_attributes[][value]", "2"),
        ]
        target = f"/projects/10/jobs/{lab.job('manual', when='manual')}/play"

        assert lab.post(target, form=form).status == 200

    def test_form_style_without_a_key(self, lab):
        target = f"/projects/10/jobs/{lab.job('manual', when='manual')}/play"

        answer = lab.post(target, form=[("job_variables_attributes[][value]", "1")])

        refusal = {"error": "job_variables_attributes[0][key] is missing"}
        assert answer.said == (400, refusal)

    def test_unknown_input(self, lab):
        target = f"/projects/10/jobs/{lab.job('manual', when='manual')}/play"

        answer = lab.post(target, json_body={"job_inputs": {"no_such": "x"}})

        assert answer.status == 400
        assert "Unknown input" in answer.json()["message"]

    def test_variables_without_the_right_to_set_them(self, lab):
        lab.sandbox.update_project(OPEN, variables_level=40)
        target = f"/projects/10/jobs/{lab.job('manual', when='manual')}/play"
        variables = {"job_variables_attributes": [{"key": "A", "value": "1"}]}

        assert lab.as_("developer").post(target, json_body=variables).said == FORBIDDEN
        assert lab.as_("developer").post(target).status == 200

    @pytest.mark.parametrize("status", ["manual", "success", "failed", "canceled"])
    def test_manual_job(self, lab, status):
        assert lab.post(f"/projects/10/jobs/{lab.job(status, when='manual')}/play").status == 200

    def test_delayed_job(self, lab):
        job = lab.job("scheduled", when="delayed")

        answer = lab.post(f"/projects/10/jobs/{job}/play")

        body = answer.json()
        assert (answer.status, body["id"], body["status"]) == (200, job, "pending")

    @pytest.mark.parametrize("status", ["created", "pending", "running", "success", "failed"])
    def test_other_jobs_are_never_playable(self, lab, status):
        assert lab.post(f"/projects/10/jobs/{lab.job(status)}/play").said == UNPLAYABLE

    @pytest.mark.parametrize("status", ["manual", "failed"])
    def test_reporter_on_an_unplayable_job_is_403(self, lab, status):
        target = f"/projects/10/jobs/{lab.job(status)}/play"
        assert lab.as_("reporter").post(target).said == FORBIDDEN

    def test_waiting_job_keeps_its_id_and_gets_the_caller(self, lab):
        job = lab.job("manual", when="manual", user="maintainer")

        body = lab.as_("developer").post(f"/projects/10/jobs/{job}/play").json()

        assert (body["id"], body["status"]) == (job, "pending")
        assert body["user"]["username"] == lab.username("developer")

    def test_finished_job_is_cloned_and_the_clone_returned(self, lab):
        pipeline = lab.pipeline()
        job = lab.job("success", when="manual", pipeline=pipeline)

        body = lab.post(f"/projects/10/jobs/{job}/play").json()

        assert body["id"] > job
        assert body["status"] == "pending"
        assert lab.get(f"/projects/10/pipelines/{pipeline}/jobs").ids == [body["id"]]
        assert lab.post(f"/projects/10/jobs/{job}/play").said == UNPLAYABLE

    def test_bridge_is_answered_as_bridge(self, lab, schemas):
        bridge = lab.bridge("manual", when="manual")

        answer = lab.post(f"/projects/10/jobs/{bridge}/play")

        assert (answer.status, answer.json()["id"]) == (200, bridge)
        assert schemas.faults("bridge", answer.json(), "18") == []

    @pytest.mark.parametrize("status", ["created", "success", "failed"])
    def test_bridge_that_does_not_wait_is_unplayable(self, lab, status):
        bridge = lab.bridge(status, when="manual")
        assert lab.post(f"/projects/10/jobs/{bridge}/play").said == UNPLAYABLE

    def test_bridges_ignore_variables(self, lab):
        bridge = lab.bridge("manual", when="manual")
        variables = {"job_variables_attributes": [{"key": "A", "value": "1"}]}
        assert lab.post(f"/projects/10/jobs/{bridge}/play", json_body=variables).status == 200
