"""A world of one's own from a mapping, a JSON file or a YAML file (extra `yaml`).

    users:                      # beside the demo's role users
      - {username: zoe, name: Zoë, token: glpat-zoe}
    projects:
      - path: team/app          # id, name, visibility, public_pipelines, default_branch, description …
        members: {zoe: maintainer}      # absent: the role users, each as its name says
        moved_from: [team/old-app]
        protected_refs: [main]
        pipelines:
          - ref: main           # id, sha, source, status, name, user, tag, coverage, yaml_errors, age
            stages: [build, test]
            jobs:
              - name: compile   # id, status, stage, when, user, tags, log, artifacts, environment, age …
                stage: build
              - {name: spec, stage: test, status: failed, failure_reason: script_failure}
              - {name: child, stage: test, bridge: {project: team/app, pipeline: 7}}

`age` is in seconds before now. A job looks as jobs of its status do; what is given wins. A mistake
is a ValueError that names its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.sandbox.access import LEVELS
from gateway.sandbox.artifacts import ARTIFACTS, artifact, columns
from gateway.sandbox.clock import timestamp
from gateway.sandbox.jsontext import compact, parse
from gateway.sandbox.people import MEMBERS
from gateway.sandbox.profile import STATUSES
from gateway.sandbox.rows import JobRow, PipelineRow, ProjectRow, TokenRow, UserRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.sandbox.world import Builder

__all__ = ["load"]

_PROJECT = {
    "id", "path", "name", "description", "visibility", "public_pipelines", "default_branch", "members",
    "moved_from", "protected_refs", "groups", "job_token_scope_enabled", "job_token_allowlist",
    "pipelines",
}  # fmt: skip
_PIPELINE = {
    "id", "ref", "sha", "tag", "source", "status", "name", "user", "coverage", "yaml_errors", "age",
    "stages", "jobs", "commit",
}  # fmt: skip
_JOB = {
    "id", "name", "status", "stage", "when", "allow_failure", "retried", "user", "tags", "log",
    "artifacts", "artifacts_expire_at", "failure_reason", "coverage", "environment", "inputs", "bridge",
    "debug", "archived", "age", "waited", "worked", "started", "source", "outcome", "planned_s",
    "log_lines", "moves",
}  # fmt: skip


def load(world: Builder, source: Path | Mapping[str, Any]) -> None:
    """Build the world that a file or mapping describes."""
    described = _read(source) if isinstance(source, Path) else source
    _only(described, {"users", "projects"}, "the world")
    _Loader(world).load(described)
    world.flush()


def _read(path: Path) -> Mapping[str, Any]:
    text = path.read_text(encoding="utf-8")
    if path.suffix in {".yaml", ".yml"}:
        try:
            import yaml  # noqa: PLC0415 - an extra, asked for by the file's name only
        except ImportError:
            raise ValueError(f"{path}: install the extra 'yaml' to read it, or use JSON") from None
        described = yaml.safe_load(text)
    else:
        described = parse(text)
    if not isinstance(described, dict):
        raise TypeError(f"{path}: an object with `projects` is expected")
    return described


class _Loader:
    def __init__(self, world: Builder) -> None:
        self._world = world
        self._users = {row.username: row.id for row in world.store.all(UserRow)}
        self._paths: dict[str, int] = {}

    def load(self, described: Mapping[str, Any]) -> None:
        for user in _list(described, "users", "the world"):
            self._user(user)
        projects = _list(described, "projects", "the world")
        for number, project in enumerate(projects, 1):
            self._paths[_text(project, "path", f"project {number}")] = project.get("id", number)
        for project in projects:
            self._project(project, self._paths[project["path"]])

    def _user(self, given: Mapping[str, Any]) -> None:
        where = f"user {given.get('username')}"
        _only(given, {"id", "username", "name", "state", "admin", "token", "scopes"}, where)
        name = _text(given, "username", where)
        number = given.get("id", max(self._users.values()) + 1)
        row = UserRow(
            id=number,
            username=name,
            name=given.get("name", name),
            created_at=timestamp(self._world.now - 86_400),
            state=given.get("state", "active"),
            admin=int(given.get("admin", False)),
        )
        self._world.store.insert(UserRow, [row])
        self._users[name] = number
        if (token := given.get("token")) is not None:
            scopes = " ".join(given.get("scopes", ["api"]))
            self._world.store.insert(TokenRow, [TokenRow(token, name, number, scopes=scopes)])

    def _project(self, given: Mapping[str, Any], number: int) -> None:
        path = given["path"]
        where = f"project {path}"
        _only(given, _PROJECT, where)
        if "/" not in path.strip("/"):
            raise ValueError(f"{where}: a path has a namespace and a name, such as team/app")
        members = given.get("members")
        row = ProjectRow(
            id=number,
            path=path,
            name=given.get("name", path.rpartition("/")[2]),
            created_at=timestamp(self._world.now - 86_400),
            description=given.get("description"),
            visibility=_word(given, "visibility", ("private", "internal", "public"), where)
            or "private",
            public_pipelines=int(given.get("public_pipelines", True)),
            default_branch=given.get("default_branch", "main"),
            groups_json=compact(given.get("groups", [])),
            protected_refs_json=compact(given.get("protected_refs", [])),
            token_scope=int(given.get("job_token_scope_enabled", False)),
            allowlist_json=compact(given.get("job_token_allowlist", {})),
        )
        levels = MEMBERS if members is None else self._levels(members, where)
        self._world.project(row, levels, given.get("moved_from", ()))
        for pipeline in _list(given, "pipelines", where):
            self._pipeline(pipeline, row)

    def _levels(self, members: Mapping[str, str], where: str) -> dict[int, int]:
        return {
            self._user_id(name, where): LEVELS[_word(members, name, tuple(LEVELS), where) or ""]
            for name in members
        }

    def _pipeline(self, given: Mapping[str, Any], project: ProjectRow) -> None:
        where = f"project {project.path}, pipeline {given.get('id', given.get('ref'))}"
        _only(given, _PIPELINE, where)
        created = self._world.now - given.get("age", 3600)
        columns = {name: given[name] for name in ("sha", "source", "name", "coverage", "yaml_errors")
                   if name in given}  # fmt: skip
        columns["status"] = _word(given, "status", STATUSES, where) or ""
        columns["ref"] = given.get("ref") or project.default_branch or "main"
        columns["tag"] = int(given.get("tag", False))
        if "user" in given:
            columns["user_id"] = self._user_id(given["user"], where)
        row = self._world.pipeline(
            project.id, created=created, id=given.get("id"), commit=given.get("commit"), **columns
        )
        jobs = _list(given, "jobs", where)
        stages = given.get("stages") or list(
            dict.fromkeys(job.get("stage", "test") for job in jobs)
        )
        for job in jobs:
            self._job(job, row, stages, created)
        self._world.close_pipeline(row)

    def _job(
        self, given: Mapping[str, Any], pipeline: PipelineRow, stages: Sequence[str], created: float
    ) -> None:
        name = _text(given, "name", f"pipeline {pipeline.id}")
        where = f"pipeline {pipeline.id}, job {name}"
        _only(given, _JOB, where)
        stage = _word(given, "stage", stages, where) or ("test" if "test" in stages else stages[0])
        made: dict[str, Any] = {"stage_index": list(stages).index(stage)}
        plain = (
            "coverage", "failure_reason", "source", "outcome", "planned_s", "log_lines", "waited",
            "worked", "started", "artifacts_expire_at",
        )  # fmt: skip
        made |= {key: given[key] for key in plain if key in given}
        flags = ("allow_failure", "retried", "debug", "archived")
        made |= {key: int(given[key]) for key in flags if key in given}
        if "when" in given:
            made["run_when"] = given["when"]
        if "tags" in given:
            made["tag_list_json"] = compact(sorted(given["tags"]))
        for key in ("environment", "inputs"):
            if key in given:
                made[f"{key}_json"] = compact(given[key])
        if "user" in given:
            made["user_id"] = self._user_id(given["user"], where)
        if given.get("moves"):
            made["next_at"] = self._world.now + 3
        if bridge := given.get("bridge"):
            target = bridge if isinstance(bridge, dict) else {}
            path = target.get("project")
            if path is not None and path not in self._paths:
                raise ValueError(f"{where}: no such project: {path}")
            made |= {
                "bridge": 1,
                "tag_list_json": '["bridge"]',
                "downstream_project_id": self._paths.get(path, pipeline.project_id),
                "downstream_id": target.get("pipeline"),
            }
        kinds = given.get("artifacts")
        if unknown := set(kinds or ()) - set(ARTIFACTS):
            raise ValueError(f"{where}: unknown artifact kinds: {', '.join(sorted(unknown))}")
        row = self._world.job(
            pipeline,
            name,
            status=_word(given, "status", STATUSES, where) or "success",
            stage=stage,
            created=self._world.now - given["age"] if "age" in given else created,
            artifacts=kinds,
            id=given.get("id"),
            **made,
        )
        if (log := given.get("log")) is not None:
            self._give_log(row, str(log).encode())

    def _give_log(self, row: JobRow, log: bytes) -> None:
        """A log of one's own; the trace artifact says its size."""
        self._world.store.set_log(row.id, log)
        if row.finished_at:
            entries = [item for item in parse(row.artifacts_json) if item["file_type"] != "trace"]
            self._world.replace_last(
                row._replace(**columns([*entries, artifact("trace", len(log))]))
            )

    def _user_id(self, name: str | None, where: str) -> int | None:
        if name is not None and name not in self._users:
            raise ValueError(f"{where}: no such user: {name}")
        return None if name is None else self._users[name]


def _only(given: Mapping[str, Any], known: set[str], where: str) -> None:
    if not isinstance(given, dict):
        raise TypeError(f"{where}: an object is expected")
    if unknown := given.keys() - known:
        raise ValueError(
            f"{where}: unknown: {', '.join(sorted(unknown))} (known: {', '.join(sorted(known))})"
        )


def _list(given: Mapping[str, Any], key: str, where: str) -> Sequence[Mapping[str, Any]]:
    value = given.get(key) or []
    if not isinstance(value, list):
        raise TypeError(f"{where}: {key} must be a list")
    return value


def _text(given: Mapping[str, Any], key: str, where: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where}: {key} is missing")
    return value


def _word(given: Mapping[str, Any], key: str, allowed: Sequence[str], where: str) -> str | None:
    value = given.get(key)
    if value is not None and value not in allowed:
        raise ValueError(f"{where}: {key} must be one of {', '.join(allowed)}, not {value!r}")
    return value
