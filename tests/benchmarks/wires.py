"""What a GET costs over each wire, beside the fastest client library alone.

    python -m tests.benchmarks.wires [--rounds N]

CPU in µs for a GET of one job (3 KB) and of 100 jobs (300 KB), one by one and 50 at once, medians
of interleaved rounds. The upstream takes the first core, the wires the second.
"""

# ruff: noqa: T201 - a command talks

from __future__ import annotations

import argparse
import asyncio
from contextlib import AsyncExitStack
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

import uvloop
from pyreqwest.client import ClientBuilder

from gateway.upstream.wire import WireOptions
from gateway.upstream.wires import WIRES
from tests.benchmarks.programs import Upstream, pin, start_upstream
from tests.benchmarks.report import machine, table
from tests.benchmarks.upstream import TOKEN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.upstream.wire import Wire

    Get = Callable[[str], Awaitable[int]]

_JOBS = "/api/v4/projects/278964/jobs?pagination=keyset&per_page="
SHAPES = {
    "3 KB, one by one": (1, 1, 200),
    "3 KB, 50 at once": (1, 50, 500),
    "300 KB, one by one": (100, 1, 50),
    "300 KB, 50 at once": (100, 50, 100),
}


async def main(rounds: int) -> None:
    """Measure and print."""
    pin(0)
    with start_upstream() as upstream:
        pin(1)
        async with AsyncExitStack() as stack:
            gets = await _gets(stack, upstream)
            costs: dict[tuple[str, str], list[float]] = {
                (name, shape): [] for name in gets for shape in SHAPES
            }
            for _ in range(rounds):
                for shape, (jobs, at_once, count) in SHAPES.items():
                    for name, get in gets.items():
                        cost = await _cpu_us(get, f"{_JOBS}{jobs}", at_once, count)
                        costs[name, shape].append(cost)
    rows = [[name, *[f"{median(costs[name, shape]):,.0f}" for shape in SHAPES]] for name in gets]
    print(machine(), table(("CPU µs for a GET", *SHAPES), rows), sep="\n\n")


async def _gets(stack: AsyncExitStack, upstream: Upstream) -> dict[str, Get]:
    """By name: reads a target whole, and gives the body's length."""
    origin = f"http://127.0.0.1:{upstream.port}"
    headers = {"PRIVATE-TOKEN": TOKEN}
    client = await stack.enter_async_context(ClientBuilder().build())

    async def get_bare(target: str) -> int:
        response = await client.get(origin + target).headers(headers).build().send()
        return len(await response.bytes())

    gets: dict[str, Get] = {"pyreqwest alone": get_bare}
    for name in WIRES:
        wire = WIRES[name](WireOptions(origin))
        stack.push_async_callback(wire.aclose)

        async def get(target: str, wire: Wire = wire) -> int:
            return len((await wire.send("GET", target, headers, timeout_s=30)).body)

        gets[name] = get
    return gets


async def _cpu_us(get: Get, target: str, at_once: int, count: int) -> float:
    async def some(number: int) -> None:
        for _ in range(number):
            await get(target)

    await some(1)
    before_s = process_time()
    await asyncio.gather(*[some(count // at_once) for _ in range(at_once)])
    return (process_time() - before_s) / count * 1e6


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.wires")
    parser.add_argument("--rounds", type=int, default=9)
    uvloop.run(main(parser.parse_args().rounds))
