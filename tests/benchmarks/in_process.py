"""Both ends of a program in one process, for counting what it does: no socket, no kernel, no other.

    Caller ── Server ── application ── wire ── the upstream's end (`Loop`)

What has to be counted stands between two `mark()`s, in a module that `counts` runs under callgrind.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import uvicorn
import uvloop
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from tests.benchmarks.upstream import Answers

__all__ = ["Caller", "Loop", "Server", "can_count", "counts", "mark", "run"]

DATE = (b"date", b"Thu, 26 Nov 2026 19:00:00 GMT")


class Loop(uvloop.Loop):
    """A loop whose connections all lead to prepared answers, which come a turn later.

    Callgrind takes some 50 times as long as the machine does: timers are so much `slower`, once
    all is warm, or they would come that much too often.
    """

    answers: Answers
    slower = 1
    turns = tasks = 0
    _is_counting = False

    async def create_connection(  # type: ignore[override]  # wherever it is to lead
        self, factory: Callable[[], Any], *_: Any, **__: Any
    ) -> Any:
        protocol = factory()
        transport = _UpstreamsEnd(self, protocol)
        protocol.connection_made(transport)
        return transport, protocol

    def call_later(  # type: ignore[override]  # whatever its callback takes
        self, delay: float, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        return super().call_later(delay * self.slower, callback, *args, context=context)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count its turns, and the tasks that are made. It never rests meanwhile."""
        self.turns = self.tasks = 0
        self._is_counting = True
        self.set_task_factory(self._counted_task)
        self.call_soon(self._count_turn)
        try:
            yield
        finally:
            self._is_counting = False
            self.set_task_factory(None)

    def _count_turn(self) -> None:
        if self._is_counting:
            self.turns += 1
            self.call_soon(self._count_turn)

    def _counted_task(self, _: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        self.tasks += 1
        return asyncio.Task(coroutine, loop=self, **options)


def run(answers: Answers, main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on such a loop, and close it."""
    loop = Loop()
    loop.answers = answers
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


class _UpstreamsEnd(asyncio.Transport):
    """Takes requests, and hands their answers to a protocol that has a buffer for them."""

    def __init__(self, loop: Loop, protocol: Any) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._is_closing = False

    def write(self, data: Any) -> None:
        self._loop.call_soon(self._hand, self._loop.answers.of(bytes(data)))

    def _hand(self, answer: bytes) -> None:
        protocol, start = self._protocol, 0
        while start < len(answer):
            buffer = protocol.get_buffer(-1)
            part = answer[start : start + len(buffer)]
            buffer[: len(part)] = part
            protocol.buffer_updated(len(part))
            start += len(part)

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    abort = close

    def pause_reading(self) -> None: ...

    resume_reading = pause_reading


class Server:
    """uvicorn over an application, with a protocol of ours or of its own."""

    def __init__(self, application: Any, protocol: Any, *, names_itself: bool = False) -> None:
        self._config = uvicorn.Config(
            application,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
        )
        self._config.load()
        self._state = ServerState()
        # As the running server sets them each second.
        self._state.default_headers = [DATE, *([(b"server", b"uvicorn")] if names_itself else [])]

    def connect(self) -> Caller:
        """A caller on a connection of its own."""
        made: Any = self._config.http_protocol_class
        loop = asyncio.get_running_loop()
        protocol = made(config=self._config, server_state=self._state, app_state={}, _loop=loop)
        caller = Caller(loop, protocol)
        protocol.connection_made(caller)
        return caller


class Caller(asyncio.Transport):
    """A caller's end of a connection: one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Any) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._answered: asyncio.Future[None] = loop.create_future()
        self._left = 0
        self.parts: list[bytes] = []
        """The last answer, as it came."""

    @property
    def body(self) -> bytes:
        """The last answer's."""
        return b"".join(self.parts).partition(b"\r\n\r\n")[2]

    def ask(self, request: bytes) -> asyncio.Future[None]:
        """Send a request; what comes when its answer, a 200, is whole."""
        self.parts.clear()
        answered = self._answered = self._loop.create_future()
        self._protocol.data_received(request)
        return answered

    def write(self, data: Any) -> None:
        told = bytes(data)
        if not self.parts:
            head, _, _ = told.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                # Raised here, it would be the server's to tell.
                unexpected = RuntimeError(f"unexpected answer: {told!r:.500}")
                self._answered.set_exception(unexpected)
                return
            [length] = re.findall(rb"content-length: (\d+)", head)
            self._left = len(head) + 4 + int(length)
        self.parts.append(told)
        self._left -= len(told)
        if not self._left:
            self._answered.set_result(None)

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None: ...

    pause_reading = resume_reading = close


def can_count() -> bool:
    """Is callgrind there?"""
    return shutil.which("valgrind") is not None


def mark() -> None:
    """Where a count ends and the next begins."""
    # What callgrind looks for, and nothing else calls.
    os.getpgid(0)


def counts(module: str, *arguments: str) -> list[int]:
    """The instructions from each mark of a process to the next. It runs a module of the benchmarks
    with these arguments.
    """
    told = {name: value for name, value in os.environ.items() if "BYTECODE" not in name}
    environment = told | {"PYTHONHASHSEED": "0"}
    # Compiling under callgrind would take most of the time, each time.
    imported = f"import tests.benchmarks.{module}"
    subprocess.run([sys.executable, "-c", imported], env=environment, check=True)
    with TemporaryDirectory() as folder:
        run = subprocess.run(
            [
                *("valgrind", "--tool=callgrind", "--dump-before=getpgid", "--dump-line=no"),
                f"--callgrind-out-file={folder}/out",
                *(sys.executable, "-m", f"tests.benchmarks.{module}", *arguments),
            ],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise RuntimeError(f"{module} under valgrind:\n{run.stderr[-3000:]}")
        marks = len([*Path(folder).glob("out.*")])
        return [_total(Path(folder, f"out.{number}")) for number in range(2, marks + 1)]


def _total(dump: Path) -> int:
    [total] = re.findall(r"^totals: (\d+)$", dump.read_text(), re.MULTILINE)
    return int(total)
