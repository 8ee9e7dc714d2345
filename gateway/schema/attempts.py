"""The runs of one job in its pipeline. The upstream tells of none that it was retried: runs of one
name are runs of one job, and the newest of them is the one that counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import strawberry

from gateway.errors import BadInput
from gateway.schema.fields import Cost, plain
from gateway.upstream import entities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.context import Context
    from gateway.schema.job import Job
    from gateway.upstream.paging import WholeRows

__all__ = [
    "AttemptList",
    "attempts_cost",
    "read_attempts",
    "read_is_flaky",
    "read_is_retried",
    "run_cost",
]

MAX_ATTEMPTS: Final = 100


def attempts_shown(arguments: Mapping[str, Any]) -> int:
    first: int = arguments["first"]
    return min(max(first, 0), MAX_ATTEMPTS)


attempts_cost: Final = Cost(rows=attempts_shown, lists=("all_jobs",), stays=True)
run_cost: Final = Cost(lists=("all_jobs",), stays=True)


class Attempts(NamedTuple):
    """The source of a list of attempts, newest first; `is_partial` where there may be others."""

    items: list[entities.Job]
    is_partial: bool


@strawberry.type(description="Runs of one job in its pipeline, newest first.")
class AttemptList:
    nodes: list[Annotated[Job, strawberry.lazy("gateway.schema.job")]] = plain("items", "The runs.")
    partial: bool = plain(
        "is_partial",
        "There may be others: first cut the list, or the pipeline has more jobs, retried ones"
        " counted, than GATEWAY_MAX_LIST_ROWS, or a row that cannot be read.",
    )


def read_attempts(context: Context, job: entities.Job, first: int) -> object:
    if not 1 <= first <= MAX_ATTEMPTS:
        raise BadInput(f"first: {first} is out of range; ask for 1 to {MAX_ATTEMPTS}")

    def newest(runs: list[entities.Job], is_partial: bool) -> Attempts:
        return Attempts(runs[:first], is_partial or len(runs) > first)

    return _of_runs(context, job, newest)


def read_is_retried(context: Context, job: entities.Job) -> object:
    """Is there a newer run? None where nobody can tell: newer ones lie beyond the limit as well."""

    def is_retried(runs: list[entities.Job], is_partial: bool) -> bool | None:
        if any(run.id > job.id for run in runs):
            return True
        is_among = any(run.id == job.id for run in runs)
        return None if is_partial and not is_among else False

    return _of_runs(context, job, is_retried)


def read_is_flaky(context: Context, job: entities.Job) -> object:
    """Did a run succeed after one that failed?"""

    def is_flaky(runs: list[entities.Job], is_partial: bool) -> bool | None:
        failed = False
        for run in reversed(runs):
            failed |= run.status == "failed"
            if failed and run.status == "success":
                return True
        return None if is_partial else False

    return _of_runs(context, job, is_flaky)


def _of_runs(
    context: Context, job: entities.Job, told: Callable[[list[entities.Job], bool], Any]
) -> object:
    """What is told of a job's runs, now or when they are there; None where its pipeline is not
    known.
    """
    if job.pipeline is None:
        return None
    flight = context.whole(job.pipeline.project, job.pipeline.id).all_jobs()

    def of(rows: WholeRows[entities.Job]) -> Any:
        return told(rows.named(job.name), rows.is_partial)

    async def read() -> Any:
        return of(await flight)

    return of(flight.result()) if flight.done() and flight.exception() is None else read()
