"""A log of 200 MB through the whole gateway: one read of it, little memory, and the loop turns."""

import asyncio
import random
import tracemalloc
from itertools import count
from pathlib import Path

import pytest

from tests.harness.app import running_app
from tests.harness.stretches import shortest_stretch
from tests.upstream.conftest import RawServer, an_answer, say

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

# A megabyte as runners write it: timestamps, colours, progress, sections.
LINES = b"".join(
    (
        b"2026-04-01T10:00:00.123456Z 00O section_start:%d:part_%d\r\x1b[0K\x1b[36;1mPart\x1b[0;m\n"
        b"2026-04-01T10:00:00.123456Z 00O section_end:%d:part_%d\r\x1b[0K\n"
    )
    % (number, number, number + 3, number)
    if number % 1_000 == 0
    else b"2026-04-01T10:00:00.123456Z 00O \x1b[0;33mline of a log, as they are\x1b[0m\r\n"
    if number % 3
    else b"an older line \xc3\xa9 without a time, 50%\r 51%\r 52%\n"
    for number in range(16_000)
)
END = b"\x1b[31;1mERROR: Job failed: exit code 7\x1b[0;m\n"
PIPELINE = {"id": 3, "project_id": 1, "ref": "main", "sha": "a" * 40, "status": "failed"}
JOB = {"id": 2, "name": "job", "status": "failed", "stage": "test", "ref": "main", "tag": False}
LOG = '{ job(by: {path: {project: "1", job: "2"}}) { log { %s } } }'
EVERYTHING = """
  byteCount lineCount tail(lines: 100) { text } slice { text }
  sections { name header startLine endLine duration }
  text: search(pattern: "exit code 7", before: 1) { line text before after startByte endByte }
  expression: search(pattern: "(?i)^error: .*code [1-9]$", regex: true) { line text }
"""
GROWTH_BYTES = 8_000_000
STRETCH_S = 0.05


CLEAR_REFS = Path("/proc/self/clear_refs")


class Upstream:
    """One job, whose log is a part so many times over, and its end."""

    def __init__(self, server):
        self.origin = server.origin
        self.part, self.times = LINES, 1
        self.log_calls = 0
        self._heads = server.heads

    async def __call__(self, writer):
        if "/trace" not in self._heads[-1]:
            await say(an_answer(JOB | {"pipeline": PIPELINE}).body)(writer)
            return
        self.log_calls += 1
        length = self.times * len(self.part) + len(END)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % length)
        for _ in range(self.times):
            for start in range(0, len(self.part), 65_536):
                writer.write(self.part[start : start + 65_536])
                await writer.drain()
                await asyncio.sleep(0)
        writer.write(END)


@pytest.fixture
async def upstream():
    async with RawServer().running() as server:
        server.answer = Upstream(server)
        yield server.answer


@pytest.fixture
async def ask(upstream):
    async with running_app(upstream_url=upstream.origin, request_timeout_s=300) as api:

        async def ask(selection, fragment=""):
            answer = await api(LOG % selection + fragment)
            return answer["data"]["job"]["log"], answer.get("errors")

        yield ask


def memory_from_now_on():
    """What is resident; the peak is that, and grows from there."""
    CLEAR_REFS.write_text("5", encoding="ascii")
    return memory("VmRSS")


def memory(name):
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith(name)]
    return int(line.split()[1]) * 1_024


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux tells peaks anew"
)
async def test_200_megabytes_take_one_read_and_little_memory_and_hold_no_loop(ask, upstream):
    await ask(EVERYTHING)
    upstream.times, upstream.log_calls = 200_000_000 // len(LINES) + 1, 0
    before = memory_from_now_on()

    tries = count()
    stretch, (log, errors) = await shortest_stretch(
        lambda: ask(f"try{next(tries)}: id {EVERYTHING}"), limit_s=STRETCH_S
    )

    line = upstream.times * LINES.count(b"\n") + 1
    size = upstream.times * len(LINES) + len(END)
    assert errors is None
    assert upstream.log_calls == next(tries)
    assert (log["byteCount"], log["lineCount"]) == (size, line)
    assert log["tail"]["text"].endswith(" 52%\nERROR: Job failed: exit code 7\n")
    assert log["text"] == [
        {
            "line": line,
            "text": "ERROR: Job failed: exit code 7",
            "before": [" 52%"],
            "after": [],
            "startByte": size - len(END),
            "endByte": size,
        }
    ]
    assert log["expression"] == [{"line": line, "text": "ERROR: Job failed: exit code 7"}]
    assert len(log["sections"]) == 100
    assert {section["duration"] for section in log["sections"]} == {3}
    assert memory("VmHWM") - before < GROWTH_BYTES
    assert stretch < STRETCH_S


