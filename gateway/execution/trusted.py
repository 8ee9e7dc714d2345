"""Trusted documents: those that a client's build wrote down, made when the gateway starts.

    folder or manifest ── manifests ──► written ── documents ──► made ──► trusted, all at once

They are asked for by their ids, or by their text. Reading them anew changes nothing until all are
made: what is wrong with one leaves those that are trusted as they are.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from graphql import GraphQLError

from gateway.execution.manifests import SHA256, BadDocuments, digest_of, read_documents
from gateway.execution.worst import fullest_choice
from gateway.settings import SettingsError, variable_of
from gateway.shares import Shares
from gateway.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from gateway.execution.document import Document
    from gateway.execution.documents import Documents
    from gateway.execution.manifests import Written

__all__ = ["TrustedDocuments", "made"]

_log: Final = logging.getLogger("gateway.documents")

# How long reading them anew may take, beside what callers ask.
RELOADED_WITHIN_S: Final = 600.0
NOT_READ: Final = "the trusted documents were not read anew, those from before stay"
# As a record tells mistakes.
TOLD: Final = 20


class TrustedDocuments:
    """The trusted documents of a folder or manifest (`path`), kept among `documents`. Without a
    path there are none.
    """

    def __init__(self, documents: Documents, path: Path | None = None) -> None:
        self.path = path
        self._documents = documents
        self._texts: Mapping[str, str] = {}
        # One at a time: a later one may find other files.
        self._reloading = asyncio.Lock()

    def __len__(self) -> int:
        """How many documents there are."""
        return len(set(self._texts.values()))

    def find(self, document_id: str) -> str | None:
        """The text of the document with this id: as its manifest has it, or by its hash,
        `sha256:<64 hexadecimal digits>` or the digits alone.
        """
        return self._texts.get(document_id)

    async def load(self) -> None:
        """Read and make them; raises `SettingsError`. What takes long leaves turns to others."""
        if self.path is None:
            return
        try:
            written = await asyncio.to_thread(read_documents, self.path)
            self._trust(written, *await Turns().run(made(self._documents, written)))
        except BadDocuments as bad:
            name = variable_of("trusted_documents")
            raise SettingsError([f"{name}: {mistake}" for mistake in bad.mistakes]) from None

    async def reload(self) -> bool:
        """Read them anew, and trust those instead; with a mistake among them those from before stay
        trusted, and a record tells of it. Takes half of the CPU at most.
        """
        async with self._reloading:
            if self.path is None:
                _log.warning("there are no trusted documents to read anew")
                return False
            try:
                await self._read_anew(self.path)
            except BadDocuments as bad:
                _log.error("%s: %s", NOT_READ, _told(bad.mistakes))
                return False
            except Exception:  # noqa: BLE001 - the edge of a reload: recorded, and nothing changes
                _log.exception("%s", NOT_READ)
                return False
            _log.info("the trusted documents were read anew: there are %d", len(self))
            return True

    async def _read_anew(self, path: Path) -> None:
        written = await asyncio.to_thread(read_documents, path)
        until = asyncio.get_running_loop().time() + RELOADED_WITHIN_S
        self._trust(written, *await Shares().run(self, made(self._documents, written), until))

    def _trust(
        self, written: list[Written], documents: Mapping[str, Document], mistakes: list[str]
    ) -> None:
        if mistakes:
            raise BadDocuments(mistakes)
        self._texts = _ids(written)
        self._documents.trust(documents)


def made(
    documents: Documents, written: list[Written]
) -> Generator[None, None, tuple[dict[str, Document], list[str]]]:
    """The documents by their texts, with a plan of each operation that selects most; and all that
    is wrong with them, each with its place.
    """
    found: dict[str, Document] = {}
    mistakes: list[str] = []
    _ids(written, mistakes)
    for one in written:
        if one.text not in found:
            document = yield from documents.making_trusted(one.text, one.id)
            mistakes += [_mistake(one, error) for error in document.errors]
            if not document.errors:
                mistakes += yield from _planned(one, document)
            found[one.text] = document
        yield
    return found, mistakes


def _planned(one: Written, document: Document) -> Generator[None, None, list[str]]:
    """Make the plans; gives what is wrong."""
    try:
        for operation in document.operations:
            choice = fullest_choice(operation)
            if operation.find_plan(choice) is None:
                yield from operation.planning(choice)
    except GraphQLError as error:
        return [_mistake(one, error)]
    if not document.operations:
        return [f"{one.place()}: the document has no operation"]
    return []


def _ids(written: list[Written], mistakes: list[str] | None = None) -> dict[str, str]:
    """The texts by all their ids. A hash that is another document's id is a mistake."""
    texts = {one.id: one.text for one in written}
    for one in written:
        digest = digest_of(one.text)
        for id_ in (SHA256 + digest, digest):
            if texts.setdefault(id_, one.text) != one.text and mistakes is not None:
                mistakes.append(f"{one.place()}: its hash {id_} is the id of another document")
    return texts


def _mistake(one: Written, error: GraphQLError) -> str:
    location = error.locations[0] if error.locations else None
    place = one.place(location.line, location.column) if location else one.place()
    return f"{place}: {error.message}"


def _told(mistakes: list[str]) -> str:
    more = f"; and {len(mistakes) - TOLD} more" if len(mistakes) > TOLD else ""
    return "; ".join(mistakes[:TOLD]) + more
