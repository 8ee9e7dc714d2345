"""Entities of which less is known than is selected, and values that several places share."""

from __future__ import annotations

from msgspec import UNSET

from gateway.upstream import entities
from tests.execution.corpus.case import (
    JOB,
    OF_PIPELINES,
    OF_PROJECT_JOBS,
    SAME_PIPELINE,
    Case,
    broken,
    global_id,
    hidden,
    with_names,
    with_row,
    with_rows,
    without,
)
from tests.execution.fake_world import World

__all__ = ["HYDRATION", "SHARING"]

HYDRATION = [
    Case(
        "more than is known: hydrated, in the order of the keys",
        "{ JOB_6 { pipeline { name ref duration project { databaseId } id } } }",
        data={
            "job": {
                "pipeline": {
                    "name": "pipeline 3",
                    "ref": "main",
                    "duration": 3.5,
                    "project": {"databaseId": 1},
                    "id": global_id("Pipeline:1:3"),
                }
            }
        },
    ),
    Case(
        "what is known is not read from what it is hydrated to",
        "{ JOB_6 { pipeline { status statusText duration } } }",
        data={"job": {"pipeline": {"status": "SUCCESS", "statusText": "success", "duration": 3.5}}},
        world=World(outcomes={("hydrate", 1, 3): without(status="failed")}),
    ),
    Case(
        "a failed hydration fails only what needs it",
        "{ JOB_6 { name pipeline { ref duration jobs(first: 1) { nodes { name } } tag } } }",
        data={
            "job": {
                "name": "job 6",
                "pipeline": {
                    "ref": "main",
                    "duration": None,
                    "jobs": {"nodes": [{"name": "job 1"}]},
                    "tag": None,
                },
            }
        },
        errors=["job.pipeline.duration", "job.pipeline.tag"],
        world=World(outcomes={("hydrate", 1, 3): hidden("pipeline 3")}),
    ),
    Case(
        "hydrated for each place, read once",
        """{ project(id: "1") { jobs { nodes { pipeline { duration log: jobs { nodes { log {
             lineCount } } } } } } } }""",
        world=World(outcomes={OF_PROJECT_JOBS: SAME_PIPELINE}),
    ),
    Case(
        "a failed hydration shared by several places fails at each",
        '{ project(id: "1") { jobs { nodes { name pipeline { duration iid } } } } }',
        errors=[f"project.jobs.nodes.{place}.pipeline.duration" for place in range(3)],
        world=World(
            outcomes={OF_PROJECT_JOBS: SAME_PIPELINE, ("hydrate", 1, 9): hidden("pipeline 9")}
        ),
    ),
    Case(
        "hydrated items of a list",
        """{ project(id: "1") { pipelines(first: 3) { nodes { ref duration } edges { cursor
             node { startedAt commit { sha } } } } } }""",
        errors=[
            "project.pipelines.nodes.1.duration",
            "project.pipelines.edges.1.node.startedAt",
        ],
        world=World(outcomes={("hydrate", 1, 2): hidden("pipeline 2")}),
    ),
    Case(
        "a name that the list brings is not asked for again",
        """{ project(id: "1") { pipelines(first: 3) { nodes { name } edges { node { name tag } }
             } } }""",
        data={
            "project": {
                "pipelines": {
                    "nodes": [{"name": "as listed"}, {"name": None}, {"name": None}],
                    "edges": [
                        {"node": {"name": "as listed", "tag": False}},
                        {"node": {"name": None, "tag": False}},
                        {"node": {"name": None, "tag": False}},
                    ],
                }
            }
        },
        errors=["project.pipelines.edges.2.node.name", "project.pipelines.nodes.2.name"],
        world=World(
            outcomes={
                OF_PIPELINES: with_names("as listed", None, UNSET),
                ("pipeline", 1, 1): hidden("pipeline 1"),
            }
        ),
    ),
    Case(
        "hydrated below a bridge, with slots",
        """{ node(id: "<Bridge:1:2:3>") { ... on Bridge { downstreamPipeline { duration
             bridges(first: 1) { nodes { name pipeline { queuedDuration name } } } } } } }""",
    ),
    Case(
        "what an edge gave is hydrated",
        "{ allowedAgents { pipeline { ref duration bridges(first: 1) { nodes { name } } id } } }",
        data={
            "allowedAgents": {
                "pipeline": {
                    "ref": "main",
                    "duration": 4.5,
                    "bridges": {"nodes": [{"name": "bridge 1"}]},
                    "id": global_id("Pipeline:1:4"),
                }
            }
        },
    ),
    Case(
        "a failed hydration of what an edge gave",
        "{ allowedAgents { pipeline { ref duration id } } }",
        data={
            "allowedAgents": {
                "pipeline": {"ref": "main", "duration": None, "id": global_id("Pipeline:1:4")}
            }
        },
        errors=["allowedAgents.pipeline.duration"],
        world=World(outcomes={("hydrate", 1, 4): hidden("pipeline 4")}),
    ),
    Case(
        "hydrated where null may not stand, in a list",
        '{ project(id: "1") { jobs { nodes { name project { id } log { lineCount } } } } }',
        world=World(outcomes={OF_PROJECT_JOBS: with_rows(pipeline=None, asked_project="a/b")}),
        is_referred=True,
    ),
    Case(
        "a failed hydration nulls the item around it",
        '{ project(id: "1") { jobs { nodes { name project { id } log { lineCount } } } } }',
        errors=["project.jobs.nodes.1.project.id"],
        world=World(
            outcomes={
                OF_PROJECT_JOBS: with_row(
                    1, without(pipeline=None, asked_project="a/b", web_url=None)
                ),
                ("hydrate", "a/b", None): hidden("a/b"),
            }
        ),
    ),
    Case(
        "short, long and no form at all in one interface",
        """{ nodes(ids: ["<Pipeline:1:2>", "<Project:7>", "<Job:1:3:6>"]) { id ... on
             Pipeline { ref duration } ... on Project { fullPath } ... on Job { pipeline {
             duration } } } }""",
        world=World(
            outcomes={
                ("pipeline", 1, 2): lambda detail: World().pipeline(1, detail.id),
                ("project", 7): lambda _: entities.ProjectHandle(path="a/b"),
            }
        ),
        errors=[],
    ),
]

