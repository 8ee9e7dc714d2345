"""What live data costs: 1,000 subscribers of one job, their memory, 10,000 events.

    python -m tests.benchmarks.live              both implementations, about 5 minutes
    python -m tests.benchmarks.live --quick      fewer rounds, about one
    python -m tests.benchmarks.live --enforce    ends with 1 if a limit is missed (performance.md)

The gateway stands beside a bare program that only holds WebSockets (`live_programs`), over each of
uvicorn's implementations, and beside callers who poll the gateway in place of subscribing. Sandbox
and subscribers take the first core, the program the second. Upstream calls are counted; read the
ratios, times are of this machine. Prints Markdown.
"""

# ruff: noqa: T201 - a command talks

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import uvloop

from gateway.testing.server import serve
from tests.benchmarks.programs import pin, start_live
from tests.benchmarks.report import machine, table
from tests.benchmarks.subscribers import Subscribers, post
from tests.benchmarks.web_sockets import IMPLEMENTATIONS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.testing.server import SandboxServer
    from tests.benchmarks.programs import Program

LOAD_CORE, PROGRAM_CORE = 0, 1
PROGRAMS = ("bare", "gateway")

# What docs/performance.md says is to be reached.
MAX_CONNECTION_KB = 35.0
# The interval of 2 s with its jitter, and one more second.
MAX_DELAY_S = 3.2
MAX_GROWTH_MIB = 2.0

SUBSCRIPTION = "subscription { jobUpdated(job: {path: {project: 1, job: %d}}) { %s } }"
POLL = "{ job(by: {path: {project: 1, job: %d}}) { %s } }"
FIELDS = "id name status stage coverage"


@dataclass(slots=True)
class Figures:
    """Of one program over one implementation; a value a start, or a round."""

    connection_kb: list[float] = field(default_factory=list)
    """Resident memory that a connection with an idle subscription takes."""
    event_us: list[float] = field(default_factory=list)
    """CPU for one event told to one subscriber."""
    delay_s: list[float] = field(default_factory=list)
    """From a change at the upstream until the last subscriber is told."""
    spread_s: list[float] = field(default_factory=list)
    """From the first subscriber that is told to the last."""
    growth_mib: list[float] = field(default_factory=list)
    """Memory after all events, beside that before."""
    calls: list[int] = field(default_factory=list)
    """Upstream calls in a round, from one change told to the next."""
    poll_us: list[float] = field(default_factory=list)
    """CPU for one poll of one caller."""
    poll_calls: list[int] = field(default_factory=list)
    """Upstream calls for one poll of each."""


async def measure(
    server: SandboxServer, program: Program, figures: Figures, subscribers: int, rounds: int
) -> None:
    """One start of one program."""
    sandbox = server.sandbox
    pipeline = sandbox.create_pipeline(1)
    job = sandbox.create_job(1, pipeline, status="running", log=b"")
    headers = {"PRIVATE-TOKEN": server.tokens["developer"]}
    document = SUBSCRIPTION % (job, FIELDS)

    async def change(number: int) -> None:
        if program.name == "bare":
            await post(program.port, "/push", {}, b"", 1)
        else:
            sandbox.update_job(job, coverage=float(number))

    async with Subscribers(program.port, headers, document) as few:
        await few.come(100)
    await asyncio.sleep(0.5)
    before = program.memory_bytes("VmRSS")
    async with Subscribers(program.port, headers, document) as many:
        await many.come(subscribers)
        after = program.memory_bytes("VmRSS")
        figures.connection_kb.append((after - before) / subscribers / 1000)
        # While they came nothing changed, and the interval grew; the first change shortens it.
        await _round(many, program, Figures(), change, rounds, server)
        for number in range(rounds):
            await _round(many, program, figures, change, number, server)
        grown = program.memory_bytes("VmRSS") - after
        figures.growth_mib.append(grown / 2**20)
    if program.name == "gateway":
        await _poll(server, program, figures, POLL % (job, FIELDS), subscribers)


async def _round(
    many: Subscribers,
    program: Program,
    figures: Figures,
    change: Callable[[int], Awaitable[None]],
    number: int,
    server: SandboxServer,
) -> None:
    """One change, until all are told."""
    many.expect()
    server.sandbox.received.clear()
    cpu_s, began = program.cpu_s(), perf_counter()
    await change(number)
    await many.all_told()
    figures.event_us.append((program.cpu_s() - cpu_s) / len(many.told) * 1e6)
    figures.delay_s.append(many.told[-1] - began)
    figures.spread_s.append(many.told[-1] - many.told[0])
    figures.calls.append(len(server.sandbox.received))


