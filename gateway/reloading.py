"""SIGHUP, by which whoever runs the gateway asks it to read its files anew."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["reloading"]


@asynccontextmanager
async def reloading(reload: Callable[[], Awaitable[object]] | None) -> AsyncIterator[None]:
    """Call `reload` at each SIGHUP while the block runs, in the main thread; those that come while
    it is under way make it run once more. With None the signal does what it did: a terminal that is
    closed ends the process by it.
    """
    number = getattr(signal, "SIGHUP", None)
    if reload is None or number is None:
        yield
        return
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    before = signal.signal(number, lambda *_: loop.call_soon_threadsafe(asked.set))
    task = asyncio.create_task(_reload_each_time(asked, reload), name="reload")
    try:
        yield
    finally:
        signal.signal(number, signal.SIG_DFL if before is None else before)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _reload_each_time(asked: asyncio.Event, reload: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asked.wait()
        asked.clear()
        await reload()
