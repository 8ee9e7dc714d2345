"""The upstream's pages, as its lists give them (contract, section 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from gateway.errors import UpstreamInvalid

__all__ = ["MAX_PER_PAGE", "KeysetCursor", "KeysetPage", "OffsetPage"]

T = TypeVar("T")

# What the upstream gives in one page at most.
MAX_PER_PAGE = 100


class KeysetCursor(NamedTuple):
    """A bound, exclusive: forward gives the rows below `id`, backward the nearest rows above it.

    Without an id: the first page forward, the last page backward.
    """

    id: int | None
    backward: bool = False


class KeysetPage(Struct, Generic[T]):
    """`next` is the id that the upstream's link to the next page goes on below; None at the end."""

    items: list[T | UpstreamInvalid]
    next: int | None


class OffsetPage(Struct, Generic[T]):
    """`total` is None where the upstream does not count."""

    items: list[T | UpstreamInvalid]
    next_page: int | None
    total: int | None
