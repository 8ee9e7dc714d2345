"""Where a request is addressed to within this application: prefixes taken off, and put back.

    the caller's        what the server tells                        place        base
    /graphql            path /graphql                                /graphql     (none)
    /jobs/graphql       path /jobs/graphql, root_path /jobs (Mount)  /graphql     /jobs
    /jobs/graphql       path /jobs/graphql (path_prefix /jobs)       /graphql     /jobs
    /jobs/graphql       path /graphql (the proxy took /jobs off)     /graphql     /jobs

A closing slash is no part of a place.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, NamedTuple

from gateway.settings.checks import is_loopback

__all__ = ["Place", "is_beyond_loopback", "place_of"]


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


def _below(path: str, root: str) -> str:
    if root and (path == root or path.startswith(f"{root}/")):
        return path[len(root) :]
    return path
