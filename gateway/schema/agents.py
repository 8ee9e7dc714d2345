"""The agents that a job token may use."""

from __future__ import annotations

from typing import Any

import strawberry

from gateway.schema.fields import PROMISED, Cost, Gives, Info, derived, edge, plain
from gateway.schema.job import Job
from gateway.schema.pipeline import Pipeline
from gateway.schema.project import Project
from gateway.schema.scalars import JSON, URL, BigInt, DateTime
from gateway.upstream import entities
from gateway.upstream.entities import Known

__all__ = ["AllowedAgents"]


@strawberry.type(description="The project that holds an agent's configuration.")
class AgentProject:
    database_id: BigInt = plain("id", "Numeric id in the upstream.")
    name: str | None = plain("name", "Name.")
    name_with_namespace: str | None = plain(
        "name_with_namespace", "Name behind the names of its groups."
    )
    path: str | None = plain("path", "Last part of the full path.")
    path_with_namespace: str | None = plain("path_with_namespace", "Full path.")
    description: str | None = plain("description", "What it is for.")
    created_at: DateTime | None = plain("created_at", "When it was created.")


@strawberry.type(description="An agent for Kubernetes that the job may use.")
class AllowedAgent:
    database_id: BigInt = plain("id", "Numeric id in the upstream.")
    config_project: AgentProject | None = plain(
        "config_project", "The project that holds its configuration."
    )
    configuration: JSON | None = plain(
        "configuration",
        "The agent's own configuration, as the upstream sends it; null on older upstreams.",
    )


@strawberry.type(description="The user behind the job token, as agents see it.")
class AgentUser:
    database_id: BigInt = plain("id", "Numeric id in the upstream.")
    username: str | None = plain(
        "username", "Name to log in and to mention with; null where the upstream does not say."
    )
    name: str | None = plain("name", "Display name; null on newer upstreams.")
    state: str | None = plain("state", "What the account may do; null on newer upstreams.")
    avatar_url: URL | None = plain("avatar_url", "Address of the picture; null on newer upstreams.")
    web_url: URL | None = plain("web_url", "Address of the profile; null on newer upstreams.")
    roles_in_project: list[str] | None = plain(
        "roles_in_project", "Every role at or below the user's own; null on older upstreams."
    )


@strawberry.type(description="The environment the job deploys to.")
class AgentEnvironment:
    slug: str | None = plain("slug", f"Short name, safe in addresses. {PROMISED}", promised=True)
    tier: str | None = plain("tier", "Kind, e.g. production, staging, testing.")


def group_ids_of(allowed: entities.AllowedAgents) -> list[int] | None:
    project = allowed.project
    if project is None:
        return []
    # A part that could not be read is null, or an error in its place.
    groups: list[Any] | None = project.groups
    return None if groups is None else [getattr(group, "id", group) for group in groups]


def project_of(allowed: entities.AllowedAgents) -> entities.ProjectHandle | None:
    project = allowed.project
    return None if project is None else entities.ProjectHandle(project.id)


@strawberry.type(description="The agents a job may use, and whose they are.")
class AllowedAgents:
    agents: list[AllowedAgent | None] | None = plain(
        "allowed_agents", f"The agents. {PROMISED}", promised=True
    )
    project: Project | None = derived(project_of, "The project of the job.")
    group_ids: list[BigInt] | None = derived(
        group_ids_of, "The group of the project and those above it; empty in a user's namespace."
    )
    user: AgentUser | None = plain("user", "Who runs the job.")
    environment: AgentEnvironment | None = plain(
        "environment", "What the job deploys to; null for other jobs."
    )

    @edge("The job of the presented CI_JOB_TOKEN. Cost: 1 call.", cost=Cost(calls=1))
    def job(parent: strawberry.Parent[entities.AllowedAgents], info: Info) -> Gives[Job | None]:
        # A job token may not read single jobs, only its own.
        return info.context.current_job()

    @edge(
        "The pipeline of that job. Cost: 1 call, shared with job.",
        cost=Cost(calls=1, known=Known.SHORT),
    )
    async def pipeline(
        parent: strawberry.Parent[entities.AllowedAgents], info: Info
    ) -> Gives[Pipeline | None]:
        job = await info.context.current_job()
        return job.pipeline
