"""Responses by gzip, for callers that accept it (RFC 9110, 12.5.3).

A response of 100 jobs shrinks to a fifth at level 1; higher levels take twice the time for a tenth
less. Below 2 kB nothing is won: it is one or two packets either way.
"""

from __future__ import annotations

import asyncio
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Final

__all__ = ["LEAST_BYTES", "Compressor"]

LEAST_BYTES: Final = 2_048
LEVEL: Final = 1
# About a millisecond; what is longer leaves the event loop's thread.
AT_ONCE_BYTES: Final = 65_536
THREADS: Final = 2
GZIP: Final = 31  # zlib's window size for the format of gzip


class Compressor:
    """Compresses bodies that are whole; `close` it in the end."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="gzip")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def takes(self, size_bytes: int, accept_encoding: bytes) -> bool:
        """Should a body of this size be compressed, for a caller that accepts these codings?"""
        gzip, identity = _qualities(accept_encoding)
        return gzip > 0 and (identity == 0 or (size_bytes >= LEAST_BYTES and gzip >= identity))

    async def compress(self, body: bytes) -> bytes:
        """The body as gzip; a long one does not hold the event loop."""
        if len(body) <= AT_ONCE_BYTES:
            return _compressed(body)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _compressed, body)


def _compressed(body: bytes) -> bytes:
    # Both let go of the interpreter's lock.
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    return compressor.compress(body) + compressor.flush()


@lru_cache(maxsize=256)
def _qualities(accept_encoding: bytes) -> tuple[float, float]:
    """Of gzip, and of no coding. What is not named has the quality of `*`; without one gzip is not
    taken, and no coding is, but only if nothing else may be.
    """
    qualities: dict[str, float] = {}
    for part in accept_encoding.decode("latin-1").lower().split(","):
        name, *parameters = (text.strip() for text in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    quality = min(max(float(value), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        qualities[name] = quality
    others = qualities.get("*")
    gzip = qualities.get("gzip", qualities.get("x-gzip", others or 0.0))
    identity = qualities.get("identity")
    if identity is None:
        identity = 0.0 if others == 0 else min(gzip, 0.001)
    return gzip, identity
