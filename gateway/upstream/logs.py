"""Logs: one streamed pass answers all that is asked of a job's log, in bounded memory.

    scan = LogScan([Tail(lines=100, max_bytes=65536), Slice(from_byte=0, max_bytes=65536)])
    async for chunk in streamed.chunks():
        scan.feed(chunk)
    tail, piece = scan.pieces()

Positions are bytes of the log as the runner wrote it, whatever the format shows of them.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LogFormat", "LogPiece", "LogScan", "LogWant", "Slice", "Tail", "format_log"]

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


class LogPiece(Struct, frozen=True):
    """Bytes of a log and where they stand in it, end exclusive."""

    raw: bytes
    start_byte: int
    end_byte: int
    # A limit left bytes out that were asked for.
    truncated: bool


class LogScan:
    """One pass over a log; holds no more than what is wanted of it, and a chunk."""

    def __init__(self, wants: Sequence[LogWant]) -> None:
        self._wants = wants
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
        """What was wanted, in order."""
        return [
            self._tail(want) if isinstance(want, Tail) else self._slice(want)
            for want in self._wants
        ]

    def _tail(self, want: Tail) -> LogPiece:
        kept = b"".join(self._last)
        kept = kept[max(0, len(kept) - want.max_bytes - 1) :]
        start = _start_of_lines(kept, want.lines)
        if start is None and len(kept) > want.max_bytes:
            # The limit cuts into the lines that were asked for.
            raw = kept[1:]
            raw = raw[_first_character(raw) :]
            return LogPiece(raw, self.byte_count - len(raw), self.byte_count, truncated=True)
        raw = kept[start or 0 :]
        return LogPiece(raw, self.byte_count - len(raw), self.byte_count, truncated=False)

    def _slice(self, want: Slice) -> LogPiece:
        raw = bytes(self._slices[want])
        start = min(want.from_byte, self.byte_count)
        end = start + len(raw)
        if end < self.byte_count and raw:
            # Give whole characters only: the next piece goes on where this one ends.
            raw = raw[: _last_character(raw)] or raw
            end = start + len(raw)
        return LogPiece(raw, start, end, truncated=end < self.byte_count)


def _start_of_lines(kept: bytes, lines: int) -> int | None:
    """Where the last lines begin in what is kept; None where they began before it."""
    end = len(kept) - kept.endswith(b"\n")
    for _ in range(lines):
        end = kept.rfind(b"\n", 0, end)
        if end < 0:
            return None
    return end + 1


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
_WRITTEN_OVER = re.compile(r"^[^\n]*\r(?=[^\n\r])", re.MULTILINE)


def format_log(raw: bytes, form: LogFormat) -> str:
    """The text of a piece: bytes that are no UTF-8 show as replacement characters.

    `raw` shows all. `ansi` takes away section marks, timestamps and cursor movements, and keeps
    colours. `plain` takes away colours too; of a line that is written over from its start, as
    progress bars are, it shows the last state.
    """
    text = raw.decode("utf-8", "replace")
    if form == "raw":
        return text
    text = _SECTIONS.sub("", _STAMPS.sub("", text)).replace("\r\n", "\n")
    if form == "ansi":
        return _ESCAPES_BUT_COLOURS.sub("", text)
    text = _CUT_ESCAPE.sub("", _ESCAPES.sub("", text))
    if "\n" not in text:
        # A log whose lines end in CR alone.
        return text.replace("\r", "\n")
    return _WRITTEN_OVER.sub("", text).replace("\r", "")
