"""The interface of what has a global id, and the GraphQL type of each entity class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import strawberry

from gateway.loaders.logs import LogOfJob
from gateway.upstream import entities
from gateway.upstream.pruning import whole_class

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENTITY_TYPES", "Node"]

# Both executors tell an entity's type by it. Connections, edges and payloads are not here: their
# type does not follow from the class of their source.
ENTITY_TYPES: Final[Mapping[type, str]] = {
    entities.Job: "Job",
    LogOfJob: "JobLog",
    entities.Bridge: "Bridge",
    entities.PipelineHandle: "Pipeline",
    entities.Pipeline: "Pipeline",
    entities.PipelineDetail: "Pipeline",
    entities.ProjectHandle: "Project",
    entities.ProjectDetail: "Project",
    entities.DetailedStatus: "DetailedStatus",
    entities.PipelineVariable: "PipelineVariable",
    entities.ReportedTests: "TestReportSummary",
    entities.ReportedCounts: "TestCounts",
    entities.ReportedSuite: "TestSuite",
    entities.Commit: "Commit",
    entities.User: "User",
    entities.Runner: "Runner",
    entities.RunnerManager: "RunnerManager",
    entities.Artifact: "Artifact",
    entities.UpstreamHandle: "Upstream",
    entities.UpstreamVersion: "Upstream",
    entities.AllowedAgents: "AllowedAgents",
    entities.AllowedAgent: "AllowedAgent",
    entities.AgentProject: "AgentProject",
    entities.AgentUser: "AgentUser",
    entities.AgentEnvironment: "AgentEnvironment",
}


@strawberry.interface(description="Anything that has a global id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque, stable, unique over all types.")

    @classmethod
    def resolve_type(cls, entity: Any, *_: Any) -> str | None:
        return ENTITY_TYPES.get(whole_class(entity.__class__))

    @classmethod
    def is_type_of(cls, entity: Any, _info: Any) -> bool:
        return ENTITY_TYPES.get(whole_class(entity.__class__)) == cls.__name__
