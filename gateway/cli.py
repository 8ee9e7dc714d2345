"""The command `jobs-gateway`: serve, watch, sandbox, schema, explain, documents, settings, doctor,
health, version.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import difflib
import json
import logging
import os
import sys
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway import doctor_command, documents_command, health_check
from gateway.app import GRAPHQL_PATH, Gateway
from gateway.errors import CallerError
from gateway.execution.explain import explain
from gateway.execution.schema import print_sdl
from gateway.reloading import reloading
from gateway.sandbox import KINDS, PROFILES, Fault, Sandbox
from gateway.serving import serve
from gateway.settings import Settings, SettingsError, flag_of, is_switch
from gateway.settings.checks import is_loopback
from gateway.settings.page import describe_settings
from gateway.stopping import StopSignals
from gateway.terminal import command as terminal
from gateway.terminal.subject import WatchMistake, refuse_credentials
from gateway.transport.explorer import Bundle
from gateway.transport.line_writer import LineWriter, standard_streams, write_to
from gateway.transport.records import record_logging, standard_records
from gateway.transport.server import CannotListen, address_of, listen, new_loop, serving
from gateway.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from socket import socket

    from gateway.app import EmbeddedSandbox

__all__ = ["main"]

_EXPLORER: Final = "the explorer"
_PLAIN_PAGE: Final = "a plain page; this installation was made without the explorer"
_log: Final = logging.getLogger("gateway.cli")

# As a shell tells that a program ended by SIGPIPE.
READER_LEFT: Final = 141
ROLES: Final = ("maintainer", "developer", "reporter", "guest", "outsider", "job_token")


class _Mistake(Exception):
    """What the user got wrong: printed, exit status 2."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; without one, `serve`. Gives the process's exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in {"-h", "--help", "--version"}):
        given.insert(0, "serve")
    try:
        with standard_streams():
            if given[0] == "watch":
                # Before the parser, which repeats what it does not know.
                refuse_credentials(given[1:])
            options = _parser().parse_args(given)
            status: int = options.run(options)
    except (SettingsError, CannotListen, CallerError, WatchMistake, _Mistake) as mistake:
        write_to(sys.stderr)(f"jobs-gateway: {mistake}\n".encode())
        return 2
    except BrokenPipeError:
        return READER_LEFT
    return status


def _serve(options: argparse.Namespace) -> int:
    names = {knob.name for knob in fields(Settings)}
    flags = {name: value for name, value in vars(options).items() if name in names}

    def read_settings() -> Settings:
        settings = Settings.read(os.environ, {k: v for k, v in flags.items() if v is not None})
        settings.check_upstream()
        return settings

    settings = read_settings()
    records = standard_records()
    record_logging(records, settings.log_level)
    listener = listen(settings.host, settings.port)
    address = address_of(listener)
    if settings.workers > 1:
        _serve_with_workers(read_settings, listener, address)
        return 0

    def announce(gateway: Gateway) -> None:
        trusted = gateway.trusted_documents
        _announce(*_gateway_banner(settings, address, gateway.sandbox, trusted))

    async def serve_alone() -> None:
        gateway = Gateway(settings, records)
        with StopSignals() as signals:
            async with reloading(gateway.reload_documents if settings.trusted_documents else None):
                await serve(gateway, listener, signals, lambda _: announce(gateway))

    _run(serve_alone())
    return 0


def _serve_with_workers(
    read_settings: Callable[[], Settings], listener: socket, address: str
) -> None:
    if sys.platform == "win32":
        raise _Mistake("GATEWAY_WORKERS: workers are handed their connections as only Unix can")
    from gateway.workers import WorkersFailed, serve_with_workers  # noqa: PLC0415 - see above

    def announce(sandbox: EmbeddedSandbox | None) -> None:
        _announce(*_gateway_banner(read_settings(), address, sandbox))

    try:
        _run(serve_with_workers(read_settings, listener, announce))
    except WorkersFailed as failure:
        raise _Mistake(f"{failure}; its records say why") from None


def _sandbox(options: argparse.Namespace) -> int:
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
    except (ValueError, OSError) as error:
        raise _Mistake(f"the sandbox cannot start: {error}") from None

    async def serve() -> None:
        with StopSignals() as signals:
            async with serving(
                sandbox.app, listener, shutdown_timeout_s=1, lifespan=True
            ) as server:
                banner = [f"Jobs API sandbox {__version__}", *_sandbox_lines(url, sandbox.tokens)]
                _announce(*banner)
                await signals.first()
                signals.on_second = server.hurry

    with closing(sandbox):
        _run(serve())
    return 0


def _schema(options: argparse.Namespace) -> int:
    printed = print_sdl()
    if options.check is None:
        sys.stdout.write(printed)
        return 0
    kept = _text_of(options.check)
    if kept == printed:
        return 0
    if not options.breaking:
        difference = difflib.unified_diff(
            kept.splitlines(keepends=True),
            printed.splitlines(keepends=True),
            fromfile=str(options.check),
            tofile="the schema the code has",
        )
        sys.stdout.writelines(difference)
    breaks = documents_command.told_breaks(kept, options.documents)
    sys.stdout.writelines(f"{line}\n" for line in breaks)
    return 1 if breaks or not options.breaking else 0


def _explain(options: argparse.Namespace) -> int:
    _say(explain(_text_of(options.file), _variables(options.variables)))
    return 0


