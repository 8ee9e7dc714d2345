"""`jobs-gateway doctor`: prints what the doctor found, a line each, then what to set.

It reads the settings that `serve` reads and a token from `GITLAB_TOKEN`. Status 0 if the gateway
can work with this upstream and store, 1 if something is in its way, 2 for a mistake in the
settings.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import TYPE_CHECKING, Final

from gateway.doctor import examine
from gateway.settings import Settings, SettingsError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["SENTENCE", "SETTINGS", "add_options", "run"]

SENTENCE: Final = (
    "Ask the configured GitLab, and the store if there is one, what the gateway needs to know of"
    " them, and say what to set. Of the GitLab it only reads, with the token of GITLAB_TOKEN; in"
    " the store it leaves nothing. Status 1 if something is in the way."
)
# Those that say how the upstream is reached, and what it is compared with, with a sentence where
# they mean another thing here.
SETTINGS: Final[dict[str, str | None]] = {
    "upstream_url": (
        "Address of the GitLab to ask, with its relative root if it has one; a closing `/api/v4` is"
        " dropped. Needed."
    ),
    "upstream_web_url": None,
    "wire": None,
    "upstream_proxy": None,
    "upstream_ca_file": None,
    "upstream_client_cert": None,
    "connect_timeout_s": None,
    "store_timeout_s": None,
    "max_calls": "Upstream calls an operation may need at worst; told beside GitLab's own limits.",
}


def add_options(parser: ArgumentParser) -> None:
    """What the command takes beside the settings."""
    parser.add_argument(
        "--project",
        metavar="ID_OR_PATH",
        help="the project whose jobs are looked at; else one that the token is a member of",
    )


def run(options: Namespace) -> int:
    """Examine as parsed arguments say; gives the exit status. Raises `SettingsError`."""
    flags = {k: v for k, v in vars(options).items() if k in SETTINGS and v is not None}
    settings = Settings.read(os.environ, flags)
    if settings.upstream_url is None:
        raise SettingsError(
            ["GATEWAY_UPSTREAM_URL is missing: doctor asks the GitLab that it names"]
        )
    # What is wrong is told below, once.
    logging.getLogger("gateway").addHandler(logging.NullHandler())
    token = os.environ.get("GITLAB_TOKEN", "").strip() or None
    found = asyncio.run(examine(settings, token, options.project))
    sys.stdout.write("".join(f"{one.kind:8} {one.about:12} {one.text}\n" for one in found))
    wanted = [line for one in found for line in one.set_to]
    if wanted:
        sys.stdout.write("\nTo set:\n" + "".join(f"  {line}\n" for line in wanted))
    return 1 if any(one.kind == "fault" for one in found) else 0
