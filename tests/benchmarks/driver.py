"""The load: one operation sent again and again over kept connections, one at a time on each.

Plain sockets and epoll, so that driving costs little beside what is measured. An answer that is not
a 200 of the expected length ends the run: a program that fails fast must not look fast.
"""

from __future__ import annotations

import select
import socket
from itertools import count, repeat
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Self

import msgspec

from tests.benchmarks.upstream import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.operation import Operation

__all__ = ["Load", "ask", "get", "request_of"]

_TIMEOUT_S = 30


class Load:
    """Sends one operation to the program on `port`; a context manager.

    The first answer, to a request of its own, says how long the others must be. With `others`
    these are sent in its place, each once. Each connection asks with a variable of its own that
    nothing reads, so that none is answered by another one's execution, unless they are `alike`.
    """

    def __init__(
        self,
        port: int,
        operation: Operation,
        connections: int,
        *,
        others: Iterator[Operation] | None = None,
        alike: bool = False,
    ) -> None:
        self._others = None if others is None else map(request_of, others)
        self._operations = repeat(operation) if alike else map(operation.asked_by, count())
        self._port = port
        self._by_number: dict[int, socket.socket] = {}
        self._requests: dict[int, Iterator[bytes]] = {}
        self._poll = select.epoll()
        for _ in range(connections):
            self._open()
        self._buffer = bytearray(1 << 20)
        (number, first), *_ = self._by_number.items()
        first.sendall(next(self._requests[number]))
        head, _, body = _read_answer(first).partition(b"\r\n\r\n")
        self._length = next(
            line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        self._body_size = len(body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._poll.close()
        for connection in self._by_number.values():
            connection.close()

    def _open(self) -> None:
        connection = _connect(self._port)
        number = connection.fileno()
        self._by_number[number] = connection
        self._requests[number] = self._others or repeat(request_of(next(self._operations)))
        self._poll.register(number, select.EPOLLIN)

    def reopen_closed(self) -> None:
        """Replace the connections that the program has closed: between its turns they idle."""
        for number, _ in self._poll.poll(0):
            self._poll.unregister(number)
            self._by_number.pop(number).close()
            self._open()

    def run(self, *, seconds: float = 0, at_least: int = 1) -> list[int]:
        """Send for `seconds` and at least so many; latencies in ns, all answered when it
        returns.
        """
        latencies: list[int] = []
        sent_at: dict[int, int] = {}
        left = dict.fromkeys(self._by_number, 0)
        end_ns = perf_counter_ns() + int(seconds * 1e9)
        for number, connection in self._by_number.items():
            sent_at[number] = perf_counter_ns()
            connection.sendall(next(self._requests[number]))
        while sent_at:
            events = self._poll.poll(_TIMEOUT_S)
            if not events:
                raise TimeoutError(f"no answer within {_TIMEOUT_S} s")
            for number, _ in events:
                connection = self._by_number[number]
                left[number] = self._receive(connection, left[number])
                if left[number]:
                    continue
                now = perf_counter_ns()
                latencies.append(now - sent_at.pop(number))
                if now < end_ns or len(latencies) + len(sent_at) < at_least:
                    sent_at[number] = perf_counter_ns()
                    connection.sendall(next(self._requests[number]))
        return latencies

    def _receive(self, connection: socket.socket, left: int) -> int:
        """Bytes of the answer still to come, of which `left` were missing; 0 begins an answer."""
        count = connection.recv_into(self._buffer)
        if not left:
            head_size = self._buffer.find(b"\r\n\r\n", 0, count) + 4
            if not self._buffer.startswith(b"HTTP/1.1 200") or not (
                self._buffer.find(self._length, 0, head_size) > 0
            ):
                raise RuntimeError(f"unexpected answer: {bytes(self._buffer[:count])!r:.500}")
            left = head_size + self._body_size
        if not count or count > left:
            raise ConnectionError("the program closed the connection or sent more than an answer")
        return left - count


def ask(port: int, operation: Operation) -> Any:
    """The JSON answered to one operation, objects as lists of pairs: their order counts too."""
    with _connect(port) as connection:
        connection.sendall(request_of(operation))
        _, _, body = _read_answer(connection).partition(b"\r\n\r\n")
    return _ordered(msgspec.json.decode(body))


def get(port: int, path: str) -> bytes:
    """The body answered to a GET."""
    with _connect(port) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        return _read_answer(connection).partition(b"\r\n\r\n")[2]


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request_of(operation: Operation) -> bytes:
    """The bytes that ask for an operation."""
    body = operation.body()
    head = (
        "POST /graphql HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "User-Agent: benchmark\r\n"
        "Accept: application/graphql-response+json, application/json;q=0.9\r\n"
        "Content-Type: application/json\r\n"
        f"PRIVATE-TOKEN: {TOKEN}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "\r\n"
    )
    return head.encode() + body


def _read_answer(connection: socket.socket) -> bytes:
    """A whole answer with a Content-Length, head included."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _some(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"content-length:")
    left = int(length.split(b"\r\n")[0]) - len(body)
    while left > 0:
        part = _some(connection)
        answer += part
        left -= len(part)
    return answer


def _some(connection: socket.socket) -> bytes:
    part = connection.recv(1 << 20)
    if not part:
        raise ConnectionError("the program closed the connection")
    return part


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, _ordered(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    return value
