"""How long a harmless caller waits while others do their worst, by the clock.

    python -m tests.benchmarks.gaps              all kinds of bad work, 5 s each
    python -m tests.benchmarks.gaps "cold"       those whose name holds this

The gateway is a process of its own, and so is the probe, which reads one job 50 times a second with
a credential of its own. One other caller, a third process, does the bad work again and again; the
upstream is here and does nothing else, so that it keeps nobody waiting. The longest gap is the
longest time from one of the probe's answers to the next, 20 ms where nothing is wrong. What a busy
machine adds is in all figures, so they are to be read beside those of undisturbed work in the same
run.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from itertools import count, pairwise
from statistics import quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any

import httpx
from graphql import get_introspection_query

from tests.harness.app import program
from tests.upstream.conftest import RawServer, an_answer, say

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Awaitable, Callable

    Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]

SECONDS = 5.0
INTERVAL_S = 0.02
PROBED = '{ job(by: {path: {project: "9", job: "2"}}) { name } }'
BAD = '{ job(by: {path: {project: "1", job: "2"}}) { name } }'
JOB = an_answer({"id": 2, "name": "build", "status": "failed"}).body
FAULTY = (
    b'{"id":%d,"name":"a","status":"b","ref":null,"user":{"name":"Ada"},"artifacts":[{"size":-1}]}'
)
PAGE = b"[" + b",".join(FAULTY % n for n in range(1, 101)) + b"]"
ESCAPES = b'[{"id":null,"x":"' + b'\\"' * 1_900_000 + b'"}]'
BOMB = gzip.compress(b"\0" * 20_000_000)
LOG = b"\x1b[0;33ma line of a log, as they are\x1b[0m\n" * 25_000

Body = dict[str, Any]
number = count()


def jobs(_: int) -> Body:
    return {"query": '{ project(id: "1") { jobs(first: 100) { nodes { name ref } } } }'}


def logs(_: int) -> Body:
    fields = (
        f'a{n}: job(by: {{path: {{project: "{n + 10}", job: "2"}}}}) {{ log {{ lineCount }} }}'
        for n in range(50)
    )
    return {"query": f"{{ {' '.join(fields)} }}"}


def aliases(_: int) -> Body:
    tails = " ".join(
        f"a{n}: tail(lines: {9_999 - n}, maxBytes: 10000) {{ text }}" for n in range(300)
    )
    return {"query": BAD.replace("name", f"log {{ {tails} }}")}


def unknown_keys(_: int) -> Body:
    variables = {"a": {f"key{n}": n for n in range(20_000)}}
    return {"query": "query($a: JobRef!) { job(by: $a) { name } }", "variables": variables}


def cold(_: int) -> Body:
    fields = " ".join(f"a{n}: name" for n in range(1_900))
    return {"query": f"query Cold{next(number)} {BAD.replace('name', fields)}"}


def introspection(_: int) -> Body:
    return {"query": get_introspection_query()}


def one_job(project: int) -> Body:
    return {"query": BAD.replace('"1"', f'"{project % 50 + 10}"')}


async def never(writer: asyncio.StreamWriter) -> None:
    """No answer, as long as the probe asks."""
    await asyncio.sleep(3 * SECONDS)
    writer.close()


async def cut(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n" + b"[" * 500_000)
    await writer.drain()
    writer.close()


# What is asked again and again, and what the upstream answers to it; None for nothing.
WORKS: dict[str, tuple[Callable[[int], Body] | None, Answering | None]] = {
    "undisturbed": (None, None),
    "faulty pages": (jobs, say(PAGE)),
    "escapes in faulty pages": (jobs, say(ESCAPES)),
    "50 packed logs at once": (logs, say(BOMB, headers=("content-encoding: gzip",))),
    "300 aliases of a log": (aliases, say(LOG)),
    "20,000 unknown keys": (unknown_keys, None),
    "cold documents at the limits": (cold, None),
    "introspection": (introspection, None),
    "an upstream that says 503 elsewhere": (one_job, say(b"", status="503 Service Unavailable")),
    "an upstream that cuts large answers": (jobs, cut),
    "an upstream that never answers elsewhere": (one_job, never),
    "undisturbed again": (None, None),
}


async def probe(address: str, seconds: float) -> None:
    """Read one job at an even pace; prints when it began, when each answer came, and its status."""
    headers = {"private-token": "glpat-probe", "cache-control": "no-cache"}
    told = []
    async with httpx.AsyncClient(headers=headers, timeout=60) as caller:
        await caller.post(address, json={"query": PROBED})
        began = perf_counter()
        while (asked := perf_counter() - began) < seconds:
            answer = await caller.post(address, json={"query": PROBED})
            came = perf_counter() - began
            told.append((asked, came, answer.status_code == 200 and "errors" not in answer.json()))
            await asyncio.sleep(max(0.0, INTERVAL_S - (came - asked)))
    sys.stdout.write(json.dumps(told))


async def work(address: str, name: str) -> None:
    """Do the bad work until the process is killed."""
    body_of, _ = WORKS[name]
    async with httpx.AsyncClient(headers={"private-token": "glpat-bad"}, timeout=120) as caller:
        while body_of is not None:
            await caller.post(address, json=body_of(next(number)))


async def _started(*arguments: str) -> Process:
    """This module again, as a program."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.gaps", *arguments), stdout=asyncio.subprocess.PIPE
    )


async def probed(address: str) -> list[tuple[float, float, bool]]:
    told, _ = await (await _started("--probe", address)).communicate()
    return [tuple(one) for one in json.loads(told)]


async def measured(server: RawServer, address: str, name: str) -> tuple[float, float, float, int]:
    """Median, 99th percentile and longest gap in ms, and how many of the probe's reads failed."""
    body_of, bad = WORKS[name]

    async def answer(writer: asyncio.StreamWriter) -> None:
        target = server.heads[-1].split()[1]
        server.heads.clear()
        server.bodies.clear()
        is_bad = "/projects/9/" not in target and (body_of is not logs or "/trace" in target)
        is_bad = is_bad and (body_of is not aliases or "/trace" in target)
        await (bad if bad and is_bad else say(JOB))(writer)

    server.answer = answer
    working = await _started("--work", address, name)
    try:
        told = await probed(address)
    finally:
        if working.returncode is None:
            working.kill()
        await working.wait()
    waited = sorted((came - asked) * 1_000 for asked, came, _ in told)
    came = [0.0, *(at for _, at, _ in told)]
    gap = max(later - earlier for earlier, later in pairwise(came)) * 1_000
    cuts = quantiles(waited, n=100, method="inclusive")
    return cuts[49], cuts[98], gap, sum(not fits for _, _, fits in told)


async def main(wanted: str) -> None:
    names = [name for name in WORKS if wanted in name or name == "undisturbed"]
    _say("| while | median ms | p99 ms | of undisturbed | longest gap ms | failed |")
    _say("|---|---|---|---|---|---|")
    usual = None
    async with RawServer().running() as server:
        with program(server.origin) as address:
            for name in names:
                median, p99, gap, failed = await measured(server, address, name)
                usual = usual or p99
                figures = (f"{median:.0f}", f"{p99:.0f}", f"{p99 / usual:.1f}", f"{gap:.0f}")
                _say(f"| {' | '.join([name, *figures, str(failed)])} |")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--probe"]:
        asyncio.run(probe(sys.argv[2], SECONDS))
    elif sys.argv[1:2] == ["--work"]:
        asyncio.run(work(*sys.argv[2:4]))
    else:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ""))
