"""Compare the gateway's cost with the floor's and plain's.

    python -m tests.benchmarks                                 everything, about 5 minutes
    python -m tests.benchmarks --quick                         the same, roughly, in about one
    python -m tests.benchmarks --only floor,gateway --op one_job       while tuning

Run it from the project's root on a quiet machine with two cores: upstream and load take the first,
the programs the second. Read the ratios; times are of this machine. `--op` leaves out growth and
memory. Prints Markdown; ends with 1 if `--enforce` is given and a figure of the design is missed.
"""

# ruff: noqa: T201 - a command talks

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tests.benchmarks.measure import Effort, Memory, check_equal, measure, measure_memory
from tests.benchmarks.operation import GROWTH, OPERATIONS, Operation
from tests.benchmarks.programs import PROGRAMS, pin, start_program, start_upstream
from tests.benchmarks.report import (
    as_json,
    growth_table,
    machine,
    memory_table,
    missed_figures,
    operations_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

LOAD_CORE, PROGRAM_CORE = 0, 1


def main() -> int:
    """Measure, print, and say whether the design's figures are reached."""
    arguments = _arguments()
    pin(LOAD_CORE)
    effort = Effort(
        rounds=arguments.rounds or (5 if arguments.quick else 15),
        seconds=0.1 if arguments.quick else 0.2,
        connections=arguments.connections,
        memory_operations=200 if arguments.quick else 1000,
    )
    chosen: dict[str, Operation] = (
        {name: (OPERATIONS | GROWTH)[name] for name in arguments.op}
        if arguments.op
        else OPERATIONS | GROWTH
    )
    memory: dict[str, Memory] = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(start_upstream())
        with ExitStack() as running:
            programs = [
                running.enter_context(start_program(name, upstream, core=PROGRAM_CORE))
                for name in arguments.only
            ]
            check_equal(programs, chosen)
            measured = measure(upstream, programs, chosen, effort, _say)
        if not arguments.op:
            for name in arguments.only:
                _say(f"memory of {name}")
                memory[name] = measure_memory(
                    name, upstream, GROWTH["many_100"], effort, core=PROGRAM_CORE
                )

    shown = chosen if arguments.op else OPERATIONS
    print(machine(), operations_table(measured, shown), sep="\n\n")
    if not arguments.op:
        print("", growth_table(measured), "", memory_table(memory), sep="\n")
    missed = missed_figures(measured, shown, memory)
    print("", *[f"missed: {figure}" for figure in missed], sep="\n")
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.encode(as_json(measured, memory)))
    return 1 if missed and arguments.enforce else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--rounds", type=int, help="default 15, quick 5")
    parser.add_argument("--connections", type=int, default=8, help="of the load; default 8")
    parser.add_argument("--only", type=_names_of(PROGRAMS), default=PROGRAMS, help="programs")
    parser.add_argument("--op", type=_names_of([*OPERATIONS, *GROWTH]), help="operations")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--enforce", action="store_true", help="fail if a figure is missed")
    return parser.parse_args()


def _names_of(known: Collection[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        given = text.split(",")
        unknown = set(given) - set(known)
        if unknown:
            raise argparse.ArgumentTypeError(
                f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}"
            )
        return given

    return names


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
