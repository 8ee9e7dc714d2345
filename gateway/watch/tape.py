"""The tape: the stretch of a log that passes by, and those who read it there.

                start            readers            end
    the log ──────┼── kept ────────┼── not yet taken ─┼──► grows

Bytes are put on at the end while the slowest reader is not too far behind; who takes nothing for
long while the tape is full is cut off, with the place where to go on. So memory is bounded, and no
reader loses a byte. Readers take pieces that end at line ends.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from gateway.errors import BadInput, GatewayError, SubscriberTooSlow
from gateway.upstream.log_ranges import HEAD_BYTES
from gateway.upstream.logs import LogPiece
from gateway.upstream.logs.lines import AHEAD_BYTES, MAX_LINE_BYTES, find_block
from gateway.upstream.logs.pieces import BEFORE_BYTES
from gateway.upstream.logs.sequences import begun_at, joints_in, whole_character_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["LogEvent", "Tape", "TapeReader"]

# So far the fastest reader may be ahead of the slowest.
WINDOW_BYTES: Final = 1_048_576
# Kept behind the slowest reader, for those who come a little later.
KEPT_BYTES: Final = 65_536
PIECES_SHARED: Final = 8
NEWLINE: Final = b"\n"

# A line that tells in its own first bytes whether it goes on with the one before.
_STAMPED = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+Z [0-9a-f]{2}[OE]")
# What may be the beginning of something longer: an escape sequence, a section mark, a line end of
# two bytes, a character of several.
_BEGUN = re.compile(
    rb"(?:\x1b(?:\[[0-?]{0,256}[ -/]{0,16}|[\]PX^_][^\x07\x1b]{0,2048}|[ -/]{0,16})?"
    rb"|section_(?:start|end):[^\n\x1b]{0,512}(?:\x1b\[?0?)?"
    rb"|\r|[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"
)


class LogEvent(Struct, eq=False):
    """A piece of a log, or an error; `texts` are the piece's, by form, once somebody made them."""

    value: LogPiece | GatewayError
    is_last: bool = False
    missed: int = 0
    texts: dict[str, str] = field(default_factory=dict)


class Tape:
    """One stretch of a log. `start` and `end` are positions in it."""

    def __init__(self, start: int) -> None:
        self.start = self.end = start
        self.head = b""
        """How the log begins, once that is known."""
        self.readers: list[TapeReader] = []
        self.is_still = False
        """Has what came last stood still for so long that it may be shown as it is?"""
        self.is_over = False
        """Will no more bytes come?"""
        self._data = bytearray()
        self._has_room = asyncio.Event()
        self._pieces: dict[tuple[int, int, bool], LogEvent] = {}

    def add(self, data: bytes) -> None:
        """Put bytes on at the end."""
        self._data += data
        if self.end < HEAD_BYTES:
            self.head += data[: HEAD_BYTES - self.end]
        self.end += len(data)
        self.is_still = False
        self._tell()

    def stand_still(self) -> None:
        """Show a line that has not ended, too."""
        if not self.is_still:
            self.is_still = True
            self._tell()

    def finish(self) -> None:
        """No more bytes will come."""
        self.is_over = True
        self._tell()

    def refuse_beyond(self) -> None:
        """The log is whole: tell those who wait for what comes after its end that nothing will."""
        for reader in self.readers:
            if reader.position > self.end:
                has = f", which has {self.end} bytes" if not self.start else ""
                error = BadInput(
                    f"fromByte: {reader.position} is beyond the end of the log{has}; the job has"
                    " finished, and no more will come: give 0, or the endByte of a piece"
                )
                reader.errors.append(LogEvent(error, is_last=True))

    def fail(self, error: GatewayError, *, is_last: bool) -> None:
        """Tell every reader of an error, after what there is to take."""
        for reader in list(self.readers):
            reader.fail(error, is_last=is_last)

    @property
    def is_full(self) -> bool:
        return bool(self.readers) and self.end - self._slowest() >= WINDOW_BYTES

    async def room(self, wait: Callable[[asyncio.Event], Awaitable[bool]]) -> None:
        """Wait until there is room; `wait(event)` says whether it came. Who holds the tape up until
        then is cut off.
        """
        while self.is_full:
            self._has_room.clear()
            slow = [(one, one.position) for one in self.readers]
            if await wait(self._has_room):
                continue
            for reader, position in slow:
                if reader.position == position and self.end - position >= WINDOW_BYTES:
                    reader.cut_off()

    def between(self, start: int, end: int) -> bytes:
        """Bytes by position, as far as they are here."""
        return bytes(self._data[max(0, start - self.start) : max(0, end - self.start)])

    def last(self, size: int) -> bytes:
        """The bytes that came last, so many at most."""
        return self.between(max(self.start, self.end - size), self.end)

    def covers(self, position: int) -> bool:
        """Can a reader begin here?"""
        return position >= self.start + (BEFORE_BYTES if self.start else 0)

    def share(self, piece: LogPiece) -> LogEvent:
        """The same event for all who take a piece."""
        key = (piece.start_byte, piece.end_byte, piece.begins_inside)
        event = self._pieces.get(key)
        if event is None:
            event = self._pieces[key] = LogEvent(piece)
        if len(self._pieces) > PIECES_SHARED:
            del self._pieces[next(iter(self._pieces))]
        return event

    def moved(self) -> None:
        """A reader has taken a piece, or has left."""
        if not self.is_full:
            self._has_room.set()
        kept_from = min(self._slowest() - KEPT_BYTES, self.end - KEPT_BYTES)
        if kept_from - self.start >= KEPT_BYTES:
            del self._data[: kept_from - self.start]
            self.start = kept_from

    def _slowest(self) -> int:
        return min((min(one.position, self.end) for one in self.readers), default=self.end)

    def _tell(self) -> None:
        for reader in self.readers:
            reader.wake()


