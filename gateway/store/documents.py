"""Persisted documents that gateways share: what a caller has sent to one is known to all of them.

{document …}:document    the text, sealed by the store's key, an hour from its last use
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.store.outcomes import StoreAway

if TYPE_CHECKING:
    from gateway.store.connection import Store
    from gateway.store.sealing import Sealing

__all__ = ["DocumentsInStore"]

LASTS_MS: Final = 3_600_000


class DocumentsInStore:
    """Documents by the SHA-256 of their text, in hexadecimal digits."""

    def __init__(self, store: Store, sealing: Sealing) -> None:
        self._store = store
        self._sealing = sealing

    async def find(self, digest: str) -> str | None:
        """The document, if it is there, and the store; it lasts for another while then."""
        key = self._key_of(digest)
        try:
            sealed = await self._store.run("GET", key)
        except StoreAway:
            return None
        plain = None if sealed is None else self._sealing.documents.open(sealed, key.encode())
        if plain is None:
            return None
        self._store.tell("PEXPIRE", key, LASTS_MS)
        return plain.decode()

    def keep(self, digest: str, text: str) -> None:
        """Keep a document; does not wait."""
        key = self._key_of(digest)
        sealed = self._sealing.documents.close(text.encode(), key.encode())
        self._store.tell("SET", key, sealed, "PX", LASTS_MS)

    def _key_of(self, digest: str) -> str:
        return self._store.key(self._sealing.digest("document", digest), "document")
