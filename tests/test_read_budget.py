"""What one operation may read of the upstream is bounded, whatever it reads."""

from __future__ import annotations

import logging

import pytest

from gateway.errors import ReadTooLarge
from gateway.upstream.scope import CallScope
from tests.harness.app import running_app
from tests.upstream.conftest import RawServer, an_answer, say

pytestmark = pytest.mark.anyio

ANSWER_BYTES = 60_000
JOB = {"id": 2, "name": "build", "status": "failed", "ref": "x" * ANSWER_BYTES}
SETTINGS = {"max_calls_in_flight": 1, "max_read_bytes": 100_000}


def job_of(project):
    return f"p{project}: job(by: {{{place_of(project)}}}) {{ name }}"


def place_of(project):
    return f'path: {{project: "{project}", job: "2"}}'


def query_of(*fields):
    return f"{{ {' '.join(fields)} }}"


def codes_of(answer):
    return {error["path"][0]: error["extensions"]["code"] for error in answer.get("errors", ())}


@pytest.fixture
async def server():
    """Jobs of so many bytes, and logs of as many."""
    async with RawServer().running() as server:

        async def answer(writer):
            is_log = "/trace" in server.heads[-1]
            await say(b"x" * ANSWER_BYTES if is_log else an_answer(JOB).body)(writer)

        server.answer = answer
        yield server


async def test_reads_beyond_the_budget_fail_and_what_was_read_stays(server):
    async with running_app(upstream_url=server.origin, **SETTINGS) as api:
        answer = await api(query_of(*map(job_of, range(1, 6))))

    assert answer["data"]["p1"] == {"name": "build"}
    assert codes_of(answer) == dict.fromkeys(["p2", "p3", "p4", "p5"], "READ_TOO_LARGE")
    assert "100000 are allowed (GATEWAY_MAX_READ_BYTES)" in answer["errors"][0]["message"]
    assert len(server.heads) == 2


async def test_each_operation_has_a_budget_of_its_own(server):
    query = query_of(job_of(1))
    async with running_app(upstream_url=server.origin, kept_reads=False, **SETTINGS) as api:
        answers = [await api(query) for _ in range(3)]

    assert [codes_of(answer) for answer in answers] == [{}, {}, {}]


async def test_answers_that_are_kept_count_as_those_that_are_read(server):
    async with running_app(upstream_url=server.origin, **SETTINGS) as api:
        await api(query_of(job_of(1)))
        await api(query_of(job_of(2)))
        answer = await api(query_of(job_of(1), job_of(2), job_of(3)))

    assert codes_of(answer) == {"p3": "READ_TOO_LARGE"}
    assert len(server.heads) == 2


def test_of_a_log_what_is_held_counts():
    scope = CallScope(None, 0, max_read_bytes=100)

    scope.hold(100)
    scope.check_read()
    scope.hold(1)

    with pytest.raises(ReadTooLarge, match="has read 101 bytes of the upstream, 100 are allowed"):
        scope.check_read()


async def test_the_answer_to_a_write_is_told_however_much_it_is(server):
    writes = " ".join(
        f"w{n}: jobCancel(input: {{job: {{{place_of(n)}}}}}) {{ job {{ name }} }}"
        for n in range(1, 4)
    )
    async with running_app(upstream_url=server.origin, **SETTINGS) as api:
        answer = await api(f"mutation {{ {writes} }}")

    sent = [head.split()[0] for head in server.heads]
    assert codes_of(answer) == {}
    assert sent.count("POST") == 3


async def test_where_limits_are_measured_it_is_recorded(server, caplog):
    settings = {"upstream_url": server.origin, "limits": "measure", "max_read_bytes": 100_000}
    with caplog.at_level(logging.WARNING, "gateway.limits"):
        async with running_app(**settings) as api:
            answer = await api(query_of(job_of(1), job_of(2)))

    told = [record.getMessage() for record in caplog.records if record.name == "gateway.limits"]
    assert codes_of(answer) == {}
    assert ["bytes read of the upstream, 100000 allowed" in line for line in told] == [True]
