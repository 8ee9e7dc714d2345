"""Circuits: what fails again and again is left alone for a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import UpstreamUnavailable

if TYPE_CHECKING:
    from gateway.errors import UpstreamError

__all__ = ["Circuit", "RouteCircuit"]


class Circuit:
    """Opens after `threshold` failures in a row, for `open_s`; then one call is let through, and
    another one whenever as much time has passed without an answer.

    `failures` are those since a call was last answered. Times are of the loop's clock, in seconds.
    """

    def __init__(self, *, threshold: int = 20, open_s: float = 2.0) -> None:
        self.threshold = threshold
        self.open_s = open_s
        self.failures = 0
        self._open_until = 0.0
        # Of the last failure: its text, and its cause.
        self._last: tuple[str, str | None] = ("", None)

    @property
    def is_open(self) -> bool:
        """Has it failed so often, and was no call answered since?"""
        return self.failures >= self.threshold

    def check(self, now: float, endpoint: str) -> None:
        """Raise `UpstreamUnavailable` while the circuit is open; the first after that may go."""
        if not self.is_open:
            return
        if now >= self._open_until:
            # Whoever asks while this one is under way is early.
            self._open_until = now + self.open_s
            return
        told, cause = self._last
        error = UpstreamUnavailable(
            f"{self._what} failed {self.failures} times in a row and is left alone for"
            f" {self._open_until - now:.1f} s; try again then{told}",
            endpoint=endpoint,
            retry_after_s=round(self._open_until - now, 1),
            cause=cause,
        )
        error.is_circuit_open = True
        raise error

    _what = "the upstream"

    def failed(self, now: float, error: UpstreamError | None = None) -> None:
        """A call failed, with this error if there was no answer."""
        self._last = ("", None)
        if error is not None and error.cause is not None:
            self._last = (f". The last time: {error.message}", error.cause)
        self.failures += 1
        if self.failures >= self.threshold:
            self._open_until = now + self.open_s

    def worked(self) -> None:
        """A call was answered."""
        self.failures = 0


class RouteCircuit(Circuit):
    """Of one credential's calls to one route; it opens as that for all calls does."""

    def __init__(self, for_all: Circuit) -> None:
        super().__init__(threshold=for_all.threshold, open_s=for_all.open_s)

    _what = "this endpoint of the upstream"
