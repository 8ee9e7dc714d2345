"""Reading a log no further than is needed, from no earlier than is needed.

Newer upstreams send a part of a log when asked (`byte_offset` and `byte_limit`, upstream.md, 3.5),
older ones ignore that and send all of it, and something between may take the one and not the other.
An answer from its start is right in any case, and is closed when it has what is needed. One that
was asked from a later position on begins there or at the log's start: it is taken for the part
where it does not begin as the log does (`logs.origin`), which is found out by a small read and
remembered for a while. Else the whole log is read, which leaves nothing to doubt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from gateway.errors import RequestRefused
from gateway.upstream.log_ranges import HEAD_BYTES
from gateway.upstream.logs.lines import AHEAD_BYTES, MAX_LINE_BYTES
from gateway.upstream.logs.origin import Origin, SeenOfLog, find_origin
from gateway.upstream.logs.pieces import BEFORE_BYTES, Slice
from gateway.upstream.logs.scan import LogScan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence

    from gateway.turns import Work
    from gateway.upstream.client import Client
    from gateway.upstream.entities import ProjectKey
    from gateway.upstream.logs.scan import LogWant
    from gateway.upstream.scope import CallScope

__all__ = ["read_head", "read_log"]

# Runs steps to their end, with the loop turning in between (`gateway.turns`).
Run: TypeAlias = "Callable[[Generator[Work | None, None, None]], Awaitable[None]]"

# What is asked for at most: upstreams refuse more than 500 KiB.
MAX_LIMIT_BYTES: Final = 256 * 1024
# A position before this is read from the start of the log, which leaves nothing to doubt.
MIN_OFFSET_BYTES: Final = 64 * 1024


class _Range(NamedTuple):
    """What is asked for. Without a limit, and from 0 on, it is the whole log."""

    offset: int = 0
    limit: int | None = None


async def read_log(
    client: Client,
    scope: CallScope,
    project: ProjectKey,
    job_id: int,
    wants: Sequence[LogWant],
    *,
    needs_size: bool = False,
    needs_lines: bool = False,
    run: Run,
) -> LogScan:
    """A scan that has passed over what these need of a job's log; with `needs_size` it has come to
    the log's end, with `needs_lines` it has passed over all lines. What takes long is given to
    `run`, in steps.

    Cost: 1 call. Counted as retried: one more where it is not known how the log begins, and one
    where an answer is not surely the part that was asked for, or tells no end of the log.
    """
    reading = _Reading(
        client, scope, project, job_id, wants, to_end=needs_size or needs_lines, run=run
    )
    asked = _range_of(wants, needs_size=needs_size, needs_lines=needs_lines)
    if asked != _Range() and not client.log_ranges.are_ignored:
        scan = await reading.part(asked)
        if scan is not None:
            return scan
    return await reading.whole()


def _range_of(wants: Sequence[LogWant], *, needs_size: bool, needs_lines: bool) -> _Range:
    slices = [want for want in wants if isinstance(want, Slice)]
    if needs_lines or not slices or len(slices) < len(wants):
        return _Range()
    offset = min(want.from_byte for want in slices) - BEFORE_BYTES
    if offset < MIN_OFFSET_BYTES:
        offset = 0
    end = max(want.from_byte + max(want.max_bytes, MAX_LINE_BYTES) for want in slices) + AHEAD_BYTES
    is_short = end - offset <= MAX_LIMIT_BYTES and not needs_size
    return _Range(offset, end - offset if is_short else None)


class _Reading:
    """The ways to read one log."""

    def __init__(
        self,
        client: Client,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        wants: Sequence[LogWant],
        *,
        to_end: bool,
        run: Run,
    ) -> None:
        self._client = client
        self._scope = scope
        self._ranges = client.log_ranges
        self._job = (project, job_id)
        # What came when a part was asked for, and may not be it.
        self._doubted = _Stretch(0)
        self._wants = wants
        self._to_end = to_end
        self._run = run

    async def whole(self) -> LogScan:
        """Read from the start, to the end where the wants need it or all is asked for."""
        scan = self._scan(0)
        head = _Stretch(0)
        async with self._client.trace(self._scope, *self._job) as streamed:
            await self._pass(scan, streamed.chunks(), head, self._doubted)
        self._ranges.keep_head(self._job[1], head.bytes)
        if self._doubted.begins_otherwise:
            self._ranges.note_ignored()
        await self._run(scan.end_steps())
        return scan

    async def part(self, asked: _Range) -> LogScan | None:
        """Ask for a part; None where the answer does not tell enough."""
        head = b""
        if asked.offset:
            head = await read_head(self._client, self._scope, *self._job, is_extra=True)
            if len(head) < HEAD_BYTES:
                # The log ends somewhere before; or that is refused, too.
                return None
        try:
            scan = await self._part(asked, head)
        except RequestRefused as refused:
            if refused.status != 400:
                raise
            self._ranges.note_refused()
            scan = None
        self._scope.tally.retried += scan is None
        return scan

    async def _part(self, asked: _Range, head: bytes) -> LogScan | None:
        offset, limit = asked
        scan = self._scan(offset)
        begun = _Stretch(offset)
        async with self._client.trace(
            self._scope, *self._job, byte_offset=offset or None, byte_limit=limit
        ) as streamed:
            chunks = streamed.chunks()
            if offset:
                seen = SeenOfLog(head, size=HEAD_BYTES)
                origin, held = await find_origin(streamed, chunks, seen)
                if origin is not Origin.POSITION:
                    self._doubted = _Stretch(offset, held[:HEAD_BYTES])
                    return None
                await self._run(scan.feed_steps(held))
            if self._to_end or not scan.is_done:
                await self._pass(scan, chunks, begun)
        if 0 < offset == scan.byte_count:
            # The log ends somewhere before.
            return None
        if offset:
            self._ranges.note_honoured()
        else:
            self._ranges.keep_head(self._job[1], begun.bytes)
        await self._run(scan.end_steps())
        return scan

    async def _pass(
        self, scan: LogScan, chunks: AsyncIterator[bytes], *stretches: _Stretch
    ) -> None:
        async for chunk in chunks:
            for stretch in stretches:
                stretch.feed(scan.byte_count, chunk)
            await self._run(scan.feed_steps(chunk))
            if scan.is_done and not self._to_end:
                return

    def _scan(self, first_byte: int) -> LogScan:
        return LogScan(self._wants, self._scope.hold, first_byte=first_byte)


class _Stretch:
    """The bytes of a log from a position on, as they pass."""

    def __init__(self, position: int, answered: bytes = b"") -> None:
        self.bytes = b""
        self._position = position
        self._answered = answered

    def feed(self, position: int, chunk: bytes) -> None:
        """Take in what stands at a position."""
        start = self._position + len(self.bytes)
        missing = HEAD_BYTES - len(self.bytes)
        if missing and position <= start < position + len(chunk):
            self.bytes += chunk[start - position :][:missing]

    @property
    def begins_otherwise(self) -> bool:
        """Is it not what was answered when it was asked for?"""
        return not self.bytes.startswith(self._answered)


async def read_head(
    client: Client, scope: CallScope, project: ProjectKey, job_id: int, *, is_extra: bool = False
) -> bytes:
    """The first `HEAD_BYTES` of a log, or all of a shorter one; nothing where the upstream refuses
    to be asked for so few.

    Cost: 0 or 1 call, counted as retried where it `is_extra`.
    """
    ranges = client.log_ranges
    if (known := ranges.head(job_id)) is not None:
        return known
    scope.tally.retried += is_extra
    held = b""
    try:
        async with client.trace(scope, project, job_id, byte_limit=HEAD_BYTES) as streamed:
            async for chunk in streamed.chunks():
                held += chunk[:HEAD_BYTES]
                if len(held) >= HEAD_BYTES:
                    break
    except RequestRefused as refused:
        if refused.status != 400:
            raise
        ranges.note_refused()
    head = held[:HEAD_BYTES]
    ranges.keep_head(job_id, head)
    return head
