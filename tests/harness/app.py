"""The whole gateway, as its callers meet it.

async with running_app(upstream_url=…) as api:          in this process, without a socket
    answer = await api("{ … }", token="glpat-…")

async with listening(app) as address:                   an application behind the real server
with program(upstream_url) as address:                  `jobs-gateway serve`, its own process
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from gateway.app import Gateway
from gateway.settings import Settings
from gateway.transport.records import Records
from gateway.transport.server import address_of, listen, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from starlette.types import ASGIApp

__all__ = ["Api", "caller_of", "listening", "program", "running_app"]

ANSWERED_S = 60


@dataclass(slots=True)
class Api:
    """The running gateway, and a caller of it."""

    gateway: Gateway
    caller: httpx.AsyncClient
    tokens: Mapping[str, str]
    """A credential for each role that `role` may name; other roles present none."""

    async def __call__(
        self,
        query: str,
        role: str = "developer",
        token: str | None = None,
        extensions: dict[str, Any] | None = None,
        **variables: Any,
    ) -> Any:
        """The body of the response to one operation, which has to come with status 200."""
        token = token or self.tokens.get(role)
        answer = await asyncio.wait_for(
            self.caller.post(
                "/graphql",
                json={"query": query, "variables": variables, "extensions": extensions},
                headers={"private-token": token} if token else {},
            ),
            ANSWERED_S,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def running_app(
    *, tokens: Mapping[str, str] | None = None, **settings: Any
) -> AsyncIterator[Api]:
    """The gateway with these settings, running; without `upstream_url` over its own sandbox, whose
    tokens it takes.
    """
    gateway = Gateway(Settings(**settings), Records(lambda _: None))
    async with gateway.running(), caller_of(gateway) as caller:
        if tokens is None:
            tokens = gateway.sandbox.tokens if gateway.sandbox else {}
        yield Api(gateway, caller, tokens)


def caller_of(app: ASGIApp) -> httpx.AsyncClient:
    """An HTTP client of an application in this process; a context manager."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """An application behind the gateway's own server on a free port; gives the GraphQL address."""
    listener = listen("127.0.0.1", 0)
    hang_up = app.hang_up if isinstance(app, Gateway) else None
    async with serving(
        app, listener, shutdown_timeout_s=1, hang_up=hang_up, max_message_bytes=100_000
    ):
        yield f"{address_of(listener)}/graphql"


@contextmanager
def program(upstream_url: str) -> Iterator[str]:
    """`jobs-gateway serve` over an upstream; gives the GraphQL address."""
    command = [sys.executable, "-m", "gateway", "serve", "--port", "0"]
    settings = ["--upstream-url", upstream_url, "--log-level", "error"]
    with subprocess.Popen([*command, *settings], stdout=subprocess.PIPE, text=True) as gateway:
        try:
            assert gateway.stdout is not None
            told = next(line for line in gateway.stdout if "/graphql" in line)
            yield re.findall(r"http://\S+", told)[0]
        finally:
            gateway.terminate()
