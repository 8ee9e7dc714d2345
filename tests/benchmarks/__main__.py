"""Compare the gateway's cost with the floor's and plain's.

    python -m tests.benchmarks                                 everything, about 20 minutes
    python -m tests.benchmarks --quick                         the same, roughly, in about four
    python -m tests.benchmarks --only floor,gateway --op one_job       while tuning

Run it from the project's root on a quiet machine with two cores: upstream and load take the first,
the programs the second. Read the ratios; times are of this machine. `--op` leaves out growth and
memory. Prints Markdown, at last where the instructions go (`layers`; not with `--no-layers`). Ends
with 1 if `--enforce` is given and a limit (performance.md) is missed.
"""

# ruff: noqa: T201 - a command talks

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tests.benchmarks.in_process import can_count
from tests.benchmarks.layers import LAYERED, count_layers, show_layers
from tests.benchmarks.measure import (
    Effort,
    Results,
    check_equal,
    measure,
    measure_alike,
    measure_memory,
    measure_new_documents,
    measure_other_values,
)
from tests.benchmarks.operation import GROWTH, IN_TEXT, OPERATIONS, Operation
from tests.benchmarks.programs import PROGRAMS, pin, start_program, start_upstream
from tests.benchmarks.report import as_json, missed_aims, missed_figures, report

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

LOAD_CORE, PROGRAM_CORE = 0, 1


def main() -> int:
    """Measure, print, and say whether the gateway keeps its limits."""
    arguments = _arguments()
    pin(LOAD_CORE)
    effort = Effort(
        starts=arguments.starts,
        rounds=arguments.rounds or (1 if arguments.quick else 5),
        turns=3,
        seconds=0.1,
        connections=arguments.connections,
        memory_operations=200 if arguments.quick else 1000,
    )
    chosen: dict[str, Operation] = (
        {name: (OPERATIONS | GROWTH)[name] for name in arguments.op}
        if arguments.op
        else OPERATIONS | GROWTH
    )
    results = _measured(arguments.only, chosen, effort, everything=not arguments.op)
    shown = chosen if arguments.op else OPERATIONS
    print(report(results, shown), end="\n\n")
    missed = missed_figures(results, shown)
    print(*[f"missed: {figure}" for figure in missed], sep="\n")
    print(*[f"not reached: {aim}" for aim in missed_aims(results, shown)], sep="\n")
    if arguments.layers and "gateway" in arguments.only:
        _say("layers")
        print("\n" + _layers(arguments.op or LAYERED))
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.encode(as_json(results)))
    return 1 if missed and arguments.enforce else 0


def _layers(names: Sequence[str]) -> str:
    """Where the instructions of these operations go."""
    if not can_count():
        return "Where the instructions go is not counted: valgrind is not there."
    return show_layers(count_layers(names))


def _measured(
    names: Sequence[str], operations: dict[str, Operation], effort: Effort, *, everything: bool
) -> Results:
    """Figures of the operations; new documents and memory, too, if everything is wanted."""
    results = Results()
    big = GROWTH["many_100"]
    numbers = count()
    with start_upstream() as upstream:
        for start in range(1, effort.starts + 1):
            with ExitStack() as stack:
                programs = [
                    stack.enter_context(start_program(name, upstream, core=PROGRAM_CORE))
                    for name in names
                ]
                check_equal(programs, operations)
                _say(f"start {start} of {effort.starts}")
                measure(upstream, programs, operations, effort, results)
                measure_alike(programs, operations, effort, results)
                if everything:
                    # The floor knows its operations by their text; what is kept is no matter here.
                    able = [program for program in programs if program.name in {"gateway", "plain"}]
                    measure_new_documents(able, big, effort, numbers, results)
                    for program in programs:
                        if program.name == "gateway":
                            measure_other_values(program, IN_TEXT, effort, numbers, results)
        if everything:
            for name in [name for name in names if name not in {"own_wire", "kept"}]:
                _say(f"memory of {name}")
                results.memory[name] = measure_memory(
                    name, upstream, big, effort, core=PROGRAM_CORE
                )
            if "gateway" in names:
                job = IN_TEXT["one_job"]
                for title, operation, others in (
                    ("new documents", big, map(big.numbered, count())),
                    ("other values", job.valued(0), map(job.valued, count())),
                ):
                    _say(f"memory of gateway, {title}")
                    results.memory[f"gateway, {title}"] = measure_memory(
                        "gateway", upstream, operation, effort, core=PROGRAM_CORE, others=others
                    )
    return results


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--starts", type=int, default=3, help="of each program; default 3")
    parser.add_argument("--rounds", type=int, help="after each start; default 5, quick 1")
    parser.add_argument("--connections", type=int, default=8, help="of the load; default 8")
    parser.add_argument("--only", type=_names_of(PROGRAMS), default=PROGRAMS, help="programs")
    parser.add_argument("--op", type=_names_of([*OPERATIONS, *GROWTH]), help="operations")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument(
        "--no-layers", dest="layers", action="store_false", help="count no instructions"
    )
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
