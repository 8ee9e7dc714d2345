"""The poller of a pipeline: of all its jobs that somebody watches, and of the pipeline itself.

Polls fold as reads do (architecture.md, folding): what is watched of one pipeline is read together,
and as little of it as tells of a change (`pipeline_rounds`).

A job whose pipeline is not known yet has a poller of its own. Its first round tells the pipeline,
and the poller then becomes that pipeline's, or hands its listeners over to it.

Who reads for other replicas, too, reads as if their listeners were its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct, field

from gateway.errors import Unauthenticated, UpstreamError
from gateway.frames import without_frames
from gateway.watch.listeners import JobListeners, PipelineListeners
from gateway.watch.pipeline_reads import PipelineReads
from gateway.watch.pipeline_rounds import (
    ALL,
    PARTS,
    SINGLY,
    TOP,
    PipelineReading,
    PipelineRounds,
    missing,
)
from gateway.watch.poller import LASTING, Poller, Round
from gateway.watch.retelling import NotTold, RoundScope, Told, ToldError, index_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.upstream.credential import Credential
    from gateway.upstream.entities import Job, Pipeline, ProjectKey
    from gateway.watch.feed import ChangeFeed, Feed
    from gateway.watch.poller import Part, Tellings
    from gateway.watch.retelling import Tellable
    from gateway.watch.surroundings import Surroundings

__all__ = ["PipelinePoller", "pipeline_of"]

# While it runs the next round comes so soon, with its jitter within 5 s.
RUNNING_S: Final = 4.5


class Wants(Struct, array_like=True):
    """What is wanted of a pipeline: all of it, and jobs."""

    all: bool = False
    jobs: set[int] = field(default_factory=set)


_encode = msgspec.msgpack.Encoder().encode
_told_in = msgspec.msgpack.Decoder(Told).decode
_wants_in = msgspec.msgpack.Decoder(Wants).decode


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
        self._reads = PipelineReads(self.client, project, self._forget)
        self._reader = PipelineRounds(self._reads, self.jobs.keys())
        # What other replicas want, where this one reads for them.
        self._others = Wants()
        # What was told to them, or by them, by target.
        self._told: dict[str, Tellable] = {}

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
        taken = other._feeds()
        for job_id, listeners in other.jobs.items():
            self.jobs.setdefault(job_id, JobListeners()).take(listeners)
        self.followers.take(other.followers)
        self.wake(at_once=not self.is_fresh)
        for feed in taken:
            feed.leave = self._left
            self.start(feed)

    def _listen(self, feed: Feed[Any]) -> None:
        feed.leave = self._left
        if not feed.has_begun:
            self.wake(at_once=True, good_s=self.around.pacing.least_s)
        self.start(feed)

    def _left(self) -> None:
        """Somebody has left: their feed is closed."""
        self.followers.feeds = [feed for feed in self.followers.feeds if not feed.is_closed]
        for listeners in self.jobs.values():
            listeners.feeds = [feed for feed in listeners.feeds if not feed.is_closed]
        self._tidy()
        self.check()

    def wake(self, *, at_once: bool, good_s: float = 0.0, since: float | None = None) -> None:
        # Nobody knows what of it has changed.
        self._reader.give_up()
        super().wake(at_once=at_once, good_s=good_s, since=since)

    def most_pause_s(self) -> float:
        most_s = super().most_pause_s()
        is_running = self._is_whole and self._reader.is_running
        return min(RUNNING_S, most_s) if is_running else most_s

    def _feeds(self) -> list[Feed[Any]]:
        return [*self.followers.feeds, *(feed for one in self.jobs.values() for feed in one.feeds)]

    def _tidy(self) -> None:
        """Forget jobs that nobody listens to."""
        for job_id in [job_id for job_id, one in self.jobs.items() if not one.feeds]:
            if job_id in self._others.jobs:
                continue
            del self.jobs[job_id]
            self._reads.forget_job(job_id)
        if not self._is_whole:
            self.followers = PipelineListeners()

    def _forget(self) -> None:
        """With what is forgotten no answer may be "not modified"."""
        self._tags.clear()
        self._told.clear()

    @property
    def _is_whole(self) -> bool:
        """Does anybody want all of the pipeline?"""
        return bool(self.followers.feeds) or self._others.all

    # -- rounds ----------------------------------------------------------------------------------

    async def read(self, scope: RoundScope) -> PipelineReading:
        if self.pipeline_id is None:
            return PipelineReading(jobs=await self._reads.singly(scope, self.jobs))
        if self._is_whole:
            return await self._reader.whole(scope, self.pipeline_id)
        return await self._reader.jobs(scope, self.pipeline_id)

    def show(self, reading: PipelineReading, found: Round) -> None:
        parts = reading.parts
        jobs = parts.get("jobs", [])
        if not isinstance(jobs, BaseException):
            self._show(found, jobs)
        for job_id, job in reading.jobs.items():
            self._show_single(found, job_id, job)
        self._show_parts(found, parts)
        self.around.settle(self)
        self._tidy()

    def _show_parts(self, found: Round, parts: dict[str, Any]) -> None:
        for name in PARTS:
            if isinstance(parts.get(name), BaseException):
                self._fail(parts[name], found)
                return
        if "page" in parts:
            found.changed |= self.followers.show(parts["page"], [*parts["jobs"], *parts["bridges"]])

    def _show_single(self, found: Round, job_id: int, job: Job | UpstreamError) -> None:
        if not isinstance(job, UpstreamError):
            self._show(found, [job])
        elif isinstance(job, Unauthenticated):
            self._fail(job, found)
        elif not isinstance(job, LASTING):
            found.fault = job
        elif job_id in self.jobs:
            self.jobs[job_id].tell(job, is_last=True)

    # -- among replicas --------------------------------------------------------------------------

    @property
    def subject_name(self) -> str:
        return f"pipeline {self.key[1:]}"

    def wants(self) -> bytes:
        jobs = {job_id for job_id, one in self.jobs.items() if one.feeds}
        return _encode(Wants(bool(self.followers.feeds), jobs))

    def hear_wants(self, wants: Sequence[bytes]) -> None:
        others = [_wants_in(one) for one in wants]
        were_all = self._is_whole
        self._others = Wants(
            any(one.all for one in others), set().union(*(one.jobs for one in others))
        )
        if self._is_whole and not were_all:
            self._reader.give_up()
        for job_id in self._others.jobs:
            self.jobs.setdefault(job_id, JobListeners())
        self._tidy()
        if not self._told:
            # What has not been modified could not be told.
            self._tags.clear()

    def forget_told(self) -> None:
        self._told.clear()

    def told(
        self,
        scope: RoundScope,
        number: int,
        reading: PipelineReading | None,
        fault: UpstreamError | None,
    ) -> Tellings:
        told, new = index_of(number, scope.outcomes, self._told)
        if reading is None:
            told.parts.clear()
            told.fault = None if fault is None else ToldError.of(fault)
        else:
            told.extent = reading.extent
            if not reading.is_partial:
                for target in told.parts.keys() - scope.outcomes.keys():
                    del told.parts[target], self._told[target]
                    self._tags.pop(target, None)
        return _encode(told), new, [one.name for one in self._told.values()]

    async def take_in(
        self, index: bytes, part: Part
    ) -> tuple[PipelineReading | None, UpstreamError | None]:
        try:
            told = _told_in(index)
        except msgspec.MsgspecError:
            # By another version of this.
            raise NotTold from None
        # The next time that it reads all is new, and as its own listeners want it.
        self._others = Wants()
        self._reader.give_up()
        self._tags.clear()
        self._tidy()
        if told.fault is not None:
            return None, told.fault.again()
        scope = self.scope()
        scope.retold, scope.part, scope.known = told, part, self._told
        reading = PipelineReading(await self._told_parts(scope, told.extent))
        jobs = reading.parts.get("jobs", [])
        if not isinstance(jobs, UpstreamError):
            reading.jobs = await self._reads.singly(scope, missing(self.jobs, jobs))
        return reading, None

    async def _told_parts(self, scope: RoundScope, extent: str) -> dict[str, Any]:
        """Those of the parts that were told which somebody listens to."""
        pipeline_id = self.pipeline_id
        if self.followers.feeds and extent != ALL:
            raise NotTold
        if pipeline_id is None or extent == SINGLY:
            return {}
        if extent == TOP:
            try:
                return {"jobs": await self._reads.top(scope, pipeline_id)}
            except UpstreamError as error:
                return {"jobs": without_frames(error)}
        return await self._reads.parts(
            scope, pipeline_id, PARTS if self.followers.feeds else ["jobs"]
        )

    def tell_fault(self, fault: UpstreamError) -> None:
        self.followers.tell(fault, is_last=False)
        for listeners in self.jobs.values():
            listeners.tell(fault, is_last=False)

    def end(self) -> None:
        for feed in self._feeds():
            feed.end()

    def _show(self, found: Round, jobs: list[Job]) -> None:
        """Tell of those that are watched."""
        for job_id, job in {job.id: job for job in jobs if job.id in self.jobs}.items():
            found.changed |= self.jobs[job_id].show(job)

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
