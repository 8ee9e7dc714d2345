"""Answers of the raw server, written as they stand."""

from __future__ import annotations

from tests.harness.turns import turns

__all__ = ["CHUNKED", "OK", "raw"]

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


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
