"""The sandbox's lists, and how a caller walks through them."""

from __future__ import annotations

import base64
import json

__all__ = ["BRIDGES", "JOBS", "PAGING_HEADERS", "PIPELINES", "PIPELINE_JOBS", "cursor", "walk"]

JOBS = "/projects/1/jobs"
PIPELINE_JOBS = "/projects/1/pipelines/6/jobs"
BRIDGES = "/projects/1/pipelines/6/bridges"
PIPELINES = "/projects/1/pipelines"
PAGING_HEADERS = ["x-page", "x-per-page", "x-next-page", "x-prev-page", "x-total", "x-total-pages"]


def cursor(**content: str) -> str:
    """A keyset cursor with this content, as the server would write it."""
    text = json.dumps(content, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def walk(caller, target_of, target: str) -> list[list[int]]:
    """Ids of all pages from `target` on, following `next`."""
    pages: list[list[int]] = []
    while True:
        answer = caller.get(target)
        pages.append(answer.ids)
        if "next" not in answer.links:
            return pages
        target = target_of(answer.links["next"])
