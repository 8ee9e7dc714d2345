"""What replicas of a gateway tell each other about the limiters of one upstream, so that all of
them keep one pace: an account of each limiter, kept where all can reach it.

A replica *settles*: it says what it holds, wants and has heard, and is given turns.

    told        the least that the upstream told to be left in this window, less what was answered
                without a word
    left        that, less the turns that replicas hold: in hand, or given to calls under way
    turns       come at once while more than a tenth of the limit is left; then, and as long as
                somebody waits, one by one, each at the time that is due to it: what is left is
                spread to the reset, or to where those who wait can still use it

`SharedPace` is what a store has to do (`gateway.store.allowances`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from msgspec import Struct

from gateway.upstream.answers import FIRST_TIME, date_in
from gateway.upstream.calls.allowance import WINDOW_S, reset_after_s
from gateway.upstream.wire import whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.upstream.wire import Answer

__all__ = ["Account", "Given", "Named", "Refusal", "SharedPace", "Told"]

# What a replica has said of itself counts for so long: it may have died. A call that is under way
# for longer was counted by the upstream long ago.
LAPSE_S: Final = 5.0
# Of what is left above the tenth, as many parts are given at once to who asks often.
LOTS: Final = 50
# Turns that are due within so short a time are given together.
TOGETHER_S: Final = 0.02
# How far apart the ends of a window may lie that are told in seconds from now.
SLACK_S: Final = 2.0
# Whatever an upstream tells, it is a number that a store can count with.
MAX_TOLD: Final = 1_000_000_000


class Named(Struct, frozen=True):
    """A limiter as the upstream names it, and the names of the routes that it is known to count."""

    name: str
    is_general: bool
    routes: tuple[str, ...] = ()


class Told(Struct, frozen=True):
    """What an answer told of a limiter. `window` is the time at which its window ends, by the
    upstream's clock, right to `slack_s`; negative where it was not told. `reset_s` from now it
    ends.
    """

    limit: int
    remaining: int
    window: float
    slack_s: float
    reset_s: float

    @classmethod
    def of(cls, answer: Answer, limit: int, remaining: int) -> Told:
        """What an answer tells."""
        limit, remaining = min(limit, MAX_TOLD), min(remaining, MAX_TOLD)
        reset = whole_number(answer.header("ratelimit-reset"))
        reset_s = reset_after_s(answer.header)
        if reset_s is None:
            return cls(limit, remaining, -1.0, 0.0, WINDOW_S)
        if reset is not None and reset >= FIRST_TIME:
            return cls(limit, remaining, float(reset), 0.0, reset_s)
        return cls(limit, remaining, (date_in(answer.header) or 0.0) + reset_s, SLACK_S, reset_s)

    def or_later(self, other: Told) -> Told:
        """Of two what counts: the newer window's, or the least of one."""
        if other.window > self.window + other.slack_s:
            return other
        if other.window < self.window - other.slack_s or self.remaining < other.remaining:
            return self
        return other


class Refusal(Struct, frozen=True):
    """A 429. `limit` is 0 where it was not told; `served` are the calls that this replica saw
    served before it knew of the limiter, said once. It holds for `wait_s`, which the upstream said,
    or which is a guess; then windows are of `window_s`.
    """

    limit: int
    served: int
    wait_s: float
    is_said: bool
    window_s: float


class Account(Struct, frozen=True, kw_only=True):
    """What a replica says of one limiter.

    It holds `holds` turns, and wants `turns` now, of no use later than in `useful_s`; those who
    wait are `wants`, the last of them for `until_s`. `untold` calls were answered since the last
    account without a word on limits. `limit`, and whether it was guessed, is for a store that knows
    nothing.
    """

    holds: int
    turns: int = 0
    useful_s: float = 0.0
    wants: int = 0
    until_s: float = 0.0
    is_patient: bool = False
    untold: int = 0
    limit: int = 0
    is_guessed: bool = False
    told: Told | None = None
    refusal: Refusal | None = None


class Given(Struct, frozen=True, kw_only=True):
    """What a replica is given: `turns`, to be used from `after_s` on. The next one of anybody is
    due in `next_s`.

    Of a `limit` (0: nothing is known) `left` may be given, and no more than `most` can be; the
    window ends in `reset_s`. At the other replicas `others` wait. What all should hear of at once
    `is_news`.
    """

    turns: int
    after_s: float
    next_s: float
    reset_s: float
    limit: int
    left: float
    most: float
    others: int
    is_guessed: bool
    is_news: bool


# None: the store is away.
Then: TypeAlias = Callable[[Given | None], None]
NewsListener: TypeAlias = Callable[[str, Named], None]


class SharedPace(Protocol):
    """A store of accounts. An `owner` is a credential, by its fingerprint.

    While it is not up, nothing is shared, and each replica goes on with its part: one of
    `replicas`, as many as there were when it was up.
    """

    @property
    def is_up(self) -> bool:
        """Can it be reached, as far as is known?"""

    @property
    def replicas(self) -> int:
        """How many there are, as far as is known; 1 at least."""

    async def known(self, owner: str) -> Sequence[Named]:
        """The limiters of an owner that any replica has told of lately. Cost: a round trip."""

    def settle(self, owner: str, named: Named, account: Account, then: Then) -> None:
        """Settle with all others; `then` is called with what came of it, later, and soon. Cost: a
        round trip.
        """

    def on_news(self, listener: NewsListener) -> None:
        """Have somebody told of an owner's limiter when it has become scarce, or said stop."""

    def on_return(self, listener: Callable[[], None]) -> None:
        """Have somebody told when the store is back: news may have been missed."""
