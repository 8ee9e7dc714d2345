"""The format of a world file: its parts, their keys and their defaults.

    users:                          # beside the users of the roles
      - {username: zoe, name: Zoë, token: glpat-zoe}
    projects:
      - path: team/app
        members: {zoe: maintainer}  # absent: the role users, each as its name says
        moved_from: [team/old-app]
        pipelines:
          - ref: main
            stages: [build, test]
            jobs:
              - {name: compile, stage: build, log: "hello"}
              - {name: spec, status: failed, failure_reason: script_failure}
              - {name: child, bridge: {project: team/app, pipeline: 7}}

A job has the columns that jobs of its status have; a given key wins. A key that is not named here
is a mistake.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

__all__ = [
    "Agent",
    "Bridge",
    "Environment",
    "Job",
    "Pipeline",
    "Project",
    "User",
    "Variable",
    "World",
]

Role = Literal[
    "guest", "planner", "reporter", "developer", "security_manager", "maintainer", "owner"
]


class _Part(Struct, kw_only=True, forbid_unknown_fields=True):
    """A part of the file; unknown keys are mistakes."""


class Bridge(_Part):
    """Where a trigger job leads: a project of this file by its path, a pipeline by its id."""

    project: str | None = None
    pipeline: int | None = None


class Agent(_Part):
    """A cluster agent that the project's jobs may use."""

    id: int | None = None
    """Default: its place in the project's list."""
    project: str | None = None
    """Path of the project of this file that configures it; default: the project it is listed in."""
    configuration: dict[str, Any] = field(default_factory=dict)
    """`environments` (a list; `*` stands for any text) restricts it to jobs that deploy there."""


class Environment(_Part):
    """Where a job deploys to."""

    slug: str
    tier: str = "other"
    name: str | None = None
    """Default: the slug."""


class Job(_Part):
    """A build, or a bridge if `bridge` is given. Seconds and columns are those of `Builder.job`."""

    name: str
    id: int | None = None
    status: str = "success"
    """One of the thirteen, or a word no version knows."""
    stage: str | None = None
    """Default: the pipeline's stage test, else its first."""
    when: Literal["on_success", "on_failure", "always", "manual", "delayed"] = "on_success"
    allow_failure: bool = False
    retried: bool = False
    user: str | UnsetType | None = UNSET
    """Username; default: the pipeline's."""
    tags: list[str] = field(default_factory=list)
    log: str | UnsetType | None = UNSET
    """Default: a log like a runner's. Null: no log."""
    artifacts: list[str] = field(default_factory=list)
    """File types beside the log."""
    artifacts_expire_at: str | None = None
    failure_reason: str | UnsetType = UNSET
    coverage: float | None = None
    environment: Environment | None = None
    inputs: dict[str, dict[str, Any]] | None = None
    """Job inputs by name; each may list `options`."""
    bridge: Bridge | None = None
    debug: bool = False
    archived: bool = False
    started: bool | None = None
    age: float | None = None
    """Seconds since its creation; default: the pipeline's."""
    waited: float = 2.5
    worked: float = 60.0
    moves: bool = False
    """The simulated runner takes it on."""


class Variable(_Part):
    """A variable that a pipeline was started with."""

    key: str
    value: str = ""
    variable_type: Literal["env_var", "file"] = "env_var"


class Pipeline(_Part):
    """A pipeline, its commit and its jobs."""

    id: int | None = None
    ref: str | None = None
    """Default: the default branch."""
    sha: str | None = None
    tag: bool = False
    source: str = "push"
    status: str = ""
    """Default: what the jobs' add up to."""
    name: str | None = None
    user: str | None = "developer"
    yaml_errors: str | None = None
    variables: list[Variable] = field(default_factory=list)
    age: float = 3600.0
    """Seconds since its creation."""
    commit: dict[str, Any] = field(default_factory=dict)
    """`title`, `message`, `author_name` …"""
    stages: list[str] | None = None
    """In order; default: as the jobs name them."""
    jobs: list[Job] = field(default_factory=list)


class Project(_Part):
    """A project. `path` has a namespace and a name."""

    path: str
    id: int | None = None
    """Default: its place in the file."""
    name: str | None = None
    description: str | None = None
    visibility: Literal["private", "internal", "public"] = "private"
    public_pipelines: bool = True
    default_branch: str | None = "main"
    members: dict[str, Role] | None = None
    moved_from: list[str] = field(default_factory=list)
    protected_refs: list[str] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    job_token_scope_enabled: bool = False
    job_token_allowlist: dict[str, list[str] | None] = field(default_factory=dict)
    """Ids of projects whose job tokens may come in, to their permissions (null: all)."""
    agents: list[Agent] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)


class User(_Part):
    """A user, and a credential if `token` is given."""

    username: str
    id: int | None = None
    name: str | None = None
    state: str = "active"
    admin: bool = False
    token: str | None = None
    scopes: list[str] = field(default_factory=lambda: ["api"])


class World(_Part):
    """The whole file."""

    projects: list[Project]
    users: list[User] = field(default_factory=list)
