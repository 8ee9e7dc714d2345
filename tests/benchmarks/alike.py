"""Instructions of an operation that many callers of one credential ask for at once.

    python -m tests.benchmarks.alike          needs valgrind, takes a minute

Callgrind counts the whole gateway as it is served, from a request's bytes to its answer's, and the
upstream in the same process: with as many callers at once as `measure.ALIKE`, who all ask the same,
or each with a variable of their own that nothing reads. Nothing is kept.
"""

# ruff: noqa: T201 - a command talks

from __future__ import annotations

import asyncio
import os
import sys

from gateway.app import Gateway
from gateway.settings import Settings
from gateway.transport.arrival import arrival_protocol
from gateway.transport.records import Records
from tests.benchmarks.driver import request_of
from tests.benchmarks.in_process import Caller, Server, counts, mark, run
from tests.benchmarks.measure import ALIKE
from tests.benchmarks.operation import OPERATIONS
from tests.benchmarks.upstream import Answers
from tests.benchmarks.world import World

ROUNDS = 10
WARM = 6


async def ask(name: str) -> None:
    """Have all callers ask for an operation: each for itself, and all the same; between marks."""
    operation = OPERATIONS[name]
    gateway = Gateway(
        Settings(upstream_url="http://127.0.0.1:1", kept_reads=False), Records(lambda _: None)
    )
    async with gateway.running():
        server = Server(gateway, arrival_protocol(60.0))
        callers = [server.connect() for _ in range(ALIKE)]
        same = [request_of(operation)] * ALIKE
        own = [request_of(operation.asked_by(place)) for place in range(ALIKE)]
        for requests, rounds in ((own, WARM), (same, WARM), (own, ROUNDS), (same, ROUNDS)):
            mark()
            for _ in range(rounds):
                await asyncio.gather(*map(Caller.ask, callers, requests))
        mark()
    os._exit(0)


def main() -> None:
    # Not for the process that is counted.
    from tests.benchmarks.report import machine, table  # noqa: PLC0415

    rows = []
    for name, operation in OPERATIONS.items():
        if operation.alike_limit is None:
            continue
        *_, apart, alike = [count / ROUNDS / ALIKE for count in counts("alike", name)]
        cells = (f"{apart:,.0f}", f"{alike:,.0f}", f"{alike / apart:.2f}")
        rows.append([operation.title, *cells, f"{operation.alike_limit:g}"])
    head = (
        f"{ALIKE} callers at once",
        "instructions, each for itself",
        "all alike",
        "ratio",
        "limit",
    )
    print(machine(), table(head, rows), sep="\n\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(Answers(World.make()), ask(sys.argv[1]))
    else:
        main()
