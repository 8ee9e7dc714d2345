"""Compressed bodies, unpacked piece by piece so that no body can fill the memory at once."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from gateway.upstream.wire import ConnectionBroken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.upstream.wire import Body

__all__ = ["Unpacker"]

PIECE_BYTES: Final = 256 * 1024
# zlib's word for "a gzip header and trailer around it".
GZIP: Final = 31


class Unpacker:
    """Unpacks a body in gzip, the one encoding that the wire asks for."""

    def __init__(self, encoding: bytes) -> None:
        if encoding not in (b"gzip", b"x-gzip"):
            raise ConnectionBroken("the upstream's answer is packed in a way not asked for")
        self._member = zlib.decompressobj(GZIP)
        # A body of no bytes is labelled as packed as well by some servers.
        self._is_empty = True

    def pieces(self, packed: Body) -> Iterator[bytes]:
        """What these bytes unpack to, in pieces of `PIECE_BYTES` at most."""
        self._is_empty = self._is_empty and not packed
        while True:
            try:
                piece = self._member.decompress(packed, PIECE_BYTES)
            except zlib.error:
                raise ConnectionBroken("the upstream's answer cannot be unpacked") from None
            if piece:
                yield piece
            packed = self._member.unconsumed_tail
            if self._member.eof and self._member.unused_data:
                # Members may follow one another (RFC 1952, 2.2).
                packed = self._member.unused_data
                self._member = zlib.decompressobj(GZIP)
            elif len(piece) < PIECE_BYTES:
                return

    def end(self) -> None:
        """Raise `ConnectionBroken` unless the body ended where a member did."""
        if not (self._member.eof or self._is_empty):
            raise ConnectionBroken("the upstream's answer was cut off")
