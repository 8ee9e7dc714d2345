"""What a run found, as tables for people (Markdown) and as JSON."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.benchmarks.operation import GROWTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.benchmarks.measure import Figures, Memory
    from tests.benchmarks.operation import Operation

__all__ = [
    "as_json",
    "growth_table",
    "machine",
    "memory_table",
    "missed_figures",
    "operations_table",
]

# The most that the gateway may use, in floors, beside each operation's own limit.
SLOPE_LIMIT = 1.3
PEAK_LIMIT = 1.5
# Of plain's CPU on the big page: 20 times better.
PLAIN_LIMIT = 1 / 20

_PACKAGES = (
    "strawberry-graphql",
    "graphql-core",
    "msgspec",
    "pyreqwest",
    "httpx",
    "starlette",
    "uvicorn",
    "uvloop",
)

Measured = dict[str, dict[str, "Figures"]]


def machine() -> str:
    """Machine and versions, one line each."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    packages = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    return (
        f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores,"
        f" Linux {platform.release()}\nPython {platform.python_version()}, {packages}"
    )


def operations_table(measured: Measured, operations: Mapping[str, Operation]) -> str:
    """Cost of each operation in each program, and the ratios."""
    rows = []
    for name, operation in operations.items():
        found = measured[name]
        floor, plain = found.get("floor"), found.get("plain")
        for place, (program, figures) in enumerate(found.items()):
            rows.append(
                [
                    "" if place else operation.title,
                    program,
                    f"{figures.cpu:,.0f}",
                    _shown_ratio(figures, floor, "cpu_us"),
                    f"{operation.limit:g}" if program == "gateway" else "",
                    _shown_ratio(plain, figures, "cpu_us"),
                    f"{figures.cpu_alone:,.0f}",
                    _shown_ratio(figures, floor, "cpu_alone_us"),
                    f"{figures.latency_ms(50):.2f}",
                    f"{figures.latency_ms(99):.2f}",
                    f"{figures.calls:g}",
                ]
            )
    head = (
        *("operation", "program", "CPU µs", "x floor", "limit", "x better than plain"),
        *("alone: CPU µs", "x floor", "p50 ms", "p99 ms", "calls"),
    )
    return _table(head, rows)


def growth_table(measured: Measured) -> str:
    """CPU under load for 1, 20 and 100 jobs of few and many fields; the slope is per job, from 20
    to 100.
    """
    rows = []
    for fields in ("few", "many"):
        slopes = {program: slope(measured, fields, program) for program in measured["few_20"]}
        for program, per_job in slopes.items():
            costs = [measured[f"{fields}_{jobs}"][program].cpu for jobs in (1, 20, 100)]
            ratio = f"{per_job / slopes['floor']:.2f}" if "floor" in slopes else ""
            cells = [f"{cost:,.0f}" for cost in costs]
            rows.append([fields, program, *cells, f"{per_job:.2f}", ratio])
    head = ("fields", "program", "1 job", "20 jobs", "100 jobs", "µs a job", "x floor")
    return _table(head, rows)


def slope(measured: Measured, fields: str, program: str) -> float:
    """µs another job costs."""
    costs = [measured[f"{fields}_{jobs}"][program].cpu for jobs in (20, 100)]
    return (costs[1] - costs[0]) / 80


def memory_table(memory: Mapping[str, Memory]) -> str:
    """Resident memory; growth is from the end of the warm-up to the end."""
    rows = [
        [
            program,
            *[_mib(size) for size in (found.started, found.peak, found.growth)],
            _mib(found.peak - found.started),
            f"{found.peak / memory['floor'].peak:.2f}" if "floor" in memory else "",
        ]
        for program, found in memory.items()
    ]
    head = ("program", "started MiB", "peak MiB", "growth MiB", "peak - started", "peak x floor")
    return _table(head, rows)


def missed_figures(
    measured: Measured, operations: Mapping[str, Operation], memory: Mapping[str, Memory]
) -> list[str]:
    """Which of the design's figures the gateway does not reach, among those that were measured."""
    return [
        f"{what}: {figure:.2f}, {limit:g} allowed"
        for what, figure, limit in _figures(measured, operations, memory)
        if figure > limit
    ]


def _figures(
    measured: Measured, operations: Mapping[str, Operation], memory: Mapping[str, Memory]
) -> Iterator[tuple[str, float, float]]:
    """What is asked of the gateway: name, figure, most that is allowed."""
    for name, operation in operations.items():
        found = measured[name]
        if {"gateway", "floor"} <= found.keys():
            ratio = _ratio(found["gateway"].cpu_us, found["floor"].cpu_us)
            yield f"{operation.title}, floors", ratio, operation.limit
            yield f"{operation.title}, upstream calls", found["gateway"].calls, operation.calls
    big = measured.get("many_100", {})
    if {"gateway", "plain"} <= big.keys():
        ratio = _ratio(big["gateway"].cpu_us, big["plain"].cpu_us)
        yield "100 jobs, 30 fields, of plain", ratio, PLAIN_LIMIT
    if measured.keys() >= GROWTH.keys() and {"gateway", "floor"} <= big.keys():
        for fields in ("few", "many"):
            ratio = slope(measured, fields, "gateway") / slope(measured, fields, "floor")
            yield f"another job of {fields} fields, floors", ratio, SLOPE_LIMIT
    if {"gateway", "floor"} <= memory.keys():
        yield "peak memory, floors", memory["gateway"].peak / memory["floor"].peak, PEAK_LIMIT


def as_json(measured: Measured, memory: Mapping[str, Memory]) -> dict[str, Any]:
    """Everything, for another program to read."""
    return {
        "machine": machine().splitlines(),
        "operations": {
            name: {
                program: {
                    "cpu_us": figures.cpu,
                    "cpu_us_rounds": figures.cpu_us,
                    "cpu_alone_us": figures.cpu_alone,
                    "p50_ms": figures.latency_ms(50),
                    "p99_ms": figures.latency_ms(99),
                    "calls": figures.calls,
                }
                for program, figures in by_program.items()
            }
            for name, by_program in measured.items()
        },
        "memory_bytes": {
            program: {"started": found.started, "peak": found.peak, "samples": found.samples}
            for program, found in memory.items()
        },
    }


def _ratio(costs: Sequence[float], base: Sequence[float]) -> float:
    """Median of the rounds' ratios: what disturbed a round disturbed both."""
    return median(cost / other for cost, other in zip(costs, base, strict=True))


def _shown_ratio(figures: Figures | None, base: Figures | None, kind: str) -> str:
    """Empty where one of the two was not measured, or both are the same."""
    if figures is None or base is None or figures is base:
        return ""
    ratio = _ratio(getattr(figures, kind), getattr(base, kind))
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, padded so that it reads well unrendered."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    padded = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([padded[0], rule, *padded[1:]])
