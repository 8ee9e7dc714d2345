"""How callers ask: any replica, as a balancer would give them one."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.replicas.servers import Replica

__all__ = ["Callers", "Unknown"]

# A read that was cut is asked again elsewhere, for so long.
PATIENCE_S = 30


class Unknown(Exception):
    """A write of which the caller does not know whether it was carried out."""


class Callers:
    """Asks, times what is answered, and takes down what should not be. `faults` is the verdict."""

    def __init__(self, replicas: Sequence[Replica], client: httpx.AsyncClient, seed: int) -> None:
        self.replicas = replicas
        self.client = client
        self.random = random.Random(seed)
        self.counted: Counter[str] = Counter()
        self.faults: list[str] = []
        # When a read was answered, and after how long.
        self.durations: list[tuple[float, float]] = []

    def pick(self) -> Replica:
        return self.random.choice([one for one in self.replicas if one.is_running] or self.replicas)

    def fault(self, what: str) -> None:
        self.faults.append(f"{monotonic():.2f} s: {what}")

    async def read(
        self,
        token: str,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        at: Replica | None = None,
    ) -> dict[str, Any]:
        """The answer; from another replica where the first one ends in the middle of it."""
        begun = monotonic()
        while True:
            replica = at or self.pick()
            asked = monotonic()
            try:
                answer = await self._post(replica, token, document, variables)
            except httpx.TransportError as error:
                if monotonic() > begun + PATIENCE_S:
                    self.fault(f"no answer to a read in {PATIENCE_S} s: {error!r}")
                    raise
            else:
                if answer.status_code != 503:
                    self.durations.append((asked, monotonic() - asked))
                    self.counted["reads"] += 1
                    return self._taken(answer)
            self.counted["reads asked again"] += 1
            await asyncio.sleep(0.02)

    async def write(
        self, token: str, document: str, variables: Mapping[str, Any], *, at: Replica | None = None
    ) -> dict[str, Any]:
        """The answer; raises `Unknown` where none came after it was sent. It is sent once."""
        while True:
            try:
                answer = await self._post(at or self.pick(), token, document, variables)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                # Not sent.
                await asyncio.sleep(0.02)
            except httpx.TransportError as error:
                raise Unknown from error
            else:
                self.counted["writes"] += 1
                if answer.status_code == 503:
                    raise Unknown
                return self._taken(answer)

    async def _post(
        self,
        replica: Replica,
        token: str,
        document: str,
        variables: Mapping[str, Any] | None,
    ) -> httpx.Response:
        return await self.client.post(
            replica.url,
            json={"query": document, "variables": variables or {}},
            headers={"private-token": token},
        )

    def _taken(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code != 200:
            self.fault(f"{answer.status_code}: {answer.text[:500]}")
            return {"data": None}
        taken: dict[str, Any] = answer.json()
        return taken
