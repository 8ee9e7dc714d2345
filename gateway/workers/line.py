"""The line between a parent and a worker: a pair of sockets, a JSON object a line.

    parent ► worker    the start; then drain, stop, hurry, ping, news
    worker ► parent    ready, or mistaken; leave (it was asked to end), pong, news

When one side has ended, the other reads the end of the line.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from gateway.settings import Settings  # noqa: TC001 - read by msgspec
from gateway.team import News  # noqa: TC001 - read by msgspec

if TYPE_CHECKING:
    import socket

__all__ = ["Line", "Message", "Start", "Word"]

Word: TypeAlias = Literal[
    "ready", "mistaken", "leave", "ping", "pong", "drain", "stop", "hurry", "news"
]

LONGEST_BYTES: Final = 1 << 20
# What may wait for one who does not read: more news than this is not worth having.
MOST_WAITING_BYTES: Final = 1 << 20
# Of mistakes and of one mistake: a line must not be too long, and nobody reads more.
MOST_MISTAKES: Final = 100
LONGEST_MISTAKE: Final = 1_000


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker has to know. `door` and `slate` are descriptors that it inherits, `row` is its
    own of the slate's; `sandbox` is an address and its tokens.
    """

    settings: Settings
    number: int
    size: int
    fingerprint_key: bytes
    door: int
    slate: int
    rows: int
    row: int
    sandbox: tuple[str, dict[str, str]] | None = None


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """A word; with the word `news` there are some, with `mistaken` what is wrong."""

    word: Word
    news: News | None = None
    mistakes: tuple[str, ...] = ()


_encode = msgspec.json.Encoder().encode
_message_in = msgspec.json.Decoder(Message).decode
_start_in = msgspec.json.Decoder(Start).decode


class Line:
    """One end of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Line:
        """A line over one of a pair of sockets."""
        return cls(*await asyncio.open_unix_connection(sock=end, limit=LONGEST_BYTES))

    def tell(self, word: Word, news: News | None = None) -> None:
        """Tell it, and do not wait; news that nobody takes is dropped."""
        transport = self._writer.transport
        if news is not None and transport.get_write_buffer_size() > MOST_WAITING_BYTES:
            return
        if not transport.is_closing():
            self._writer.write(_encode(Message(word, news)) + b"\n")

    async def tell_mistakes(self, mistakes: list[str]) -> None:
        """Tell what is wrong with the settings, as the last thing."""
        told = [mistake[:LONGEST_MISTAKE] for mistake in mistakes[:MOST_MISTAKES]]
        if len(mistakes) > MOST_MISTAKES:
            told.append(f"and {len(mistakes) - MOST_MISTAKES} more")
        self._writer.write(_encode(Message("mistaken", mistakes=tuple(told))) + b"\n")
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def start(self, start: Start) -> None:
        """Tell a worker what it has to know."""
        self._writer.write(_encode(start) + b"\n")
        await self._writer.drain()

    async def started(self) -> Start:
        """What the parent has told first; raises `EOFError` where it has left."""
        line = await self._next()
        if not line:
            raise EOFError
        return _start_in(line)

    async def message(self) -> Message | None:
        """The next one; None at the end."""
        line = await self._next()
        return _message_in(line) if line else None

    async def _next(self) -> bytes:
        try:
            line = await self._reader.readline()
        except (OSError, ValueError):  # broken, or longer than may be
            return b""
        # A side that was killed may have said half of it.
        return line if line.endswith(b"\n") else b""

    def close(self) -> None:
        self._writer.close()
