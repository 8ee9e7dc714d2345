"""The admin endpoint and the limiters: steering a sandbox while it runs."""

import json

import pytest

ADMIN = pytest.mark.sandbox(admin=True)


def call(api, method: str, path: str, body=None):
    return api.call(method, path, json_body=body, root="/sandbox")


@ADMIN
class TestAdmin:
    def test_overview(self, api, sandbox):
        body = call(api, "GET", "/").json()

        assert (body["profile"], body["now"]) == ("18", "2026-11-01T00:00:00+00:00")
        assert body["tokens"] == dict(sandbox.tokens)
        assert body["landmarks"]["running_job"] == 8

    def test_profile(self, api):
        answer = call(api, "PUT", "/profile", {"profile": "16"})

        assert answer.status == 204
        assert "runner_manager" not in api.get("/projects/1/jobs/1").json()
        assert api.get("/metadata").json()["version"].startswith("16.")

    @pytest.mark.parametrize("body", [{"profile": "9"}, {}, ["16"]])
    def test_unknown_profile_is_400(self, api, body):
        refusal = {"error": "profile must be one of 16, 17, 18"}
        assert call(api, "PUT", "/profile", body).said == (400, refusal)

    def test_faults_are_replaced_added_shown_and_cleared(self, api):
        call(api, "PUT", "/faults", [{"kind": "status", "status": 502, "route": "project_jobs"}])
        call(api, "POST", "/faults", {"kind": "html", "route": "trace"})

        struck = api.get("/projects/1/jobs").status
        shown = call(api, "GET", "/faults").json()
        call(api, "DELETE", "/faults")

        assert struck == 502
        assert [(fault["kind"], fault["fired"]) for fault in shown] == [("status", 1), ("html", 0)]
        assert api.get("/projects/1/jobs").status == 200

    @pytest.mark.parametrize("fault", [{"kind": "nonsense"}, {"kind": "html", "colour": 1}, {}])
    def test_mistaken_fault_is_400(self, api, fault):
        assert call(api, "POST", "/faults", fault).status == 400

    def test_advance(self, api, sandbox):
        body = call(api, "POST", "/advance", {"seconds": 90}).json()

        assert body["steps"] > 0
        assert body["now"] == sandbox.now.isoformat() == "2026-11-01T00:01:30+00:00"
        assert call(api, "POST", "/advance", {"seconds": "soon"}).status == 400

    def test_received_hides_credentials(self, api, sandbox):
        api.post("/projects/1/jobs/8/cancel", json_body={"force": False})

        answer = call(api, "GET", "/received")

        (seen,) = answer.json()
        assert (seen["method"], seen["status"]) == ("POST", 201)
        assert json.loads(seen["body"]) == {"force": False}
        assert sandbox.tokens["maintainer"] not in answer.text
        assert call(api, "DELETE", "/received").json() == []

    def test_reset(self, api):
        api.post("/projects/1/jobs/1/erase")

        assert call(api, "POST", "/reset").status == 204
        assert api.get("/projects/1/jobs/1").json()["erased_at"] is None


def test_off_by_default(api):
    assert call(api, "GET", "/").said == (404, {"error": "404 Not Found"})


class TestGlobalLimiter:
    def test_figures_on_every_answer_then_429(self, api, sandbox):
        sandbox.limits.everything = 2

        answers = [api.get("/projects/1") for _ in range(3)]
        sandbox.advance(60)
        later = api.get("/projects/1")

        figures = [
            (answer.status, answer.header("ratelimit-remaining"), answer.header("retry-after"))
            for answer in [*answers, later]
        ]
        assert figures == [(200, "1", None), (200, "0", None), (429, "0", "60"), (200, "1", None)]
        assert (answers[2].header("content-type"), answers[2].text) == (
            "text/plain",
            "Retry later\n",
        )

    def test_each_credential_has_its_own(self, api, sandbox):
        sandbox.limits.everything = 1

        assert [api.get("/projects/1").status for _ in range(2)] == [200, 429]
        assert api.as_("developer").get("/projects/1").status == 200

    def test_off_by_default(self, api):
        assert api.get("/projects/1").header("ratelimit-limit") is None


def test_object_storage_is_another_origin(api, sandbox):
    sandbox.object_storage = "http://storage.example"

    answer = api.get("/projects/1/jobs/1/artifacts")

    assert answer.status == 302
    assert answer.header("location").startswith("http://storage.example/artifacts/1/artifacts.zip?")