OF_SHARED = ("jobs", 1, 9, (), False, 20, False, True)
SHARING = [
    Case(
        "parents with the same list share it",
        """{ project(id: "1") { jobs { nodes { name pipeline { jobs { nodes { name user {
             username } } } } } } } }""",
        world=World(outcomes={OF_PROJECT_JOBS: SAME_PIPELINE}),
    ),
    Case(
        "a shared value with slots is completed at each place",
        """{ project(id: "1") { jobs { nodes { name pipeline { jobs { nodes { name log {
             lineCount } pipeline { duration } } } } } } } }""",
        errors=[
            f"project.jobs.nodes.{parent}.pipeline.jobs.nodes.1.log.lineCount"
            for parent in range(3)
        ],
        world=World(
            outcomes={OF_PROJECT_JOBS: SAME_PIPELINE, ("log", 1, 2, "lines"): hidden("log")}
        ),
    ),
    Case(
        "errors under a shared value stand at every path",
        '{ project(id: "1") { jobs { nodes { name pipeline { jobs { nodes { name } } } } } } }',
        errors=[f"project.jobs.nodes.{parent}.pipeline.jobs.nodes.1" for parent in range(3)],
        world=World(
            outcomes={OF_PROJECT_JOBS: SAME_PIPELINE, OF_SHARED: with_row(1, broken("row"))}
        ),
    ),
    Case(
        "a null where none may stand, under a shared value",
        """{ project(id: "1") { jobs { nodes { name pipeline { jobs { nodes { name ref log {
             byteCount } } } } } } } }""",
        errors=[f"project.jobs.nodes.{parent}.pipeline.jobs.nodes.2.ref" for parent in range(3)],
        world=World(
            outcomes={OF_PROJECT_JOBS: SAME_PIPELINE, OF_SHARED: with_row(2, without(ref=None))}
        ),
    ),
    Case(
        "a shared failure stands at every path",
        '{ project(id: "1") { jobs { nodes { name pipeline { jobs { nodes { name } } } } } } }',
        errors=[f"project.jobs.nodes.{parent}.pipeline.jobs" for parent in range(3)],
        world=World(outcomes={OF_PROJECT_JOBS: SAME_PIPELINE, OF_SHARED: hidden("jobs")}),
    ),
    Case(
        "one job asked for twice, of which different things are selected",
        "{ a: JOB_6 { name log { byteCount } } b: JOB_6 { id log { lineCount } } }",
        data={
            "a": {"name": "job 6", "log": {"byteCount": 2**35}},
            "b": {"id": JOB, "log": {"lineCount": 7}},
        },
    ),
    Case(
        "levels of edges",
        """{ pipeline(by: {id: "<Pipeline:1:2>"}) { jobs { nodes { name log { tail { text } }
             pipeline { commit { title } jobs(first: 2) { nodes { name pipeline {
             bridges(first: 1) { nodes { name downstreamPipeline { duration } } } } } } } } }
             } }""",
    ),
]
