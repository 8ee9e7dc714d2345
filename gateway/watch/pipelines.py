"""The poller of a pipeline: of all its jobs that somebody watches, and of the pipeline itself.

Polls fold as reads do (architecture.md, folding). Many watched jobs are read off the pipeline's
list, where that takes fewer calls than reading each; jobs that the list does not show are read
singly. Where the whole pipeline is watched its own page, its jobs and its bridges are read side by
side, and after that what may tell of a change: of a running one the lists, of one that waits for
somebody its page, since whatever starts changes that. Once something has moved all is read.

A job whose pipeline is not known yet has a poller of its own. Its first round tells the pipeline,
and the poller then becomes that pipeline's, or hands its listeners over to it.
"""

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gateway.errors import (
    Forbidden,
    NotFound,
    RequestRefused,
    Unauthenticated,
    UpstreamError,
    UpstreamInvalid,
)
from gateway.frames import without_frames
from gateway.upstream.calls import NotModified
from gateway.upstream.pages import MAX_PER_PAGE
from gateway.upstream.paging.reads import side_by_side
from gateway.watch.changes import has_moved, is_moving, rests
from gateway.watch.listeners import JobListeners, PipelineListeners
from gateway.watch.poller import Poller, Round

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from gateway.upstream.credential import Credential
    from gateway.upstream.entities import Bridge, Job, Pipeline, ProjectKey
    from gateway.upstream.pages import OffsetPage
    from gateway.upstream.scope import CallScope
    from gateway.watch.feed import ChangeFeed, Feed
    from gateway.watch.surroundings import Surroundings

__all__ = ["PipelinePoller", "pipeline_of"]

T = TypeVar("T")
R = TypeVar("R", "Job", "Bridge")

# From so many watched jobs on a page of the list is no dearer than reading them singly.
FOLD_FROM: Final = 4
# Pages of a list that a round reads at most: a pipeline of more jobs is watched as far as that.
MAX_PAGES: Final = 20
# Rounds after which all is read whatever was seen: ten minutes of a pipeline that waits.
WHOLE_EVERY: Final = 40
# A running pipeline's page tells little that its lists do not: it is read each sixth time.
PAGE_EVERY: Final = 6
# While it runs the next round comes so soon, with its jitter within 5 s.
RUNNING_S: Final = 4.5
PARTS: Final = ("page", "jobs", "bridges")
# What is no passing fault of the upstream: nobody needs to ask again.
LASTING: Final = (Forbidden, NotFound, RequestRefused, Unauthenticated)


