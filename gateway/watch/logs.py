"""The poller of a log: of its new bytes, where the upstream sends parts of logs. A little of what
is known already is asked for with them, so that each answer shows where in the log it begins.

It follows the job as well, through the job's own poller: what is read once the job has finished is
the end of the log.

Who reads for other replicas, too, tells them the last bytes of the log. One that needs earlier ones
reads itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct, field

from gateway.errors import GatewayError, RequestRefused, UpstreamError
from gateway.frames import without_frames
from gateway.upstream.calls import NotModified
from gateway.upstream.log_ranges import HEAD_BYTES
from gateway.upstream.logs.origin import Origin, SeenOfLog, find_origin
from gateway.upstream.logs.pieces import BEFORE_BYTES
from gateway.upstream.logs.ranges import read_head
from gateway.upstream.statuses import FINISHED
from gateway.watch.log_listeners import StatusFeed
from gateway.watch.poller import LASTING, Poller, Round
from gateway.watch.retelling import NotTold, ToldError
from gateway.watch.tape import Tape, TapeReader

if TYPE_CHECKING:
    import asyncio

    from gateway.upstream.credential import Credential
    from gateway.upstream.entities import Job, ProjectKey
    from gateway.upstream.scope import CallScope
    from gateway.watch.poller import Part, Tellings
    from gateway.watch.retelling import RoundScope
    from gateway.watch.sharing import Look
    from gateway.watch.surroundings import Surroundings

__all__ = ["LogPoller"]

# A log of so few bytes is read from its start, wherever its reader begins.
FROM_START_BYTES: Final = 65_536
# A reader that takes nothing for so long, while the tape is full, is cut off.
STALL_S: Final = 10.0
# A line that has not ended is shown after so many rounds without a byte.
STILL_ROUNDS: Final = 2
# Where the upstream sends whole logs only, a long one is asked for less often.
WHOLE_BYTES_PER_S: Final = 1_000_000
# Of a log's last bytes so many are told to other replicas.
TOLD_BYTES: Final = 262_144


class Reading(Struct):
    """What came of a round: whether there were new bytes, whether that was the end of the log, and
    an error after which nobody needs to ask again.
    """

    has_grown: bool = False
    is_end: bool = False
    error: UpstreamError | None = None
    was_cut: bool = False


class Stretch(Struct, array_like=True):
    """Bytes of a log from one position to another, in the part of this name."""

    start: int
    end: int
    name: str


class ToldLog(Struct, array_like=True):
    """The index of a round: where the log's last bytes are, one stretch after the other up to an
    `end`; whether that is the log's; and why there is nothing, for now or for good.
    """

    stretches: list[Stretch] = field(default_factory=list)
    end: int = 0
    is_end: bool = False
    fault: ToldError | None = None
    error: ToldError | None = None


_encode = msgspec.msgpack.Encoder().encode
_told_in = msgspec.msgpack.Decoder(ToldLog).decode


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
        self._came_whole = False
        self._still_rounds = 0
        self._stretches: list[Stretch] = []

    @property
    def is_wanted(self) -> bool:
        return bool(self.tape.readers)

    def read_from(self, position: int) -> TapeReader:
        """A reader of the log from a position on, which the tape covers."""
        reader = TapeReader(self.tape, position)
        reader.leave = self.check
        self.start(reader)
        return reader

    def hand_over(self, leader: LogPoller) -> None:
        """Hand readers over to the poller that is further on, once its tape holds their place."""
        for reader in list(self.tape.readers):
            if leader.tape.covers(reader.position) and reader.position >= self.tape.end:
                self.tape.readers.remove(reader)
                leader.tape.readers.append(reader)
                reader.tape, reader.leave = leader.tape, leader.check
                leader.start(reader)
                reader.wake()
        self.check()

    async def read(self, scope: RoundScope) -> Reading:
        """What is new is on the tape when this returns."""
        was_finished, end = self._is_finished, self.tape.end
        try:
            await self._read(scope)
        except NotModified:
            pass
        except LASTING as error:
            return Reading(error=without_frames(error))
        except UpstreamError:
            self._tags.clear()
            if self.tape.end == end:
                raise
            # It goes on from there.
            return Reading(has_grown=True, was_cut=True)
        return Reading(self.tape.end > end, was_finished)

    def show(self, reading: Reading, found: Round) -> None:
        if reading.error is not None:
            self.tape.fail(reading.error, is_last=True)
            return
        found.changed = reading.has_grown
        if reading.was_cut:
            return
        if reading.has_grown:
            # They were of other parts.
            self._tags.clear()
        self._still_rounds = 0 if reading.has_grown else self._still_rounds + 1
        if self._still_rounds >= STILL_ROUNDS:
            self.tape.stand_still()
        if reading.is_end:
            self.tape.refuse_beyond()
            self.tape.finish()
        self.around.settle(self)

    # -- among replicas --------------------------------------------------------------------------

    @property
    def subject_name(self) -> str:
        return f"log {self.key[1:]}"

    def told(
        self,
        scope: RoundScope,  # noqa: ARG002 - its call is a stream, which is on the tape
        number: int,
        reading: Reading | None,
        fault: UpstreamError | None,
    ) -> Tellings:
        told, new = ToldLog(), {}
        if reading is None:
            told.fault = None if fault is None else ToldError.of(fault)
        else:
            told.is_end = reading.is_end
            told.error = None if reading.error is None else ToldError.of(reading.error)
            new = self._told_bytes(f"{number}")
        told.stretches, told.end = self._stretches, self.tape.end
        return _encode(told), new, [one.name for one in self._stretches]

    def _told_bytes(self, name: str) -> dict[str, bytes]:
        """The bytes that were not told yet, by the name under which they will be."""
        tape, stretches = self.tape, self._stretches
        told_to = stretches[-1].end if stretches else 0
        start = max(told_to, tape.start, tape.end - TOLD_BYTES)
        if start >= tape.end:
            return {}
        if start > told_to:
            # They do not follow on what was told.
            stretches.clear()
        stretches.append(Stretch(start, tape.end, name))
        while len(stretches) > 1 and tape.end - stretches[1].start >= TOLD_BYTES:
            del stretches[0]
        return {name: tape.between(start, tape.end)}

    async def take_in(
        self, index: bytes, part: Part
    ) -> tuple[Reading | None, UpstreamError | None]:
        try:
            told = _told_in(index)
        except msgspec.MsgspecError:
            # By another version of this.
            raise NotTold from None
        if told.error is not None:
            return Reading(error=told.error.again()), None
        tape, end = self.tape, self.tape.end
        for stretch in told.stretches:
            if stretch.end > tape.end:
                await self._take_in(stretch, part)
        self._stretches = told.stretches
        if told.fault is not None:
            return None, told.fault.again()
        if tape.end < told.end:
            raise NotTold
        return Reading(tape.end > end, told.is_end), None

    async def _take_in(self, stretch: Stretch, part: Part) -> None:
        skipped = self.tape.end - stretch.start
        if skipped < 0:
            raise NotTold
        data = await part(stretch.name)
        if data is None:
            raise NotTold
        await self._put(data, skipped)

    def goes_alone(self, look: Look) -> bool:
        # A reader that holds up another replica's tape, or a long log, holds up nobody here.
        return (look.under_way_s or 0.0) > self.around.pacing.least_s

    def tell_fault(self, fault: UpstreamError) -> None:
        self.tape.fail(fault, is_last=False)

    def end(self) -> None:
        self.tape.finish()

    def further_pause_s(self) -> float:
        if self._came_whole and not self._is_finished:
            return self.tape.end / WHOLE_BYTES_PER_S
        return 0.0

    def stop(self) -> None:
        super().stop()
        self.status.close()

    async def _read(self, scope: CallScope) -> None:
        """Put on the tape what comes after it, to the log's end."""
        seen, position, doubted = await self._seen(scope), self.tape.end, b""
        if seen is not None:
            try:
                doubted = await self._read_part(scope, seen)
            except RequestRefused as refused:
                if refused.status != 400:
                    raise
                self.client.log_ranges.note_refused()
            else:
                if not doubted:
                    return
        await self._read_whole(scope)
        if doubted and self.tape.between(position, position + len(doubted)) != doubted:
            self.client.log_ranges.note_ignored()

    async def _seen(self, scope: CallScope) -> SeenOfLog | None:
        """What is known of the log where its new bytes are to be asked for; None where it is to be
        read from its start.
        """
        tape, ranges = self.tape, self.client.log_ranges
        if tape.end <= HEAD_BYTES or ranges.are_refused:
            return None
        last = tape.last(HEAD_BYTES)
        if not tape.head:
            if not last and ranges.are_ignored:
                return None
            tape.head = await read_head(self.client, scope, self.project, self.job_id)
        if len(tape.head) < HEAD_BYTES:
            # It has no more, or is not told.
            tape.head = b""
            return None
        if last == tape.head[: len(last)]:
            # A log that repeats itself differs from its beginning one byte further on.
            last = last[1:]
        return SeenOfLog(tape.head, last, tape.end if last else HEAD_BYTES)

    async def _read_part(self, scope: CallScope, seen: SeenOfLog) -> bytes:
        """Ask for what follows, and for the bytes before it that are known. Gives the beginning of
        an answer that does not show where it begins, and nothing where all is well.
        """
        tape, ranges = self.tape, self.client.log_ranges
        offset = tape.end - len(seen.at_position)
        async with self.client.trace(
            scope, self.project, self.job_id, byte_offset=offset
        ) as streamed:
            chunks = streamed.chunks()
            origin, held = await find_origin(streamed, chunks, seen)
            if origin is Origin.UNTOLD:
                # Where less than is known came, nothing is new.
                return b"" if seen.at_position.startswith(held) else held[:HEAD_BYTES]
            self._came_whole = origin is Origin.START
            if self._came_whole:
                ranges.note_ignored()
            else:
                ranges.note_honoured()
            skipped = tape.end - (0 if self._came_whole else offset)
            skipped = await self._put(held, skipped)
            async for chunk in chunks:
                skipped = await self._put(chunk, skipped)
        return b""

    async def _read_whole(self, scope: CallScope) -> None:
        self._came_whole = True
        skipped = self.tape.end
        async with self.client.trace(scope, self.project, self.job_id) as streamed:
            async for chunk in streamed.chunks():
                skipped = await self._put(chunk, skipped)
        self.client.log_ranges.keep_head(self.job_id, self.tape.head)

    async def _put(self, chunk: bytes, skipped: int) -> int:
        """Put on the tape what comes, but for so many bytes; how many are still to be skipped."""
        tape = self.tape
        new = chunk[skipped:]
        if new:
            tape.add(new)
        if tape.is_full:
            await tape.room(self._wait)
        return skipped - (len(chunk) - len(new))

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
