"""Documents that are asked for by an id in the place of their text (GraphQL over HTTP, appendix A).

    {"documentId": "sha256:<hex>"}, {"documentId": "FailedJobs"}       one that is trusted
    {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "<hex>"}}}

The second form is Apollo's. It names those that are trusted as well, and documents that a caller
has sent beside their SHA-256 before (automatic persisted queries), to this gateway or to one that
shares them.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, Protocol

from gateway.execution.manifests import SHA256, digest_of
from gateway.execution.response import RequestError

if TYPE_CHECKING:
    from gateway.execution.free import FreeDocuments
    from gateway.execution.trusted import TrustedDocuments

__all__ = ["PersistedDocuments", "SharedDocuments", "UnknownDocument"]

NOT_FOUND: Final = "PERSISTED_QUERY_NOT_FOUND"


class SharedDocuments(Protocol):
    """Documents that several gateways have, by the SHA-256 of their text (hexadecimal)."""

    async def find(self, digest: str) -> str | None:
        """The document, if it is there; raises nothing, and does not wait for long."""

    def keep(self, digest: str, text: str) -> None:
        """Keep a document; does not wait."""


class UnknownDocument(RequestError):
    """No document here has this SHA-256; another gateway may know it."""

    def __init__(self, code: str, message: str, digest: str | None) -> None:
        super().__init__(code, message)
        self.digest = digest


class PersistedDocuments:
    """Those that are `trusted`, and documents by their hash: these bounded by count and by
    characters, least recently used out. `kept` of 0 keeps none. `free` is what becomes of those
    that are not trusted, where they are not just run; `shared` are those of other gateways, too.
    """

    def __init__(
        self,
        kept: int,
        *,
        kept_characters: int = 8_000_000,
        trusted: TrustedDocuments | None = None,
        free: FreeDocuments | None = None,
        shared: SharedDocuments | None = None,
    ) -> None:
        self.free = free
        self._shared = shared
        self._kept = kept
        self._kept_characters = kept_characters
        self._characters = 0
        self._documents: OrderedDict[str, str] = OrderedDict()
        self._trusted = trusted

    def __len__(self) -> int:
        return len(self._documents)

    def find(self, query: str | None, persisted: Any) -> str:
        """The document to run for `extensions.persistedQuery`.

        `query` is what the caller sent beside it, checked against the hash. Raises `RequestError`;
        Apollo's clients know the messages `PersistedQueryNotFound` and
        `PersistedQueryNotSupported` and send the document then.
        """
        told = _digest_of(persisted)
        # A manifest may have any ids, which its client sends as hashes.
        trusted = self._find_trusted(told) or self._find_trusted(told.lower())
        if trusted is not None and query in {None, trusted}:
            return trusted
        if not self._kept:
            raise self._unknown("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
        digest = told.lower()
        if query is not None:
            if digest_of(query) != digest:
                raise _malformed("provided sha does not match query")
            return query
        document = self._documents.get(digest)
        if document is None:
            raise self._unknown(NOT_FOUND, "PersistedQueryNotFound", digest)
        self._documents.move_to_end(digest)
        return document

    def find_by_id(self, query: str | None, document_id: str) -> str:
        """The document to run for `documentId`; raises `RequestError`.

        `query` is what the caller sent beside it: it must be that document, and is run where no
        document has the id.
        """
        document = self._find_trusted(document_id)
        digest = document_id[len(SHA256) :] if document_id.startswith(SHA256) else None
        if document is None and digest is not None:
            document = self._documents.get(digest)
        if query is None:
            if document is None:
                message = f"no document has the id {document_id!r:.100}; send its text as query"
                raise self._unknown(NOT_FOUND, message, digest)
            return document
        is_the_same = query == document
        if document is None:
            is_the_same = digest is None or digest == digest_of(query)
        if not is_the_same:
            raise _malformed("documentId names another document than query; send one of them")
        return query

    async def found_elsewhere(self, unknown: UnknownDocument) -> str:
        """The document that another gateway knows, which is valid then, and is known here from now
        on; raises the error for one that none does.
        """
        shared, digest = self._shared, unknown.digest
        text = None if shared is None or digest is None else await shared.find(digest)
        if text is None or digest_of(text) != digest:
            raise RequestError(unknown.code, unknown.message)
        # Others may have asked for it meanwhile.
        if digest not in self._documents:
            self._keep(digest, text)
        return text

    def keep(self, document: str) -> None:
        """Remember a document that turned out to be valid."""
        digest = digest_of(document)
        if digest in self._documents:
            return
        if self._shared is not None and self._kept:
            self._shared.keep(digest, document)
        self._keep(digest, document)

    def _keep(self, digest: str, document: str) -> None:
        self._documents[digest] = document
        self._characters += len(document)
        while len(self._documents) > self._kept or self._characters > self._kept_characters:
            _, dropped = self._documents.popitem(last=False)
            self._characters -= len(dropped)

    def _unknown(self, code: str, message: str, digest: str | None = None) -> RequestError:
        """The error for an id that no document has; raises another where its text is no use."""
        if self.free is not None:
            self.free.refuse("none of them has this id")
        if self._shared is None or digest is None or not self._kept:
            return RequestError(code, message)
        return UnknownDocument(code, message, digest)

    def _find_trusted(self, document_id: str) -> str | None:
        return None if self._trusted is None else self._trusted.find(document_id)


def _digest_of(persisted: Any) -> str:
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise _malformed("persistedQuery must be an object of version 1")
    digest = persisted.get("sha256Hash")
    if not isinstance(digest, str):
        raise _malformed("persistedQuery.sha256Hash must be a string")
    return digest


def _malformed(message: str) -> RequestError:
    return RequestError("BAD_REQUEST", message, kind="malformed")
