"""What a round of a pipeline reads: as little as tells of a change.

Of a pipeline that is watched whole its page, its jobs and its bridges are read side by side, and
after that what may tell of a change: of a running one the lists, of one that waits for somebody its
page, since whatever starts changes that. Once something has moved all is read.

Watched jobs are read off the list where that takes fewer calls than reading each; jobs that the
list does not show are read singly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field

from gateway.errors import Unauthenticated
from gateway.frames import without_frames
from gateway.watch.changes import has_moved, is_moving, rests
from gateway.watch.poller import LASTING

if TYPE_CHECKING:
    from collections.abc import Collection

    from gateway.upstream.entities import Job
    from gateway.upstream.scope import CallScope
    from gateway.watch.pipeline_reads import PipelineReads

__all__ = ["ALL", "PARTS", "SINGLY", "TOP", "PipelineReading", "PipelineRounds", "missing"]

# From so many watched jobs on a page of the list is no dearer than reading them singly.
FOLD_FROM: Final = 4
# Rounds after which all is read whatever was seen: ten minutes of a pipeline that waits.
WHOLE_EVERY: Final = 40
# A running pipeline's page tells little that its lists do not: it is read each sixth time.
PAGE_EVERY: Final = 6
PARTS: Final = ("page", "jobs", "bridges")
# What of a pipeline a round reads: all its parts; the list of jobs; that list's first page; or jobs
# singly. What the list does not show is read singly as well.
ALL: Final = "all"
LIST: Final = "list"
TOP: Final = "top"
SINGLY: Final = "singly"


class PipelineReading(Struct):
    """What a round has read: of the whole pipeline its parts, of watched jobs that are read off the
    list that one; and jobs that were read singly. An error stands for what failed.
    """

    parts: dict[str, Any] = field(default_factory=dict)
    jobs: dict[int, Any] = field(default_factory=dict)
    extent: str = SINGLY
    # Was it only read as far as it may have changed?
    is_partial: bool = False


class PipelineRounds:
    """Rounds of one poller. `watched` are the ids of the jobs that are wanted, as they are at each
    moment.
    """

    def __init__(self, reads: PipelineReads, watched: Collection[int]) -> None:
        self._reads = reads
        self._watched = watched
        # The parts of the whole pipeline, as they were read last; None where all must be read.
        self._last: dict[str, Any] | None = None
        self._has_moved = False
        self._rounds_left = 0
        # How often what is known was given up: a round that is under way may be too early.
        self._given_up = 0

    @property
    def is_running(self) -> bool:
        """Is the whole pipeline known to be running?"""
        return self._last is not None and not rests(self._last)

    def give_up(self) -> None:
        """Take nothing for known any more: the next round reads all."""
        self._given_up += 1
        self._last = None

    async def whole(self, scope: CallScope, pipeline_id: int) -> PipelineReading:
        """The pipeline's page, its jobs and its bridges, as far as they may have changed."""
        given_up, last = self._given_up, self._last
        asked = self._asked_first(last)
        parts = await self._reads.parts(scope, pipeline_id, asked)
        self._has_moved = last is None or any(has_moved(last[name], parts[name]) for name in asked)
        if last is not None and self._has_moved:
            rest = [
                name for name in PARTS if name not in asked and (name != "bridges" or last[name])
            ]
            parts |= await self._reads.parts(scope, pipeline_id, rest)
        reading = PipelineReading(
            {**(last or {}), **parts}, extent=ALL, is_partial=last is not None
        )
        self._last = None
        if not isinstance(reading.parts["jobs"], BaseException):
            lacking = missing(self._watched, reading.parts["jobs"])
            reading.jobs = await self._reads.singly(scope, lacking)
        is_whole = not any(isinstance(part, BaseException) for part in reading.parts.values())
        if is_whole and given_up == self._given_up:
            self._last = reading.parts
        return reading

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

    async def jobs(self, scope: CallScope, pipeline_id: int) -> PipelineReading:
        """The watched jobs, by the list where that is fewer calls."""
        wanted, reading = list(self._watched), PipelineReading()
        if len(wanted) >= max(FOLD_FROM, self._reads.pages + 1):
            try:
                jobs = await self._reads.jobs(scope, pipeline_id, wanted=set(wanted))
            except LASTING as error:
                # A caller may see a job and not the list.
                if isinstance(error, Unauthenticated):
                    return PipelineReading({"jobs": without_frames(error)}, extent=TOP)
            else:
                reading.parts, reading.extent = {"jobs": jobs}, TOP if self._reads.is_cut else LIST
                wanted = missing(self._watched, jobs)
        reading.jobs = await self._reads.singly(scope, wanted)
        return reading


def missing(watched: Collection[int], jobs: list[Job]) -> list[int]:
    """The watched jobs that are not among these."""
    shown = {job.id for job in jobs}
    return [job_id for job_id in watched if job_id not in shown]
