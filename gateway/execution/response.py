"""What the engine gives back: the response to what was executed, or to what could not be."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias, get_args

import msgspec

from gateway.errors import OutcomeUnknown, ResponseTooLarge, UpstreamUnavailable
from gateway.execution.inputs import first_errors
from gateway.execution.largest import place_of
from gateway.execution.masking import format_error, format_request_error, told_to_another
from gateway.frames import without_frames

if TYPE_CHECKING:
    from graphql import ExecutionResult, GraphQLError

    from gateway.execution.operation import Operation, Prepared
    from gateway.upstream.scope import CallScope, Tally

__all__ = [
    "CUT_OFF",
    "INTERNAL_ERROR",
    "RESPONSE_KINDS",
    "GraphQLResponse",
    "RequestError",
    "ResponseKind",
    "cut_off",
    "encode",
    "error_of",
    "executed",
    "failed",
    "too_large",
]


CUT_OFF: Final = "the gateway stopped before the upstream had answered; send the operation again"
WRITE_CUT_OFF: Final = (
    "the gateway stopped before the upstream had answered a write: it may have happened; look"
    " before you send it again"
)

INTERNAL_ERROR: Final = "internal error; the gateway's records hold it under this request id"

_log: Final = logging.getLogger("gateway.execution")

# What became of a request; a carrier tells each kind its own way. (An enum's members cost ten times
# a string's look-up in Python 3.11.)
#
#     executed     be it with errors
#     refused      it is well formed, and yet it cannot be executed
#     malformed    a parameter is missing, or is not what it must be
#     read only    it is a mutation, by a carrier of queries only
#     failed       it met a bug of ours
#     stopped      the gateway stopped before it was done; nothing came of it
#     busy         the caller has as many operations running as they may
ResponseKind: TypeAlias = Literal[
    "executed", "refused", "malformed", "read only", "failed", "stopped", "busy"
]
RESPONSE_KINDS: Final[tuple[ResponseKind, ...]] = get_args(ResponseKind)


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
    # The last of a subscription: the upstream takes the credential no more.
    is_revoked: bool = False
    # Executed together with an equal operation that had begun before.
    is_joined: bool = False

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

    def for_another(self, tally: Tally, request_id: str) -> GraphQLResponse:
        """The response to an equal operation that was executed together with this one: the same
        bytes, but for what they tell of its request, and of its cost.
        """
        errors, extensions, body = self.errors, self.extensions, self.body
        if errors:
            errors = [told_to_another(error, request_id) for error in errors]
            rest = body[len(encode({"errors": self.errors})) - 1 :]
            body = encode({"errors": errors})[:-1] + rest
        if extensions:
            extensions = {"cost": _cost_of(self.estimated_calls, tally)}
            before = body[: -len(encode({"extensions": self.extensions}))]
            body = before + b"," + encode({"extensions": extensions})[1:]
        return GraphQLResponse(
            self.kind,
            tally,
            self.data,
            errors,
            extensions,
            self.operation,
            self.estimated_calls,
            body,
            is_joined=True,
        )

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
        if self.operation is not None:
            self.operation.locate(self.errors)
        errors = [
            format_request_error(error, code=self.code) for error in first_errors(self.errors)
        ]
        if not errors:
            errors = [error_of(self.message, self.code, request_id)]
        response = GraphQLResponse(self.kind, tally, errors=errors, operation=self.operation)
        return response.encoded()


def executed(
    result: ExecutionResult, prepared: Prepared, scope: CallScope, *, tells_cost: bool
) -> GraphQLResponse:
    """The response to what was executed; raises `ResponseTooLarge` where that ended it."""
    errors = extensions = None
    if result.errors:
        prepared.operation.locate(result.errors)
        errors = [format_error(error, scope.request_id) for error in result.errors]
        for error in result.errors:
            # Their frames hold the execution, which holds them: entities, pages and all.
            without_frames(error)
            if isinstance(error.original_error, ResponseTooLarge):
                raise ResponseTooLarge.by_logs(scope.max_bytes, place_of(error.path or ()))
    if tells_cost:
        extensions = {"cost": _cost_of(prepared.estimate.calls, scope.tally)}
    return GraphQLResponse(
        "executed",
        scope.tally,
        data=result.data,
        errors=errors,
        extensions=extensions,
        operation=prepared.operation,
        estimated_calls=prepared.estimate.calls,
    )


def too_large(
    error: ResponseTooLarge, prepared: Prepared | None, tally: Tally, request_id: str
) -> GraphQLResponse:
    """The response in the place of one that is larger than allowed."""
    told = error_of(error.message, error.code, request_id)
    return _ended_by(told, "executed", prepared, tally)


def failed(tally: Tally, request_id: str) -> GraphQLResponse:
    """The response of an operation that met a bug, which is recorded."""
    _log.exception("request %s failed unexpectedly", request_id)
    error = error_of(INTERNAL_ERROR, "INTERNAL_SERVER_ERROR", request_id)
    return GraphQLResponse("failed", tally, errors=[error]).encoded()


def cut_off(prepared: Prepared | None, tally: Tally, request_id: str) -> GraphQLResponse:
    """The response of an operation that the gateway does not wait for, because it stops."""
    was_sent = tally.calls or tally.shared
    if prepared is not None and prepared.operation.type == "mutation" and was_sent:
        # Told as executed: what retries by the status must not send a write again.
        told = error_of(WRITE_CUT_OFF, OutcomeUnknown.code, request_id)
        return _ended_by(told, "executed", prepared, tally)
    told = error_of(CUT_OFF, UpstreamUnavailable.code, request_id)
    return _ended_by(told, "stopped", prepared, tally)


def _ended_by(
    error: dict[str, Any], kind: ResponseKind, prepared: Prepared | None, tally: Tally
) -> GraphQLResponse:
    """The response of an operation that one error has ended; null where it was executed."""
    return GraphQLResponse(
        kind,
        tally,
        data=None if kind == "executed" else msgspec.UNSET,
        errors=[error],
        operation=prepared.operation if prepared else None,
        estimated_calls=prepared.estimate.calls if prepared else 0,
    ).encoded()


def _cost_of(estimated: int, tally: Tally) -> dict[str, int]:
    return {
        "estimated": estimated,
        "calls": tally.calls,
        "shared": tally.shared,
        "cached": tally.cached,
        "retried": tally.retried,
    }


def error_of(message: str, code: str, request_id: str) -> dict[str, Any]:
    """An error of the whole response, as callers see it."""
    return {"message": message, "extensions": {"code": code, "requestId": request_id}}


encode = msgspec.json.Encoder().encode