class TapeReader:
    """One listener's place in a log. `position` is where it goes on."""

    def __init__(self, tape: Tape, position: int) -> None:
        self.tape = tape
        self.position = position
        self.errors: list[LogEvent] = []
        self.leave: Callable[[], object] = _nothing
        self._is_closed = False
        self._has_begun = False
        self._begins_inside = False
        self._begun = b""
        self._waker: asyncio.Future[None] | None = None
        tape.readers.append(self)

    async def next(self) -> LogEvent | None:
        """The next piece or error; None once nothing more will come."""
        while not self._is_closed:
            event = self._take()
            if event is None and self.errors:
                event = self.errors.pop(0)
            if event is not None:
                if event.is_last:
                    self.close()
                return event
            if self.tape.is_over:
                self.close()
                break
            self._waker = asyncio.get_running_loop().create_future()
            try:
                await self._waker
            finally:
                self._waker = None
        return None

    def fail(self, error: GatewayError, *, is_last: bool = False) -> None:
        """Tell an error, after what there is to take."""
        self.errors.append(LogEvent(error, is_last))
        self.wake()

    def wake(self) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    def close(self) -> None:
        """Read no more."""
        if not self._is_closed:
            self._is_closed = True
            if self in self.tape.readers:
                self.tape.readers.remove(self)
            self.tape.moved()
            self.wake()
            self.leave()

    def cut_off(self) -> None:
        """Read no more, and say where to go on; what is on the tape is not for this reader."""
        error = SubscriberTooSlow(
            "the log came faster than this subscription took it; subscribe again with"
            f" fromByte: {self.position}, and nothing is lost",
            resume_from=self.position,
        )
        self.errors = [LogEvent(error, is_last=True)]
        self.tape.readers.remove(self)
        self.tape.moved()
        self.tape = Tape(self.position)
        self.wake()

    def _take(self) -> LogEvent | None:
        """A piece, if there is one to take."""
        tape = self.tape
        if not self._has_begun and not self._begin():
            return None
        window = tape.between(self.position, self.position + MAX_LINE_BYTES + AHEAD_BYTES)
        if not window:
            return None
        at_end = tape.is_over and self.position + len(window) == tape.end
        size, ends_inside = _piece_of(window, at_end=at_end, is_still=tape.is_still)
        if not size:
            return None
        start, end = self.position, self.position + size
        piece = LogPiece(
            window[:size],
            start,
            end,
            truncated=False,
            begins_inside=self._begins_inside,
            ends_inside=ends_inside,
            begun=self._begun,
        )
        event = tape.share(piece)
        self.position, self._begins_inside, self._begun = end, ends_inside, b""
        tape.moved()
        return event

    def _begin(self) -> bool:
        """Find out what stands before the place to begin at; False until there is anything."""
        tape, position = self.tape, self.position
        if tape.end <= position:
            return False
        before = tape.between(max(tape.start, position - BEFORE_BYTES), position)
        if before and not before.endswith(NEWLINE):
            window = before + tape.between(position, position + AHEAD_BYTES)
            self._begins_inside = True
            line = begun_at(window, len(before))
            if line == len(before):
                _, end = whole_character_at(window, line)
                self.position += end - line
            else:
                self._begun = before[line:]
        self._has_begun = True
        return True


def _piece_of(window: bytes, *, at_end: bool, is_still: bool) -> tuple[int, bool]:
    """How many bytes to give of those that are there, and whether they end within a line."""
    size = len(window)
    if at_end or size >= MAX_LINE_BYTES + AHEAD_BYTES:
        found = find_block(window, MAX_LINE_BYTES, at_end=at_end)
        return (0, False) if found is None else (found.end, found.ends_inside)
    joints = joints_in(window, size)
    last = window.rfind(NEWLINE)
    while last in joints:
        last = window.rfind(NEWLINE, 0, last)
    if last == size - 1 and not is_still:
        # The last line of a log with timestamps may go on.
        before = window.rfind(NEWLINE, 0, last)
        if _STAMPED.match(window, before + 1):
            last = before
    if last >= 0:
        return last + 1, False
    if not is_still:
        return 0, False
    begun = _BEGUN.search(window, max(0, size - 2_200))
    return (size if begun is None else begun.start()), True


def _nothing() -> None:
    """Nobody to tell."""
