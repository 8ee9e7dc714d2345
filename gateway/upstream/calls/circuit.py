"""A circuit: after failures in a row an upstream is left alone for a moment."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.errors import UpstreamUnavailable
from gateway.upstream.wire import AnswerTooLong, TimedOut, WireError

if TYPE_CHECKING:
    from types import TracebackType

    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.wire import Answer

__all__ = ["Breaker", "Circuit"]

# What a front end answers when nobody is behind it.
UNREACHABLE: Final = frozenset({502, 503, 504})


class Circuit:
    """Opens after `threshold` failures in a row, for `open_s`; then one more opens it again.

    Failures are those of the upstream as a whole: no connection, or a front end that finds nobody
    behind it. What one job or one slow list can cause does not count, or one caller could shut out
    all others. `failures` are those since a call was last answered. Times are of the loop's clock,
    in seconds.
    """

    def __init__(self, *, threshold: int = 20, open_s: float = 2.0) -> None:
        self._threshold = threshold
        self._open_s = open_s
        self.failures = 0
        self._open_until = 0.0
        # Of the last failure: its text, and its cause.
        self._last: tuple[str, str | None] = ("", None)

    def check(self, now: float, endpoint: str) -> None:
        """Raise `UpstreamUnavailable` while the circuit is open."""
        if self.failures >= self._threshold and now < self._open_until:
            told, cause = self._last
            error = UpstreamUnavailable(
                f"the upstream failed {self.failures} times in a row and is left alone for"
                f" {self._open_until - now:.1f} s; try again then{told}",
                endpoint=endpoint,
                retry_after_s=round(self._open_until - now, 1),
                cause=cause,
            )
            error.is_circuit_open = True
            raise error

    def failed(self, now: float, error: UpstreamUnavailable | None = None) -> None:
        """A call failed, with this error if there was no answer."""
        self._last = ("", None)
        if error is not None and error.cause is not None:
            self._last = (f". The last time: {error.message}", error.cause)
        self.failures += 1
        if self.failures >= self._threshold:
            self._open_until = now + self._open_s

    def worked(self) -> None:
        """A call was answered."""
        self.failures = 0


class Breaker:
    """The layer that breaks the circuit: while it is open, every call fails at once."""

    def __init__(self, below: Layer, circuit: Circuit) -> None:
        self._below = below
        self._circuit = circuit

    async def send(self, call: Call) -> Answer:
        circuit = self._circuit
        if circuit.failures:
            circuit.check(_now(), call.route.endpoint)
        try:
            answer = await self._below.send(call)
        except UpstreamUnavailable as error:
            circuit.failed(_now(), error)
            raise
        if answer.status in UNREACHABLE:
            # A refused write says nothing of reads: maintenance refuses writes alone.
            if call.route.method == "GET":
                circuit.failed(_now())
        else:
            if circuit.failures:
                circuit.worked()
            if call.stack is not None:
                call.stack.push(partial(_ended, circuit))
        return answer


def _ended(
    circuit: Circuit,
    _type: type[BaseException] | None,
    error: BaseException | None,
    _traceback: TracebackType | None,
) -> None:
    """Count a stream that broke after it had begun."""
    if isinstance(error, WireError) and not isinstance(error, AnswerTooLong | TimedOut):
        circuit.failed(_now())


def _now() -> float:
    return asyncio.get_running_loop().time()
