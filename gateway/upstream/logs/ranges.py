"""Reading a log no further than is needed, from no earlier than is needed.

Newer upstreams send a part of a log when asked (`byte_offset` and `byte_limit`, upstream.md, 3.5),
older ones ignore that and send all of it. Something may take the one and not the other: an answer
that is longer than the limit is the whole log, or all from the position on, and a shorter one is
the part, or the log's beginning. So a few bytes are asked for once more, which must differ. Where
the position counts and the limit does not, a read ends when it has what it needs, and the answer is
closed. What was learnt holds for the upstream as long as the client does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from gateway.errors import RequestRefused
from gateway.upstream.logs.lines import AHEAD_BYTES, MAX_LINE_BYTES
from gateway.upstream.logs.pieces import BEFORE_BYTES, Slice
from gateway.upstream.logs.scan import LogScan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence

    from gateway.turns import Work
    from gateway.upstream.client import Client
    from gateway.upstream.entities import ProjectKey
    from gateway.upstream.logs.scan import LogWant
    from gateway.upstream.scope import CallScope

__all__ = ["find_out_ranges", "read_log"]

# Runs steps to their end, with the loop turning in between (`gateway.turns`).
Run: TypeAlias = "Callable[[Generator[Work | None, None, None]], Awaitable[None]]"

# What is asked for at most: upstreams refuse more than 500 KiB.
MAX_LIMIT_BYTES: Final = 256 * 1024
# A position before this is read from the start of the log, which leaves nothing to doubt.
MIN_OFFSET_BYTES: Final = 64 * 1024
PROBE_BYTES: Final = 256


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

    Cost: 1 call. One or two more, counted as retried, where it must be found out whether the
    upstream sends parts, and one where a log ends before the position asked for.
    """
    reading = _Reading(
        client, scope, project, job_id, wants, to_end=needs_size or needs_lines, run=run
    )
    asked = _range_of(wants, needs_size=needs_size, needs_lines=needs_lines)
    ranges = client.log_ranges
    if ranges.ignore_limits:
        asked = _Range(asked.offset)
    if asked == _Range() or ranges.are_honoured is False:
        return await reading.whole()
    if asked.limit is None and ranges.are_honoured is None and not await reading.probe():
        return await reading.whole()
    try:
        scan = await reading.part(asked)
    except RequestRefused as refused:
        if refused.status != 400:
            raise
        ranges.are_honoured = False
        scan = None
    if scan is None:
        scope.tally.retried += 1
        scan = await reading.whole()
    return scan


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
        self._job = (project, job_id)
        self._wants = wants
        self._to_end = to_end
        self._run = run

    async def whole(self) -> LogScan:
        """Read from the start, to the end where the wants need it or all is asked for."""
        scan = await self._scan(0)
        async with self._client.trace(self._scope, *self._job) as streamed:
            await self._pass(scan, streamed.chunks())
        await self._run(scan.end_steps())
        return scan

    async def part(self, asked: _Range) -> LogScan | None:
        """Ask for a part; None where the answer does not tell enough."""
        offset, limit = asked
        scan = None if limit else await self._scan(offset)
        held: list[bytes] = []
        async with self._client.trace(
            self._scope, *self._job, byte_offset=offset or None, byte_limit=limit
        ) as streamed:
            chunks = streamed.chunks()
            if limit:
                held, is_longer = await _read_beyond(chunks, limit)
                if is_longer:
                    self._client.log_ranges.ignore_limits = True
                    # All that follows the position, or the whole log.
                    start = offset if offset and await self._is_part(held) else 0
                    if start != offset and self._client.log_ranges.are_honoured is None:
                        return None
                    scan = await self._scan(start, held)
            if scan is not None:
                await self._pass(scan, chunks)
        if scan is None:
            if offset and not await self._is_part(held):
                return None
            scan = await self._scan(offset, held)
        if 0 < offset == scan.byte_count:
            # The log ends somewhere before.
            return None
        await self._run(scan.end_steps())
        return scan

    async def probe(self, part: bytes = b"") -> bool:
        return await find_out_ranges(
            self._client, self._scope, *self._job, part=part, is_extra=True
        )

    async def _is_part(self, held: Sequence[bytes]) -> bool:
        """Is this the part that was asked for, and not the beginning of the log, or all of it?"""
        honoured = self._client.log_ranges.are_honoured
        if honoured is None:
            # Nothing came: it is the whole that tells the log's end.
            return any(held) and await self.probe(b"".join(held))
        return honoured

    async def _pass(self, scan: LogScan, chunks: AsyncIterator[bytes]) -> None:
        async for chunk in chunks:
            await self._run(scan.feed_steps(chunk))
            if scan.is_done and not self._to_end:
                return

    async def _scan(self, first_byte: int, held: Sequence[bytes] = ()) -> LogScan:
        scan = LogScan(self._wants, self._scope.hold, first_byte=first_byte)
        for chunk in held:
            await self._run(scan.feed_steps(chunk))
        return scan


async def find_out_ranges(
    client: Client,
    scope: CallScope,
    project: ProjectKey,
    job_id: int,
    *,
    part: bytes = b"",
    is_extra: bool = False,
) -> bool:
    """Find out whether the upstream sends parts of logs; `part` is what it sent for one from later
    on. Keeps it in `client.log_ranges`. A log of which all bytes are the same tells nothing.

    Cost: 1 or 2 calls, counted as retried where they are `is_extra`.
    """

    async def few_bytes(offset: int) -> tuple[bytes, bool]:
        scope.tally.retried += is_extra
        limit = PROBE_BYTES - offset
        async with client.trace(
            scope, project, job_id, byte_offset=offset or None, byte_limit=limit
        ) as streamed:
            held, is_longer = await _read_beyond(streamed.chunks(), limit)
        return b"".join(held)[:limit], is_longer

    ranges = client.log_ranges
    first, is_longer = await few_bytes(0)
    ranges.ignore_limits |= is_longer
    if part and not part.startswith(first[: len(part)]):
        ranges.are_honoured = True
    # The log's beginning again, and what it is without its first byte.
    elif first and first[1:] != first[: PROBE_BYTES - 1]:
        second, _ = await few_bytes(1)
        ranges.are_honoured = second == first[1:]
    return ranges.are_honoured is True


async def _read_beyond(chunks: AsyncIterator[bytes], limit: int) -> tuple[list[bytes], bool]:
    """Read until there is more than the limit, and whether there is."""
    held: list[bytes] = []
    size = 0
    async for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size > limit:
            return held, True
    return held, False
