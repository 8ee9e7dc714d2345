"""Measuring: the programs take turns, so that what else the machine does hits all alike.

CPU is the program's own (user and system, all threads) divided by the operations it answered. It
is taken twice: under load (several connections, the core never idle), where it is what a machine
must be paid for, and one request at a time, where waking up counts in; the latencies are of the
second kind.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import TYPE_CHECKING

from tests.benchmarks.driver import Load, ask
from tests.benchmarks.programs import start_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.benchmarks.operation import Operation
    from tests.benchmarks.programs import Program, Upstream

__all__ = [
    "ALIKE",
    "Effort",
    "Figures",
    "Memory",
    "Results",
    "check_equal",
    "measure",
    "measure_alike",
    "measure_memory",
    "measure_new_documents",
    "measure_other_values",
]


# Callers who ask the same at once.
ALIKE = 16


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how often.

    The programs are started `starts` times: how one process happens to lie in memory is worth a
    tenth of its CPU. After each start come `rounds` through all operations; in each, the programs
    take `turns` of `seconds` under load. Short turns, because a shared machine swings by half from
    one second to the next.
    """

    starts: int
    rounds: int
    turns: int
    seconds: float
    connections: int
    memory_operations: int


@dataclass(slots=True)
class Figures:
    """What one operation costs one program; a value a turn under load, a value a round alone."""

    cpu_us: list[float] = field(default_factory=list)
    """A operation under load."""
    cpu_alone_us: list[float] = field(default_factory=list)
    """An operation, one at a time."""
    latencies_ms: list[float] = field(default_factory=list)
    """One at a time, of all rounds."""
    calls: float = 0
    """Upstream calls an operation."""

    @property
    def cpu(self) -> float:
        """Median of the turns, in µs."""
        return median(self.cpu_us)

    @property
    def cpu_alone(self) -> float:
        """Median of the rounds, in µs."""
        return median(self.cpu_alone_us)

    def latency_ms(self, percent: int) -> float:
        """A percentile."""
        return quantiles(self.latencies_ms, n=100, method="inclusive")[percent - 1]


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a fresh program over many operations of 100 jobs; bytes."""

    started: int
    """After one operation."""
    samples: list[int]
    """From the end of the warm-up on, at even distances."""
    peak: int

    @property
    def growth(self) -> int:
        """From the end of the warm-up to the end."""
        return self.samples[-1] - self.samples[0]


@dataclass(slots=True)
class Results:
    """What a run found; empty where it did not look."""

    operations: dict[str, dict[str, Figures]] = field(default_factory=dict)
    """By operation and program."""
    new_documents: dict[str, list[float]] = field(default_factory=dict)
    """CPU in µs for the big page in a document never seen before, by program, a value a turn."""
    other_values: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)
    """CPU in µs of the gateway by operation, values in the text: for one text again and again, and
    for texts with other values, a value a turn.
    """
    apart: dict[str, list[float]] = field(default_factory=dict)
    """CPU in µs an operation of the gateway's, `ALIKE` callers at once, each for itself; by
    operation, a value a turn.
    """
    alike: dict[str, list[float]] = field(default_factory=dict)
    """The same where all ask the same."""
    memory: dict[str, Memory] = field(default_factory=dict)
    """By program."""


def check_equal(programs: Sequence[Program], operations: Mapping[str, Operation]) -> None:
    """Refuse to compare programs that do not answer the same."""
    for name, operation in operations.items():
        first, *others = [(program.name, ask(program.port, operation)) for program in programs]
        for other in others:
            if other[1] != first[1]:
                raise SystemExit(f"{name}: {first[0]} and {other[0]} answer differently")


def measure(
    upstream: Upstream,
    programs: Sequence[Program],
    operations: Mapping[str, Operation],
    effort: Effort,
    results: Results,
) -> None:
    """Add the rounds' figures, by operation and program, to the results."""
    for _ in range(effort.rounds):
        for name, operation in operations.items():
            figures = results.operations.setdefault(name, {})
            able = [
                program
                for program in programs
                if program.name != "kept" or operation.kept_limit is not None
            ]
            for program in able:
                figures.setdefault(program.name, Figures())
            _under_load(figures, upstream, able, operation, effort)
            for program in able:
                _alone(figures[program.name], program, operation, effort)


