"""Where a request comes from, as its headers tell it: the caller's program, its place in a trace.

    apollographql-client-name, graphql-client-name, x-graphql-client-name     the program
    … -client-version                                                         its version
    traceparent, tracestate       W3C Trace Context (https://www.w3.org/TR/trace-context/)

All of it is what the caller says of itself: it is recorded and passed on, and decides nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.hooks import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ORIGIN_HEADERS", "origin_in"]

NAME_CHARACTERS: Final = 100
# W3C Trace Context, 3.3.1.3: who passes it on shall pass at least so much.
STATE_CHARACTERS: Final = 512

# The first that is there counts.
NAMES: Final = (b"apollographql-client-name", b"graphql-client-name", b"x-graphql-client-name")
VERSIONS: Final = tuple(name.replace(b"-name", b"-version") for name in NAMES)
ORIGIN_HEADERS: Final = frozenset({*NAMES, *VERSIONS, b"traceparent", b"tracestate"})

# 3.2: version, trace id, parent id, flags; neither id is all zeros, no version is ff.
_is_traceparent = re.compile(
    rb"((?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(?:-.*)?"
).fullmatch
_is_tracestate = re.compile(rb"[\x20-\x7e]+").fullmatch


def origin_in(headers: Mapping[bytes, bytes], address: str = "") -> Origin | None:
    """What these headers, by names in lower case, and the address tell; None where they tell
    nothing. What is malformed is passed over.
    """
    if not address and ORIGIN_HEADERS.isdisjoint(headers):
        return None
    origin = Origin(
        address, _text_of(headers, NAMES), _text_of(headers, VERSIONS), _passed(headers)
    )
    return None if origin == _NOTHING else origin


_NOTHING: Final = Origin()


def _text_of(headers: Mapping[bytes, bytes], names: tuple[bytes, ...]) -> str:
    value = next((headers[name] for name in names if name in headers), b"")
    text = value.decode(errors="replace")[:NAME_CHARACTERS]
    return "".join(character for character in text if character.isprintable()).strip()


def _passed(headers: Mapping[bytes, bytes]) -> dict[str, str] | None:
    parent = headers.get(b"traceparent")
    told = None if parent is None else _is_traceparent(parent.strip())
    if told is None:
        return None
    passed = {"traceparent": told[1].decode()}
    state = headers.get(b"tracestate", b"")
    if len(state) <= STATE_CHARACTERS and _is_tracestate(state):
        passed["tracestate"] = state.decode()
    return passed
