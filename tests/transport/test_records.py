"""What is written about requests, and what never is."""

import json
import logging
from datetime import datetime
from hashlib import sha256

import pytest
from graphql import ExecutionResult, GraphQLError

from gateway.errors import Forbidden, NotFound
from gateway.hooks import OperationEvent
from gateway.transport.records import RecordHandler, Records

pytestmark = pytest.mark.anyio

QUERY = "query Name { __typename }"
# 21 calls at worst.
NESTED = '{ project(id: "1") { jobs { nodes { pipeline { jobs { nodes { name } } } } } } }'
NOT_KEPT = "PERSISTED_QUERY_NOT_FOUND"
SECRET = "glpat-do-not-tell"


async def test_an_operation_is_one_line(caller, records, lines):
    answer = await caller.post({"query": QUERY}, private_token=SECRET, x_request_id="abc")

    records.flush()
    [line] = lines
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line.pop("duration_ms") > 0
    assert len(line.pop("caller")) >= 8
    assert line == {
        "level": "info",
        "record": "operation",
        "request_id": "abc",
        "method": "POST",
        "status": 200,
        "bytes": len(answer.body),
        "operation": "Name",
        "type": "query",
        "document": sha256(QUERY.encode()).hexdigest()[:16],
    }


async def test_calls_and_errors_are_told(make_caller, records, lines):
    async def run(scope):
        scope.tally.calls, scope.tally.shared, scope.tally.retried = 5, 3, 1
        causes = [cause("no", endpoint="GET /job") for cause in (NotFound, Forbidden, NotFound)]
        return ExecutionResult({}, [GraphQLError("no", original_error=cause) for cause in causes])

    await make_caller(run).post({"query": NESTED})

    records.flush()
    [line] = lines
    assert line["codes"] == ["NOT_FOUND", "FORBIDDEN"]
    assert (line["estimated"], line["calls"], line["shared"], line["retried"]) == (21, 5, 3, 1)
    assert "cached" not in line


async def test_each_operation_of_a_batch_is_told(make_caller, records, lines):
    calls = iter((2, 3))

    async def run(scope):
        scope.tally.calls = next(calls)
        return ExecutionResult({}, None)

    caller = make_caller(run, max_batch=3)
    await caller.post([{"query": QUERY}, {"query": NESTED}, {}], x_request_id="abc")

    records.flush()
    assert {(line["record"], line["request_id"], line["status"]) for line in lines} == {
        ("operation", "abc", 200)
    }
    told = {(line.get("operation"), line.get("calls"), *line.get("codes", ())) for line in lines}
    assert told == {(None, None, "BAD_REQUEST"), (None, 3), ("Name", 2)}


async def test_a_bug_in_one_operation_of_a_batch_is_its_own(make_caller, records, lines):
    fails = iter((True, False))

    async def run(scope):
        if next(fails):
            raise RuntimeError
        return ExecutionResult({"fine": True}, None)

    answer = await make_caller(run, max_batch=2).post([{"query": QUERY}] * 2)

    records.flush()
    # The one that waited for the other's preparation may run first.
    [failed] = [told for told in answer.json() if "errors" in told]
    [fine] = [told for told in answer.json() if "errors" not in told]
    assert failed["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert fine == {"data": {"fine": True}}
    assert sorted(line.get("codes", []) for line in lines) == [[], ["INTERNAL_SERVER_ERROR"]]


async def test_a_refused_request_is_told(caller, records, lines):
    await caller.post(b"{")

    records.flush()
    [line] = lines
    assert (line["record"], line["status"], line["codes"]) == ("request", 400, ["BAD_REQUEST"])
    assert "operation" not in line


@pytest.mark.parametrize("method", ["OPTIONS", "DELETE"])
async def test_a_request_that_asks_for_no_operation_is_told(caller, records, lines, method):
    answer = await caller.call(method)

    records.flush()
    [line] = lines
    assert (line["record"], line["method"], line["status"]) == ("request", method, answer.status)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0"}}}, NOT_KEPT),
    ],
)
async def test_an_operation_that_is_refused_is_told(caller, records, lines, body, code):
    answer = await caller.post(body)

    records.flush()
    [line] = lines
    assert (line["record"], line["status"], line["codes"]) == ("operation", answer.status, [code])


async def test_a_credential_is_never_told(make_caller, records, lines):
    async def run(scope):
        raise RuntimeError(repr(scope.credential))

    handler, logger = RecordHandler(records), logging.getLogger("gateway")
    logger.addHandler(handler)
    try:
        await make_caller(run).post({"query": QUERY}, authorization=f"Bearer {SECRET}")
    finally:
        logger.removeHandler(handler)

    records.flush()
    assert {line["record"] for line in lines} == {"operation", "gateway.execution"}
    assert "RuntimeError" in json.dumps(lines)
    assert SECRET not in json.dumps(lines)


async def test_one_callers_requests_bear_the_same_mark(caller, records, lines):
    for token in (SECRET, SECRET, "glpat-another"):
        await caller.post({"query": QUERY}, private_token=token)

    records.flush()
    first, second, third = (line["caller"] for line in lines)
    assert first == second != third


async def test_names_are_cut(caller, records, lines):
    await caller.post({"query": f"query {'N' * 500} {{ __typename }}"})

    records.flush()
    assert lines[0]["operation"] == "N" * 100


async def test_lines_of_requests_are_gathered(caller, records, lines):
    await caller.post({"query": QUERY})
    await caller.post({"query": QUERY})

    assert lines == []
    records.flush()
    assert len(lines) == 2


def test_what_is_logged_is_a_line_at_once():
    written = []
    handler = RecordHandler(Records(written.append))
    logger = logging.getLogger("some.module")
    logger.addHandler(handler)

    logger.warning("%s of two\nlines", "one")
    try:
        int("inner")
    except ValueError:
        logger.exception("it failed")
    logger.removeHandler(handler)

    first, second = (json.loads(line) for line in written)
    assert (first["level"], first["record"]) == ("warning", "some.module")
    assert first["message"] == "one of two\nlines"
    assert "traceback" not in first
    assert second["level"] == "error"
    assert "ValueError: invalid literal" in second["traceback"]


async def test_an_operation_that_nobody_hears_of_makes_no_event(make_caller, monkeypatch):
    made = []
    monkeypatch.setattr(OperationEvent, "__init__", lambda *_: made.append(1))

    answer = await make_caller(hooks=()).post({"query": QUERY})

    assert answer.json() == {"data": {"__typename": "Query"}}
    assert made == []
