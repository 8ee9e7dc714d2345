"""What an answer can come to, known before it is built, and how it is written within its bound.

The plan is walked with the rows that its edges may give (`cost`). Told are the fields of the answer
(nodes), the bytes of all that is no text of the upstream, and how many times the answer can show
one and the same byte that was read of it: by aliases of a field, and by objects that stand at many
places. With the bytes read that is a bound (`Size.bound`).

Where it is small the response is encoded at once, as all ordinary ones are. Else what is small by
itself is encoded by itself, and counted, so that the response ends where it exceeds what is
allowed, by no more than one such part: fields of the operation and items of their lists, where the
bound says that these are small (`write_fields`), or whatever turns out to be (`write_steps`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from graphql import get_named_type, get_nullable_type, is_list_type

from gateway.errors import ResponseTooLarge
from gateway.execution.plan import Outline, Size

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from gateway.execution.plan import Plan, Selection

__all__ = [
    "ENCODED_AT_ONCE",
    "is_small",
    "part_of",
    "size_of",
    "write_fields",
    "write_steps",
]

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
_UNKNOWN: Final = Size(0, 2**62, 0, 0)
# Containers that are written in one step.
STEP_NODES: Final = 5_000

_encode_into = msgspec.json.Encoder().encode_into


def size_of(plan: Plan, rows: Mapping[int, int]) -> Size:
    """What an operation's answer can come to, its edges giving so many rows, by slot."""
    return _size(plan.root, rows)


def _size(selection: Selection, rows: Mapping[int, int]) -> Size:
    outline = selection.outline
    if outline is None:
        outline = selection.outline = _outlined(selection)
    if not outline.edges:
        return outline.size
    nodes, fixed_bytes, own, beyond = outline.size
    for slot, below, is_list, known in outline.edges:
        count = 1 if slot is None else rows.get(slot, 1)
        most_nodes, most_fixed_bytes, most_own, most_beyond = known or _most(below, rows)
        nodes += count * most_nodes
        fixed_bytes += count * most_fixed_bytes
        beyond += count * most_beyond
        if slot is not None:
            # Rows of a page are different ones; those of a list may be the same.
            beyond += most_own * (count if is_list else 1)
    return Size(nodes, fixed_bytes, own, beyond)


def _most(below: Sequence[Selection], rows: Mapping[int, int]) -> Size:
    """What the types that can stand at a place come to at most."""
    if len(below) == 1:
        return _size(below[0], rows)
    sizes = [_size(selection, rows) for selection in below]
    return Size(*map(max, zip(*sizes, strict=True)))


def part_of(plan: Plan) -> Size:
    """What one field of the operation, or one item of a list there, can come to."""
    if plan.part is None:
        outline = plan.root.outline or _outlined(plan.root)
        sizes = [known or _UNKNOWN for _, _, _, known in outline.edges]
        plan.part = Size(*map(max, zip(outline.size, *sizes, strict=True)))
    return plan.part


def _outlined(selection: Selection) -> Outline:
    edges: list[tuple[int | None, list[Selection], bool, Size | None]] = []
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
        outlines = [selected.outline or _outlined(selected) for selected in below]
        if field.slot is not None or field.has_slots_below:
            number = None if field.slot is None else field.slot.number
            hangs = any(outline.edges for outline in outlines)
            known = (
                None if hangs else Size(*map(max, zip(*[o.size for o in outlines], strict=True)))
            )
            edges.append((number, below, is_list, known))
        if field.slot is not None:
            continue
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


def write_fields(response: dict[str, Any], max_bytes: int) -> Generator[None, None, bytes]:
    """Encode a response in steps, field by field; raises `ResponseTooLarge` beyond so many
    bytes.
    """
    out = bytearray()
    step_to = min(PART_BYTES, max_bytes)
    for name, value in response.items():
        out += b',"%b":' % name.encode()
        if name != "data" or not value:
            _encode_into(value, out, -1)
            continue
        opening = b"{"
        for key, field in value.items():
            out += opening
            opening = b","
            _encode_into(key, out, -1)
            out += b":"
            is_list = type(field) is list
            if is_list:
                out += b"["
            for item in field if is_list else (field,):
                _encode_into(item, out, -1)
                out += b","
                if len(out) > step_to:
                    if len(out) > max_bytes:
                        raise ResponseTooLarge.by_bytes(max_bytes)
                    step_to = min(len(out) + PART_BYTES, max_bytes)
                    yield
            if field or not is_list:
                del out[-1]
            if is_list:
                out += b"]"
        out += b"}"
    out[:1] = b"{"
    out += b"}"
    return bytes(out)


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