def _variables(given: str | None) -> dict[str, Any] | None:
    """Variables from JSON, or from the file of `@FILE`; raises `_Mistake`."""
    if given is None:
        return None
    text = _text_of(Path(given[1:])) if given.startswith("@") else given
    try:
        variables = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _Mistake(f"--variables takes JSON, or @FILE: {error}") from None
    if not isinstance(variables, dict):
        raise _Mistake('--variables takes an object of names and values, such as {"first": 20}')
    return variables


def _settings(_: argparse.Namespace) -> int:
    sys.stdout.write(describe_settings())
    return 0


def _version(_: argparse.Namespace) -> int:
    _say(f"jobs-gateway {__version__}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jobs-gateway",
        description="A GraphQL gateway over GitLab's Jobs API. Without a command it serves.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"jobs-gateway {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Any, sentence: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=sentence,
            description=sentence,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(run=run)
        return made

    serving_ = command(
        "serve", _serve, "Serve the gateway; over the sandbox if no upstream is set."
    )
    for knob in fields(Settings):
        _add_setting(serving_, knob.name, knob.metadata["sentence"])
    terminal.add_options(command("watch", terminal.run, terminal.SENTENCE))
    _add_sandbox_options(command("sandbox", _sandbox, "Serve the Jobs API sandbox alone."))
    schema = command("schema", _schema, "Print the schema as SDL.")
    schema.add_argument(
        "--check",
        type=Path,
        metavar="FILE",
        help="compare with FILE, another schema, and name what breaks for its clients; status 1 if"
        " they differ",
    )
    schema.add_argument(
        "--breaking",
        action="store_true",
        help="with --check: only what breaks for clients; status 0 where nothing does",
    )
    schema.add_argument(
        "--documents",
        type=Path,
        metavar="DIR",
        help="with --check: name which of these trusted documents, a folder or manifest, it hits",
    )
    plan = command("explain", _explain, "Show a document's plan, its cost and the code it runs as.")
    plan.add_argument("file", type=Path, metavar="FILE", help="a GraphQL document; - for stdin")
    plan.add_argument(
        "--variables", metavar="JSON", help="values of its variables; @FILE reads them from a file"
    )
    documents_command.add_options(
        command("documents", documents_command.run, documents_command.SENTENCE)
    )
    examined = command("doctor", doctor_command.run, doctor_command.SENTENCE)
    doctor_command.add_options(examined)
    for knob in fields(Settings):
        if knob.name in doctor_command.SETTINGS:
            _add_setting(examined, knob.name, knob.metadata["sentence"])
    health = command("health", health_check.run, health_check.SENTENCE)
    health_check.add_options(health)
    command("settings", _settings, "Print the page about all settings.")
    command("version", _version, "Print the version.")
    return parser


def _add_setting(parser: argparse.ArgumentParser, name: str, sentence: str) -> None:
    flag = flag_of(name)
    if is_switch(name):
        parser.add_argument(flag, dest=name, action="store_const", const="true", help=sentence)
        parser.add_argument(f"--no-{flag[2:]}", dest=name, action="store_const", const="false")
    else:
        parser.add_argument(flag, dest=name, metavar="VALUE", help=sentence)


def _add_sandbox_options(parser: argparse.ArgumentParser) -> None:
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


def _fault(text: str) -> Fault:
    """A fault from `KIND,NAME=VALUE,…`; raises `_Mistake`."""
    kind, *parts = text.split(",")
    types = {knob.name: str(knob.type) for knob in fields(Fault) if knob.init}
    values: dict[str, Any] = {}
    for part in parts:
        name, _, value = part.partition("=")
        if name not in types or name == "kind":
            known = ", ".join(name for name in types if name != "kind")
            raise _Mistake(f"--fault {text}: {name!r} is none of {known}")
        try:
            values[name] = _typed(types[name], value)
        except ValueError:
            raise _Mistake(f"--fault {text}: {value!r} does not fit {name}") from None
    try:
        return Fault(kind=kind, **values)  # type: ignore[arg-type]  # Fault checks its kind
    except ValueError as error:
        raise _Mistake(f"--fault {text}: {error}") from None


def _typed(annotation: str, text: str) -> object:
    if annotation.startswith("int"):
        return int(text)
    if annotation.startswith("float"):
        return float(text)
    if annotation.startswith("bool"):
        return {"true": True, "false": False}.get(text) or int(text) == 1
    return text


def _text_of(path: Path) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _Mistake(f"cannot read {path}: {error}") from None


def _gateway_banner(
    settings: Settings, address: str, sandbox: EmbeddedSandbox | None, trusted: int | None = None
) -> list[str]:
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
    if sandbox is None:
        return [*lines, f"  upstream      {settings.upstream_url}"]
    return [*lines, *_sandbox_lines(sandbox.url, sandbox.tokens)]


def _sandbox_lines(url: str, tokens: Mapping[str, str]) -> list[str]:
    lines = [f"  sandbox REST  {url}/api/v4"]
    for role in ROLES:
        if role in tokens:
            header = "JOB-TOKEN" if role == "job_token" else "PRIVATE-TOKEN"
            lines.append(f"  {role.replace('_', ' '):<12}  {header}: {tokens[role]}")
    return lines


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


def _announce(*lines: str) -> None:
    """Say it to a standard output that may be closed, or that nobody reads, and do not wait."""
    writer = LineWriter(write_to(sys.stdout), lambda _: b"")
    atexit.register(writer.drain, 0.5)
    writer.write("\n".join([*lines, ""]).encode())


def _run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main)
