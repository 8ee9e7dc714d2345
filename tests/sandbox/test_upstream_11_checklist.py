"""upstream.md, 11: a faithful server, point by point, where no earlier section has the test.

The other points have their tests with these sections: 1 with 1; 2 with 1 and 2; 3 with 3.1 to 3.3;
4 with 8.2; 5 with 5; 6 with 4.2 and 4.4; 7 with 7; 8 with 3.5; 10 with 9 and in test_faults.py.
"""

import pytest

from gateway.sandbox import Fault

ROLES = [
    "admin",
    "maintainer",
    "developer",
    "reporter",
    "guest",
    "outsider",
    "read_only",
    "expired",
    "revoked",
    "oauth",
    "job_token",
    "finished_job_token",
]


class TestTokensAndProjects:
    """Item 9."""

    def test_a_token_per_role(self, sandbox):
        assert set(ROLES) <= sandbox.tokens.keys()
        assert len(set(sandbox.tokens.values())) == len(sandbox.tokens)

    def test_tokens_are_the_same_in_every_world(self, sandbox, lab):
        assert lab.sandbox.tokens.items() <= sandbox.tokens.items()

    def test_one_private_one_public_one_renamed_project(self, reader, project_ids):
        bodies = [reader.as_("admin").get(f"/projects/{number}").json() for number in project_ids]
        assert {"public", "private"} <= {body["visibility"] for body in bodies}
        assert any(body["path_with_namespace"].count("/") > 1 for body in bodies)


class TestSwitches:
    """Item 10: a switch for 429 of both kinds, 500, slow and cut-off answers (test_faults.py)."""

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_5xx(self, lab, status):
        lab.sandbox.faults.append(Fault(kind="status", status=status, times=1))

        assert lab.get("/projects/10/jobs").status == status
        assert lab.get("/projects/10/jobs").status == 200


@pytest.fixture(scope="module")
def jobs(reader, project_ids) -> list[dict]:
    admin = reader.as_("admin")
    return [
        job
        for number in project_ids
        for page in (1, 2, 3)
        for job in admin.get(f"/projects/{number}/jobs?per_page=100&page={page}").json()
    ]


class TestFixtures:
    """Item 11."""

    def test_ids_above_int32(self, jobs):
        assert max(job["id"] for job in jobs) > 2**31
        assert max(job["pipeline"]["id"] for job in jobs) > 2**31

    def test_null_user_null_commit_null_runner(self, jobs):
        for key in ("user", "commit", "runner"):
            assert any(job[key] is None for job in jobs), key

    def test_null_downstream_pipeline(self, reader, project_ids):
        bridges = [
            bridge
            for number in project_ids
            for row in reader.as_("admin").get(f"/projects/{number}/pipelines?per_page=100").json()
            for bridge in reader.as_("admin")
            .get(f"/projects/{number}/pipelines/{row['id']}/bridges")
            .json()
        ]
        downstreams = [bridge["downstream_pipeline"] for bridge in bridges]

        assert None in downstreams
        assert any(
            downstream["project_id"] != bridge["pipeline"]["project_id"]
            for bridge in bridges
            if (downstream := bridge["downstream_pipeline"])
        )

    def test_erased_job(self, jobs):
        assert any(job["erased_at"] for job in jobs)

    def test_unknown_status_and_unknown_keys(self, jobs, schemas):
        known = set(schemas.documents["job.json"]["properties"])
        known |= set(schemas.documents["job_basic.json"]["properties"])

        assert any(set(job) - known for job in jobs)

    def test_non_ascii_names(self, jobs):
        assert any(not job["name"].isascii() for job in jobs)
