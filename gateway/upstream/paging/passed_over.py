"""Filters of a project's pipelines that older upstreams pass over: they answer as if nothing had
been asked (upstream.md, 10). The rows tell it, and are tested here then, as those of jobs are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec import UNSET, Struct

from gateway.errors import BadInput, UpstreamInvalid
from gateway.upstream.timestamps import instant_of

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.upstream.entities import Pipeline
    from gateway.upstream.pages import Filters

__all__ = ["ListedTest", "test_of_filters"]


class ListedTest(Struct, frozen=True):
    """What the rows of a list were asked to be like, as far as they tell. In a list that runs
    `from_newest` on an early row is also the end of it.
    """

    names: ClassVar[None] = None
    max_rows: ClassVar[int] = 500

    name: str | None
    created_after: datetime | None
    created_before: datetime | None
    from_newest: bool

    def fits(self, row: Pipeline, _patterns: object = None) -> bool:
        """Is a row like that? Raises `BadInput` where it does not tell its name."""
        # What has not been asked about is not decoded either.
        if self.name is not None:
            if row.name is UNSET:
                raise BadInput(
                    "name: this upstream neither filters its pipelines by name nor tells their"
                    " names in lists, as GitLab does from 16.9 and 16.3 on; leave name out"
                )
            if row.name != self.name:
                return False
        if self.created_after is None and self.created_before is None:
            return True
        created = instant_of(row.created_at)
        return created is None or not (
            (self.created_after is not None and created < self.created_after)
            or (self.created_before is not None and created >= self.created_before)
        )

    def is_too_old(self, row: Pipeline) -> bool:
        """Was it, and so were all after it, created too early?"""
        if not self.from_newest or self.created_after is None:
            return False
        created = instant_of(row.created_at)
        return created is not None and created < self.created_after

    def is_passed_over(self, rows: list[Pipeline | UpstreamInvalid]) -> bool:
        """Does one of the rows show that nobody has asked for such rows?"""
        return not all(self.fits(row) for row in rows if not isinstance(row, UpstreamInvalid))


def test_of_filters(filters: Filters, *, from_newest: bool) -> ListedTest | None:
    """The test for those of the list's parameters that may be passed over; None without any."""
    given = dict(filters)
    name, after, before = map(given.get, ("name", "created_after", "created_before"))
    if name is None and after is None and before is None:
        return None
    earliest = instant_of(after)
    if earliest is not None:
        # Rows tell milliseconds, cut off.
        earliest = earliest.replace(microsecond=earliest.microsecond // 1000 * 1000)
    return ListedTest(name, earliest, instant_of(before), from_newest)
