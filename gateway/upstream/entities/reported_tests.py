"""The tests that a pipeline's jobs reported, counted (upstream.md, 3.8)."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from gateway.upstream.entities.values import Count, Number, ProjectKey, ours

__all__ = ["ReportedCounts", "ReportedSuite", "ReportedTests"]


class ReportedCounts(Struct, gc=False):
    """Tests, counted; `time` is in seconds."""

    count: Count | None = None
    success: Count | None = None
    failed: Count | None = None
    skipped: Count | None = None
    error: Count | None = None
    time: float | None = None


class ReportedSuite(Struct, gc=False):
    """The tests that the jobs of one name reported."""

    # Decoded whatever an operation reads.
    always: ClassVar[tuple[str, ...]] = ("pipeline",)

    name: str | None = None
    total_count: Count | None = None
    success_count: Count | None = None
    failed_count: Count | None = None
    skipped_count: Count | None = None
    error_count: Count | None = None
    total_time: float | None = None
    build_ids: list[Number] | None = None
    suite_error: str | None = None
    # Project and id of the pipeline, put in where it was read.
    pipeline: tuple[ProjectKey, int] | None = ours()


class ReportedTests(Struct, gc=False):
    """The tests of a pipeline (upstream.md, 3.8)."""

    total: ReportedCounts | None = None
    test_suites: list[ReportedSuite] | None = None
