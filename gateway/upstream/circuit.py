"""A circuit: after failures in a row an upstream is left alone for a moment."""

from __future__ import annotations

from gateway.errors import UpstreamUnavailable

__all__ = ["Circuit"]


class Circuit:
    """Opens after `threshold` failures in a row, for `open_s`; then one more opens it again.

    Failures are those of the upstream as a whole: no connection, or a front end that finds nobody
    behind it. What one job or one slow list can cause does not count, or one caller could shut out
    all others. Times are of the loop's clock, in seconds.
    """

    def __init__(self, *, threshold: int = 20, open_s: float = 2.0) -> None:
        self._threshold = threshold
        self._open_s = open_s
        self._failures = 0
        self._open_until = 0.0

    def check(self, now: float, endpoint: str) -> None:
        """Raise `UpstreamUnavailable` while the circuit is open."""
        if self._failures >= self._threshold and now < self._open_until:
            raise UpstreamUnavailable(
                f"the upstream failed {self._failures} times in a row and is left alone for"
                f" {self._open_until - now:.1f} s; try again then",
                endpoint=endpoint,
            )

    def failed(self, now: float) -> None:
        """A call failed."""
        self._failures += 1
        if self._failures >= self._threshold:
            self._open_until = now + self._open_s

    def worked(self) -> None:
        """A call was answered."""
        self._failures = 0
