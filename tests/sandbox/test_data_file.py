"""Worlds in files: state that outlives the process, and worlds of one's own."""

import json
import re
import sqlite3

import pytest

from gateway.sandbox import Sandbox

WORLD = {
    "users": [{"username": "zoe", "name": "Zoë", "token": "glpat-zoe"}],
    "projects": [
        {
            "path": "team/app",
            "visibility": "private",
            "members": {"zoe": "maintainer"},
            "moved_from": ["team/old-app"],
            "pipelines": [
                {
                    "id": 7,
                    "ref": "next",
                    "stages": ["build", "check"],
                    "user": "zoe",
                    "commit": {"title": "First"},
                    "jobs": [
                        {"name": "compile", "stage": "build", "log": "hello\n", "age": 90},
                        {"name": "spec", "status": "failed", "failure_reason": "api_failure"},
                        {"name": "slow", "status": "pending", "moves": True, "worked": 5},
                        {"name": "child", "bridge": {"project": "team/lib", "pipeline": 8}},
                        {"name": "nobody's", "user": None, "tags": ["b", "a"]},
                    ],
                }
            ],
        },
        {"path": "team/lib", "id": 40, "pipelines": [{"id": 8, "jobs": [{"name": "use"}]}]},
    ],
}


@pytest.fixture
def zoe(reader, loop):
    """A caller of the world above, as its own user."""
    sandbox = Sandbox(world=WORLD)
    yield type(reader)(sandbox, "zoe", loop)
    sandbox.close()


class TestWorldOfOnesOwn:
    def test_projects_users_and_members(self, zoe):
        project = zoe.get("/projects/team%2Fapp").json()

        assert (project["id"], project["visibility"]) == (1, "private")
        assert zoe.as_("developer").get("/projects/1").status == 404
        assert zoe.as_("developer").get("/projects/40").status == 200
        assert zoe.get("/projects/team%2Fold-app").status == 301

    def test_jobs_look_as_jobs_of_their_status_do(self, zoe):
        rows = {row["name"]: row for row in zoe.get("/projects/1/pipelines/7/jobs").json()}

        assert {row["stage"] for row in rows.values()} == {"build"}
        assert rows["spec"]["failure_reason"] == "api_failure"
        assert rows["compile"]["created_at"] == "2026-10-31T23:58:30.000Z"
        assert rows["compile"]["user"]["username"] == "zoe"
        assert rows["compile"]["commit"]["title"] == "First"
        assert rows["compile"]["artifacts"][-1] == {
            "file_type": "trace", "size": 6, "filename": "job.log", "file_format": None
        }  # fmt: skip
        assert (rows["nobody's"]["user"], rows["nobody's"]["tag_list"]) == (None, ["a", "b"])
        assert zoe.get(f"/projects/1/jobs/{rows['compile']['id']}/trace").text == "hello\n"

    def test_bridges_lead_to_projects_of_the_file(self, zoe):
        (bridge,) = zoe.get("/projects/1/pipelines/7/bridges").json()

        assert bridge["downstream_pipeline"]["project_id"] == 40

    def test_what_moves_moves(self, zoe):
        zoe.sandbox.advance(60)

        (slow,) = zoe.sandbox.jobs(name="slow")
        assert slow.status == "success"

    @pytest.mark.parametrize("status", ["success", "failed", "canceled"])
    def test_finished_job_may_have_no_log(self, reader, loop, status):
        jobs = [{"name": "mute", "status": status, "log": None, "artifacts": ["junit"]}]
        sandbox = Sandbox(world={"projects": [{"path": "a/b", "pipelines": [{"jobs": jobs}]}]})
        caller = type(reader)(sandbox, "developer", loop)
        (mute,) = caller.get("/projects/1/jobs").json()

        log = caller.get(f"/projects/1/jobs/{mute['id']}/trace")

        assert (log.status, log.body) == (200, b"")
        assert [item["file_type"] for item in mute["artifacts"]] == ["junit"]
        sandbox.close()

    def test_agents_are_configured_by_projects_of_the_file(self, reader, loop):
        job = {"name": "runs", "status": "running", "environment": {"slug": "staging"}}
        agents = [
            {"id": 7, "project": "team/clusters", "configuration": {"default_namespace": "app"}},
            {"configuration": {"environments": ["production"]}},
        ]
        app = {"path": "team/app", "agents": agents, "pipelines": [{"jobs": [job]}]}
        sandbox = Sandbox(world={"projects": [app, {"path": "team/clusters", "id": 40}]})
        caller = type(reader)(sandbox, "job_token", loop)

        body = caller.get("/job/allowed_agents").json()

        (agent,) = body["allowed_agents"]
        assert agent["id"] == 7
        assert agent["config_project"]["id"] == 40
        assert agent["config_project"]["path_with_namespace"] == "team/clusters"
        assert agent["configuration"] == {"default_namespace": "app"}
        assert body["environment"] == {"slug": "staging", "tier": "other"}
        sandbox.close()

    def test_job_tokens_of_the_roles_work_in_it(self, reader, loop):
        jobs = [{"name": "runs", "status": "running"}, {"name": "ran"}]
        project = {"path": "a/b", "pipelines": [{"jobs": jobs}]}
        sandbox = Sandbox(world={"projects": [project]})
        caller = type(reader)(sandbox, "job_token", loop)

        assert caller.get("/job").json()["name"] == "runs"
        assert caller.as_("finished_job_token").get("/job").status == 401
        sandbox.close()

    @pytest.mark.parametrize("form", ["json", "yaml"])
    def test_it_may_be_a_file(self, tmp_path, form):
        if form == "yaml":
            yaml = pytest.importorskip("yaml")
            text = yaml.safe_dump(WORLD, allow_unicode=True)
        else:
            text = json.dumps(WORLD)
        path = tmp_path / f"world.{form}"
        path.write_text(text, encoding="utf-8")

        from_file, from_mapping = Sandbox(world=path), Sandbox(world=WORLD)

        assert from_file.jobs() == from_mapping.jobs()
        from_file.close()
        from_mapping.close()

    @pytest.mark.parametrize(
        ("path", "value", "complaint"),
        [
            ("", {"projects": [], "colour": 1}, "contains unknown field `colour`"),
            ("projects", "all", "Expected `array`, got `str` - at `$.projects`"),
            ("projects.0.path", "app", "project app: a path has a namespace and a name"),
            ("projects.0.visibility", "open", "Invalid enum value 'open' - at `$.projects[0].vis"),
            ("projects.0.members", {"ann": "owner"}, "project team/app: no such user: ann"),
            (
                "projects.0.pipelines.0.jobs.0.stage",
                "dev",
                "no such stage: dev (known: build, check)",
            ),
            ("projects.0.pipelines.0.jobs.0.artifacts", ["x"], "job compile: unknown artifacts: x"),
            ("projects.0.pipelines.0.jobs.0.user", "ann", "job compile: no such user: ann"),
            ("projects.0.pipelines.0.jobs.3.bridge", {"project": "a/b"}, "no such project: a/b"),
            ("projects.0.agents", [{"project": "a/b"}], "team/app, agent 1: no such project: a/b"),
            (
                "projects.0.agents",
                [{"configuration": {"environments": "production"}}],
                "team/app, agent 1: environments must be a list of names",
            ),
            (
                "projects.0.pipelines.0.jobs.0.environment",
                {"tier": "production"},
                "missing required field `slug`",
            ),
        ],
    )
    def test_mistakes_name_their_place(self, path, value, complaint):
        world = with_value(WORLD, path, value)

        with pytest.raises(ValueError, match=re.escape(complaint)):
            Sandbox(world=world)


