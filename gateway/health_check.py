"""`jobs-gateway health`: asks the gateway of the same settings how it is. For container images.

It reads the settings that `serve` reads, goes around any proxy, and loads little: it may run every
few seconds beside the gateway.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Final

from gateway.settings import Settings, SettingsError, variable_of

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

__all__ = ["SENTENCE", "add_options", "check", "main", "run"]

TIMEOUT_S: Final = 2.0
# Where to reach a gateway that listens on all addresses.
REACHED: Final = {"0.0.0.0": ("127.0.0.1",), "::": ("::1", "127.0.0.1")}  # noqa: S104 - not bound here


def main(arguments: Sequence[str]) -> int:
    """Check as the arguments say; 0 if it is well, 1 if not, 2 for a mistake."""
    parser = ArgumentParser(prog="jobs-gateway health", description=SENTENCE, allow_abbrev=False)
    add_options(parser)
    return run(parser.parse_args(arguments))


def run(options: Namespace) -> int:
    """Check as parsed arguments say; gives the exit status."""
    flags = {name: getattr(options, name) for name in ("host", "port", "path_prefix")}
    given = {name: value for name, value in flags.items() if value is not None}
    # Others are no concern here, and may have been given to `serve` as flags.
    read = {variable_of(name): os.environ.get(variable_of(name), "") for name in flags}
    try:
        settings = Settings.read({**read, variable_of("sandbox"): "true"}, given)
    except SettingsError as mistake:
        return _tell(f"jobs-gateway: {mistake}", 2)
    fault = check(settings, is_ready=options.ready)
    return _tell(fault, 1) if fault else 0


def _tell(fault: str, status: int) -> int:
    if sys.stderr is not None:  # closed at the start
        with suppress(OSError):
            sys.stderr.write(f"{fault}\n")
    return status


SENTENCE: Final = "Ask the gateway of these settings how it is; status 1 if it is not well."


def add_options(parser: ArgumentParser) -> None:
    """What the command takes; the settings are those of `serve`."""
    for flag in ("--host", "--port", "--path-prefix"):
        parser.add_argument(flag, metavar="VALUE", help="as for serve")
    parser.add_argument(
        "--ready", action="store_true", help="ask whether the upstream answers as well"
    )


def check(settings: Settings, *, is_ready: bool = False) -> str | None:
    """What is wrong with the gateway that runs on this machine by these settings; None if nothing
    is.
    """
    target = settings.path_prefix + ("/health/ready" if is_ready else "/health/live")
    if settings.port == 0:
        return "port 0 is any free one: say which by --port"
    fault = None
    for host in REACHED.get(settings.host, (settings.host,)):
        # Readiness may take as long as its probe of the upstream.
        connection = HTTPConnection(host, settings.port, timeout=TIMEOUT_S * (2 if is_ready else 1))
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            text = answer.read(1000).decode(errors="replace")
        except (OSError, HTTPException) as error:
            why = getattr(error, "strerror", None) or error
            fault = f"http://{host}:{settings.port}{target} does not answer: {why}"
        else:
            return None if answer.status == 200 else f"{answer.status} {text}"
        finally:
            connection.close()
    return fault
