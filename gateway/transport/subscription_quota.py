"""How many subscriptions a credential may hold, whatever carries them."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.upstream.credential import owner_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.upstream.credential import Credential

__all__ = ["SubscriptionQuota", "TooManySubscriptions"]


class TooManySubscriptions(Exception):
    """A credential holds as many subscriptions as it may; the message says so."""

    code = "TOO_MANY_SUBSCRIPTIONS"


class SubscriptionQuota:
    """The subscriptions that run, so many at most for one credential."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: Counter[str] = Counter()

    @contextmanager
    def held(self, credential: Credential | None) -> Iterator[None]:
        """Count a subscription while the block runs; raises `TooManySubscriptions`."""
        owner = owner_of(credential)
        if self._held[owner] >= self._most:
            raise TooManySubscriptions(
                f"this credential holds {self._most} subscriptions, as many as it may"
                " (GATEWAY_MAX_SUBSCRIPTIONS); end some of them first"
            )
        self._held[owner] += 1
        try:
            yield
        finally:
            self._held[owner] -= 1
            if not self._held[owner]:
                del self._held[owner]
