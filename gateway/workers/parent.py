"""The parent of workers: starts them, watches them, renews them, and ends them.

    SIGTERM, SIGINT    all workers drain and end; the second hurries, the third ends the parent
    SIGHUP             workers are renewed one by one: the next one serves before the last one goes
    a worker ends      another one takes its place, after a pause that grows where they end early
    a worker hangs     it is killed, so another one takes its place
    the parent ends    workers finish what they have, and end

A parent serves nothing itself but the sandbox, where there is one.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from gateway.embedded_sandbox import embedded_sandbox
from gateway.settings import SettingsError
from gateway.slate import Slate
from gateway.stopping import StopSignals
from gateway.transport.server import CUT_OFF_S
from gateway.workers.door import Door
from gateway.workers.processes import Place, Spawner, WorkersFailed, in_a_line, told

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine

    from gateway.embedded_sandbox import EmbeddedSandbox
    from gateway.settings import Settings
    from gateway.team import News
    from gateway.workers.processes import Worker

__all__ = ["WorkersFailed", "serve_with_workers"]

_log: Final = logging.getLogger("gateway.workers")

START_TIMEOUT_S: Final = 60.0
PING_EVERY_S: Final = 5.0
# A worker whose loop stands still for so long answers nobody.
HUNG_S: Final = 30.0
# A worker that lived for so long did not end because of how it was started.
SETTLED_S: Final = 60.0
# What a worker may take to end beyond the time for its operations.
ENDING_S: Final = 3 * CUT_OFF_S + 2.0
# What one that has ended said is there to be read.
LAST_WORDS_S: Final = 5.0


async def serve_with_workers(
    read_settings: Callable[[], Settings],
    listener: socket.socket,
    announce: Callable[[EmbeddedSandbox | None], object],
) -> None:
    """Serve a listener by the workers that the settings want, until a signal says stop. Settings
    are read anew when workers are renewed. `announce` is called when all workers serve. Where one
    cannot be started at the beginning it raises `SettingsError`, if the worker found a mistake in
    what the settings name, or `WorkersFailed`.
    """
    settings = read_settings()
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        signals = stack.enter_context(StopSignals())
        sandbox = None
        if settings.upstream_url is None:
            sandbox = await stack.enter_async_context(embedded_sandbox(settings))
        slate = Slate.make(2 * settings.workers)
        stack.callback(slate.close)
        # Where workers count together, if metrics are wanted: new and empty for each parent.
        folder = stack.enter_context(TemporaryDirectory(prefix="jobs-gateway-"))
        spawner = Spawner(settings.workers, slate, sandbox, folder)
        parent = _Parent(settings, read_settings, Door(listener), slate, spawner)
        stack.push_async_callback(parent.kill)
        # From now on, or one that comes early would end all.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, parent.renewal.set)
        asked = parent.own(signals.first())
        started = parent.own(parent.start())
        await asyncio.wait([asked, started], return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            await started
            announce(sandbox)
            parent.own_for_good(parent.renew(), parent.ping())
            await asked
        await parent.stop(signals)


class _Parent:
    def __init__(
        self,
        settings: Settings,
        read_settings: Callable[[], Settings],
        door: Door,
        slate: Slate,
        spawner: Spawner,
    ) -> None:
        self.renewal = asyncio.Event()
        self._settings = settings
        self._read_settings = read_settings
        self._door = door
        self._slate = slate
        self._spawner = spawner
        self._places = [Place(number) for number in range(settings.workers)]
        # All whose process runs, those that serve, and those that asked to be renewed.
        self._running: set[Worker] = set()
        self._serving: set[Worker] = set()
        self._leaving: set[Place] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_begun = self._is_stopping = False

    def own(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task that ends with this at the latest."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def own_for_good(self, *works: Coroutine[Any, Any, None]) -> None:
        """The same for what nobody waits for; a fault of it is recorded."""
        for work in works:
            self.own(work).add_done_callback(_record_fault)

    # -- to begin ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start all workers; raises `SettingsError` and `WorkersFailed`."""
        self._tell_workers()
        async with asyncio.TaskGroup() as group:
            starting = [group.create_task(self._try(place)) for place in self._places]
        if self._is_stopping:
            return
        for task in starting:
            if (failure := task.result()) is not None:
                raise failure
        # Connections that came before are for all of them.
        self._is_begun = True
        for worker in self._serving:
            self._door.add(worker.entrance)

    async def _try(self, place: Place) -> SettingsError | WorkersFailed | None:
        try:
            place.worker = await self._start(place)
        except (SettingsError, WorkersFailed) as failure:
            return failure
        return None

    async def _start(self, place: Place) -> Worker:
        """A worker that serves from now on; raises `SettingsError` and `WorkersFailed`."""
        worker = await self._spawner.spawn(place, self._settings)
        self._running.add(worker)
        if self._is_stopping:
            worker.kill()
        listening = self.own(self._listen(worker))
        listening.add_done_callback(_record_fault)
        ended = self.own(worker.process.wait())
        await asyncio.wait(
            [worker.is_ready, ended],
            timeout=START_TIMEOUT_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not worker.is_ready.done() or ended.done():
            how = told(ended.result()) if ended.done() else f"was not there in {START_TIMEOUT_S} s"
            worker.kill()
            await ended
            # What it said last may not be read yet.
            await asyncio.wait([listening], timeout=LAST_WORDS_S)
            self._forget(worker)
            if worker.mistakes:
                raise SettingsError([*worker.mistakes])
            raise WorkersFailed(f"worker {place.number} {how} before it served")
        self._serving.add(worker)
        self._tell_workers()
        if self._is_begun and not self._is_stopping:
            self._door.add(worker.entrance)
        self.own_for_good(self._watch(worker))
        return worker

    # -- while they serve --------------------------------------------------------------------------

    async def _listen(self, worker: Worker) -> None:
        while (message := await worker.line.message()) is not None:
            worker.heard = asyncio.get_running_loop().time()
            if message.word == "ready" and not worker.is_ready.done():
                worker.is_ready.set_result(None)
            elif message.word == "mistaken":
                worker.mistakes = message.mistakes
            elif message.word == "leave":
                self._leaving.add(worker.place)
                self.renewal.set()
            elif message.news is not None:
                self._pass_on(worker, message.news)

    def _pass_on(self, teller: Worker, news: News) -> None:
        for worker in self._running:
            if worker is not teller:
                worker.line.tell("news", news)

    async def ping(self) -> None:
        """Ask workers whether they are there, and kill those that are not."""
        loop = asyncio.get_running_loop()
        while True:
            asked = loop.time()
            for worker in self._serving:
                worker.tell("ping")
            await asyncio.sleep(PING_EVERY_S)
            # Where this process itself stood still, nobody else is to blame.
            stood_still_s = loop.time() - asked - PING_EVERY_S
            for worker in [*self._serving]:
                if loop.time() - worker.heard - stood_still_s > HUNG_S:
                    _log.error("%s has said nothing for %d s and is killed", worker, HUNG_S)
                    worker.kill()

    async def _watch(self, worker: Worker) -> None:
        """See to it that there is another one when this has ended, unless there already is."""
        status = await worker.process.wait()
        self._forget(worker)
        place = worker.place
        if place.worker is not worker or self._is_stopping:
            return
        place.worker = None
        if self._has_settled(worker):
            place.pause_s = 0.0
        else:
            place.wait_longer()
        when = f" in {place.pause_s:.0f} s" if place.pause_s else ""
        _log.error("%s %s; another one is started%s", worker, told(status), when)
        while True:
            await asyncio.sleep(place.pause_s)
            async with place.changing:
                # A renewal may have seen to it.
                if not place.is_empty or self._is_stopping:
                    return
                failure = await self._try(place)
            if failure is not None and not self._is_stopping:
                place.wait_longer()
                _log.error("%s; it is tried again in %.0f s", in_a_line(failure), place.pause_s)

    def _has_settled(self, worker: Worker) -> bool:
        return asyncio.get_running_loop().time() - worker.began > SETTLED_S

    async def renew(self) -> None:
        """Whenever it is asked for, renew those that asked for it; all, where none did."""
        while True:
            await self.renewal.wait()
            self.renewal.clear()
            asked, self._leaving = self._leaving, set()
            try:
                settings = self._read_settings()
            except SettingsError as mistake:
                _log.error("workers are not renewed: %s", in_a_line(mistake))
                continue
            # How many there are, and where, was settled when this process began.
            own = self._settings
            self._settings = replace(settings, workers=own.workers, host=own.host, port=own.port)
            for place in [one for one in self._places if one in asked or not asked]:
                if self._is_stopping or not await self._renew(place):
                    break

    async def _renew(self, place: Place) -> bool:
        """Put another worker in the place of the one that serves, or is to be started anew; tells
        whether it could be.
        """
        async with place.changing:
            before = place.worker
            failure = await self._try(place)
        if failure is not None:
            if not self._is_stopping:
                lack = in_a_line(failure)
                _log.error("workers are not renewed: %s; those that serve go on", lack)
            return False
        _log.info("%s serves in the place of %s", place.worker, before or "one that has ended")
        if before is not None:
            await self._retire(before)
        return True

    async def _retire(self, worker: Worker) -> None:
        self._door.remove(worker.entrance)
        worker.tell("drain")
        await asyncio.sleep(self._settings.drain_s)
        worker.tell("stop")
        await self._have_ended(worker)

    # -- to end ------------------------------------------------------------------------------------

    async def stop(self, signals: StopSignals) -> None:
        """End all workers in peace."""
        self._is_stopping = True
        # They hear of it only when they serve, which takes seconds, and hold nothing.
        for worker in self._running - self._serving:
            worker.kill()
        for worker in self._serving:
            worker.tell("drain")
        signals.on_second = self._hurry
        await signals.wait_for_second(self._settings.drain_s)
        self._door.close()
        for worker in self._running:
            worker.tell("stop")
        await self._have_ended(*self._running)

    def _hurry(self) -> None:
        for worker in self._running:
            worker.tell("hurry")

    async def _have_ended(self, *workers: Worker) -> None:
        """Wait until workers have, and kill those that take too long."""
        if not workers:
            return
        timeout_s = self._settings.shutdown_timeout_s + ENDING_S
        waiting = {self.own(worker.process.wait()): worker for worker in workers}
        _, late = await asyncio.wait(waiting, timeout=timeout_s)
        for task in late:
            _log.error("%s did not end in time and is killed", waiting[task])
            waiting[task].kill()
            await task

    async def kill(self) -> None:
        """End what is left."""
        self._is_stopping = True
        with suppress(ValueError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
        running = [*self._running]
        for worker in running:
            worker.kill()
            await worker.process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in running:
            self._forget(worker)

    def _forget(self, worker: Worker) -> None:
        if worker not in self._running:
            return
        self._running.remove(worker)
        self._serving.discard(worker)
        self._door.remove(worker.entrance)
        worker.entrance.close()
        worker.line.close()
        self._tell_workers()

    def _tell_workers(self) -> None:
        self._slate.tell_workers(wanted=len(self._places), up=len(self._serving))


def _record_fault(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        _log.error("the watch over workers has a fault", exc_info=fault)
