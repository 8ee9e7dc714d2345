"""One pace for each credential: its reads slow down before the upstream refuses them
(architecture.md, one pace per credential).

    RateLimit-Remaining below a tenth of RateLimit-Limit    reads share what is left until the reset
    429 with a time                                         no read before that time

Where the upstream tells nothing, or there is plenty left, nothing is kept and nothing waits.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.errors import RateLimited
from gateway.upstream.answers import retry_after_s
from gateway.upstream.wire import whole_number

if TYPE_CHECKING:
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.credential import Credential
    from gateway.upstream.wire import Answer

__all__ = ["Pace", "Paced"]

# GitLab's limits are by the minute; a clock that is wrong must not stop anybody for longer.
MAX_RESET_S: Final = 60.0
PLENTY: Final = 0.1


class Pace:
    """What the upstream has told of its limits. Times are of the loop's clock, in seconds."""

    def __init__(self) -> None:
        self._slowed: dict[str, _Slowed] = {}

    def wait_s(self, credential: Credential | None, now: float) -> float:
        """How long this credential's next read has to wait; its turn is taken by asking."""
        if not self._slowed:
            return 0.0
        slowed = self._slowed.get(_key(credential))
        if slowed is None:
            return 0.0
        if now >= slowed.until:
            del self._slowed[_key(credential)]
            return 0.0
        turn = max(slowed.next_at, now)
        slowed.next_at = turn + slowed.gap_s
        return turn - now

    def heed(self, credential: Credential | None, answer: Answer, now: float) -> None:
        """Take in what an answer tells."""
        if answer.status == 429:
            reset_s = retry_after_s(answer.header)
            if reset_s is not None:
                self._slow(credential, now, min(reset_s, MAX_RESET_S), 0)
            return
        remaining = whole_number(answer.header("ratelimit-remaining"))
        if remaining is None:
            return
        limit = whole_number(answer.header("ratelimit-limit"))
        if limit is None or remaining >= limit * PLENTY:
            if self._slowed:
                self._slowed.pop(_key(credential), None)
            return
        reset_s = retry_after_s(answer.header)
        if reset_s is not None:
            self._slow(credential, now, min(reset_s, MAX_RESET_S), remaining)

    def _slow(
        self, credential: Credential | None, now: float, reset_s: float, remaining: int
    ) -> None:
        gap_s = reset_s / (remaining + 1)
        slowed = self._slowed.setdefault(_key(credential), _Slowed())
        slowed.gap_s = gap_s if remaining else 0.0
        slowed.until = now + reset_s
        slowed.next_at = max(slowed.next_at, now + gap_s) if remaining else slowed.until
        if len(self._slowed) > 1_000:
            self._slowed = {key: kept for key, kept in self._slowed.items() if kept.until > now}


class Paced:
    """The layer that keeps the pace: a read waits for its turn. Writes do not wait, and what their
    answers tell counts as well.
    """

    def __init__(self, below: Layer, pace: Pace) -> None:
        self._below = below
        self._pace = pace

    async def send(self, call: Call) -> Answer:
        credential = call.scope.credential
        loop = asyncio.get_running_loop()
        if call.route.is_read:
            wait_s = self._pace.wait_s(credential, loop.time())
            if wait_s:
                await _wait_turn(call, wait_s, loop.time())
        answer = await self._below.send(call)
        self._pace.heed(credential, answer, loop.time())
        return answer


async def _wait_turn(call: Call, wait_s: float, now: float) -> None:
    if wait_s >= call.scope.deadline - now:
        raise RateLimited(
            f"{call.subject}: this credential has used up what the upstream allows; try again in"
            f" {wait_s:.0f} s",
            endpoint=call.route.endpoint,
            retry_after_s=wait_s,
        )
    await asyncio.sleep(wait_s)


class _Slowed:
    __slots__ = ("gap_s", "next_at", "until")

    def __init__(self) -> None:
        self.gap_s = 0.0
        self.next_at = 0.0
        self.until = 0.0


def _key(credential: Credential | None) -> str:
    return "" if credential is None else credential.fingerprint
