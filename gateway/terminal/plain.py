"""The view without a terminal: lines that are written once.

A job's log goes to standard output as it is, byte for byte, and what becomes of the job to standard
error. Of a pipeline each change is a line of standard output, and the end of a failed job's log
comes below the line that says so.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gateway.terminal.progress import clean, lasting

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.terminal.progress import Item, Progress

__all__ = ["PlainView"]

EMPTY: Final = "its log is empty"


class PlainView:
    """Writes by `out` and `err`, which take whole texts."""

    follows = False
    """Whole logs of running jobs of a pipeline would run into one another."""

    def __init__(
        self, out: Callable[[str], object], err: Callable[[str], object], *, is_job: bool
    ) -> None:
        self._out, self._err = out, err
        self._say = err if is_job else out
        self._status = ""
        self._notice = ""

    def show(self, progress: Progress, changed: list[Item]) -> None:
        """Tell what has changed."""
        self._notice = ""
        for item in changed:
            lasted_s = item.lasted_s(datetime.now(UTC))
            words = [
                f"{item.stage:<12} {item.name} ({item.number}): {item.status}",
                item.note,
                "" if lasted_s is None or item.is_running else lasting(lasted_s),
                "allowed to fail" if item.status == "failed" and not item.is_failed else "",
            ]
            self._say(", ".join(word for word in words if word) + "\n")
        if self._say is self._out and progress.status != self._status:
            self._status = progress.status
            note = f", {progress.note}" if progress.note else ""
            self._say(f"{progress.title}: {progress.status}{note}\n")

    def log(self, item: Item | None, text: str) -> None:
        """Write a piece of a log. A pipeline's are set in, below the name of their job."""
        if item is None:
            self._out(text)
            return
        lines = text.removesuffix("\n").split("\n") if text else [f"({EMPTY})"]
        name = f"{item.name} ({item.number})"
        self._out("".join(f"  {name} | {clean(line)}\n" for line in lines))

    def notice(self, text: str) -> None:
        """Say what passes, once."""
        if text != self._notice:
            self._notice = text
            self._err(f"jobs-gateway: {clean(text)}\n")

    def tick(self) -> None:
        """Nothing moves by itself."""

    def finish(self) -> None:
        """Nothing is left to say."""
