"""Failing edges, rows that cannot be read, nulls where none may stand; mutations."""

from __future__ import annotations

from msgspec.structs import replace

from gateway.errors import NotFound
from gateway.upstream import entities
from tests.execution.corpus.case import (
    OF_JOB_6,
    OF_PROJECT_JOBS,
    Case,
    broken,
    hidden,
    with_row,
    without,
)
from tests.execution.fake_world import ENDPOINT, World

__all__ = ["FAILURES", "MUTATIONS"]

FAILURES = [
    Case(
        "a failing edge leaves its siblings",
        "{ JOB_6 { name log { lineCount byteCount complete } } other: JOB_7 { id } }",
        data={
            "job": {
                "name": "job 6",
                "log": {"lineCount": None, "byteCount": 2**35, "complete": True},
            },
            "other": None,
        },
        errors=["job.log.lineCount", "other"],
        world=World(
            outcomes={
                ("log", 1, 6, "lines"): ValueError("a bug"),
                ("job", 1, 7): NotFound("no job 7", endpoint=ENDPOINT, status=404),
            }
        ),
    ),
    Case(
        "an edge that gives null",
        "{ JOB_6 { name } currentJob { log { lineCount } } }",
        data={"job": None, "currentJob": {"log": {"lineCount": None}}},
        world=World(outcomes={OF_JOB_6: None, ("log", 1, 7, "lines"): None}),
    ),
    Case(
        "an argument that cannot be used",
        '{ job(by: {id: "bad"}) { id } project(id: "1") { jobs(first: 0) { totalCount } } }',
        data={"job": None, "project": {"jobs": None}},
        errors=["job", "project.jobs"],
    ),
    Case(
        "a list with nulls, failures and what is there",
        '{ nodes(ids: ["<Job:1:3:6>", "bad", "<Pipeline:1:2>", "<Bridge:1:2:3>"]) { __typename } }',
        data={"nodes": [{"__typename": "Job"}, None, None, None]},
        errors=["nodes.1", "nodes.3"],
        world=World(
            outcomes={
                ("pipeline", 1, 2): NotFound("none", endpoint=ENDPOINT, status=404),
                ("bridge", 1, 2, 3): hidden("bridge"),
            }
        ),
    ),
    Case(
        "a row that cannot be read, as node and by its edge",
        """{ project(id: "1") { jobs { nodes { name } edges { cursor node { name log {
             lineCount } } } } } }""",
        data={
            "project": {
                "jobs": {
                    "nodes": [{"name": "job 3"}, None, {"name": "job 1"}],
                    "edges": [
                        {"cursor": "cursor-0", "node": {"name": "job 3", "log": {"lineCount": 7}}},
                        {"cursor": "cursor-1", "node": None},
                        {"cursor": "cursor-2", "node": {"name": "job 1", "log": {"lineCount": 7}}},
                    ],
                }
            }
        },
        errors=["project.jobs.edges.1.node", "project.jobs.nodes.1"],
        world=World(outcomes={OF_PROJECT_JOBS: with_row(1, broken("row 1"))}),
    ),
    Case(
        "a row that is null",
        '{ project(id: "1") { jobs { nodes { name } } } }',
        data={"project": {"jobs": {"nodes": [None, {"name": "job 2"}, {"name": "job 1"}]}}},
        world=World(outcomes={OF_PROJECT_JOBS: with_row(0, None)}),
    ),
    Case(
        "a row of another type",
        '{ project(id: "1") { jobs { nodes { name } } } }',
        errors=["project.jobs.nodes.0"],
        world=World(outcomes={OF_PROJECT_JOBS: with_row(0, World().bridge(1, 3))}),
    ),
    Case(
        "null where null may not stand, inside a list",
        """{ project(id: "1") { jobs { nodes { id ref log { lineCount } pipeline { duration }
             } } } }""",
        errors=["project.jobs.nodes.1.ref"],
        world=World(outcomes={OF_PROJECT_JOBS: with_row(1, without(ref=None))}),
    ),
    Case(
        "null where null may not stand, deeper",
        '{ project(id: "1") { jobs { nodes { name commit { sha message } } } } }',
        errors=["project.jobs.nodes.1.commit.message"],
        world=World(
            outcomes={
                OF_PROJECT_JOBS: with_row(
                    1, without(commit=entities.Commit("c", "c", "t", author_name="Zoë"))
                )
            }
        ),
    ),
    Case(
        "a null object where one may stand is a null",
        "{ allowedAgents { agents { databaseId } user { username } } }",
        data={"allowedAgents": {"agents": [{"databaseId": 1}, {"databaseId": 2}], "user": None}},
        world=World(outcomes={("agents",): without(user=None)}),
    ),
    Case(
        "a null object where one was promised takes its item along",
        "{ allowedAgents { agents { databaseId configProject { name } } } }",
        data={
            "allowedAgents": {
                "agents": [{"databaseId": 1, "configProject": {"name": "agents"}}, None]
            }
        },
        errors=["allowedAgents.agents.1.configProject"],
        world=World(
            outcomes={
                ("agents",): lambda agents: replace(
                    agents,
                    allowed_agents=[
                        agents.allowed_agents[0],
                        replace(agents.allowed_agents[1], config_project=None),
                    ],
                )
            }
        ),
    ),
    Case(
        "a null item where one may stand is a null",
        "{ allowedAgents { agents { databaseId configProject { name } } groupIds } }",
        errors=[],
        is_referred=True,
        world=World(
            outcomes={
                ("agents",): lambda agents: replace(
                    agents, allowed_agents=[agents.allowed_agents[0], None]
                )
            }
        ),
    ),
    Case(
        "a null list where one was promised",
        "{ allowedAgents { groupIds agents { databaseId } } }",
        data={"allowedAgents": {"groupIds": [8], "agents": None}},
        errors=["allowedAgents.agents"],
        world=World(outcomes={("agents",): without(allowed_agents=None)}),
    ),
    Case(
        "several nulls where null may not stand: any one is told",
        "{ allowedAgents { agents { databaseId configProject { name } } } currentJob { id } }",
        world=World(
            outcomes={
                ("agents",): lambda agents: replace(
                    agents,
                    allowed_agents=[
                        replace(agent, id=None, config_project=None)
                        for agent in agents.allowed_agents
                    ],
                )
            }
        ),
    ),
    Case(
        "a failing root that may not be null",
        "query ($ids: [ID!] = []) { __typename nodes(ids: $ids) { id } currentJob { name } }",
        ({}, {"ids": None}),
        errors=["nodes"],
    ),
    Case(
        "everything fails",
        "{ JOB_6 { name } currentJob { name } allowedAgents { groupIds } }",
        data={"job": None, "currentJob": None, "allowedAgents": None},
        errors=["allowedAgents", "currentJob", "job"],
        world=World(
            outcomes={
                OF_JOB_6: hidden("job"),
                ("current job",): ValueError("a bug"),
                ("agents",): hidden("agents"),
            },
        ),
    ),
]

