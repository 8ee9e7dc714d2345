"""The layer that keeps one pace with all replicas of the gateway (architecture.md, one pace per
credential): as `Paced`, but each credential's limiters are accounts that replicas share.
"""

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING, Final

from gateway.upstream.calls.pace import Paced, limiter_named, limiter_told_by, served_of
from gateway.upstream.calls.shared_limiter import MOST_UNDER_WAY, SharedLimiter
from gateway.upstream.calls.sharing import Sharing
from gateway.upstream.routes import ROUTES
from gateway.upstream.wire import whole_number

if TYPE_CHECKING:
    from gateway.hooks import Hooks
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.calls.limiter import Limiter
    from gateway.upstream.calls.shared_pace import Named, SharedPace
    from gateway.upstream.calls.standing import Standing, Standings
    from gateway.upstream.wire import Answer

__all__ = ["PacedTogether", "refresh"]

# Those who present nothing are one to the upstream, too.
NOBODY: Final = "nobody"
_BY_NAME: Final = {route.name: route for route in ROUTES}


class PacedTogether(Paced):
    """The layer that keeps the pace, with all others that share it."""

    def __init__(
        self, below: Layer, standings: Standings, pace: SharedPace, hooks: Hooks | None = None
    ) -> None:
        super().__init__(below, standings, hooks)
        self._pace = pace
        pace.on_news(self._hear)
        pace.on_return(self._begin_again)

    async def send(self, call: Call) -> Answer:
        standing = call.scope.standing or self._standings.of(call.scope)
        shared = standing.shared
        if shared is not None and (shared.has_begun or standing.limiters):
            return await self._send(call, standing)
        shared = await _look(standing, self._pace)
        if standing.limiters or not await shared.go_ahead(call):
            return await self._send(call, standing)
        is_answered = False
        try:
            answer = await self._send(call, standing)
            is_answered = True
            return answer
        finally:
            shared.come_back(is_answered=is_answered)

    async def _send(self, call: Call, standing: Standing) -> Answer:
        answer = await super().send(call)
        limit = whole_number(answer.header("ratelimit-limit"))
        if limit is not None and not standing.limiters:
            remaining = whole_number(answer.header("ratelimit-remaining"))
            if remaining is not None and remaining <= MOST_UNDER_WAY * self._pace.replicas:
                # So many may be under way elsewhere.
                limiter = limiter_told_by(standing, call.route, answer)
                limiter.told(answer, get_running_loop().time(), limit=limit, remaining=remaining)
        return answer

    def _hear(self, owner: str, named: Named) -> None:
        """Another replica, or this one, tells of a limiter."""
        standing = self._standings.known("" if owner == NOBODY else owner)
        if standing is None or standing.shared is None:
            return
        is_new = named.name not in standing.limiters
        limiter = _limiter_of(standing, named)
        if isinstance(limiter, SharedLimiter):
            now = get_running_loop().time()
            limiter.hear(served_of(standing, limiter, now) if is_new else 0)

    def _begin_again(self) -> None:
        """Nobody knows what was missed."""
        for standing in self._standings:
            if not standing.limiters:
                standing.shared = None


async def refresh(standing: Standing, pace: SharedPace) -> None:
    """Know what other replicas know of a credential's limiters. Cost: a round trip to the store, or
    two.
    """
    await _look(standing, pace)
    for limiter in list(standing.limiters.values()):
        if limiter.is_general and isinstance(limiter, SharedLimiter):
            await limiter.refresh()


async def _look(standing: Standing, pace: SharedPace) -> Sharing:
    shared = standing.shared
    if shared is None:
        shared = standing.shared = Sharing(standing.fingerprint or NOBODY, pace)
    if not standing.limiters:
        for named in await shared.known():
            _limiter_of(standing, named)
    return shared


def _limiter_of(standing: Standing, named: Named) -> Limiter:
    limiter = limiter_named(standing, named.name, is_general=named.is_general)
    limiter.routes.update(_BY_NAME[name] for name in named.routes if name in _BY_NAME)
    return limiter
