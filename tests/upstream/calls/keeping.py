"""A client whose reads are kept, over an upstream in memory."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import msgspec

from gateway.hooks import Hook, Hooks
from gateway.upstream.calls import Call, ClientConfig, standard_chain
from gateway.upstream.client import Client
from gateway.upstream.credential import Credential
from gateway.upstream.kept import KeptInMemory
from gateway.upstream.scope import CallScope
from tests.harness.driven import Upstream, job_body, number_in

__all__ = ["Kept", "a_job", "drawn", "scope"]

API = "https://gitlab.test/api/v4"


class Kept:
    """A client over an upstream in memory, whose reads are kept."""

    def __init__(self, answer, **options):
        self.upstream = Upstream(answer, **options)
        self.store = KeptInMemory(1_000_000)
        self.events = Listener()
        chain = standard_chain(
            self.upstream,
            ClientConfig(API, retry_pause_s=0),
            kept=self.store,
            hooks=Hooks(self.events),
        )
        self.client = Client.over(chain)
        self.chain: Any = chain

    @property
    def calls(self):
        return len(self.upstream.asked)

    async def ask(self, its_scope, route, *arguments, query=""):
        answer = await self.chain.send(Call.of(its_scope, route, *arguments, query=query))
        return msgspec.json.decode(answer.body)


class Listener(Hook):
    def __init__(self):
        self.kept = []

    def call_ended(self, event):
        if event.is_kept:
            self.kept.append((event.route, event.status, event.size_bytes > 0))


def drawn(seed):
    return Random(seed)


def scope(token="a", *, header="PRIVATE-TOKEN", sudo=None, **options):
    credential = None if token is None else Credential(header, token, sudo)
    return CallScope(credential, asyncio.get_running_loop().time() + 30, **options)


def a_job(asked):
    return job_body(number_in(asked.target, "jobs"))
