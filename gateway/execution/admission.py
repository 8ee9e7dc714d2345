"""Admission: how many operations of one caller may run at once.

Each is counted on an *account*: a credential's, told by its fingerprint. Who presents a credential
is not believed before the upstream has answered it: all that are not known share one account, so
that a thousand invented tokens get no thousand of them. Where the callers' addresses can be told
(`GATEWAY_TRUSTED_PROXIES`), each address has its own for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import GraphQLError

from gateway.errors import TooManyOperations
from gateway.execution.response import RequestError

if TYPE_CHECKING:
    from collections.abc import Container

    from gateway.execution.request import Caller

__all__ = ["Admission"]


class Admission:
    """Counts the operations that run, by account. `each` is how many a known credential may have at
    once, `unknown` how many those that are not known have together. `verified` are the fingerprints
    of the known ones, as they are at the moment.
    """

    def __init__(
        self, verified: Container[str] = (), *, each: int = 100, unknown: int = 50
    ) -> None:
        self._verified = verified
        self._each = each
        self._unknown = unknown
        self._running: dict[str, int] = {}

    @property
    def running(self) -> int:
        """How many operations run."""
        return sum(self._running.values())

    def enter(self, caller: Caller) -> str:
        """Let an operation in, and give its account; raises `RequestError` where too many run."""
        credential = caller.credential
        account = "" if credential is None else credential.fingerprint
        at_most = self._each
        if account not in self._verified:
            account, at_most = f"unknown {caller.address}", self._unknown
        running = self._running.get(account, 0)
        if running >= at_most:
            excess = TooManyOperations.of(at_most, is_known=not account.startswith("unknown"))
            told = GraphQLError(excess.message, original_error=excess)
            raise RequestError(excess.code, errors=[told], kind="busy")
        self._running[account] = running + 1
        return account

    def leave(self, account: str | None) -> None:
        """An operation of the account has ended; None where none was let in."""
        if account is None:
            return
        running = self._running[account] - 1
        if running:
            self._running[account] = running
        else:
            # One that is gone takes no room: accounts are made up by whoever invents a credential.
            del self._running[account]
