"""Directives and arguments: what hangs on variables, and what is kept from one execution to the
next.
"""

from __future__ import annotations

from tests.execution.corpus.case import BRIDGE, JOB, PIPELINE, Case, global_id

__all__ = ["ARGUMENTS", "DIRECTIVES"]

BOTH_WAYS = ({"yes": True}, {"yes": False}, {"yes": True}, {"yes": False})
DIRECTIVES = [
    Case(
        "@skip and @include by literals",
        """{ JOB_6 { a: name @skip(if: true) b: name @skip(if: false) c: name @include(if:
             false) d: name @include(if: true) e: name @include(if: true) @skip(if: true) } }""",
        data={"job": {"b": "job 6", "d": "job 6"}},
    ),
    Case(
        "@skip and @include by a variable, both ways",
        """query ($yes: Boolean!) { JOB_6 { name @include(if: $yes) stage @skip(if: $yes) log
             @skip(if: $yes) { byteCount } tag } }""",
        BOTH_WAYS,
        data={"job": {"stage": "test", "log": {"byteCount": 2**35}, "tag": False}},
    ),
    Case(
        "@include of fragments by a variable, both ways",
        """query ($yes: Boolean!) { JOB_6 { ...F @include(if: $yes) ... on Job @skip(if:
             $yes) { stage } ... @include(if: $yes) { archived } } }
           fragment F on Job { name user { name @skip(if: $yes) username } }""",
        (*BOTH_WAYS, {"yes": True}),
        data={"job": {"name": "job 6", "user": {"username": "user0"}, "archived": None}},
    ),
    Case(
        "@skip by a variable that only a fragment knows",
        """query ($yes: Boolean!) { JOB_6 { ...F stage } }
           fragment F on Job { name @skip(if: $yes) }""",
        BOTH_WAYS,
        data={"job": {"name": "job 6", "stage": "test"}},
    ),
    Case(
        "@skip at the root",
        "query ($yes: Boolean!) { a: JOB_6 @skip(if: $yes) { name } __typename }",
        (*BOTH_WAYS, {"yes": True}),
        data={"__typename": "Query"},
    ),
    Case(
        "nothing left of a selection",
        "query ($yes: Boolean!) { JOB_6 { name @include(if: $yes) } }",
        BOTH_WAYS,
        data={"job": {}},
    ),
    Case(
        "nothing left of the operation",
        "query ($yes: Boolean!) { JOB_6 @include(if: $yes) { name } }",
        BOTH_WAYS,
        data={},
    ),
    Case(
        "a field skipped once and once not",
        "{ JOB_6 { user { name } user @skip(if: true) { username } } }",
        data={"job": {"user": {"name": "Ünal 0"}}},
    ),
    Case(
        "two deciding variables, one with a default",
        """query ($a: Boolean = true, $b: Boolean!) { JOB_6 { name @include(if: $a) stage
             @include(if: $b) } }""",
        ({"b": True}, {"a": False, "b": True}, {"a": True, "b": False}, {"b": False}),
        data={"job": {"name": "job 6"}},
    ),
    Case(
        "null for the variable of a directive",
        """query ($a: Boolean = true) { JOB_6 { name @include(if: $a) stage } other: JOB_7 {
             name } }""",
        ({}, {"a": None}),
        data={"job": None, "other": {"name": "job 7"}},
        errors=["job"],
    ),
    Case(
        "null for the variable of a directive below a plain field",
        "query ($a: Boolean = true) { JOB_6 { user { name @include(if: $a) } stage } }",
        ({"a": None},),
        data={"job": {"user": None, "stage": "test"}},
        errors=["job.user"],
    ),
    Case(
        "null for the variable of a directive at the root",
        "query ($a: Boolean = true) { JOB_6 @include(if: $a) { name } __typename }",
        ({"a": None},),
        errors=[""],
    ),
    Case(
        "directives decide what is asked for",
        """query ($yes: Boolean!) { pipeline(by: {id: "<Pipeline:1:2>"}) { id duration
             @include(if: $yes) jobs { pageInfo { hasNextPage @skip(if: $yes) } } } }""",
        BOTH_WAYS,
    ),
]

