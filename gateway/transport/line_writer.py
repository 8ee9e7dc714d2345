"""Lines written to a stream that may stall, by a thread of their own.

Whoever reads standard error may stop reading, or go away. Writing then blocks, or fails, and must
cost the gateway nothing but lines: they wait in a bounded queue, what finds no room is dropped, and
as soon as there is room again the number of dropped lines is told.
"""

from __future__ import annotations

import os
import select
import sys
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

__all__ = ["LineWriter", "standard_streams", "write_to"]

QUEUE_BYTES: Final = 4_000_000
RETRY_S: Final = 1.0


class LineWriter:
    """Writes lines with `write`, which may block and may raise `OSError`; never blocks itself.

    `tell_dropped` makes the line that says how many lines are lacking where it stands. At most
    `queue_bytes` wait to be written.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        tell_dropped: Callable[[int], bytes],
        *,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        self._write = write
        self._tell_dropped = tell_dropped
        self._queue_bytes = queue_bytes
        # Lines, and how many records each stands for.
        self._queue: deque[tuple[bytes, int]] = deque()
        self._waiting_bytes = 0
        self._dropped = 0
        self._changed = Condition()
        self._thread: Thread | None = None

    def write(self, lines: bytes) -> None:
        """Have whole lines written, or drop them; from any thread."""
        with self._changed:
            has_room = self._waiting_bytes + len(lines) <= self._queue_bytes
            # What is said while the interpreter ends, such as by what it clears away, is lost: no
            # thread runs any more, and to start one would wait for ever.
            if not has_room or sys.is_finalizing():
                self._dropped += lines.count(b"\n")
                return
            if self._thread is None:
                # A daemon: a process that has ended must not wait for its reader.
                self._thread = Thread(target=self._run, name="records", daemon=True)
                self._thread.start()
            self._tell_of_dropped()
            self._append(lines, lines.count(b"\n"))
            self._changed.notify_all()

    def drain(self, timeout_s: float) -> bool:
        """Wait until all is written, so long at most; tells whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting_bytes, timeout_s)

    def _tell_of_dropped(self) -> None:
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._append(self._tell_dropped(dropped), dropped)

    def _append(self, lines: bytes, stands_for: int) -> None:
        self._queue.append((lines, stands_for))
        self._waiting_bytes += len(lines)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue)
                lines, stands_for = self._queue.popleft()
            is_written = self._is_written(lines)
            with self._changed:
                self._waiting_bytes -= len(lines)
                if not is_written:
                    self._dropped += stands_for
                elif not self._queue:
                    self._tell_of_dropped()
                self._changed.notify_all()

    def _is_written(self, lines: bytes) -> bool:
        try:
            self._write(lines)
        except (OSError, ValueError):  # nobody reads any more; the stream was closed
            return False
        return True


def write_to(stream: TextIO | None, lock: int | None = None) -> Callable[[bytes], object]:
    """What writes bytes to a stream of this process, wholly, though it be non-blocking. Processes
    that write to the same one don't mix their lines where they have the same file as `lock`.

    None, which Python has for a stream that was closed at the start, takes all and keeps nothing.
    """
    if stream is None:
        return lambda _: None
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        # No file: what tests and notebooks put in the place of a stream.
        return lambda lines: (stream.write(lines.decode(errors="replace")), stream.flush())

    def write(lines: bytes) -> None:
        rest = memoryview(lines)
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:
                with suppress(InterruptedError):
                    select.select([], [descriptor], [], RETRY_S)

    if lock is None:
        return write
    import fcntl  # noqa: PLC0415 - not there on Windows, where no workers are

    def write_in_turn(lines: bytes) -> None:
        # The system takes it back from a process that is killed.
        fcntl.lockf(lock, fcntl.LOCK_EX)
        try:
            for piece in _pieces(lines):
                write(piece)
        finally:
            fcntl.lockf(lock, fcntl.LOCK_UN)

    return write_in_turn


def _pieces(lines: bytes) -> Iterator[bytes]:
    """Whole lines, as many as a pipe takes wholly or not at all; or one that is longer. A process
    that ends while nobody reads then leaves no half of a line to the others.
    """
    begin = 0
    while begin < len(lines):
        end = min(begin + select.PIPE_BUF, len(lines))
        end = lines.rfind(b"\n", begin, end) + 1 or lines.find(b"\n", end) + 1 or len(lines)
        yield lines[begin:end]
        begin = end


@contextmanager
def standard_streams() -> Iterator[None]:
    """For commands that print: nothing breaks where a standard stream was closed at the start, and
    one whose reader has left raises `BrokenPipeError` here, once, not when the process ends.
    """
    nowhere = None
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = nowhere or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - stays
            setattr(sys, name, nowhere)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
