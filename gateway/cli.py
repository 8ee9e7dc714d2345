"""The command `jobs-gateway`: serve, watch, sandbox, schema, explain, documents, settings, doctor,
health, version.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import os
import sys
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway import doctor_command, documents_command, health_check, sandbox_command
from gateway.app import Gateway
from gateway.banner import announce, gateway_lines
from gateway.errors import BadInput, CallerError
from gateway.execution.explain import explain
from gateway.execution.manifests import BadDocuments, read_documents
from gateway.execution.schema import print_sdl
from gateway.named_files import FileMistake, text_of, values_of
from gateway.reloading import reloading
from gateway.sandbox_command import SandboxMistake
from gateway.serving import serve
from gateway.settings import (
    Settings,
    SettingsError,
    choices_of,
    default_of,
    flag_of,
    is_switch,
)
from gateway.settings.page import describe_settings
from gateway.stopping import StopSignals
from gateway.terminal import command as terminal
from gateway.terminal.subject import WatchMistake, refuse_credentials
from gateway.transport.line_writer import standard_streams, write_to
from gateway.transport.records import record_logging, standard_records
from gateway.transport.server import CannotListen, address_of, listen, new_loop
from gateway.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from socket import socket

    from gateway.embedded_sandbox import EmbeddedSandbox

__all__ = ["main"]

# As a shell tells that a program ended by SIGPIPE.
READER_LEFT: Final = 141


class _Mistake(Exception):
    """What the user got wrong here."""


# What the user got wrong: printed, exit status 2.
_MISTAKES: Final = (
    _Mistake,
    BadDocuments,
    CallerError,
    CannotListen,
    FileMistake,
    SandboxMistake,
    SettingsError,
    WatchMistake,
)


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
    except _MISTAKES as mistake:
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

    def say_where(gateway: Gateway) -> None:
        trusted = gateway.trusted_documents
        announce(*gateway_lines(settings, address, gateway.sandbox, trusted))

    async def serve_alone() -> None:
        gateway = Gateway(settings, records)
        with StopSignals() as signals:
            async with reloading(gateway.reload_documents if settings.trusted_documents else None):
                await serve(gateway, listener, signals, lambda _: say_where(gateway))

    _run(serve_alone())
    return 0


def _serve_with_workers(
    read_settings: Callable[[], Settings], listener: socket, address: str
) -> None:
    if sys.platform == "win32":
        raise _Mistake("GATEWAY_WORKERS: workers are handed their connections as only Unix can")
    from gateway.workers import WorkersFailed, serve_with_workers  # noqa: PLC0415 - of Unix only

    def say_where(sandbox: EmbeddedSandbox | None) -> None:
        settings = read_settings()
        trusted, count = settings.trusted_documents, None
        if trusted is not None:
            # The workers have read them by now, and found nothing wrong.
            with suppress(BadDocuments):
                count = len({one.text for one in read_documents(Path(trusted))})
        announce(*gateway_lines(settings, address, sandbox, count))

    try:
        _run(serve_with_workers(read_settings, listener, say_where))
    except WorkersFailed as failure:
        raise _Mistake(f"{failure}; its records say why") from None


def _schema(options: argparse.Namespace) -> int:
    printed = print_sdl()
    if options.check is None:
        needing = {"--breaking": options.breaking, "--documents": options.documents}
        if without := [flag for flag, given in needing.items() if given]:
            raise _Mistake(
                f"{' and '.join(without)} of what? Give --check FILE, the schema to compare with"
            )
        sys.stdout.write(printed)
        return 0
    kept = text_of(options.check)
    if kept == printed:
        return 0
    try:
        breaks = documents_command.told_breaks(kept, options.documents)
    except BadInput as fault:
        raise _Mistake(f"{options.check}: {fault}") from None
    if not options.breaking:
        difference = difflib.unified_diff(
            kept.splitlines(keepends=True),
            printed.splitlines(keepends=True),
            fromfile=str(options.check),
            tofile="the schema the code has",
        )
        sys.stdout.writelines(difference)
    sys.stdout.writelines(f"{line}\n" for line in breaks)
    return 1 if breaks or not options.breaking else 0


def _explain(options: argparse.Namespace) -> int:
    name = "standard input" if str(options.file) == "-" else str(options.file)
    given = options.variables
    variables = None if given is None else values_of(given, "--variables")
    _say(explain(text_of(options.file), variables, name=name))
    return 0


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
    sandbox_command.add_options(command("sandbox", sandbox_command.run, sandbox_command.SENTENCE))
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
            sentence = doctor_command.SETTINGS[knob.name] or knob.metadata["sentence"]
            _add_setting(examined, knob.name, sentence)
    health = command("health", health_check.run, health_check.SENTENCE)
    health_check.add_options(health)
    command("settings", _settings, "Print the page about all settings.")
    command("version", _version, "Print the version.")
    return parser


def _add_setting(parser: argparse.ArgumentParser, name: str, sentence: str) -> None:
    flag = flag_of(name)
    value, readable = default_of(name)
    default = f" Default: {value}{f' ({readable})' if readable else ''}." if value else ""
    told = sentence.replace("%", "%%") + default
    if is_switch(name):
        parser.add_argument(flag, dest=name, action="store_const", const="true", help=told)
        parser.add_argument(f"--no-{flag[2:]}", dest=name, action="store_const", const="false")
    else:
        parser.add_argument(
            flag, dest=name, metavar="|".join(choices_of(name)) or "VALUE", help=told
        )


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


def _run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main)
