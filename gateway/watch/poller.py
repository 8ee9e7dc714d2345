"""A poller: a task that asks for a subject again and again, while somebody listens.

    wait until due ── turn ── round ── interval
          ▲ wake

It polls when it starts, then by its interval. A wake makes it due sooner: at once for a write of
the gateway's own, no sooner than the smallest interval for what is heard from elsewhere. Its rounds
wait for their turn among all pollers of the credential, first come, first served. A round is what
it reads, and then what it shows; where replicas share (`together`) it may show what another read.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from gateway.errors import (
    Forbidden,
    NotFound,
    RequestRefused,
    Unauthenticated,
    UpstreamError,
)
from gateway.frames import without_frames
from gateway.watch.interval import Interval
from gateway.watch.retelling import RoundScope
from gateway.watch.surroundings import CALLS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from gateway.errors import GatewayError
    from gateway.upstream.client import Client
    from gateway.upstream.credential import Credential
    from gateway.watch.sharing import Look
    from gateway.watch.surroundings import Surroundings

    # Brings a part of what was told, by name.
    Part: TypeAlias = Callable[[str], Awaitable[bytes | None]]
    # An index, parts that are new, and the names of all that it names.
    Tellings: TypeAlias = tuple[bytes, Mapping[str, bytes], Collection[str]]

__all__ = ["LASTING", "Company", "Poller", "Round"]

# What is no passing fault of the upstream: nobody needs to ask again.
LASTING: Final = (Forbidden, NotFound, RequestRefused, Unauthenticated)

_log: Final = logging.getLogger("gateway.watch")


class Round:
    """One round of a poller, as it turned out."""

    __slots__ = ("changed", "fault")

    def __init__(self) -> None:
        self.changed = False
        self.fault: UpstreamError | None = None


class Company(Protocol):
    """How a poller goes together with those of other replicas (`together`)."""

    is_noticed: bool

    def need(self, since: float) -> None:
        """Show what was read since then."""

    def need_told(self, since: float) -> None:
        """Show what was read since then by the store's clock."""

    async def round(self) -> None:
        """One round that is due."""

    async def look(self) -> None:
        """Take in what was told, if anything was."""

    def leave(self) -> None:
        """Follow and lead no more."""


