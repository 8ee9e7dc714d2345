"""The rows of the sandbox's tables. A table's columns are its row's fields, in their order.

Times are texts as the API shows them, such as `2026-11-01T00:00:00.000Z`: all of one length, so
that texts sort as times do. Only `next_at`, the simulated runner's queue, is in epoch seconds.
Columns whose names end in `_json` hold JSON.
"""

from __future__ import annotations

from typing import NamedTuple


class ProjectRow(NamedTuple):
    id: int
    path: str
    name: str
    created_at: str
    description: str | None = None
    visibility: str = "private"
    public_pipelines: int = 1
    default_branch: str | None = "main"
    groups_json: str = "[]"
    """Ids of the own group and its ancestors; `[]` in a user's namespace."""
    protected_refs_json: str = "[]"
    """Refs that only maintainers may push to."""
    allowlist_json: str = "{}"
    """Projects whose job tokens may come in: id (as text) to a list of permissions, or null for
    all."""
    agents_json: str = "[]"
    """Cluster agents as the API lists them (see `agents`)."""
    token_scope: int = 0
    """`ci_job_token_scope_enabled`."""
    cancel_level: int = 30
    """Access level from which jobs may be canceled."""
    variables_level: int = 30
    """Access level from which play may set variables."""
    refreshing: int = 0
    """Artifact statistics are being recomputed: erase and deletion answer 409."""


class UserRow(NamedTuple):
    id: int
    username: str
    name: str
    created_at: str
    state: str = "active"
    admin: int = 0
    profile_json: str = "{}"
    """What the long form adds (bio, location …), by key; missing keys are blank."""
    utc_offset_h: int | None = None
    """The user's time zone; null hides `local_time`."""


class TokenRow(NamedTuple):
    text: str
    role: str
    user_id: int
    kind: str = "pat"
    """`pat` or `oauth`."""
    scopes: str = "api"
    state: str = "active"
    """`active`, `expired` or `revoked`."""


class MemberRow(NamedTuple):
    project_id: int
    user_id: int
    level: int


class MovedRow(NamedTuple):
    path: str
    project_id: int


class CommitRow(NamedTuple):
    project_id: int
    sha: str
    parents_json: str
    title: str
    message: str
    author_name: str
    author_email: str
    authored_date: str
    committer_name: str
    committer_email: str
    committed_date: str


class PipelineRow(NamedTuple):
    id: int
    project_id: int
    iid: int
    sha: str
    ref: str
    status: str
    created_at: str
    updated_at: str
    before_sha: str = "0" * 40
    tag: int = 0
    source: str = "push"
    name: str | None = None
    user_id: int | None = None
    started_at: str | None = None
    finished_at: str | None = None
    duration: int | None = None
    queued_duration: int | None = None
    yaml_errors: str | None = None
    archived: int = 0
    variables_json: str = "[]"
    """What it was started with, as `[{"variable_type", "key", "value"}]`."""


class RunnerRow(NamedTuple):
    id: int
    description: str | None
    ip_address: str | None
    paused: int
    runner_type: str
    online: int
    status: str
    created_at: str
    created_by: int | None
    tags_json: str
    """It takes jobs with no other tags than these."""
    graceful: int
    """It can run `after_script` on cancel: a running job goes through `canceling`."""


class ManagerRow(NamedTuple):
    id: int
    runner_id: int
    system_id: str
    version: str
    revision: str
    platform: str
    architecture: str
    created_at: str
    contacted_at: str | None
    ip_address: str | None
    status: str


class JobRow(NamedTuple):
    """A build or a bridge."""

    id: int
    project_id: int
    pipeline_id: int
    status: str
    name: str
    stage: str
    ref: str
    sha: str
    created_at: str
    bridge: int = 0
    retried: int = 0
    stage_index: int = 0
    tag: int = 0
    allow_failure: int = 0
    run_when: str = "on_success"
    """`on_success`, `on_failure`, `always`, `manual` or `delayed`."""
    coverage: float | None = None
    queued_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    erased_at: str | None = None
    duration: float | None = None
    queued_duration: float | None = None
    user_id: int | None = None
    failure_reason: str | None = None
    source: str | None = None
    runner_id: int | None = None
    manager_id: int | None = None
    tag_list_json: str = "[]"
    artifacts_json: str = "[]"
    archive_json: str | None = None
    """`artifacts_file`; null without an archive."""
    artifacts_expire_at: str | None = None
    artifacts_public: int = 1
    archived: int = 0
    debug: int = 0
    """The log may show secrets (CI_DEBUG_TRACE): Developer or more."""
    environment_json: str | None = None
    """`{"slug", "tier", "name"}`; the name may be missing or null, and is then the slug."""
    inputs_json: str | None = None
    """Job inputs by name; each may have `options`."""
    variables_json: str = "[]"
    """Variables given to play, as `[{"key", "value"}]`."""
    log_lines: int = 0
    """How many lines the job writes into its log; 0 writes none."""
    planned_s: float = 30.0
    """How long the simulated runner works on it."""
    outcome: str = "success"
    """What the simulated runner will report: `success` or a failure reason."""
    next_at: float | None = None
    """When the simulated runner takes its next step, in epoch seconds; null never."""
    downstream_project_id: int | None = None
    downstream_id: int | None = None
    extra_json: str | None = None
    """Keys no version has, for tests of tolerance."""
