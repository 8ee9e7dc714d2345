"""A limiter whose turns are shared by all replicas of the gateway.

Turns in hand are used at once. Who finds none waits here, first come, first served, while this
settles with the others (`shared_pace`): it says what was heard of the upstream meanwhile, and is
given the turns that are due next. One account is under way at a time.

While the store is away this is a limiter as any other, of which each replica has its part.
"""

from __future__ import annotations

import math
from asyncio import get_running_loop, shield
from typing import TYPE_CHECKING, Final

from gateway.upstream.answers import retry_after_s
from gateway.upstream.calls.allowance import WINDOW_S
from gateway.upstream.calls.limiter import KEPT_BACK, USABLE_S, Limiter, used_up
from gateway.upstream.calls.shared_pace import MAX_TOLD, SLACK_S, Account, Named, Refusal, Told
from gateway.upstream.wire import whole_number

if TYPE_CHECKING:
    from asyncio import Future, TimerHandle
    from collections import deque

    from gateway.upstream.calls.call import Call
    from gateway.upstream.calls.limiter import Turn
    from gateway.upstream.calls.shared_pace import Given, SharedPace
    from gateway.upstream.wire import Answer

__all__ = ["SharedLimiter"]

# What an answer told is passed on no later, and turns that nobody used are given back.
TELL_WITHIN_S: Final = 0.2
# Those who wait ask again no later: turns may have been given back elsewhere.
ASK_EVERY_S: Final = 1.0
# A store that was too slow once is asked again after that.
AWAY_S: Final = 1.0
# Calls of one credential that a replica may have under way or let wait for a connection; with less
# left for each, turns are counted.
MOST_UNDER_WAY: Final = 150


