"""`jobs-gateway documents check`: what trusted documents cost, and what is wrong with them; and
which of them a change of the schema breaks.

For builds: the limits are those that the environment sets (`GATEWAY_MAX_CALLS` and the like), and
the exit status tells whether a gateway of these settings would run all of them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.execution.changes import breaking_changes
from gateway.execution.checking import Bounds, check_documents
from gateway.execution.manifests import read_documents
from gateway.parts import documents_of
from gateway.settings import Settings

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["SENTENCE", "add_options", "run", "told_breaks"]

SENTENCE: Final = "Look at trusted documents before a gateway is given them."
CHECK: Final = (
    "Print what each operation costs at worst, its depth, the fields of its response and the"
    " deprecated fields that it uses; status 1 if one is wrong, or over the limits."
)


def add_options(parser: ArgumentParser) -> None:
    """The command's own commands."""
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help=CHECK, description=CHECK, allow_abbrev=False)
    check.add_argument(
        "path", type=Path, metavar="DIR", help="a folder of documents and manifests, or a manifest"
    )
    check.add_argument(
        "--strict", action="store_true", help="fail for deprecated fields and arguments as well"
    )


def run(options: Namespace) -> int:
    """Check as parsed arguments say; gives the exit status."""
    settings = Settings.read(os.environ)
    bounds = Bounds(
        settings.max_calls,
        settings.max_event_calls,
        settings.max_response_nodes,
        settings.max_list_rows,
    )
    lines, mistakes = check_documents(
        documents_of(settings), options.path, bounds, strict=options.strict
    )
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
    sys.stderr.write("".join(f"{mistake}\n" for mistake in mistakes))
    return 1 if mistakes else 0


def told_breaks(old: str, documents: Path | None) -> list[str]:
    """What breaks for clients of an old schema, a line for each change and for each trusted
    document that it hits. Raises `BadInput` and `BadDocuments`.
    """
    written = [] if documents is None else read_documents(documents)
    lines = []
    for sentence, hit in breaking_changes(old, written):
        lines.append(f"breaking: {sentence}")
        lines += [f"    hits {place}" for place in hit]
        if written and not hit:
            lines.append("    hits none of the trusted documents")
    return lines
