"""The pace of each credential: its reads slow down before the upstream refuses them
(architecture.md, one pace per credential).

    RateLimit-Remaining below a tenth of RateLimit-Limit    what is left is spread to the reset
    429 with a time                                         no read before that time
    429 without one                                         none before the next full minute, by the
                                                            upstream's clock; then as many a minute
                                                            as it served, and slowly more

A limiter of the upstream counts a credential's calls to all its routes, or to one of them. GitLab
names it (`RateLimit-Name`); where it does not, a 429 that says "this endpoint" is its route's.
Where the upstream tells nothing, nothing waits.
"""

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING, Final

from gateway.upstream.calls.allowance import (
    WINDOW_S,
    Allowance,
    Served,
    is_of_endpoint,
    reset_after_s,
)
from gateway.upstream.calls.limiter import Limiter
from gateway.upstream.calls.telling import waiting
from gateway.upstream.wire import whole_number

if TYPE_CHECKING:
    from gateway.hooks import Hooks
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.calls.standing import Standing, Standings
    from gateway.upstream.routes import Route
    from gateway.upstream.wire import Answer

__all__ = ["Paced", "allowance_of", "limiter_named", "limiter_told_by", "served_of"]

MAX_LIMITERS: Final = 16
# Of a limit: while more is left nobody waits, however many calls are under way.
MUCH: Final = 0.5
# How old what is told of plenty may be.
TOLD_EVERY_S: Final = 1.0
# GitLab's own limiters that are not one endpoint's: throttle_authenticated_api and the like.
_GENERAL: Final = "throttle"


class Paced:
    """The layer that keeps the pace. Writes do not wait, but they count."""

    def __init__(self, below: Layer, standings: Standings, hooks: Hooks | None = None) -> None:
        self._below = below
        self._standings = standings
        self._hooks = hooks

    async def send(self, call: Call) -> Answer:
        standing = call.scope.standing or self._standings.of(call.scope)
        if not standing.limiters:
            answer = await self._below.send(call)
            _heed(standing, call.route, answer)
            return answer
        taken: list[Limiter] = []
        try:
            for limiter in _limiters_of(standing, call.route):
                if call.route.is_read:
                    if not limiter.take_at_once(call):
                        with waiting(self._hooks, "pace", call):
                            await limiter.take(call)
                else:
                    limiter.spend(get_running_loop().time())
                taken.append(limiter)
        except BaseException:
            for limiter in taken:
                limiter.give_back()
            raise
        try:
            answer = await self._below.send(call)
        finally:
            for limiter in taken:
                limiter.in_flight -= 1
        if answer.status != 429:
            for limiter in taken:
                limiter.served += 1
        _heed(standing, call.route, answer)
        return answer


def allowance_of(standing: Standing) -> Allowance:
    """What the upstream has told of the limiter that counts all calls of a credential."""
    for limiter in standing.limiters.values():
        if limiter.is_general and not limiter.is_guessed and limiter.limit is not None:
            return limiter.allowance
    if standing.told is None:
        return Allowance()
    limit, remaining, reset, date, at = standing.told
    wait_s = reset_after_s({"ratelimit-reset": reset, "date": date}.get)
    return Allowance(limit, remaining, None if wait_s is None else at + wait_s)


def _limiters_of(standing: Standing, route: Route) -> list[Limiter]:
    """Those that count the calls of a route. One that counts several routes counts all of which
    nothing else is known.
    """
    limiters = standing.limiters.values()
    is_known = any(limiter.is_general and route in limiter.routes for limiter in limiters)
    return [
        limiter
        for limiter in limiters
        if route in limiter.routes or (limiter.is_general and not is_known)
    ]


def _heed(standing: Standing, route: Route, answer: Answer) -> None:
    """Take in what an answer tells."""
    header = answer.header
    limit = whole_number(header("ratelimit-limit"))
    remaining = None if limit is None else whole_number(header("ratelimit-remaining"))
    if answer.status == 429:
        limiter = limiter_told_by(standing, route, answer)
        now = get_running_loop().time()
        limiter.refused(answer, now, served_of(standing, limiter, now))
    elif limit is None or remaining is None:
        _count(standing, route)
    elif remaining > MUCH * limit and not standing.limiters:
        # No need to look who counts it, until some of it is gone.
        now = get_running_loop().time()
        if standing.told is None or now >= standing.told[-1] + TOLD_EVERY_S:
            standing.told = (limit, remaining, header("ratelimit-reset"), header("date"), now)
    else:
        limiter = limiter_told_by(standing, route, answer)
        limiter.told(answer, get_running_loop().time(), limit=limit, remaining=remaining)
        if remaining > MUCH * limit and limiter.is_idle:
            del standing.limiters[limiter.name]


def _count(standing: Standing, route: Route) -> None:
    """Of an upstream that tells nothing remember what it served, for when it says stop."""
    served, now = standing.served.get(route), get_running_loop().time()
    if served is None or now >= served.until:
        standing.served[route] = Served(now + WINDOW_S, 1)
    else:
        served.count += 1
    if standing.limiters:
        for limiter in _limiters_of(standing, route):
            limiter.served_late()


def limiter_told_by(standing: Standing, route: Route, answer: Answer) -> Limiter:
    """The limiter that an answer to a route tells of."""
    name = answer.header("ratelimit-name")
    is_general = True
    if name is not None:
        is_general = name.startswith(_GENERAL)
    elif answer.status == 429 and is_of_endpoint(answer):
        name, is_general = route.name, False
    limiter = limiter_named(standing, name or "", is_general=is_general)
    limiter.routes.add(route)
    return limiter


def served_of(standing: Standing, limiter: Limiter, now: float) -> int:
    """What was served lately of all that a limiter counts, and no answer told of."""
    return sum(
        served.count
        for route, served in standing.served.items()
        if now < served.until and (limiter.is_general or route in limiter.routes)
    )


def limiter_named(standing: Standing, name: str, *, is_general: bool) -> Limiter:
    """A credential's limiter, new where it was not known."""
    limiter = standing.limiters.get(name)
    if limiter is None:
        if len(standing.limiters) >= MAX_LIMITERS:
            oldest = next(iter(standing.limiters))
            standing.limiters.pop(oldest)
        shared = standing.shared
        if shared is None:
            limiter = Limiter(name, is_general=is_general, sharers=standing.sharers)
        else:
            limiter = shared.limiter(name, is_general=is_general)
        standing.limiters[name] = limiter
    return limiter
