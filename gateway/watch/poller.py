"""A poller: a task that asks for a subject again and again, while somebody listens.

    wait until due ── turn ── round ── interval
          ▲ wake

It polls when it starts, then by its interval. A wake makes it due sooner: at once for a write of
the gateway's own, no sooner than the smallest interval for what is heard from elsewhere. Its rounds
wait for their turn among all pollers of the credential, first come, first served.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Final

from gateway.errors import UpstreamError
from gateway.frames import without_frames
from gateway.upstream.scope import CallScope
from gateway.watch.interval import Interval

if TYPE_CHECKING:
    from gateway.upstream.client import Client
    from gateway.upstream.credential import Credential
    from gateway.watch.surroundings import Surroundings

__all__ = ["Poller", "Round"]

_log: Final = logging.getLogger("gateway.watch")


class Round:
    """One round of a poller, as it turned out."""

    __slots__ = ("changed", "fault")

    def __init__(self) -> None:
        self.changed = False
        self.fault: UpstreamError | None = None


class Poller:
    """Polls for one credential. Subclasses say whether they are wanted, and what a round is."""

    def __init__(self, around: Surroundings, credential: Credential | None) -> None:
        self.key: tuple[object, ...] = ()
        """Under which it is found; the registry's own."""
        self.credential = credential
        self.around = around
        self.began = -math.inf
        """When its last round began."""
        self._tags: dict[str, str] = {}
        self._interval = Interval(around.pacing)
        self._due = around.clock.now()
        self._woken = asyncio.Event()
        self._is_asked = False
        self._is_failing = False
        self._rounds = around.rounds(credential)
        self._task: asyncio.Task[None] | None = None

    # -- for subclasses --------------------------------------------------------------------------

    @property
    def is_wanted(self) -> bool:
        """Does anybody listen?"""
        raise NotImplementedError

    async def poll(self, scope: CallScope, found: Round) -> None:
        """One round; raises the `UpstreamError` for which nothing was found."""
        raise NotImplementedError

    def tell_fault(self, fault: UpstreamError) -> None:
        """Tell listeners that the upstream fails, once for each time that it begins to."""
        raise NotImplementedError

    def end(self) -> None:
        """Tell listeners that nothing more will come."""
        raise NotImplementedError

    def most_pause_s(self) -> float:
        """The longest interval while nothing changes."""
        return self.around.pacing.most_s

    def further_pause_s(self) -> float:
        """How much longer than its interval the next round should wait."""
        return 0.0

    # -- for listeners ---------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        return self.around.client

    @property
    def is_fresh(self) -> bool:
        """Is what the last round found as good as what another would?"""
        return self.around.clock.now() < self.began + self.around.pacing.least_s

    def start(self) -> None:
        """Run, unless it does."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="poller")

    def stop(self) -> None:
        """Run no more."""
        if self._task is not None:
            self._task.cancel()

    def check(self) -> None:
        """Stop if nobody listens any more."""
        if not self.is_wanted:
            self.around.forget(self)
            self.stop()

    def wake(self, *, at_once: bool) -> None:
        """Poll soon: something has happened. A round that is under way does not count."""
        clock = self.around.clock
        due = clock.now() if at_once else self.began + self.around.pacing.least_s
        self._due = min(self._due, due)
        self._is_asked = True
        self._woken.set()

    async def closed(self) -> None:
        """Wait until the task has ended."""
        if self._task is not None:
            await asyncio.wait([self._task])

    # -- how -------------------------------------------------------------------------------------

    async def _run(self) -> None:
        clock = self.around.clock
        try:
            while self.is_wanted:
                while (left_s := self._due - clock.now()) > 0:
                    self._woken.clear()
                    await clock.wait(self._woken, left_s)
                async with self._rounds:
                    if self.is_wanted:
                        await self._round()
        finally:
            self.around.forget(self)

    async def _round(self) -> None:
        clock, loop = self.around.clock, asyncio.get_running_loop()
        self.began, self._is_asked, self._due = clock.now(), False, math.inf
        scope = CallScope(
            self.credential,
            loop.time() + self.around.poll_timeout_s,
            self.around.request_id(),
            max_at_once=self.around.calls_at_once,
            fresh=True,
            tags=self._tags,
            patient=True,
        )
        found = Round()
        try:
            await self.poll(scope, found)
        except UpstreamError as error:
            found.fault = without_frames(error)
        except Exception:  # noqa: BLE001 - the edge of a poller: recorded, and polled again
            _log.exception("a poller failed unexpectedly; it goes on")
        self._heed(found.fault)
        pause_s = self._interval.after(
            changed=found.changed, fault=found.fault, most_s=self.most_pause_s()
        )
        due = clock.now() + pause_s + self.further_pause_s()
        if self._is_asked:
            due = min(self._due, due)
        self._due = due

    def _heed(self, fault: UpstreamError | None) -> None:
        if fault is None:
            self._is_failing = False
        elif not self._is_failing:
            self._is_failing = True
            _log.warning("polling goes on, but fails: %s", fault.message)
            self.tell_fault(fault)
