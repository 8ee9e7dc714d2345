"""Health: `/health/live` (the process answers) and `/health/ready` (so does the upstream).

Any of several workers answers for all of them, and says how many are up.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.upstream.readiness import NotReady

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request


__all__ = ["PROBE_TIMEOUT_S", "Health"]

KEPT_S: Final = 1.0
PROBE_TIMEOUT_S: Final = 3.0


class Health:
    """The two checks. `probe` asks the upstream, within `PROBE_TIMEOUT_S`, and tells why it is not
    to be asked; None where it is.

    An answer of the probe counts for a second, and requests that come meanwhile share it, so that
    checks do not add to an upstream's load. `workers` tells how many workers are wanted, and how
    many are up.
    """

    def __init__(
        self,
        probe: Callable[[], Coroutine[Any, Any, NotReady | None]],
        workers: Callable[[], tuple[int, int] | None] = lambda: None,
    ) -> None:
        self._probe = probe
        self._workers = workers
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[NotReady | None] | None = None
        self._is_draining = False
        self.routes = [
            Route("/health/live", self._live),
            Route("/health/ready", self._ready),
        ]

    def drain(self) -> None:
        """Be not ready from now on: the gateway is about to stop."""
        self._is_draining = True

    async def close(self) -> None:
        """End a probe that is under way, and begin anew should this be used again."""
        self._is_draining = False
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
            await asyncio.wait([asking])

    async def _live(self, _: Request) -> JSONResponse:
        return self._is_well("live")

    async def _ready(self, _: Request) -> JSONResponse:
        if self._is_draining:
            return _not_ready(_STOPPING)
        loop = asyncio.get_running_loop()
        asking = self._asking
        if asking is None or (asking.done() and loop.time() - self._asked_at >= KEPT_S):
            self._asked_at = loop.time()
            asking = self._asking = loop.create_task(self._probe())
        await asyncio.wait([asking])
        if asking.cancelled():
            return _not_ready(_STOPPING)
        why_not = asking.result()
        if why_not is not None:
            return _not_ready(why_not)
        return self._is_well("ready")

    def _is_well(self, status: str) -> JSONResponse:
        told: dict[str, Any] = {"status": status}
        workers = self._workers()
        if workers is not None:
            told["workers"] = {"wanted": workers[0], "up": workers[1]}
        return JSONResponse(told, headers=_FRESH)


def _not_ready(why: NotReady) -> JSONResponse:
    told = {"status": "not ready", "reason": why.reason}
    if why.cause is not None:
        told["cause"] = why.cause
    return JSONResponse(told, 503, headers=_FRESH)


_STOPPING: Final = NotReady("the gateway is stopping")
_FRESH = {"cache-control": "no-store"}
