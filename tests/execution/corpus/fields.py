"""Fields, their order, their types, and what fragments make of them."""

from __future__ import annotations

from gateway.upstream import entities
from tests.execution.corpus.case import JOB, OF_JOB_6, PIPELINE, Case, global_id, without
from tests.execution.fake_world import World

__all__ = ["FIELDS", "FRAGMENTS"]

FIELDS = [
    Case("constant at the root", "{ __typename }", data={"__typename": "Query"}),
    Case("plain field", "{ JOB_6 { name } }", data={"job": {"name": "job 6"}}),
    Case("alias", "{ it: JOB_6 { called: name } }", data={"it": {"called": "job 6"}}),
    Case(
        "one field under two aliases",
        "{ JOB_6 { a: name b: name name } }",
        data={"job": {"a": "job 6", "b": "job 6", "name": "job 6"}},
    ),
    Case(
        "an alias that is another field's name",
        "{ JOB_6 { name: stage stage: name } }",
        data={"job": {"name": "test", "stage": "job 6"}},
    ),
    Case(
        "repeated field stands where it stood first",
        "{ JOB_6 { name stage name stage name } }",
        data={"job": {"name": "job 6", "stage": "test"}},
    ),
    Case(
        "merged fields",
        "{ JOB_6 { user { username } name user { name username } } JOB_6 { tag } }",
        data={
            "job": {"user": {"username": "user0", "name": "Ünal 0"}, "name": "job 6", "tag": False}
        },
    ),
    Case(
        "merged edges",
        "{ JOB_6 { log { byteCount } name log { lineCount } } }",
        data={"job": {"log": {"byteCount": 2**35, "lineCount": 7}, "name": "job 6"}},
    ),
    Case(
        "__typename at each level",
        """{ __typename JOB_6 { __typename user { __typename } log { __typename } pipeline {
             __typename jobs(first: 1) { __typename pageInfo { __typename } nodes {
             __typename } edges { __typename node { is: __typename } } } } } }""",
        data={
            "__typename": "Query",
            "job": {
                "__typename": "Job",
                "user": {"__typename": "User"},
                "log": {"__typename": "JobLog"},
                "pipeline": {
                    "__typename": "Pipeline",
                    "jobs": {
                        "__typename": "JobConnection",
                        "pageInfo": {"__typename": "PageInfo"},
                        "nodes": [{"__typename": "Job"}],
                        "edges": [{"__typename": "JobEdge", "node": {"is": "Job"}}],
                    },
                },
            },
        },
    ),
    Case(
        "enum",
        "{ JOB_6 { status failureReason } }",
        data={"job": {"status": "FAILED", "failureReason": "SCRIPT_FAILURE"}},
        world=World(outcomes={OF_JOB_6: without(status="failed", failure_reason="script_failure")}),
    ),
    Case(
        "enum of a word that nobody knows",
        "{ JOB_6 { status statusText failureReason } }",
        data={"job": {"status": "UNKNOWN", "statusText": "new", "failureReason": "UNKNOWN"}},
        world=World(outcomes={OF_JOB_6: without(status="new", failure_reason="new")}),
    ),
    Case(
        "null enum",
        "{ JOB_6 { failureReason pipeline { status } } }",
        data={"job": {"failureReason": None, "pipeline": {"status": None}}},
        world=World(outcomes={OF_JOB_6: without(pipeline=entities.Pipeline(3, project_id=1))}),
    ),
    Case(
        "custom scalars",
        """{ JOB_6 { databaseId createdAt duration webUrl artifactsArchive { size } }
             allowedAgents { agents { configuration } groupIds } }""",
        data={
            "job": {
                "databaseId": 6,
                "createdAt": "2026-11-04T09:00:00.000+02:00",
                "duration": 0.173,
                "webUrl": "https://gitlab.test/a/b/-/jobs/6",
                "artifactsArchive": {"size": 2**32 + 6},
            },
            "allowedAgents": {
                "agents": [
                    {"configuration": {"access_as": {"agent": {}}, "names": ["ü", None, 1.5]}},
                    {"configuration": {"access_as": {"agent": {}}, "names": ["ü", None, 1.5]}},
                ],
                "groupIds": [8],
            },
        },
    ),
    Case(
        "lists: null, empty, of leaves, of objects",
        """{ JOB_6 { tagList artifacts { fileType } } other: JOB_7 { tagList artifacts {
             fileType } } }""",
        data={
            "job": {"tagList": [], "artifacts": []},
            "other": {"tagList": None, "artifacts": None},
        },
        world=World(
            outcomes={
                OF_JOB_6: without(tag_list=[], artifacts=[]),
                ("job", 1, 7): without(tag_list=None, artifacts=None),
            }
        ),
    ),
    Case(
        "null object",
        "{ JOB_6 { user { name } commit { sha } pipeline { ref } name } }",
        data={"job": {"user": None, "commit": None, "pipeline": None, "name": "job 6"}},
        world=World(
            outcomes={OF_JOB_6: without(user=None, commit=None, pipeline=None, asked_project=1)}
        ),
    ),
    Case(
        "order of keys with edges in the middle",
        """{ JOB_6 { name log { lineCount } stage pipeline { sha commit { title } ref } tag
             late: log { complete byteCount } id } }""",
        data={
            "job": {
                "name": "job 6",
                "log": {"lineCount": 7},
                "stage": "test",
                "pipeline": {"sha": "sha0", "commit": {"title": "title of sha0"}, "ref": "main"},
                "tag": False,
                "late": {"complete": True, "byteCount": 2**35},
                "id": JOB,
            }
        },
    ),
    Case(
        "introspection between edges",
        """{ JOB_6 { name } __schema { queryType { name } } again: JOB_6 { id } __type(name:
             "Status") { kind } __typename }""",
        data={
            "job": {"name": "job 6"},
            "__schema": {"queryType": {"name": "Query"}},
            "again": {"id": JOB},
            "__type": {"kind": "ENUM"},
            "__typename": "Query",
        },
        is_referred=True,
    ),
    Case(
        "introspection of what is not there",
        '{ __type(name: "No") { name } }',
        data={"__type": None},
        is_referred=True,
    ),
]

