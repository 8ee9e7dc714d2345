"""Where a request is addressed to within this application: prefixes taken off, and put back.

    the caller's        what the server tells                        place        base
    /graphql            path /graphql                                /graphql     (none)
    /jobs/graphql       path /jobs/graphql, root_path /jobs (Mount)  /graphql     /jobs
    /jobs/graphql       path /jobs/graphql (path_prefix /jobs)       /graphql     /jobs
    /jobs/graphql       path /graphql (the proxy took /jobs off)     /graphql     /jobs

A closing slash is no part of a place. What is addressed elsewhere than to `/graphql` is answered by
Starlette; what this application itself answers there stands here as well.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from starlette.responses import JSONResponse, RedirectResponse

from gateway.settings.checks import is_loopback

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = [
    "GRAPHQL_PATH",
    "SANDBOX_IS_PRIVATE",
    "Place",
    "is_beyond_loopback",
    "not_found",
    "not_running",
    "place_of",
    "refusal",
    "sandbox_is_private",
    "to_explorer",
]

GRAPHQL_PATH: Final = "/graphql"


class Place(NamedTuple):
    """`path` within the application; `base`, the caller's path of the application's root."""

    path: str
    base: str


def place_of(scope: Any, prefix: str) -> Place:
    """The place that an ASGI scope names, in an application that is served below `prefix`."""
    root: str = scope.get("root_path", "").rstrip("/")
    path = _below(_below(scope["path"], root), prefix)
    if not prefix:
        # A proxy that leaves its prefix on, before a server that is told of it (`--root-path`).
        path = _below(path, root)
    base = root if root.endswith(prefix) else root + prefix
    return Place(path.rstrip("/") or "/", base)


def is_beyond_loopback(scope: Any) -> bool:
    """Did a request come over an address that others than this machine reach?

    Not known, and so not denied, without a socket: in tests, or where a server tells a name.
    """
    server = scope.get("server")
    try:
        ip_address(server[0] if server else "")
    except ValueError:
        return False
    return not is_loopback(server[0])


async def to_explorer(request: Request) -> Response:
    """Lead a browser from the root to the explorer."""
    # Relative where it can be: a proxy may serve this under a path that nobody told.
    if request.scope["gateway.asked"].endswith("/"):
        return RedirectResponse(GRAPHQL_PATH.removeprefix("/"))
    return RedirectResponse(request.scope["gateway.base"] + GRAPHQL_PATH)


async def not_running(_: Request) -> Response:
    """Say at `/graphql` that nobody has started the gateway."""
    message = (
        "the gateway is not running: the application that it is mounted in has to enter"
        " `running()` of it in its lifespan, or the server to speak the lifespan protocol"
    )
    return JSONResponse(refusal(503, message), 503)


def refusal(status: int, message: str) -> dict[str, Any]:
    """What is answered where nothing was asked of GraphQL, in the form of its errors."""
    return {"errors": [{"message": message, "extensions": {"code": _CODES[status]}}]}


_CODES: Final = {
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    413: "PAYLOAD_TOO_LARGE",
    503: "UPSTREAM_UNAVAILABLE",
}
SANDBOX_IS_PRIVATE: Final = (
    "this gateway runs over the sandbox, whose tokens are public, and answers on this machine only:"
    " set GATEWAY_UPSTREAM_URL, or GATEWAY_SANDBOX=true"
)
sandbox_is_private: Final = JSONResponse(refusal(403, SANDBOX_IS_PRIVATE), 403)


async def not_found(request: Request, _: Exception) -> Response:
    """Say where GraphQL is."""
    asked, base = request.scope["gateway.asked"], request.scope["gateway.base"]
    message = f"nothing is served at {asked:.200}; GraphQL is at {base}{GRAPHQL_PATH}"
    return JSONResponse(refusal(404, message), 404)


def _below(path: str, root: str) -> str:
    if root and (path == root or path.startswith(f"{root}/")):
        return path[len(root) :]
    return path
