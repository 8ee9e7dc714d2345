"""How long a harmless caller waits while others do their worst, by the clock.

    python -m tests.benchmarks.gaps              all kinds of bad work, 5 s each
    python -m tests.benchmarks.gaps "cold"       those whose name holds this
    python -m tests.benchmarks.gaps --enforce    ends with 1 if a limit is missed

The gateway is a process of its own, and so is the probe, which reads one job 50 times a second with
a credential of its own. One other caller, a third process, does the bad work again and again, or
floods the gateway with documents over some connections at once; the upstream is here and does
nothing else, so that it keeps nobody waiting. The longest gap is the longest time from one of the
probe's answers to the next, 20 ms where nothing is wrong. What a busy machine adds is in all
figures, so they are to be read beside those of undisturbed work in the same run. What a busy
machine does not add to is the CPU that the gateway used, for whomever, from a read's request to its
answer. Memory is what the gateway holds more after the work.

A limit is in p99s of undisturbed work. For a flood of new documents it is as high as a flood of the
same document, known, is itself, and 30 % more: what that costs others is no matter of documents.
"""

# ruff: noqa: T201 - a command talks

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import sys
from itertools import count, pairwise, repeat
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from graphql import get_introspection_query

from tests.benchmarks.driver import Load
from tests.benchmarks.operation import IN_TEXT, OPERATIONS, Operation
from tests.benchmarks.programs import Program
from tests.benchmarks.upstream import Answers
from tests.benchmarks.world import World
from tests.harness.app import program
from tests.upstream.conftest import RawServer, an_answer, say

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]

SECONDS = 5.0
INTERVAL_S = 0.02
# Of a flood.
CONNECTIONS = 4
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


def one_document(operation: Operation) -> Iterator[Operation]:
    return repeat(operation.valued(0))


def other_values(operation: Operation) -> Iterator[Operation]:
    return map(operation.valued, number)


def new_shapes(operation: Operation) -> Iterator[Operation]:
    return map(operation.valued(0).numbered, number)


class Work(NamedTuple):
    """What one other caller does meanwhile: asks for one thing after another, or sends a flood, of
    one operation over some connections at once. `answering` is what the upstream answers to it;
    where there is none, one job. The limit is the most that the probe's p99 may be, in p99s of
    undisturbed work, or 1.3 p99s of the work that this one stands `beside`.
    """

    asking: Callable[[int], Body] | None = None
    answering: Answering | None = None
    flood: tuple[Operation, Callable[[Operation], Iterator[Operation]]] | None = None
    limit: float | None = None
    beside: str | None = None


# All the values of an operation stand in its text, so that other values are another text.
FLOODS = {
    name: IN_TEXT.get(name) or OPERATIONS[name].in_text()
    for name in ("one_job", "many_100", "fifty_jobs")
}
BESIDE_LIMIT = 1.3

WORKS = {
    "undisturbed": Work(),
    **{
        f"a flood of one document: {operation.title}": Work(flood=(operation, one_document))
        for operation in FLOODS.values()
    },
    **{
        f"a flood of {what}: {operation.title}": Work(
            flood=(operation, texts),
            limit=2,
            beside=f"a flood of one document: {operation.title}",
        )
        for what, texts in (("other values", other_values), ("new shapes", new_shapes))
        for operation in FLOODS.values()
    },
    "faulty pages": Work(jobs, say(PAGE)),
    "escapes in faulty pages": Work(jobs, say(ESCAPES)),
    "50 packed logs at once": Work(logs, say(BOMB, headers=("content-encoding: gzip",))),
    "300 aliases of a log": Work(aliases, say(LOG)),
    "20,000 unknown keys": Work(unknown_keys),
    "cold documents at the limits": Work(cold),
    "introspection": Work(introspection),
    "an upstream that says 503 elsewhere": Work(
        one_job, say(b"", status="503 Service Unavailable")
    ),
    "an upstream that cuts large answers": Work(jobs, cut),
    "an upstream that never answers elsewhere": Work(one_job, never),
    "undisturbed again": Work(),
}


async def probe(gateway: Program) -> None:
    """Read one job at an even pace; prints when each read began and ended, whether it failed, and
    the CPU that the gateway used meanwhile.
    """
    headers = {"private-token": "glpat-probe", "cache-control": "no-cache"}
    told = []
    async with httpx.AsyncClient(headers=headers, timeout=60) as caller:
        address = f"http://127.0.0.1:{gateway.port}/graphql"
        await caller.post(address, json={"query": PROBED})
        began = perf_counter()
        while (asked := perf_counter() - began) < SECONDS:
            cpu_s = gateway.cpu_s()
            answer = await caller.post(address, json={"query": PROBED})
            came, cpu_s = perf_counter() - began, gateway.cpu_s() - cpu_s
            failed = answer.status_code != 200 or "errors" in answer.json()
            told.append((asked, came, failed, cpu_s))
            await asyncio.sleep(max(0.0, INTERVAL_S - (came - asked)))
    sys.stdout.write(json.dumps(told))


