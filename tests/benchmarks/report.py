"""What a run found, as tables for people (Markdown) and as JSON."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.benchmarks.measure import ALIKE
from tests.benchmarks.operation import GROWTH, IN_TEXT, OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.benchmarks.measure import Figures, Results
    from tests.benchmarks.operation import Operation

__all__ = ["as_json", "machine", "missed_aims", "missed_figures", "report", "table"]

# The most that the gateway may use, in floors, beside each operation's own limit.
SLOPE_LIMIT = 1.3
PEAK_LIMIT = 1.5
# Of the CPU that one text takes that is known, where only values in it are others.
OTHER_VALUES_LIMIT = 1.3
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


def report(results: Results, operations: Mapping[str, Operation]) -> str:
    """Machine, versions and tables; the first table has these operations."""
    parts = [machine(), _operations_table(results, operations)]
    if results.operations.keys() >= GROWTH.keys():
        parts.append(_growth_table(results))
    if results.alike:
        parts.append(_alike_table(results))
    if results.new_documents:
        parts.append(_new_documents_table(results))
    if results.other_values:
        parts.append(_other_values_table(results))
    if results.memory:
        parts.append(_memory_table(results))
    return "\n\n".join(parts)


def machine() -> str:
    """One line each."""
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


def _operations_table(results: Results, operations: Mapping[str, Operation]) -> str:
    """Cost of each operation in each program, and the ratios."""
    rows = []
    for name, operation in operations.items():
        found = results.operations[name]
        floor, plain = found.get("floor"), found.get("plain")
        own_wire = found.get("own_wire")
        for place, (program, figures) in enumerate(found.items()):
            rows.append(
                [
                    "" if place else operation.title,
                    program,
                    f"{figures.cpu:,.0f}",
                    _shown_ratio(figures, floor, "cpu_us"),
                    _shown_limit(operation, program),
                    _shown_ratio(figures, own_wire, "cpu_us"),
                    _shown_aim(operation, program),
                    _shown_ratio(plain, figures, "cpu_us"),
                    f"{figures.cpu_alone:,.0f}",
                    _shown_ratio(figures, floor, "cpu_alone_us"),
                    _shown_ratio(figures, own_wire, "cpu_alone_us"),
                    f"{figures.latency_ms(50):.2f}",
                    f"{figures.latency_ms(99):.2f}",
                    f"{figures.calls:g}",
                ]
            )
    head = (
        *(
            "operation",
            "program",
            "CPU µs",
            "x floor",
            "limit",
            "x own wire",
            "aim",
            "x better than plain",
        ),
        *("alone: CPU µs", "x floor", "x own wire", "p50 ms", "p99 ms", "calls"),
    )
    return table(head, rows)


def _shown_limit(operation: Operation, program: str) -> str:
    if program == "kept":
        return f"{operation.kept_limit:g} of gateway, alone"
    return f"{operation.limit:g}" if program == "gateway" else ""


def _shown_aim(operation: Operation, program: str) -> str:
    return f"{operation.aim:g}" if program == "gateway" and operation.aim is not None else ""


def _growth_table(results: Results) -> str:
    """CPU under load for 1, 20 and 100 jobs of few and many fields; the slope is per job, from 20
    to 100.
    """
    rows = []
    for fields in ("few", "many"):
        # Kept reads are not measured with all of these.
        programs = [name for name in results.operations["few_20"] if name != "kept"]
        slopes = {name: _slope(results, fields, name) for name in programs}
        for program, per_job in slopes.items():
            cells = [
                f"{results.operations[f'{fields}_{jobs}'][program].cpu:,.0f}"
                for jobs in (1, 20, 100)
            ]
            ratio = f"{per_job / slopes['floor']:.2f}" if "floor" in slopes else ""
            rows.append([fields, program, *cells, f"{per_job:.2f}", ratio])
    head = ("fields", "program", "1 job µs", "20 jobs µs", "100 jobs µs", "µs a job", "x floor")
    return table(head, rows)


def _alike_table(results: Results) -> str:
    """CPU under load of many callers of one credential, who ask the same or do not."""
    rows = []
    for name, alike in results.alike.items():
        apart, operation = results.apart[name], OPERATIONS[name]
        ratio = f"{_ratio(alike, apart):.2f}"
        cells = [f"{median(apart):,.0f}", f"{median(alike):,.0f}", ratio]
        rows.append([operation.title, *cells, f"{operation.alike_limit:g}"])
    head = (f"{ALIKE} callers at once", "each for itself µs", "all alike µs", "ratio", "limit")
    return table(head, rows)


def _new_documents_table(results: Results) -> str:
    """CPU under load for the big page, in documents seen before and never seen before."""
    rows = [
        [program, f"{results.operations['many_100'][program].cpu:,.0f}", f"{median(costs):,.0f}"]
        for program, costs in results.new_documents.items()
    ]
    return table(("program", "known document µs", "new document µs"), rows)


def _other_values_table(results: Results) -> str:
    """CPU under load for texts that have the variables' values in them."""
    rows = [
        [
            IN_TEXT[name].title,
            f"{median(same):,.0f}",
            f"{median(others):,.0f}",
            f"{_ratio(others, same):.2f}",
        ]
        for name, (same, others) in results.other_values.items()
    ]
    return table(("values in the text", "known text µs", "other values µs", "x known"), rows)


