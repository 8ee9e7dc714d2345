"""What the upstream answers, as `msgspec` structs decoded from bytes with their types.

One struct for each shape (upstream.md, 5). Keys have a default of None but for those without which
little can be done, so "absent" and null read the same; unknown keys are dropped; status and failure
words stay plain text, because their sets grow. Timestamps stay the text the upstream sent. Project
and pipeline numbers that an answer leaves out are put in by the client from the request, so every
entity knows where it belongs.
"""

from __future__ import annotations

from gateway.upstream.entities.agents import (
    AgentEnvironment,
    AgentProject,
    AgentsProject,
    AgentUser,
    AllowedAgent,
    AllowedAgents,
    NumberOnly,
)
from gateway.upstream.entities.embedded import (
    ArchiveFile,
    Artifact,
    Commit,
    Runner,
    RunnerManager,
    User,
)
from gateway.upstream.entities.jobs import Bridge, Item, Job, ProjectFlags, UntoldItem
from gateway.upstream.entities.pipelines import (
    DetailedStatus,
    Pipeline,
    PipelineDetail,
    PipelineHandle,
    PipelineVariable,
)
from gateway.upstream.entities.projects import Project, ProjectDetail, ProjectHandle
from gateway.upstream.entities.reported_tests import ReportedCounts, ReportedSuite, ReportedTests
from gateway.upstream.entities.upstreams import UpstreamHandle, UpstreamVersion
from gateway.upstream.entities.values import UNTOLD, Known, ProjectKey

__all__ = [
    "UNTOLD",
    "AgentEnvironment",
    "AgentProject",
    "AgentUser",
    "AgentsProject",
    "AllowedAgent",
    "AllowedAgents",
    "ArchiveFile",
    "Artifact",
    "Bridge",
    "Commit",
    "DetailedStatus",
    "Item",
    "Job",
    "Known",
    "NumberOnly",
    "Pipeline",
    "PipelineDetail",
    "PipelineHandle",
    "PipelineVariable",
    "Project",
    "ProjectDetail",
    "ProjectFlags",
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
