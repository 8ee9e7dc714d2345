"""Live subjects: who wants to be told of a job, a pipeline or a log listens here.

    listener ──┐
    listener ──┼── feed ◄── poller ◄── upstream       one for each credential and subject
    listener ──┘

A poller starts with its first listener and stops with the last. Its subject is known by the
project's number: callers that name a project by its path find the same poller as those who name it
by number, once its path has been seen. Over all replicas that share one poller of a subject reads
(`together`).
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.team import News
from gateway.upstream.credential import owner_of
from gateway.watch.clock import Clock
from gateway.watch.feed import ChangeFeed, Feed
from gateway.watch.interval import Pacing
from gateway.watch.log_listeners import LogFollower
from gateway.watch.logs import LogPoller
from gateway.watch.pipelines import PipelinePoller, pipeline_of
from gateway.watch.retelling import Retelling
from gateway.watch.surroundings import Surroundings
from gateway.watch.together import Together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.upstream.client import Client
    from gateway.upstream.credential import Credential
    from gateway.upstream.entities import Job, ProjectKey
    from gateway.watch.poller import Poller
    from gateway.watch.sharing import Sharing
    from gateway.watch.tape import TapeReader

__all__ = ["Live"]

# Names of subjects, as callers gave them, that are remembered.
NAMES_KEPT: Final = 10_000


class Live:
    """All that is watched, over one client. `aclose` it in the end. `tell` is given what this is
    told of, for other workers, whose listeners are told by `hear`. With `sharing` replicas share
    what they poll, and such news.
    """

    def __init__(
        self,
        client: Client,
        *,
        pacing: Pacing | None = None,
        clock: Clock | None = None,
        poll_timeout_s: float = 30.0,
        rounds_at_once: int = 4,
        tell: Callable[[News], object] | None = None,
        sharing: Sharing | None = None,
    ) -> None:
        self._around = Surroundings(
            client if sharing is None else client.through(Retelling),
            clock or Clock(),
            pacing or Pacing(),
            forget=self._forget,
            settle=self._settle,
            poll_timeout_s=poll_timeout_s,
            rounds_at_once=rounds_at_once,
            together=None if sharing is None else partial(Together, sharing),
        )
        self._tell = tell
        self._sharing = sharing
        if sharing is not None:
            sharing.on_news(self.hear)
            sharing.on_return(self._look_all)
        self._pipelines: dict[tuple[object, ...], PipelinePoller] = {}
        self._logs: dict[tuple[object, ...], list[LogPoller]] = {}
        # What a name turned out to stand for: project by number, and pipeline.
        self._names: OrderedDict[tuple[object, ...], tuple[ProjectKey, int]] = OrderedDict()

    def __len__(self) -> int:
        """How many pollers there are."""
        return len(self._pipelines) + sum(map(len, self._logs.values()))

    @property
    def pollers(self) -> list[Poller]:
        """Those that run."""
        return [*self._pipelines.values(), *(one for some in self._logs.values() for one in some)]

    def job(
        self,
        credential: Credential | None,
        project: ProjectKey,
        job_id: int,
        pipeline_id: int | None = None,
    ) -> Feed[Job]:
        """The job as it is, then each of its states, until it has finished."""
        feed: Feed[Job] = Feed()
        self._listen_to_job(feed, credential, project, job_id, pipeline_id)
        return feed

    def pipeline(
        self, credential: Credential | None, project: ProjectKey, pipeline_id: int
    ) -> ChangeFeed:
        """The pipeline with all its jobs and bridges, then its changes, until it has finished."""
        feed = ChangeFeed()
        owner = owner_of(credential)
        project, _ = self._names.get((owner, project, "pipeline", pipeline_id), (project, 0))
        self._poller_of(credential, project, pipeline_id, ()).listen_to_all(feed)
        return feed

    def log(
        self,
        credential: Credential | None,
        project: ProjectKey,
        job_id: int,
        pipeline_id: int | None = None,
        *,
        from_byte: int = 0,
    ) -> LogFollower:
        """The log from a position on, as it grows, until the job has finished."""

        def begin(job: Job) -> TapeReader:
            known = job.pipeline
            number = project if known is None else known.project
            poller = self._log_poller(credential, number, job_id, from_byte)
            if not poller.is_followed:
                poller.is_followed = True
                pipeline = pipeline_id if known is None else known.id
                self._listen_to_job(poller.status, credential, number, job_id, pipeline)
            return poller.read_from(from_byte)

        return LogFollower(self.job(credential, project, job_id, pipeline_id), begin)

    def wake(
        self, *, pipeline_id: int | None = None, job_ids: Iterable[int] = (), at_once: bool = False
    ) -> None:
        """Poll these soon, for whomever: something has happened to them. `at_once` is for what is
        known to have happened; else no interval gets shorter than the smallest.
        """
        news = News(pipeline_id, tuple(job_ids), at_once)
        # Workers are replicas, too, and should not hear it twice.
        is_told = self._sharing is not None and self._sharing.tell(news)
        if self._tell is not None and not is_told:
            self._tell(news)
        self.hear(news)

    def hear(self, news: News, since: float | None = None) -> None:
        """As `wake`, of what another worker was told of; or another replica, and when that was by
        the store's clock.
        """
        pipeline_id, touched, at_once = news.pipeline_id, set(news.job_ids), news.at_once
        for pipeline in list(self._pipelines.values()):
            if pipeline.pipeline_id == pipeline_id is not None or not touched.isdisjoint(
                pipeline.jobs
            ):
                pipeline.wake(at_once=at_once, since=since)
        for logs in self._logs.values():
            for log in logs:
                if log.job_id in touched:
                    log.wake(at_once=at_once, since=since)

    async def aclose(self) -> None:
        """Stop all pollers, and tell listeners that nothing more will come."""
        pollers = self.pollers
        for poller in pollers:
            poller.end()
            poller.stop()
        for poller in pollers:
            await poller.closed()

    # -- how -------------------------------------------------------------------------------------

    def _look_all(self) -> None:
        """Others may have told something that was not heard."""
        self._around.returned_at = self._around.clock.now()
        for poller in self.pollers:
            poller.wake(at_once=False)

    def _listen_to_job(
        self,
        feed: Feed[Job],
        credential: Credential | None,
        project: ProjectKey,
        job_id: int,
        pipeline_id: int | None,
    ) -> None:
        named = self._names.get((owner_of(credential), project, job_id))
        if named is not None:
            project, pipeline_id = named
        poller = self._poller_of(credential, project, pipeline_id or None, (job_id,))
        poller.listen_to_job(job_id, feed)

    def _poller_of(
        self,
        credential: Credential | None,
        project: ProjectKey,
        pipeline_id: int | None,
        alone: tuple[int, ...],
    ) -> PipelinePoller:
        """The poller of a pipeline; of a job `alone`, where nobody knows its pipeline."""
        key = (owner_of(credential), project, pipeline_id, *(() if pipeline_id else alone))
        poller = self._pipelines.get(key)
        if poller is None:
            poller = PipelinePoller(self._around, credential, project, pipeline_id)
            poller.key = key
            self._pipelines[key] = poller
        return poller

    def _log_poller(
        self, credential: Credential | None, project: ProjectKey, job_id: int, position: int
    ) -> LogPoller:
        """A poller whose tape holds a position, or comes to it."""
        key = (owner_of(credential), project, job_id)
        pollers = self._logs.setdefault(key, [])
        for poller in pollers:
            if poller.tape.covers(position):
                return poller
        poller = LogPoller(self._around, credential, project, job_id, position)
        poller.key = key
        pollers.append(poller)
        return poller

    def _forget(self, poller: Poller) -> None:
        if isinstance(poller, LogPoller):
            pollers = self._logs.get(poller.key, [])
            if poller in pollers:
                pollers.remove(poller)
            if not pollers:
                self._logs.pop(poller.key, None)
        elif self._pipelines.get(poller.key) is poller:
            del self._pipelines[poller.key]

    def _settle(self, poller: Poller) -> None:
        """Bring pollers of one subject together."""
        if isinstance(poller, LogPoller):
            pollers = self._logs.get(poller.key, [])
            leader = max(pollers, key=lambda one: one.tape.end, default=poller)
            if leader is not poller:
                poller.hand_over(leader)
        elif isinstance(poller, PipelinePoller):
            named = pipeline_of(poller)
            if named is not None:
                self._settle_pipeline(poller, *named)

    def _settle_pipeline(
        self, poller: PipelinePoller, project: ProjectKey, pipeline_id: int
    ) -> None:
        owner = owner_of(poller.credential)
        key = (owner, project, pipeline_id)
        if poller.key == key:
            return
        for job_id in poller.jobs:
            self._remember((owner, poller.project, job_id), project, pipeline_id)
        self._remember((owner, poller.project, "pipeline", pipeline_id), project, pipeline_id)
        self._forget(poller)
        other = self._pipelines.get(key)
        if other is not None:
            other.take(poller)
            return
        poller.key, poller.project, poller.pipeline_id = key, project, pipeline_id
        self._pipelines[key] = poller

    def _remember(self, name: tuple[object, ...], project: ProjectKey, pipeline_id: int) -> None:
        self._names[name] = (project, pipeline_id)
        if len(self._names) > NAMES_KEPT:
            self._names.popitem(last=False)
