"""The sandbox that comes with a gateway, in the same process: reached as any upstream is."""

from __future__ import annotations

from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.sandbox import Sandbox
from gateway.transport.server import address_of, listen, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from gateway.settings import Settings

__all__ = ["EmbeddedSandbox", "embedded_sandbox"]


@dataclass(frozen=True, slots=True)
class EmbeddedSandbox:
    """The address of its instance, and a demo token for each role."""

    url: str
    tokens: Mapping[str, str]


@asynccontextmanager
async def embedded_sandbox(settings: Settings) -> AsyncIterator[EmbeddedSandbox]:
    """A sandbox as the settings want it, on a loopback port of its own. Raises `CannotListen`."""
    listener = listen("127.0.0.1", settings.sandbox_port)
    url = address_of(listener)
    sandbox = Sandbox(
        seed=settings.sandbox_seed,
        jobs=settings.sandbox_jobs,
        external_url=url,
        live=True,
        record=False,
    )
    with closing(sandbox):
        async with serving(sandbox.app, listener, shutdown_timeout_s=1, lifespan=True):
            yield EmbeddedSandbox(url, sandbox.tokens)
