"""The parameters of a request, from a JSON body or a query string (GraphQL over HTTP, 5)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from gateway.execution.request import GraphQLRequest
from gateway.transport.http_error import HttpError

__all__ = ["read_body", "read_query"]

_decode_one = msgspec.json.Decoder(GraphQLRequest).decode
_decode_many = msgspec.json.Decoder(list[GraphQLRequest]).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_NAMES: Final = {"query": "query", "operationName": "operation_name"}
# What a request holds beside the values that are bounded: its parameters, a persisted query.
_OTHER_VALUES: Final = 50
_OBJECTS: Final = {"variables", "extensions"}


def read_body(
    body: bytes, *, max_batch: int, max_values: int
) -> GraphQLRequest | list[GraphQLRequest]:
    """A request, or a batch of up to `max_batch` of them; raises `HttpError` (400).

    A body that holds more than `max_values` values an operation in its lists and objects is not
    decoded: a megabyte of small ones would hold the loop for too long.
    """
    at_most = (max_values + _OTHER_VALUES) * max(1, max_batch)
    if len(body) > at_most and _holds_more_values(body, at_most):
        if not max_batch and _is_array(body):
            raise _no_arrays()
        message = f"the body holds too many values in lists and objects: {max_values} an operation"
        raise HttpError(400, "BAD_REQUEST", f"{message} are allowed (GATEWAY_MAX_VALUES)")
    try:
        return _decode_one(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not _is_array(body):
            raise _unreadable(body, error) from None
    return _batch(body, max_batch)


def _holds_more_values(body: bytes, at_most: int) -> bool:
    """Are there more values than that in the lists and objects of a JSON text? Counted by commas
    and brackets outside of strings.
    """
    if _separators(body) <= at_most:
        return False
    # Without escapes, each quotation mark begins or ends a string.
    plain = body.replace(rb"\\", b"").replace(rb"\"", b"")
    if plain.count(b'"') > 4 * at_most:
        return True
    bare = b"0".join(plain.split(b'"')[::2]).translate(None, b" \t\r\n")
    # A list or object that is not empty holds one value more than commas.
    return _separators(bare) - bare.count(b"[]") - bare.count(b"{}") > at_most


def _separators(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _is_array(body: bytes) -> bool:
    return body.lstrip().startswith(b"[")


def _no_arrays() -> HttpError:
    return HttpError(400, "BATCHING_NOT_ALLOWED", "send operations one by one: no arrays here")


def _batch(body: bytes, at_most: int) -> list[GraphQLRequest]:
    if not at_most:
        raise _no_arrays()
    try:
        requests = _decode_many(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(body, error) from None
    if not 0 < len(requests) <= at_most:
        message = f"send 1 to {at_most} operations at once, not {len(requests)}"
        raise HttpError(400, "BATCHING_NOT_ALLOWED", message)
    return requests


def read_query(query: bytes) -> GraphQLRequest:
    """The request a query string stands for; `variables` and `extensions` are JSON texts in it.

    An empty parameter counts as left out; of one given twice the last counts. Raises `HttpError`
    (400).
    """
    values: dict[str, Any] = {}
    try:
        for name, text in parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=100):
            if name in _NAMES:
                values[_NAMES[name]] = text
            elif name in _OBJECTS:
                values[name] = _decode_object(text)
    except msgspec.DecodeError:
        raise HttpError(
            400, "BAD_REQUEST", "variables and extensions must be JSON objects in the query string"
        ) from None
    except (ValueError, RecursionError):
        raise HttpError(400, "BAD_REQUEST", "the query string cannot be read") from None
    return GraphQLRequest(**values)


def _unreadable(body: bytes, error: Exception) -> HttpError:
    if not body.strip():
        return HttpError(400, "BAD_REQUEST", "the body is empty; it must be a JSON object")
    if isinstance(error, msgspec.ValidationError):
        fault = _lower(str(error))
        return HttpError(400, "BAD_REQUEST", f"the body is no GraphQL request: {fault}")
    if isinstance(error, RecursionError):
        return HttpError(400, "BAD_REQUEST", "the body is nested too deeply")
    return HttpError(400, "BAD_REQUEST", "the body is not valid JSON in UTF-8")


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
