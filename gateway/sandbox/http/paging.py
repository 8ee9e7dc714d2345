"""Pages (upstream.md, 8): offset pages with their headers, keyset pages with their cursors."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.sandbox.http.answers import Answer, error
from gateway.sandbox.world.jsontext import compact, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.sandbox.http.call import Call
    from gateway.sandbox.world.rows import JobRow
    from gateway.sandbox.world.store import JobFilter

__all__ = ["MAX_COUNTED", "keyset_page", "offset_page"]

Row = TypeVar("Row")

MAX_COUNTED = 10_000
"""Beyond so many rows totals and `rel="last"` are left out."""
_MAX_PER_PAGE = 100
_DEFAULT_PER_PAGE = 20
_MAX_KEYSET = 1 << 31
_MAX_OFFSET = 50_000


def offset_page(
    call: Call,
    fetch: Callable[[int, int], Sequence[Row]],
    body: Callable[[Row], Any],
    *,
    count: Callable[[int], int] | None,
) -> Answer:
    """A page by `page` and `per_page`. `fetch` takes a limit and an offset, `count` a limit.

    The page has totals if there is a `count` and it is at most 10,000. One row more than the page
    has is fetched, to know whether there is a next page.
    """
    page = max(call.params["page"], 1)
    asked = call.params["per_page"]
    per_page = min(asked, _MAX_PER_PAGE) if asked > 0 else _DEFAULT_PER_PAGE
    total = None if count is None else count(MAX_COUNTED + 1)
    if total is not None and total > MAX_COUNTED:
        total = None
    offset = (page - 1) * per_page
    found = fetch(per_page + 1, offset) if offset < 1 << 62 else []
    rows = found[:per_page]
    pages = None if total is None else max(1, -(-total // per_page))
    has_next = len(found) > per_page
    has_previous = page > 1 and (pages is None or page <= pages)
    headers = {
        "X-Page": str(page),
        "X-Per-Page": str(per_page),
        "X-Next-Page": str(page + 1) if has_next else "",
        "X-Prev-Page": str(page - 1) if has_previous else "",
    }
    links = []
    if has_previous:
        links.append(call.link({"page": page - 1}, "prev"))
    if has_next:
        links.append(call.link({"page": page + 1}, "next"))
    links.append(call.link({"page": 1}, "first"))
    if pages is not None:
        links.append(call.link({"page": pages}, "last"))
        headers |= {"X-Total": str(total), "X-Total-Pages": str(pages)}
    headers["Link"] = ", ".join(links)
    return Answer.json([body(row) for row in rows], headers=headers)


def check_offset(call: Call) -> None:
    """405 for a page that is too deep. Only the list of a project's jobs checks this."""
    if call.params["page"] * min(call.params["per_page"], _MAX_PER_PAGE) > _MAX_OFFSET:
        raise error(
            405,
            {
                "error": f"Offset pagination has a maximum allowed offset of {_MAX_OFFSET} for "
                "requests that return objects of type Ci::Build. Remaining records can be "
                "retrieved using keyset pagination."
            },
        )


def keyset_page(call: Call, kept: JobFilter, body: Callable[[JobRow], Any]) -> Answer:
    """A page of jobs by cursor, id descending. One row more is read, to know whether to go on."""
    order = (call.params.get("order_by", "id"), call.params.get("sort", "desc"))
    if order != ("id", "desc"):
        reason = "Keyset pagination is not yet available for this type of request"
        raise error(405, {"error": reason})
    asked = call.params["per_page"]
    # GitLab's cursor pager does not clip; the bound here is what SQLite can count to.
    per_page = min(asked, _MAX_KEYSET) if asked > 0 else _DEFAULT_PER_PAGE
    bound, direction = _read_cursor(call.params.get("cursor"))
    if direction == "p":
        if bound is not None:
            kept.also("id > ?", bound)
        rows = call.store.jobs_upwards(kept, limit=per_page)
        # Going backward there is always what we came from, except at the very end.
        goes_on = bound is not None and bool(rows)
    else:
        if bound is not None:
            kept.also("id < ?", bound)
        found = call.store.jobs(kept, limit=per_page + 1)
        rows = found[:per_page]
        goes_on = direction == "n" and len(found) > per_page
    headers = {}
    if goes_on:
        headers["Link"] = call.link({"cursor": cursor_text(rows[-1].id)}, "next")
    return Answer.json([body(row) for row in rows], headers=headers)


def cursor_text(job_id: int, direction: str = "n") -> str:
    """`{"id":"101","_kd":"n"}` as URL-safe base64, padded."""
    return base64.urlsafe_b64encode(
        compact({"id": str(job_id), "_kd": direction}).encode()
    ).decode()


def _read_cursor(cursor: Any) -> tuple[int | None, str | None]:
    """Id and direction. GitLab does not rescue a broken cursor: 500."""
    if cursor is None or (isinstance(cursor, str) and not cursor.strip()):
        return None, "n"
    broken = error(500, {"message": "500 Internal Server Error"})
    try:
        content = parse(base64.b64decode(cursor, altchars=b"-_", validate=True))
        keys = content.keys()
        bound = int(content["id"]) if "id" in keys else None
    except (ValueError, TypeError, AttributeError):
        raise broken from None
    if not keys <= {"id", "_kd"}:
        raise broken
    if bound is not None:
        bound = max(min(bound, (1 << 63) - 1), -(1 << 63))
    return bound, content.get("_kd")
