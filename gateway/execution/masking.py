"""Errors as callers see them: what they may know, with a stable `extensions.code`; anything else
is masked.

    GraphQLSyntaxError                         GRAPHQL_PARSE_FAILED
    GraphQLError of the document               GRAPHQL_VALIDATION_FAILED
    GraphQLError of a variable or an argument  BAD_USER_INPUT
    GatewayError                               its own code (`gateway.errors`)
    anything else                              INTERNAL_SERVER_ERROR, its text for the record only
"""

from __future__ import annotations

import logging
from typing import Any, Final

from graphql import GraphQLError, GraphQLSyntaxError

from gateway.errors import (
    CostExceeded,
    GatewayError,
    SubscriberTooSlow,
    TooManyOperations,
    UpstreamError,
)

__all__ = ["format_error", "format_request_error", "shortened", "told_to_another"]

MESSAGE_CHARACTERS: Final = 500
LOCATIONS_TOLD: Final = 10

record = logging.getLogger("gateway.execution")


def format_request_error(error: GraphQLError, *, code: str = "BAD_USER_INPUT") -> dict[str, Any]:
    """An error found before execution began."""
    if isinstance(error, GraphQLSyntaxError):
        code = "GRAPHQL_PARSE_FAILED"
    extensions = {"code": code}
    if isinstance(error.original_error, GatewayError):
        extensions = _extensions(error.original_error)
    return _formatted(error, error.message, extensions)


def format_error(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """An error of one field. One of ours that nobody foresaw is recorded whole and told only by
    request id.
    """
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return _formatted(error, error.message, {"code": "BAD_USER_INPUT"})
    if isinstance(cause, GatewayError):
        return _formatted(error, cause.message, _extensions(cause))
    record.error(
        "a field failed unexpectedly: request %s, path %s", request_id, error.path, exc_info=cause
    )
    return _formatted(error, *_unforeseen(request_id))


def told_to_another(error: dict[str, Any], request_id: str) -> dict[str, Any]:
    """An error of one field, as another request is told it that was executed together with the
    first. What nobody foresaw is recorded under its id, too.
    """
    known_as = error["extensions"].get("requestId")
    if known_as in {None, request_id}:
        # Theirs, since who began it has left.
        return error
    record.error(
        "a field failed unexpectedly: request %s, path %s, together with request %s, whose record"
        " tells how",
        request_id,
        error.get("path"),
        known_as,
    )
    message, extensions = _unforeseen(request_id)
    return {**error, "message": message, "extensions": extensions}


def _unforeseen(request_id: str) -> tuple[str, dict[str, Any]]:
    """What is told of an error of ours: where to find the rest."""
    message = f"internal error; the gateway's records hold it under request id {request_id}"
    return message, {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id}


def _formatted(error: GraphQLError, message: str, extensions: dict[str, Any]) -> dict[str, Any]:
    formatted: dict[str, Any] = {"message": shortened(message)}
    if error.locations:
        formatted["locations"] = [
            {"line": location.line, "column": location.column}
            for location in error.locations[:LOCATIONS_TOLD]
        ]
    if error.path is not None:
        formatted["path"] = error.path
    formatted["extensions"] = extensions
    return formatted


def shortened(message: str) -> str:
    """A message without the middle of what it quotes, where that is long."""
    if len(message) <= MESSAGE_CHARACTERS:
        return message
    return f"{message[: MESSAGE_CHARACTERS // 2]} … {message[3 - MESSAGE_CHARACTERS // 2 :]}"


def _extensions(cause: GatewayError) -> dict[str, Any]:
    extensions: dict[str, Any] = {"code": cause.code}
    if isinstance(cause, UpstreamError):
        upstream = {
            "endpoint": cause.endpoint,
            "status": cause.status,
            "requestId": cause.upstream_request_id,
            "reason": cause.reason,
            "cause": cause.cause,
        }
        extensions["upstream"] = {
            key: value for key, value in upstream.items() if value is not None
        }
        if cause.retry_after_s is not None:
            extensions["retryAfter"] = cause.retry_after_s
    if isinstance(cause, SubscriberTooSlow):
        extensions["resumeFrom"] = cause.resume_from
    if isinstance(cause, TooManyOperations):
        extensions["retryAfter"] = cause.retry_after_s
    if isinstance(cause, CostExceeded):
        extensions["cost"] = {
            "estimated": cause.estimated,
            "ceiling": cause.ceiling,
            "dearest": cause.dearest,
        }
    return extensions
