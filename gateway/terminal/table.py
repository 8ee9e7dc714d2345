"""The view in a terminal: a live table of stages and jobs, and a log below it.

It has the terminal's other screen to itself while it runs, so what was there before is there again
at the end, however that comes; the last state stays below it.
"""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.live import Live
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from gateway.terminal.progress import EXIT_STATUSES, clean, lasting

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.console import Console, RenderableType

    from gateway.terminal.progress import Item, Progress

__all__ = ["TableView"]

LOOKS: Final = {
    "success": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "running": ("●", "blue"),
    "canceling": ("●", "yellow"),
    "canceled": ("⊘", "dim"),
    "skipped": ("»", "dim"),
    "manual": ("▶", "magenta"),
    "scheduled": ("◷", "magenta"),
}
WAITING: Final = ("○", "dim")
ALLOWED: Final = ("!", "yellow")
LOG_LINES: Final = 400
# Of the lines of a screen, what the table leaves to the log at least.
LOG_SHARE: Final = 0.4
# Lines that the last state leaves to what comes after it: a message, the shell's next prompt.
BELOW: Final = 4
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")


class TableView:
    """Draws on a console, while it is entered."""

    follows = True

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._progress: Progress | None = None
        self._shown: Item | None = None
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._notice = ""

    def __enter__(self) -> Self:
        self._live.__enter__()
        self.tick()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)
        if self._progress is not None:
            self._console.print(self._frame(self._console.height - BELOW))

    def show(self, progress: Progress, changed: list[Item]) -> None:
        """Draw how all of it is now."""
        self._progress, self._notice = progress, ""
        if self._shown is not None:
            self._shown = next((one for one in changed if one.id == self._shown.id), self._shown)
        self.tick()

    def log(self, item: Item | None, text: str) -> None:
        """Put a piece of a log below; another job's log takes the place of the one before."""
        if item is not None and (self._shown is None or item.id != self._shown.id):
            self._shown = item
            self._lines.clear()
        if text:
            # A piece that is the end of a line only happens where one has stood still.
            lines = text.split("\n")
            if self._lines:
                lines[0] = self._lines.pop() + lines[0]
            self._lines.extend(lines)
        self.tick()

    def notice(self, text: str) -> None:
        """Show what passes, until something changes."""
        self._notice = clean(text)
        self.tick()

    def tick(self) -> None:
        """Draw anew: times go on."""
        self._live.update(self._frame(self._console.height), refresh=True)

    def finish(self) -> None:
        """Nothing is left to draw."""

    def _frame(self, height: int) -> RenderableType:
        progress = self._progress
        if progress is None:
            return Text(self._notice or "connecting …", style="dim")
        head: list[RenderableType] = [self._head(progress)]
        head.extend(
            Text(note, style="yellow", no_wrap=True, overflow="ellipsis")
            for note in (progress.note, self._notice)
            if note
        )
        items = progress.items()
        # The line above the log takes one.
        room = height - len(head) - 1
        most = max(1, room - int(height * LOG_SHARE))
        table, rows = _table(items, most)
        log = self._log(room - rows)
        return Group(*head, table, Rule(Text(self._log_title()), style="dim", align="left"), log)

    def _head(self, progress: Progress) -> Text:
        lasted_s = progress.lasted_s(datetime.now(UTC))
        mark, style = LOOKS.get(progress.status, WAITING)
        text = Text.assemble(
            (f"{mark} {progress.status}", style),
            f"  {progress.title}",
            "" if lasted_s is None else f"  {lasting(lasted_s)}",
            no_wrap=True,
            overflow="ellipsis",
        )
        if progress.status not in EXIT_STATUSES:
            text.append("  Ctrl-C leaves", style="dim")
        return text

    def _log_title(self) -> str:
        if self._shown is None:
            return "log"
        return f"log of {self._shown.name} ({self._shown.number})"

    def _log(self, height: int) -> Text:
        """As many of the last lines as there is room for; a long line is cut."""
        lines = list(self._lines)
        if lines and not lines[-1]:
            lines.pop()
        shown = lines[-height:] if height > 0 else []
        text = Text("\n", no_wrap=True, overflow="ellipsis").join(map(_coloured, shown))
        text.no_wrap, text.overflow = True, "ellipsis"
        return text


def _table(items: list[Item], most: int) -> tuple[Table, int]:
    """The table in so many rows at most, and how many it has."""
    table = Table(box=None, show_header=False, pad_edge=False, expand=True)
    for name in ("stage", "job", "status", "time", "note"):
        table.add_column(
            name, no_wrap=True, overflow="ellipsis", ratio=1 if name == "note" else None
        )
    shown, left_out = _chosen(items, most)
    now, stage = datetime.now(UTC), None
    for item in shown:
        mark, style = LOOKS.get(item.status, WAITING)
        if item.status == "failed" and not item.is_failed:
            mark, style = ALLOWED
        lasted_s = item.lasted_s(now)
        table.add_row(
            Text("" if item.stage == stage else item.stage, style="bold"),
            Text(item.name),
            Text(f"{mark} {item.status}", style=style),
            Text("" if lasted_s is None else lasting(lasted_s), style="dim"),
            Text(item.note, style="dim"),
        )
        stage = item.stage
    if left_out:
        table.add_row("", Text(f"… {_counted(left_out)}", style="dim"))
    return table, len(shown) + (1 if left_out else 0)


def _chosen(items: list[Item], most: int) -> tuple[list[Item], list[Item]]:
    """What there is room for: first what failed and what runs, last what went well."""
    if len(items) <= most:
        return items, []
    weight = {"failed": 0, "running": 1, "canceling": 1, "success": 4, "skipped": 4}
    ranked = sorted(items, key=lambda item: weight.get(item.status, 2))
    kept = {item.id for item in ranked[: max(1, most - 1)]}
    return (
        [item for item in items if item.id in kept],
        [item for item in items if item.id not in kept],
    )


def _counted(items: list[Item]) -> str:
    """`3 success, 1 created`."""
    counts: dict[str, int] = {}
    for item in items:
        counts[item.status] = counts.get(item.status, 0) + 1
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def _coloured(line: str) -> Text:
    """A line with its colours; whatever else a log tells a terminal to do is left out."""
    # A line that was written over, as progress bars are: its last state.
    line = line.rstrip("\r").rpartition("\r")[2]
    parts = re.split(f"({_COLOURS.pattern})", line.expandtabs(8))
    kept = (part if _COLOURS.fullmatch(part) else clean(part) for part in parts)
    return Text.from_ansi("".join(kept))
