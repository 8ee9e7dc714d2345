"""Cluster agents: how a project lists them, and which of them a job may use (upstream.md, 3.7)."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from gateway.sandbox.world.jsontext import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.sandbox.world.rows import JobRow, ProjectRow

__all__ = ["agent", "agents_for"]


def agent(number: int, project: ProjectRow, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """An agent that `project` configures. `environments` of its configuration restrict it."""
    namespace, _, slug = project.path.rpartition("/")
    return {
        "id": number,
        "config_project": {
            "id": project.id,
            "description": project.description,
            "name": project.name,
            "name_with_namespace": f"{namespace.replace('/', ' / ')} / {project.name}",
            "path": slug,
            "path_with_namespace": project.path,
            "created_at": project.created_at,
        },
        "configuration": dict(configuration),
    }


def agents_for(project: ProjectRow, job: JobRow) -> list[dict[str, Any]]:
    """The project's agents that the job may use.

    An agent whose configuration names `environments` is only for jobs that deploy to one of them; a
    `*` in such a name stands for any text. Without `environments` it is for every job.
    """
    deploys_to = _environment_of(job)
    return [each for each in parse(project.agents_json) if _is_for(each, deploys_to)]


def _environment_of(job: JobRow) -> str | None:
    """The name of the environment, or its slug if the job knows no name."""
    if job.environment_json is None:
        return None
    environment = parse(job.environment_json)
    name: str = environment.get("name") or environment["slug"]
    return name


def _is_for(each: Mapping[str, Any], deploys_to: str | None) -> bool:
    patterns = each.get("configuration", {}).get("environments")
    if not patterns:
        return True
    if deploys_to is None:
        return False
    return any(fnmatchcase(deploys_to, _only_stars(pattern)) for pattern in patterns)


def _only_stars(pattern: str) -> str:
    """The pattern for fnmatch, with nothing special in it but `*`."""
    return pattern.replace("[", "[[]").replace("?", "[?]")
