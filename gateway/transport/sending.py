"""Callers who don't read: what waits for them is bounded, in time and altogether.

A response that its caller does not take stands in the memory of its connection. A connection is cut
when its caller has taken too little for too long; and while more waits than may for all callers
together, the one that has waited for the longest time is cut.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import asyncio

__all__ = ["MAX_WAITING_BYTES", "Sending"]

LOOK_EVERY_S: Final = 1.0
# What a caller has to take at least within the deadline: a line of 50 kbit/s does.
LEAST_BYTES: Final = 65_536
# For all callers together: a few of the largest responses.
MAX_WAITING_BYTES: Final = 200_000_000

_log: Final = logging.getLogger("gateway.transport")


class Connection(Protocol):
    """What is known of a connection here."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop


class Sending:
    """The connections of a server that have responses waiting."""

    def __init__(self, timeout_s: float, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._timeout_s = timeout_s
        self._max_waiting_bytes = max_waiting_bytes
        # When each has last taken enough, by the loop's clock, and what waited then; the one that
        # waits for the longest time first.
        self._waiting: dict[Connection, tuple[float, int]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, connection: Connection) -> None:
        """More waits on this connection than its socket takes."""
        self._waiting[connection] = (connection.loop.time(), _waiting(connection))
        while sum(map(_waiting, self._waiting)) > self._max_waiting_bytes:
            self._cut(next(iter(self._waiting)), "too much waits for all callers together")
        if self._timer is None and self._waiting:
            self._timer = connection.loop.call_later(LOOK_EVERY_S, self._look, connection.loop)

    def end(self, connection: Connection) -> None:
        """It has been taken, or the connection is gone."""
        self._waiting.pop(connection, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection, (since, waited_bytes) in [*self._waiting.items()]:
            waiting = _waiting(connection)
            if waited_bytes - waiting >= LEAST_BYTES:
                self._waiting[connection] = (now, waiting)
            elif now - since >= self._timeout_s:
                self._cut(connection, "its caller takes too little of a response")
        self._timer = loop.call_later(LOOK_EVERY_S, self._look, loop) if self._waiting else None

    def _cut(self, connection: Connection, why: str) -> None:
        _log.warning("a connection was cut: %s", why)
        del self._waiting[connection]
        connection.transport.abort()


def _waiting(connection: Connection) -> int:
    return connection.transport.get_write_buffer_size()
