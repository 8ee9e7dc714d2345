"""Logs: one streamed pass answers all that is asked of a job's log, in bounded memory.

    scan = LogScan([Tail(lines=100, max_bytes=65536), Slice(from_byte=0, max_bytes=65536)])
    async for chunk in streamed.chunks():
        scan.feed(chunk)
    tail, piece = scan.pieces()

Positions are bytes of the log as the runner wrote it, whatever the format shows of them.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

__all__ = [
    "LogFormat",
    "LogPiece",
    "LogScan",
    "LogWant",
    "Slice",
    "Tail",
    "format_log",
    "format_steps",
]

LogFormat: TypeAlias = Literal["plain", "ansi", "raw"]


@dataclass(frozen=True, slots=True)
class Tail:
    """The last lines, of which no more than the last `max_bytes`."""

    lines: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Slice:
    """`max_bytes` from a position on."""

    from_byte: int
    max_bytes: int


LogWant: TypeAlias = Tail | Slice


# Bytes or characters that one step of formatting takes on, and as many more as a line has.
STEP: Final = 64 * 1024


class LogPiece(Struct, frozen=True):
    """Bytes of a log and where they stand in it, end exclusive."""

    raw: bytes
    start_byte: int
    end_byte: int
    # A limit left bytes out that were asked for.
    truncated: bool


def _hold(size_bytes: int) -> None:
    """Without a bound."""


class LogScan:
    """One pass over a log; holds no more than what is wanted of it, and a chunk.

    `hold` is told of bytes before they are held for good, and may raise.
    """

    def __init__(self, wants: Sequence[LogWant], hold: Callable[[int], None] = _hold) -> None:
        self._wants = wants
        self._hold = hold
        # One byte more shows whether what is kept begins with a line.
        self._keep = max(
            (want.max_bytes + 1 for want in wants if isinstance(want, Tail)), default=0
        )
        self._last: deque[bytes] = deque()
        self._last_bytes = 0
        self._slices = {want: bytearray() for want in wants if isinstance(want, Slice)}
        self._ends_in_newline = True
        self._newlines = 0
        self.byte_count = 0

    @property
    def line_count(self) -> int:
        """Lines so far, one that has not ended yet among them."""
        return self._newlines + (not self._ends_in_newline)

    def feed(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        if not chunk:
            return
        start, end = self.byte_count, self.byte_count + len(chunk)
        for want, taken in self._slices.items():
            first = max(want.from_byte, start)
            last = min(want.from_byte + want.max_bytes, end)
            if first < last:
                self._hold(last - first)
                taken.extend(chunk[first - start : last - start])
        if self._keep:
            self._last.append(chunk)
            self._last_bytes += len(chunk)
            while self._last_bytes - len(self._last[0]) > self._keep:
                self._last_bytes -= len(self._last.popleft())
        self._newlines += chunk.count(b"\n")
        self._ends_in_newline = chunk.endswith(b"\n")
        self.byte_count = end

    def pieces(self) -> list[LogPiece]:
        """What was wanted, in order; wants that come to the same bytes share them."""
        kept = b"".join(self._last)
        starts = _starts_of_lines(
            kept, max((want.lines for want in self._wants if isinstance(want, Tail)), default=0)
        )
        raws: dict[tuple[int, int], bytes] = {}
        return [
            self._tail(want, kept, starts, raws)
            if isinstance(want, Tail)
            else self._slice(want, raws)
            for want in self._wants
        ]

    def _tail(
        self, want: Tail, kept: bytes, starts: list[int], raws: dict[tuple[int, int], bytes]
    ) -> LogPiece:
        first = max(0, len(kept) - want.max_bytes)
        start = starts[want.lines - 1] if want.lines <= len(starts) else 0
        truncated = start < first
        if truncated:
            # The limit cuts into the lines that were asked for.
            start = first + _first_character(kept[first : first + 4])
        place = self.byte_count - len(kept) + start, self.byte_count
        if place not in raws:
            self._hold(len(kept) - start)
            raws[place] = kept[start:]
        return LogPiece(raws[place], *place, truncated=truncated)

    def _slice(self, want: Slice, raws: dict[tuple[int, int], bytes]) -> LogPiece:
        raw = bytes(self._slices.pop(want))
        start = min(want.from_byte, self.byte_count)
        end = start + len(raw)
        if end < self.byte_count and raw:
            # Give whole characters only: the next piece goes on where this one ends.
            raw = raw[: _last_character(raw)] or raw
            end = start + len(raw)
        raw = raws.setdefault((start, end), raw)
        return LogPiece(raw, start, end, truncated=end < self.byte_count)


def _starts_of_lines(kept: bytes, lines: int) -> list[int]:
    """Where the last line begins, the last two, and so on; none that began before what is kept."""
    starts: list[int] = []
    end = len(kept) - kept.endswith(b"\n")
    while len(starts) < lines and (end := kept.rfind(b"\n", 0, end)) >= 0:
        starts.append(end + 1)
    return starts


def _first_character(raw: bytes) -> int:
    """Where the first whole UTF-8 sequence begins."""
    for position in range(min(4, len(raw))):
        if raw[position] & 0xC0 != 0x80:
            return position
    return 0


def _last_character(raw: bytes) -> int:
    """Where the last sequence ends, left out if it is cut."""
    for back in range(1, min(4, len(raw)) + 1):
        byte = raw[-back]
        if byte & 0xC0 != 0x80:
            length = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(raw) - back if length > back else len(raw)
    return len(raw)


# What newer runners put before each line: a time, the stream's number and kind, and "+" where the
# line goes on with the one before.
_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z [0-9a-f]{2}[OE]"
_STAMPS = re.compile(rf"(?:\n|^){_STAMP}\+|^{_STAMP} ?", re.MULTILINE)
# A mark ends in CR and "erase line"; older runners end it with its line.
_SECTIONS = re.compile(r"(?:\x1b\[0K)?section_(?:start|end):\d+:[^\r\n]*(?:\r(?:\x1b\[0K)?|\n|$)")
# Control sequences (ECMA-48, 5.4), operating system commands, and the shorter escapes.
_COMMANDS = r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]"
_ESCAPES = re.compile(rf"\x1b\[[0-?]*[ -/]*[@-~]|{_COMMANDS}")
_ESCAPES_BUT_COLOURS = re.compile(rf"\x1b\[[0-?]*[ -/]*[@-ln-~]|{_COMMANDS}")
# One that a limit has cut.
_CUT_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*)?$")
# Where a text can be cut so that its parts are formatted as the whole is. Only the two characters
# that end a command hold an escape that begins nothing.
_BEFORE_LINE = re.compile(r"(?=\n)")
_AFTER_LINE = re.compile(r"\n")
_BEFORE_ESCAPE = re.compile(r"(?=\x1b[^\\])")
_WRITTEN_OVER = re.compile(r"^[^\n]*\r(?=[^\n\r])", re.MULTILINE)


def format_log(raw: bytes, form: LogFormat) -> str:
    """The text of a piece: bytes that are no UTF-8 show as replacement characters.

    `raw` shows all. `ansi` takes away section marks, timestamps and cursor movements, and keeps
    colours. `plain` takes away colours too; of a line that is written over from its start, as
    progress bars are, it shows the last state.
    """
    steps = format_steps(raw, form)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            text: str = stop.value
            return text


def format_steps(raw: bytes, form: LogFormat) -> Generator[None, None, str]:
    """The same in steps, for pieces that would take long."""
    text = yield from _decoded(raw)
    if form == "raw":
        return text
    text = yield from _without(_STAMPS, text, "Z ", _BEFORE_LINE)
    text = yield from _without(_SECTIONS, text, "section_", _AFTER_LINE)
    text = text.replace("\r\n", "\n")
    if form == "ansi":
        return (yield from _without(_ESCAPES_BUT_COLOURS, text, "\x1b", _BEFORE_ESCAPE))
    text = yield from _without(_ESCAPES, text, "\x1b", _BEFORE_ESCAPE)
    last = text.rfind("\x1b")
    if last >= 0:
        text = text[:last] + _CUT_ESCAPE.sub("", text[last:])
    if "\n" not in text:
        # A log whose lines end in CR alone.
        return text.replace("\r", "\n")
    text = yield from _without(_WRITTEN_OVER, text, "\r", _AFTER_LINE)
    return text.replace("\r", "")


def _decoded(raw: bytes) -> Generator[None, None, str]:
    if len(raw) <= STEP:
        return raw.decode("utf-8", "replace")
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoded: list[str] = []
    for start in range(0, len(raw), STEP):
        decoded.append(decoder.decode(raw[start : start + STEP], final=start + STEP >= len(raw)))
        yield
    return "".join(decoded)


def _without(
    pattern: re.Pattern[str], text: str, literal: str, cut: re.Pattern[str]
) -> Generator[None, None, str]:
    """What `pattern.sub("", text)` gives. Each match holds the literal, and none goes on where
    `cut` ends.
    """
    kept: list[str] = []
    start = 0
    while start < len(text):
        found = cut.search(text, start + STEP)
        end = len(text) if found is None else found.end()
        part = text[start:end]
        kept.append(pattern.sub("", part) if literal in part else part)
        start = end
        if end < len(text):
            yield
    return "".join(kept)
