"""Single jobs. The upstream reads no several ids at once, so many are read off list pages, where
that takes fewer calls (architecture.md, folding):

    of one pipeline   its jobs, retried ones included, page by page of 100
    of one project    its jobs from the highest id on, windows of 100 by keyset, side by side where
                      it is known how many ids one reaches over, and few hold all

A list may not show what a single read does, so ids that it does not show are read singly. Where a
list fails, or takes too long, so are all. A fold goes on while it takes fewer calls than reading
the rest singly; calls that it made in vain are counted as retried.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.errors import (
    Forbidden,
    RequestRefused,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.loaders.flight import Loader
from gateway.loaders.fold import Fold
from gateway.upstream.entities import Job, ProjectKey
from gateway.upstream.pages import MAX_PER_PAGE, KeysetCursor
from gateway.upstream.pruning import WHOLE

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterable, Sequence

    from gateway.loaders.flight import Flight
    from gateway.loaders.seen import Seen
    from gateway.upstream.client import Client
    from gateway.upstream.pruning import Readers
    from gateway.upstream.scope import CallScope

__all__ = ["JobKey", "JobLoader"]

# Project and job id.
JobKey: TypeAlias = tuple[ProjectKey, int]
# Jobs of one project on their way, by id.
Wanted: TypeAlias = dict[int, "Flight[Job]"]
Rows: TypeAlias = list[Job | UpstreamInvalid]

# From so many jobs on a page of 100 is no dearer than reading them singly.
PIPELINE_FOLD_FROM: Final = 4
PROJECT_FOLD_FROM: Final = 8
# Windows that are read without asking whether jobs lie near enough to each other: one for so many
# jobs. 50 jobs within 300 builds take three, however their ids are spread.
JOBS_PER_BLIND_WINDOW: Final = 16
# A list that takes longer than this part of the time left is given up.
PATIENCE: Final = 1 / 3

# Failures of a list after which single reads may still succeed.
PASSING: Final = (
    TimeoutError,
    Forbidden,
    RequestRefused,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)


class JobLoader(Loader[JobKey, Job]):
    """Jobs by project and id. Cost: at most 1 call a job."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        client: Client,
        scope: CallScope,
        seen: Seen,
        readers: Readers = WHOLE,
    ) -> None:
        super().__init__(loop)
        self.client = client
        # Asked for with each job.
        self._keeps_reads = client.keeps_reads
        self.readers = readers
        self.scope = scope
        self.seen = seen
        # The pipelines of jobs, where callers know them.
        self.pipeline_ids: dict[JobKey, int] = {}

    def known(self, key: JobKey) -> Job | None:
        project, job_id = key
        seen = self.seen.job(project, job_id)
        if seen is None and self._keeps_reads:
            return self.client.job_at_hand(self.scope, project, job_id, readers=self.readers)
        return seen

    def plan(self, wanted: dict[JobKey, Flight[Job]]) -> dict[JobKey, Flight[Job]]:
        if len(wanted) < PIPELINE_FOLD_FROM:
            return wanted
        singly: dict[JobKey, Flight[Job]] = {}
        by_pipeline: dict[tuple[ProjectKey, int | None], Wanted] = defaultdict(dict)
        by_project: dict[ProjectKey, Wanted] = defaultdict(dict)
        for key, flight in wanted.items():
            project, job_id = key
            by_pipeline[project, self.pipeline_ids.get(key)][job_id] = flight
        for (project, pipeline_id), flights in by_pipeline.items():
            if pipeline_id and len(flights) >= PIPELINE_FOLD_FROM:
                _PipelineFold(self, project, flights, pipeline_id)
            else:
                by_project[project] |= flights
        for project, flights in by_project.items():
            if len(flights) >= PROJECT_FOLD_FROM:
                _ProjectFold(self, project, flights)
            else:
                singly.update([((project, job_id), flight) for job_id, flight in flights.items()])
        return singly

    async def read(self, key: JobKey) -> Job:
        job = await self.client.job(self.scope, *key, readers=self.readers)
        self.seen.add(key[0], (job,))
        return job


