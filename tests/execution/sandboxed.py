"""Values of arguments that name what is in a fresh sandbox."""

from __future__ import annotations

from tests.execution.corpus import global_id
from tests.execution.operations import VALUES

__all__ = ["IN_SANDBOX"]


def ids(*texts: str) -> list[str]:
    return [global_id(text) for text in texts]


# What there is in a fresh sandbox: the ids of the Jobs API's own documentation, and the demo's.
IN_SANDBOX = {
    **VALUES,
    "JobRef.id": (ids("Job:1:6:6", "Job:1:6:8", "Job:1:6:7"), ids("Job:1:6:99", "Pipeline:1:6")),
    "PipelineRef.id": (ids("Pipeline:1:6", "Pipeline:1:5"), ids("Pipeline:1:99")),
    "project.id": (["1", "gitlab-org/gitlab-test"], ["no/such", "77"]),
    "id": (
        ids("Job:1:6:6", "JobLog:1:6:6", "Pipeline:1:6", "Pipeline:1:5", "Project:1"),
        ids("Job:2:1:1"),
    ),
    "projects.ids": (["1", "gitlab-org/gitlab-test"], ["no/such", "77"]),
    "ids": (
        ids("Job:1:6:6", "Job:1:6:7", "Job:1:6:8", "JobLog:1:6:8", "Pipeline:1:6", "Bridge:1:6:9"),
        ["no id"],
    ),
    "project": (["1", "gitlab-org/gitlab-test"], ["no/such"]),
    "job": (["6", "7", "8", "1"], ["99"]),
    "pipeline": (["6", "5"], ["99"]),
    "databaseId": (["6", "7", "5"], ["99"]),
    "first": ([2, 3, 20, 100], [0]),
}
