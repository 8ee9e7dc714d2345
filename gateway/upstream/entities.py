"""What the upstream answers, as `msgspec` structs decoded from bytes with their types.

One struct for each shape (upstream.md, 5). Keys have a default of None but for
those without which little can be done, so "absent" and null read the same; unknown keys are
dropped; status and failure words stay plain text, because their sets grow. Timestamps stay the text
the upstream sent. Project and pipeline numbers that an answer leaves out are put in by the client
from the request, so every entity knows where it belongs.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, field

__all__ = [
    "UNTOLD",
    "AllowedAgents",
    "ArchiveFile",
    "Artifact",
    "Bridge",
    "Commit",
    "DetailedStatus",
    "Item",
    "Job",
    "Known",
    "Pipeline",
    "PipelineDetail",
    "PipelineHandle",
    "PipelineVariable",
    "Project",
    "ProjectDetail",
    "ProjectHandle",
    "ProjectKey",
    "ReportedCounts",
    "ReportedSuite",
    "ReportedTests",
    "Runner",
    "RunnerManager",
    "UntoldItem",
    "UpstreamHandle",
    "UpstreamVersion",
    "User",
]

# A project as callers name it: its number, or its full path with single slashes ("group/project").
ProjectKey: TypeAlias = int | str


class _Untold(int):
    """Tells the project that no answer named from the number of one."""


# In place of a project that neither the upstream nor a caller has named: nobody can ask for it.
UNTOLD: Final = _Untold(0)

# Ids and sizes are 64 bits in the upstream, ids from 1 on: another number is none of its own.
Number: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Size: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# As many as an `Int` of GraphQL holds.
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class Known(IntEnum):
    """How much is known of an entity. A level includes those before it; the next one is a call."""

    # What it takes to ask for the thing.
    HANDLE = 0
    # What comes with other things, and in lists.
    SHORT = 1
    # What its own endpoint answers.
    LONG = 2


def ours() -> Any:
    """A field that is put in here: no key of the upstream's is read into it."""
    return field(default=None, name="(put in by the gateway)")


class User(Struct, frozen=True, gc=False):
    id: Number
    username: str
    name: str
    state: str | None = None
    avatar_url: str | None = None
    web_url: str | None = None
    created_at: str | None = None
    bio: str | None = None
    location: str | None = None
    public_email: str | None = None
    linkedin: str | None = None
    twitter: str | None = None
    website_url: str | None = None
    organization: str | None = None


class Commit(Struct, frozen=True, gc=False):
    id: str
    short_id: str
    title: str
    message: str | None = None
    author_name: str | None = None
    author_email: str | None = None
    authored_date: str | None = None
    committer_name: str | None = None
    committer_email: str | None = None
    committed_date: str | None = None
    created_at: str | None = None
    parent_ids: list[str] | None = None
    web_url: str | None = None


class Runner(Struct, frozen=True, gc=False):
    id: Number
    name: str | None = None
    description: str | None = None
    active: bool | None = None
    paused: bool | None = None
    is_shared: bool | None = None
    runner_type: str | None = None
    online: bool | None = None
    status: str | None = None
    ip_address: str | None = None


class RunnerManager(Struct, frozen=True, gc=False):
    id: Number
    system_id: str | None = None
    version: str | None = None
    revision: str | None = None
    platform: str | None = None
    architecture: str | None = None
    created_at: str | None = None
    contacted_at: str | None = None
    ip_address: str | None = None
    status: str | None = None


class Artifact(Struct, gc=False):
    """A file a job left."""

    file_type: str
    size: Size | None = None
    filename: str | None = None
    file_format: str | None = None
    # Project and id of the job, put in where it was read.
    job: tuple[ProjectKey, int] | None = ours()


class ArchiveFile(Struct, frozen=True, gc=False):
    filename: str | None = None
    size: Size | None = None


class ProjectFlags(Struct, frozen=True, gc=False):
    """The `project` of a job: it names no project."""

    ci_job_token_scope_enabled: bool | None = None


class PipelineHandle(Struct, gc=False):
    """A pipeline by project and id; anything else about it costs a call."""

    known: ClassVar[Known] = Known.HANDLE
    web_url: ClassVar[None] = None

    id: int
    project: ProjectKey


class Pipeline(Struct, gc=False):
    """The short form: embedded in jobs and bridges, downstream of a bridge, a row of the pipelines
    list.
    """

    known: ClassVar[Known] = Known.SHORT
    # Decoded whatever an operation reads: what the gateway itself needs.
    always: ClassVar[tuple[str, ...]] = ("id", "asked_project", "project_id")

    id: Number
    sha: str | None = None
    ref: str | None = None
    status: str | None = None
    source: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    web_url: str | None = None
    iid: Number | None = None
    # Only rows of the pipelines list have it: elsewhere it is not null, but not delivered.
    name: str | UnsetType | None = UNSET
    project_id: Number | None = None
    # What the caller called its project, for upstreams whose short form names none.
    asked_project: ProjectKey | None = ours()

    @property
    def project(self) -> ProjectKey:
        """Number of the project, else what the caller called it, else `UNTOLD`."""
        if self.project_id is not None:
            return self.project_id
        return UNTOLD if self.asked_project is None else self.asked_project


class DetailedStatus(Struct, frozen=True, gc=False):
    """A status as the upstream's own pages show it."""

    icon: str | None = None
    text: str | None = None
    label: str | None = None
    group: str | None = None
    tooltip: str | None = None
    # Below the upstream's host, its relative root included.
    details_path: str | None = None


