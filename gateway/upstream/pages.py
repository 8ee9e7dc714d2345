"""Pages, as the upstream's lists give them, and where the next one is (upstream.md, 8).

Of a link to another page only the position is taken, and the request is put together anew: links
name the host that the upstream knows itself by, and repeat all parameters of the request,
credentials included.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from gateway.errors import UpstreamInvalid
from gateway.upstream.links import may_link_to, page_links, parameter_in
from gateway.upstream.wire import whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.upstream.wire import Answer

__all__ = [
    "MAX_PER_PAGE",
    "Filters",
    "KeysetCursor",
    "KeysetPage",
    "OffsetPage",
    "cursor_text",
    "keyset_page",
    "lowest_id",
    "number_in",
    "offset_page",
]

T = TypeVar("T")

# Names and values of a list's parameters.
Filters: TypeAlias = "tuple[tuple[str, str], ...]"

# What the upstream gives in one page at most.
MAX_PER_PAGE = 100
# GraphQL's `Int` holds no longer a list, and the upstream counts no list of this length.
MAX_TOTAL: Final = 2**31 - 1


class KeysetCursor(NamedTuple):
    """A bound, exclusive: forward gives the rows below `id`, backward the nearest rows above it.

    Without an id: the first page forward, the last page backward.
    """

    id: int | None
    backward: bool = False


class KeysetPage(msgspec.Struct, Generic[T]):
    """`next` is the id that further rows lie below; None at the end.

    The upstream tells the end of a list by silence, as a proxy that drops its links would. So after
    a full page without a link `is_told` is false: there may be rows below its last one, or none.
    """

    items: list[T | UpstreamInvalid]
    next: int | None
    is_told: bool = True


class OffsetPage(msgspec.Struct, Generic[T]):
    """`total` is None where the upstream does not count. Where it tells nothing after a full page,
    `is_told` is false: there may be a next page, or none.
    """

    items: list[T | UpstreamInvalid]
    next_page: int | None
    total: int | None
    is_told: bool = True


class _Cursor(msgspec.Struct):
    id: int | str


# However many: thousands of them are a next page, too.
_DIGITS = re.compile(r"[0-9]+")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Cursor).decode


def cursor_text(cursor: KeysetCursor) -> str:
    """The upstream's cursor as it stands in a query: URL-safe base64 of its JSON, padded.

    `{"id":"101","_kd":"n"}` is `eyJpZCI6IjEwMSIsIl9rZCI6Im4ifQ%3D%3D`.
    """
    direction = "p" if cursor.backward else "n"
    parts = {"_kd": direction} if cursor.id is None else {"id": str(cursor.id), "_kd": direction}
    return urlsafe_b64encode(_encode(parts)).decode().replace("=", "%3D")


def keyset_page(
    answer: Answer,
    items: list[T | UpstreamInvalid],
    *,
    per_page: int,
    cursor: KeysetCursor | None,
    endpoint: str,
) -> KeysetPage[T]:
    """The rows of an answer as a page. Where its link to the next one cannot be read, the list goes
    on below the last row; raises `UpstreamInvalid` where there is none to go on from.
    """
    links = page_links(answer.header_values("link"))
    address = links.get("next")
    if address is not None:
        next_id = _id_in(address)
        if next_id is None:
            next_id = lowest_id(items)
        if next_id is None and items:
            raise UpstreamInvalid(
                "the upstream's link to the next page holds no cursor by id",
                endpoint=endpoint,
                status=answer.status,
                upstream_request_id=answer.header("x-request-id"),
            )
        return KeysetPage(items, next_id)
    if links or len(items) < per_page or (cursor is not None and cursor.backward):
        return KeysetPage(items, None)
    return KeysetPage(items, None, is_told=False)


def offset_page(
    answer: Answer,
    items: list[T | UpstreamInvalid],
    *,
    page: int,
    per_page: int,
    endpoint: str,
) -> OffsetPage[T]:
    """The rows of an answer as a page. A next one is told by `X-Next-Page` or by a link, else by
    the list's length. Raises `UpstreamInvalid` where that is none of those after this one: whoever
    followed it would walk in a circle.
    """
    found = _offset_page(answer, items, page=page, per_page=per_page)
    if found.next_page is not None and found.next_page <= page:
        raise UpstreamInvalid(
            f"the upstream leads from page {page} of its list to page {found.next_page}",
            endpoint=endpoint,
            status=answer.status,
            upstream_request_id=answer.header("x-request-id"),
        )
    return found


def _offset_page(
    answer: Answer, items: list[T | UpstreamInvalid], *, page: int, per_page: int
) -> OffsetPage[T]:
    length = number_in(answer, "x-total")
    total = None if length is None or length > MAX_TOTAL else length
    header = _agreed(answer, "x-next-page")
    told_end = header == ""
    told = (header or "").strip()
    next_page = whole_number(told)
    if next_page:
        return OffsetPage(items, next_page, total)
    headers = answer.header_values("link")
    if told_end and not may_link_to("next", headers):
        return OffsetPage(items, None, total)
    links = page_links(headers)
    if _DIGITS.fullmatch(told) or "next" in links:
        linked = parameter_in(links.get("next", ""), "page")
        return OffsetPage(items, whole_number(linked) or page + 1, total)
    if told_end or links:
        return OffsetPage(items, None, total)
    if length is not None:
        return OffsetPage(items, page + 1 if page * per_page < length else None, total)
    is_full = len(items) >= min(per_page, number_in(answer, "x-per-page") or per_page) > 0
    return OffsetPage(items, page + 1 if is_full else None, total, is_told=not is_full)


def number_in(answer: Answer, name: str) -> int | None:
    """The number in a header, which is empty at the ends of a list and left out elsewhere."""
    return whole_number(_agreed(answer, name))


def _agreed(answer: Answer, name: str) -> str | None:
    """The value of a header; None where it came several times and they contradict each other: one
    of them is somebody's on the way, and nothing tells which.
    """
    values = answer.header_values(name)
    if len(values) == 1:
        return values[0]
    return values[0] if values and len(set(values)) == 1 else None


def _id_in(address: str) -> int | None:
    """The id in the cursor of an address; None where none can be read."""
    text = parameter_in(address, "cursor")
    if text is None:
        return None
    try:
        told = _decode(urlsafe_b64decode(text + "=" * (-len(text) % 4))).id
    except (ValueError, RecursionError):  # binascii's and msgspec's errors among them
        return None
    return whole_number(str(told))


def lowest_id(items: Sequence[Any]) -> int | None:
    """The id of the last row that can be read."""
    return next(
        (item.id for item in reversed(items) if not isinstance(item, UpstreamInvalid)), None
    )
