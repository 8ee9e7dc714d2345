"""Pipelines as a whole: interfaces in lists, values that functions make of whole lists, and errors
in the middle of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gateway.loaders.descendants import Descendant, Descendants
from gateway.upstream import entities
from tests.execution.corpus.case import Case, broken, hidden
from tests.execution.fake_world import World

if TYPE_CHECKING:
    from gateway.upstream.paging import WholeRows

__all__ = ["PIPELINES"]

IN_PIPELINE = '{ pipeline(by: {id: "<Pipeline:1:2>"}) { %s } }'
JOBS = ("whole", 1, 2, "jobs")
ALL_JOBS = ("whole", 1, 2, "all jobs")
BRIDGES = ("whole", 1, 2, "bridges")
TREE = ("descendants", 1, 2, 5, 50)


def in_stages(rows: WholeRows[entities.Job]) -> WholeRows[entities.Job]:
    """The oldest job is of another stage than the others."""
    job: Any = rows.items[-1]
    oldest = replace(job, stage="build", status="failed", allow_failure=True)
    return replace(rows, items=[*rows.items[:-1], oldest])


def with_broken(rows: WholeRows[entities.Job]) -> WholeRows[entities.Job]:
    return replace(rows, items=[broken("a row"), *rows.items])


STARTED = entities.Pipeline(4, project_id=5, status="running")
BRIDGE = entities.Bridge(
    9, "success", "child", pipeline=entities.Pipeline(2, project_id=1), downstream_pipeline=STARTED
)

PIPELINES = [
    Case(
        "stages of jobs and bridges",
        IN_PIPELINE
        % "stages { partial nodes { __typename name status items { __typename name } } }",
        data={
            "pipeline": {
                "stages": {
                    "partial": False,
                    "nodes": [
                        {
                            "__typename": "Stage",
                            "name": None,
                            "status": "SUCCESS",
                            "items": [
                                {"__typename": "Bridge", "name": "bridge 3"},
                                {"__typename": "Bridge", "name": "bridge 2"},
                                {"__typename": "Bridge", "name": "bridge 1"},
                            ],
                        },
                        {
                            "__typename": "Stage",
                            "name": "build",
                            "status": "SUCCESS",
                            "items": [{"__typename": "Job", "name": "job 1"}],
                        },
                        {
                            "__typename": "Stage",
                            "name": "test",
                            "status": "SUCCESS",
                            "items": [
                                {"__typename": "Job", "name": "job 3"},
                                {"__typename": "Job", "name": "job 2"},
                            ],
                        },
                    ],
                }
            }
        },
        world=World(outcomes={JOBS: in_stages, ALL_JOBS: in_stages}),
    ),
    Case(
        "a summary with an edge in it",
        IN_PIPELINE % "summary { total failedCount byStatus { status count } longest { name }"
        " failed(first: 1) { name ... on Job { log { byteCount } } } }",
        data={
            "pipeline": {
                "summary": {
                    "total": 6,
                    "failedCount": 1,
                    "byStatus": [
                        {"status": "SUCCESS", "count": 5},
                        {"status": "FAILED", "count": 1},
                    ],
                    "longest": {"name": "job 1"},
                    "failed": [{"name": "job 1", "log": {"byteCount": 2**35}}],
                }
            }
        },
        world=World(outcomes={JOBS: in_stages}),
    ),
    Case(
        "a row that cannot be read makes figures partial",
        IN_PIPELINE % "summary { total partial }",
        data={"pipeline": {"summary": {"total": 6, "partial": True}}},
        world=World(outcomes={JOBS: with_broken}),
    ),
    Case(
        "a list that fails takes what needs it",
        IN_PIPELINE % "summary { total } stages { partial }",
        data={"pipeline": {"summary": None, "stages": None}},
        errors=["pipeline.stages", "pipeline.summary"],
        world=World(outcomes={BRIDGES: hidden("bridges"), ALL_JOBS: hidden("jobs")}),
    ),
    Case(
        "attempts in a page of both kinds",
        IN_PIPELINE % "items { nodes { name ... on Job { retried flaky attempts { nodes { name }"
        " partial } } } pageInfo { endCursor } }",
        errors=[],
    ),
    Case(
        "a tree with a hidden pipeline",
        IN_PIPELINE % "descendants { partial nodes { depth bridge { name } pipeline { status } } }",
        data={
            "pipeline": {
                "descendants": {
                    "partial": False,
                    "nodes": [
                        {
                            "depth": 1,
                            "bridge": {"name": "child"},
                            "pipeline": {"status": "RUNNING"},
                        },
                        {"depth": 1, "bridge": {"name": "child"}, "pipeline": None},
                    ],
                }
            }
        },
        errors=["pipeline.descendants.nodes.1.pipeline"],
        world=World(
            outcomes={
                TREE: lambda _: Descendants(
                    [Descendant(1, BRIDGE, STARTED), Descendant(1, BRIDGE, hidden("pipeline"))],
                    is_partial=False,
                )
            }
        ),
    ),
    Case(
        "many projects, one of them senseless",
        '{ projects(ids: ["1", "nonsense"]) { databaseId } }',
        data={"projects": [{"databaseId": 1}, None]},
        errors=["projects.1"],
    ),
    Case(
        "a filter with a variable in it",
        "query($names: [String!]) { project(id: 1) { jobs(filter: {names: $names}, first: 2)"
        " { scanned nodes { name } } } }",
        variables=({"names": ["job *"]}, {"names": None}),
        errors=[],
    ),
]
