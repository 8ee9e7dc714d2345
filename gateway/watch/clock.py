"""Time, as pollers see it: tests drive it."""

from __future__ import annotations

import asyncio

__all__ = ["Clock"]


class Clock:
    """The running loop's clock, in seconds."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def wait(self, event: asyncio.Event, timeout_s: float) -> bool:
        """Wait for an event, so long at most; tells whether it came."""
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return False
        return True
