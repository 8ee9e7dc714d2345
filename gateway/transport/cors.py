"""Which pages may call the gateway from a browser (Fetch standard, 3.2).

No cookies are involved: a credential is a header that a page has to know. So credentials mode stays
off and `*` is safe to offer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.transport.http_error import Headers

__all__ = ["CrossOrigin"]


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
            return ((b"access-control-allow-origin", origin), _EXPOSED)
        return ()

    def preflight(self, origin: bytes | None) -> Headers:
        """Beside those, for the answer to a preflight."""
        return _PREFLIGHT if self.headers(origin) else ()


_EXPOSED = (b"access-control-expose-headers", b"x-request-id")
_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST"),
    (
        b"access-control-allow-headers",
        b"accept, authorization, content-type, job-token, private-token, sudo, x-request-id",
    ),
    (b"access-control-max-age", b"600"),
)
