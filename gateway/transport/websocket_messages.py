"""The messages of graphql-transport-ws, as a client sends them, and what is wrong with others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.errors import BadInput
from gateway.transport.addressing import refusal
from gateway.transport.origins import ORIGIN_HEADERS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

__all__ = [
    "CREDENTIAL_HEADERS",
    "INVALID",
    "READ_HEADERS",
    "Close",
    "Message",
    "decode_message",
    "headers_in",
    "id_of",
    "payload_of",
    "refuse",
]

# Closes a connection that sent what is no message.
INVALID: Final = 4400
CREDENTIAL_HEADERS: Final = (b"authorization", b"private-token", b"job-token", b"sudo")

READ_HEADERS: Final = (*CREDENTIAL_HEADERS, *ORIGIN_HEADERS)

_encode = msgspec.json.Encoder().encode


class Message(msgspec.Struct):
    """What a client sends."""

    type: str
    id: str | msgspec.UnsetType = msgspec.UNSET
    payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


decode_message = msgspec.json.Decoder(Message).decode
_decode_payload = msgspec.json.Decoder(dict[str, Any] | None).decode


class Close(Exception):
    """Ends the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


async def refuse(send: Callable[[Any], Awaitable[None]], status: int, message: str) -> None:
    """Answer a handshake with no."""
    body = _encode(refusal(status, message))
    headers = [(b"content-type", b"application/json; charset=utf-8")]
    start = {"type": "websocket.http.response.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": body})


def id_of(message: Message) -> str:
    """The id of the operation that a message is about."""
    if not isinstance(message.id, str) or not message.id:
        raise Close(INVALID, f"{message.type} has an id, a text that is not empty")
    return message.id


def payload_of(message: Message) -> dict[str, Any] | None:
    """The payload of a message that need have none."""
    if message.payload is msgspec.UNSET:
        return None
    try:
        payload: dict[str, Any] | None = _decode_payload(message.payload)
    except (msgspec.DecodeError, RecursionError):
        raise Close(INVALID, f"the payload of {message.type} is an object") from None
    return payload


def headers_in(payload: Mapping[str, Any] | None) -> dict[bytes, bytes]:
    """The headers that a payload names, of those that are read, itself or in its `headers`; null is
    none. Raises `BadInput` for a credential that is no text: passed over, its caller would act as
    somebody else.
    """
    if not payload:
        return {}
    nested = payload.get("headers")
    named = {**payload, **(nested if isinstance(nested, dict) else {})}
    found: dict[bytes, bytes] = {}
    for name, value in named.items():
        lower = name.lower().encode(errors="replace")
        if lower not in READ_HEADERS or value is None:
            continue
        if not isinstance(value, str):
            if lower in ORIGIN_HEADERS:
                continue
            raise BadInput(f"{lower.decode()} in the payload is no text; set it as a string")
        # What is not ASCII is refused, as in a header.
        found[lower] = value.encode(errors="surrogatepass")
    return found
