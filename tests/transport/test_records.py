"""What is written about requests, and what never is."""

import json
import logging
from datetime import datetime
from hashlib import sha256

import pytest

from gateway.execution.engine import Outcome
from gateway.transport.records import RecordHandler, Records

pytestmark = pytest.mark.anyio

QUERY = "query Name { __typename }"
SECRET = "glpat-do-not-tell"


async def test_a_request_is_one_line(caller, records, lines):
    answer = await caller.post({"query": QUERY}, private_token=SECRET, x_request_id="abc")

    records.flush()
    [line] = lines
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line.pop("duration_ms") > 0
    assert len(line.pop("caller")) >= 8
    assert line == {
        "level": "info",
        "record": "request",
        "request_id": "abc",
        "method": "POST",
        "status": 200,
        "bytes": len(answer.body),
        "operation": "Name",
        "type": "query",
        "document": sha256(QUERY.encode()).hexdigest()[:16],
    }


async def test_calls_and_errors_are_told(make_caller, scripted, records, lines):
    async def run(request, scope):
        scope.tally.calls, scope.tally.shared, scope.tally.retried = 5, 3, 1
        errors = [{"message": "", "extensions": {"code": code}} for code in ("A", "B", "A")]
        return Outcome({}, errors, estimated_calls=21)

    await make_caller(scripted(run)).post({"query": QUERY})

    records.flush()
    [line] = lines
    assert line["codes"] == ["A", "B"]
    assert (line["estimated"], line["calls"], line["shared"], line["retried"]) == (21, 5, 3, 1)
    assert "cached" not in line


async def test_operations_of_a_batch_are_told_together(make_caller, scripted, records, lines):
    async def run(request, scope):
        scope.tally.calls = 2
        return Outcome({}, None)

    await make_caller(scripted(run), max_batch=2).post([{"query": QUERY}] * 2)

    records.flush()
    assert [line["calls"] for line in lines] == [4]


async def test_a_refused_request_is_told(caller, records, lines):
    await caller.post(b"{")

    records.flush()
    [line] = lines
    assert (line["status"], line["codes"]) == (400, ["BAD_REQUEST"])
    assert "operation" not in line


async def test_a_credential_is_never_told(make_caller, scripted, records, lines):
    async def run(request, scope):
        raise RuntimeError(repr(scope.credential))

    handler, logger = RecordHandler(records), logging.getLogger("gateway")
    logger.addHandler(handler)
    try:
        await make_caller(scripted(run)).post({"query": QUERY}, authorization=f"Bearer {SECRET}")
    finally:
        logger.removeHandler(handler)

    records.flush()
    assert {line["record"] for line in lines} == {"request", "gateway.transport"}
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


async def test_quiet_records_tell_no_requests(make_caller, engine, lines):
    quiet = Records(lines.append, tells_requests=False)
    caller = make_caller(records=quiet)

    await caller.post({"query": QUERY})

    quiet.flush()
    assert lines == []