async def work(gateway: Program, name: str) -> None:
    """Do the bad work until the process is killed."""
    work, address = WORKS[name], f"http://127.0.0.1:{gateway.port}/graphql"
    if work.flood is not None:
        operation, texts = work.flood
        with Load(gateway.port, operation.valued(0), CONNECTIONS, others=texts(operation)) as load:
            load.run(seconds=10 * SECONDS)
    async with httpx.AsyncClient(headers={"private-token": "glpat-bad"}, timeout=120) as caller:
        while work.asking is not None:
            await caller.post(address, json=work.asking(next(number)))


async def _started(gateway: Program, *arguments: str) -> Process:
    """This module again, as a program."""
    process = (sys.executable, "-m", "tests.benchmarks.gaps", str(gateway.port), str(gateway.pid))
    return await asyncio.create_subprocess_exec(
        *process, *arguments, stdout=asyncio.subprocess.PIPE
    )


class Figures(NamedTuple):
    """Of the probe's reads, in ms; how many of them failed, and what the gateway grew by, in MB."""

    median: float
    p99: float
    gap: float
    cpu: float
    grown: float
    failed: int


async def measured(server: RawServer, answers: Answers, gateway: Program, name: str) -> Figures:
    """What the probe finds while the work is done."""
    asking, bad, flood, *_ = WORKS[name]

    async def answer(writer: asyncio.StreamWriter) -> None:
        head = server.heads[-1]
        target = head.split()[1]
        server.heads.clear()
        server.bodies.clear()
        if flood is not None and "/projects/9/" not in target:
            writer.write(answers.of(head.encode()))
            return
        is_bad = "/projects/9/" not in target and (asking is not logs or "/trace" in target)
        is_bad = is_bad and (asking is not aliases or "/trace" in target)
        await (bad if bad and is_bad else say(JOB))(writer)

    server.answer = answer
    held = gateway.memory_bytes("VmRSS")
    working = await _started(gateway, name)
    try:
        told, _ = await (await _started(gateway)).communicate()
        if working.returncode:
            raise RuntimeError(f"the work failed: {name}")
    finally:
        if working.returncode is None:
            working.kill()
        await working.wait()
    asked, came, failed, cpu_s = zip(*json.loads(told), strict=True)
    waited = [end - start for start, end in zip(asked, came, strict=True)]
    gap = max(later - earlier for earlier, later in pairwise([0.0, *came]))
    grown = gateway.memory_bytes("VmRSS") - held
    median, p99, cpu = _percent(waited, 50), _percent(waited, 99), _percent(cpu_s, 99)
    return Figures(median, p99, gap * 1e3, cpu, grown / 1e6, sum(failed))


def _percent(seconds: Sequence[float], share: int) -> float:
    """A percentile, in ms."""
    return quantiles(seconds, n=100, method="inclusive")[share - 1] * 1e3


async def run(wanted: str) -> list[str]:
    """Measure and print; gives the limits that were missed."""
    chosen = {name: work for name, work in WORKS.items() if wanted in name}
    needed = {"undisturbed", *chosen, *(work.beside for work in chosen.values())}
    answers = Answers(World.make())
    head = "while median~ms p99~ms of~undisturbed limit longest~gap~ms CPU~ms,~p99 memory~MB failed"
    _say_row(head.replace(" ", " | ").replace("~", " "))
    _say_row("|".join(["---"] * 9))
    p99s: dict[str | None, float] = {}
    missed = []
    async with RawServer().running() as server:
        with program(server.origin) as address:
            gateway = Program("gateway", urlsplit(address).port or 0, _child())
            for name, work in WORKS.items():
                if name not in needed:
                    continue
                found = await measured(server, answers, gateway, name)
                p99s[name] = found.p99
                ratio = found.p99 / p99s["undisturbed"]
                limit = work.limit
                if limit is not None:
                    beside = p99s.get(work.beside, 0.0) / p99s["undisturbed"]
                    limit = max(limit, BESIDE_LIMIT * beside)
                    if ratio > limit:
                        missed.append(f"{name}: {ratio:.1f} p99s, at most {limit:.1f}")
                shown = "" if limit is None else f"{limit:.1f}"
                cells = (name, f"{found.median:.0f}", f"{found.p99:.0f}", f"{ratio:.1f}", shown)
                rest = (f"{found.gap:.0f}", f"{found.cpu:.1f}", f"{found.grown:+.0f}")
                _say_row(" | ".join([*cells, *rest, str(found.failed)]))
    return missed


def _child() -> int:
    """The only process that this one has started."""
    pid = os.getpid()
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def _say_row(row: str) -> None:
    print(f"| {row} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.gaps",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("wanted", nargs="?", default="", help="only works whose name holds this")
    parser.add_argument("--enforce", action="store_true", help="fail if a limit is missed")
    options = parser.parse_args()
    missed = asyncio.run(run(options.wanted))
    print(*[f"missed: {figure}" for figure in missed], sep="\n")
    return 1 if missed and options.enforce else 0


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1].isdecimal():
        of_gateway = Program("gateway", int(sys.argv[1]), int(sys.argv[2]))
        asyncio.run(work(of_gateway, sys.argv[3]) if sys.argv[3:] else probe(of_gateway))
    else:
        sys.exit(main())
