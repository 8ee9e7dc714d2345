"""Instructions of an operation that many callers of one credential ask for at once.

    python -m tests.benchmarks.alike          needs valgrind, takes some minutes

Callgrind counts the whole gateway as it is served, from a request's bytes to its answer's, and the
upstream in the same process: with as many callers at once as `measure.ALIKE`, who all ask the same,
or each with a variable of their own that nothing reads. Nothing is kept.
"""

# ruff: noqa: T201 - a command talks

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from gateway.app import Gateway
from gateway.settings import Settings
from gateway.transport.arrival import arrival_protocol
from gateway.transport.records import Records
from gateway.transport.server import new_loop
from tests.benchmarks.driver import request_of
from tests.benchmarks.measure import ALIKE
from tests.benchmarks.operation import OPERATIONS
from tests.benchmarks.upstream import Answers
from tests.benchmarks.world import World

ROUNDS = 10
WARM = 6


class _Connection(asyncio.Transport):
    """A caller's end: what is answered goes nowhere, but is told of when it is whole."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: asyncio.Future[None] | None = None
        self._left = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        told = bytes(data)
        if not self._left:
            head, _, _ = told.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"unexpected answer: {told!r:.500}")
            [length] = re.findall(rb"content-length: (\d+)", head)
            self._left = len(head) + 4 + int(length)
        self._left -= len(told)
        if not self._left and self.answered is not None:
            self.answered.set_result(None)

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None: ...

    pause_reading = resume_reading = close


async def ask(name: str, *, apart: int, alike: int) -> None:
    """Have all callers ask for an operation, each for itself and all the same, so often."""
    loop, answers, operation = asyncio.get_running_loop(), Answers(World.make()), OPERATIONS[name]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            asked = await reader.readuntil(b"\r\n\r\n")
            writer.write(answers.of(asked))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    gateway = Gateway(
        Settings(upstream_url=f"http://127.0.0.1:{port}", kept_reads=False), Records(lambda _: None)
    )
    async with gateway.running():
        config = uvicorn.Config(
            gateway,
            http=arrival_protocol(60.0),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        config.load()
        state, callers = ServerState(), []
        made: Any = config.http_protocol_class
        for place in range(ALIKE):
            connection = _Connection()
            protocol = made(config=config, server_state=state, app_state={}, _loop=loop)
            protocol.connection_made(connection)
            own, same = request_of(operation.asked_by(place)), request_of(operation)
            callers.append((connection, protocol, own, same))
        for of_all in [*[False, True] * WARM, *[False] * apart, *[True] * alike]:
            waiting = []
            for connection, protocol, own, same in callers:
                connection.answered = loop.create_future()
                waiting.append(connection.answered)
                protocol.data_received(same if of_all else own)
            await asyncio.wait(waiting)
    os._exit(0)


def instructions(name: str, *, apart: int, alike: int) -> int:
    """Of a process that does that."""
    run = subprocess.run(
        [
            *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
            *(sys.executable, "-m", "tests.benchmarks.alike", name, str(apart), str(alike)),
        ],
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    [counted] = re.findall(r"Collected : (\d+)", run.stderr)
    return int(counted)


def main() -> None:
    # Not for the process that is counted.
    from tests.benchmarks.report import machine, table  # noqa: PLC0415

    rows = []
    for name, operation in OPERATIONS.items():
        if operation.alike_limit is None:
            continue
        neither = instructions(name, apart=0, alike=0)
        apart = (instructions(name, apart=ROUNDS, alike=0) - neither) / ROUNDS / ALIKE
        alike = (instructions(name, apart=0, alike=ROUNDS) - neither) / ROUNDS / ALIKE
        cells = (f"{apart:,.0f}", f"{alike:,.0f}", f"{alike / apart:.2f}")
        rows.append([operation.title, *cells, f"{operation.alike_limit:g}"])
    head = (
        f"{ALIKE} callers at once",
        "instructions, each for itself",
        "all alike",
        "ratio",
        "limit",
    )
    print(machine(), table(head, rows), sep="\n\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.set_event_loop(loop := new_loop())
        loop.run_until_complete(ask(sys.argv[1], apart=int(sys.argv[2]), alike=int(sys.argv[3])))
    else:
        main()
