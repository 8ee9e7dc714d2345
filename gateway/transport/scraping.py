"""`/metrics`, as Prometheus asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

__all__ = ["metrics_route"]


def metrics_route(scrape: Callable[[str], Awaitable[tuple[str, bytes]]]) -> Route:
    """The route; `scrape` gives content type and text for an `Accept` header."""

    async def answer(request: Request) -> Response:
        content_type, text = await scrape(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": content_type, "cache-control": "no-store"})

    return Route("/metrics", answer)
