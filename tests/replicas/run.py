"""One run: all of it, for so long, and what came of it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING

import httpx

from tests.harness.redis import redis_server
from tests.replicas import load
from tests.replicas.callers import Callers
from tests.replicas.servers import Replica, upstream
from tests.replicas.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Outcome", "run"]

REPLICAS = 3
READERS, WRITERS, FOLLOWERS, WATCHERS = 6, 2, 4, 4
# Memory grows until caches are full; then it should not.
WARM_UP = 0.25
SAMPLE_S = 1.0
# What a replica writes to standard error when something is wrong with it.
WRONG = ("Traceback", '"level":"error"', "INTERNAL_SERVER_ERROR")


@dataclass
class Outcome:
    """What was seen. Bytes are those of the replica that nothing befell."""

    seconds: float
    faults: list[str]
    counted: dict[str, int]
    happened: dict[str, int]
    upstream_calls: int
    p50_ms: float
    p99_ms: float
    warm_bytes: float
    last_bytes: float

    @property
    def growth(self) -> float:
        return self.last_bytes / self.warm_bytes - 1

    def __str__(self) -> str:
        lines = [
            f"{self.seconds:.0f} s, {REPLICAS} replicas; {len(self.faults)} faults",
            *(f"  {count:>7} {what}" for what, count in sorted(self.counted.items())),
            f"  {self.upstream_calls:>7} calls of the upstream",
            "  befell: " + ", ".join(f"{what} {n}" for what, n in sorted(self.happened.items())),
            f"  reads: p50 {self.p50_ms:.0f} ms, p99 {self.p99_ms:.0f} ms",
            f"  memory: {self.warm_bytes / 1e6:.1f} MB, then {self.last_bytes / 1e6:.1f} MB",
            *self.faults[:20],
        ]
        return "\n".join(lines)


async def run(folder: Path, seconds: float, *, seed: int = 1, stores: bool = True) -> Outcome:
    """Three replicas under load and in trouble for so long; needs redis-server if it `stores`."""
    random = Random(seed)
    async with AsyncExitStack() as stack:
        over = await stack.enter_async_context(upstream())
        store = stack.enter_context(redis_server()) if stores else None
        replicas = [
            Replica(folder, number, over.url, store and store.url) for number in range(REPLICAS)
        ]
        for replica in replicas:
            stack.push_async_callback(replica.end)
            await replica.start()
        # Servers close a connection that has idled for 5 s; one used just then would fail.
        limits = httpx.Limits(max_connections=None, keepalive_expiry=2)
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=20, limits=limits))
        callers = Callers(replicas, client, seed)
        trouble = Trouble(replicas, store, random)
        begun = monotonic()
        until = begun + seconds
        memory: list[tuple[float, int]] = []

        async with asyncio.TaskGroup() as group:
            for _ in range(READERS):
                group.create_task(load.read(callers, over, until))
            for _ in range(WRITERS):
                group.create_task(load.write(callers, over, until, trouble.store_was_away))
            for _ in range(FOLLOWERS):
                group.create_task(load.follow(callers, over, until))
            for _ in range(WATCHERS):
                group.create_task(load.watch(callers, over, until))
            group.create_task(trouble.make(until))
            group.create_task(_look_at_memory(replicas[0], memory, until))
        calls = over.calls
    for replica in replicas:
        callers.faults += [
            f"{replica.name} wrote {line[:2_000]}"
            for line in replica.errors.splitlines()
            if any(sign in line for sign in WRONG)
        ]
    warm = [size for at, size in memory if WARM_UP <= (at - begun) / seconds < WARM_UP + 0.1]
    last = [size for at, size in memory if (at - begun) / seconds >= 1 - 0.1]
    took = sorted(duration for _, duration in callers.durations)
    return Outcome(
        seconds,
        callers.faults,
        dict(callers.counted),
        trouble.happened,
        calls,
        1_000 * took[len(took) // 2],
        1_000 * took[len(took) * 99 // 100],
        median(warm),
        median(last),
    )


async def _look_at_memory(replica: Replica, memory: list[tuple[float, int]], until: float) -> None:
    while monotonic() < until:
        memory.append((monotonic(), replica.resident_bytes))
        await asyncio.sleep(SAMPLE_S)
