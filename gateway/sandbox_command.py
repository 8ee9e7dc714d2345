"""`jobs-gateway sandbox`: serves the Jobs API sandbox alone, with faults if they are wanted."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.banner import announce, sandbox_lines
from gateway.named_files import why_unreadable
from gateway.sandbox import KINDS, PROFILES, Fault, Sandbox
from gateway.settings.checks import is_loopback
from gateway.stopping import StopSignals
from gateway.transport.records import record_logging, standard_records
from gateway.transport.server import address_of, listen, new_loop, serving
from gateway.version import __version__

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["SENTENCE", "SandboxMistake", "add_options", "run"]

SENTENCE: Final = "Serve the Jobs API sandbox alone."

_log: Final = logging.getLogger("gateway.cli")


class SandboxMistake(Exception):
    """What of the arguments cannot be; the message says which, and what can."""


def add_options(parser: ArgumentParser) -> None:
    """What the command takes."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=int, default=8001, help="port to listen on; 0 takes a free one (8001)")
    add("--external-url", metavar="URL", help="address that its answers name as its own")
    add("--seed", type=int, default=1, help="seed of the world: same seed, same world (1)")
    add("--jobs", type=int, help="jobs of the largest project (1200)")
    add("--data", type=Path, metavar="FILE", help="keep the state in FILE")
    add("--world", type=Path, metavar="FILE", help="a world of your own, JSON or YAML")
    add("--profile", choices=list(PROFILES), default="18", help="GitLab version to be like (18)")
    add(
        "--fault",
        action="append",
        default=[],
        metavar="KIND[,NAME=VALUE…]",
        help="spoil answers, such as status,status=503,route=project_jobs,probability=0.1;"
        f" kinds: {', '.join(KINDS)}; may be given several times",
    )
    add("--admin", action="store_true", help="serve the admin endpoint")


def run(options: Namespace) -> int:
    """Serve as parsed arguments say, until a signal says stop; gives the exit status. Raises
    `SandboxMistake`, and `CannotListen`.
    """
    listener = listen(options.host, options.port)
    records = standard_records()
    record_logging(records, "warning")
    if not is_loopback(listener.getsockname()[0]):
        _log.warning("the sandbox listens beyond this machine, and its tokens are public")
    url = options.external_url or address_of(listener)
    try:
        sandbox = Sandbox(
            seed=options.seed,
            jobs=options.jobs,
            data=options.data,
            world=options.world,
            profile=options.profile,
            faults=[_fault(text) for text in options.fault],
            admin=options.admin,
            external_url=url,
            live=True,
            record=options.admin,
        )
    except OSError as error:
        where = Path(error.filename or options.world or options.data)
        told = f"cannot read {where}: {why_unreadable(error, where)}"
        raise SandboxMistake(f"the sandbox cannot start: {told}") from None
    except sqlite3.Error as error:
        told = (
            f"--data {options.data}: {error}; name a file that a sandbox has kept, or a new one in"
            " a folder that is there"
        )
        raise SandboxMistake(f"the sandbox cannot start: {told}") from None
    except ValueError as error:
        raise SandboxMistake(f"the sandbox cannot start: {error}") from None

    async def serve() -> None:
        with StopSignals() as signals:
            async with serving(
                sandbox.app, listener, shutdown_timeout_s=1, lifespan=True
            ) as server:
                banner = [f"Jobs API sandbox {__version__}", *sandbox_lines(url, sandbox.tokens)]
                announce(*banner)
                await signals.first()
                signals.on_second = server.hurry

    with closing(sandbox), asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve())
    return 0


def _fault(text: str) -> Fault:
    """A fault from `KIND,NAME=VALUE,…`; raises `SandboxMistake`."""
    kind, *parts = text.split(",")
    types = {knob.name: str(knob.type) for knob in fields(Fault) if knob.init}
    values: dict[str, Any] = {}
    for part in parts:
        name, _, value = part.partition("=")
        if name not in types or name == "kind":
            known = ", ".join(name for name in types if name != "kind")
            raise SandboxMistake(f"--fault {text}: {name!r} is none of {known}")
        try:
            values[name] = _typed(types[name], value)
        except ValueError:
            raise SandboxMistake(f"--fault {text}: {value!r} does not fit {name}") from None
    try:
        return Fault(kind=kind, **values)  # type: ignore[arg-type]  # Fault checks its kind
    except ValueError as error:
        raise SandboxMistake(f"--fault {text}: {error}") from None


def _typed(annotation: str, text: str) -> object:
    if annotation.startswith("int"):
        return int(text)
    if annotation.startswith("float"):
        return float(text)
    if annotation.startswith("bool"):
        return {"true": True, "false": False}.get(text) or int(text) == 1
    return text
