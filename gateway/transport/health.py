"""Health: `/health/live` (the process answers) and `/health/ready` (so does the upstream)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request

    from gateway.upstream.readiness import NotReady

__all__ = ["PROBE_TIMEOUT_S", "Health"]

KEPT_S: Final = 1.0
PROBE_TIMEOUT_S: Final = 3.0


class Health:
    """The two checks. `probe` asks the upstream, within `PROBE_TIMEOUT_S`, and tells why it is not
    to be asked; None where it is.

    An answer of the probe counts for a second, and requests that come meanwhile share it, so that
    checks do not add to an upstream's load.
    """

    def __init__(self, probe: Callable[[], Coroutine[Any, Any, NotReady | None]]) -> None:
        self._probe = probe
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[NotReady | None] | None = None
        self.routes = [
            Route("/health/live", self._live),
            Route("/health/ready", self._ready),
        ]

    async def close(self) -> None:
        """End a probe that is under way."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _live(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "live"}, headers=_FRESH)

    async def _ready(self, _: Request) -> JSONResponse:
        loop = asyncio.get_running_loop()
        asking = self._asking
        if asking is None or (asking.done() and loop.time() - self._asked_at >= KEPT_S):
            self._asked_at = loop.time()
            asking = self._asking = loop.create_task(self._probe())
        why_not = await asyncio.shield(asking)
        if why_not is None:
            return JSONResponse({"status": "ready"}, headers=_FRESH)
        told = {"status": "not ready", "reason": why_not.reason}
        if why_not.cause is not None:
            told["cause"] = why_not.cause
        return JSONResponse(told, 503, headers=_FRESH)


_FRESH = {"cache-control": "no-store"}