MUTATIONS = [
    Case(
        "mutations, one after the other",
        """mutation { a: CANCEL_6 { job { name log { lineCount } } userErrors { code } }
             __typename b: jobErase(input: {job: {path: {project: "1", job: "7"}}}) { job {
             status } __typename } }""",
        data={
            "a": {
                "job": {"name": "job 6", "log": {"lineCount": 7}},
                "userErrors": [{"code": "NOTHING_TO_DO"}],
            },
            "__typename": "Mutation",
            "b": {"job": {"status": "SUCCESS"}, "__typename": "JobErasePayload"},
        },
        is_referred=True,
    ),
    Case(
        "a refused mutation is data",
        "mutation { CANCEL_6 { userErrors { code message field } job { name } } }",
        world=World(outcomes={("cancel", 1, 6, "False"): hidden("job 6")}),
        is_referred=True,
    ),
    Case(
        "a failing mutation leaves the others",
        """mutation { a: CANCEL_6 { job { name } } b: jobPlay(input: {job: {id:
             "<Job:1:3:6>"}}) { item { name ... on Job { stage } } } }""",
        data={"a": None, "b": {"item": {"name": "job 6", "stage": "test"}}},
        errors=["a"],
        world=World(outcomes={("cancel", 1, 6, "False"): ValueError("a bug")}),
    ),
    Case(
        "a mutation's item by its interface, and what it was before",
        """mutation ($if: [Status!]) { jobRetry(input: {job: {id: "<Job:1:3:6>"}, ifStatus:
             $if}) { item { __typename id pipeline { ref duration } } previous { id name }
             userErrors { code } } }""",
        ({"if": ["SUCCESS"]}, {"if": ["FAILED"]}, {}),
        is_referred=True,
    ),
    Case(
        "an answer without its pipeline and files is completed",
        "mutation { CANCEL_6 { job { id pipeline { ref } artifacts { fileType } } } }",
        world=World(
            outcomes={
                ("cancel", 1, 6, "False"): without(pipeline=None, artifacts=None, asked_project=1)
            }
        ),
        is_referred=True,
    ),
]
