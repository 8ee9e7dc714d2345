"""A circuit: after failures in a row an upstream is left alone for a moment."""

from __future__ import annotations

from gateway.errors import UpstreamUnavailable

__all__ = ["Circuit"]


class Circuit:
    """Opens after `threshold` failures in a row, for `open_s`; then one failure opens it again."""

    def __init__(self, *, threshold: int = 20, open_s: float = 2.0) -> None:
        self._threshold = threshold
        self._open_s = open_s
        self._failures = 0
        self._open_until = 0.0

    def check(self, now: float, endpoint: str) -> None:
        """Raise `UpstreamUnavailable` while the circuit is open. Times are of the loop's clock."""
        if self._failures >= self._threshold and now < self._open_until:
            raise UpstreamUnavailable(
                f"the upstream failed {self._failures} times in a row; calls begin again within"
                f" {self._open_s:.0f} s",
                endpoint=endpoint,
            )

    def failed(self, now: float) -> None:
        self._failures += 1
        if self._failures >= self._threshold:
            self._open_until = now + self._open_s

    def worked(self) -> None:
        self._failures = 0