class PipelineDetail(Pipeline, gc=False):
    """The long form: the answer of the single-pipeline endpoint."""

    known: ClassVar[Known] = Known.LONG

    name: str | None = None
    before_sha: str | None = None
    tag: bool | None = None
    yaml_errors: str | None = None
    user: User | None = None
    started_at: str | None = None
    finished_at: str | None = None
    committed_at: str | None = None
    duration: float | None = None
    queued_duration: float | None = None
    # Text here ("71.80"), a number on a job.
    coverage: str | float | None = None
    detailed_status: DetailedStatus | None = None


class PipelineVariable(Struct, frozen=True, gc=False):
    """A variable that a pipeline was started with. Its value may be a secret: it goes to who asked
    for it, and is shown nowhere else.
    """

    key: str
    value: str | None = None
    variable_type: str | None = None

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(key={getattr(self, 'key', None)!r})"


class ReportedCounts(Struct, gc=False):
    """Tests, counted; `time` is in seconds."""

    count: Count | None = None
    success: Count | None = None
    failed: Count | None = None
    skipped: Count | None = None
    error: Count | None = None
    time: float | None = None


class ReportedSuite(Struct, gc=False):
    """The tests that the jobs of one name reported."""

    # Decoded whatever an operation reads.
    always: ClassVar[tuple[str, ...]] = ("pipeline",)

    name: str | None = None
    total_count: Count | None = None
    success_count: Count | None = None
    failed_count: Count | None = None
    skipped_count: Count | None = None
    error_count: Count | None = None
    total_time: float | None = None
    build_ids: list[Number] | None = None
    suite_error: str | None = None
    # Project and id of the pipeline, put in where it was read.
    pipeline: tuple[ProjectKey, int] | None = ours()


class ReportedTests(Struct, gc=False):
    """The tests of a pipeline (upstream.md, 3.8)."""

    total: ReportedCounts | None = None
    test_suites: list[ReportedSuite] | None = None


class JobBasic(Struct, gc=False):
    """What jobs and bridges share (upstream.md, 5.1, JobBasic)."""

    # As with pipelines.
    always: ClassVar[tuple[str, ...]] = ("id", "asked_project", "pipeline")

    id: Number
    status: str
    name: str
    ref: str | None = None
    stage: str | None = None
    tag: bool | None = None
    coverage: float | None = None
    allow_failure: bool | None = False
    created_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    erased_at: str | None = None
    duration: float | None = None
    queued_duration: float | None = None
    failure_reason: str | None = None
    web_url: str | None = None
    user: User | None = None
    commit: Commit | None = None
    pipeline: Pipeline | None = None
    project: ProjectFlags | None = None
    # Of a bridge only where it is known from the answer to its retry, which has the job's shape.
    archived: bool | None = None
    # What the caller called its project, for answers without a pipeline, which would name it.
    asked_project: ProjectKey | None = ours()


class Job(JobBasic, gc=False):
    """One run of one CI job (upstream.md, 5.1)."""

    artifacts: list[Artifact] | None = None
    artifacts_file: ArchiveFile | None = None
    artifacts_expire_at: str | None = None
    runner: Runner | None = None
    runner_manager: RunnerManager | None = None
    tag_list: list[str] | None = None
    source: str | None = None


class UntoldItem(Job, gc=False):
    """The answer to a retry that may be a job's or a bridge's: it has a job's shape either way."""


class Bridge(JobBasic, gc=False):
    """A trigger job (upstream.md, 5.2)."""

    downstream_pipeline: Pipeline | None = None


Item: TypeAlias = Job | Bridge


class ProjectHandle(Struct, frozen=True, gc=False):
    """A project as far as it is known without asking: by number, by path, or both.

    Where there is no number, the path is what the caller called it, which the upstream may spell
    otherwise.
    """

    number: int | None = None
    path: str | None = None
    ci_job_token_scope_enabled: bool | None = None
    # Address of one of its pages, where the path stands in.
    page_url: str | None = None

    @property
    def known(self) -> Known:
        """SHORT with the number, which everything else is addressed by; else HANDLE."""
        return Known.HANDLE if self.number is None else Known.SHORT

    @property
    def key(self) -> ProjectKey:
        """How to address it upstream: by number where known."""
        if self.number is not None:
            return self.number
        return self.path or UNTOLD


class ProjectDetail(ProjectHandle, frozen=True, gc=False):
    """A project as its own endpoint shows it."""

    name: str | None = None
    default_branch: str | None = None

    @property
    def known(self) -> Known:
        return Known.LONG

    @property
    def web_url(self) -> str | None:
        """Address of its page."""
        return self.page_url


class Project(Struct, frozen=True, gc=False):
    """The answer of the single-project endpoint, as far as it is used."""

    id: Number
    name: str | None = None
    default_branch: str | None = None
    path_with_namespace: str | None = None
    web_url: str | None = None
    ci_job_token_scope_enabled: bool | None = None


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


class UpstreamHandle(Struct, frozen=True, gc=False):
    """The upstream by its address; anything else about it costs a call."""

    known: ClassVar[Known] = Known.HANDLE

    url: str


class UpstreamVersion(Struct, frozen=True, gc=False):
    """What the upstream says of itself."""

    known: ClassVar[Known] = Known.LONG

    version: str | None = None
    revision: str | None = None
    # Its handle has it.
    url: str | None = ours()
