"""Stores over a Redis of their own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from gateway.store.connection import Store
from tests.harness.redis import PATIENCE_S

BACK_S = 30


@asynccontextmanager
async def connected(server, patience_s=PATIENCE_S, space=""):
    url = server if isinstance(server, str) else server.url
    store = Store(url, patience_s=patience_s, space=space)
    await store.start()
    try:
        if isinstance(server, str):
            # A cluster is one of several processes, and may need longer than a start waits.
            await until_back(store)
        yield store
    finally:
        await store.aclose()


async def until_back(store):
    async with asyncio.timeout(BACK_S):
        while not store.is_up:  # noqa: ASYNC110 - servers start in their own time
            await asyncio.sleep(0.005)


async def all_in(store):
    """Keys and values, of whatever type."""
    ways = {
        b"string": ("GET",),
        b"hash": ("HGETALL",),
        b"set": ("SMEMBERS",),
        b"zset": ("ZRANGE", 0, -1),
    }
    found = {}
    for key in await store.run("KEYS", "*"):
        command, *more = ways[await store.run("TYPE", key)]
        value = await store.run(command, key, *more)
        found[key] = value if isinstance(value, bytes) else b"\n".join(value)
    return found
