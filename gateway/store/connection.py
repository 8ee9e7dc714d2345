"""The connection to the shared store.

Commands of one turn of the event loop go together, as one pipeline over one of a few connections.
Each ends within its patience. A store that answers nothing for five times as long, or whose
connection breaks, counts as *away*: commands fail at once, while it is looked for until it answers
in time again.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from gateway.settings.checks import without_secrets
from gateway.store.channels import Channels
from gateway.store.outcomes import Counts, ScriptUnknown, StoreAway
from gateway.store.patience import GRACE_TURNS, PATIENCE_S, SILENT_TIMES, Patience
from gateway.store.reasons import TooSlow, reason_of
from gateway.store.script import Script
from gateway.store.servers import Broken, Refusal, open_servers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.store.reasons import Reason
    from gateway.store.servers import Command, Servers

__all__ = ["Store"]

_log: Final = logging.getLogger("gateway.store")

PREFIX: Final = "jgw:1"
# Pipelines under way at once, each on a connection of its own.
LANES: Final = 4
MAX_BATCH: Final = 256
# What a new connection may take, TLS and password included.
CONNECT_TIMEOUT_S: Final = 1.0
# How long after a failure it is looked for again, from the first to the last time.
LEAST_PAUSE_S: Final = 0.05
MAX_PAUSE_S: Final = 1.0
# The same reason is told so often at most.
TOLD_EVERY_S: Final = 60.0
# A new connection is asked so often whether it answers in time.
ASKED_TIMES: Final = 3


class Store:
    """The store at a URL. `start` it, and `aclose` it at the end. Commands that are not awaited one
    after the other may be carried out in any order. What has another `space` has other keys. Raises
    `ValueError` for a URL that is none.
    """

    def __init__(self, url: str, *, patience_s: float = PATIENCE_S, space: str = "") -> None:
        self.is_up = False
        """As far as is known."""
        self.counts = Counts()
        self.patience_s = patience_s
        self._url = url
        self._shown = without_secrets(url)
        self._space = f"{space}." if space else ""
        self._servers: Servers | None = open_servers(url)
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._lanes: set[asyncio.Task[None]] = set()
        self._answered_at = 0.0
        # Looks whether it has been silent for too long.
        self._watch: asyncio.Handle | None = None
        self._told_at: dict[Reason, float] = {}
        self._channels = Channels()
        self._on_return: list[Callable[[], object]] = []
        self._keeper: asyncio.Task[None] | None = None
        self._is_closed = False
        self._looked = asyncio.Event()
        self._lost = asyncio.Event()

    async def start(self) -> None:
        """Connect; where that fails the store is away at first."""
        self._keeper = asyncio.create_task(self._keep())
        await self._looked.wait()

    async def aclose(self) -> None:
        """End all; commands fail from now on."""
        self._is_closed = True
        while self._keeper is not None and not self._keeper.done():
            # What it waits for may make another failure of that.
            self._keeper.cancel()
            await asyncio.wait([self._keeper], timeout=1)
        self._lose("closed")
        if self._watch is not None:
            self._watch.cancel()
        if self._lanes:
            await asyncio.wait(self._lanes)
        await self._disconnect()

    # -- commands ----------------------------------------------------------------------------------

    def key(self, *parts: str) -> str:
        """A key or channel. Keys of the same first part are of one hash tag, so that a script can
        have them together. No part may hold a credential.
        """
        tag, *rest = parts
        return ":".join((f"{PREFIX}:{{{self._space}{tag}}}", *rest))

    async def run(self, *command: bytes | str | int, is_patient: bool = False) -> Any:
        """The answer to a command: bytes, a number, a list of them, or None. Raises `StoreAway`;
        one that is patient waits until the store counts as away.
        """
        loop = asyncio.get_running_loop()
        future = self._ask(loop, command)
        times = SILENT_TIMES if is_patient else 1
        patience = Patience(loop, future, self._give_up, self.patience_s, times)
        try:
            return await future
        finally:
            patience.end()

    def tell(self, *command: bytes | str | int) -> None:
        """Have a command carried out, if the store is there, and do not wait."""
        self._tell(command, _look_at)

    def tell_script(
        self, script: Script, keys: Sequence[str], args: Sequence[bytes | str | int] = ()
    ) -> None:
        """Have a script carried out, if the store is there, and do not wait."""

        def again(future: asyncio.Future[Any]) -> None:
            if not future.cancelled() and isinstance(future.exception(), ScriptUnknown):
                self.tell("EVAL", script.text, len(keys), *keys, *args)

        self._tell(("EVALSHA", script.sha1, len(keys), *keys, *args), again)

    def _tell(self, command: Command, then: Callable[[asyncio.Future[Any]], None]) -> None:
        with suppress(StoreAway):
            self._ask(asyncio.get_running_loop(), command).add_done_callback(then)

    async def script(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[bytes | str | int] = (),
        *,
        is_patient: bool = False,
    ) -> Any:
        """What a script gives; raises `StoreAway`."""
        rest = (len(keys), *keys, *args)
        try:
            return await self.run("EVALSHA", script.sha1, *rest, is_patient=is_patient)
        except ScriptUnknown:
            return await self.run("EVAL", script.text, *rest, is_patient=is_patient)

    async def publish(self, channel: str, message: bytes) -> None:
        """Tell all that listen to a channel, this one included; raises `StoreAway`."""
        await self.run("PUBLISH", channel, message)

    # -- what it tells -----------------------------------------------------------------------------

    def on(self, channel: str, listener: Callable[[bytes], object]) -> Callable[[], None]:
        """Call a listener with each message of a channel; gives what ends that. It is heard a
        moment later (`heard`), and again by itself after the store was away.
        """
        return self._channels.on(channel, listener)

    async def heard(self) -> None:
        """Wait until all channels that are listened to are heard, as long as that takes."""
        await self._channels.heard()

    def on_return(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call a listener whenever the store is back after it was away, or messages may have been
        missed; gives what ends that.
        """
        self._on_return.append(listener)
        return lambda: self._on_return.remove(listener)

    # -- how commands go ---------------------------------------------------------------------------

    def _ask(self, loop: asyncio.AbstractEventLoop, command: Command) -> asyncio.Future[Any]:
        if not self.is_up:
            self.counts.away += 1
            raise StoreAway("the store is away")
        future: asyncio.Future[Any] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._send_waiting)
        self._waiting.append((command, future))
        return future

    def _send_waiting(self) -> None:
        while self._waiting and len(self._lanes) < LANES:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            lane = asyncio.create_task(self._send(batch))
            self._lanes.add(lane)
            lane.add_done_callback(self._left)

    def _left(self, lane: asyncio.Task[None]) -> None:
        self._lanes.discard(lane)
        self._send_waiting()

    async def _send(self, batch: list[tuple[Command, asyncio.Future[Any]]]) -> None:
        servers = self._servers
        if servers is None:
            self._fail(batch)
            return
        try:
            answers = await servers.send([command for command, _ in batch])
        except Broken as error:
            self._lose(reason_of(error))
            return
        finally:
            # Cancelled, it is for the same reason.
            if not self.is_up:
                self._fail(batch)
        self._answered_at = asyncio.get_running_loop().time()
        for (_, future), answer in zip(batch, answers, strict=True):
            self._settle(future, answer)

    def _settle(self, future: asyncio.Future[Any], answer: Any) -> None:
        if future.done():
            return
        if not isinstance(answer, Exception):
            self.counts.answered += 1
            future.set_result(answer)
        elif isinstance(answer, Refusal):
            future.set_exception(self._refused(answer))
        else:
            self.counts.lost += 1
            future.set_exception(StoreAway("the store is away"))
            self._lose(reason_of(answer))

    def _refused(self, refusal: Exception) -> StoreAway:
        if type(refusal).__name__ == "NoScriptError":
            return ScriptUnknown()
        self.counts.refused += 1
        self._tell_why("refuses a command", reason_of(refusal))
        return StoreAway("the store refuses the command")

    def _tell_why(self, what: str, reason: Reason) -> None:
        """Record why it cannot be used."""
        now = asyncio.get_running_loop().time()
        if now >= self._told_at.get(reason, -math.inf) + TOLD_EVERY_S:
            self._told_at[reason] = now
            _log.warning("the store %s %s (%s): going on without", self._shown, what, reason)

    def _fail(self, batch: list[tuple[Command, asyncio.Future[Any]]]) -> None:
        for _, future in batch:
            if not future.done():
                self.counts.lost += 1
                future.set_exception(StoreAway("the store is away"))

    def _give_up(self, future: asyncio.Future[Any], asked_at: float) -> None:
        """Wait for an answer no longer."""
        self.counts.slow += 1
        future.set_exception(StoreAway("the store is slow"))
        if self._answered_at < asked_at and self._watch is None:
            loop = asyncio.get_running_loop()
            until = asked_at + SILENT_TIMES * self.patience_s
            self._watch = loop.call_at(until, self._look_at_silence, asked_at, GRACE_TURNS)

    def _look_at_silence(self, since: float, turns: int) -> None:
        if self.is_up and self._answered_at < since and turns:
            loop = asyncio.get_running_loop()
            self._watch = loop.call_soon(self._look_at_silence, since, turns - 1)
            return
        self._watch = None
        if self._answered_at < since:
            self._lose("silent")

    # -- whether it is there -----------------------------------------------------------------------

    def _lose(self, reason: Reason | str) -> None:
        """It is away from now on."""
        if not self.is_up:
            return
        self.is_up = False
        self.counts.outages += 1
        if reason != "closed":
            _log.warning("the store %s is away (%s): going on without", self._shown, reason)
        waiting, self._waiting = self._waiting, []
        self._fail(waiting)
        for lane in self._lanes:
            lane.cancel()
        self._lost.set()

    async def _keep(self) -> None:
        """Look for the store until it is there, and again whenever it is away."""
        pause_s, was_there = LEAST_PAUSE_S, False
        while not self._is_closed:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await self._connect()
            except (*Broken, TimeoutError, TooSlow) as error:
                self._tell_why("is not there", reason_of(error))
                self._looked.set()
                await self._disconnect()
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                pause_s = min(2 * pause_s, MAX_PAUSE_S)
                continue
            if self._looked.is_set():
                _log.warning("the store %s is back", self._shown)
                was_there = True
            self._lost.clear()
            self.is_up, pause_s = True, LEAST_PAUSE_S
            self._looked.set()
            if was_there:
                for listener in list(self._on_return):
                    listener()
            await self._listen()
            if self._lanes:
                await asyncio.wait(self._lanes)
            await self._disconnect()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        self._servers = servers = self._servers or open_servers(self._url)
        await servers.connect(LANES)
        await servers.load([script.text for script in Script.known])
        await self._channels.open(servers)
        for _ in range(ASKED_TIMES):
            before = loop.time()
            await servers.connect(1)
            if loop.time() - before <= self.patience_s:
                return
        raise TooSlow

    async def _listen(self) -> None:
        """Hear what is published until the store is away."""
        lost = asyncio.create_task(self._lost.wait())
        listening = asyncio.create_task(self._channels.listen())
        try:
            await asyncio.wait([lost, listening], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (lost, listening):
                task.cancel()
            await asyncio.wait([lost, listening])
        if listening.cancelled():
            return
        error = listening.exception()
        if error is not None and not isinstance(error, Broken):
            raise error
        self._lose("unsubscribed" if error is None else reason_of(error))

    async def _disconnect(self) -> None:
        servers, self._servers = self._servers, None
        if servers is not None:
            with suppress(*Broken):
                await servers.close()


def _look_at(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
