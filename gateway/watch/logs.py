"""The poller of a log: of its new bytes, where the upstream sends parts of logs.

It follows the job as well, through the job's own poller: what is read once the job has finished is
the end of the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import GatewayError, RequestRefused, UpstreamError
from gateway.frames import without_frames
from gateway.upstream.calls import NotModified
from gateway.upstream.logs.pieces import BEFORE_BYTES
from gateway.upstream.logs.ranges import find_out_ranges
from gateway.upstream.statuses import FINISHED
from gateway.watch.feed import Feed
from gateway.watch.pipelines import LASTING
from gateway.watch.poller import Poller, Round
from gateway.watch.tape import LogEvent, Tape, TapeReader

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from gateway.upstream.credential import Credential
    from gateway.upstream.entities import Job, ProjectKey
    from gateway.upstream.scope import CallScope
    from gateway.watch.surroundings import Surroundings

__all__ = ["LogFollower", "LogPoller"]

# A log of so few bytes is read from its start, wherever its reader begins.
FROM_START_BYTES: Final = 65_536
# A reader that takes nothing for so long, while the tape is full, is cut off.
STALL_S: Final = 10.0
# A line that has not ended is shown after so many rounds without a byte.
STILL_ROUNDS: Final = 2
# Where the upstream sends whole logs only, a long one is asked for less often.
WHOLE_BYTES_PER_S: Final = 1_000_000


class LogPoller(Poller):
    """Polls the log of one job from a position on."""

    def __init__(
        self,
        around: Surroundings,
        credential: Credential | None,
        project: ProjectKey,
        job_id: int,
        position: int,
    ) -> None:
        super().__init__(around, credential)
        self.project = project
        self.job_id = job_id
        start = position - BEFORE_BYTES
        self.tape = Tape(start if start >= FROM_START_BYTES else 0)
        self.status = StatusFeed(self._see)
        """Of the job; whoever makes the poller has it fed."""
        self.is_followed = False
        self._is_finished = False
        self._still_rounds = 0

    @property
    def is_wanted(self) -> bool:
        return bool(self.tape.readers)

    def read_from(self, position: int) -> TapeReader:
        """A reader of the log from a position on, which the tape covers."""
        reader = TapeReader(self.tape, position)
        reader.leave = self.check
        self.start()
        return reader

    def hand_over(self, leader: LogPoller) -> None:
        """Hand readers over to the poller that is further on, once its tape holds their place."""
        for reader in list(self.tape.readers):
            if leader.tape.covers(reader.position) and reader.position >= self.tape.end:
                self.tape.readers.remove(reader)
                leader.tape.readers.append(reader)
                reader.tape, reader.leave = leader.tape, leader.check
                reader.wake()
        self.check()

    async def poll(self, scope: CallScope, found: Round) -> None:
        was_finished, end = self._is_finished, self.tape.end
        try:
            await self._read(scope)
        except NotModified:
            pass
        except LASTING as error:
            self.tape.fail(without_frames(error), is_last=True)
            return
        except UpstreamError:
            self._tags.clear()
            found.changed = self.tape.end > end
            if not found.changed:
                raise
            # It goes on from there.
            return
        found.changed = self.tape.end > end
        if found.changed:
            # They were of other parts.
            self._tags.clear()
        self._still_rounds = 0 if found.changed else self._still_rounds + 1
        if self._still_rounds >= STILL_ROUNDS:
            self.tape.stand_still()
        if was_finished:
            self.tape.refuse_beyond()
            self.tape.finish()
        self.around.settle(self)

    def tell_fault(self, fault: UpstreamError) -> None:
        self.tape.fail(fault, is_last=False)

    def end(self) -> None:
        self.tape.finish()

    def further_pause_s(self) -> float:
        if self.client.log_ranges.are_honoured or self._is_finished:
            return 0.0
        return self.tape.end / WHOLE_BYTES_PER_S

    def stop(self) -> None:
        super().stop()
        self.status.close()

    async def _read(self, scope: CallScope) -> None:
        """Put on the tape what comes after it, to the log's end."""
        tape, ranges, job = self.tape, self.client.log_ranges, (self.project, self.job_id)
        if tape.end and ranges.are_honoured is None:
            await find_out_ranges(self.client, scope, *job)
        if tape.end and ranges.are_honoured:
            try:
                await self._take(scope, tape.end)
            except RequestRefused as refused:
                if refused.status != 400:
                    raise
                ranges.are_honoured = False
            else:
                return
        await self._take(scope, None)

    async def _take(self, scope: CallScope, offset: int | None) -> None:
        tape = self.tape
        skipped = 0 if offset else tape.end
        async with self.client.trace(
            scope, self.project, self.job_id, byte_offset=offset
        ) as streamed:
            async for chunk in streamed.chunks():
                new = chunk[skipped:]
                skipped -= len(chunk) - len(new)
                if new:
                    tape.add(new)
                if tape.is_full:
                    await tape.room(self._wait)

    async def _wait(self, event: asyncio.Event) -> bool:
        return await self.around.clock.wait(event, STALL_S)

    def _see(self, job: Job | GatewayError, *, is_last: bool) -> None:
        """Take in what the job's poller tells."""
        if isinstance(job, GatewayError):
            if is_last:
                self.tape.fail(job, is_last=True)
        elif job.status in FINISHED and not self._is_finished:
            self._is_finished = True
            self.wake(at_once=True)


class Tell(Protocol):
    """Is told a state or an error."""

    def __call__(self, job: Job | GatewayError, *, is_last: bool) -> None: ...


class StatusFeed(Feed["Job"]):
    """Tells what comes at once, instead of keeping it."""

    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell

    def _add(self, value: Job | GatewayError, *, is_last: bool) -> None:
        self._tell(value, is_last=is_last)


class LogFollower:
    """One listener of a log. It begins with the job, which tells where the log belongs; `begin`
    gives the reader then.
    """

    def __init__(self, job: Feed[Job], begin: Callable[[Job], TapeReader]) -> None:
        self._job: Feed[Job] | None = job
        self._begin = begin
        self._reader: TapeReader | None = None

    async def next(self) -> LogEvent | None:
        """The next piece or error; None once nothing more will come."""
        if self._job is not None:
            event = await self._job.next()
            if event is None:
                return None
            if isinstance(event.value, GatewayError):
                return LogEvent(event.value, event.is_last)
            self._reader = self._begin(event.value)
            job, self._job = self._job, None
            job.close()
        return None if self._reader is None else await self._reader.next()

    def close(self) -> None:
        """Listen no more."""
        if self._job is not None:
            self._job.close()
        if self._reader is not None:
            self._reader.close()
