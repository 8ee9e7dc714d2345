"""The command `watch`: its options, the credential, and the gateway to ask.

Where `--gateway` names none, one is started for it in this process, over the GitLab of the page.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial
from getpass import getpass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.app import Gateway
from gateway.extras import how_to_install
from gateway.settings import Settings, SettingsError
from gateway.terminal.connection import Address, Refused
from gateway.terminal.following import Lost, Patience, Unreachable
from gateway.terminal.plain import PlainView
from gateway.terminal.progress import EXIT_STATUSES
from gateway.terminal.subject import WatchMistake, read_subject
from gateway.terminal.watching import Watch
from gateway.transport.addressing import GRAPHQL_PATH
from gateway.transport.line_writer import write_to
from gateway.transport.records import record_logging, standard_records
from gateway.transport.server import address_of, listen, new_loop, serving
from gateway.upstream.causes import Cause
from gateway.upstream.web_urls import origin_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
    from types import FrameType
    from typing import Any, TextIO

    from gateway.terminal.subject import Subject
    from gateway.terminal.watching import View

__all__ = ["SENTENCE", "add_options", "run"]

SENTENCE: Final = (
    "Watch a job or a pipeline to its end; exit status 0 if it succeeds, 1 if it fails."
)
TOKEN: Final = "GITLAB_TOKEN"  # noqa: S105 - the variable's name
UPSTREAM_URL: Final = "GATEWAY_UPSTREAM_URL"
INTERRUPTED: Final = 130
NOT_WATCHED: Final = 5
LOOPBACK: Final = "127.0.0.1"
# An upstream that is not reached for these was never right, be it the address or the certificate.
PATIENCE: Final = Patience(
    final_causes=frozenset(str(cause) for cause in Cause if not cause.may_pass)
)
# What of the settings is the server's, and not to be taken from an environment made for one.
OF_SERVERS: Final = {"GATEWAY_SANDBOX", "GATEWAY_CORS_ORIGINS", "GATEWAY_PATH_PREFIX"}
EPILOG: Final = """\
The credential is read from GITLAB_TOKEN, or asked for; never give it as an argument.

