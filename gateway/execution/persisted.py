"""Automatic persisted queries (Apollo): a caller sends a document's SHA-256, and the document
itself only where the gateway does not know it.

    {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "<hex>"}}}
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import Any

from gateway.execution.response import RequestError

__all__ = ["PersistedDocuments"]


class PersistedDocuments:
    """Documents by their hash, bounded by count and by characters, least recently used out."""

    def __init__(self, kept: int, *, kept_characters: int = 8_000_000) -> None:
        self._kept = kept
        self._kept_characters = kept_characters
        self._characters = 0
        self._documents: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._documents)

    def find(self, query: str | None, persisted: Any) -> str:
        """The document to run for `extensions.persistedQuery`.

        `query` is what the caller sent beside it, checked against the hash. Raises `RequestError`;
        Apollo's clients know the messages `PersistedQueryNotFound` and
        `PersistedQueryNotSupported` and send the document then.
        """
        if not self._kept:
            raise RequestError("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
        digest = _digest_of(persisted)
        if query is not None:
            if sha256(query.encode()).hexdigest() != digest:
                raise _malformed("provided sha does not match query")
            return query
        document = self._documents.get(digest)
        if document is None:
            raise RequestError("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
        self._documents.move_to_end(digest)
        return document

    def keep(self, document: str) -> None:
        """Remember a document that turned out to be valid."""
        digest = sha256(document.encode()).hexdigest()
        if digest in self._documents:
            return
        self._documents[digest] = document
        self._characters += len(document)
        while len(self._documents) > self._kept or self._characters > self._kept_characters:
            _, dropped = self._documents.popitem(last=False)
            self._characters -= len(dropped)


def _digest_of(persisted: Any) -> str:
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise _malformed("persistedQuery must be an object of version 1")
    digest = persisted.get("sha256Hash")
    if not isinstance(digest, str):
        raise _malformed("persistedQuery.sha256Hash must be a string")
    return digest.lower()


def _malformed(message: str) -> RequestError:
    return RequestError("BAD_REQUEST", message, kind="malformed")
