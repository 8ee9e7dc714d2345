"""The process's memory, set up for pages of jobs that come and go."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress
from typing import Final

__all__ = ["settle_in"]

# Of mallopt(3).
M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3


def settle_in() -> None:
    """Call it once, when all that lives as long as the process has been made."""
    _spare_the_collector()
    _keep_what_is_freed()


def _spare_the_collector() -> None:
    """Keep the cyclic collector from looking through what lives as long as the process.

    A page of jobs is hundreds of objects that reference counts free. With the default threshold
    each page starts a collection, and every so often one of the whole heap.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _keep_what_is_freed() -> None:
    """Let the C library keep up to 16 MiB at the top of its heap, where it is glibc.

    It would give the 300 KB of each answer back to the system and ask for them anew for the next
    one, which costs a page fault and a zeroed page every 4 KiB.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, 16 << 20)
        mallopt(M_MMAP_THRESHOLD, 4 << 20)
