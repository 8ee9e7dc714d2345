"""Many subscribers that cost little: the client's side of WebSockets, no further than is needed.

What a server sends is taken apart by frames; a ping is answered, all else counted.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from time import perf_counter
from typing import TYPE_CHECKING, Self, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Subscribers", "post"]

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
AT_ONCE = 50
PATIENCE_S = 60.0
# Masks hide from proxies what a page may send; here is none.
MASK = bytes(4)


class Subscribers:
    """Connections to the program on `port`, each with one subscription. `told` is when each was
    told of the event that is expected, in seconds of `perf_counter`, the first one first.
    """

    def __init__(self, port: int, headers: Mapping[str, str], document: str) -> None:
        self._port = port
        self._init = {"type": "connection_init", "payload": headers}
        self._subscribe = {"id": "1", "type": "subscribe", "payload": {"query": document}}
        self._connections: list[_Connection] = []
        self._all_told = asyncio.Event()
        self.told: list[float] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.transport.close()
        await asyncio.sleep(0)

    async def come(self, count: int) -> None:
        """Have so many more subscribe; each has been told its first event then."""
        for start in range(0, count, AT_ONCE):
            some = range(start, min(start + AT_ONCE, count))
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*[self._open() for _ in some])

    def expect(self) -> None:
        """Look out for the next event of each."""
        self.told = []
        self._all_told.clear()
        for connection in self._connections:
            connection.is_told = False

    async def all_told(self) -> None:
        """Wait until each has been told an event since `expect`."""
        async with asyncio.timeout(PATIENCE_S):
            await self._all_told.wait()

    def tell(self, connection: _Connection) -> None:
        if not connection.is_told:
            connection.is_told = True
            self.told.append(perf_counter())
            if len(self.told) == len(self._connections):
                self._all_told.set()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: _Connection(self), "127.0.0.1", self._port
        )
        self._connections.append(connection)
        await connection.upgraded
        connection.say(self._init)
        connection.say(self._subscribe)
        await connection.begun


class _Connection(asyncio.Protocol):
    """One WebSocket."""

    def __init__(self, subscribers: Subscribers) -> None:
        self._subscribers = subscribers
        self._received = b""
        self.is_told = True
        loop = asyncio.get_running_loop()
        self.upgraded: asyncio.Future[None] = loop.create_future()
        self.begun: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            (
                "GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
                f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
            ).encode()
        )

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self.upgraded.done():
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise ConnectionError(f"no WebSocket: {head!r:.200}")
            self._received = rest
            self.upgraded.set_result(None)
        while frame := self._next_frame():
            self._take(*frame)

    def say(self, message: object) -> None:
        self._send(TEXT, json.dumps(message).encode())

    def _send(self, opcode: int, body: bytes) -> None:
        size = len(body)
        length = bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + size.to_bytes(2, "big")
        self.transport.write(bytes([0x80 | opcode]) + length + MASK + body)

    def _next_frame(self) -> tuple[int, bytes] | None:
        """The opcode and body of the next whole frame; none here is longer than 64 KiB."""
        data = self._received
        if len(data) < 2:
            return None
        start, size = 2, data[1]
        if size == 126:
            start, size = 4, int.from_bytes(data[2:4], "big")
        if len(data) < start + size:
            return None
        self._received = data[start + size :]
        return data[0] & 0xF, data[start : start + size]

    def _take(self, opcode: int, body: bytes) -> None:
        if opcode == PING:
            self._send(PONG, body)
        elif opcode == CLOSE or b'"errors"' in body:
            raise ConnectionError(f"unexpected: {body!r:.300}")
        elif b'"next"' in body:
            if not self.begun.done():
                self.begun.set_result(None)
            self._subscribers.tell(self)


async def post(port: int, path: str, headers: Mapping[str, str], body: bytes, count: int) -> None:
    """Send the same request so many times, over connections that are kept."""
    told = {"Host": "127.0.0.1", "Content-Type": "application/json", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    request = f"POST {path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def some(times: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(times):
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise ConnectionError(f"no answer: {answer!r:.200}")
            [size] = [
                int(line.partition(b":")[2])
                for line in answer.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ]
            await reader.readexactly(size)
        writer.close()
        await writer.wait_closed()

    connections = min(AT_ONCE, count)
    await asyncio.gather(*[some(count // connections) for _ in range(connections)])
