"""JSON as the sandbox stores and sends it."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Raw", "compact", "encode", "parse"]

Raw = msgspec.Raw
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def parse(text: str | bytes) -> Any:
    """The value of a JSON text; ValueError if it is none."""
    return _decode(text)


def compact(value: Any) -> str:
    """JSON text without blanks, non-ASCII letters as they are."""
    return _encode(value).decode()


def encode(value: Any) -> bytes:
    r"""A body as Rails writes it: like `compact`, but `<`, `>` and `&` as `\u003c`, `\u003e`,
    `\u0026`.

    The three never occur outside JSON strings, so the finished text can be searched for them.
    """
    body = _encode(value)
    for plain, escaped in _ESCAPES:
        if plain in body:
            body = body.replace(plain, escaped)
    return body


_ESCAPES = (
    (b"<", rb"\u003c"),
    (b">", rb"\u003e"),
    (b"&", rb"\u0026"),
    ("\u2028".encode(), rb"\u2028"),
    ("\u2029".encode(), rb"\u2029"),
)
