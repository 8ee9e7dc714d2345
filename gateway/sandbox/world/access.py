"""Who may do what (upstream.md, 3 and 4): access levels, and what each level allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.world.jsontext import parse

if TYPE_CHECKING:
    from gateway.sandbox.world.rows import JobRow, PipelineRow, ProjectRow, UserRow

__all__ = ["DEVELOPER", "GUEST", "LEVELS", "MAINTAINER", "REPORTER", "Access", "role_names"]

GUEST, PLANNER, REPORTER, DEVELOPER, SECURITY_MANAGER, MAINTAINER, OWNER = (
    10,
    15,
    20,
    30,
    35,
    40,
    50,
)

LEVELS = {
    "guest": GUEST,
    "planner": PLANNER,
    "reporter": REPORTER,
    "developer": DEVELOPER,
    "security_manager": SECURITY_MANAGER,
    "maintainer": MAINTAINER,
    "owner": OWNER,
}


def role_names(level: int) -> list[str]:
    """Every role at or under a level (`roles_in_project` of the allowed agents)."""
    return [name for name, at_least in LEVELS.items() if level >= at_least]


class Access:
    """What one caller may do in one project. `user` is None for an anonymous caller."""

    def __init__(self, project: ProjectRow, user: UserRow | None, level: int) -> None:
        self.project = project
        self.user = user
        self.level = OWNER if user is not None and user.admin else level

    def sees_project(self) -> bool:
        match self.project.visibility:
            case "public":
                return True
            case "internal":
                return self.user is not None
            case _:
                return self.level >= GUEST

    def reads_builds(self) -> bool:
        """Pipelines, jobs and logs: Reporter, or whoever sees a project with public pipelines."""
        if self.level >= REPORTER:
            return True
        return bool(self.project.public_pipelines) and self.sees_project()

    def reads_log(self, job: JobRow) -> bool:
        return self.reads_builds() and (not job.debug or self.level >= DEVELOPER)

    def reads_artifacts(self, job: JobRow) -> bool:
        return self.reads_builds() and (bool(job.artifacts_public) or self.level >= DEVELOPER)

    def reads_code(self) -> bool:
        return self.project.visibility != "private" or self.level >= REPORTER

    def updates_builds(self) -> bool:
        return self.level >= DEVELOPER

    def cancels_builds(self) -> bool:
        return self.level >= max(DEVELOPER, self.project.cancel_level)

    def reads_variables(self, pipeline: PipelineRow) -> bool:
        """What a pipeline was started with: Maintainer, or the Developer who started it on a ref
        they may push to.
        """
        if self.level >= MAINTAINER:
            return True
        owns = self.user is not None and pipeline.user_id == self.user.id
        return owns and self.updates_builds() and self._pushes(pipeline.ref)

    def runs_job(self, job: JobRow) -> bool:
        """Retry and play: Developer, on a ref they may push to, and not in an archived job."""
        return self.updates_builds() and not job.archived and self._pushes(job.ref)

    def erases_job(self, job: JobRow) -> bool:
        """Maintainer, or the Developer who triggered the job if its ref is unprotected."""
        if job.archived:
            return False
        if self.level >= MAINTAINER:
            return True
        owns = self.user is not None and job.user_id == self.user.id
        return owns and self.level >= DEVELOPER and self._pushes(job.ref)

    def sets_variables(self) -> bool:
        return self.level >= self.project.variables_level

    def _pushes(self, ref: str) -> bool:
        return self.level >= MAINTAINER or ref not in parse(self.project.protected_refs_json)
