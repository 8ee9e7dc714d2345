"""One limiter of the upstream, and what it leaves one credential.

    spend       a call goes out
    take        a read waits for its turn: first come, first served, nobody longer than it is of use
    told        an answer says what is left, and until when
    refused     a call was answered 429

With plenty left a turn comes at once. Below a tenth of the limit, and while anybody waits, what is
left is spread to the end of its window, or to where those who wait can still use it. Reads of polls
have their turns after those of operations, and leave them half of that tenth.
"""

from __future__ import annotations

import math
from asyncio import CancelledError, get_running_loop
from collections import deque
from time import time
from typing import TYPE_CHECKING, Final

from gateway.errors import RateLimited
from gateway.upstream.answers import date_in
from gateway.upstream.calls.allowance import WINDOW_S, Allowance, is_gitlabs, reset_after_s
from gateway.upstream.wire import whole_number

if TYPE_CHECKING:
    from asyncio import Future, TimerHandle

    from gateway.upstream.calls.call import Call
    from gateway.upstream.routes import Route
    from gateway.upstream.wire import Answer

__all__ = ["Limiter", "Turn", "used_up"]

PLENTY: Final = 0.1
# Of that, what polls leave to operations.
KEPT_BACK: Final = 0.5
# What a turn is worth to a call whose time is nearly over.
USABLE_S: Final = 0.05
# After so many windows that were used up without a 429, a limit that was guessed is tried for more.
CLEAN_WINDOWS: Final = 2


