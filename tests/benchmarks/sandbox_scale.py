"""What a keyset page of 100 jobs costs in a world of 100,000 jobs, against one of 1,000.

    python tests/benchmarks/sandbox_scale.py [--small N] [--large N] [--rounds N]

Prints CPU per page for both worlds and their ratio (medians of interleaved rounds, at the newest
page and at random cursors), and exits with 1 if the ratio is above 1.3. The same without a clock:
`tests/sandbox/test_scale.py` (pages are read by an index, nothing is counted).
"""
# ruff: noqa: T201 - a command talks

import argparse
import asyncio
import base64
import random
import sys
from statistics import median
from time import process_time
from urllib.parse import quote

from gateway.sandbox import Sandbox

LIMIT = 1.3
PAGES = 40
PROJECT = 6  # the one that grows with `jobs`


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--small", type=int, default=1_000)
    options.add_argument("--large", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=15)
    arguments = options.parse_args()
    return asyncio.run(compare(arguments.small, arguments.large, arguments.rounds))


async def compare(small: int, large: int, rounds: int) -> int:
    worlds = [World(small), World(large)]
    for world in worlds:
        await world.cpu_per_page_s()
    costs: list[list[float]] = [[], []]
    for _ in range(rounds):
        for world, cost in zip(worlds, costs, strict=True):
            cost.append(await world.cpu_per_page_s())
    few, many = (median(cost) for cost in costs)
    ratio = many / few
    print(f"{small:>9,} jobs: {few * 1e6:8.0f} µs CPU per page of 100")
    print(f"{large:>9,} jobs: {many * 1e6:8.0f} µs CPU per page of 100")
    print(f"ratio {ratio:.2f} (at most {LIMIT})")
    return 0 if ratio <= LIMIT else 1


class World:
    """A sandbox with so many jobs, and the positions its pages are read at."""

    def __init__(self, jobs: int) -> None:
        self.sandbox = Sandbox(jobs=jobs, record=False)
        ids = sorted((job.id for job in self.sandbox.jobs(project=PROJECT)), reverse=True)
        chance = random.Random(1)
        places = chance.sample(ids[:-101], PAGES - 1)
        self.queries = [b"pagination=keyset&per_page=100", *map(query_after, places)]

    async def cpu_per_page_s(self) -> float:
        before = process_time()
        for query in self.queries:
            await self.read(query)
        return (process_time() - before) / PAGES

    async def read(self, query: bytes) -> None:
        path = f"/api/v4/projects/{PROJECT}/jobs"
        token = self.sandbox.tokens["maintainer"].encode()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query,
            "headers": [(b"host", b"127.0.0.1:8001"), (b"private-token", token)],
            "server": ("127.0.0.1", 8001),
            "client": ("127.0.0.1", 50_000),
        }
        received: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, object]) -> None:
            received.append(message)

        await self.sandbox.app(scope, receive, send)
        if received[0]["status"] != 200:
            raise SystemExit(f"the sandbox answered {received[0]['status']}")


def query_after(job_id: int) -> bytes:
    cursor = base64.urlsafe_b64encode(f'{{"id":"{job_id}","_kd":"n"}}'.encode()).decode()
    return f"pagination=keyset&per_page=100&cursor={quote(cursor)}".encode()


if __name__ == "__main__":
    sys.exit(main())
