"""Cells that several workers share by a folder of files.

A worker counts in a file of its own, so what it has counted is there for others at once, and after
its end. It holds a lock on the file for as long as it lives, by which others tell. What one that
has ended has counted is added to a file for all of these, without the gauges: a counter must never
get less. Whoever starts the workers gives them a new, empty folder (`PROMETHEUS_MULTIPROC_DIR`).
"""

from __future__ import annotations

import fcntl
import mmap
import os
from typing import TYPE_CHECKING, Final

from gateway.telemetry.catalogue import METRICS
from gateway.telemetry.cells import Cells, merged, parse, used_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.telemetry.cells import Key, Sample

__all__ = ["WorkerCells", "read_workers"]

RETIRED: Final = "retired.cells"
LOCK: Final = "lock"


class WorkerCells(Cells):
    """The cells of this process, in a file of a folder."""

    def __init__(self, folder: Path) -> None:
        name = folder / f"{os.getpid()}-{os.urandom(4).hex()}.cells"
        unseen = name.with_suffix(".new")
        self._file = os.open(unseen, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        # Seen before it is held, it would be taken for one whose worker has ended.
        unseen.rename(name)
        super().__init__()

    def close(self) -> None:
        # Mapped, it is open still.
        fcntl.flock(self._file, fcntl.LOCK_UN)
        os.close(self._file)

    def _memory(self, size: int) -> mmap.mmap:
        os.ftruncate(self._file, size)
        return mmap.mmap(self._file, size)


def read_workers(folder: Path) -> tuple[Sample, list[int]]:
    """What all workers of a folder have counted, those that have ended too, and the process ids of
    those that run. May wait for the lock, and for the disk.
    """
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # One at a time, or what is retired would be counted twice.
        fcntl.flock(lock, fcntl.LOCK_EX)
        retired = folder / RETIRED
        old = _read_retired(retired) if retired.exists() else {}
        running, ended = [], []
        processes = []
        for path in sorted(folder.glob("*-*.cells")):
            if _is_held(path):
                running.append(parse(path.read_bytes()))
                processes.append(int(path.name.partition("-")[0]))
            else:
                ended.append(path)
        if ended:
            kept = [old, *(dict(_lasting(parse(path.read_bytes()))) for path in ended)]
            old = merged(kept)
            _write(retired, old, [path.name for path in ended])
            for path in ended:
                path.unlink()
        return merged([old, *running]), processes
    finally:
        os.close(lock)


def _is_held(path: Path) -> bool:
    """Does the worker live whose file it is?"""
    file = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(file)


def _lasting(sample: Sample) -> Iterator[tuple[Key, tuple[float, ...]]]:
    for key, numbers in sample.items():
        metric = METRICS.get(key[0])
        if metric is not None and metric.kind != "gauge":
            yield key, numbers


def _read_retired(path: Path) -> Sample:
    """What the file for all that have ended holds. Files that were added to it are removed, where
    whoever added them was killed before it could: they would be counted twice.
    """
    data = path.read_bytes()
    for name in data[used_of(data) :].decode().split():
        path.with_name(name).unlink(missing_ok=True)
    return parse(data)


def _write(path: Path, sample: Sample, added: list[str]) -> None:
    """Write a sample as a file, whole or not at all, and behind it which files were added last."""
    cells = Cells()
    for (name, labels), numbers in sample.items():
        at = cells.slot(METRICS[name], *labels)
        for place, number in enumerate(numbers, at):
            cells.values[place] = number
    written = path.with_suffix(".new")
    written.write_bytes(cells.content() + " ".join(added).encode())
    written.replace(path)
