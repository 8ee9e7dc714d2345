"""How many subscriptions each credential holds."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.upstream.credential import owner_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.upstream.credential import Credential

__all__ = ["Seats", "TooManySubscriptions"]


class TooManySubscriptions(Exception):
    """A credential holds as many subscriptions as it may; the message says so."""

    code = "TOO_MANY_SUBSCRIPTIONS"


class Seats:
    """One for each subscription that runs, so many at most for one credential."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, credential: Credential | None) -> Iterator[None]:
        """A seat while the block runs; raises `TooManySubscriptions`."""
        owner = owner_of(credential)
        if self._taken[owner] >= self._most:
            raise TooManySubscriptions(
                f"this credential holds {self._most} subscriptions, as many as it may"
                " (GATEWAY_MAX_SUBSCRIPTIONS); end some of them first"
            )
        self._taken[owner] += 1
        try:
            yield
        finally:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]
