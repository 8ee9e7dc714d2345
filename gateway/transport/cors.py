"""Which pages may call the gateway from a browser (Fetch standard, 3.2).

A credential is a header that a page has to know, so the origin of a page decides little here: `*`
is safe to offer. Pages of origins that are named may also send what their browser holds for this
host, such as the cookie of a proxy in front; with `*` no browser lets them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.transport.request import Headers

__all__ = ["CrossOrigin", "crossing_origins"]

# What a page may ask to send: bounded, and names of headers only.
ASKED_BYTES: Final = 4096
_NAME: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_are_names = re.compile(_NAME + rb"(?:[ \t]*,[ \t]*" + _NAME + rb")*")
_USUAL: Final = b"accept, authorization, content-type, job-token, private-token, sudo, x-request-id"
_METHODS: Final = (b"access-control-allow-methods", b"GET, HEAD, POST")
# Two hours, the longest that Chromium keeps it.
_KEPT: Final = (b"access-control-max-age", b"7200")
_EXPOSED: Final = (b"access-control-expose-headers", b"allow, etag, retry-after, x-request-id")
_CREDENTIALS: Final = (b"access-control-allow-credentials", b"true")
_PRIVATE_NETWORK: Final = (b"access-control-allow-private-network", b"true")


class CrossOrigin:
    """Response headers for requests of other origins. No origins: pages of none may call."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)
        self._takes_all = b"*" in self._origins

    def headers(self, origin: bytes | None) -> Headers:
        """For any response to a request with this `Origin`."""
        if origin is None or not self._origins:
            return ()
        if self._takes_all:
            return ((b"access-control-allow-origin", b"*"), _EXPOSED)
        if origin in self._origins:
            return ((b"access-control-allow-origin", origin), _CREDENTIALS, _EXPOSED)
        return ()

    def preflight(
        self,
        origin: bytes | None,
        asked: bytes | None = None,
        *,
        asks_for_private_network: bool = False,
    ) -> Headers:
        """Beside those, for the answer to a preflight that asks for these headers to be sent.

        All are allowed: traces, client names and the like travel in headers that nobody can list,
        and none means anything here that a page might not say.
        """
        if not self.headers(origin):
            return ()
        allowed = (_METHODS, (b"access-control-allow-headers", _allowed(asked)), _KEPT)
        return (*allowed, _PRIVATE_NETWORK) if asks_for_private_network else allowed


def crossing_origins(app: Any, cross_origin: CrossOrigin) -> Any:
    """An ASGI application that answers other origins' preflights, and whose answers they may read.
    For what is not at `/graphql`: health checks, and that nothing is there.
    """

    async def crossed(scope: Any, receive: Any, send: Any) -> None:
        asked = dict(scope["headers"])
        origin = asked.get(b"origin")
        allowed = cross_origin.headers(origin)
        if not allowed:
            await app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            preflight = cross_origin.preflight(origin, asked.get(b"access-control-request-headers"))
            headers = [(b"content-length", b"0"), (b"vary", b"origin"), *allowed, *preflight]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return

        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], (b"vary", b"origin"), *allowed]
                message = {**message, "headers": headers}
            await send(message)

        await app(scope, receive, told)

    return crossed


@lru_cache(maxsize=256)
def _allowed(asked: bytes | None) -> bytes:
    if asked and len(asked) <= ASKED_BYTES and _are_names.fullmatch(asked.strip()):
        return asked.strip()
    return _USUAL
