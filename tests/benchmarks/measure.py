"""Measuring: the programs take turns, so that what else the machine does hits all alike.

CPU is the program's own (user and system, all threads) divided by the operations it answered. It
is taken twice: under load (several connections, the core never idle), where it is what a machine
must be paid for, and one request at a time, where waking up counts in; the latencies are of the
second kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from statistics import median, quantiles
from typing import TYPE_CHECKING

from tests.benchmarks.driver import Load, ask
from tests.benchmarks.programs import start_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.benchmarks.operation import Operation
    from tests.benchmarks.programs import Program, Upstream

__all__ = [
    "Effort",
    "Figures",
    "Memory",
    "Results",
    "check_equal",
    "measure",
    "measure_memory",
    "measure_new_documents",
]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how often. One sample takes 1.5 x `seconds`."""

    rounds: int
    seconds: float
    connections: int
    memory_operations: int


@dataclass(slots=True)
class Figures:
    """What one operation costs one program; a value a round."""

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
        """Median of the rounds, in µs."""
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
    """CPU in µs for the big page in a document never seen before, by program, a value a round."""
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
    report: Callable[[str], None],
) -> dict[str, dict[str, Figures]]:
    """Figures by operation and program."""
    figures = {name: {program.name: Figures() for program in programs} for name in operations}
    for number in range(effort.rounds):
        report(f"round {number + 1} of {effort.rounds}")
        turn = number % len(programs)
        for name, operation in operations.items():
            for program in [*programs[turn:], *programs[:turn]]:
                _sample(figures[name][program.name], upstream, program, operation, effort)
    return figures


def _sample(
    figures: Figures, upstream: Upstream, program: Program, operation: Operation, effort: Effort
) -> None:
    with Load(program.port, operation, connections=effort.connections) as load:
        load.run(seconds=effort.seconds / 5)
        calls, cpu_s = upstream.calls(), program.cpu_s()
        answered = len(load.run(seconds=effort.seconds))
        figures.cpu_us.append((program.cpu_s() - cpu_s) / answered * 1e6)
        figures.calls = (upstream.calls() - calls) / answered
    with Load(program.port, operation, connections=1) as load:
        cpu_s = program.cpu_s()
        latencies_ns = load.run(seconds=effort.seconds / 2, at_least=3)
        figures.cpu_alone_us.append((program.cpu_s() - cpu_s) / len(latencies_ns) * 1e6)
        figures.latencies_ms += [latency / 1e6 for latency in latencies_ns]


def measure_new_documents(
    programs: Sequence[Program], operation: Operation, effort: Effort
) -> dict[str, list[float]]:
    """As `Results.new_documents`."""
    costs: dict[str, list[float]] = {program.name: [] for program in programs}
    numbers = count()
    for _ in range(effort.rounds):
        for program in programs:
            with Load(
                program.port, operation, connections=effort.connections, numbers=numbers
            ) as load:
                cpu_s = program.cpu_s()
                answered = len(load.run(seconds=effort.seconds))
                costs[program.name].append((program.cpu_s() - cpu_s) / answered * 1e6)
    return costs


def measure_memory(
    name: str,
    upstream: Upstream,
    operation: Operation,
    effort: Effort,
    *,
    core: int,
    numbers: Iterator[int] | None = None,
) -> Memory:
    """A program of its own, so that nothing else was asked of it before; `numbers` as for
    `Load`.
    """
    operations = effort.memory_operations
    with start_program(name, upstream, core=core) as program:
        ask(program.port, operation)
        started = program.memory_bytes("VmRSS")
        samples = []
        with Load(program.port, operation, connections=effort.connections, numbers=numbers) as load:
            # New documents fill the gateway's store of 1,000 before it can stop growing.
            load.run(at_least=operations // 5 if numbers is None else 1_500)
            samples.append(program.memory_bytes("VmRSS"))
            for _ in range(10):
                load.run(at_least=operations // 10)
                samples.append(program.memory_bytes("VmRSS"))
        return Memory(started, samples, program.memory_bytes("VmHWM"))
