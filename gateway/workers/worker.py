"""A worker: a process that serves the connections it is handed. Started by the parent as

    python -m gateway.workers.worker DESCRIPTOR

with the descriptor of its end of the line. It takes no orders but the parent's: signals that reach
all processes of a terminal or a service are the parent's to understand. SIGTERM makes it ask the
parent to be renewed. When the parent has ended it ends what runs, and itself.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING, Final

from gateway.app import Gateway
from gateway.embedded_sandbox import EmbeddedSandbox
from gateway.serving import serve
from gateway.settings import SettingsError
from gateway.slate import Slate
from gateway.team import News, Team
from gateway.transport.records import record_logging, standard_records
from gateway.transport.server import new_loop
from gateway.workers.door import take_connections
from gateway.workers.line import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.transport.server import Serving
    from gateway.workers.line import Start

__all__ = ["main"]

_log: Final = logging.getLogger("gateway.workers")

# Beyond the time that the parent gives, should it say no more.
SLACK_S: Final = 5.0


class Orders:
    """The parent's, as `StopSignals` has a person's. They are read from the line by `obey`."""

    def __init__(self, line: Line) -> None:
        self.on_second: Callable[[], object] = lambda: None
        self.on_news: Callable[[News], object] = lambda _: None
        self.take_last: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(0)
        self._line = line
        self._drain, self._stop = asyncio.Event(), asyncio.Event()

    async def first(self) -> None:
        """Wait until this should stop."""
        await self._drain.wait()

    async def wait_for_second(self, timeout_s: float) -> None:
        """Wait until the parent has handed over the last connection."""
        try:
            async with asyncio.timeout(timeout_s + SLACK_S):
                await self._stop.wait()
        except TimeoutError:
            pass
        await self.take_last()

    async def obey(self) -> None:
        """Read orders until the parent has ended."""
        while (message := await self._line.message()) is not None:
            if message.word == "drain":
                self._drain.set()
            elif message.word == "stop":
                self._end()
            elif message.word == "hurry":
                self._end()
                self.on_second()
            elif message.word == "ping":
                # By the loop, which stands still where nothing is answered.
                self._line.tell("pong")
            elif message.news is not None:
                self.on_news(message.news)
        self._end()

    def _end(self) -> None:
        self._drain.set()
        self._stop.set()


class _Worker:
    def __init__(self, start: Start, line: Line) -> None:
        self._start = start
        self._line = line
        self._orders = Orders(line)
        self._slate = Slate(start.slate, start.rows, start.row)
        self._door = socket.socket(fileno=start.door)
        self._door.settimeout(0)
        self._taking: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        start = self._start
        records = standard_records(start.slate)
        record_logging(records, start.settings.log_level)
        gateway = Gateway(
            start.settings, records, team=self._team(), sandbox=_sandbox_of(start.sandbox)
        )
        obeying = asyncio.create_task(self._orders.obey())
        try:
            await serve(gateway, None, self._orders, self._begin, count=self._slate.count)
        finally:
            obeying.cancel()
            await asyncio.wait([obeying])

    def _team(self) -> Team:
        def on_news(listener: Callable[[News], object]) -> None:
            self._orders.on_news = listener

        start = self._start
        return Team(
            size=start.size,
            number=start.number,
            fingerprint_key=start.fingerprint_key,
            slate=self._slate,
            tell=lambda news: self._line.tell("news", news),
            on_news=on_news,
        )

    def _begin(self, server: Serving) -> None:
        loop = asyncio.get_running_loop()

        def take(connection: socket.socket) -> None:
            task = loop.create_task(server.take(connection))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)

        async def take_last() -> None:
            while take_connections(self._door, take):
                pass
            if self._taking:
                await asyncio.wait(self._taking)

        self._orders.take_last = take_last
        loop.add_reader(self._door.fileno(), take_connections, self._door, take)
        signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(self._ask_to_leave))
        self._line.tell("ready")

    def _ask_to_leave(self) -> None:
        self._line.tell("leave")


def _sandbox_of(told: tuple[str, dict[str, str]] | None) -> EmbeddedSandbox | None:
    return None if told is None else EmbeddedSandbox(*told)


async def _main(descriptor: int) -> None:
    line = await Line.over(socket.socket(fileno=descriptor))
    try:
        await _Worker(await line.started(), line).run()
    except EOFError:
        # The parent has ended before this began.
        pass
    except SettingsError as mistake:
        # The parent tells of it: to whoever starts it, or in a record.
        await line.tell_mistakes(mistake.mistakes)
        raise SystemExit(2) from None
    except Exception:  # noqa: BLE001 - the edge of a process: recorded, and told by its status
        _log.exception("the worker cannot serve")
        raise SystemExit(1) from None
    finally:
        line.close()


def main() -> None:
    """Serve until the parent says stop."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_main(int(sys.argv[1])))


if __name__ == "__main__":
    main()
