"""What an operation costs, and what the upstream still allows its caller."""

from __future__ import annotations

from asyncio import get_running_loop
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING

import strawberry
from msgspec import Struct

from gateway.schema.fields import plain
from gateway.schema.scalars import DateTime
from gateway.upstream.calls.allowance import Allowance

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gateway.context import Context

__all__ = ["RateLimit", "rate_limit_now"]


class Figures(Struct, frozen=True):
    """The source of a `RateLimit`."""

    cost: int
    max_cost: int
    limit: int | None
    remaining: int | None
    reset_at: str | None


@strawberry.type(
    description=(
        "What this operation costs, and what the upstream still allows its caller: as it was told"
        " with the last answer, before the calls of this operation."
    )
)
class RateLimit:
    cost: int = plain("cost", "Upstream calls this operation may need at worst.")
    max_cost: int = plain("max_cost", "Most upstream calls an operation may need.")
    limit: int | None = plain(
        "limit", "Caller's upstream requests a window; null until the upstream has said."
    )
    remaining: int | None = plain(
        "remaining", "Those that are left of them; null until the upstream has said."
    )
    reset_at: DateTime | None = plain(
        "reset_at", "When the window ends; null until the upstream has said."
    )


def rate_limit_now(context: Context) -> Figures | Awaitable[Figures]:
    """The figures for the caller of an operation; later where other processes know of them, too."""
    told = context.allowance()
    return (
        _figures(context, told) if isinstance(told, Allowance) else _figures_of_all(context, told)
    )


async def _figures_of_all(context: Context, told: Awaitable[Allowance]) -> Figures:
    return _figures(context, await told)


def _figures(context: Context, told: Allowance) -> Figures:
    reset_at = None
    if told.reset_at is not None:
        at = time() + told.reset_at - get_running_loop().time()
        reset_at = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Figures(context.cost, context.max_cost, told.limit, told.remaining, reset_at)
