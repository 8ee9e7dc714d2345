"""JSON taken apart by its brackets and commas alone, in steps, and what decoding it costs.

    rows_of(b'[{"id":1},{"id":]')    [b'{"id":1}', b'{"id":']
    members_of(b'{"id":1,"ref":}')   {"id": b"1", "ref": b""}

One call of a decoder holds the loop until it ends, so only what is cheap is decoded as a whole.
Text and what is skipped cost by their length; what is made of values, by their number, and between
any two values of a list or object stands a comma.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from gateway.upstream.wire import Body

__all__ = [
    "AT_ONCE_BYTES",
    "TOO_LONG",
    "UNREADABLE",
    "Steps",
    "Unfit",
    "is_cheap",
    "members_of",
    "rows_of",
]

T = TypeVar("T")
Steps: TypeAlias = "Generator[None, None, T]"

# msgspec's errors, text that is no UTF-8, and JSON nested beyond measure.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# Decoding so much takes 3 ms at most, whatever it is; six times as much 18 ms. Fat pages have that,
# and counting their commas would take as long as decoding them does.
AT_ONCE_BYTES: Final = 64 * 1024
CHEAP_BYTES: Final = 6 * AT_ONCE_BYTES
# What decoding takes at most: texts full of escapes, and lists of short texts or objects.
BYTE_S: Final = 5e-9
COMMA_S: Final = 400e-9
CHEAP_S: Final = 0.015

# A page has 100 rows, and a fat one some 65,000 marks; what has far more is not taken apart.
MAX_ROWS: Final = 250
MAX_MARKS: Final = 400_000
# Marks of one step, and bytes of text that count as one.
STEP_MARKS: Final = 5_000
MARK_BYTES: Final = 100

TOO_LONG: Final = "it holds too much to be read at once; ask for less"

_MARK = re.compile(rb'["\[\]{},]')
# As far as one step goes within a text.
_TEXT = re.compile(rb'[^"\\]{0,20000}(?:\\.[^"\\]{0,2000}){0,1000}', re.DOTALL)
_KEY = re.compile(rb'\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*:', re.DOTALL)
MAX_KEY_BYTES: Final = 1_000
_decode_text = msgspec.json.Decoder(str).decode


class Unfit(ValueError):
    """No object or list, or an object without its id."""


def is_cheap(raw: Body) -> bool:
    """Can it be decoded as a whole without holding the loop for long?"""
    size = len(raw)
    return size <= CHEAP_BYTES or size * BYTE_S + raw.count(b",") * COMMA_S < CHEAP_S


def rows_of(raw: Body) -> Steps[list[bytes]]:
    """The items of a list, as they stand in its text; raises `Unfit`."""
    return _parts_of(raw, b"[", b"]", MAX_ROWS)


def members_of(raw: Body) -> Steps[dict[str, bytes]]:
    """The values of an object by their keys, as they stand in its text; raises `Unfit`."""
    members = {}
    for part in (yield from _parts_of(raw, b"{", b"}", MAX_MARKS)):
        key = _KEY.match(part, 0, MAX_KEY_BYTES)
        if key is not None:
            try:
                members[_decode_text(key[1])] = part[key.end() :]
            except UNREADABLE:
                continue
    return members


def _parts_of(raw: Body, opening: bytes, closing: bytes, at_most: int) -> Steps[list[bytes]]:
    """What stands between the commas of an object or list, and not within another one."""
    text = bytes(raw).strip(b" \t\r\n")
    if not text.startswith(opening) or not text.endswith(closing):
        raise Unfit(f"expected {_NAMES[opening]}")
    parts: list[bytes] = []
    depth, start, end = 0, 1, 0
    for mark in _marks_of(text):
        if mark is None:
            yield
            continue
        end = mark.end()
        if mark[0] in b"[{":
            depth += 1
        elif mark[0] in b"]}":
            depth -= 1
            if not depth:
                break
        elif depth == 1:
            parts.append(text[start : end - 1].strip())
            start = end
            if len(parts) >= at_most:
                raise Unfit(TOO_LONG)
    if depth or end != len(text):
        raise Unfit("its brackets do not match")
    last = text[start:-1].strip()
    return [*parts, last] if parts or last else []


def _marks_of(text: bytes) -> Iterator[re.Match[bytes] | None]:
    """The brackets and commas that stand in no text, and None after each step."""
    place, seen, step = 0, 0, STEP_MARKS
    while (mark := _MARK.search(text, place)) is not None:
        place = mark.end()
        seen += 1
        if mark[0] != b'"':
            yield mark
        else:
            for end in _ends_of_text(text, place):
                seen += (end - place) // MARK_BYTES
                place = end
                if seen >= step:
                    step = seen + STEP_MARKS
                    yield None
        if seen > MAX_MARKS:
            raise Unfit(TOO_LONG)
        if seen >= step:
            step = seen + STEP_MARKS
            yield None


def _ends_of_text(text: bytes, place: int) -> Iterator[int]:
    """How far each step comes that looks for the end of a text; the last one is behind it."""
    end = text.find(b'"', place)
    if end >= 0 and text.find(b"\\", place, end) < 0:
        yield end + 1
        return
    while (within := _TEXT.match(text, place)) is not None and within[0]:
        place = within.end()
        if text.startswith(b'"', place):
            break
        yield place
    yield place + 1


_NAMES: Final = {b"[": "a list", b"{": "an object"}