exit status: 0 success, 1 failed, 2 the command was given wrongly, 3 canceled, 4 skipped,
5 it could not be watched to its end, 130 interrupted by Ctrl-C, 143 by SIGTERM.
"""


def add_options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.epilog = EPILOG
    parser.add_argument("url", metavar="URL", help="address of a job's or pipeline's page")
    parser.add_argument(
        "--gateway",
        metavar="URL",
        help="a running gateway to ask; without it one is started here, over the page's GitLab",
    )
    parser.add_argument(
        "--plain", action="store_true", help="plain lines, as where the output is no terminal"
    )
    parser.add_argument(
        "--log-format",
        choices=["plain", "ansi", "raw"],
        help="of plain lines: no escape codes (plain), colours, or as the runner wrote it",
    )


def run(options: Namespace) -> int:
    """Watch as parsed arguments say; gives the exit status. Raises `WatchMistake` and
    `SettingsError`.
    """
    subject = read_subject(options.url)
    named = None if options.gateway is None else _endpoint(options.gateway)
    settings = _settings(subject) if named is None else None
    # What the person who watches gave in the place of a setting.
    given = "" if settings is None or UPSTREAM_URL in os.environ else subject.origin
    signals = _Signals()
    try:
        credential = _credential(subject)
        with _view(options, subject) as view:
            log_format = options.log_format or ("ansi" if view.follows else "plain")

            async def watch() -> str:
                gateway = nullcontext(str(named)) if settings is None else _started(settings)
                with signals.cancelling(asyncio.current_task()):
                    async with gateway as url:
                        address = Address(url, credential, by_proxy=settings is None)
                        return await Watch(
                            address,
                            subject,
                            view,
                            log_format.upper(),
                            patience=PATIENCE,
                            worded=partial(_worded, given=given),
                        ).to_the_end()

            return _status_of(watch, credential, given)
    except KeyboardInterrupt:
        return INTERRUPTED
    except asyncio.CancelledError:
        return 128 + signals.number
    except _Failed as failed:
        sys.stderr.write(f"jobs-gateway: {failed}\n")
        return NOT_WATCHED


def _status_of(
    watch: Callable[[], Coroutine[Any, Any, str]], credential: Mapping[str, str], given: str
) -> int:
    """The exit status that watching comes to; raises `_Failed`."""
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return EXIT_STATUSES.get(runner.run(watch()), NOT_WATCHED)
    except (Refused, Unreachable, Lost) as failure:
        if given and getattr(failure, "cause", "") == Cause.NAME_UNKNOWN:
            told = f"the host of {given} is unknown: check the address that was given"
            raise _Failed(told) from None
        raise _Failed(_worded(_advised(failure, credential), given)) from None


class _Failed(Exception):
    """It could not be watched to its end; says why, and what to do."""


def _credential(subject: Subject) -> Mapping[str, str]:
    """The header to present, from the environment or a person; empty for none."""
    token = os.environ.get(TOKEN)
    if token is None:
        if not sys.stdin.isatty():
            raise WatchMistake(
                f"no token: set {TOKEN} (empty, to watch a public project without one)"
            )
        try:
            token = getpass(f"GitLab token for {subject.origin} (empty for none): ")
        except EOFError:
            raise WatchMistake(f"no token: set {TOKEN}") from None
        except KeyboardInterrupt:
            # What comes next, the shell's prompt, begins a line.
            sys.stderr.write("\n")
            raise
    token = token.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise WatchMistake(f"{TOKEN} holds characters that no token has; set it anew")
    return {"PRIVATE-TOKEN": token} if token else {}


def _endpoint(text: str) -> str:
    """The GraphQL endpoint of the gateway that a person named."""
    try:
        address = urlsplit(text.strip())
        scheme, host, _ = origin_of(text.strip())
    except ValueError:
        scheme = host = ""
        address = urlsplit("")
    if scheme not in {"http", "https"} or not host or address.query or address.fragment:
        raise WatchMistake(
            "--gateway takes the address of a running gateway, such as http://127.0.0.1:8000"
        )
    path = address.path.rstrip("/")
    path = path if path.endswith(GRAPHQL_PATH) else path + GRAPHQL_PATH
    return f"{address.scheme}://{address.netloc}{path}"


def _settings(subject: Subject) -> Settings:
    """Those of a gateway over the page's GitLab: the environment's where they are of it (its
    authorities, its proxy, a root below the origin), and the page's origin.
    """
    environment = {name: value for name, value in os.environ.items() if name not in OF_SERVERS}
    ours = {"host": LOOPBACK, "port": "0", "explorer": "false", "log_level": "error"}
    settings = Settings.read(environment, ours)
    if settings.upstream_url is None:
        try:
            return Settings.read(environment, {**ours, "upstream_url": subject.origin})
        except SettingsError as error:
            # Nobody gave that flag.
            told = str(error).replace(f"--upstream-url={subject.origin!r}", subject.origin)
            raise WatchMistake(told) from None
    pages = settings.upstream_web_url or settings.upstream_url
    if origin_of(pages) != origin_of(subject.origin):
        raise WatchMistake(
            f"the page is at {subject.origin}, but the gateway's settings say that pages are at"
            f" {pages}: unset GATEWAY_UPSTREAM_URL, or set GATEWAY_UPSTREAM_WEB_URL"
        )
    return settings


@asynccontextmanager
async def _started(settings: Settings) -> AsyncIterator[str]:
    """A gateway of this process, on a loopback port of its own."""
    records = standard_records()
    record_logging(records, settings.log_level)
    gateway = Gateway(settings, records)
    listener = listen(LOOPBACK, 0)
    async with (
        gateway.running(),
        serving(
            gateway,
            listener,
            shutdown_timeout_s=1,
            hang_up=gateway.hang_up,
            max_message_bytes=settings.max_body_bytes,
        ),
    ):
        yield address_of(listener) + GRAPHQL_PATH


@contextmanager
def _view(options: Namespace, subject: Subject) -> Iterator[View]:
    """A table in a terminal, plain lines elsewhere and where they are wanted."""
    plain = PlainView(_texts_to(sys.stdout), _texts_to(sys.stderr), is_job=subject.kind == "job")
    if options.plain or options.log_format or not sys.stdout.isatty():
        yield plain
        return
    if find_spec("rich") is None:
        plain.notice(f"for a table that moves: {how_to_install('watch')}")
        yield plain
        return
    from rich.console import Console  # noqa: PLC0415 - an extra

    from gateway.terminal.table import TableView  # noqa: PLC0415 - needs it

    console = Console()
    if console.is_dumb_terminal:
        yield plain
        return
    with TableView(console) as table:
        yield table


def _texts_to(stream: TextIO) -> Callable[[str], object]:
    write = write_to(stream)
    return lambda text: write(text.encode())


def _worded(text: str, given: str) -> str:
    """A sentence for whoever gave an address in the place of the setting that it names."""
    if not given or UPSTREAM_URL not in text:
        return text
    return f"{text} ({UPSTREAM_URL} is {given} here, of the address that was given)"


def _advised(failure: Exception, credential: Mapping[str, str]) -> str:
    """A failure with what to do about it."""
    code = failure.code if isinstance(failure, Refused) else ""
    advice = ""
    if isinstance(failure, Unreachable):
        advice = "is the gateway running? Without --gateway one is started here"
    elif code in {"UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"}:
        advice = f"{TOKEN} needs a token of that GitLab that may read this (scope read_api)"
        if not credential:
            advice = f"no token was presented; {advice}"
        elif code == "NOT_FOUND":
            advice += "; where GitLab lives below a path, set GATEWAY_UPSTREAM_URL to its address"
    return f"{failure}; {advice}" if advice else str(failure)


class _Signals:
    """The signals to end, which cancel a task so that all is closed on the way out. Ctrl-C does so
    by itself.
    """

    def __init__(self) -> None:
        self.number = int(signal.SIGTERM)

    @contextmanager
    def cancelling(self, task: asyncio.Task[str] | None) -> Iterator[None]:
        """Have them cancel a task of the loop that runs, while the block does."""
        loop = asyncio.get_running_loop()

        def take(number: int, _: FrameType | None) -> None:
            self.number = number
            if task is not None:
                loop.call_soon_threadsafe(task.cancel)

        # Not by the loop's `add_signal_handler`: uvloop leaves behind what it has set, and no loop
        # restores what was set before.
        before = {
            number: signal.signal(number, take) for number in _TO_END if not _is_ignored(number)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _is_ignored(number: int) -> bool:
    """Is it to end nothing, as `nohup` says of SIGHUP?"""
    return signal.getsignal(number) is signal.SIG_IGN


_TO_END: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
