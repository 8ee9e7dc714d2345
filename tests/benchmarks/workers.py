"""What two workers cost beside one process, and how evenly they are loaded.

    python -m tests.benchmarks.workers [--rounds N] [--seconds S] [--connections N]

One process and two workers take turns over the same upstream, each process with as many callers.
Prints CPU per operation of each, workers and parent together, their ratio (median of the rounds),
and the part of the CPU of the worker that had more. Exits with 1 where two workers cost more than
1.05 times what one process does, or one of them did more than 55 of 100 (a split within 10 %).
"""
# ruff: noqa: T201 - a command talks

from __future__ import annotations

import argparse
import sys
from statistics import median
from time import sleep
from typing import TYPE_CHECKING

from tests.benchmarks.driver import Load
from tests.benchmarks.operation import OPERATIONS
from tests.benchmarks.programs import start_program, start_upstream

if TYPE_CHECKING:
    from tests.benchmarks.programs import Program

MOST_COST = 1.05
LARGEST_PART = 0.55
NAMES = ("typename", "few_20")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("--connections", type=int, default=8)
    given = options.parse_args()
    is_good = True
    with (
        start_upstream() as upstream,
        start_program("gateway", upstream) as alone,
        start_program("gateway", upstream, workers=2) as both,
    ):
        for name in NAMES:
            with (
                Load(alone.port, OPERATIONS[name], given.connections) as one,
                Load(both.port, OPERATIONS[name], 2 * given.connections) as two,
            ):
                costs, parts = [], []
                for _ in range(given.rounds):
                    before = cost_us(alone, one, given.seconds)[0]
                    cost, part = cost_us(both, two, given.seconds)
                    costs.append((before, cost))
                    parts.append(part)
            # Until all have noticed that these callers left.
            sleep(1)
            ratio = median(two / one for one, two in costs)
            largest = median(parts)
            is_good &= ratio <= MOST_COST and largest <= LARGEST_PART
            print(
                f"{name:12} one process {median(one for one, _ in costs):7.1f} µs,"
                f" two workers {median(two for _, two in costs):7.1f} µs:"
                f" {ratio:.3f} (at most {MOST_COST});"
                f" the busier worker has {largest:.1%} (at most {LARGEST_PART:.0%})"
            )
    return 0 if is_good else 1


def cost_us(program: Program, load: Load, seconds: float) -> tuple[float, float]:
    """CPU of an operation, and the part of the worker that had most of it."""
    load.run(seconds=seconds / 10)
    before, workers = program.cpu_s(), program.cpu_s_of_workers()
    count = len(load.run(seconds=seconds))
    used = [cpu_s - workers[pid] for pid, cpu_s in program.cpu_s_of_workers().items()]
    all_s = program.cpu_s() - before + sum(used)
    return all_s / count * 1e6, max(used, default=all_s) / all_s


if __name__ == "__main__":
    sys.exit(main())
