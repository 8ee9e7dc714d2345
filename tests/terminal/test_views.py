"""What a person sees: a table that fits its terminal, or lines."""

import io
import re

import pytest
from rich.console import Console

from gateway.terminal.plain import PlainView
from gateway.terminal.table import TableView
from tests.terminal.conftest import row, update


class Screen:
    """A terminal of so many columns and lines."""

    def __init__(self, width=80, height=16):
        self.file = io.StringIO()
        self.console = Console(file=self.file, force_terminal=True, width=width, height=height)
        self.view = TableView(self.console)

    def lines(self):
        """What stands there now."""
        frame = self.view._frame(self.console.height)
        text = Console(file=io.StringIO(), width=self.console.width, record=True)
        text.print(frame)
        return text.export_text().rstrip("\n").split("\n")


@pytest.fixture
def screen():
    return Screen()


def test_the_table_shows_stages_jobs_and_the_log_below(screen, progress):
    changed = progress.take_pipeline(
        update("failed", row(1, "lint", "success", "build"), row(2, "rspec", "failed"))
    )

    with screen.view as view:
        view.show(progress, changed)
        view.log(changed[1], "one\n\x1b[31mtwo\x1b[0m\n")

    assert [line.rstrip(" ─") for line in screen.lines()] == [
        "✗ failed  pipeline 6 · main · 01234567",
        "build  lint   ✓ success  1m 01s",
        "test   rspec  ✗ failed   1m 01s  script_failure",
        "log of rspec (2)",
        "one",
        "two",
    ]


def test_the_screen_is_given_back_and_the_last_state_stays(screen, progress):
    changed = progress.take_pipeline(update("running", row(1, "lint", "running")))

    def interrupted():
        with screen.view as view:
            view.show(progress, changed)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    written = screen.file.getvalue()
    left = written.rpartition("\x1b[?1049l")[2]
    assert written.startswith("\x1b[?1049h")
    assert "\x1b[?25h" in written.rpartition("\x1b[?25l")[2]
    assert "lint" in left


def test_a_pipeline_larger_than_the_screen_keeps_what_matters(progress):
    screen = Screen(height=12)
    rows = [row(number, f"job-{number}", "success") for number in range(1, 40)]
    rows[30] = row(31, "job-31", "failed")
    rows[35] = row(36, "job-36", "running")

    with screen.view as view:
        view.show(progress, progress.take_pipeline(update("running", *rows)))
        view.log(progress.items()[30], "".join(f"line {number}\n" for number in range(100)))

    lines = screen.lines()
    assert len(lines) <= 12
    assert any("job-31" in line for line in lines)
    assert any("job-36" in line for line in lines)
    assert any("… 34 success" in line for line in lines)
    assert lines[-1].strip() == "line 99"


def test_a_log_cannot_tell_the_terminal_what_to_do(screen, progress):
    [item] = progress.take_pipeline(update("running", row(1, "lint", "running")))

    with screen.view as view:
        view.show(progress, [item])
        before = len(screen.file.getvalue())
        view.log(item, "a\x1b]0;title\x07b\x1b[2J\x08c\n  1%\r100%\n[bold]no markup[/bold]\n")

    drawn = screen.file.getvalue()[before:].partition("\x1b[?1049l")[0]
    assert not re.search(r"\x1b\]0|\x1b\[2J|\x07|\x08", drawn)
    assert "100%" in drawn
    assert "  1%" not in drawn
    assert "[bold]no markup[/bold]" in drawn


def test_a_line_that_comes_in_pieces_is_one_line(screen, progress):
    [item] = progress.take_pipeline(update("running", row(1, "lint", "running")))

    with screen.view as view:
        view.show(progress, [item])
        for piece in ("wai", "ting\nnext", "\n"):
            view.log(item, piece)

    assert [line.rstrip() for line in screen.lines()[-2:]] == ["waiting", "next"]


class Lines:
    def __init__(self, *, is_job):
        self.out, self.err = [], []
        self.view = PlainView(self.out.append, self.err.append, is_job=is_job)


def test_lines_of_a_pipeline_are_written_once(progress):
    lines = Lines(is_job=False)
    event = update("running", row(1, "lint", "success", "build"), row(2, "rspec", "running"))

    lines.view.show(progress, progress.take_pipeline(event))
    lines.view.show(progress, progress.take_pipeline(event))
    failed = progress.take_pipeline(update("failed", row(2, "rspec", "failed")))
    lines.view.show(progress, failed)
    lines.view.log(failed[0], "one\n\x1b[2Jtwo\n")

    assert "".join(lines.out).splitlines() == [
        "build        lint (1): success, 1m 01s",
        "test         rspec (2): running",
        "pipeline 6 · main · 01234567: running",
        "test         rspec (2): failed, script_failure, 1m 01s",
        "pipeline 6 · main · 01234567: failed",
        "  rspec (2) | one",
        "  rspec (2) |  [2Jtwo",
    ]
    assert lines.err == []


def test_of_a_job_only_the_log_is_standard_output(progress):
    lines = Lines(is_job=True)

    lines.view.show(progress, progress.take_job(row(2, "rspec", "running")))
    lines.view.log(None, "one\ntw")
    lines.view.log(None, "o\n")
    for _ in range(2):
        lines.view.notice("the connection broke off; trying again")

    assert "".join(lines.out) == "one\ntwo\n"
    assert "".join(lines.err).splitlines() == [
        "test         rspec (2): running",
        "jobs-gateway: the connection broke off; trying again",
    ]
