"""Free documents: those that are not among the trusted ones, where they are refused or reported."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from gateway.execution.manifests import digest_of
from gateway.execution.response import RequestError

if TYPE_CHECKING:
    from gateway.execution.operation import Operation

__all__ = ["FreeDocuments"]

_log: Final = logging.getLogger("gateway.documents")

CODE: Final = "DOCUMENT_NOT_TRUSTED"
REFUSED: Final = (
    "this gateway runs trusted documents only (GATEWAY_DOCUMENTS=only), and %s; ask for one of"
    " these by its documentId, or have yours added to them"
)
# Of how many it is remembered that they were reported.
REPORTED: Final = 10_000
# The digits of a hash that records tell.
DIGITS: Final = 16


class FreeDocuments:
    """What becomes of free documents: they are refused, or (`are_reported`) run, and a record tells
    of each of them once.
    """

    def __init__(self, *, are_reported: bool = False) -> None:
        self.are_reported = are_reported
        self._reported: set[int] = set()

    def refuse(self, named: str = "this document is none of them") -> None:
        """Raise `RequestError` where they are refused."""
        if not self.are_reported:
            raise RequestError(CODE, REFUSED % named)

    def report(self, text: str, operation: Operation) -> None:
        """Tell of a document that was run."""
        mark = hash(text)
        if mark in self._reported or len(self._reported) >= REPORTED:
            return
        self._reported.add(mark)
        _log.warning(
            "a document that is not trusted was run: %.100s, document %s, %s",
            f"{operation.type} {operation.name or '(unnamed)'}",
            digest_of(text)[:DIGITS],
            "which GATEWAY_DOCUMENTS=only would refuse",
        )
        if len(self._reported) == REPORTED:
            _log.warning("no more documents that are not trusted are reported: %d were", REPORTED)
