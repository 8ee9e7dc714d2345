"""The door: takes connections off the listener and hands each to a worker.

Who has the fewest connections gets the next one, so workers have equal parts however few and
however long-lived the connections are, and one that was just started catches up. A worker that does
not take what it is handed is left out, until none is better.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.slate import Slate

__all__ = ["Door", "Entrance", "take_connections"]

# Connections taken in one turn of the loop.
AT_ONCE: Final = 64
# That many not taken yet, and a worker seems to be busy.
UNTAKEN: Final = 32
# How long nothing is taken when there are no descriptors left, or nobody takes anything.
PAUSE_S: Final = 0.1
_SHORT: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Entrance:
    """The way into one worker: a socket to hand connections over by, and its row of the slate."""

    def __init__(self, inside: socket.socket, slate: Slate, row: int) -> None:
        inside.settimeout(0)
        self._inside = inside
        self._slate = slate
        self._row = row
        self._handed = 0

    @property
    def standing(self) -> tuple[bool, int, int]:
        """Who has the least of it gets the next one: busy or not, connections, handed ever."""
        taken, is_open = self._slate.connections_of(self._row)
        untaken = self._handed - taken
        return untaken > UNTAKEN, is_open + untaken, self._handed

    def hand(self, connection: socket.socket) -> bool:
        """Hand it over; tells whether it went."""
        try:
            socket.send_fds(self._inside, [b"c"], [connection.fileno()])
        except OSError:  # full, or it has ended
            return False
        self._handed += 1
        return True

    def close(self) -> None:
        self._inside.close()


class Door:
    """Hands connections of a listener to entrances while `open`."""

    def __init__(self, listener: socket.socket) -> None:
        listener.settimeout(0)
        self._listener = listener
        self._entrances: list[Entrance] = []
        self._is_open = False
        self._pause: asyncio.TimerHandle | None = None

    def add(self, entrance: Entrance) -> None:
        """Hand connections to this one, too."""
        self._entrances.append(entrance)
        self._open()

    def remove(self, entrance: Entrance) -> None:
        """Hand it no more. While there is none, connections wait in the listener."""
        if entrance in self._entrances:
            self._entrances.remove(entrance)
        if not self._entrances:
            self._shut()

    def close(self) -> None:
        """Take what has come, and nothing that comes later."""
        if self._entrances:
            while self._take_one():
                pass
        self._shut()
        self._listener.close()

    def _open(self) -> None:
        self._pause = None
        if not self._is_open and self._entrances:
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._take)
            self._is_open = True

    def _shut(self, pause_s: float | None = None) -> None:
        loop = asyncio.get_running_loop()
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._is_open:
            loop.remove_reader(self._listener.fileno())
            self._is_open = False
        if pause_s is not None:
            self._pause = loop.call_later(pause_s, self._open)

    def _take(self) -> None:
        for _ in range(AT_ONCE):
            if not self._take_one():
                return

    def _take_one(self) -> bool:
        """Tells whether there may be more."""
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError as error:
            if error.errno in _SHORT:
                self._shut(PAUSE_S)
                return False
            raise
        with connection:
            for entrance in sorted(self._entrances, key=lambda one: one.standing):
                if entrance.hand(connection):
                    return True
        # Nobody takes it: its caller is told by its end, and the rest may wait.
        self._shut(PAUSE_S)
        return False


def take_connections(outside: socket.socket, take: Callable[[socket.socket], object]) -> bool:
    """Take what has been handed over; tells whether there may be more."""
    for _ in range(AT_ONCE):
        try:
            said, descriptors, *_ = socket.recv_fds(outside, 1, 1)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            said, descriptors = b"", []
        if not said:
            # The parent has ended.
            asyncio.get_running_loop().remove_reader(outside.fileno())
            return False
        for descriptor in descriptors:
            take(socket.socket(fileno=descriptor))
    return True
