"""The text of a piece of a log, in three forms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias

from gateway.upstream.logs.lines import AHEAD_BYTES, MAX_LINE_BYTES, find_block
from gateway.upstream.logs.pieces import LogPiece
from gateway.upstream.logs.sequences import (
    FIRST_STAMP,
    LINE_MARKS,
    MARKS,
    NO_COLOURS,
    OTHER_STAMPS,
    SEQUENCES,
    STAMPS,
)

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = [
    "LogFormat",
    "format_log",
    "format_steps",
    "with_marks",
    "without",
    "without_marks",
    "without_returns",
]

LogFormat: TypeAlias = Literal["plain", "ansi", "raw"]

_WRITTEN_OVER = re.compile(r"^[^\n]*\r(?=[^\n\r])", re.MULTILINE)


def format_log(raw: bytes, form: LogFormat) -> str:
    """The text of a whole log."""
    steps = format_steps(LogPiece(raw, 0, len(raw), truncated=False), form)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            text: str = stop.value
            return text


def format_steps(piece: LogPiece, form: LogFormat) -> Generator[None, None, str]:
    """The text of a piece, in steps of 64 KiB: bytes that are no UTF-8 show as replacement
    characters.

    `raw` shows all. `ansi` takes away section marks, timestamps and cursor movements, and keeps
    colours. `plain` takes away colours too; of a line that is written over from its start, as
    progress bars are, it shows the last state. In a line that was cut because it is too long, and
    in a log without a line feed, carriage returns are line ends.
    """
    raw, start = piece.begun + piece.raw, 0
    begins_inside = piece.begins_inside
    texts: list[str] = []
    while start < len(raw):
        window = raw[start : start + MAX_LINE_BYTES + AHEAD_BYTES]
        found = find_block(window, MAX_LINE_BYTES, at_end=start + len(window) == len(raw))
        assert found is not None  # noqa: S101 - there is enough, or all
        end = start + found.end
        if form == "raw":
            texts.append(raw[max(start, len(piece.begun)) : end].decode("utf-8", "replace"))
        else:
            text = without_marks(window[: found.end].decode("utf-8", "replace"))
            if form == "ansi":
                texts.append(without(NO_COLOURS, text))
            else:
                text = without(SEQUENCES, text)
                is_all_without_end = piece.start_byte + start == 0 and "\n" not in text
                ends_inside = found.ends_inside or (end == len(raw) and piece.ends_inside)
                texts.append(
                    without_returns(
                        text,
                        begins_inside=begins_inside,
                        ends_inside=ends_inside or is_all_without_end,
                    )
                )
        start = end
        begins_inside = found.ends_inside
        yield
    return "".join(texts)


def without(sequences: re.Pattern[str], text: str) -> str:
    """The text without these escape sequences."""
    return sequences.sub("", text) if "\x1b" in text else text


def without_marks(text: str) -> str:
    """The text of lines without section marks and timestamps."""
    text = with_marks(text)
    if "section_" in text:
        text = MARKS.sub("", text)
    return text.replace("\r\n", "\n")


def with_marks(text: str) -> str:
    """The text of lines without timestamps, all section marks as newer runners write them."""
    if "section_" in text:
        text = LINE_MARKS.sub("\\1\\2\r\x1b[0K", text)
    if "Z " not in text:
        return text
    if "O+" in text or "E+" in text:
        return STAMPS.sub("", text)
    first = FIRST_STAMP.match(text)
    return OTHER_STAMPS.sub("\n", text[first.end() :] if first else text)


def without_returns(text: str, *, begins_inside: bool, ends_inside: bool) -> str:
    """The last state of each line; in a part of a line carriage returns are line ends."""
    if "\r" not in text:
        return text
    # The first line and the last one, where they are parts of a line.
    first = (text.find("\n") + 1 or len(text)) if begins_inside else 0
    last = max(first, text.rfind("\n") + 1 if ends_inside else len(text))
    between = _WRITTEN_OVER.sub("", text[first:last]).replace("\r", "")
    return text[:first].replace("\r", "\n") + between + text[last:].replace("\r", "\n")
