"""Pages, as the upstream's lists give them, and where the next one is (upstream.md, 8).

Of a link to another page only the position is taken, and the request is put together anew: links
name the host that the upstream knows itself by, and repeat all parameters of the request,
credentials included.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar
from urllib.parse import unquote

import msgspec

from gateway.errors import UpstreamInvalid

if TYPE_CHECKING:
    from gateway.upstream.wire import Answer

__all__ = [
    "MAX_PER_PAGE",
    "KeysetCursor",
    "KeysetPage",
    "OffsetPage",
    "cursor_text",
    "next_id",
    "number_in",
]

T = TypeVar("T")

# What the upstream gives in one page at most.
MAX_PER_PAGE = 100


class KeysetCursor(NamedTuple):
    """A bound, exclusive: forward gives the rows below `id`, backward the nearest rows above it.

    Without an id: the first page forward, the last page backward.
    """

    id: int | None
    backward: bool = False


class KeysetPage(msgspec.Struct, Generic[T]):
    """`next` is the id that the upstream's link to the next page goes on below; None at the end."""

    items: list[T | UpstreamInvalid]
    next: int | None


class OffsetPage(msgspec.Struct, Generic[T]):
    """`total` is None where the upstream does not count."""

    items: list[T | UpstreamInvalid]
    next_page: int | None
    total: int | None


class _Cursor(msgspec.Struct):
    id: int | str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Cursor).decode
_PARAMETER = re.compile(r"[?&]cursor=([^&>]+)")


def cursor_text(cursor: KeysetCursor) -> str:
    """The upstream's cursor as it stands in a query: URL-safe base64 of its JSON, padded.

    `{"id":"101","_kd":"n"}` is `eyJpZCI6IjEwMSIsIl9rZCI6Im4ifQ%3D%3D`.
    """
    direction = "p" if cursor.backward else "n"
    parts = {"_kd": direction} if cursor.id is None else {"id": str(cursor.id), "_kd": direction}
    return urlsafe_b64encode(_encode(parts)).decode().replace("=", "%3D")


def next_id(answer: Answer, endpoint: str) -> int | None:
    """The id in the cursor of the link to the next page; None without such a link."""
    link = answer.header("link")
    if not link:
        return None
    for part in link.split(","):
        found = _PARAMETER.search(part)
        if found is not None and 'rel="next"' in part:
            try:
                return int(_decode(urlsafe_b64decode(unquote(found[1]))).id)
            except ValueError:  # binascii's and msgspec's errors among them
                raise UpstreamInvalid(
                    "the upstream's link to the next page holds no cursor by id",
                    endpoint=endpoint,
                    status=answer.status,
                    upstream_request_id=answer.header("x-request-id"),
                ) from None
    return None


def number_in(answer: Answer, name: str) -> int | None:
    """The number in a header, which is empty at the ends of a list and left out elsewhere."""
    text = answer.header(name)
    return int(text) if text and text.isdecimal() else None
