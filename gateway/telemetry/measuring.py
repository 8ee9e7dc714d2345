"""Metrics as a part of the application: made at its start, asked by `/metrics`, closed at its end.

hooks ──────────────► Metrics ─┐
readings, now and then ────────┼─► cells ─► (those of other workers) ─► exposition
lag of the loop ───────────────┘
"""

from __future__ import annotations

import asyncio
import math
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

import gateway.telemetry.catalogue as catalogue
from gateway.telemetry.cells import Cells, merged, parse
from gateway.telemetry.exposition import rendered
from gateway.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from gateway.telemetry.catalogue import Metric

__all__ = ["Measuring", "Reading"]

# A gauge, its labels, and what it shows.
Reading: TypeAlias = "tuple[Metric, tuple[str, ...], float]"

LAG_EVERY_S: Final = 0.5
# How old the gauges of other workers may be.
READ_EVERY_S: Final = 5.0


class Measuring:
    """Counts for one process. `folder` is where the workers of one gateway count together; without
    it there is only this one.
    """

    def __init__(self, version: str, folder: Path | None = None) -> None:
        self._folder = folder
        self._cells = Cells()
        self.hook = Metrics(self._cells)
        self._gauges: dict[tuple[Metric, tuple[str, ...]], int] = {}
        self._readings: Callable[[], Iterable[Reading]] = tuple
        self._fixed: list[Reading] = [
            (catalogue.INFO, (version,), 1.0),
            (catalogue.WORKERS, (), 1.0),
        ]
        self._running: asyncio.Task[None] | None = None
        self._rendering: asyncio.Task[tuple[str, bytes]] | None = None

    def start(self, readings: Callable[[], Iterable[Reading]]) -> None:
        """Begin to look at the loop, and at what these readings show."""
        if self._folder is not None:
            self._cells = _shared(self._folder)
            self._gauges.clear()
            self.hook.count_in(self._cells)
        self._readings = readings
        self._running = asyncio.get_running_loop().create_task(self._run(), name="metrics")

    async def close(self) -> None:
        """Stop. What was counted stays, for other workers to tell."""
        for task in (self._running, self._rendering):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
        self._running = None
        self._readings = tuple
        self._cells.close()

    async def scrape(self, accept: str) -> tuple[str, bytes]:
        """The content type and the text of `/metrics`. Made in a thread, one at a time; those who
        ask meanwhile wait.
        """
        while self._rendering is not None and not self._rendering.done():
            await asyncio.wait([self._rendering])
        self._rendering = asyncio.get_running_loop().create_task(self._render(accept))
        return await asyncio.shield(self._rendering)

    async def _render(self, accept: str) -> tuple[str, bytes]:
        self.read()
        return await asyncio.to_thread(_rendered, self._folder, self._cells, accept)

    def read(self) -> None:
        """Take the readings, which are a few look-ups, and one for each credential."""
        values = self._cells.values
        for at in self._gauges.values():
            values[at] = math.nan
        for metric, labels, value in (*self._fixed, *self._readings()):
            slot = self._gauges.get((metric, labels))
            if slot is None:
                slot = self._gauges[metric, labels] = self._cells.slot(metric, *labels)
            self._cells.values[slot] = value

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        read_at = -math.inf
        while True:
            began = loop.time()
            if self._folder is not None and began >= read_at + READ_EVERY_S:
                read_at = began
                self.read()
            await asyncio.sleep(LAG_EVERY_S)
            late_s = max(loop.time() - began - LAG_EVERY_S, 0.0)
            self.hook.observe(catalogue.LOOP_LAG, late_s)


def _shared(folder: Path) -> Cells:
    # Not on every system.
    from gateway.telemetry.workers import WorkerCells  # noqa: PLC0415

    return WorkerCells(folder)


def _rendered(folder: Path | None, cells: Cells, accept: str) -> tuple[str, bytes]:
    if folder is None:
        return rendered(merged([parse(cells.content())]), [os.getpid()], accept)
    from gateway.telemetry.workers import read_workers  # noqa: PLC0415

    return rendered(*read_workers(folder), accept)