def _under_load(
    figures: Mapping[str, Figures],
    upstream: Upstream,
    programs: Sequence[Program],
    operation: Operation,
    effort: Effort,
) -> None:
    with ExitStack() as stack:
        loads = [
            (program, stack.enter_context(Load(program.port, operation, effort.connections)))
            for program in programs
        ]
        for _, load in loads:
            load.run(seconds=effort.seconds / 2)
        for _ in range(effort.turns):
            loads.reverse()
            for program, load in loads:
                load.reopen_closed()
                calls, cpu_s = upstream.calls(), program.cpu_s()
                answered = len(load.run(seconds=effort.seconds))
                found = figures[program.name]
                found.cpu_us.append((program.cpu_s() - cpu_s) / answered * 1e6)
                found.calls = (upstream.calls() - calls) / answered


def _alone(figures: Figures, program: Program, operation: Operation, effort: Effort) -> None:
    with Load(program.port, operation, connections=1) as load:
        cpu_s = program.cpu_s()
        latencies_ns = load.run(seconds=effort.seconds, at_least=3)
        figures.cpu_alone_us.append((program.cpu_s() - cpu_s) / len(latencies_ns) * 1e6)
        figures.latencies_ms += [latency / 1e6 for latency in latencies_ns]


def measure_new_documents(
    programs: Sequence[Program],
    operation: Operation,
    effort: Effort,
    numbers: Iterator[int],
    results: Results,
) -> None:
    """Add the turns' costs of documents numbered by `numbers` to the results."""
    for _ in range(effort.rounds * effort.turns):
        for program in programs:
            new = map(operation.numbered, numbers)
            with Load(program.port, operation, effort.connections, others=new) as load:
                cpu_s = program.cpu_s()
                answered = len(load.run(seconds=effort.seconds))
                cost_us = (program.cpu_s() - cpu_s) / answered * 1e6
                results.new_documents.setdefault(program.name, []).append(cost_us)


def measure_other_values(
    program: Program,
    operations: Mapping[str, Operation],
    effort: Effort,
    numbers: Iterator[int],
    results: Results,
) -> None:
    """Add the turns' costs of one text, and of texts that have other values."""
    for _ in range(effort.rounds * effort.turns):
        for name, operation in operations.items():
            # The first of its shape that was asked for: it is kept by its text.
            same = operation.valued(0)
            found = results.other_values.setdefault(name, ([], []))
            for costs_us, others in zip(found, (None, map(operation.valued, numbers)), strict=True):
                with Load(program.port, same, effort.connections, others=others) as load:
                    load.run(at_least=3)
                    cpu_s = program.cpu_s()
                    answered = len(load.run(seconds=effort.seconds))
                    costs_us.append((program.cpu_s() - cpu_s) / answered * 1e6)


def measure_alike(
    programs: Sequence[Program],
    operations: Mapping[str, Operation],
    effort: Effort,
    results: Results,
) -> None:
    """Add the turns' costs of the gateway, with many callers of one credential at once, to the
    results.
    """
    for program in programs:
        if program.name == "gateway":
            _alike(program, operations, effort, results)


def _alike(
    program: Program, operations: Mapping[str, Operation], effort: Effort, results: Results
) -> None:
    for name, operation in operations.items():
        if operation.alike_limit is None:
            continue
        with (
            Load(program.port, operation, ALIKE) as apart,
            Load(program.port, operation, ALIKE, alike=True) as alike,
        ):
            for _ in range(effort.rounds * effort.turns):
                for load, found in ((apart, results.apart), (alike, results.alike)):
                    load.reopen_closed()
                    cpu_s = program.cpu_s()
                    answered = len(load.run(seconds=effort.seconds))
                    cost_us = (program.cpu_s() - cpu_s) / answered * 1e6
                    found.setdefault(name, []).append(cost_us)


def measure_memory(
    name: str,
    upstream: Upstream,
    operation: Operation,
    effort: Effort,
    *,
    core: int,
    others: Iterator[Operation] | None = None,
) -> Memory:
    """A program of its own, so that nothing else was asked of it before; `others` as for
    `Load`.
    """
    operations = effort.memory_operations
    with start_program(name, upstream, core=core) as program:
        ask(program.port, operation)
        started = program.memory_bytes("VmRSS")
        samples = []
        with Load(program.port, operation, effort.connections, others=others) as load:
            # New documents fill the gateway's store of 1,000 before it can stop growing.
            load.run(at_least=operations // 5 if others is None else 1_500)
            samples.append(program.memory_bytes("VmRSS"))
            for _ in range(10):
                load.run(at_least=operations // 10)
                samples.append(program.memory_bytes("VmRSS"))
        return Memory(started, samples, program.memory_bytes("VmHWM"))
