"""The tests that a pipeline's jobs reported, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import strawberry
from msgspec import field

from gateway.errors import NotFound, UpstreamInvalid
from gateway.schema.fields import PROMISED, Cost, Gives, Info, derived, edge, plain
from gateway.schema.scalars import Duration
from gateway.upstream import entities
from gateway.upstream.routes import PIPELINE_JOBS

if TYPE_CHECKING:
    from gateway.context import Context
    from gateway.schema.job import Job

__all__ = ["TestReportSummary"]

# What a suite calls its counts, by what a total calls them.
OF_SUITE: Final = {
    "count": "total_count",
    "success": "success_count",
    "failed": "failed_count",
    "skipped": "skipped_count",
    "error": "error_count",
    "time": "total_time",
}


class CountsInPart(entities.ReportedCounts, gc=False):
    """Counts of which some could not be read."""

    whole: ClassVar[type] = entities.ReportedCounts

    faults: dict[str, UpstreamInvalid] = field(default_factory=dict)


def counts_of(suite: entities.ReportedSuite) -> entities.ReportedCounts:
    """The counts of a suite, as a total has them."""
    counts: dict[str, Any] = {name: getattr(suite, theirs) for name, theirs in OF_SUITE.items()}
    told: dict[str, UpstreamInvalid] = getattr(suite, "faults", {})
    faults = {name: told[theirs] for name, theirs in OF_SUITE.items() if theirs in told}
    if faults:
        return CountsInPart(**counts, faults=faults)
    return entities.ReportedCounts(**counts)


async def read_jobs(
    context: Context, suite: entities.ReportedSuite
) -> list[entities.Job | NotFound] | None:
    """The jobs of a suite, out of the whole list of its pipeline."""
    if suite.pipeline is None or suite.build_ids is None:
        return None
    rows = await context.whole(*suite.pipeline).all_jobs()
    jobs = {job.id: job for job in rows.items if not isinstance(job, UpstreamInvalid)}
    return [jobs.get(job_id) or not_read(job_id) for job_id in suite.build_ids]


def not_read(job_id: int) -> NotFound:
    return NotFound(
        f"job {job_id}: not among the jobs of its pipeline, as far as GATEWAY_MAX_LIST_ROWS lets"
        " them be read; ask for it by job(by:)",
        endpoint=PIPELINE_JOBS.endpoint,
    )


@strawberry.type(description="Tests, counted.")
class TestCounts:
    count: int | None = plain("count", f"How many there are. {PROMISED}", promised=True)
    success: int | None = plain("success", f"Those that passed. {PROMISED}", promised=True)
    failed: int | None = plain("failed", f"Those that failed. {PROMISED}", promised=True)
    skipped: int | None = plain("skipped", f"Those that were left out. {PROMISED}", promised=True)
    error: int | None = plain("error", f"Those that broke off. {PROMISED}", promised=True)
    time: Duration | None = plain("time", f"Time they took in all. {PROMISED}", promised=True)


@strawberry.type(description="The tests that the jobs of one name reported.")
class TestSuite:
    name: str | None = plain("name", f"Name of the jobs. {PROMISED}", promised=True)
    counts: TestCounts = derived(
        counts_of, "Its tests, counted.", reads=tuple(OF_SUITE.values()), is_total=True
    )
    error: str | None = plain(
        "suite_error", "Why the upstream could not read the report; null if it could."
    )

    @edge(
        "Jobs that reported it; null at the place of one that the row limit hides. Cost: the"
        " pipeline's jobs with the retried ones, 1 call for each 100, up to GATEWAY_MAX_LIST_ROWS,"
        " shared by all fields of the pipeline that need that list.",
        cost=Cost(rows=None, lists=("all_jobs",), stays=True),
        reads=("build_ids", "pipeline"),
    )
    def jobs(
        parent: strawberry.Parent[entities.ReportedSuite], info: Info
    ) -> Gives[list[Annotated[Job, strawberry.lazy("gateway.schema.job")] | None] | None]:
        fault = getattr(parent, "faults", {}).get("build_ids")
        return fault or read_jobs(info.context, parent)


@strawberry.type(
    description="The tests that a pipeline's jobs reported: of each job its latest run."
)
class TestReportSummary:
    total: TestCounts | None = plain("total", f"Of all suites. {PROMISED}", promised=True)
    suites: list[TestSuite | None] | None = plain(
        "test_suites", f"The suites. {PROMISED}", promised=True
    )
