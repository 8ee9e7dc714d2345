"""Many logs at once that are made to be too much: what they hold together is bounded, and the loop
turns.
"""

import gzip

import pytest

from tests.harness.app import running_app
from tests.harness.stretches import shortest_stretch
from tests.test_long_logs import CLEAR_REFS, GROWTH_BYTES, memory, memory_from_now_on
from tests.upstream.conftest import RawServer, an_answer, say

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timed,
    pytest.mark.skipif(not CLEAR_REFS.exists(), reason="only Linux tells peaks anew"),
]

JOBS = 50
STRETCH_S = 0.05
SELECTED = """tail(lines: 10, maxBytes: 1000) { text } lineCount
  sections(first: 5) { name } search(pattern: "nowhere") { line }"""
SECTION = b"section_start:%d:%b\r\x1b[0Ktext\nsection_end:%d:%b\r\x1b[0K\n"
LOGS = {
    "packed zeros": gzip.compress(b"\0" * 3_000_000),
    "packed lines": gzip.compress(b"\n" * 1_000_000),
    "a line without end": b"x" * 1_000_000,
    "a line of colours without end": b"\x1b[31mx" * 60_000,
    "countless sections": b"".join(
        SECTION % (n, b"part_%d" % n, n, b"part_%d" % n) for n in range(4_000)
    ),
    "sections that never end": b"".join(
        b"section_start:%d:p%d\r\x1b[0K\n" % (n, n) for n in range(4_000)
    ),
    "sections of long names": b"".join(
        SECTION % (n, b"n" * 60_000, n, b"n" * 60_000) for n in range(4)
    ),
}


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
async def test_fifty_bad_logs_at_once_hold_neither_memory_nor_the_loop(log):
    job = an_answer({"id": 2, "name": "job", "status": "failed"}).body
    headers = ("content-encoding: gzip",) if log[:2] == b"\x1f\x8b" else ()
    fields = " ".join(
        f'a{n}: job(by: {{path: {{project: "{n}", job: "2"}}}}) {{ log {{ {SELECTED} }} }}'
        for n in range(1, JOBS + 1)
    )
    async with RawServer().running() as server:

        async def answer(writer):
            is_log = "/trace" in server.heads[-1]
            await say(log if is_log else job, headers=headers if is_log else ())(writer)

        server.answer = answer
        settings = {"kept_reads": False, "request_timeout_s": 300}
        async with running_app(upstream_url=server.origin, **settings) as api:
            await api(f"{{ {fields} }}")
            before = memory_from_now_on()
            stretch, given = await shortest_stretch(
                lambda: api(f"{{ {fields} }}"), limit_s=STRETCH_S
            )
            peak = memory("VmHWM")

    assert all(job["log"]["lineCount"] for job in given["data"].values())
    assert peak - before < 2 * GROWTH_BYTES + JOBS * 200_000
    assert stretch < STRETCH_S