def _memory_table(results: Results) -> str:
    """Resident memory; growth is from the end of the warm-up to the end."""
    floor = results.memory.get("floor")
    rows = [
        [
            program,
            *[_mib(size) for size in (found.started, found.peak, found.growth)],
            f"{found.peak / floor.peak:.2f}" if floor else "",
        ]
        for program, found in results.memory.items()
    ]
    head = ("program", "started MiB", "peak MiB", "growth after warm-up MiB", "peak x floor")
    return table(head, rows)


def missed_figures(results: Results, operations: Mapping[str, Operation]) -> list[str]:
    """Which limits the gateway does not keep, among those that were measured."""
    return [
        f"{what}: {figure:.2f}, {limit:g} allowed"
        for what, figure, limit in _figures(results, operations)
        if figure > limit
    ]


def missed_aims(results: Results, operations: Mapping[str, Operation]) -> list[str]:
    """What the gateway has not come to yet, in floors over its own wire; it may."""
    missed = []
    for name, operation in operations.items():
        found = results.operations[name]
        if operation.aim is not None and {"gateway", "own_wire"} <= found.keys():
            ratio = _ratio(found["gateway"].cpu_us, found["own_wire"].cpu_us)
            if ratio > operation.aim:
                figure = f"{operation.title}, floors over its own wire: {ratio:.2f}"
                missed.append(f"{figure}, {operation.aim:g} wanted")
    return missed


def _figures(
    results: Results, operations: Mapping[str, Operation]
) -> Iterator[tuple[str, float, float]]:
    """What is asked of the gateway: name, figure, most that is allowed."""
    for name, operation in operations.items():
        found = results.operations[name]
        if {"gateway", "floor"} <= found.keys():
            ratio = _ratio(found["gateway"].cpu_us, found["floor"].cpu_us)
            yield f"{operation.title}, floors", ratio, operation.limit
            yield f"{operation.title}, upstream calls", found["gateway"].calls, operation.calls
        if operation.kept_limit is not None and {"gateway", "kept"} <= found.keys():
            # One at a time: equal reads at once are one call, kept or not.
            ratio = _ratio(found["kept"].cpu_alone_us, found["gateway"].cpu_alone_us)
            yield f"{operation.title}, kept, alone, of not kept", ratio, operation.kept_limit
    yield from _alike_figures(results)
    big = results.operations.get("many_100", {})
    if {"gateway", "plain"} <= big.keys():
        ratio = _ratio(big["gateway"].cpu_us, big["plain"].cpu_us)
        yield "100 jobs, 30 fields, of plain", ratio, PLAIN_LIMIT
    if results.operations.keys() >= GROWTH.keys() and {"gateway", "floor"} <= big.keys():
        for fields in ("few", "many"):
            ratio = _slope(results, fields, "gateway") / _slope(results, fields, "floor")
            yield f"another job of {fields} fields, floors", ratio, SLOPE_LIMIT
    if {"gateway", "plain"} <= results.new_documents.keys():
        costs = results.new_documents
        yield "new document, of plain", _ratio(costs["gateway"], costs["plain"]), 1
    for name, (same, others) in results.other_values.items():
        title = f"{IN_TEXT[name].title}, other values, of a known text"
        yield title, _ratio(others, same), OTHER_VALUES_LIMIT
    memory = results.memory
    if {"gateway", "floor"} <= memory.keys():
        yield "peak memory, floors", memory["gateway"].peak / memory["floor"].peak, PEAK_LIMIT


def _alike_figures(results: Results) -> Iterator[tuple[str, float, float]]:
    for name, alike in results.alike.items():
        operation = OPERATIONS[name]
        title = f"{operation.title}, asked by {ALIKE} at once, of each for itself"
        yield title, _ratio(alike, results.apart[name]), operation.alike_limit or 0


def _slope(results: Results, fields: str, program: str) -> float:
    """µs that another job costs, by the ratios to the floor where it was measured: a difference of
    two medians would show what the machine did in between.
    """
    costs = []
    for jobs in (20, 100):
        found = results.operations[f"{fields}_{jobs}"]
        base = found.get("floor", found[program])
        costs.append(base.cpu * _ratio(found[program].cpu_us, base.cpu_us))
    return (costs[1] - costs[0]) / 80


def as_json(results: Results) -> dict[str, Any]:
    """Everything, for another program to read."""
    return {
        "machine": machine().splitlines(),
        "operations": {
            name: {
                program: {
                    "cpu_us": figures.cpu,
                    "cpu_us_turns": figures.cpu_us,
                    "cpu_alone_us": figures.cpu_alone,
                    "p50_ms": figures.latency_ms(50),
                    "p99_ms": figures.latency_ms(99),
                    "calls": figures.calls,
                }
                for program, figures in by_program.items()
            }
            for name, by_program in results.operations.items()
        },
        "apart_cpu_us": results.apart,
        "alike_cpu_us": results.alike,
        "new_documents_cpu_us": results.new_documents,
        "other_values_cpu_us": results.other_values,
        "memory_bytes": {
            program: {"started": found.started, "peak": found.peak, "samples": found.samples}
            for program, found in results.memory.items()
        },
    }


def _ratio(costs: Sequence[float], base: Sequence[float]) -> float:
    """Median of the turns' ratios: what disturbed a turn disturbed both."""
    return median(cost / other for cost, other in zip(costs, base, strict=True))


def _shown_ratio(figures: Figures | None, base: Figures | None, kind: str) -> str:
    """Empty where one of the two was not measured, or both are the same."""
    if figures is None or base is None or figures is base:
        return ""
    ratio = _ratio(getattr(figures, kind), getattr(base, kind))
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
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
