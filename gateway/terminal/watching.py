"""Follows a subject and the logs beside it to their end, and tells a view.

A job: its updates and its log, side by side. A pipeline: its updates; beside them, as the view
wants it, the log of the one job that is worth a look, or the end of each failed job's log.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from gateway.terminal.connection import Broken, Refused, responses
from gateway.terminal.following import Lost, Patience, follow
from gateway.terminal.operations import JOB, LOG, PIPELINE, TAIL
from gateway.terminal.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gateway.terminal.connection import Address
    from gateway.terminal.progress import Item
    from gateway.terminal.subject import Subject

__all__ = ["View", "Watch"]

TICK_S: Final = 1.0
TAIL_LINES: Final = 100
# Failed jobs of a pipeline whose logs are told, as lines.
MOST_TAILS: Final = 20
# How long the log that is shown has to come to its end, once its pipeline has.
LAST_LOG_S: Final = 10.0


class View(Protocol):
    """What a person sees."""

    @property
    def follows(self) -> bool:
        """Is the log of a pipeline's running job wanted as it grows?"""

    def show(self, progress: Progress, changed: list[Item]) -> None:
        """What has changed, and how all of it is now."""

    def log(self, item: Item | None, text: str) -> None:
        """A piece of a log: of the job that is watched (None), or of one of a pipeline."""

    def notice(self, text: str) -> None:
        """What passes: a connection that broke, an upstream that fails for now."""

    def tick(self) -> None:
        """A second has passed."""

    def finish(self) -> None:
        """Nothing more will come."""


@dataclass(slots=True)
class Watch:
    """One subject, watched through a gateway."""

    address: Address
    subject: Subject
    view: View
    log_format: str
    patience: Patience = field(default_factory=Patience)
    worded: Callable[[str], str] = str
    """What passes, for whoever watches."""

    async def to_the_end(self) -> str:
        """The status that the subject ended with; raises `Refused`, `Unreachable`, `Lost`."""
        progress = Progress()
        ref = {"webUrl": self.subject.url}
        ticking = asyncio.create_task(self._tick())
        try:
            if self.subject.kind == "pipeline":
                await self._pipeline(progress, ref)
            else:
                await _together(self._job(progress, ref), self._log(None, ref, 0))
        finally:
            ticking.cancel()
        self.view.finish()
        return progress.status

    def _notice(self, text: str) -> None:
        self.view.notice(self.worded(text))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.view.tick()

    async def _job(self, progress: Progress, ref: dict[str, str]) -> None:
        async with aclosing(self._follow(JOB, {"job": ref})) as updates:
            async for row in updates:
                self.view.show(progress, progress.take_job(row))

    async def _pipeline(self, progress: Progress, ref: dict[str, str]) -> None:
        shown: Item | None = None
        told = 0
        reading: asyncio.Task[None] | None = None
        try:
            async with aclosing(self._follow(PIPELINE, {"pipeline": ref})) as updates:
                async for update in updates:
                    changed = progress.take_pipeline(update)
                    self.view.show(progress, changed)
                    if not self.view.follows:
                        failed = [item for item in changed if item.is_failed and item.has_log]
                        for item in failed[: MOST_TAILS - told]:
                            told += 1
                            await self._tail(item)
                        continue
                    wanted = progress.worth_a_look(shown)
                    if wanted is not None and (shown is None or wanted.id != shown.id):
                        await _ended(reading)
                        shown = wanted
                        reading = asyncio.create_task(self._log_of(wanted))
            if reading is not None:
                await asyncio.wait([reading], timeout=LAST_LOG_S)
        finally:
            await _ended(reading)

    async def _log_of(self, item: Item) -> None:
        """The end of an item's log, then what comes after it."""
        self.view.log(item, "")
        end = await self._tail(item)
        await self._log(item, {"id": item.id}, end)

    async def _log(self, item: Item | None, ref: dict[str, str], position: int) -> None:
        """A log from a position on. That it cannot be had is told, and no more."""
        at = position

        def variables() -> dict[str, Any]:
            return {"job": ref, "from": at, "format": self.log_format}

        patience = replace(self.patience, fails_at_once=False)
        pieces = follow(self.address, LOG, variables, notice=self._notice, patience=patience)
        with suppress(Lost):
            try:
                async with aclosing(pieces):
                    async for piece in pieces:
                        # First written, then counted: what was cut off is asked for again.
                        self.view.log(item, piece["text"])
                        at = piece["endByte"]
            except Refused as refused:
                # Why the upstream is not reached ends all of it, and is told then.
                if not refused.cause:
                    self._notice(f"the log: {refused}")

    async def _tail(self, item: Item) -> int:
        """Show the end of a log; gives the position after it, or the start where it failed."""
        variables = {"job": {"id": item.id}, "lines": TAIL_LINES, "format": self.log_format}
        try:
            async with aclosing(responses(self.address, TAIL, variables)) as answers:
                async for answer in answers:
                    job = (answer.get("data") or {}).get("job") or {}
                    piece = (job.get("log") or {}).get("tail")
                    if piece is not None:
                        self.view.log(item, piece["text"])
                        return int(piece["endByte"])
        except (Broken, Refused) as failure:
            self._notice(f"the log of {item.name}: {failure}")
        return 0

    def _follow(self, document: str, variables: dict[str, Any]) -> Any:
        return follow(
            self.address,
            document,
            lambda: variables,
            notice=self._notice,
            patience=self.patience,
        )


async def _together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all; the first that fails ends the others, and is raised as it is."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ended(task: asyncio.Task[None] | None) -> None:
    """Cancel a task, and wait until it is over; raises what it failed with."""
    if task is None:
        return
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()
