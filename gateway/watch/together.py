"""How the pollers of one subject over all replicas go together: one leads, the others follow.

    due ──► claim ── granted ──► read ── has it been too long? ──► show ──► tell
                └─── not ──────► take in what was told ──► show
    noticed ──► look ──────────►

A round has a *need*: the time since when what it shows must have been read. The interval's rounds
have none, and are left to who holds the lease. Who was woken, or has somebody new to tell, reads
itself where nothing that was told is as young, and goes on reading from then on. So one poller
reads, whoever it is, and nobody waits for one that has ended.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final

from gateway.errors import UpstreamError
from gateway.frames import without_frames
from gateway.watch.retelling import NotTold
from gateway.watch.sharing import SharingAway

if TYPE_CHECKING:
    from gateway.watch.poller import Poller
    from gateway.watch.sharing import Look, Sharing, Subject

__all__ = ["Together"]

_log: Final = logging.getLogger("gateway.watch")

# Of the smallest interval: so late the next round of who reads may be before others read instead.
LATE: Final = 0.5


class Together:
    """One poller's rounds among those of other replicas."""

    def __init__(self, sharing: Sharing, poller: Poller) -> None:
        self.is_noticed = False
        """Is there something to look at?"""
        self._poller = poller
        self._sharing = sharing
        self._subject: Subject | None = None
        self._name = ""
        # The round that was shown last, and since when what is shown must have been read.
        self._shown = 0
        self._need = self._own = -math.inf
        # The same by the store's clock.
        self._since = -math.inf
        # Could what was told not be had?
        self._goes_alone = False

    def need(self, since: float) -> None:
        """Show what was read since then."""
        self._need = max(self._need, since)

    def need_told(self, since: float) -> None:
        """Show what was read since then by the store's clock."""
        self._since = max(self._since, since)

    def leave(self) -> None:
        """Follow and lead no more."""
        if self._subject is not None:
            self._subject.leave()
            self._subject = None

    async def round(self) -> None:
        """One round that is due."""
        if self._goes_alone:
            self._goes_alone = False
            await self._alone()
            return
        poller, subject = self._poller, self._bound()
        now = poller.around.clock.now
        since = max(self._need, self._own)
        try:
            turn = await subject.claim(poller.wants(), now() - since, self._since)
        except SharingAway:
            await self._alone()
            return
        if turn.number is not None:
            self._need = self._since = -math.inf
            poller.hear_wants(turn.wants)
            await self._lead(subject, turn.number)
        elif poller.goes_alone(turn.look):
            await self._alone()
        else:
            await self._follow(subject, turn.look)

    async def look(self) -> None:
        """Take in what was told, if anything was."""
        self.is_noticed = False
        subject = self._bound()
        try:
            look = await subject.look(self._poller.wants())
        except SharingAway:
            # The next round is due by itself.
            return
        await self._follow(subject, look)

    # -- how -------------------------------------------------------------------------------------

    def _bound(self) -> Subject:
        """The subject; another one once the poller knows better what it polls."""
        poller, name = self._poller, self._poller.subject_name
        if self._name != name:
            self.leave()
            self._name, self._shown, self._own = name, 0, poller.around.returned_at
        if self._subject is None:
            self._subject = self._sharing.subject(poller.credential, self._name, self._notice)
        return self._subject

    def _notice(self) -> None:
        self.is_noticed = True
        self._poller.rouse()

    async def _alone(self) -> None:
        """Read for this replica only; nothing older is shown afterwards."""
        self._need = self._since = -math.inf
        self._own = self._poller.around.clock.now()
        self._poller.forget_told()
        await self._poller.read_round()

    async def _lead(self, subject: Subject, number: int) -> None:
        poller = self._poller
        began = poller.began = poller.around.clock.now()
        scope, reading = poller.scope(), None
        fault: UpstreamError | None = None
        try:
            reading = await poller.read(scope)
        except UpstreamError as error:
            fault = without_frames(error)
        except Exception:  # noqa: BLE001 - the edge of a poller: recorded, and polled again
            _log.exception("a poller failed unexpectedly; it goes on")
            self.leave()
            poller.show_round(None, None)
            return
        if subject.has_lost(number):
            # Others may have shown later states by now.
            self.need(began)
            poller.forget_told()
            poller.due_now()
            return
        # Before it is shown: the poller may be another subject's then.
        index, parts, kept = poller.told(scope, number, reading, fault)
        poller.show_round(reading, fault)
        self._shown = number
        late_s = LATE * poller.around.pacing.least_s
        try:
            is_told = await subject.tell(
                number, index, parts, kept, due_s=poller.due_in_s, late_s=late_s
            )
        except SharingAway:
            # Nobody needs to wait for what cannot be told.
            self.leave()
            is_told = False
        if not is_told:
            self._own = began
            poller.forget_told()

    async def _follow(self, subject: Subject, look: Look) -> None:
        poller, now = self._poller, self._poller.around.clock.now()
        began = now - look.age_s
        if look.number and look.number != self._shown and began >= self._own:
            try:
                reading, fault = await poller.take_in(look.index, subject.part)
            except NotTold:
                self.need(now)
            except SharingAway:
                # It may be too much for the store, and not only for now.
                self._goes_alone = True
                poller.due_now()
                return
            else:
                self._shown, poller.began = look.number, began
                poller.show_round(reading, fault)
        is_needed = began < self._need or look.began < self._since
        if not is_needed:
            self._need = self._since = -math.inf
        poller.rest_until(look, is_needed=is_needed)
