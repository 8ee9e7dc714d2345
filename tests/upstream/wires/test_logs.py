"""Logs of an upstream that takes a position and not a limit, over each wire."""

from __future__ import annotations

import asyncio
import re

import pytest

from gateway.turns import Turns
from gateway.upstream.client import Client, ClientConfig
from gateway.upstream.credential import Credential
from gateway.upstream.logs import Slice
from gateway.upstream.logs.ranges import read_log
from tests.harness.over import make_scope

pytestmark = pytest.mark.anyio

LOG = b"".join(b"line %07d of the log\n" % number for number in range(1_000_000))
PIECE = 16_384


class Endless:
    """Sends all that follows the position that it is asked for, as long as it is read."""

    def __init__(self, server):
        self.server = server
        self.sent = 0
        self.was_closed = asyncio.Event()

    async def __call__(self, writer):
        asked = re.search(r"byte_offset=(\d+)", self.server.heads[-1].partition("\n")[0])
        position = int(asked[1]) if asked else 0
        size = len(LOG) - position
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n")
        writer.write(b"content-length: %d\r\n\r\n" % size)
        try:
            for start in range(position, len(LOG), PIECE):
                writer.write(LOG[start : start + PIECE])
                await writer.drain()
                self.sent += PIECE
        except ConnectionError:
            self.was_closed.set()
            raise


async def test_a_slice_ends_with_what_it_needs(wire, server):
    server.answer = endless = Endless(server)
    client = Client(wire, ClientConfig(f"{server.origin}/api/v4"))

    async def read(from_byte):
        scope = make_scope(Credential("PRIVATE-TOKEN", "x"))
        run = Turns().run
        scan = await read_log(client, scope, 1, 7, [Slice(from_byte, 1_000)], run=run)
        return scan.pieces()[0], scope.tally.calls

    await read(9_000_000)
    endless.sent, endless.was_closed = 0, asyncio.Event()
    piece, calls = await read(12_345_678)
    await asyncio.wait_for(endless.was_closed.wait(), 30)

    assert piece.raw == LOG[12_345_678 : piece.end_byte]
    assert calls == 1
    # What lies in the buffers of both sides comes on top.
    assert endless.sent < (len(LOG) - 12_345_678) / 2
    assert (await read(len(LOG) - 50))[0].end_byte == len(LOG)
