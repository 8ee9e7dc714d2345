"""What tests of telemetry share: the gateway with hooks over a sandbox, and what it says."""

import json
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.app import Gateway
from gateway.settings import Settings
from gateway.transport.records import Records


@dataclass(slots=True)
class Seen:
    """A running gateway, a caller of it, and its records."""

    gateway: Gateway
    caller: httpx.AsyncClient
    token: str
    lines: list[bytes]
    taken: Records

    async def post(self, query: str, headers: dict[str, str] | None = None, **variables: Any):
        answer = await self.caller.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"private-token": self.token, **(headers or {})},
        )
        return answer.json()

    async def metrics(self) -> dict[tuple[str, ...], float]:
        return numbers_in((await self.caller.get("/metrics")).text)

    def records(self) -> list[dict[str, Any]]:
        self.taken.flush()
        return [json.loads(line) for line in b"".join(self.lines).splitlines()]


def numbers_in(text: str) -> dict[tuple[str, ...], float]:
    """The samples of an exposition, as its own parser reads them: by name and values of labels, in
    the order of their names. What is not there is 0.
    """
    numbers: dict[tuple[str, ...], float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            numbers[sample.name, *(sample.labels[label] for label in sorted(sample.labels))] = (
                sample.value
            )
    return numbers


@pytest.fixture
def seeing(sandbox_server):
    """Runs the gateway with these hooks and settings over the sandbox."""

    @asynccontextmanager
    async def seeing(*hooks, **settings):
        lines = []
        records = Records(lines.append)
        gateway = Gateway(Settings(upstream_url=sandbox_server.url, **settings), records, *hooks)
        async with gateway.running():
            transport = httpx.ASGITransport(gateway, client=("192.0.2.7", 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as caller:
                token = sandbox_server.tokens["maintainer"]
                yield Seen(gateway, caller, token, lines, records)

    return seeing
