"""Reads that are under way at the same time, as one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["side_by_side"]


async def side_by_side(*reads: Coroutine[Any, Any, Any]) -> list[Any]:
    """What the reads give, in order. The first failure, in this order, stops the others."""
    tasks = [asyncio.ensure_future(read) for read in reads]
    try:
        return [await task for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
