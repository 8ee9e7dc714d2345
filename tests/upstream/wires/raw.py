"""Answers of the raw server, written as they stand."""

from __future__ import annotations

import asyncio

__all__ = ["CHUNKED", "OK", "raw", "turns"]

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


async def turns(count=50):
    """Let the loop tell the wire what its sockets have heard."""
    for _ in range(count):
        await asyncio.sleep(0)


def raw(*parts):
    """An answer written as it stands, a part at a time; None closes the connection."""

    async def answer(writer):
        for part in parts:
            if part is None:
                writer.close()
                return
            writer.write(part)
            await writer.drain()
            await turns(5)

    return answer
