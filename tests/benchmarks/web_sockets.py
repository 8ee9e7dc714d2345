"""Instructions of uvicorn's implementations of WebSockets, for a message sent and one received.

    python -m tests.benchmarks.web_sockets                  both; needs valgrind, takes a minute

Callgrind counts a process that sends or receives a thousand messages over a transport that does
nothing, beside one that does not. What the gateway and the kernel do is not in it.
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

IMPLEMENTATIONS = ("websockets-sansio", "wsproto")
MESSAGES = 1_000
NEXT = (
    '{"id":"1","type":"next","payload":{"data":{"jobUpdated":{"id":"am9iOjEvMjE1NjgvMTM0MDg2",'
    '"name":"job-134086","status":"RUNNING","stage":"test","coverage":1000.0}}}}'
)
"""As long as what the gateway tells of a job."""
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
PING = b'{"type":"ping"}'
# A whole text frame with a mask of zeros.
FRAME = bytes([0x81, 0x80 | len(PING)]) + bytes(4) + PING


class _Transport:
    """Takes all, does nothing."""

    def get_extra_info(self, _name: str, default: object = None) -> object:
        return default

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    pause_reading = resume_reading = close


async def exchange(implementation: Any, sent: int, received: int) -> None:
    """Open a WebSocket, and send and receive so many messages over it."""
    opened: asyncio.Future[tuple[Any, Any]] = asyncio.get_running_loop().create_future()

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
        opened.set_result((receive, send))
        await asyncio.Event().wait()

    config = uvicorn.Config(
        app, ws=implementation, ws_per_message_deflate=False, ws_max_size=10**6, log_config=None
    )
    config.load()
    made: Any = config.ws_protocol_class
    protocol = made(config=config, server_state=ServerState(), app_state={})
    protocol.connection_made(_Transport())
    protocol.data_received(HANDSHAKE)
    receive, send = await opened
    for _ in range(sent):
        await send({"type": "websocket.send", "text": NEXT})
    for _ in range(received):
        protocol.data_received(FRAME)
        await receive()
    protocol.connection_lost(None)


def instructions(implementation: str, sent: int, received: int) -> int:
    """Of a process that does that."""
    run = subprocess.run(
        [
            *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
            *(sys.executable, "-m", "tests.benchmarks.web_sockets"),
            *(implementation, str(sent), str(received)),
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
    for implementation in IMPLEMENTATIONS:
        few = instructions(implementation, 100, 0)
        sent = instructions(implementation, 100 + MESSAGES, 0) - few
        received = instructions(implementation, 100, MESSAGES) - few
        rows.append([implementation, f"{sent / MESSAGES:,.0f}", f"{received / MESSAGES:,.0f}"])
    head = ("WebSockets", "instructions a message sent", "a message received")
    print(machine(), table(head, rows), sep="\n\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(exchange(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    else:
        main()
