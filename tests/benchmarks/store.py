"""What callers notice of a store that is killed in the middle of load, or frozen.

    python -m tests.benchmarks.store [--seconds 10] [--rate 20] [--trouble kill|freeze]

Two gateways as processes of their own over the sandbox and a Redis; callers ask at a steady rate, a
tenth of them write. For three stretches of so many seconds, before, while the store is away and
after its return, it tells operations, failed ones, and how long they took; then how long the return
took until both gateways shared again. Exits 1 where one failed, p99 is over 1.5 times that before,
or the return took 5 s.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx

from tests.harness.redis import RedisServer, redis_server
from tests.replicas.servers import Replica, upstream

READ = """query ($job: ID!) {
  job(by: {path: {project: 1, job: $job}}) { name status pipeline { status } }
  pipeline(by: {path: {project: 1, pipeline: 6}}) {
    status jobs(first: 20) { nodes { name status } }
  }
}"""
# Most are refused by the upstream after the first time, which drops what is kept all the same.
WRITE = """mutation ($job: ID!) {
  jobErase(input: {job: {path: {project: 1, job: $job}}}) { userErrors { code } } }"""
WRITES = 0.1
WORST_RATIO = 1.5
BACK_S = 5.0


class Load:
    """Operations at a steady rate, whatever the answers take."""

    def __init__(
        self, client: httpx.AsyncClient, urls: list[str], token: str, jobs: list[int]
    ) -> None:
        self._client = client
        self._urls = urls
        self._headers = {"private-token": token}
        self._jobs = jobs
        self._number = 0
        self.failed: list[str] = []

    async def stretch(self, seconds: float, rate: float) -> list[float]:
        """How long each operation took, in ms."""
        took: list[float] = []
        async with asyncio.TaskGroup() as group:
            for _ in range(int(seconds * rate)):
                group.create_task(self._ask(took))
                await asyncio.sleep(1 / rate)
        return took

    async def _ask(self, took: list[float]) -> None:
        self._number += 1
        number = self._number
        writes = number % round(1 / WRITES) == 0
        body = {
            "query": WRITE if writes else READ,
            "variables": {"job": str(self._jobs[number % len(self._jobs)])},
        }
        url = self._urls[number % len(self._urls)]
        began = perf_counter()
        answer = await self._client.post(url, json=body, headers=self._headers)
        took.append(1_000 * (perf_counter() - began))
        if answer.status_code != 200 or "errors" in answer.json():
            self.failed.append(answer.text[:300])


async def _is_up(client: httpx.AsyncClient, replica: Replica) -> bool:
    text = (await client.get(replica.url.replace("/graphql", "/metrics"))).text
    return re.search(r"^gateway_store_up 1", text, re.MULTILINE) is not None


async def _back(client: httpx.AsyncClient, replicas: list[Replica], store: RedisServer) -> float:
    """Start it again, or let it go on; how many seconds it took until all have found it."""
    if store.is_running:
        store.thaw()
    else:
        store.start()
    began = perf_counter()
    while not all([await _is_up(client, it) for it in replicas]):  # noqa: ASYNC110 - asked by HTTP
        await asyncio.sleep(0.02)
    return perf_counter() - began


async def measure(folder: Path, seconds: float, rate: float, trouble: str) -> bool:
    async with AsyncExitStack() as stack:
        over = await stack.enter_async_context(upstream())
        store = stack.enter_context(redis_server())
        replicas = [Replica(folder, number, over.url, store.url) for number in range(2)]
        for replica in replicas:
            replica.set("GATEWAY_METRICS", "true")
            stack.push_async_callback(replica.end)
            await replica.start()
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        urls = [replica.url for replica in replicas]
        token = over.sandbox.tokens["maintainer"]
        listed = await client.get(
            f"{over.url}/api/v4/projects/1/jobs?per_page=40&scope=success",
            headers={"private-token": token},
        )
        load = Load(client, urls, token, [job["id"] for job in listed.json()])
        await load.stretch(seconds / 2, rate)

        before = await load.stretch(seconds, rate)
        loading = asyncio.create_task(load.stretch(seconds, rate))
        await asyncio.sleep(0.3)
        store.kill() if trouble == "kill" else store.freeze()
        away = await loading
        loading = asyncio.create_task(load.stretch(seconds, rate))
        back_s = await _back(client, replicas, store)
        after = await loading

    least = _percentile(before, 99)
    for name, took in (("before", before), (f"store: {trouble}", away), ("after", after)):
        ratio = _percentile(took, 99) / least
        sys.stdout.write(
            f"{name:>14}: {len(took)} operations, p50 {_percentile(took, 50):.1f} ms,"
            f" p99 {_percentile(took, 99):.1f} ms ({ratio:.2f})\n"
        )
    sys.stdout.write(f"failed: {len(load.failed)}; back after {back_s:.2f} s\n")
    sys.stdout.write("".join(f"  {text}\n" for text in load.failed[:5]))
    is_slow = max(_percentile(away, 99), _percentile(after, 99)) > WORST_RATIO * least
    return not load.failed and not is_slow and back_s < BACK_S


def _percentile(took: list[float], percent: int) -> float:
    return quantiles(took, n=100, method="inclusive")[percent - 1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.store")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--trouble", choices=["kill", "freeze"], default="kill")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="jgw-store-") as folder:
        held = asyncio.run(measure(Path(folder), given.seconds, given.rate, given.trouble))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
