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
import os
import secrets
import signal
import socket
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from gateway.app import embedded_sandbox
from gateway.settings import SettingsError
from gateway.slate import Slate
from gateway.stopping import StopSignals
from gateway.transport.server import CUT_OFF_S
from gateway.workers.door import Door, Entrance
from gateway.workers.line import Line, Start

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Coroutine

    from gateway.app import EmbeddedSandbox
    from gateway.settings import Settings
    from gateway.team import News
    from gateway.workers.line import Word

__all__ = ["WorkersFailed", "serve_with_workers"]

_log: Final = logging.getLogger("gateway.workers")

START_TIMEOUT_S: Final = 60.0
PING_EVERY_S: Final = 5.0
# A worker whose loop stands still for so long answers nobody.
HUNG_S: Final = 30.0
# A worker that lived for so long did not end because of how it was started.
SETTLED_S: Final = 60.0
MAX_PAUSE_S: Final = 30.0
# What a worker may take to end beyond the time for its operations.
ENDING_S: Final = 3 * CUT_OFF_S + 2.0
_PACKAGE: Final = Path(__file__).parent.parent.parent


class WorkersFailed(Exception):
    """Workers that could not be started; the message says how they ended."""


class _Worker:
    """A worker's process, and the ways to it."""

    def __init__(
        self, place: _Place, process: Process, line: Line, entrance: Entrance, now: float
    ) -> None:
        self.place = place
        self.process = process
        self.line = line
        self.entrance = entrance
        self.is_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.began = self.heard = now

    def tell(self, word: Word) -> None:
        self.line.tell(word)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()