ARGUMENTS = [
    Case(
        "arguments by variables, filled in anew",
        """query ($lines: Int!, $format: LogFormat!, $project: ID!, $job: ID!) { job(by:
             {path: {project: $project, job: $job}}) { name log { tail(lines: $lines, format:
             $format) { text } } } }""",
        (
            {"lines": 1, "format": "RAW", "project": "1", "job": "6"},
            {"lines": 2, "format": "ANSI", "project": "2", "job": "7"},
            {"lines": 3, "format": "PLAIN", "project": "a/b", "job": "8"},
        ),
        data={
            "job": {"name": "job 8", "log": {"tail": {"text": "the end"}}},
        },
    ),
    Case(
        "arguments by a whole object, then another",
        "query ($by: JobRef!) { job(by: $by) { databaseId } }",
        ({"by": {"id": JOB}}, {"by": {"path": {"project": "1", "job": "7"}}}),
        data={"job": {"databaseId": 7}},
    ),
    Case(
        "one-of by a variable",
        "query ($id: ID!) { job(by: {id: $id}) { databaseId } }",
        ({"id": JOB}, {"id": "bad"}, {"id": global_id("Job:1:4:7")}),
        data={"job": {"databaseId": 7}},
    ),
    Case(
        "a list with variables in it",
        'query ($a: ID!, $b: ID!) { nodes(ids: [$a, "<Job:1:3:6>", $b]) { id } }',
        ({"a": JOB, "b": PIPELINE}, {"a": BRIDGE, "b": JOB}),
        data={"nodes": [{"id": global_id("Bridge:1:4:3")}, {"id": JOB}, {"id": JOB}]},
    ),
    Case(
        "a list by a variable, and a single value for a list",
        'query ($ids: [ID!]!) { nodes(ids: $ids) { id } one: nodes(ids: "<Job:1:3:6>") { id } }',
        ({"ids": [JOB]}, {"ids": []}, {"ids": JOB}),
        data={"nodes": [{"id": JOB}], "one": [{"id": JOB}]},
    ),
    Case(
        "enums in lists, by literals and variables",
        """query ($all: [Status!], $one: Status!) { project(id: "1") { a: jobs(statuses:
             [FAILED, SUCCESS]) { totalCount } b: jobs(statuses: $all) { totalCount } c:
             jobs(statuses: [$one]) { totalCount } } }""",
        ({"all": ["FAILED"], "one": "RUNNING"}, {"one": "FAILED"}, {"all": None, "one": "MANUAL"}),
    ),
    Case(
        "defaults, of the argument and of the variable",
        """query ($n: Int! = 2, $m: Int) { JOB_6 { log { a: tail { endByte } b:
             tail(maxBytes: $n) { endByte } c: tail(maxBytes: $m) { endByte } } } }""",
        ({}, {"n": 5, "m": 6}, {"n": 7}),
        data={
            "job": {
                "log": {
                    "a": {"endByte": 65541},
                    "b": {"endByte": 12},
                    "c": {"endByte": 65541},
                }
            }
        },
    ),
    Case(
        "null and nothing for nullable arguments",
        """query ($n: Int, $after: String) { project(id: "1") { a: jobs(first: $n, after:
             $after) { totalCount } b: jobs(first: null) { totalCount } } }""",
        ({"n": 2}, {}, {"n": None, "after": None}, {"n": 2, "after": "bad"}),
        data={"project": {"a": None, "b": {"totalCount": 2**31 - 1}}},
        errors=["project.a"],
    ),
    Case(
        "null where an argument takes none",
        "query ($n: Int = 2) { JOB_6 { name log { tail(lines: $n) { text } byteCount } } }",
        ({}, {"n": None}),
        data={"job": {"name": "job 6", "log": {"tail": None, "byteCount": 2**35}}},
        errors=["job.log.tail"],
    ),
    Case(
        "custom scalar by literal, variable and text",
        """query ($from: BigInt!) { JOB_6 { log { a: slice(fromByte: $from) { startByte } b:
             slice(fromByte: "12") { startByte } } } }""",
        ({"from": "7"}, {"from": 2**40}),
        data={"job": {"log": {"a": {"startByte": 2**40}, "b": {"startByte": 12}}}},
    ),
    Case(
        "one field with different arguments",
        'query { a: project(id: "1") { databaseId } b: project(id: "2") { databaseId } }',
        data={"a": {"databaseId": 1}, "b": {"databaseId": 2}},
    ),
]
