"""What a job writes: a runner's log with colours, sections, progress lines and other alphabets.

A log is made from the job's row whenever it is read, and is not stored. A running job shows as many
lines as its time has reached, so each reading begins with the one before. Only a log that was given
by hand is stored.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gateway.sandbox.world.clock import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.sandbox.world.rows import JobRow
    from gateway.sandbox.world.store import Store

__all__ = ["has_log", "log_size", "log_so_far", "size_of"]

_RESET = "\x1b[0;m"
_CLEAR = "\x1b[0K"
# From the start of a job to that of its script.
_SETUP_S = 2
_REMARKS = (
    "\x1b[32m.\x1b[0m\x1b[32m.\x1b[0m\x1b[31mF\x1b[0m\x1b[32m.\x1b[0m",
    "Überprüfung abgeschlossen, keine Auffälligkeiten ✓",
    "検証しています… 完了 🎉",
    "warning: \x1b[33;1mdeprecated\x1b[0;m call, see https://example.com/a?b=1&c=<2>",
    "\x1b[36mdebug\x1b[0m cache key \x1b[1mruby-3.3-linux\x1b[0m hit",
    "Downloading  12%\rDownloading  57%\rDownloading 100%",
)


def has_log(store: Store, job: JobRow) -> bool:
    """Whether the job has written anything, or was given a log."""
    writes = job.log_lines > 0 and job.started_at is not None
    return writes or store.log(job.id) is not None


def log_so_far(store: Store, job: JobRow, now: float) -> bytes:
    """What the job has written by `now` (epoch seconds); empty if it has no log."""
    stored = store.log(job.id)
    if stored is not None:
        return stored
    if job.started_at is None or not job.log_lines:
        return b""
    path = store.path_of(job.project_id)
    started = seconds(job.started_at)
    if job.status in {"running", "canceling"}:
        part = (now - started) / max(job.planned_s, 1.0)
        return _begun(job.name, path, job.sha, int(started), job.log_lines, part=part)
    ended = started if job.finished_at is None else seconds(job.finished_at)
    return _whole(job.name, path, job.sha, int(started), job.log_lines, int(ended), job.status)


def log_size(store: Store, job: JobRow) -> int | None:
    """Bytes of the log of a job that is over; None if it has none."""
    if not has_log(store, job):
        return None
    if (stored := store.log(job.id)) is not None:
        return len(stored)
    return size_of(job.name, store.path_of(job.project_id), job.log_lines, job.status)


@lru_cache(maxsize=4096)
def size_of(name: str, project: str, lines: int, outcome: str) -> int:
    """Size in bytes of the whole log; shas and times have one length, so they don't matter."""
    at = 1_793_491_200
    return len(_whole(name, project, "0" * 40, at, lines, at, outcome))


def _whole(
    name: str, project: str, sha: str, started: int, lines: int, ended: int, outcome: str
) -> bytes:
    """The whole log of a finished job; times in epoch seconds, as its section marks have them."""
    body = b"".join(_lines(name, project, sha, started, lines))
    return body + _ending(max(ended, started + _SETUP_S), outcome)


def _begun(name: str, project: str, sha: str, started: int, lines: int, *, part: float) -> bytes:
    """The log of a job that has done this part (0 to 1) of its work: whole lines, no ending yet."""
    shown = int(lines * min(max(part, 0.0), 1.0))
    return b"".join(
        line
        for _, line in zip(range(shown), _lines(name, project, sha, started, lines), strict=False)
    )


def _lines(name: str, project: str, sha: str, started: int, lines: int) -> Iterator[bytes]:
    head = (
        f"{_CLEAR}Running with gitlab-runner 18.9.0 (d4c7f28e){_RESET}\n",
        f"{_CLEAR}  on sandbox-runner-1 t1_sXq8z3, system ID: s_0f1e2d3c4b5a{_RESET}\n",
        _begin("prepare_executor", started, 'Preparing the "docker" executor'),
        "Using Docker image ruby:3.3 ...\n" + _end("prepare_executor", started + 1),
        _begin("get_sources", started + 1, "Getting source from Git repository"),
        f"\x1b[32;1mChecking out {sha[:8]} as detached HEAD of {project}...{_RESET}\n"
        + _end("get_sources", started + _SETUP_S),
        _begin("step_script[collapsed=true]", started + _SETUP_S, 'Executing "step_script" stage'),
        f"\x1b[32;1m$ ci/{name}{_RESET}\n",
    )
    yield from (text.encode() for text in head[:lines])
    for number in range(len(head), lines):
        remark = _REMARKS[number // 4 % len(_REMARKS)] if number % 4 == 0 else f"ok {name} example"
        yield f"{number:>6}  {remark}\n".encode()


def _begin(section: str, at: int, title: str) -> str:
    return f"section_start:{at}:{section}\r{_CLEAR}\x1b[36;1m{title}{_RESET}\n"


def _end(section: str, at: int) -> str:
    return f"section_end:{at}:{section}\r{_CLEAR}"


def _ending(ended: int, outcome: str) -> bytes:
    match outcome:
        case "success":
            text = f"{_CLEAR}\x1b[32;1mJob succeeded{_RESET}\n"
        case "canceled":
            text = f"{_CLEAR}\x1b[31;1mERROR: Job failed: canceled{_RESET}\n"
        case _:
            text = f"{_CLEAR}\x1b[31;1mERROR: Job failed: exit code 1{_RESET}\n"
    cleanup = "Cleaning up project directory and file based variables"
    return (
        _end("step_script", ended)
        + _begin("cleanup_file_variables", ended, cleanup)
        + _end("cleanup_file_variables", ended + 1)
        + text
    ).encode()
