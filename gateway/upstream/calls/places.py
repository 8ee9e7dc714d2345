"""Places: a fair share of the connections to the upstream for each credential.

Of all places a credential may have as many as are twice the free ones: one alone gets two thirds,
two get two fifths each, and there is always room for who comes next. Credentials that are not
verified have one such share together, of a tenth of the places. What is large, streams and pages of
many rows, has half of the places at most, shared the same way, so that it holds up no single read.

Who has to wait is served when a place comes free, the credential with the fewest first; polls come
after all operations.
"""

from __future__ import annotations

from asyncio import CancelledError, get_running_loop
from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.errors import UpstreamTimeout
from gateway.upstream.calls.standing import Standing
from gateway.upstream.calls.telling import waiting

if TYPE_CHECKING:
    from asyncio import Future

    from gateway.hooks import Hooks
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.calls.standing import Standings
    from gateway.upstream.wire import Answer

    # Those who wait, by share.
    _Queues: TypeAlias = dict[Standing, deque[Future[None]]]

__all__ = ["Places", "Pool"]

# As many places as are this many times the free ones.
SHARE: Final = 2
# Parts of all places.
UNVERIFIED: Final = 10
LARGE: Final = 2
# Rows from which a page is large.
LARGE_PAGE: Final = 50


class Pool:
    """Places of one kind. `kind` says which count of a standing is meant: 0 all, 1 large ones."""

    def __init__(self, size: int, kind: int = 0) -> None:
        self.size = size
        self._kind = kind
        self._free = size
        self.unverified = Standing("")
        """All that are not verified are one."""
        self._most_unverified = max(size // UNVERIFIED, 1)
        self._waiting: _Queues = {}
        # Those of polls.
        self._patient: _Queues = {}

    @property
    def used(self) -> int:
        """How many are not free."""
        return self.size - self._free

    def owner(self, standing: Standing) -> Standing:
        """Whose share it is."""
        return standing if standing.is_verified else self.unverified

    def take_at_once(self, owner: Standing, call: Call) -> bool:
        """Take a place if there is one to be had, and nobody of this share waits who comes
        before.
        """
        has = owner.places[self._kind]
        if has >= SHARE * self._free or owner in self._waiting:
            return False
        if owner in self._patient and call.scope.patient:
            return False
        if owner is self.unverified and has >= self._most_unverified:
            return False
        self._free -= 1
        owner.places[self._kind] = has + 1
        return True

    async def take(self, owner: Standing, call: Call) -> None:
        """Wait for a place; raises `UpstreamTimeout` where none comes free in time."""
        loop = get_running_loop()
        place: Future[None] = loop.create_future()
        queues = self._patient if call.scope.patient else self._waiting
        queues.setdefault(owner, deque()).append(place)
        timer = loop.call_at(call.scope.deadline, _give_up, place, call)
        try:
            await place
        except CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                # It was given a place in the same moment.
                self.give_back(owner)
            raise
        finally:
            timer.cancel()
            if place.cancelled() or place.exception() is not None:
                _forget(queues, owner, place)

    def give_back(self, owner: Standing) -> None:
        """A place is free."""
        self._free += 1
        owner.places[self._kind] -= 1
        for queues in (self._waiting, self._patient) if self._waiting or self._patient else ():
            while queues and self._free and self._serve(queues):
                pass

    def _serve(self, queues: _Queues) -> bool:
        """Give a place to one who waits; False where none of these may have one."""
        able = [waiting for waiting in queues if self._has_room(waiting)]
        if not able:
            return False
        fewest = min(able, key=self._places_of)
        queue = queues.pop(fewest)
        place = queue.popleft()
        if queue:
            # The next time it comes after those with as many.
            queues[fewest] = queue
        if not place.done():
            self._free -= 1
            fewest.places[self._kind] += 1
            place.set_result(None)
        return True

    def _has_room(self, owner: Standing) -> bool:
        has = owner.places[self._kind]
        if owner is self.unverified and has >= self._most_unverified:
            return False
        return has < SHARE * self._free

    def _places_of(self, owner: Standing) -> int:
        return owner.places[self._kind]


class Places:
    """The layer that gives calls their places, and notes which credentials are verified."""

    def __init__(
        self,
        below: Layer,
        standings: Standings,
        places: int | Pool,
        hooks: Hooks | None = None,
    ) -> None:
        self._below = below
        self._standings = standings
        self._hooks = hooks
        self._all = Pool(places) if isinstance(places, int) else places
        self._large = Pool(max(self._all.size // LARGE, 1), 1)

    async def send(self, call: Call) -> Answer:
        standing = call.scope.standing or self._standings.of(call.scope)
        pool = self._all
        if call.stack is not None or call.rows >= LARGE_PAGE:
            return await self._send_large(call, standing)
        # As `pool.owner`, without calling it.
        owner = standing if standing.is_verified else pool.unverified
        if not pool.take_at_once(owner, call):
            with waiting(self._hooks, "place", call):
                await pool.take(owner, call)
        try:
            answer = await self._below.send(call)
        finally:
            pool.give_back(owner)
        if standing.is_verified is not (200 <= answer.status < 300):
            self._standings.tell(standing, answer.status)
        return answer

    async def _send_large(self, call: Call, standing: Standing) -> Answer:
        held: list[tuple[Pool, Standing]] = []
        try:
            # That for what is large first, so that who waits for one holds no other.
            await self._take(self._large, standing, call, held)
            await self._take(self._all, standing, call, held)
            answer = await self._below.send(call)
            if standing.is_verified is not (200 <= answer.status < 300):
                self._standings.tell(standing, answer.status)
            if call.stack is not None and 200 <= answer.status < 300:
                call.stack.callback(_give_back, list(held))
                held.clear()
            return answer
        finally:
            _give_back(held)

    async def _take(
        self, pool: Pool, standing: Standing, call: Call, held: list[tuple[Pool, Standing]]
    ) -> None:
        owner = pool.owner(standing)
        if not pool.take_at_once(owner, call):
            with waiting(self._hooks, "place", call):
                await pool.take(owner, call)
        held.append((pool, owner))


def _forget(queues: _Queues, owner: Standing, place: Future[None]) -> None:
    queue = queues.get(owner)
    if queue is not None and place in queue:
        queue.remove(place)
        if not queue:
            del queues[owner]


def _give_back(held: list[tuple[Pool, Standing]]) -> None:
    for pool, owner in held:
        pool.give_back(owner)


def _give_up(place: Future[None], call: Call) -> None:
    loop = get_running_loop()
    if place.done():
        return
    if loop.time() < call.scope.deadline:
        # Others joined it who have more time.
        loop.call_at(call.scope.deadline, _give_up, place, call)
    else:
        place.set_exception(
            UpstreamTimeout(
                "no connection to the upstream came free in time: this credential has its share of"
                " them (GATEWAY_MAX_UPSTREAM_CONNECTIONS) in use; ask for less at once",
                endpoint=call.route.endpoint,
            )
        )