async def test_an_expression_that_is_dear_holds_no_loop(ask, upstream):
    """RE2 takes a fifth of a second for each 64 KiB of this."""
    draw = random.Random(1)
    upstream.part = bytes(draw.choices(b"ab", k=262_144))
    dear = 'search(pattern: "[ab]*a[ab]{500}c", regex: true) { line }'
    await ask("byteCount")

    stretch, (log, errors) = await shortest_stretch(lambda: ask(dear), limit_s=STRETCH_S)

    assert (log, errors) == ({"search": []}, None)
    assert stretch < STRETCH_S


ALIASES = 400
# As many as a document's tokens and literals allow.
SEARCHES = 200


async def test_one_search_under_many_aliases_is_made_once(ask, upstream):
    aliases = " ".join(
        f'a{n}: search(pattern: "52%", first: 5, after: {n % 40}) {{ ...M }}'
        for n in range(SEARCHES)
    )
    fragment = "fragment M on LogMatch { line text }"
    await ask(aliases, fragment)

    stretch, (log, errors) = await shortest_stretch(
        lambda: ask(aliases, fragment), limit_s=STRETCH_S
    )

    assert errors is None
    assert len(log) == SEARCHES
    assert [match["line"] for match in log["a0"]] == [5, 8, 11, 14, 17]
    assert all(found == log["a0"] for found in log.values())
    assert stretch < STRETCH_S


async def test_sections_under_many_aliases_are_found_once(ask, upstream):
    aliases = " ".join(f"a{n}: sections(first: {n % 9 + 1}) {{ ...S }}" for n in range(ALIASES))
    fragment = "fragment S on LogSection { name }"
    await ask(aliases, fragment)

    stretch, (log, errors) = await shortest_stretch(
        lambda: ask(aliases, fragment), limit_s=STRETCH_S
    )

    assert errors is None
    assert [len(found) for found in log.values()] == [n % 9 + 1 for n in range(ALIASES)]
    assert stretch < STRETCH_S


async def test_matches_that_are_too_much_are_refused_before_they_are_built(upstream):
    aliases = " ".join(
        f'a{n}: search(pattern: "l", first: 100, before: {n % 51}) {{ ...M }}'
        for n in range(SEARCHES)
    )
    settings = {"upstream_url": upstream.origin, "max_response_bytes": 5_000_000}
    async with running_app(**settings) as api:
        tracemalloc.start()
        answer = await api(LOG % aliases + "fragment M on LogMatch { before after }")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert {error["extensions"]["code"] for error in answer["errors"]} == {"RESPONSE_TOO_LARGE"}
    assert peak < 40_000_000


async def test_more_matches_than_fields_are_allowed_are_refused_before_any_call(upstream):
    settings = {"upstream_url": upstream.origin, "max_response_nodes": 150}
    async with running_app(**settings) as api:
        few = await api(LOG % 'search(pattern: "l", first: 70) { line }')
        many = await api(LOG % 'search(pattern: "l", first: 80) { line text }')
        sections = await api(LOG % "sections(first: 80) { name header }")

    assert len(few["data"]["job"]["log"]["search"]) == 70
    for refused in (many, sections):
        assert [error["extensions"]["code"] for error in refused["errors"]] == [
            "RESPONSE_TOO_LARGE"
        ]
    assert upstream.log_calls == 1