FRAGMENTS = [
    Case(
        "named fragment",
        "{ JOB_6 { stage ...F tag } } fragment F on Job { name stage archived }",
        data={"job": {"stage": "test", "name": "job 6", "archived": None, "tag": False}},
    ),
    Case(
        "fragment within a fragment, used twice",
        """{ a: JOB_6 { ...F } b: JOB_7 { ...G ...F } }
           fragment F on Job { name ...G }
           fragment G on Job { stage }""",
        data={"a": {"name": "job 6", "stage": "test"}, "b": {"stage": "test", "name": "job 7"}},
    ),
    Case(
        "inline fragment with and without a type",
        "{ JOB_6 { ... { name } ... on Job { stage } ... @include(if: true) { tag } } }",
        data={"job": {"name": "job 6", "stage": "test", "tag": False}},
    ),
    Case(
        "fragment on an interface",
        """{ JOB_6 { ...I ... on Node { id } } }
           fragment I on PipelineItem { name user { username } }""",
        data={"job": {"name": "job 6", "user": {"username": "user0"}, "id": JOB}},
    ),
    Case(
        "interface: each type by its own fragment",
        """{ nodes(ids: ["<Job:1:3:6>", "<Bridge:1:2:3>", "<Pipeline:1:2>", "<Project:1>",
             "<JobLog:1:3:6>"]) {
             __typename ... on Job { stage artifacts { fileType } } ... on Bridge {
             downstreamPipeline { databaseId } } ... on PipelineItem { name status } id ...
             on Pipeline { ref commit { sha } } ... on Project { databaseId fullPath } ...
             on JobLog { complete lineCount } } }""",
        errors=[],
    ),
    Case(
        "a project's own fields, by a handle, by its id and beside a job",
        """{ project(id: "a/b") { name webUrl defaultBranch } node(id: "<Project:1>") { ... on
             Project { id name defaultBranch } } job(by: {id: "<Job:1:3:6>"}) { project { name } }
             }""",
        data={
            "project": {"name": "Project a/b", "webUrl": None, "defaultBranch": "main"},
            "node": {"id": global_id("Project:1"), "name": "Project 1", "defaultBranch": "main"},
            "job": {"project": {"name": "Project 1"}},
        },
    ),
    Case(
        "who the caller is, and what the upstream is",
        "{ currentUser { username name bio } upstream { __typename url version revision } }",
        data={
            "currentUser": {"username": "zoe", "name": "Zoë", "bio": None},
            "upstream": {
                "__typename": "Upstream",
                "url": "https://gitlab.test",
                "version": "18.1.0",
                "revision": "abc",
            },
        },
    ),
    Case(
        "the latest pipeline has its long form",
        """{ project(id: "1") { latestPipeline(ref: "main") { databaseId tag name stages { partial
             } } } }""",
        errors=[],
    ),
    Case(
        "what a pipeline was started with, and its tests",
        """{ pipeline(by: {id: "<Pipeline:1:2>"}) { variables { key value variableType }
             testReportSummary { __typename total { count failed time } suites { name error counts {
             success skipped } } } } }""",
        data={
            "pipeline": {
                "variables": [
                    {"key": "KEY_0", "value": "value", "variableType": None},
                    {"key": "KEY_1", "value": "value", "variableType": None},
                ],
                "testReportSummary": {
                    "__typename": "TestReportSummary",
                    "total": {"count": 7, "failed": 1, "time": 1.5},
                    "suites": [
                        {
                            "name": "rspec",
                            "error": "too long",
                            "counts": {"success": 4, "skipped": 2},
                        }
                    ],
                },
            }
        },
    ),
    Case(
        "the jobs of a suite of tests, one of them out of reach",
        """{ pipeline(by: {id: "<Pipeline:1:2>"}) { testReportSummary { suites { jobs { name } } }
             } }""",
        errors=["pipeline.testReportSummary.suites.0.jobs.1"],
    ),
    Case(
        "interface: one key, another field for each type",
        """{ nodes(ids: ["<Job:1:3:6>", "<Pipeline:1:2>"]) { ... on Job { what: stage whose:
             user { name } } ... on Pipeline { what: source whose: user { name username } } }
             }""",
        data={
            "nodes": [
                {"what": "test", "whose": {"name": "Ünal 0"}},
                {"what": "push", "whose": {"name": "Ünal 2", "username": "user2"}},
            ]
        },
    ),
    Case(
        "interface: an object of which nothing is selected",
        '{ node(id: "<Pipeline:1:2>") { ... on Job { name } } }',
        data={"node": {}},
    ),
    Case(
        "a fragment whose type cannot occur asks for nothing",
        """{ pipeline(by: {id: "<Pipeline:1:2>"}) { ...F } }
           fragment F on Node { id ... on Bridge { commit { sha } } }""",
        data={"pipeline": {"id": PIPELINE}},
    ),
    Case(
        "the same fragment at places of different types",
        """{ JOB_6 { ...N pipeline { ...N } project { ...N } } }
           fragment N on Node { id __typename }""",
    ),
]
