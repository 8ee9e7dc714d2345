"""How a response is written, within its bound.

A response that cannot be large (`size`) is encoded at once; all ordinary ones are. Any other is
encoded in small parts that are counted, so that it exceeds what is allowed by one part at most.
Where the bound says that each field of the operation, and each item of a list there, is small,
these are the parts (`write_fields`). Elsewhere parts are whatever turns out to be small
(`write_steps`).
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.errors import ResponseTooLarge
from gateway.execution.largest import most_bytes
from gateway.execution.size import part_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from graphql import ExecutionResult

    from gateway.execution.operation import Prepared
    from gateway.execution.response import GraphQLResponse
    from gateway.turns import Turns
    from gateway.upstream.scope import Tally

__all__ = ["ENCODED_AT_ONCE", "MANY_INTROSPECTED", "write", "write_fields", "write_steps"]

# A bound below which nobody looks at how large a response is: its encoding takes 20 ms.
ENCODED_AT_ONCE: Final = 16_000_000
# What one call encodes of a larger one.
PART_BYTES: Final = 4_000_000
# What a node counts at least, where bytes are looked at.
NODE_BYTES: Final = 64
# Containers that are written in one step.
STEP_NODES: Final = 5_000
# Told in full they may be more than a part.
MANY_ERRORS: Final = 200
MANY_INTROSPECTED: Final = 10_000

_encode_into = msgspec.json.Encoder().encode_into


async def write(
    response: GraphQLResponse,
    result: ExecutionResult,
    prepared: Prepared,
    *,
    max_bytes: int,
    turns: Turns,
) -> None:
    """Encode a response, which may be large; raises `ResponseTooLarge` beyond so many bytes, and
    tells where most of them are.
    """
    try:
        await _write(response, result, prepared, max_bytes=max_bytes, turns=turns)
    except ResponseTooLarge:
        if not result.data:
            raise
        most = await turns.run(most_bytes(result.data))
        raise ResponseTooLarge.by_bytes(max_bytes, most) from None


async def _write(
    response: GraphQLResponse,
    result: ExecutionResult,
    prepared: Prepared,
    *,
    max_bytes: int,
    turns: Turns,
) -> None:
    parts = response.parts()
    if not _may_be_large(result, prepared, response.tally):
        _write_at_once(response, max_bytes)
    elif at_once := _fields_at_once(result, prepared, response.tally):
        steps = write_fields(parts, max_bytes, at_once)
        try:
            next(steps)
        except StopIteration as stop:
            response.body = stop.value
        else:
            response.body = await turns.run(steps)
    elif is_small(parts):
        _write_at_once(response, max_bytes)
    else:
        response.body = await turns.run(write_steps(parts, max_bytes))


def _write_at_once(response: GraphQLResponse, max_bytes: int) -> None:
    if len(response.encoded().body) > max_bytes:
        raise ResponseTooLarge.by_bytes(max_bytes)


def _may_be_large(result: ExecutionResult, prepared: Prepared, tally: Tally) -> bool:
    """May the response be too long to be encoded at once?"""
    return (
        prepared.size.bound(tally.read_bytes) > ENCODED_AT_ONCE
        or prepared.operation.introspected > MANY_INTROSPECTED
        or len(result.errors or ()) > MANY_ERRORS
    )


def _fields_at_once(result: ExecutionResult, prepared: Prepared, tally: Tally) -> int:
    """How many fields of the operation, or items of a list there, can be encoded at once."""
    if result.errors or prepared.operation.introspected:
        return 0
    return ENCODED_AT_ONCE // max(1, part_of(prepared.plan).bound(tally.read_bytes))


def write_fields(
    response: dict[str, Any], max_bytes: int, at_once: int
) -> Generator[None, None, bytes]:
    """Encode a response in steps of so many fields of the operation, or items of a list there;
    raises `ResponseTooLarge` beyond so many bytes.
    """
    out = bytearray()
    step_to = min(PART_BYTES, max_bytes)
    for name, value in response.items():
        out += b',"%b":' % name.encode()
        if name != "data" or not value:
            _encode_into(value, out, -1)
            continue
        start = len(out)
        for before, group, after in _groups(value, at_once):
            out += before
            # The brackets of a group give way to what stands before and after it.
            bracket = len(out) - 1
            _encode_into(group, out, bracket)
            out[bracket] = before[-1]
            out[-1:] = after
            if len(out) > step_to:
                if len(out) > max_bytes:
                    raise ResponseTooLarge.by_bytes(max_bytes)
                step_to = min(len(out) + PART_BYTES, max_bytes)
                yield
        out[start : start + 1] = b"{"
        out += b"}"
    out[:1] = b"{"
    out += b"}"
    return bytes(out)


def _groups(
    fields: dict[str, Any], at_once: int
) -> Iterator[tuple[bytes, dict[str, Any] | list[Any], bytes]]:
    """Fields and items of lists in groups, each with the text before and after its own."""
    if list not in map(type, fields.values()):
        items = iter(fields.items())
        while group := dict(islice(items, at_once)):
            yield b",", group, b""
        return
    for key, field in fields.items():
        if type(field) is not list:
            yield b",", {key: field}, b""
            continue
        before = b',"%b":[' % key.encode()
        for place in range(0, len(field) or 1, at_once):
            yield (
                before,
                field[place : place + at_once],
                b"" if len(field) > place + at_once else b"]",
            )
            before = b","


def is_small(response: dict[str, Any]) -> bool:
    """Can a response be encoded at once? Looks no further than it takes to tell."""
    return _left(response, PART_BYTES) > 0


def _left(value: Any, left: int) -> int:
    """What is left of so many bytes; each node takes some."""
    left -= NODE_BYTES * len(value)
    for leaf in value.values() if type(value) is dict else value:
        kind = type(leaf)
        if kind is str:
            left -= len(leaf)
        elif kind is dict or kind is list:
            left = _left(leaf, left)
        if left < 0:
            break
    return left


def write_steps(response: dict[str, Any], max_bytes: int) -> Generator[None, None, bytes]:
    """Encode a response in steps; raises `ResponseTooLarge` beyond so many bytes."""
    writer = _Writer(max_bytes)
    yield from writer.write(response)
    return bytes(writer.out)


class _Writer:
    def __init__(self, max_bytes: int) -> None:
        self.out = bytearray()
        self._max_bytes = max_bytes
        # Since the last step.
        self._nodes = 0
        self._from = 0

    def write(self, value: Any) -> Generator[None, None, None]:
        if type(value) is dict and not _is_small(value):
            yield from self._items(b"{}", value, value)
        elif type(value) is list and value:
            yield from self._items(b"[]", value, None)
        else:
            self._encode(value)
            self._nodes += len(value) if type(value) is dict else 1
            if self._nodes > STEP_NODES or len(self.out) - self._from > PART_BYTES:
                self._nodes, self._from = 0, len(self.out)
                yield

    def _items(
        self, brackets: bytes, values: Any, by_key: dict[str, Any] | None
    ) -> Generator[None, None, None]:
        start = len(self.out)
        for value in values:
            self.out += b","
            if by_key is None:
                yield from self.write(value)
                continue
            self._encode(value)
            self.out += b":"
            yield from self.write(by_key[value])
        self.out[start : start + 1] = brackets[:1]
        self.out += brackets[1:]

    def _encode(self, value: Any) -> None:
        if type(value) is str and len(value) > self._max_bytes:
            raise ResponseTooLarge.by_bytes(self._max_bytes)
        _encode_into(value, self.out, -1)
        if len(self.out) > self._max_bytes:
            raise ResponseTooLarge.by_bytes(self._max_bytes)


def _is_small(value: dict[str, Any]) -> bool:
    """Does it hold nothing but leaves, and few bytes?"""
    size = 0
    for leaf in value.values():
        kind = type(leaf)
        if kind is str:
            size += len(leaf)
        elif kind is dict or kind is list:
            return False
    return size < PART_BYTES // 4
