"""The tests that jobs report: made up of their names, the same each time.

A build that leaves a `junit` file reports some tests. They pass, but for one or two of a failed
job. Jobs that share a name but for the numbers of a parallel one (`rspec 1/3`) are one suite.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from zlib import crc32

from gateway.sandbox.world.jsontext import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.sandbox.world.rows import JobRow

__all__ = ["summary_of"]

_PART = re.compile(r"[ :]+\d+[/: ]\d+$")
_COUNTS = ("success", "failed", "skipped", "error")


def summary_of(jobs: Iterable[JobRow]) -> dict[str, Any]:
    """`total` and `test_suites` of a pipeline's latest jobs, in their order."""
    suites: dict[str, dict[str, Any]] = {}
    for job in jobs:
        if not any(file["file_type"] == "junit" for file in parse(job.artifacts_json)):
            continue
        name = _PART.sub("", job.name)
        suite = suites.setdefault(name, _blank(name))
        for key, number in _reported(job).items():
            suite[key] = round(suite[key] + number, 3)
        suite["build_ids"].append(job.id)
    rows = [*suites.values()]
    total = {"time": round(sum(row["total_time"] for row in rows), 3)}
    total |= {name: sum(row[f"{name}_count"] for row in rows) for name in ("total", *_COUNTS)}
    total["count"] = total.pop("total")
    return {"total": {**total, "suite_error": None}, "test_suites": rows}


def _blank(name: str) -> dict[str, Any]:
    zeros = {f"{count}_count": 0 for count in ("total", *_COUNTS)}
    return {"name": name, "total_time": 0, **zeros, "build_ids": [], "suite_error": None}


def _reported(job: JobRow) -> dict[str, float]:
    seed = crc32(job.name.encode())
    failed = 1 + seed % 2 if job.status == "failed" else 0
    counts = {"success": 5 + seed % 90, "failed": failed, "skipped": seed % 3, "error": 0}
    total = sum(counts.values())
    found: dict[str, float] = {f"{name}_count": number for name, number in counts.items()}
    return found | {"total_count": total, "total_time": round(total * 0.137, 3)}
