"""What an answer can come to, known before it is built.

The plan is walked with the rows that its edges may give (`cost`). A `Size` tells: the
fields of the answer (nodes), the bytes of all that is no text of the upstream, and how many times
the answer can show one byte that was read of the upstream. A byte is shown again by each alias of
its field, and wherever its object stands. With the bytes that were read this gives a bound
(`Size.bound`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from graphql import get_named_type, get_nullable_type, is_list_type

from gateway.execution.plan import Outline, Size
from gateway.turns import finished

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from gateway.execution.plan import Plan, Selection

__all__ = ["part_of", "size_of", "size_steps"]

# The scalars that show texts of the upstream.
TEXTS: Final = frozenset({"String", "ID", "URL", "JSON"})
# A number, a time, a word; or what an id or an address adds to the texts it is put together of.
LEAF_BYTES: Final = 120
# What a row of a list within an entity takes of the upstream's answer at least.
ROW_BYTES: Final = 16
# As how many a list within an entity counts, such as a job's files: nothing says how many there
# are, and few have as many.
ROWS_WITHIN: Final = 20
# Ends of the names of types whose lists hold the rows of their edge, which are counted there. Items
# stand in one stage each, and none is empty: all stages together have as many as there are rows.
COUNTED: Final = ("Connection", "List", "Stage")
_UNKNOWN: Final = Size(0, 2**62, 0, 0)


def size_of(plan: Plan, rows: Mapping[int, int]) -> Size:
    """What an operation's answer can come to, its edges giving so many rows, by slot."""
    last = plan.last_size
    if last is not None and last[0] == rows:
        return last[1]
    size = _size(plan.root, rows)
    plan.last_size = rows, size
    return size


def _size(selection: Selection, rows: Mapping[int, int]) -> Size:
    outline = selection.outline or finished(_outline_steps(selection))
    if not outline.edges:
        return outline.size
    nodes, fixed_bytes, own, beyond = outline.size
    for slot, below, is_list, known in outline.edges:
        within = ROWS_WITHIN if is_list else 1
        count = within if slot is None else rows.get(slot, 1)
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
        outline = plan.root.outline or finished(_outline_steps(plan.root))
        sizes = [known or _UNKNOWN for _, _, _, known in outline.edges]
        plan.part = Size(*map(max, zip(outline.size, *sizes, strict=True)))
    return plan.part


def size_steps(plan: Plan) -> Generator[None, None, None]:
    """Note what of an answer's size hangs on no argument; yields after each selection."""
    yield from _outline_steps(plan.root)


def _outline_steps(selection: Selection) -> Generator[None, None, Outline]:
    """What is known of a selection's size before its arguments are. It is kept where more hangs on
    them, and is looked at again.
    """
    edges: list[tuple[int | None, list[Selection], bool, Size | None]] = []
    nodes = len(selection.fields)
    fixed_bytes = nodes * LEAF_BYTES
    # How many times each attribute is shown; functions may read any.
    shown: dict[str | None, int] = {None: 0}
    is_page = selection.type.name.endswith(COUNTED)
    for field in selection.fields:
        fixed_bytes += 6 * len(field.key)
        attribute = None if field.read is None else field.read.attribute
        is_list = is_list_type(get_nullable_type(field.definition.type))
        below = list(field.below.values())
        if not below:
            is_text = get_named_type(field.definition.type).name in TEXTS
            shown[attribute] = shown.get(attribute, 0) + is_text
            continue
        outlines = []
        for selected in below:
            known_of = selected.outline or (yield from _outline_steps(selected))
            outlines.append(known_of)
        if field.slot is not None or field.has_slots_below:
            number = None if field.slot is None else field.slot.number
            hangs = any(outline.edges for outline in outlines)
            known = (
                None if hangs else Size(*map(max, zip(*[o.size for o in outlines], strict=True)))
            )
            edges.append((number, below, is_list and not (number is None and is_page), known))
        if field.slot is not None:
            continue
        own = max(outline.size.own for outline in outlines)
        if not field.has_slots_below:
            times = ROWS_WITHIN if is_list and not is_page else 1
            nodes += times * max(outline.size.nodes for outline in outlines)
            fixed = max(outline.size.fixed_bytes for outline in outlines)
            fixed_bytes += fixed
            if is_list and not is_page:
                own += fixed // ROW_BYTES + 1
        shown[attribute] = shown.get(attribute, 0) + own
    by_functions = shown.pop(None)
    size = Size(nodes, fixed_bytes, by_functions + max(shown.values(), default=0), 0)
    outline = Outline(size, edges)
    if edges:
        selection.outline = outline
    yield
    return outline
