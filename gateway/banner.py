"""What is said on standard output once something serves: where it is, and how to get in."""

from __future__ import annotations

import atexit
import sys
from typing import TYPE_CHECKING, Final

from gateway.settings.checks import without_secrets
from gateway.transport.addressing import GRAPHQL_PATH
from gateway.transport.explorer import Bundle
from gateway.transport.line_writer import LineWriter, write_to
from gateway.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.embedded_sandbox import EmbeddedSandbox
    from gateway.settings import Settings

__all__ = ["announce", "gateway_lines", "sandbox_lines"]

ROLES: Final = ("maintainer", "developer", "reporter", "guest", "outsider", "job_token")
_EXPLORER: Final = "the explorer"
_PLAIN_PAGE: Final = "a plain page; this installation was made without the explorer"


def gateway_lines(
    settings: Settings, address: str, sandbox: EmbeddedSandbox | None, trusted: int | None = None
) -> list[str]:
    """Of a gateway that serves at an address; `trusted` is how many trusted documents it has, where
    that is known.
    """
    place = settings.path_prefix + GRAPHQL_PATH
    lines = [f"Jobs Gateway {__version__}", f"  GraphQL       {address}{place}"]
    if settings.explorer:
        lines[1] += f"  (in a browser: {_EXPLORER if Bundle().page else _PLAIN_PAGE})"
    if settings.trusted_documents is not None:
        others = {"only": "others are refused", "report": "others are reported"}
        told = others.get(settings.documents, "others are run as well")
        count = "" if trusted is None else f"{trusted} "
        lines.append(f"  documents     {count}trusted; {told}")
    if settings.workers > 1:
        lines.append(f"  workers       {settings.workers}")
    if settings.store_url is not None:
        lines.append(f"  store         {without_secrets(settings.store_url)}")
    if sandbox is None:
        return [*lines, f"  upstream      {settings.upstream_url}"]
    return [*lines, *sandbox_lines(sandbox.url, sandbox.tokens)]


def sandbox_lines(url: str, tokens: Mapping[str, str]) -> list[str]:
    """Of a sandbox, whose tokens are public."""
    lines = [f"  sandbox REST  {url}/api/v4"]
    for role in ROLES:
        if role in tokens:
            header = "JOB-TOKEN" if role == "job_token" else "PRIVATE-TOKEN"
            lines.append(f"  {role.replace('_', ' '):<12}  {header}: {tokens[role]}")
    return lines


def announce(*lines: str) -> None:
    """Say it to a standard output that may be closed, or that nobody reads, and do not wait."""
    writer = LineWriter(write_to(sys.stdout), lambda _: b"")
    atexit.register(writer.drain, 0.5)
    writer.write("\n".join([*lines, ""]).encode())
