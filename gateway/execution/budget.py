"""What an answer can come to, known before it is built, and how it is written within its bound.

The plan is walked with the rows that its edges may give (`cost`). Told are the fields of the answer
(nodes), the bytes of all that is no text of the upstream, and how many times the answer can show
one and the same byte that was read of it: by aliases of a field, and by objects that stand at many
places. With the bytes read that is a bound (`Size.bound`).

Where it is small the response is encoded at once, as all ordinary ones are. Else what is small by
itself is encoded by itself, and counted, so that the response ends where it exceeds what is
allowed, by no more than one such part (`write_steps`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from graphql import get_named_type, get_nullable_type, is_list_type

from gateway.errors import ResponseTooLarge
from gateway.execution.plan import Outline, Size

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from gateway.execution.plan import Plan, Selection, Slot

__all__ = ["ENCODED_AT_ONCE", "is_small", "size_of", "write_steps"]

# A bound below which nobody looks at how large a response is: its encoding takes 20 ms.
ENCODED_AT_ONCE: Final = 16_000_000
# What one call encodes of a larger one.
PART_BYTES: Final = 4_000_000
# What a node counts at least, where bytes are looked at.
NODE_BYTES: Final = 64
# The scalars that show texts of the upstream.
TEXTS: Final = frozenset({"String", "ID", "URL", "JSON"})
# A number, a time, a word; or what an id or an address adds to the texts it is put together of.
LEAF_BYTES: Final = 120
# What a row of a list within an entity takes of the upstream's answer at least.
ROW_BYTES: Final = 16
# Containers that are written in one step.
STEP_NODES: Final = 5_000

_encode_into = msgspec.json.Encoder().encode_into


def size_of(plan: Plan, arguments: Mapping[int, dict[str, Any]]) -> Size:
    """What an operation's answer can come to, its edges given these arguments, by slot."""
    return _size(plan.root, arguments)


def _size(selection: Selection, arguments: Mapping[int, dict[str, Any]]) -> Size:
    outline = selection.outline
    if outline is None:
        outline = selection.outline = _outlined(selection)
    if not outline.edges:
        return outline.size
    nodes, fixed_bytes, own, beyond = outline.size
    for slot, below, is_list in outline.edges:
        rows = 1
        if slot is not None and slot.edge is not None:
            _, rows = slot.edge.cost.of(arguments[slot.number])
        most = _most(below, arguments)
        nodes += rows * most.nodes
        fixed_bytes += rows * most.fixed_bytes
        beyond += rows * most.beyond
        if slot is not None:
            # Rows of a page are different ones; those of a list may be the same.
            beyond += most.own * (rows if is_list else 1)
    return Size(nodes, fixed_bytes, own, beyond)


def _most(below: Iterable[Selection], arguments: Mapping[int, dict[str, Any]]) -> Size:
    """What the types that can stand at a place come to at most."""
    first, *others = [_size(selection, arguments) for selection in below]
    return Size(*map(max, zip(first, *others, strict=True))) if others else first


def _outlined(selection: Selection) -> Outline:
    edges: list[tuple[Slot | None, list[Selection], bool]] = []
    nodes = len(selection.fields)
    fixed_bytes = nodes * LEAF_BYTES
    # How many times each attribute is shown; functions may read any.
    shown: dict[str | None, int] = {None: 0}
    is_page = selection.type.name.endswith("Connection")
    for field in selection.fields:
        fixed_bytes += 6 * len(field.key)
        attribute = None if field.read is None else field.read.attribute
        is_list = is_list_type(get_nullable_type(field.definition.type))
        below = list(field.below.values())
        if not below:
            is_text = get_named_type(field.definition.type).name in TEXTS
            shown[attribute] = shown.get(attribute, 0) + is_text
            continue
        if field.slot is not None or field.has_slots_below:
            edges.append((field.slot, below, is_list))
        if field.slot is not None:
            continue
        outlines = [selected.outline or _outlined(selected) for selected in below]
        own = max(outline.size.own for outline in outlines)
        if not field.has_slots_below:
            nodes += max(outline.size.nodes for outline in outlines)
            fixed = max(outline.size.fixed_bytes for outline in outlines)
            fixed_bytes += fixed
            if is_list and not is_page:
                own += fixed // ROW_BYTES + 1
        shown[attribute] = shown.get(attribute, 0) + own
    by_functions = shown.pop(None)
    size = Size(nodes, fixed_bytes, by_functions + max(shown.values(), default=0), 0)
    return Outline(size, edges)


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
