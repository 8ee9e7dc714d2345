"""Where a response is largest, for whoever is told that it is too large.

A path is of response keys, joined by dots, without the positions in lists: a list counts as one
place. It goes down as long as one place holds more than half of what is above it. Looked for where
a response was refused, and only there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from graphql import get_nullable_type, is_list_type

from gateway.execution.size import COUNTED, ROWS_WITHIN

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from gateway.execution.plan import Plan, Selection

__all__ = ["most_bytes", "most_fields", "place_of"]

# What a number, a word or a bracket counts.
LEAF_BYTES: Final = 8
# Values that are looked at in one step.
STEP_VALUES: Final = 5_000


def most_fields(plan: Plan, rows: Mapping[int, int]) -> tuple[int, str]:
    """The fields that a response may have (`size_of`), and where most of them are."""
    nodes, _, path = _most_fields(plan.root, rows)
    return nodes, ".".join(path)


def _most_fields(selection: Selection, rows: Mapping[int, int]) -> tuple[int, int, tuple[str, ...]]:
    """The fields of an object, those of its greatest place, and the path there."""
    total = greatest = 0
    path: tuple[str, ...] = ()
    is_page = selection.type.name.endswith(COUNTED)
    for field in selection.fields:
        nodes = 1
        below: tuple[str, ...] = ()
        if field.below:
            most, part, below = max(_most_fields(each, rows) for each in field.below.values())
            below = below if 2 * part > most else ()
            within = not is_page and is_list_type(get_nullable_type(field.definition.type))
            count = ROWS_WITHIN if within else 1
            nodes += most * (count if field.slot is None else rows.get(field.slot.number, 1))
        total += nodes
        if nodes > greatest:
            greatest, path = nodes, (field.key, *below) if field.below else ()
    return total, greatest, path


class _Place:
    __slots__ = ("below", "size_bytes")

    def __init__(self) -> None:
        self.size_bytes = 0
        self.below: dict[str, _Place] = {}

    def sum_up(self) -> int:
        self.size_bytes += sum(place.sum_up() for place in self.below.values())
        return self.size_bytes


def most_bytes(data: dict[str, Any]) -> Generator[None, None, str]:
    """Where most bytes of a response's data are, found in steps."""
    root = _Place()
    left: list[tuple[_Place, Any]] = [(root, data)]
    looked_at = 0
    while left:
        place, value = left.pop()
        values = _within(place, value) if type(value) is dict else ((place, one) for one in value)
        for at, one in values:
            kind = type(one)
            if kind is dict or kind is list:
                left.append((at, one))
            at.size_bytes += len(one) if kind is str else LEAF_BYTES
        looked_at += len(value)
        if looked_at > STEP_VALUES:
            looked_at = 0
            yield
    root.sum_up()
    return ".".join(_largest(root))


def _within(place: _Place, value: dict[str, Any]) -> Iterable[tuple[_Place, Any]]:
    for key, one in value.items():
        at = place.below.get(key)
        if at is None:
            at = place.below[key] = _Place()
        at.size_bytes += len(key)
        yield at, one


def _largest(place: _Place) -> Iterable[str]:
    is_root = True
    while place.below:
        key, below = max(place.below.items(), key=lambda item: item[1].size_bytes)
        if not is_root and 2 * below.size_bytes <= place.size_bytes:
            return
        yield key
        place, is_root = below, False


def place_of(path: Iterable[str | int]) -> str:
    """The place of a field whose path an error has."""
    return ".".join(key for key in path if isinstance(key, str))
