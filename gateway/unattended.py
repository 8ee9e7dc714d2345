"""Running where nobody sees to it: a server that speaks no lifespan, or an application that mounts
the gateway without entering it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

__all__ = ["Unattended"]

_log = logging.getLogger(__name__)


class Unattended:
    """What runs from the first request until the event loop ends."""

    def __init__(self, running: Callable[[], AbstractAsyncContextManager[object]]) -> None:
        self._running = running
        # The task that has entered it, and whether it has got so far.
        self._task: asyncio.Task[None] | None = None
        self._has_started: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Run, unless it runs on this loop. A failure is logged; who asked goes on."""
        loop, task = asyncio.get_running_loop(), self._task
        if task is None or task.done() or task.get_loop() is not loop:
            self._has_started = loop.create_future()
            self._task = loop.create_task(self._run(self._has_started), name="gateway")
        if self._has_started is not None:
            await asyncio.shield(self._has_started)

    async def _run(self, has_started: asyncio.Future[None]) -> None:
        try:
            async with self._running():
                has_started.set_result(None)
                await asyncio.get_running_loop().create_future()
        except Exception:
            if has_started.done():
                raise
            _log.exception("the gateway could not be started")
            has_started.set_result(None)
        finally:
            if not has_started.done():
                has_started.cancel()
