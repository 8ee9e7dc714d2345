"""Channels of a store: what is published to one reaches all that listen, over all replicas.

A message that is published while a replica is not connected is lost to it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.store.servers import Hearing, Servers

    Listener: TypeAlias = Callable[[bytes], object]

__all__ = ["Channels"]

# Where nothing is listened to; a connection that listens to nothing is asked nothing.
NOTHING: Final = b"jgw:1:nothing"
PING_EVERY_S: Final = 2.0
CONFIRM_TIMEOUT_S: Final = 1.0
# As often it may be silent in turn before it counts as broken.
MAX_SILENT: Final = 2


class Channels:
    """Listeners by channel, and the connection that they listen by."""

    def __init__(self) -> None:
        self._listeners: dict[bytes, list[Listener]] = {}
        self._hearing: Hearing | None = None
        self._wanted: set[bytes] = set()
        self._heard: set[bytes] = set()
        self._changed = asyncio.Event()
        self._confirmed = asyncio.Event()

    def on(self, channel: str, listener: Listener) -> Callable[[], None]:
        """Call a listener with each message; gives what ends that."""
        name = channel.encode()
        self._listeners.setdefault(name, []).append(listener)
        self._changed.set()

        def off() -> None:
            listeners = self._listeners.get(name, [])
            if listener in listeners:
                listeners.remove(listener)
            if not listeners:
                self._listeners.pop(name, None)
            self._changed.set()

        return off

    async def heard(self) -> None:
        """Wait until all that is listened to is heard: what is published from now on arrives."""
        while not self._heard.issuperset(self._listeners):
            self._confirmed.clear()
            await self._confirmed.wait()

    async def open(self, servers: Servers) -> None:
        """Listen by these servers; all that is listened to is heard when this returns. Raises
        `Broken`.
        """
        self._changed.clear()
        hearing, wanted = await servers.hearing(), {NOTHING, *self._listeners}
        try:
            await hearing.subscribe(wanted)
            self._heard = set()
            while not self._heard.issuperset(wanted):
                told = await hearing.next(CONFIRM_TIMEOUT_S)
                self._take(*(told or _silent()))
        except BaseException:
            await hearing.close()
            raise
        self._hearing, self._wanted = hearing, wanted
        if wanted != {NOTHING, *self._listeners}:
            self._changed.set()

    async def listen(self) -> None:
        """Tell listeners what comes until the connection breaks; raises `Broken` then."""
        hearing = self._hearing
        if hearing is None:
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hear(hearing))
                group.create_task(self._subscribe(hearing))
        except ExceptionGroup as errors:
            failed = errors.exceptions[0]
        else:
            return
        finally:
            self._hearing = None
            self._heard = set()
            await hearing.close()
        raise failed

    async def _hear(self, hearing: Hearing) -> None:
        silent = 0
        while True:
            told = await hearing.next(PING_EVERY_S)
            if told is not None:
                silent = 0
                self._take(*told)
            elif silent == MAX_SILENT:
                _silent()
            else:
                silent += 1
                await hearing.ping()

    def _take(self, kind: bytes, channel: bytes = b"", message: Any = None) -> None:
        if kind == b"message":
            for listener in list(self._listeners.get(channel, ())):
                listener(message)
        elif kind == b"subscribe":
            self._heard.add(channel)
            self._confirmed.set()
        elif kind == b"unsubscribe":
            self._heard.discard(channel)

    async def _subscribe(self, hearing: Hearing) -> None:
        """Keep what is subscribed to as it is listened to."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            wanted = {NOTHING, *self._listeners}
            more, less = wanted - self._wanted, self._wanted - wanted
            self._wanted = wanted
            if more:
                await hearing.subscribe(more)
            if less:
                await hearing.unsubscribe(less)


def _silent() -> NoReturn:
    raise ConnectionError("the store does not answer")
