"""upstream.md, 3.6 and 3.7: what a job asks about itself, with its job token."""

import pytest

OPEN, CLOSED, MEMBERS = 10, 11, 14
UNAUTHORIZED = (401, {"message": "401 Unauthorized"})


class TestOwnJob:
    """upstream.md, 3.6"""

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
    """upstream.md, 3.7"""

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

    @pytest.mark.parametrize(
        ("environment", "listed"),
        [
            (None, [1]),
            ({"slug": "production", "tier": "production"}, [1, 2]),
            ({"slug": "review-app-7", "tier": "development", "name": "review/app-7"}, [1, 3]),
            ({"slug": "review", "tier": "development"}, [1]),
            ({"slug": "prod", "tier": "production", "name": "production?"}, [1, 4]),
        ],
    )
    def test_agents_of_environments_only_for_jobs_that_deploy_there(
        self, make_lab, environment, listed
    ):
        """Without `environments` an agent is for every job, and with them only for a match."""
        agents = [
            {},
            {"configuration": {"environments": ["production", "staging"]}},
            {"configuration": {"environments": ["review/*"]}},
            {"configuration": {"environments": ["production?"]}},
        ]
        job = {"name": "runs", "status": "running", "environment": environment}
        project = {"path": "team/app", "agents": agents, "pipelines": [{"jobs": [job]}]}
        caller = make_lab(world={"projects": [project]}).as_("job_token")

        body = caller.get(self.TARGET, headers={"job-token": "glcbt-sandbox-running"}).json()

        assert [agent["id"] for agent in body["allowed_agents"]] == listed

    def test_groups_are_the_own_group_and_its_ancestors(self, lab):
        token = lab.as_("job_token")

        before = token.get(self.TARGET).json()["project"]["groups"]
        lab.sandbox.update_project(OPEN, groups_json="[22,21]")
        after = token.get(self.TARGET).json()["project"]["groups"]

        assert (before, after) == ([], [{"id": 22}, {"id": 21}])
