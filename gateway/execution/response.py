"""What the engine gives back: a response, or the reason why a request is not executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import msgspec

from gateway.execution.inputs import first_errors
from gateway.execution.masking import format_request_error

if TYPE_CHECKING:
    from graphql import GraphQLError

    from gateway.execution.documents import Operation
    from gateway.upstream.scope import Tally

__all__ = ["GraphQLResponse", "RequestError", "ResponseKind", "encode", "error_of"]


# What became of a request; a carrier tells each kind its own way. (An enum's members cost ten times
# a string's look-up in Python 3.11.)
#
#     executed     be it with errors
#     refused      it is well formed, and yet it cannot be executed
#     malformed    a parameter is missing, or is not what it must be
#     read only    it is a mutation, by a carrier of queries only
#     failed       it met a bug of ours
#     stopped      the gateway stopped before it was done; nothing came of it
ResponseKind: TypeAlias = Literal[
    "executed", "refused", "malformed", "read only", "failed", "stopped"
]


class GraphQLResponse(msgspec.Struct, eq=False):
    """A response (GraphQL specification, 7): its parts, and `body`, which is all of it as JSON.

    `data` is UNSET where execution never began. `operation` is None where the document was refused
    or holds no such operation. `tally` counts the upstream calls that were made for it.
    """

    kind: ResponseKind
    tally: Tally
    data: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    errors: list[dict[str, Any]] | None = None
    extensions: dict[str, Any] | None = None
    operation: Operation | None = None
    estimated_calls: int = 0
    body: bytes = b""

    def parts(self) -> dict[str, Any]:
        """The response as JSON writes it (GraphQL specification, 7.1: errors first)."""
        response: dict[str, Any] = {}
        if self.errors:
            response["errors"] = self.errors
        if self.data is not msgspec.UNSET:
            response["data"] = self.data
        if self.extensions is not None:
            response["extensions"] = self.extensions
        return response

    def encoded(self) -> Self:
        """The same, its body written at once."""
        self.body = encode(self.parts())
        return self

    @property
    def codes(self) -> tuple[str, ...]:
        """The distinct `extensions.code`s of the errors, in order."""
        if not self.errors:
            return ()
        return tuple({error["extensions"]["code"]: None for error in self.errors})


class RequestError(Exception):
    """Why a request is not executed (GraphQL specification, 7.1.2: request errors).

    What is wrong is one `message`, or the `errors` of the document, operation or variables.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        kind: ResponseKind = "refused",
        errors: list[GraphQLError] | None = None,
        operation: Operation | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.kind = kind
        self.errors = errors or []
        self.operation = operation

    def response(self, tally: Tally, request_id: str) -> GraphQLResponse:
        """The response that says so."""
        errors = [
            format_request_error(error, code=self.code) for error in first_errors(self.errors)
        ]
        if not errors:
            errors = [error_of(self.message, self.code, request_id)]
        response = GraphQLResponse(self.kind, tally, errors=errors, operation=self.operation)
        return response.encoded()


def error_of(message: str, code: str, request_id: str) -> dict[str, Any]:
    """An error of the whole response, as callers see it."""
    return {"message": message, "extensions": {"code": code, "requestId": request_id}}


encode = msgspec.json.Encoder().encode
