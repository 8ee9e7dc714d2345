"""Places: how many operations of one caller may run at once.

Who presents a credential is not believed before the upstream has answered it: all that are not
known share one place's worth, so that a thousand invented tokens get no thousand shares. Where the
callers' addresses can be told (`GATEWAY_TRUSTED_PROXIES`), each address has its own for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import GraphQLError

from gateway.errors import TooManyOperations
from gateway.execution.response import RequestError

if TYPE_CHECKING:
    from collections.abc import Container

    from gateway.execution.request import Caller

__all__ = ["Places"]


class Places:
    """Operations that run, by place. `each` is how many a known credential may have at once,
    `unknown` how many those that are not known have together.
    """

    def __init__(
        self, verified: Container[str] = (), *, each: int = 100, unknown: int = 50
    ) -> None:
        self._verified = verified
        self._each = each
        self._unknown = unknown
        self._running: dict[str, int] = {}

    def enter(self, caller: Caller) -> str:
        """Take a place for an operation, and give its name; raises `RequestError`."""
        credential = caller.credential
        place = "" if credential is None else credential.fingerprint
        at_most = self._each
        if place not in self._verified:
            place, at_most = f"unknown {caller.address}", self._unknown
        running = self._running.get(place, 0)
        if running >= at_most:
            excess = TooManyOperations.of(at_most, is_known=not place.startswith("unknown"))
            told = GraphQLError(excess.message, original_error=excess)
            raise RequestError(excess.code, errors=[told], kind="busy")
        self._running[place] = running + 1
        return place

    def leave(self, place: str | None) -> None:
        """Give a place back, if one was taken."""
        if place is None:
            return
        running = self._running[place] - 1
        if running:
            self._running[place] = running
        else:
            # One that is gone takes no room: places are made up by whoever invents a credential.
            del self._running[place]
