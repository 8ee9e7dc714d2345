"""Orders of a project's pipelines, other than newest id first.

Pages of a list go on rightly where each of its rows tells its own place: in order of ids, and of
the last change. In the other orders the upstream leaves rows of one status, ref or user in any
order, another one each time, so there only the first page means something.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from msgspec import Struct

from gateway.errors import UpstreamInvalid
from gateway.upstream.paging.cursors import MAX_ID, Cursor
from gateway.upstream.timestamps import instant_of

if TYPE_CHECKING:
    from gateway.upstream.entities import Pipeline
    from gateway.upstream.pages import Filters

__all__ = ["TOP", "Ordering", "Place", "ordering_of"]

OrderBy: TypeAlias = Literal["id", "status", "ref", "updated_at", "user_id"]
# A row's place: the lower, the further down.
Place: TypeAlias = tuple[float, float]

# Above all rows.
TOP: Final[Place] = (math.inf, math.inf)
TELLING: Final = frozenset({"id", "updated_at"})
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


class Ordering(Struct, frozen=True):
    """An order, as the list's parameters `order_by` and `sort` name it."""

    by: OrderBy = "id"
    ascending: bool = False

    @property
    def code(self) -> int:
        """What cursors call it."""
        return 2 * get_args(OrderBy).index(self.by) + self.ascending

    @property
    def tells(self) -> bool:
        """Does each row tell its place?"""
        return self.by in TELLING

    def place_of(self, row: Pipeline | UpstreamInvalid) -> Place | None:
        """The place of a row; None where it does not tell."""
        if isinstance(row, UpstreamInvalid):
            return None
        changed = changed_us(row) if self.by == "updated_at" else 0
        return None if changed is None else self._place(changed, row.id)

    def place_in(self, cursor: Cursor | None) -> Place:
        """The place of the row that a cursor names; above all without one."""
        return TOP if cursor is None else self._place(cursor.total or 0, cursor.id)

    def cursor_of(self, row: Pipeline, offset: int) -> Cursor:
        """The cursor of a row that tells its place."""
        changed = changed_us(row) if self.by == "updated_at" else None
        return Cursor("o", row.id, self.code, offset, changed)

    @property
    def cursor_at_top(self) -> Cursor:
        """A cursor before all rows."""
        first = 0 if self.ascending else MAX_ID
        return Cursor("o", first, self.code, 0, first)

    def _place(self, changed: int, row_id: int) -> Place:
        return (-changed, -row_id) if self.ascending else (changed, row_id)


def ordering_of(filters: Filters) -> Ordering | None:
    """The order among the list's parameters; None for newest id first."""
    given: dict[str, Any] = dict(filters)
    ordering = Ordering(given.get("order_by", "id"), given.get("sort") == "asc")
    return None if ordering == Ordering() else ordering


def changed_us(row: Pipeline) -> int | None:
    """When a row changed last, in microseconds since 1970; None where it does not tell."""
    changed = instant_of(row.updated_at)
    return None if changed is None else max((changed - EPOCH) // MICROSECOND, 0)
