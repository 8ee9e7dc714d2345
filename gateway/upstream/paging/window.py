"""Windows: which rows of a list a caller asks for, and the upstream calls they may take."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from gateway.errors import BadInput
from gateway.upstream.paging.cursors import Cursor

__all__ = ["DEFAULT_SIZE", "MAX_SIZE", "Window", "calls_at_most", "window_of"]

DEFAULT_SIZE: Final = 20
MAX_SIZE: Final = 100


class Window(Struct, frozen=True):
    """`size` rows of a list after the cursor, or before it where `backward`.

    Without a cursor they are the newest rows, or the oldest where `backward`. `wants_next` and
    `wants_previous` say whether the caller asks if there are rows beyond the window's ends; where
    nobody asks, finding out may be a call less.
    """

    size: int = DEFAULT_SIZE
    backward: bool = False
    cursor: Cursor | None = None
    wants_next: bool = True
    wants_previous: bool = True


def window_of(
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
    *,
    wants_next: bool = True,
    wants_previous: bool = True,
    at_most: int = MAX_SIZE,
) -> Window:
    """The window that Relay's arguments mean; raises `BadInput` for those that mean none, or more
    than `at_most` rows.
    """
    backward = last is not None or (before is not None and first is None)
    if not backward:
        if before is not None:
            raise BadInput("before goes with last; first goes with after")
        size, text = _checked_size(first, "first", at_most), after
    else:
        if first is not None:
            raise BadInput("first, last: give only one of the two")
        if after is not None:
            raise BadInput("after goes with first; last goes with before")
        size, text = _checked_size(last, "last", at_most), before
    if text is None:
        # Nothing lies beyond the list's own end, and to know that costs nothing. Always wanting it
        # makes equal requests equal windows.
        return Window(size, backward, None, backward or wants_next, not backward or wants_previous)
    cursor = Cursor.parse(text, "before" if backward else "after")
    return Window(size, backward, cursor, wants_next, wants_previous)


def calls_at_most(size: int, *, backward: bool, has_cursor: bool) -> int:
    """Upstream calls that a window may take, in a list of any kind that does not change meanwhile.

    Where it takes more (the list moved, pages were shorter than asked for, or nothing told whether
    a full page was the last one), the calls beyond these are counted as retried.
    """
    if backward:
        return 3 if size > 1 else 2
    return 2 if has_cursor else 1


def _checked_size(size: int | None, argument: str, at_most: int) -> int:
    if size is None:
        return min(DEFAULT_SIZE, at_most)
    if not 1 <= size <= at_most:
        raise BadInput(f"{argument}: {size} is out of range; ask for 1 to {at_most}")
    return size
