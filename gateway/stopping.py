"""The signals to stop: the first asks, the second hurries, the third ends the process at once."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["StopSignals"]

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """SIGINT and SIGTERM while the block runs, in the main thread. `on_second` is called on the
    second of them, by the event loop.
    """

    def __init__(self) -> None:
        self.on_second: Callable[[], object] = lambda: None
        self._first, self._second = asyncio.Event(), asyncio.Event()
        self._is_interrupt = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._before = {number: signal.signal(number, self._told) for number in _NUMBERS}
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()

    async def first(self) -> None:
        """Wait for the first."""
        await self._first.wait()

    async def wait_for_second(self, timeout_s: float) -> None:
        """Wait for another, so long at most; not at all if the first was SIGINT, by which a person
        at a terminal stops what nobody else uses.
        """
        if not self._is_interrupt:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._second.wait()
            except TimeoutError:
                pass

    def _told(self, number: int, _: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._take, number)

    def _take(self, number: int) -> None:
        if not self._first.is_set():
            self._is_interrupt = number == signal.SIGINT
            self._first.set()
            return
        self._give_back()
        self._second.set()
        self.on_second()

    def _give_back(self) -> None:
        before, self._before = self._before, {}
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
