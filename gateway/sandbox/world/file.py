"""Build a world from a mapping, a JSON file or a YAML file (extra `yaml`), see `file_format`.

A mistake is a ValueError that names its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from gateway.sandbox.world.access import LEVELS
from gateway.sandbox.world.agents import agent
from gateway.sandbox.world.artifacts import ARTIFACTS, artifact, artifact_columns
from gateway.sandbox.world.clock import timestamp
from gateway.sandbox.world.file_format import World
from gateway.sandbox.world.jsontext import compact, parse
from gateway.sandbox.world.people import MEMBERS
from gateway.sandbox.world.rows import ProjectRow, TokenRow, UserRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.sandbox.world.builder import Builder
    from gateway.sandbox.world.file_format import Job, Pipeline, Project, User
    from gateway.sandbox.world.rows import JobRow, PipelineRow

__all__ = ["load"]


def load(world: Builder, source: Path | Mapping[str, Any]) -> None:
    """Build the world that a file or mapping describes."""
    described = msgspec.convert(_read(source) if isinstance(source, Path) else source, World)
    loader = _Loader(world)
    for user in described.users:
        loader.add_user(user)
    for number, project in enumerate(described.projects, 1):
        loader.paths[project.path] = project.id or number
    for project in described.projects:
        loader.add_project(project)
    for project in described.projects:
        loader.add_agents(project)
    world.flush()


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: it is no text in UTF-8") from None
    if path.suffix not in {".yaml", ".yml"}:
        try:
            return parse(text)
        except ValueError as error:
            raise ValueError(f"{path} is no JSON: {error}") from None
    try:
        import yaml  # noqa: PLC0415 - an extra, needed only by files of this name
    except ImportError:
        raise ValueError(
            f"{path}: YAML is read by PyYAML, which is not installed (pip install pyyaml); JSON is"
            " read without"
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML: {error}") from None


class _Loader:
    def __init__(self, world: Builder) -> None:
        self._world = world
        self._users = {row.username: row.id for row in world.store.all(UserRow)}
        self.paths: dict[str, int] = {}

    def add_user(self, given: User) -> None:
        number = given.id or max(self._users.values()) + 1
        row = UserRow(
            id=number,
            username=given.username,
            name=given.name or given.username,
            created_at=timestamp(self._world.now - 86_400),
            state=given.state,
            admin=int(given.admin),
        )
        self._world.store.insert(UserRow, [row])
        self._users[given.username] = number
        if given.token is not None:
            scopes = " ".join(given.scopes)
            token = TokenRow(given.token, given.username, number, scopes=scopes)
            self._world.store.insert(TokenRow, [token])

    def add_project(self, given: Project) -> None:
        if "/" not in given.path.strip("/"):
            raise ValueError(f"project {given.path}: a path has a namespace and a name: team/app")
        row = ProjectRow(
            id=self.paths[given.path],
            path=given.path,
            name=given.name or given.path.rpartition("/")[2],
            created_at=timestamp(self._world.now - 86_400),
            description=given.description,
            visibility=given.visibility,
            public_pipelines=int(given.public_pipelines),
            default_branch=given.default_branch,
            groups_json=compact(given.groups),
            protected_refs_json=compact(given.protected_refs),
            token_scope=int(given.job_token_scope_enabled),
            allowlist_json=compact(given.job_token_allowlist),
        )
        levels: Mapping[int, int] = MEMBERS
        if given.members is not None:
            where = f"project {given.path}"
            levels = {
                self._user_id(name, where): LEVELS[role] for name, role in given.members.items()
            }
        self._world.project(row, levels, given.moved_from)
        for pipeline in given.pipelines:
            self._add_pipeline(pipeline, row)

    def add_agents(self, given: Project) -> None:
        """Give a project its agents, which any project of the file may configure."""
        agents = []
        for place, each in enumerate(given.agents, 1):
            path = each.project or given.path
            if path not in self.paths:
                raise ValueError(f"project {given.path}, agent {place}: no such project: {path}")
            environments = each.configuration.get("environments", [])
            if not isinstance(environments, list) or not all(
                isinstance(name, str) for name in environments
            ):
                raise ValueError(
                    f"project {given.path}, agent {place}: environments must be a list of names"
                )
            configured_by = self._world.store.require(ProjectRow, self.paths[path])
            agents.append(agent(each.id or place, configured_by, each.configuration))
        changes = {"agents_json": compact(agents)}
        self._world.store.update(ProjectRow, self.paths[given.path], changes)

    def _add_pipeline(self, given: Pipeline, project: ProjectRow) -> None:
        where = f"project {project.path}, pipeline {given.id or given.ref}"
        row = self._world.pipeline(
            project.id,
            created=self._world.now - given.age,
            commit=given.commit,
            id=given.id,
            ref=given.ref or project.default_branch or "main",
            sha=given.sha,
            tag=int(given.tag),
            source=given.source,
            status=given.status,
            name=given.name,
            user_id=self._nullable_id(given.user, where),
            yaml_errors=given.yaml_errors,
            variables_json=compact(given.variables),
        )
        named = dict.fromkeys(job.stage or "test" for job in given.jobs)
        stages = given.stages or list(named)
        for job in given.jobs:
            self._add_job(job, row, stages)
        self._world.close_pipeline(row)

    def _add_job(self, given: Job, pipeline: PipelineRow, stages: list[str]) -> None:
        where = f"pipeline {pipeline.id}, job {given.name}"
        if unknown := set(given.artifacts) - set(ARTIFACTS):
            raise ValueError(f"{where}: unknown artifacts: {', '.join(sorted(unknown))}")
        stage = given.stage or ("test" if "test" in stages else stages[0])
        if stage not in stages:
            raise ValueError(f"{where}: no such stage: {stage} (known: {', '.join(stages)})")
        begun = self._world.begun(pipeline)
        row = self._world.job(
            pipeline,
            given.name,
            status=given.status,
            stage=stage,
            created=begun if given.age is None else self._world.now - given.age,
            waited=given.waited,
            worked=given.worked,
            id=given.id,
            stage_index=stages.index(stage),
            run_when=given.when,
            allow_failure=int(given.allow_failure),
            retried=int(given.retried),
            artifacts=given.artifacts,
            artifacts_expire_at=given.artifacts_expire_at,
            coverage=given.coverage,
            debug=int(given.debug),
            archived=int(given.archived),
            started=given.started,
            environment_json=given.environment and compact(given.environment),
            inputs_json=given.inputs and compact(given.inputs),
            moves=given.moves,
            **self._where_given(given, where),
        )
        if isinstance(given.log, str):
            self._give_log(row, given.log.encode())

    def _where_given(self, given: Job, where: str) -> dict[str, Any]:
        """Columns whose defaults the builder knows better."""
        made: dict[str, Any] = {}
        if given.user is not UNSET:
            made["user_id"] = self._nullable_id(given.user, where)
        if given.failure_reason is not UNSET:
            made["failure_reason"] = given.failure_reason
        if given.log is None:
            made["log_lines"] = 0
        if given.tags:
            made["tag_list_json"] = compact(sorted(given.tags))
        if (bridge := given.bridge) is not None:
            if bridge.project is not None and bridge.project not in self.paths:
                raise ValueError(f"{where}: no such project: {bridge.project}")
            made["bridge"] = 1
            made["downstream_project_id"] = self.paths.get(bridge.project or "")
            made["downstream_id"] = bridge.pipeline
        return made

    def _give_log(self, row: JobRow, log: bytes) -> None:
        """A log of one's own; the trace artifact says its size."""
        self._world.store.set_log(row.id, log)
        if row.finished_at:
            entries = [item for item in parse(row.artifacts_json) if item["file_type"] != "trace"]
            made: dict[str, Any] = artifact_columns([*entries, artifact("trace", len(log))])
            self._world.replace_last(row._replace(**made))

    def _user_id(self, name: str, where: str) -> int:
        if name not in self._users:
            raise ValueError(f"{where}: no such user: {name}")
        return self._users[name]

    def _nullable_id(self, name: str | None, where: str) -> int | None:
        return None if name is None else self._user_id(name, where)
