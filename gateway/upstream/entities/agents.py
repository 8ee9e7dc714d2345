"""The agents that a job token may use, and what comes with them (upstream.md, 3.7)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from gateway.upstream.entities.values import Number

__all__ = [
    "AgentEnvironment",
    "AgentProject",
    "AgentUser",
    "AgentsProject",
    "AllowedAgent",
    "AllowedAgents",
    "NumberOnly",
]


class AgentProject(Struct, frozen=True, gc=False):
    id: Number
    name: str | None = None
    name_with_namespace: str | None = None
    path: str | None = None
    path_with_namespace: str | None = None
    description: str | None = None
    created_at: str | None = None


class AllowedAgent(Struct, frozen=True, gc=False):
    id: Number
    config_project: AgentProject | None = None
    configuration: Any = None


class NumberOnly(Struct, frozen=True, gc=False):
    id: Number


class AgentsProject(Struct, frozen=True, gc=False):
    id: Number
    groups: list[NumberOnly] = []


class AgentUser(Struct, frozen=True, gc=False):
    id: Number
    username: str | None = None
    name: str | None = None
    state: str | None = None
    avatar_url: str | None = None
    web_url: str | None = None
    roles_in_project: list[str] | None = None


class AgentEnvironment(Struct, frozen=True, gc=False):
    slug: str
    tier: str | None = None


class AllowedAgents(Struct, frozen=True, gc=False):
    """The agents that a job token may use (upstream.md, 3.7); all but the list may be missing."""

    allowed_agents: list[AllowedAgent]
    job: NumberOnly | None = None
    pipeline: NumberOnly | None = None
    project: AgentsProject | None = None
    user: AgentUser | None = None
    environment: AgentEnvironment | None = None