class _JobFold(Fold[Job]):
    """Jobs of one project."""

    def __init__(self, loader: JobLoader, project: ProjectKey, flights: Wanted) -> None:
        self.client = loader.client
        self.readers = loader.readers
        self._loader = loader
        super().__init__(loader.loop, loader.scope, loader.seen, project, flights)

    def settle(self, row_id: int, flight: Flight[Job], failure: Exception | None) -> int:
        if failure is not None and not isinstance(failure, PASSING):
            flight.set_exception(failure)
            return 0
        flight.carry(self._loader.read((self.project, row_id)))
        return 1

    @property
    def patience_s(self) -> float:
        """How long a page may take."""
        return (self.scope.deadline - self._loader.loop.time()) * PATIENCE


class _PipelineFold(_JobFold):
    """Jobs of one pipeline."""

    def __init__(
        self, loader: JobLoader, project: ProjectKey, flights: Wanted, pipeline_id: int
    ) -> None:
        self._pipeline_id = pipeline_id
        super().__init__(loader, project, flights)

    async def read_pages(self) -> None:
        number: int | None = 1
        while number is not None:
            bottom, total, next_page = await self._read(number)
            below = sum(job_id < bottom for job_id in self.missing())
            if total is None or math.ceil(total / MAX_PER_PAGE) - number >= below:
                return
            number = next_page

    async def _read(self, number: int) -> tuple[int, int | None, int | None]:
        """The lowest id of a page, which is let go of here; the list's length and next page."""
        page = await self.take(
            self.client.pipeline_jobs_page(
                self.scope,
                self.project,
                self._pipeline_id,
                include_retried=True,
                page=number,
                per_page=MAX_PER_PAGE,
                readers=self.readers,
            ),
            patience_s=self.patience_s,
        )
        return _lowest(page.items), page.total, page.next_page


class _ProjectFold(_JobFold):
    """Jobs of one project, of whatever pipelines."""

    async def read_pages(self) -> None:
        missing = self.missing()
        blind = len(missing) // JOBS_PER_BLIND_WINDOW
        # One page alone tells too little of how far others reach: where jobs lie nearer to each
        # other than on that, windows side by side leave a gap, which takes one more call.
        is_first = self.client.job_spans.of(self.project, max(missing, default=0)) is None
        while missing:
            tops = self._tops(missing)
            if self.calls >= max(blind, 1) and len(tops) >= len(missing):
                return
            if is_first or len(tops) > max(blind, 2) - self.calls:
                # Too far apart to be sure: the first tells over how many ids the next ones reach.
                del tops[1:]
            before = len(self.missing())
            windows = await self._read_side_by_side(tops)
            if len(self.missing()) == before:
                return
            missing = [
                job_id
                for job_id in self.missing()
                if not any(bottom <= job_id <= top for bottom, top in windows)
            ]

    def _tops(self, ids: Iterable[int]) -> list[int]:
        """The highest ids of the windows that hold these ids, as far as is known; from above."""
        tops: list[int] = []
        end: float = math.inf
        for job_id in sorted(ids, reverse=True):
            if job_id < end:
                tops.append(job_id)
                span = self.client.job_spans.of(self.project, job_id)
                if span is None:
                    break
                end = job_id - span + 1
        return tops

    async def _read_side_by_side(self, tops: Sequence[int]) -> Sequence[tuple[int, int]]:
        """The lowest and the highest ids of the windows from these ids on."""
        if len(tops) == 1:
            return [await self._read(tops[0])]
        results = await asyncio.gather(*map(self._read, tops), return_exceptions=True)
        windows = [result for result in results if not isinstance(result, BaseException)]
        for failure in results:
            if isinstance(failure, BaseException):
                raise failure
        return windows

    async def _read(self, top: int) -> tuple[int, int]:
        """The ids that the window from an id on reaches down and up to: down to 0 where nothing is
        below it. Its page is let go of here.
        """
        page = await self.take(
            self.client.project_jobs_page(
                self.scope,
                self.project,
                per_page=MAX_PER_PAGE,
                cursor=KeysetCursor(top + 1),
                readers=self.readers,
            ),
            patience_s=self.patience_s,
        )
        if page.next is None:
            return 0, top
        bottom = _lowest(page.items)
        self.client.job_spans.learn(self.project, top, bottom)
        return bottom, top


def _lowest(rows: Rows) -> int:
    """The id of a page's last row; 0 where nothing can be below it."""
    return next((row.id for row in reversed(rows) if not isinstance(row, UpstreamInvalid)), 0)
