"""The numbers of all metrics of one process.

    magic  used  │ key length  cells  key (JSON, padded)  doubles       │ …

A number is a cell, changed in place: that costs a tenth of what a counter of the library does. The
same bytes may be a file's, for other workers to read (`workers`).
"""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.telemetry.catalogue import METRICS

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterable

    from gateway.telemetry.catalogue import Metric

__all__ = ["Cells", "Key", "Sample", "merged", "parse", "used_of"]

MAGIC: Final = b"jgcells1"
HEAD: Final = 16
FIRST_BYTES: Final = 64 * 1024

# A metric and its labels' values; and its numbers.
Key: TypeAlias = tuple[str, tuple[str, ...]]
Sample: TypeAlias = dict[Key, tuple[float, ...]]


class Cells:
    """The cells of this process, in memory."""

    def __init__(self) -> None:
        self._slots: dict[Key, int] = {}
        self._size = 0
        self._used = HEAD
        self.values: memoryview[float]
        """The numbers; another object after `slot`."""
        self._grow(FIRST_BYTES)
        self._bytes[:8] = MAGIC
        self._tell_used()

    def slot(self, metric: Metric, *labels: str) -> int:
        """Where the numbers of a metric with these labels begin in `values`; 0 at first."""
        key = (metric.name, labels)
        found = self._slots.get(key)
        if found is not None:
            return found
        told = json.dumps([metric.name, *labels], separators=(",", ":")).encode()
        told += b" " * (-len(told) % 8)
        begin = self._used + 8 + len(told)
        end = begin + 8 * metric.size
        if end > self._size:
            self._grow(max(2 * self._size, end))
        struct.pack_into("=II", self._bytes, self._used, len(told), metric.size)
        self._bytes[self._used + 8 : begin] = told
        self._used = end
        # Last, so that who reads meanwhile finds whole entries.
        self._tell_used()
        self._slots[key] = begin // 8
        return begin // 8

    def content(self) -> bytes:
        """All of it, as it is now."""
        return bytes(self._bytes[: self._used])

    def close(self) -> None:
        """Count no more."""

    def _memory(self, size: int) -> bytearray | mmap.mmap:
        """Memory of this size, with what there is in it."""
        memory = bytearray(size)
        if self._size:
            memory[: self._used] = self._bytes[: self._used]
        return memory

    def _grow(self, size: int) -> None:
        self._bytes = memoryview(self._memory(size))
        self._size = size
        self.values = self._bytes[: size // 8 * 8].cast("d")

    def _tell_used(self) -> None:
        struct.pack_into("=Q", self._bytes, 8, self._used)


def parse(data: bytes) -> Sample:
    """What a file holds; nothing where it is none."""
    found: Sample = {}
    if len(data) < HEAD or data[:8] != MAGIC:
        return found
    at, end = HEAD, min(used_of(data), len(data))
    while at < end:
        length, size = struct.unpack_from("=II", data, at)
        name, *labels = json.loads(data[at + 8 : at + 8 + length])
        at += 8 + length
        found[name, tuple(labels)] = struct.unpack_from(f"={size}d", data, at)
        at += 8 * size
    return found


def used_of(data: bytes) -> int:
    """How many bytes of a file hold numbers; what follows them is not read by `parse`."""
    (used,) = struct.unpack_from("=Q", data, 8)
    return int(used)


def merged(samples: Iterable[Sample]) -> Sample:
    """The samples of several workers as one."""
    total: Sample = {}
    for sample in samples:
        for key, numbers in sample.items():
            metric = METRICS.get(key[0])
            if metric is None or math.isnan(numbers[0]):
                continue
            before = total.get(key)
            if before is None:
                total[key] = numbers
            elif metric.merge == "sum":
                total[key] = tuple(a + b for a, b in zip(before, numbers, strict=True))
            else:
                total[key] = (min if metric.merge == "min" else max)(before, numbers)
    return total