class _Place:
    """Where a worker stands: its number, and two rows of the slate for who goes and who comes."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.worker: _Worker | None = None
        self._is_odd = True

    def next_row(self) -> int:
        self._is_odd = not self._is_odd
        return 2 * self.number + self._is_odd


async def serve_with_workers(
    read_settings: Callable[[], Settings],
    listener: socket.socket,
    announce: Callable[[EmbeddedSandbox | None], object],
) -> None:
    """Serve a listener by the workers that the settings want, until a signal says stop. Settings
    are read anew when workers are renewed. `announce` is called when all workers serve. Raises
    `WorkersFailed` where one cannot be started at the beginning.
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
        parent = _Parent(settings, read_settings, Door(listener), slate, sandbox, folder)
        stack.push_async_callback(parent.kill)
        asked = parent.own(signals.first())
        started = parent.own(parent.start())
        await asyncio.wait([asked, started], return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            await started
            announce(sandbox)
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, parent.renewal.set)
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
        sandbox: EmbeddedSandbox | None,
        folder: str,
    ) -> None:
        self.renewal = asyncio.Event()
        self._settings = settings
        self._read_settings = read_settings
        self._door = door
        self._slate = slate
        self._sandbox = sandbox
        self._folder = folder
        self._key = secrets.token_bytes(32)
        self._places = [_Place(number) for number in range(settings.workers)]
        # All whose process runs, those that serve, and those that asked to be renewed.
        self._running: set[_Worker] = set()
        self._serving: set[_Worker] = set()
        self._leaving: set[_Place] = set()
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
        """Start all workers; raises `WorkersFailed`."""
        self._tell_workers()
        async with asyncio.TaskGroup() as group:
            starting = [group.create_task(self._try(place)) for place in self._places]
        failures = [str(task.result()) for task in starting if task.result() is not None]
        if failures:
            raise WorkersFailed(failures[0])
        # Connections that came before are for all of them.
        self._is_begun = True
        for worker in self._serving:
            self._door.add(worker.entrance)

    async def _try(self, place: _Place) -> WorkersFailed | None:
        try:
            place.worker = await self._start(place)
        except WorkersFailed as failure:
            return failure
        return None

    async def _start(self, place: _Place) -> _Worker:
        """A worker that serves from now on; raises `WorkersFailed`."""
        worker = await self._spawn(place)
        self._running.add(worker)
        self.own_for_good(self._listen(worker))
        ended = self.own(worker.process.wait())
        await asyncio.wait(
            [worker.is_ready, ended],
            timeout=START_TIMEOUT_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not worker.is_ready.done() or ended.done():
            how = _how(ended.result()) if ended.done() else f"was not there in {START_TIMEOUT_S} s"
            worker.kill()
            await ended
            self._forget(worker)
            raise WorkersFailed(f"worker {place.number} {how} before it served")
        self._serving.add(worker)
        self._tell_workers()
        if self._is_begun:
            self._door.add(worker.entrance)
        self.own_for_good(self._watch(worker))
        return worker

    async def _spawn(self, place: _Place) -> _Worker:
        row = place.next_row()
        self._slate.open_row(row)
        line, line_end = socket.socketpair()
        door, door_end = socket.socketpair()
        with line_end, door_end:
            ends = (line_end.fileno(), door_end.fileno(), self._slate.descriptor)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                # The package of this process, whatever lies in the directory it was started in.
                "-P",
                "-m",
                "gateway.workers.worker",
                str(ends[0]),
                pass_fds=ends,
                stdin=asyncio.subprocess.DEVNULL,
                env=self._environment(),
            )
            entrance = Entrance(door, self._slate, row)
            now = asyncio.get_running_loop().time()
            worker = _Worker(place, process, await Line.over(line), entrance, now)
            sandbox = self._sandbox
            # A worker that ends at once is told of by its status.
            with suppress(OSError):
                await worker.line.start(
                    Start(
                        settings=self._settings,
                        number=place.number,
                        size=len(self._places),
                        fingerprint_key=self._key,
                        door=ends[1],
                        slate=ends[2],
                        rows=self._slate.rows,
                        row=row,
                        sandbox=None if sandbox is None else (sandbox.url, dict(sandbox.tokens)),
                    )
                )
        return worker

    def _environment(self) -> dict[str, str]:
        given = os.environ.get("PYTHONPATH")
        path = os.pathsep.join([str(_PACKAGE), *([given] if given else [])])
        return {**os.environ, "PYTHONPATH": path, "PROMETHEUS_MULTIPROC_DIR": self._folder}

    # -- while they serve --------------------------------------------------------------------------

    async def _listen(self, worker: _Worker) -> None:
        while (message := await worker.line.message()) is not None:
            worker.heard = asyncio.get_running_loop().time()
            if message.word == "ready" and not worker.is_ready.done():
                worker.is_ready.set_result(None)
            elif message.word == "leave":
                self._leaving.add(worker.place)
                self.renewal.set()
            elif message.news is not None:
                self._pass_on(worker, message.news)

    def _pass_on(self, teller: _Worker, news: News) -> None:
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
                    _log.error("%s has said nothing for %d s and is killed", _name(worker), HUNG_S)
                    worker.kill()

    async def _watch(self, worker: _Worker) -> None:
        """See to it that there is another one when this has ended, unless there already is."""
        status = await worker.process.wait()
        self._forget(worker)
        place = worker.place
        if place.worker is not worker or self._is_stopping:
            return
        place.worker = None
        pause_s = 0.0 if self._has_settled(worker) else 1.0
        _log.error("%s %s; another one is started", _name(worker), _how(status))
        while place.worker is None:
            await asyncio.sleep(pause_s)
            pause_s = min(max(2 * pause_s, 1.0), MAX_PAUSE_S)
            failure = await self._try(place)
            if failure is not None:
                _log.error("%s; it is tried again in %d s", failure, pause_s)

    def _has_settled(self, worker: _Worker) -> bool:
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
                _log.error("workers are not renewed: %s", mistake)
                continue
            # How many there are, and where, was settled when this process began.
            own = self._settings
            self._settings = replace(settings, workers=own.workers, host=own.host, port=own.port)
            for place in [one for one in self._places if one in asked or not asked]:
                if not await self._renew(place):
                    break

    async def _renew(self, place: _Place) -> bool:
        """Put another worker in the place of one that serves; tells whether it could be."""
        before = place.worker
        if before is None:
            # One is being started already.
            return True
        try:
            worker = await self._start(place)
        except WorkersFailed as failure:
            _log.error("workers are not renewed: %s; those that serve go on", failure)
            return False
        place.worker = worker
        await self._retire(before)
        _log.info("%s serves in the place of %s", _name(worker), _name(before))
        return True

    async def _retire(self, worker: _Worker) -> None:
        self._door.remove(worker.entrance)
        worker.tell("drain")
        await asyncio.sleep(self._settings.drain_s)
        worker.tell("stop")
        await self._have_ended(worker)

    # -- to end ------------------------------------------------------------------------------------

    async def stop(self, signals: StopSignals) -> None:
        """End all workers in peace."""
        self._is_stopping = True
        for worker in self._running:
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

    async def _have_ended(self, *workers: _Worker) -> None:
        """Wait until workers have, and kill those that take too long."""
        if not workers:
            return
        timeout_s = self._settings.shutdown_timeout_s + ENDING_S
        waiting = {self.own(worker.process.wait()): worker for worker in workers}
        _, late = await asyncio.wait(waiting, timeout=timeout_s)
        for task in late:
            _log.error("%s did not end in time and is killed", _name(waiting[task]))
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

    def _forget(self, worker: _Worker) -> None:
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


def _name(worker: _Worker) -> str:
    return f"worker {worker.place.number} (process {worker.process.pid})"


def _how(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
