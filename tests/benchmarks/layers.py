"""Where the work of one operation goes: instructions by layer, beside the floor.

    python -m tests.benchmarks.layers [OPERATION ...]      needs valgrind, takes four minutes

Callgrind counts the rungs of `ladder` in one process; a layer is what lies between two of them. A
rung's figure comes again within 1 %, so a small layer above a large one may be less than nothing.
Turns of the loop and tasks are counted without callgrind. The kernel is not in it: each turn asks
it at least once.
"""

# ruff: noqa: T201 - a command talks

from __future__ import annotations

import asyncio
import gc
import os
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from tests.benchmarks.in_process import Loop, can_count, counts, mark, run
from tests.benchmarks.ladder import RUNGS, rungs
from tests.benchmarks.operation import GROWTH, OPERATIONS
from tests.benchmarks.upstream import Answers
from tests.benchmarks.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.benchmarks.ladder import Rung

__all__ = ["LAYERED", "LAYERS", "Counted", "count_layers", "show_layers"]

# The operations that are counted where none are named.
LAYERED = ("typename", "one_job", "few_20", "nested", "fifty_jobs")
MEASURED = OPERATIONS | GROWTH
TIMES = 10
# Python knows its way, and what is learned of the upstream is known.
WARM = 12
# Less is what a rung takes for itself.
LEAST = 1_000
# Timers are as rare beside an operation as without callgrind.
SLOWER = 100


class Layer(NamedTuple):
    """What these rungs take more than those."""

    title: str
    these: tuple[str, ...]
    those: tuple[str, ...] = ()