class PipelinePoller(Poller):
    """Polls what is watched of one pipeline. Without a `pipeline_id` that is one job whose pipeline
    is not known.
    """

    def __init__(
        self,
        around: Surroundings,
        credential: Credential | None,
        project: ProjectKey,
        pipeline_id: int | None,
    ) -> None:
        super().__init__(around, credential)
        self.project = project
        self.pipeline_id = pipeline_id
        self.jobs: dict[int, JobListeners] = {}
        self.followers = PipelineListeners()
        # What a round is answered "not modified" about.
        self._known: dict[object, Any] = {}
        # Pages of the list of jobs, as it told last.
        self._pages = 1
        # The parts of the whole pipeline, as they were read last; None where all must be read.
        self._last: dict[str, Any] | None = None
        self._has_moved = False
        self._wakes = 0
        self._rounds_left = 0

    # -- listeners -------------------------------------------------------------------------------

    @property
    def is_wanted(self) -> bool:
        return bool(self.followers.feeds) or any(one.feeds for one in self.jobs.values())

    def listen_to_job(self, job_id: int, feed: Feed[Job]) -> None:
        """Tell a feed the job as it is, then what becomes of it."""
        listeners = self.jobs.setdefault(job_id, JobListeners())
        listeners.add(feed, is_fresh=self.is_fresh)
        self._listen(feed)

    def listen_to_all(self, feed: ChangeFeed) -> None:
        """Tell a feed the pipeline with all its jobs and bridges, then what changes of it."""
        self.followers.add(feed, is_fresh=self.is_fresh)
        self._listen(feed)

    def take(self, other: PipelinePoller) -> None:
        """Take over the listeners of another poller of this pipeline."""
        for job_id, listeners in other.jobs.items():
            self.jobs.setdefault(job_id, JobListeners()).take(listeners)
        self.followers.take(other.followers)
        for feed in self._feeds():
            feed.leave = self._left
        self.wake(at_once=not self.is_fresh)
        self.start()

    def _listen(self, feed: Feed[Any]) -> None:
        feed.leave = self._left
        if not feed.has_begun:
            self.wake(at_once=True)
        self.start()

    def _left(self) -> None:
        """Somebody has left: their feed is closed."""
        self.followers.feeds = [feed for feed in self.followers.feeds if not feed.is_closed]
        for listeners in self.jobs.values():
            listeners.feeds = [feed for feed in listeners.feeds if not feed.is_closed]
        self._tidy()
        self.check()

    def wake(self, *, at_once: bool) -> None:
        # Nobody knows what of it has changed, and a round that is under way may be too early.
        self._wakes += 1
        self._last = None
        super().wake(at_once=at_once)

    def most_pause_s(self) -> float:
        most_s = super().most_pause_s()
        is_running = self._last is not None and self.followers.feeds and not rests(self._last)
        return min(RUNNING_S, most_s) if is_running else most_s

    def _feeds(self) -> list[Feed[Any]]:
        return [*self.followers.feeds, *(feed for one in self.jobs.values() for feed in one.feeds)]

    def _tidy(self) -> None:
        """Forget jobs that nobody listens to."""
        for job_id in [job_id for job_id, one in self.jobs.items() if not one.feeds]:
            del self.jobs[job_id]
            if self._known.pop(("job", job_id), None) is not None:
                # With what is forgotten no answer may be "not modified".
                self._tags.clear()
        if not self.followers.feeds:
            self.followers = PipelineListeners()

    # -- rounds ----------------------------------------------------------------------------------

    async def poll(self, scope: CallScope, found: Round) -> None:
        if self.pipeline_id is None:
            await self._poll_singly(scope, found, list(self.jobs))
        elif self.followers.feeds:
            await self._poll_all(scope, found, self.pipeline_id)
        else:
            await self._poll_jobs(scope, found, self.pipeline_id)
        self.around.settle(self)
        self._tidy()

    def tell_fault(self, fault: UpstreamError) -> None:
        self.followers.tell(fault, is_last=False)
        for listeners in self.jobs.values():
            listeners.tell(fault, is_last=False)

    def end(self) -> None:
        for feed in self._feeds():
            feed.end()

    async def _poll_all(self, scope: CallScope, found: Round, pipeline_id: int) -> None:
        """The pipeline's page, its jobs and its bridges, as far as they may have changed."""
        wakes, last = self._wakes, self._last
        asked = self._asked_first(last)
        parts = await self._parts(scope, pipeline_id, asked)
        self._has_moved = last is None or any(has_moved(last[name], parts[name]) for name in asked)
        if last is not None and self._has_moved:
            rest = [
                name for name in PARTS if name not in asked and (name != "bridges" or last[name])
            ]
            parts |= await self._parts(scope, pipeline_id, rest)
        parts = {**(last or {}), **parts}
        self._last = None
        if not isinstance(parts["jobs"], BaseException):
            missing = self._show(found, parts["jobs"])
            await self._poll_singly(scope, found, missing)
        for name in PARTS:
            if isinstance(parts[name], BaseException):
                self._fail(parts[name], found)
                return
        if wakes == self._wakes:
            self._last = parts
        found.changed |= self.followers.show(parts["page"], [*parts["jobs"], *parts["bridges"]])

    def _asked_first(self, last: dict[str, Any] | None) -> list[str]:
        """The parts that may tell of a change."""
        if last is None or not self._rounds_left:
            self._rounds_left = WHOLE_EVERY
            return [*PARTS]
        self._rounds_left -= 1
        if rests(last):
            return ["page"]
        # A page may lag behind its jobs.
        is_late = not any(map(is_moving, last["jobs"]))
        wants_page = self._has_moved or is_late or self._rounds_left % PAGE_EVERY == 0
        return ["page"] * wants_page + ["jobs"] + ["bridges"] * bool(last["bridges"])

    async def _parts(self, scope: CallScope, pipeline_id: int, names: list[str]) -> dict[str, Any]:
        """Parts of the pipeline, read side by side; an exception stands for one that failed."""
        reads: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
            "page": lambda: self._read(
                ("pipeline",), lambda: self.client.pipeline(scope, self.project, pipeline_id)
            ),
            "jobs": lambda: self._list("jobs", lambda n: self._jobs_page(scope, pipeline_id, n)),
            "bridges": lambda: self._list(
                "bridges", lambda n: self._bridges_page(scope, pipeline_id, n)
            ),
        }
        found = await asyncio.gather(*(reads[name]() for name in names), return_exceptions=True)
        return dict(zip(names, found, strict=True))

    async def _poll_jobs(self, scope: CallScope, found: Round, pipeline_id: int) -> None:
        """The watched jobs, by the list where that is fewer calls."""
        wanted = list(self.jobs)
        if len(wanted) >= max(FOLD_FROM, self._pages + 1):
            try:
                jobs = await self._list(
                    "jobs", lambda n: self._jobs_page(scope, pipeline_id, n), wanted=set(wanted)
                )
            except LASTING as error:
                # A caller may see a job and not the list.
                if isinstance(error, Unauthenticated):
                    self._fail(error, found)
                    return
            else:
                wanted = self._show(found, jobs)
        await self._poll_singly(scope, found, wanted)

    async def _poll_singly(self, scope: CallScope, found: Round, wanted: list[int]) -> None:
        reads = [self._poll_job(scope, found, job_id) for job_id in wanted]
        for error in await asyncio.gather(*reads, return_exceptions=True):
            if isinstance(error, UpstreamError):
                found.fault = without_frames(error)
            elif error is not None:
                raise error

    async def _poll_job(self, scope: CallScope, found: Round, job_id: int) -> None:
        try:
            job = await self._read(
                ("job", job_id), lambda: self.client.job(scope, self.project, job_id)
            )
        except Unauthenticated as error:
            self._fail(error, found)
        except LASTING as error:
            if job_id in self.jobs:
                self.jobs[job_id].tell(without_frames(error), is_last=True)
        else:
            self._show(found, [job])

    def _show(self, found: Round, jobs: list[Job]) -> list[int]:
        """Tell of those that are watched; the ids of watched ones that are not among them."""
        shown = {job.id: job for job in jobs if job.id in self.jobs}
        for job_id, job in shown.items():
            found.changed |= self.jobs[job_id].show(job)
        return [job_id for job_id in self.jobs if job_id not in shown]

    def _fail(self, error: BaseException, found: Round) -> None:
        """A part of a round failed: for good, or for now."""
        if not isinstance(error, UpstreamError):
            raise error
        if not isinstance(error, LASTING):
            found.fault = without_frames(error)
            return
        self.followers.tell(without_frames(error), is_last=True)
        if isinstance(error, Unauthenticated):
            for listeners in self.jobs.values():
                listeners.tell(error, is_last=True)

    # -- reads -----------------------------------------------------------------------------------

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
            self._tags.clear()
            raise
        return value

    async def _list(
        self,
        name: str,
        page_at: Callable[[int], Coroutine[Any, Any, OffsetPage[R]]],
        *,
        wanted: set[int] | None = None,
    ) -> list[R]:
        """The rows of a list: all of them, or from the top as long as that finds `wanted` ones in
        fewer calls than single reads.
        """
        first = await self._read((name, 1), lambda: page_at(1))
        pages = min(MAX_PAGES, math.ceil((first.total or 0) / MAX_PER_PAGE))
        if first.total is None and first.next_page is not None:
            pages = MAX_PAGES
        if name == "jobs":
            self._pages = pages
        rows = _readable(first)
        if wanted is not None:
            wanted -= {row.id for row in rows}
            if len(wanted) < pages - 1:
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
        return self.client.pipeline_jobs_page(
            scope, self.project, pipeline_id, page=number, per_page=MAX_PER_PAGE
        )

    def _bridges_page(
        self, scope: CallScope, pipeline_id: int, number: int
    ) -> Coroutine[Any, Any, OffsetPage[Bridge]]:
        return self.client.bridges_page(
            scope, self.project, pipeline_id, page=number, per_page=MAX_PER_PAGE
        )


def _readable(page: OffsetPage[R]) -> list[R]:
    return [row for row in page.items if not isinstance(row, UpstreamInvalid)]


def pipeline_of(poller: PipelinePoller) -> tuple[ProjectKey, int] | None:
    """The pipeline that a poller's rounds have told, its project by number where the upstream tells
    it; None while they have not.
    """
    states: list[Pipeline | None] = [poller.followers.state]
    states += [one.state.pipeline if one.state else None for one in poller.jobs.values()]
    for pipeline in states:
        if pipeline is not None and poller.pipeline_id in {None, pipeline.id}:
            return (pipeline.project, pipeline.id)
    return None
