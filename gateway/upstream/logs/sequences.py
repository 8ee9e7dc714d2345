"""What a runner writes beside the text (upstream.md, 3.5): colours and other escape sequences,
section marks, timestamps. All have a greatest length here, so that no log makes a search long.

A section mark ends in a carriage return and a sequence that erases the line; logs of old runners
have a line feed for the carriage return. What only looks like a mark is text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.upstream.wire import Body

__all__ = [
    "FIRST_STAMP",
    "LINE_MARKS",
    "LOOKAHEAD_BYTES",
    "MARKS",
    "MAX_SEQUENCE_BYTES",
    "NO_COLOURS",
    "OTHER_STAMPS",
    "SEQUENCES",
    "STAMPS",
    "begun_at",
    "joints_in",
    "whole_character_at",
]

# A time, the stream's number and kind, and "+" where the line goes on with the one before.
_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,9}+Z [0-9a-f]{2}[OE]"
# Start or end, the time, the name, options.
_MARK = r"section_(start|end):([0-9]{1,20}+):([A-Za-z0-9_.-]{1,255}+)(?:\[([ -\\^-~]{0,255}+)\])?"
_ERASE = r"\x1b\[0?K"
# A mark that fills a line, but for escape sequences before it.
_LINE_MARK = rf"^((?:\x1b\[[0-9;]{{0,32}}+[mK]){{0,8}}+)({_MARK})\r?\n(?={_ERASE})"
# Control sequences (ECMA-48, 5.4), one that does not end among them; commands and other strings;
# the shorter escapes; an escape that begins nothing.
_CONTROL = r"\x1b\[[0-?]{0,256}+[ -/]{0,16}+"
_STRING = r"\x1b[\]PX^_][^\x07\x1b\r\n]{0,2048}+(?:\x07|\x1b\\)"
_STRING_OR_CUT = _STRING.replace(r"\\)", r"\\|\Z)")
_ESCAPES = rf"{_STRING_OR_CUT}|\x1b[ -/]{{0,16}}+[0-Z\\^-~]|\x1b(?!\[)\]?"

LINE_MARKS: Final = re.compile(_LINE_MARK, re.MULTILINE)
STAMPS: Final = re.compile(rf"(?:\n|^){_STAMP}\+|^{_STAMP} ?", re.MULTILINE)
# The same where no line goes on with the one before: of the first line, and of the others, with the
# line feed before them. Found a third as fast otherwise.
FIRST_STAMP: Final = re.compile(rf"{_STAMP} ?")
OTHER_STAMPS: Final = re.compile(rf"\n{_STAMP} ?")
MARKS: Final = re.compile(rf"{_MARK}\r{_ERASE}")
SEQUENCES: Final = re.compile(rf"{_CONTROL}[@-~]?|{_ESCAPES}")
NO_COLOURS: Final = re.compile(rf"{_CONTROL}(?:[@-ln-~]|(?![@-~]))|{_ESCAPES}")

MAX_SEQUENCE_BYTES: Final = 2_100
# Bytes after a line feed that tell whether the line goes on.
LOOKAHEAD_BYTES: Final = 40

_JOINED_BY_STAMP = re.compile(rf"\n(?={_STAMP}\+)".encode())
_JOINED_BY_MARK = re.compile(_LINE_MARK.encode(), re.MULTILINE)
_WHOLE = re.compile(
    (
        rf"{_LINE_MARK}|{_MARK}\r(?:\n{_STAMP}\+)?{_ERASE}|(?:\r?\n|^){_STAMP}\+|^{_STAMP} ?|\r\n"
        rf"|{_CONTROL}[@-~]|{_STRING}|\x1b[ -/]{{0,16}}+[0-Z\\^-~]"
    ).encode(),
    re.MULTILINE,
)


def joints_in(window: Body, end: int) -> set[int]:
    """Where a line feed before `end` ends no line: a timestamp says that the line goes on, or an
    old runner's section mark hides it. The window begins with a line.
    """
    joints: set[int] = set()
    seen = end + LOOKAHEAD_BYTES
    if window.find(b"O+", 0, seen) >= 0 or window.find(b"E+", 0, seen) >= 0:
        joints.update(found.start() for found in _JOINED_BY_STAMP.finditer(window, 0, seen))
    if window.find(b"section_", 0, end) >= 0:
        joints.update(found.end() - 1 for found in _JOINED_BY_MARK.finditer(window, 0, seen))
    return {joint for joint in joints if joint < end} if joints else joints


def begun_at(window: Body, position: int) -> int:
    """Where the sequence begins, or the line end of two bytes, that this position stands within;
    the position itself where it stands between.
    """
    first = max(0, position - MAX_SEQUENCE_BYTES)
    for found in _WHOLE.finditer(window, first, position + MAX_SEQUENCE_BYTES):
        if found.start() >= position:
            break
        if found.end() > position:
            return found.start()
    return position


def whole_character_at(window: Body, position: int) -> tuple[int, int]:
    """Where the UTF-8 sequence begins and ends that this position stands within; twice the position
    where it stands between.
    """
    for back in range(1, min(3, position) + 1):
        byte = window[position - back]
        if byte & 0xC0 != 0x80:
            length = 1 if byte < 0xC2 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            rest = window[position : position - back + length]
            if length > back and rest and all(byte & 0xC0 == 0x80 for byte in rest):
                return position - back, position + len(rest)
            break
    return position, position