class SharedLimiter(Limiter):
    """What one limiter of the upstream lets one credential do, whichever replica it asks.

    `hand` turns may be used from `hand_at` on. `left`, `limit`, `reset_at` and `next_at` are all
    replicas', as of the last account.
    """

    def __init__(self, name: str, *, is_general: bool, owner: str, pace: SharedPace) -> None:
        super().__init__(name, is_general=is_general)
        self._owner = owner
        self._pace = pace
        self.hand = 0
        self.hand_at = -math.inf
        # More than these are not left, however many of those under way are counted already.
        self._most = math.inf
        self._others = 0
        # What the next account is to say.
        self._told: Told | None = None
        self._refusal: Refusal | None = None
        self._untold = 0
        # What was served before it was known has been told.
        self._has_told_past = False
        self._window = -math.inf
        self._said_at = -math.inf
        self._said_holds = 0
        self._is_settling = False
        self._ask_at = -math.inf
        self._telling: TimerHandle | None = None
        self._settled_next: Future[None] | None = None
        self._stands_alone = False
        self._away_until = -math.inf

    @property
    def is_idle(self) -> bool:
        is_scarce = self._most <= MOST_UNDER_WAY * self._pace.replicas
        return super().is_idle and not (self.hand or self._is_settling or is_scarce)

    # -- turns -------------------------------------------------------------------------------------

    def take_at_once(self, call: Call) -> bool:
        now = get_running_loop().time()
        if self._is_alone(now):
            return super().take_at_once(call)
        if now >= self.reset_at:
            self.hand = 0
        if self.waiting or self._queue_of(call) or self.hand < 1 or now < self.hand_at:
            return False
        if call.scope.patient and self.left <= KEPT_BACK * self._reserve:
            return False
        self._use()
        return True

    async def take(self, call: Call) -> None:
        if not (self.waiting or call.scope.patient):
            # It may be given what those who are patient may not.
            self._ask_at = -math.inf
        await super().take(call)

    def spend(self, now: float, *, horizon: float = math.inf) -> None:
        if self._is_alone(now):
            super().spend(now, horizon=horizon)
        elif self.hand and now >= self.hand_at:
            self._use()
        else:
            self.left -= 1
            self.in_flight += 1
            self._tell_soon()

    def give_back(self) -> None:
        now = get_running_loop().time()
        if self._is_alone(now):
            super().give_back()
            return
        self.in_flight -= 1
        if now < self.reset_at:
            self.hand, self.hand_at = self.hand + 1, now
        self._ring()

    def _use(self) -> None:
        self.hand -= 1
        self.in_flight += 1
        self._tell_soon()

    def _ring(self) -> None:
        """See to it that who waits is given a turn."""
        loop = get_running_loop()
        now = loop.time()
        if self._is_alone(now):
            super()._ring()
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._is_waited_for:
            return
        if self.hand:
            self._timer = loop.call_at(max(self.hand_at, now), self._give)
        elif now < self._ask_at:
            self._timer = loop.call_at(self._ask_at, self._give)
        else:
            self._settle()

    def _give(self) -> None:
        now = get_running_loop().time()
        if self._is_alone(now):
            super()._give()
            return
        if now >= self.reset_at:
            self.hand = 0
        while self.hand and now >= self.hand_at and (queue := self.waiting or self.patient):
            turn = queue.popleft()
            if not turn.is_over(now):
                self._use()
                turn.given.set_result(None)
        self._ring()

    # -- accounts ----------------------------------------------------------------------------------

    def hear(self, untold: int = 0) -> None:
        """Another replica has told of it: it is scarce, or has said stop. `untold` calls were
        answered here without a word before it was known.
        """
        self.hand = 0
        self._ask_at = -math.inf
        self._untold += untold
        self._has_told_past = self._has_told_past or untold > 0
        if untold:
            self._settle()
        self._ring()

    async def refresh(self) -> None:
        """Know what the other replicas know. Cost: a round trip to the store."""
        loop = get_running_loop()
        if not self._is_alone(loop.time()):
            if self._settled_next is None:
                self._settled_next = loop.create_future()
            self._settle()
            await shield(self._settled_next)

    def _settle(self) -> None:
        if not self._is_settling and not self._is_alone(get_running_loop().time()):
            self._is_settling = True
            routes = tuple(sorted(route.name for route in self.routes))
            named = Named(self.name, self.is_general, routes)
            self._pace.settle(self._owner, named, self._account(), self._settled)

    def _account(self) -> Account:
        """What there is to say; it is said once."""
        now = get_running_loop().time()
        _sweep(self.waiting)
        _sweep(self.patient)
        queue = self.waiting or self.patient
        deadlines = [turn.deadline for turn in queue if not turn.is_over(now)]
        useful_s = max(deadlines, default=now) - USABLE_S - now
        account = Account(
            holds=self.in_flight + self.hand,
            # One after the other, so that replicas take turns.
            turns=0 if self.hand else len(deadlines),
            useful_s=useful_s,
            wants=len(deadlines),
            until_s=deadlines[-1] - now if deadlines else 0.0,
            is_patient=queue is self.patient,
            untold=self._untold,
            limit=self.limit or 0,
            is_guessed=self.is_guessed,
            told=self._told,
            refusal=self._refusal,
        )
        self._told = self._refusal = None
        self._untold = 0
        self._said_at, self._said_holds = now, account.holds
        return account

    def _settled(self, given: Given | None) -> None:
        now = get_running_loop().time()
        self._is_settling = False
        if self._settled_next is not None:
            self._settled_next.set_result(None)
            self._settled_next = None
        if given is None:
            self._away_until = now + AWAY_S
        elif not self._stands_alone:
            self._take_in(given, now)
            self._refuse_in_vain(now)
            if self._refusal is not None:
                self._settle()
            self._tell_soon()
        self._ring()

    def _take_in(self, given: Given, now: float) -> None:
        if now + given.reset_s > self.reset_at + SLACK_S:
            self.served = 0
        if given.limit:
            self.limit = given.limit
            self.is_guessed = given.is_guessed
            if not given.is_guessed:
                self._told_limit = given.limit
            self.reset_at = now + given.reset_s
        self.left, self._most, self._others = given.left, given.most, given.others
        self.next_at = now + given.next_s
        if self._refusal is None and given.turns:
            self.hand += given.turns
            self.hand_at = max(self.hand_at, now + given.after_s)
        elif not given.turns:
            due_s = given.next_s if given.left >= 1 else given.reset_s
            # Calls under way may be counted twice, until they are answered.
            most_s = TELL_WITHIN_S if given.left < 1 <= given.most else ASK_EVERY_S
            self._ask_at = now + min(max(due_s, 0.01), most_s)

    def _tell_soon(self) -> None:
        """What is heard, and turns that nobody uses, are for others, too."""
        if self._telling is None and (self.in_flight or self.hand or self._told or self._untold):
            self._telling = get_running_loop().call_later(TELL_WITHIN_S, self._tell)

    def _tell(self) -> None:
        self._telling = None
        if not self._is_waited_for and not self._is_settling:
            self.hand = 0
        is_news = self._told or self._untold or self.in_flight + self.hand != self._said_holds
        if is_news or get_running_loop().time() >= self._said_at + ASK_EVERY_S:
            self._settle()
        self._tell_soon()

    def _refuse_in_vain(self, now: float) -> None:
        """Tell those at once who can have no turn in time."""
        for queue in (self.waiting, self.patient):
            ahead = len(self.waiting) if queue is self.patient else 0
            for turn in queue:
                if turn.given.done():
                    continue
                wait_s = self._wait_after_s(ahead, now, turn.deadline, queue)
                if now + wait_s > turn.deadline - USABLE_S:
                    least_s = max(self.reset_at - now, self.next_at - now, 1.0)
                    turn.given.set_exception(used_up(turn.call, min(wait_s, least_s)))
                else:
                    ahead += 1
            _sweep(queue)

    def _wait_s(self, now: float, deadline: float, queue: deque[Turn]) -> float:
        if self._is_alone(now):
            return super()._wait_s(now, deadline, queue)
        if not (self.waiting or self.patient):
            # What is known may be old.
            return 0.0
        before = (*self.waiting, *self.patient) if queue is self.patient else self.waiting
        ahead = sum(not turn.given.done() for turn in before)
        return self._wait_after_s(ahead, now, deadline, queue)

    def _wait_after_s(self, ahead: int, now: float, deadline: float, queue: deque[Turn]) -> float:
        """How long one has to wait with so many ahead here, as far as one can say."""
        if math.isinf(self._most) or now >= self.reset_at:
            return 0.0
        if ahead < self.hand:
            return max(self.hand_at - now, 0.0)
        ahead -= self.hand
        # Replicas take turns.
        ahead += min(self._others, ahead * (self._pace.replicas - 1))
        most = max(int(self._most) - self.hand, 0)
        if queue is self.patient and self._most <= KEPT_BACK * self._reserve:
            most = 0
        if ahead < most:
            end = min(self.reset_at, max(deadline, self.next_at))
            gap_s = max(end - self.next_at, 0.0) / (most + 1)
            due_at = self.next_at if self.left >= 1 else now
            return max(due_at - now, 0.0) + ahead * gap_s
        return max(self.reset_at - now, 0.0) + (ahead - most) * WINDOW_S / max(self.limit or 1, 1)

    # -- what the upstream tells -------------------------------------------------------------------

    def told(self, answer: Answer, now: float, *, limit: int, remaining: int) -> None:
        if self._is_alone(now):
            super().told(answer, now, limit=limit, remaining=remaining)
            return
        told = Told.of(answer, limit, remaining)
        self.limit = self._told_limit = told.limit
        self.is_guessed = False
        self._told = told if self._told is None else self._told.or_later(told)
        self.left = min(self.left, remaining)
        if told.window > self._window + told.slack_s:
            # All wait for the first word of a window.
            self._window = told.window
            self._ask_at = -math.inf
            self._settle()
        self._tell_soon()

    def refused(self, answer: Answer, now: float, served_before: int) -> None:
        if self._is_alone(now):
            super().refused(answer, now, served_before)
            return
        is_first = self.left >= 1 or self.limit is None
        served = 0 if self._has_told_past else served_before
        self._has_told_past = True
        self._heed_refusal(answer, now, served_before)
        is_said = retry_after_s(answer.header) is not None
        self.hand = 0
        if is_said or is_first:
            limit = min(whole_number(answer.header("ratelimit-limit")) or 0, MAX_TOLD)
            wait_s = max(self.reset_at - now, 0.0)
            self._refusal = Refusal(limit, served, wait_s, is_said, self.window_s)
            self._ask_at = -math.inf
            self._settle()
        self._ring()

    def served_late(self) -> None:
        if self._is_alone(get_running_loop().time()):
            super().served_late()
        else:
            self._untold += 1
            self._tell_soon()

    # -- without the store -------------------------------------------------------------------------

    def _is_alone(self, now: float) -> bool:
        """Does each replica go on by itself?"""
        is_alone = not self._pace.is_up or now < self._away_until
        if is_alone is not self._stands_alone:
            self._stands_alone = is_alone
            if is_alone:
                self._part(now)
            else:
                self._join()
        return is_alone

    def _part(self, now: float) -> None:
        """Keep this replica's part of what is left."""
        self._sharers = self._pace.replicas
        if self.limit is not None:
            self.limit = max(self.limit // self._sharers, 1)
            self.left = max(self.left, 0) // self._sharers + self.hand
        self.hand = 0
        self.next_at = now if self.left >= 1 else self.reset_at
        self.told_reset = "not told"

    def _join(self) -> None:
        """Share it again, as if nothing were known of the others."""
        if self.limit is not None:
            self.limit = self._told_limit or self.limit * self._sharers
        self._sharers = 1
        self._most, self._others, self._window = math.inf, 0, -math.inf
        self._ask_at = -math.inf


def _sweep(queue: deque[Turn]) -> None:
    """Take out those who have left."""
    if any(turn.given.done() for turn in queue):
        waiting = [turn for turn in queue if not turn.given.done()]
        queue.clear()
        queue.extend(waiting)
