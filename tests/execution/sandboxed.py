"""A sandbox as the upstream, and values of arguments that name what is in it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.testing.server import SandboxServer, serve
from gateway.upstream.client import Client, ClientConfig
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from gateway.upstream.web_urls import WebUrls
from gateway.upstream.wire import WireOptions
from gateway.upstream.wires import open_wire
from tests.execution.corpus import global_id
from tests.execution.operations import VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["IN_SANDBOX", "Upstream", "open_upstream"]


@dataclass(frozen=True, slots=True)
class Upstream:
    """A served sandbox, a client of it, and the loop that the client lives on."""

    server: SandboxServer
    client: Client
    urls: WebUrls
    runner: asyncio.Runner

    def scope(self) -> CallScope:
        credential = Credential("PRIVATE-TOKEN", self.server.sandbox.tokens["maintainer"])
        return CallScope(credential, self.runner.get_loop().time() + 60, "test")


@contextmanager
def open_upstream() -> Iterator[Upstream]:
    with serve() as server, asyncio.Runner() as runner:
        stack = AsyncExitStack()
        wire = runner.run(
            stack.enter_async_context(open_wire("http1", WireOptions(origin=server.url)))
        )
        url = f"{server.url}/api/v4"
        client = Client(wire, ClientConfig(url=url, retry_pause_s=0.0))
        yield Upstream(server, client, WebUrls(url), runner)
        runner.run(stack.aclose())


def ids(*texts: str) -> list[str]:
    return [global_id(text) for text in texts]


# What there is in a fresh sandbox: the ids of the Jobs API's own documentation, and the demo's.
IN_SANDBOX = {
    **VALUES,
    "JobRef.id": (ids("Job:1:6:6", "Job:1:6:8", "Job:1:6:7"), ids("Job:1:6:99", "Pipeline:1:6")),
    "PipelineRef.id": (ids("Pipeline:1:6", "Pipeline:1:5"), ids("Pipeline:1:99")),
    "project.id": (["1", "gitlab-org/gitlab-test"], ["no/such", "77"]),
    "id": (ids("Job:1:6:6", "Pipeline:1:6", "Pipeline:1:5", "Project:1"), ids("Job:2:1:1")),
    "ids": (
        ids("Job:1:6:6", "Job:1:6:7", "Job:1:6:8", "Pipeline:1:6", "Bridge:1:6:9"),
        ["no id"],
    ),
    "project": (["1", "gitlab-org/gitlab-test"], ["no/such"]),
    "job": (["6", "7", "8", "1"], ["99"]),
    "pipeline": (["6", "5"], ["99"]),
    "databaseId": (["6", "7", "5"], ["99"]),
    "first": ([2, 3, 20, 100], [0]),
}
