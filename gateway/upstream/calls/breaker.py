"""The layer that breaks circuits.

    nobody is there    no connection, for whatever reason          for all calls
    a route fails      502, 503, 504, an answer that breaks off    for this credential's calls to it
                       or never begins

One project, one job or one slow list can make a route fail, and what stands before the upstream may
hang up on one caller alone, so that holds up nobody else. After a moment one call is let through;
with its answer the circuit closes.
"""

from __future__ import annotations

from asyncio import get_running_loop
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.errors import UpstreamTimeout, UpstreamUnavailable
from gateway.upstream.calls.circuit import Circuit, RouteCircuit
from gateway.upstream.causes import Cause
from gateway.upstream.wire import AnswerTooLong, TimedOut, WireError

if TYPE_CHECKING:
    from types import TracebackType

    from gateway.errors import UpstreamError
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.calls.standing import Standing, Standings
    from gateway.upstream.routes import Route
    from gateway.upstream.wire import Answer

__all__ = ["Breaker"]

# What a front end answers when nobody is behind it.
UNREACHABLE: Final = frozenset({502, 503, 504})
# Somebody was there, and one call's answer did not come whole.
OF_ONE_CALL: Final = frozenset({Cause.CONNECTION_LOST, Cause.HUNG_UP, Cause.NOT_HTTP})


class Breaker:
    """The layer that breaks circuits: while one is open, its calls fail at once. `circuit` is that
    for all calls.
    """

    def __init__(self, below: Layer, standings: Standings, circuit: Circuit | None = None) -> None:
        self._below = below
        self._circuit = circuit or Circuit()
        self._standings = standings

    async def send(self, call: Call) -> Answer:
        route, circuit = call.route, self._circuit
        standing = call.scope.standing or self._standings.of(call.scope)
        if circuit.failures or standing.circuits:
            self._check(standing, route)
        try:
            answer = await self._below.send(call)
        except (UpstreamUnavailable, UpstreamTimeout) as error:
            if error.cause is not None and error.cause not in OF_ONE_CALL:
                circuit.failed(_now(), error)
            elif isinstance(error, UpstreamUnavailable):
                self._failed(standing, route, error)
            raise
        if circuit.failures:
            circuit.worked()
        if answer.status in UNREACHABLE:
            # A refused write says nothing of reads: maintenance refuses writes alone.
            if route.is_read:
                self._failed(standing, route)
            return answer
        if call.stack is None:
            if standing.circuits:
                standing.circuits.pop(route, None)
        else:
            call.stack.push(partial(self._ended, standing, route))
        return answer

    def _check(self, standing: Standing, route: Route) -> None:
        own = standing.circuits.get(route)
        if own is not None:
            own.check(_now(), route.endpoint)
        self._circuit.check(_now(), route.endpoint)

    def _failed(self, standing: Standing, route: Route, error: UpstreamError | None = None) -> None:
        circuit = standing.circuits.get(route)
        if circuit is None:
            circuit = standing.circuits[route] = RouteCircuit(self._circuit)
        circuit.failed(_now(), error)

    def _ended(
        self,
        standing: Standing,
        route: Route,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Count a stream that broke after it had begun; one that was read to its end worked."""
        if error is None:
            standing.circuits.pop(route, None)
        elif isinstance(error, WireError) and not isinstance(error, AnswerTooLong | TimedOut):
            self._failed(standing, route)


def _now() -> float:
    return get_running_loop().time()