# From a request's first byte down to the upstream; together they are the `gateway`.
LAYERS = (
    Layer("server: uvicorn, httptools, our protocol", ("server",)),
    Layer("endpoint: request, caller, a task if it waits", ("gateway",), ("server", "recorded")),
    Layer("hooks and records", ("recorded",), ("engine",)),
    Layer(
        "engine: admission, equal operations, response",
        ("engine",),
        ("preparing", "plan", "encoding"),
    ),
    Layer("preparing: documents, variables, cost", ("preparing",)),
    Layer("encoding", ("encoding",)),
    Layer("executing: arguments, slots, projection", ("shown",)),
    Layer("loading: context, loaders, folds, waiting", ("plan",), ("client", "shown")),
    Layer("decoding: entities, pruned, and pages", ("client",), ("calls",)),
    Layer("call layers: share, retry, pace, circuit …", ("calls",), ("wire",)),
    Layer("wire", ("wire",), ("upstream",)),
    Layer("the upstream's end, and waiting for it", ("upstream",)),
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted, by operation and rung: instructions, turns of the loop, tasks. What an
    empty turn and an empty task take.
    """

    instructions: dict[str, dict[str, float]]
    turns: dict[str, dict[str, float]]
    tasks: dict[str, dict[str, float]]
    turn: float
    task: float

    def of(self, layer: Layer, what: dict[str, dict[str, float]], name: str) -> float:
        """What the layer takes of that for an operation."""
        rung = what[name]
        # Each was asked, which counts by itself.
        return sum(rung[one] - rung["nothing"] for one in layer.these) - sum(
            rung[one] - rung["nothing"] for one in layer.those
        )


WHOLE = Layer("the whole gateway", ("gateway",))
FLOOR = Layer("the floor, over the same wire", ("floor",))


def count_layers(names: Sequence[str] = LAYERED) -> Counted:
    """Count the ladders of these operations, and the least that a turn and a task can be."""
    turns: dict[str, dict[str, float]] = {}
    tasks: dict[str, dict[str, float]] = {}
    run(Answers(World.make()), _count_turns(names, turns, tasks))
    # Between two counts of rungs is one of what warms the next.
    counted = iter(counts("layers", "--climb", *names)[::2])
    instructions = {name: {rung: next(counted) / TIMES for rung in RUNGS} for name in names}
    nothing, turn, task = [count / TIMES for count in counted]
    # To wait for a task takes a turn for it to run, and one to go on.
    return Counted(
        instructions, turns, tasks, turn - nothing, task - nothing - 2 * (turn - nothing)
    )


async def _count_turns(
    names: Iterable[str], turns: dict[str, dict[str, float]], tasks: dict[str, dict[str, float]]
) -> None:
    loop = cast("Loop", asyncio.get_running_loop())
    for name in names:
        turns[name], tasks[name] = {}, {}
        async with rungs(loop, MEASURED[name]) as ladder:
            for rung, climb in ladder.items():
                await _climb(climb, WARM)
                loop.slower = SLOWER
                with loop.counting():
                    await _climb(climb, TIMES)
                loop.slower = 1
                turns[name][rung], tasks[name][rung] = loop.turns / TIMES, loop.tasks / TIMES


async def _climb(rung: Rung, times: int) -> None:
    for _ in range(times):
        await rung()


async def _climb_all(names: Iterable[str]) -> None:
    """Each rung so often between two marks."""
    loop = cast("Loop", asyncio.get_running_loop())
    async with AsyncExitStack() as stack:
        ladders = [await stack.enter_async_context(rungs(loop, MEASURED[name])) for name in names]
        for ladder in ladders:
            await _count_all(loop, ladder.values())
        await _count_all(loop, (_nothing, _turn, partial(_task, loop)))
        # Nothing has to be closed.
        os._exit(0)


async def _count_all(loop: Loop, climbed: Iterable[Rung]) -> None:
    for rung in climbed:
        await _climb(rung, WARM)
        gc.collect()
        gc.freeze()
        gc.disable()
        loop.slower = SLOWER
        mark()
        await _climb(rung, TIMES)
        mark()
        loop.slower = 1
        gc.enable()


async def _nothing() -> None: ...


async def _turn() -> None:
    await asyncio.sleep(0)


async def _task(loop: Loop) -> None:
    await loop.create_task(_nothing())


def show_layers(counted: Counted) -> str:
    """Thousands of instructions by layer, and the turns and tasks among them."""
    # Not for the process that is counted.
    from tests.benchmarks.report import table  # noqa: PLC0415

    names = [*counted.instructions]
    titles = [MEASURED[name].title for name in names]
    whole = {name: counted.of(WHOLE, counted.instructions, name) for name in names}
    floor = {name: counted.of(FLOOR, counted.instructions, name) for name in names}
    rows = []
    for layer in LAYERS:
        cells = [counted.of(layer, counted.instructions, name) for name in names]
        rows.append([layer.title, *map(_part, cells, whole.values())])
    rows.append([WHOLE.title, *[f"**{_thousands(one)}**" for one in whole.values()]])
    loops = [
        counted.turn * counted.of(WHOLE, counted.turns, name)
        + counted.task * counted.of(WHOLE, counted.tasks, name)
        for name in names
    ]
    rows.append(["of it, empty turns and tasks", *map(_part, loops, whole.values())])
    rows.append([FLOOR.title, *map(_thousands, floor.values())])
    rows.append(["x floor", *[f"{whole[name] / floor[name]:.2f}" for name in names]])
    aims = [MEASURED[name].aim for name in names]
    rows.append(["aim", *["" if aim is None else f"{aim:g}" for aim in aims]])
    in_turns = []
    for layer in (*LAYERS, WHOLE, FLOOR):
        pairs = [
            (counted.of(layer, counted.turns, name), counted.of(layer, counted.tasks, name))
            for name in names
        ]
        if any(round(turns) or round(tasks) for turns, tasks in pairs):
            in_turns.append(
                [layer.title, *[f"{turns:.0f} / {tasks:.0f}" for turns, tasks in pairs]]
            )
    return "\n\n".join(
        [
            table(("thousands of instructions", *titles), rows),
            table(("turns / tasks", *titles), in_turns),
            (
                f"An empty turn takes {_thousands(counted.turn)} of these thousands, an empty task"
                f" {_thousands(counted.task)}."
            ),
        ]
    )


def _part(count: float, whole: float) -> str:
    if abs(count) < LEAST:
        return ""
    return f"{_thousands(count)} ({count / whole:.0%})"


def _thousands(count: float) -> str:
    return f"{count / 1000:,.1f}" if abs(count) < 10_000 else f"{count / 1000:,.0f}"


def main() -> int:
    names = sys.argv[1:] or LAYERED
    if not can_count():
        print("valgrind is not there, which counts instructions", file=sys.stderr)
        return 1
    print(show_layers(count_layers(names)))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--climb"]:
        run(Answers(World.make()), _climb_all(sys.argv[2:]))
    else:
        sys.exit(main())
