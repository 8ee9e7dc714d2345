"""One pace for each credential: reads slow down before the upstream says stop (design, 11).

    RateLimit-Remaining below a tenth of RateLimit-Limit    reads share what is left until the reset
    429 with a time                                         no read before that time

Where the upstream tells nothing, or there is plenty left, nothing is kept and nothing waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.upstream.answers import retry_after_s

if TYPE_CHECKING:
    from gateway.upstream.credential import Credential
    from gateway.upstream.wire import Answer

__all__ = ["Pace"]

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
        told = answer.header("ratelimit-remaining")
        if told is None or not told.isdecimal():
            return
        remaining = int(told)
        limit = answer.header("ratelimit-limit") or ""
        if not limit.isdecimal() or remaining >= int(limit) * PLENTY:
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


class _Slowed:
    __slots__ = ("gap_s", "next_at", "until")

    def __init__(self) -> None:
        self.gap_s = 0.0
        self.next_at = 0.0
        self.until = 0.0


def _key(credential: Credential | None) -> str:
    return "" if credential is None else credential.fingerprint
