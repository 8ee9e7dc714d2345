"""What is known of the credentials that callers present, as long as the process lives.

A credential is *verified* once the upstream has answered one of its calls with 2xx, and until it
says 401. Both tables are bounded; those used last are kept. Those that are not verified have a
small table of their own, so that a thousand made-up tokens push nobody out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.upstream.credential import owner_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.upstream.calls.allowance import Served
    from gateway.upstream.calls.circuit import RouteCircuit
    from gateway.upstream.calls.limiter import Limiter
    from gateway.upstream.calls.shared_pace import SharedPace
    from gateway.upstream.calls.sharing import Sharing
    from gateway.upstream.routes import Route
    from gateway.upstream.scope import CallScope

__all__ = ["Standing", "Standings"]

MAX_VERIFIED: Final = 5_000
MAX_UNVERIFIED: Final = 200


class Standing:
    """How one credential stands with the upstream. Each layer keeps its part here, so that one
    look-up an operation finds them all. `sharers` processes ask for it.
    """

    __slots__ = (
        "circuits",
        "fingerprint",
        "is_verified",
        "limiters",
        "places",
        "served",
        "shared",
        "sharers",
        "spent_retries",
        "told",
    )

    def __init__(self, fingerprint: str, sharers: int = 1) -> None:
        self.fingerprint = fingerprint
        self.sharers = sharers
        self.is_verified = False
        # By name, and what was served of routes lately (`pace`).
        self.limiters: dict[str, Limiter] = {}
        self.served: dict[Route, Served] = {}
        # What the upstream told last, with plenty left: limit, rest, reset, its date; and when.
        self.told: tuple[int, int, str | None, str | None, float] | None = None
        # How its pace is shared by all replicas, where it is (`pace_together`).
        self.shared: Sharing | None = None
        # Of routes that failed (`circuit`).
        self.circuits: dict[Route, RouteCircuit] = {}
        # Connections in use, and those of them for what is large (`places`).
        self.places = [0, 0]
        # Reads that were sent again, less what was saved since (`retry_budget`).
        self.spent_retries = 0.0


class Standings:
    """The credentials of an upstream's callers; no credential is one of them. `sharers` processes
    ask for each of them; where they have a store, they keep one `pace`.
    """

    def __init__(self, sharers: int = 1, pace: SharedPace | None = None) -> None:
        self._sharers = sharers
        self.pace = pace
        self._verified: dict[str, Standing] = {}
        self._unverified: dict[str, Standing] = {}
        self.verified: Final = self._verified.keys()
        """The fingerprints (`""`: no credential) of those that are verified now."""

    def __len__(self) -> int:
        return len(self._verified) + len(self._unverified)

    def __iter__(self) -> Iterator[Standing]:
        yield from self._verified.values()
        yield from self._unverified.values()

    def of(self, scope: CallScope) -> Standing:
        """How the credential of these calls stands."""
        standing: Standing | None = scope.standing
        if standing is None:
            standing = scope.standing = self._find(owner_of(scope.credential))
        return standing

    def known(self, fingerprint: str) -> Standing | None:
        """How a credential stands that is known, by its fingerprint; it is not used by that."""
        return self._verified.get(fingerprint) or self._unverified.get(fingerprint)

    def tell(self, standing: Standing, status: int) -> None:
        """The upstream has answered a call with this status."""
        if standing.is_verified:
            if status == 401:
                standing.is_verified = False
                if self._verified.pop(standing.fingerprint, None) is standing:
                    _put(self._unverified, standing, MAX_UNVERIFIED)
        elif 200 <= status < 300:
            standing.is_verified = True
            self._unverified.pop(standing.fingerprint, None)
            _put(self._verified, standing, MAX_VERIFIED)

    def _find(self, fingerprint: str) -> Standing:
        for table in (self._verified, self._unverified):
            standing = table.pop(fingerprint, None)
            if standing is not None:
                # Those used last are at the end.
                table[fingerprint] = standing
                return standing
        standing = Standing(fingerprint, self._sharers)
        _put(self._unverified, standing, MAX_UNVERIFIED)
        return standing


def _put(table: dict[str, Standing], standing: Standing, most: int) -> None:
    table[standing.fingerprint] = standing
    if len(table) > most:
        del table[next(iter(table))]