class Listener(Protocol):
    """Who is told of a subject."""

    def fail(self, error: GatewayError) -> None:
        """Tell an error that may pass."""


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
        # They began to listen since the last round ended.
        self._newcomers: list[Listener] = []
        self._rounds = around.rounds(credential)
        self._task: asyncio.Task[None] | None = None
        # Where nothing is shared there is none, and no more is done than is needed then.
        self._together: Company | None = around.together and around.together(self)

    # -- for subclasses --------------------------------------------------------------------------

    @property
    def is_wanted(self) -> bool:
        """Does anybody listen?"""
        raise NotImplementedError

    async def read(self, scope: RoundScope) -> Any:
        """What there is to show; raises the `UpstreamError` for which there is nothing."""
        raise NotImplementedError

    def show(self, reading: Any, found: Round) -> None:
        """Tell listeners what was read."""
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

    # -- for subclasses, where replicas share ----------------------------------------------------

    @property
    def subject_name(self) -> str:
        """What it polls, the same for all pollers of it."""
        raise NotImplementedError

    def wants(self) -> bytes:
        """What it wants of the subject, for who reads."""
        return b""

    def hear_wants(self, wants: Sequence[bytes]) -> None:
        """Read that, too, from now on: others want it."""

    def told(
        self, scope: RoundScope, number: int, reading: Any, fault: UpstreamError | None
    ) -> Tellings:
        """What is to be told of a round with this number."""
        raise NotImplementedError

    async def take_in(self, index: bytes, part: Part) -> tuple[Any, UpstreamError | None]:
        """What was told of a round, as what it read and why it read no more; raises `NotTold` where
        that is not what this poller wants.
        """
        raise NotImplementedError

    def forget_told(self) -> None:
        """What it knows is not what was told: nothing of that counts as known."""

    def goes_alone(self, look: Look) -> bool:  # noqa: ARG002 - for subclasses
        """Is it better to read than to wait for who does? It costs calls."""
        return False

    # -- for listeners ---------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        return self.around.client

    @property
    def is_fresh(self) -> bool:
        """Is what the last round found as good as what another would?"""
        return self.around.clock.now() < self.began + self.around.pacing.least_s

    def start(self, newcomer: Listener | None = None) -> None:
        """Run, unless it does. One who has just begun to listen is told of a fault that others know
        of already, if the next round fails as well.
        """
        if newcomer is not None:
            self._newcomers.append(newcomer)
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

    def wake(self, *, at_once: bool, good_s: float = 0.0, since: float | None = None) -> None:
        """Poll soon: something has happened. A round that is under way does not count. At once,
        what another replica has read is as good if that began no longer than `good_s` ago, or
        `since` a time of the store's clock.
        """
        now = self.around.clock.now()
        due = now if at_once else self.began + self.around.pacing.least_s
        self._due = min(self._due, due)
        self._is_asked = True
        self._woken.set()
        if not at_once or self._together is None:
            return
        if since is None:
            self._together.need(now - good_s)
        else:
            self._together.need_told(since)

    def rouse(self) -> None:
        """Look at what another replica has told."""
        self._woken.set()

    async def closed(self) -> None:
        """Wait until the task has ended."""
        if self._task is not None:
            await asyncio.wait([self._task])

    # -- rounds ----------------------------------------------------------------------------------

    def scope(self) -> RoundScope:
        """The scope of a round."""
        return RoundScope(
            self.credential,
            asyncio.get_running_loop().time() + self.around.poll_timeout_s,
            self.around.request_id(),
            max_at_once=CALLS_AT_ONCE,
            fresh=True,
            tags=self._tags,
            patient=True,
        )

    async def read_round(self) -> None:
        """Read, and show it."""
        self.began = self.around.clock.now()
        reading, fault = None, None
        try:
            reading = await self.read(self.scope())
        except UpstreamError as error:
            fault = without_frames(error)
        except Exception:  # noqa: BLE001 - the edge of a poller: recorded, and polled again
            _log.exception("a poller failed unexpectedly; it goes on")
        self.show_round(reading, fault)

    def show_round(self, reading: Any, fault: UpstreamError | None) -> None:
        """Show what a round read, if anything, and why no more; then rest until the next."""
        found = Round()
        found.fault = fault
        try:
            if reading is not None:
                self.show(reading, found)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("a poller failed unexpectedly; it goes on")
        self._heed(found.fault)
        pause_s = self._interval.after(
            changed=found.changed, fault=found.fault, most_s=self.most_pause_s()
        )
        due = self.around.clock.now() + pause_s + self.further_pause_s()
        if self._is_asked:
            due = min(self._due, due)
        self._due = due

    def rest_until(self, look: Look, *, is_needed: bool) -> None:
        """Rest until who reads is late, or not at all where a younger round `is_needed`."""
        now = self.around.clock.now()
        if is_needed and look.under_way_s is None:
            self._due = now
        else:
            self._due = now + look.rest_s
            self._is_asked = is_needed

    def due_now(self) -> None:
        """Let the next round begin at once."""
        self._due = self.around.clock.now()

    @property
    def due_in_s(self) -> float:
        """Until the next round is due."""
        return max(self._due - self.around.clock.now(), 0.0)

    # -- how -------------------------------------------------------------------------------------

    async def _run(self) -> None:
        clock = self.around.clock
        try:
            while self.is_wanted:
                if self._together is not None and self._together.is_noticed:
                    await self._together.look()
                elif (left_s := self._due - clock.now()) > 0:
                    self._woken.clear()
                    await clock.wait(self._woken, left_s)
                else:
                    async with self._rounds:
                        if self.is_wanted:
                            await self._round()
        finally:
            if self._together is not None:
                self._together.leave()
            self.around.forget(self)

    async def _round(self) -> None:
        self._is_asked, self._due = False, math.inf
        if self._together is None:
            await self.read_round()
        else:
            await self._together.round()

    def _heed(self, fault: UpstreamError | None) -> None:
        newcomers, self._newcomers = self._newcomers, []
        if fault is None:
            self._is_failing = False
        elif self._is_failing:
            for newcomer in newcomers:
                newcomer.fail(fault)
        else:
            self._is_failing = True
            _log.warning("polling goes on, but fails: %s", fault.message)
            self.tell_fault(fault)