@pytest.mark.parametrize(
    "options", [{"world": {"projects": [{"pipelines": 1}]}}, {"profile": "no such"}, {"data": True}]
)
def test_what_cannot_be_opened_is_closed(options, tmp_path, monkeypatch):
    opened, connect = [], sqlite3.connect
    if "data" in options:
        options = {"data": tmp_path / "notes.txt"}
        options["data"].write_text("no database " * 100)

    def connect_and_remember(*arguments, **more):
        opened.append(connect(*arguments, **more))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", connect_and_remember)

    with pytest.raises((ValueError, sqlite3.DatabaseError)):
        Sandbox(**options)

    assert opened
    for database in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            database.execute("SELECT 1")


class TestDataFile:
    def test_state_time_and_landmarks_outlive_the_process(self, tmp_path, reader, loop):
        path = tmp_path / "state.db"
        first = Sandbox(data=path)
        made = first.create_job(name="kept")
        first.advance(300)
        before, now, landmarks = first.jobs(), first.now, dict(first.landmarks)
        first.close()

        second = Sandbox(data=path)

        assert second.jobs(id=made)[0].name == "kept"
        assert (second.jobs(), second.now, dict(second.landmarks)) == (before, now, landmarks)
        assert type(reader)(second, runner=loop).get("/projects/1/jobs/8").status == 200
        second.close()

    def test_a_request_is_written_at_once(self, tmp_path, reader, loop):
        path = tmp_path / "state.db"
        first, second = Sandbox(data=path), None

        made = type(reader)(first, runner=loop).post("/projects/1/jobs/7/retry").json()["id"]
        second = Sandbox(data=path)

        assert second.jobs(id=made)[0].name == "teaspoon"
        second.close()
        first.close()


def with_value(world, path, value):
    """A copy of the world with another value at a dotted path."""
    changed = json.loads(json.dumps(world))
    if not path:
        return value
    *parts, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = changed
    for part in parts:
        place = place[part]
    place[last] = value
    return changed
