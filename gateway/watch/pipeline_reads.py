"""The reads of a pipeline's rounds: its parts, its list of jobs, and jobs one by one.

What the upstream answers "not modified" about is known from an earlier round, and given again.
"""

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gateway.errors import UpstreamError, UpstreamInvalid
from gateway.frames import without_frames
from gateway.upstream.calls import NotModified
from gateway.upstream.pages import MAX_PER_PAGE
from gateway.upstream.paging.reads import side_by_side

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence

    from gateway.upstream.client import Client
    from gateway.upstream.entities import Bridge, Job, ProjectKey
    from gateway.upstream.pages import OffsetPage
    from gateway.upstream.scope import CallScope

__all__ = ["PipelineReads"]

T = TypeVar("T")
R = TypeVar("R", "Job", "Bridge")

# Pages of a list that a round reads at most: a pipeline of more jobs is watched as far as that.
MAX_PAGES: Final = 20


class PipelineReads:
    """Reads for one poller. `forget` is called where no answer may be "not modified" any more."""

    def __init__(self, client: Client, project: ProjectKey, forget: Callable[[], object]) -> None:
        self.pages = 1
        """Pages of the list of jobs, as it told last."""
        self.is_cut = False
        """Was that list read from the top only?"""
        self._client = client
        self._project = project
        self._forget = forget
        # What a round is answered "not modified" about.
        self._known: dict[object, Any] = {}

    def forget_job(self, job_id: int) -> None:
        """Nobody wants this job any more."""
        if self._known.pop(("job", job_id), None) is not None:
            self._forget()

    async def parts(
        self, scope: CallScope, pipeline_id: int, names: Sequence[str]
    ) -> dict[str, Any]:
        """Parts of the pipeline, read side by side; an error stands for one that failed."""
        reads: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
            "page": lambda: self._read(
                ("pipeline",), lambda: self._client.pipeline(scope, self._project, pipeline_id)
            ),
            "jobs": lambda: self.jobs(scope, pipeline_id),
            "bridges": lambda: self._list(
                "bridges", lambda n: self._bridges_page(scope, pipeline_id, n)
            ),
        }
        found = await asyncio.gather(*(reads[name]() for name in names), return_exceptions=True)
        for part in found:
            if isinstance(part, BaseException) and not isinstance(part, UpstreamError):
                raise part
        return dict(zip(names, found, strict=True))

    async def jobs(
        self, scope: CallScope, pipeline_id: int, *, wanted: set[int] | None = None
    ) -> list[Job]:
        """The pipeline's jobs: all of them, or from the top as long as that finds `wanted` ones in
        fewer calls than single reads. Cost: 1 for each page, 20 at most.
        """
        return await self._list(
            "jobs", lambda n: self._jobs_page(scope, pipeline_id, n), wanted=wanted
        )

    async def top(self, scope: CallScope, pipeline_id: int) -> list[Job]:
        """The jobs on the first page of the list. Cost: 1."""
        return _readable(
            await self._read(("jobs", 1), partial(self._jobs_page, scope, pipeline_id, 1))
        )

    async def singly(
        self, scope: CallScope, wanted: Iterable[int]
    ) -> dict[int, Job | UpstreamError]:
        """Jobs by their ids, each or its error."""
        ids = list(wanted)
        reads = [self._job(scope, job_id) for job_id in ids]
        found: dict[int, Job | UpstreamError] = {}
        for job_id, job in zip(
            ids, await asyncio.gather(*reads, return_exceptions=True), strict=True
        ):
            if isinstance(job, UpstreamError):
                found[job_id] = without_frames(job)
            elif isinstance(job, BaseException):
                raise job
            else:
                found[job_id] = job
        return found

    async def _job(self, scope: CallScope, job_id: int) -> Job:
        return await self._read(
            ("job", job_id), lambda: self._client.job(scope, self._project, job_id)
        )

    async def _read(self, key: object, read: Callable[[], Awaitable[T]]) -> T:
        """What is read, or was read before where it has not been modified since. The read is begun
        here: one that was begun outside would be lost where a round is cancelled before this.
        """
        try:
            value = self._known[key] = await read()
        except NotModified:
            value = self._known[key]
        except UpstreamError:
            # It may have been an answer with a tag that could not be read.
            self._forget()
            raise
        return value

    async def _list(
        self,
        name: str,
        page_at: Callable[[int], Coroutine[Any, Any, OffsetPage[R]]],
        *,
        wanted: set[int] | None = None,
    ) -> list[R]:
        """The rows of a list; see `jobs`."""
        first = await self._read((name, 1), lambda: page_at(1))
        pages = min(MAX_PAGES, math.ceil((first.total or 0) / MAX_PER_PAGE))
        if first.total is None and first.next_page is not None:
            pages = MAX_PAGES
        if name == "jobs":
            self.pages = pages
        rows = _readable(first)
        if wanted is not None:
            wanted -= {row.id for row in rows}
            self.is_cut = len(wanted) < pages - 1
            if self.is_cut:
                return rows
        if first.total is not None:
            numbers = range(2, pages + 1)
            reads = [self._read((name, number), partial(page_at, number)) for number in numbers]
            for page in await side_by_side(*reads):
                rows += _readable(page)
            return rows
        page, number = first, 1
        while page.next_page is not None and number < MAX_PAGES:
            number += 1
            page = await self._read((name, number), partial(page_at, number))
            rows += _readable(page)
        return rows

    def _jobs_page(
        self, scope: CallScope, pipeline_id: int, number: int
    ) -> Coroutine[Any, Any, OffsetPage[Job]]:
        return self._client.pipeline_jobs_page(
            scope, self._project, pipeline_id, page=number, per_page=MAX_PER_PAGE
        )

    def _bridges_page(
        self, scope: CallScope, pipeline_id: int, number: int
    ) -> Coroutine[Any, Any, OffsetPage[Bridge]]:
        return self._client.bridges_page(
            scope, self._project, pipeline_id, page=number, per_page=MAX_PER_PAGE
        )


def _readable(page: OffsetPage[R]) -> list[R]:
    return [row for row in page.items if not isinstance(row, UpstreamInvalid)]
