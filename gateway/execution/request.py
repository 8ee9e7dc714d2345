"""What the engine is given: a request, and the caller it is run for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.execution.response import ResponseKind
    from gateway.hooks import Origin
    from gateway.upstream.credential import Credential

__all__ = ["Caller", "Carrier", "GraphQLRequest"]


_NAMES: Final = {"operation_name": "operationName", "document_id": "documentId"}


class GraphQLRequest(msgspec.Struct, rename=_NAMES):
    """The parameters of a request, by whatever carrier (GraphQL over HTTP, 5 and appendix A)."""

    query: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None

    @property
    def names_document(self) -> bool:
        """Is there a document, or what may be the id of one?"""
        return self.query is not None or self.document_id is not None or bool(self.extensions)


@dataclass(frozen=True, slots=True)
class Carrier:
    """What carries operations to the gateway: one of a few constants, made where it is served.

    `name` and `method` are for records. A carrier that `is_read_only` may not carry mutations.
    `statuses` says by which status it tells a response of each kind; 0 for a kind that is not in
    it, as for all kinds where the carrier has no statuses.
    """

    name: str
    method: str = ""
    is_read_only: bool = False
    statuses: Mapping[ResponseKind, int] = field(default_factory=dict)


class Caller(msgspec.Struct, eq=False):
    """For whom operations are run: what carries them, with which credential, how long they may
    take.

    Whatever carries operations makes a caller for each request (for each message, where a
    connection carries many); the operations of a batch share one. When a caller leaves, its carrier
    sets `has_left` and cancels the task that runs the operation: that is all the engine has to
    know. When the gateway stops, it sets `is_cut_off` and cancels it the same way; the operation is
    answered then.

    `address` is where they call from, where that can be told, else empty; `origin` what hooks are
    told of it, where there is anything to tell.

    `arrived` is when the request began to arrive, by `perf_counter`. `deadline` is until when the
    upstream calls of an operation may take, a time of the running loop's clock. One who wants it
    all `fresh` is given nothing that was read for others before.
    """

    carrier: Carrier
    credential: Credential | None
    request_id: str
    arrived: float
    deadline: float
    fresh: bool = False
    has_left: bool = False
    is_cut_off: bool = False
    address: str = ""
    origin: Origin | None = None
    # Of a batch's operations together, as far as they are prepared.
    estimated_calls: int = 0
    estimated_nodes: int = 0
