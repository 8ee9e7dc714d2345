"""Replicas that share subjects over a store, each with a connection of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager

from gateway.store.connection import Store
from gateway.store.leases import SharedSubjects
from gateway.store.sealing import Sealing
from gateway.upstream.credential import Credential
from tests.harness.redis import PATIENCE_S

__all__ = ["KEY", "replicas_of"]

KEY = "k" * 32
GITLAB = "https://gitlab.test/api/v4"
CREDENTIAL = Credential("PRIVATE-TOKEN", "a-secret-token")


def nothing():
    """Nobody looks."""


class Replica:
    """A replica with a store's connection of its own."""

    def __init__(self, server, least_s):
        url = server if isinstance(server, str) else server.url
        self.store = Store(url, patience_s=PATIENCE_S)
        self.shared = SharedSubjects(self.store, Sealing(KEY, GITLAB), least_s)
        self.live = None

    def subject(self, noticed=nothing, name="pipeline 6", credential=CREDENTIAL):
        return self.shared.subject(credential, name, noticed)

    async def die(self):
        """It is gone from the store without a word."""
        await self.store.aclose()


@asynccontextmanager
async def replicas_of(server, count=2, least_s=2.0):
    async with AsyncExitStack() as stack:
        made = [Replica(server, least_s) for _ in range(count)]
        for one in made:
            await one.store.start()
            stack.push_async_callback(one.store.aclose)
            stack.push_async_callback(one.shared.aclose)
        yield made