class Limiter:
    """What one limiter of the upstream lets one credential do.

    `left` calls may be sent before `reset_at`, the next one at `next_at`; times are of the loop's
    clock. A limit that the upstream has not told `is_guessed`. Of what it tells this is one of
    `sharers` equal parts, where so many processes ask for the same credentials.
    """

    def __init__(self, name: str, *, is_general: bool, sharers: int = 1) -> None:
        self.name = name
        self.is_general = is_general
        self._sharers = sharers
        self._told_limit: int | None = None
        self.routes: set[Route] = set()
        self.limit: int | None = None
        self.left: float = math.inf
        self.reset_at = math.inf
        self.next_at = -math.inf
        self.in_flight = 0
        self.is_guessed = False
        # Of this window: its end as it was told, and the least that was told to be left.
        self.told_reset: str | None = "not told"
        self.least_told = 0
        self.waiting: deque[Turn] = deque()
        # Those of polls.
        self.patient: deque[Turn] = deque()
        self.window_s = WINDOW_S
        # In this window; and windows in a row that were used up without a 429.
        self.served = 0
        self.was_refused = False
        self.clean = 0
        self._timer: TimerHandle | None = None

    @property
    def allowance(self) -> Allowance:
        """As far as the upstream has told it."""
        remaining = None if math.isinf(self.left) else max(int(self.left), 0) * self._sharers
        is_told = not self.is_guessed
        return Allowance(
            self._told_limit if is_told else None,
            remaining if is_told else None,
            None if math.isinf(self.reset_at) else self.reset_at,
        )

    @property
    def is_idle(self) -> bool:
        """Does nobody wait, and is nothing under way?"""
        return not self._is_waited_for and not self.in_flight

    # -- turns -----------------------------------------------------------------------------------

    def take_at_once(self, call: Call) -> bool:
        """Send a call where its turn is now."""
        now = get_running_loop().time()
        if now >= self.reset_at:
            self._renew(now)
        own = self._queue_of(call)
        if not (self.waiting or own) and self.left > self._reserve:
            self.spend(now)
            return True
        for queue in (self.waiting, self.patient):
            while queue and queue[0].is_over(now):
                queue.popleft()
        if not (self.waiting or own) and self._usable(own) >= 1 and now >= self.next_at:
            self.spend(now)
            return True
        return False

    async def take(self, call: Call) -> None:
        """Wait for a turn to send a call, where it is not now; raises `RateLimited` where none
        comes in time.
        """
        loop = get_running_loop()
        now, queue = loop.time(), self._queue_of(call)
        wait_s = self._wait_s(now, call.scope.deadline, queue)
        if now + wait_s > call.scope.deadline - USABLE_S:
            raise used_up(call, min(wait_s, max(self.reset_at - now, self.next_at - now, 1.0)))
        turn = Turn(loop.create_future(), call)
        if call.attempt > 1:
            # It was refused, and came before all of them.
            queue.appendleft(turn)
        else:
            queue.append(turn)
        turn.timer = loop.call_at(call.scope.deadline - USABLE_S, self._leave, turn)
        self._ring()
        try:
            await turn.given
        except CancelledError:
            if turn.given.done() and not turn.given.cancelled():
                self.give_back()
            raise
        finally:
            turn.timer.cancel()

    def spend(self, now: float, *, horizon: float = math.inf) -> None:
        """Send a call; the next one has its turn when what is left is spread to the reset, or to
        where those who wait can still use it.
        """
        self.left -= 1
        self.in_flight += 1
        left = max(self.left, 0.0)
        if left > self._reserve and not self._is_waited_for:
            self.next_at = now
        elif left < 1:
            self.next_at = self.reset_at
        else:
            end = min(self.reset_at, max(horizon, now))
            self.next_at = now + (end - now) / (left + 1)

    def give_back(self) -> None:
        """A turn that was not used is the next one's."""
        self.left += 1
        self.in_flight -= 1
        self.next_at = min(self.next_at, get_running_loop().time())
        self._ring()

    @property
    def _reserve(self) -> float:
        """As many are left when they begin to be spread."""
        return PLENTY * (self.limit or 0)

    @property
    def _is_waited_for(self) -> bool:
        return bool(self.waiting or self.patient)

    def _queue_of(self, call: Call) -> deque[Turn]:
        """Those who wait as this call would."""
        return self.patient if call.scope.patient else self.waiting

    def _usable(self, queue: deque[Turn]) -> float:
        """What is left for the reads of a queue, if 1 or more."""
        if queue is self.patient and self.left <= KEPT_BACK * self._reserve:
            return 0.0
        return self.left

    def _wait_s(self, now: float, deadline: float, queue: deque[Turn]) -> float:
        """How long one more in a queue has to wait, as far as one can say."""
        before = (*self.waiting, *self.patient) if queue is self.patient else self.waiting
        ahead = sum(not turn.given.done() for turn in before)
        left = max(int(self._usable(queue)), 0)
        if ahead < left:
            end = min(self.reset_at, max(deadline, self.next_at))
            gap_s = max(end - self.next_at, 0.0) / (left + 1)
            return max(self.next_at - now, 0.0) + ahead * gap_s
        window_s = WINDOW_S / max(self.limit or 1, 1)
        return max(self.reset_at - now, 0.0) + (ahead - left) * window_s

    def _ring(self) -> None:
        """Set the time for the next turn, where somebody waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_waited_for:
            loop = get_running_loop()
            at = self.next_at if self._next_queue() is not None else self.reset_at
            self._timer = loop.call_at(max(at, loop.time()), self._give)

    def _give(self) -> None:
        """Give a turn to who has waited longest and can still use it, operations first."""
        now = get_running_loop().time()
        self._timer = None
        if now >= self.reset_at:
            self._renew(now)
        while now >= self.next_at and (queue := self._next_queue()):
            turn = queue.popleft()
            if not turn.is_over(now):
                last = queue[-1].deadline if queue else math.inf
                self.spend(now, horizon=last)
                turn.given.set_result(None)
        self._ring()

    def _next_queue(self) -> deque[Turn] | None:
        """Where the next turn is due; None where nobody may have one."""
        queue = self.waiting or self.patient
        return queue if self._usable(queue) >= 1 else None

    def _leave(self, turn: Turn) -> None:
        """Who waits has no time left, unless others joined it who have."""
        loop = get_running_loop()
        usable_until = turn.deadline - USABLE_S
        if loop.time() < usable_until:
            turn.timer = loop.call_at(usable_until, self._leave, turn)
        elif not turn.given.done():
            wait_s = max(self.next_at, loop.time()) - loop.time()
            turn.given.set_exception(used_up(turn.call, max(wait_s, 1.0)))

    # -- what the upstream tells -------------------------------------------------------------------

    def told(self, answer: Answer, now: float, *, limit: int, remaining: int) -> None:
        """Take in what an answer tells of a limiter."""
        self._take_limit(limit)
        remaining //= self._sharers
        reset = answer.header("ratelimit-reset")
        if reset == self.told_reset and now < self.reset_at:
            # Of the same window: answers may come in another order than they were made in.
            self.least_told = min(self.least_told, remaining)
        else:
            self.least_told = remaining
            self.told_reset = reset
            reset_s = reset_after_s(answer.header)
            self.reset_at = now + (WINDOW_S if reset_s is None else reset_s)
        # Those under way may not be counted yet.
        self.left = max(self.least_told - self.in_flight, 0)
        if self.left <= self._reserve:
            self.next_at = max(self.next_at, now) if self.left >= 1 else self.reset_at
            self.next_at = min(self.next_at, self.reset_at)
        else:
            self.next_at = self.next_at if self._is_waited_for else min(self.next_at, now)
        self._ring()

    def _take_limit(self, told: int) -> None:
        self._told_limit, self.is_guessed = told, False
        self.limit = max(told // self._sharers, 1)

    def refused(self, answer: Answer, now: float, served_before: int) -> None:
        """A call was answered 429. `served_before` is how many of its kind were served in the last
        minute, for a limiter that was not known yet.
        """
        self._heed_refusal(answer, now, served_before)
        self._ring()

    def _heed_refusal(self, answer: Answer, now: float, served_before: int) -> None:
        told = whole_number(answer.header("ratelimit-limit"))
        # Those that were under way with the first of its window say no more than that did.
        is_first = self.left >= 1 or self.limit is None
        if told:
            self._take_limit(told)
        elif self.is_guessed or self.limit is None:
            served = served_before if self.limit is None else self.served
            if is_first:
                self.limit = served or max((self.limit or 2) // 2, 1)
            self.is_guessed = True
        wait_s = reset_after_s(answer.header)
        if wait_s is None and is_first:
            wait_s = self._unsaid_wait_s(answer)
        if wait_s is not None:
            self.reset_at = now + wait_s
        self.clean = 0
        self.left = 0
        self.was_refused = True
        self.next_at = self.reset_at

    def served_late(self) -> None:
        """A call was served that was under way when another one was refused."""
        if self.is_guessed and self.was_refused and self.limit is not None:
            self.limit += 1

    def _unsaid_wait_s(self, answer: Answer) -> float:
        """How long to wait after a 429 that tells no time. GitLab counts by full minutes; of
        anything else before it a second is tried, then twice as long each time.
        """
        if is_gitlabs(answer):
            self.window_s = WINDOW_S
            date = date_in(answer.header)
            return WINDOW_S - (time() if date is None else date) % WINDOW_S
        is_again = self.served == 0 and self.window_s < WINDOW_S
        self.window_s = min(2 * self.window_s, WINDOW_S) if is_again else 1.0
        return self.window_s

    def _renew(self, now: float) -> None:
        """A new window begins; its end is known when an answer tells it."""
        if self.is_guessed and self.limit is not None:
            was_used = self.left < 1
            self.clean = self.clean + 1 if was_used else 0
            if self.clean > CLEAN_WINDOWS:
                self.limit += max(self.limit // 10, 1)
        self.served = 0
        self.was_refused = False
        self.left = math.inf if self.limit is None else self.limit
        self.reset_at = now + self.window_s
        self.next_at = now


class Turn:
    """One who waits: told by `given`."""

    __slots__ = ("call", "given", "timer")

    timer: TimerHandle

    def __init__(self, given: Future[None], call: Call) -> None:
        self.given = given
        self.call = call

    @property
    def deadline(self) -> float:
        """Until when it is of use; later where others have joined who have more time."""
        return self.call.scope.deadline

    def is_over(self, now: float) -> bool:
        """Is it of no use any more?"""
        return self.given.done() or now > self.call.scope.deadline - USABLE_S


def used_up(call: Call, wait_s: float) -> RateLimited:
    """What a call fails with that can have no turn in time."""
    return RateLimited(
        f"{call.subject}: this credential has used up what the upstream allows; try again in"
        f" {wait_s:.0f} s",
        endpoint=call.route.endpoint,
        retry_after_s=round(wait_s, 1),
    )