async def _poll(
    server: SandboxServer, program: Program, figures: Figures, document: str, callers: int
) -> None:
    """One poll of each, as they would make in each interval in place of subscribing."""
    headers = {"PRIVATE-TOKEN": server.tokens["developer"]}
    body = json.dumps({"query": document}).encode()
    await post(program.port, "/graphql", headers, body, 50)
    server.sandbox.received.clear()
    cpu_s = program.cpu_s()
    await post(program.port, "/graphql", headers, body, callers)
    figures.poll_us.append((program.cpu_s() - cpu_s) / callers * 1e6)
    figures.poll_calls.append(len(server.sandbox.received))


def report(results: dict[tuple[str, str], Figures]) -> str:
    """The figures, as Markdown tables."""
    rows, polls = [], []
    for (program, implementation), one in results.items():
        bare = results["bare", implementation]
        rows.append(
            [
                program,
                implementation,
                f"{median(one.connection_kb):.1f}",
                f"{median(one.event_us):.1f}",
                f"{median(one.event_us) / median(bare.event_us):.2f}",
                f"{median(one.spread_s) * 1e3:.0f}",
                f"{max(one.delay_s):.2f}" if program == "gateway" else "",
                f"{max(one.growth_mib):.1f}",
                f"{median(one.calls):.0f}" if program == "gateway" else "",
            ]
        )
        if one.poll_us:
            told = median(one.event_us)
            polls.append(
                [
                    implementation,
                    *(f"{told:.0f}", f"{median(one.calls):.0f}"),
                    *(f"{median(one.poll_us):.0f}", f"{median(one.poll_calls):.0f}"),
                    f"{median(one.poll_us) / told:.1f}",
                ]
            )
    head = (
        *("program", "WebSockets", "kB a connection", "CPU µs an event", "x bare"),
        *("first to last ms", "change to last s", "growth MiB", "calls a round"),
    )
    beside = (*("WebSockets", "told: CPU µs", "calls", "polled: CPU µs", "calls", "x told"),)
    return "\n\n".join([machine(), table(head, rows), table(beside, polls)])


def missed_figures(results: dict[tuple[str, str], Figures]) -> list[str]:
    """The limits that the gateway misses."""
    missed = []
    for (program, implementation), one in results.items():
        if program == "bare":
            continue
        kept = {
            "kB a connection": (median(one.connection_kb), MAX_CONNECTION_KB),
            "s from a change to the last subscriber": (max(one.delay_s), MAX_DELAY_S),
            "MiB of growth": (max(one.growth_mib), MAX_GROWTH_MIB),
            # One of the interval in which the change came, and one where it came in between.
            "upstream calls a round": (max(one.calls), 2),
        }
        missed += [
            f"{implementation}: {value:.1f} {what}, at most {limit}"
            for what, (value, limit) in kept.items()
            if value > limit
        ]
    return missed


async def run(options: argparse.Namespace) -> int:
    """Measure, print, and say whether the gateway keeps its limits."""
    results = {(name, ws): Figures() for ws in options.only for name in PROGRAMS}
    with serve(jobs=0) as server:
        for start in range(1, options.starts + 1):
            for (name, implementation), figures in results.items():
                print(f"start {start} of {name} over {implementation}", file=sys.stderr)
                with start_live(name, implementation, server.url, core=PROGRAM_CORE) as program:
                    await measure(server, program, figures, options.subscribers, options.rounds)
    print(report(results), end="\n\n")
    missed = missed_figures(results)
    print(*[f"missed: {figure}" for figure in missed], sep="\n")
    return 1 if missed and options.enforce else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.live",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="one start, five rounds")
    parser.add_argument("--starts", type=int, help="of each program; default 3, quick 1")
    parser.add_argument("--rounds", type=int, help="after each start; default 10, quick 5")
    parser.add_argument("--subscribers", type=int, default=1_000, help="default 1,000")
    parser.add_argument(
        "--only", nargs="*", choices=IMPLEMENTATIONS, default=IMPLEMENTATIONS, help="of WebSockets"
    )
    parser.add_argument("--enforce", action="store_true", help="fail if a figure is missed")
    options = parser.parse_args()
    options.starts = options.starts or (1 if options.quick else 3)
    options.rounds = options.rounds or (5 if options.quick else 10)
    # A file for each connection, here and in the programs.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    pin(LOAD_CORE)
    return uvloop.run(run(options))


if __name__ == "__main__":
    sys.exit(main())
