"""An upstream of one list, which can change before every call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.upstream.entities import Job
from gateway.upstream.pages import KeysetPage, OffsetPage
from gateway.upstream.paging import (
    walk_bridges,
    walk_pipeline_jobs,
    walk_pipelines,
    walk_project_jobs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gateway.upstream.pages import KeysetCursor
    from gateway.upstream.paging import Listing, Window


def settle(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value
    raise AssertionError("it waits for something")


class OneList:
    """Rows by id, newest first, given in the pages of both kinds. Stands in for the client.

    `before_call` may change the rows. `page_limit` is the longest page, `least_page` the
    shortest, `counts` whether the
    answers have a total, `goes_back` whether backward cursors are honoured.
    """

    def __init__(self, ids: list[int]) -> None:
        self.rows: list[Any] = [
            Job(job_id, "success", "job") for job_id in sorted(ids, reverse=True)
        ]
        self.calls = 0
        self.before_call: Callable[[], None] = lambda: None
        self.page_limit = 100
        self.least_page = 1
        self.counts = True
        self.goes_back = True
        self.scope: Any = SimpleNamespace(tally=SimpleNamespace(calls=0, retried=0))

    @property
    def ids(self) -> list[int]:
        return [row.id for row in self.rows]

    def create(self, job_id: int) -> None:
        assert not self.rows or job_id > self.rows[0].id
        self.rows.insert(0, Job(job_id, "created", "job"))

    def enter(self, job_id: int) -> None:
        """A row comes in where its id belongs, unless it is there."""
        if job_id not in self.ids:
            self.rows.append(Job(job_id, "failed", "job"))
            self.rows.sort(key=lambda row: -row.id)

    def drop(self, job_id: int) -> None:
        self.rows = [row for row in self.rows if row.id != job_id]

    async def project_jobs_page(
        self, *_place: Any, per_page: int, cursor: KeysetCursor | None, **_filters: Any
    ) -> KeysetPage[Job]:
        self._called(per_page)
        length = min(max(per_page, self.least_page), self.page_limit)
        bound, backward = cursor or (None, False)
        backward = backward and self.goes_back
        if backward:
            above = [row for row in self.rows if bound is None or row.id > bound]
            page = above[-length:]
            has_next = bound is not None and bool(page)
        else:
            below = [row for row in self.rows if bound is None or row.id < bound]
            page = below[:length]
            has_next = len(below) > length
        return KeysetPage(page, page[-1].id if has_next else None)

    async def pipeline_jobs_page(
        self, *_place: Any, page: int, per_page: int, **_filters: Any
    ) -> OffsetPage[Job]:
        self._called(per_page)
        length = min(max(per_page, self.least_page), self.page_limit)
        start = (page - 1) * length
        has_next = start + length < len(self.rows)
        return OffsetPage(
            self.rows[start : start + length],
            page + 1 if has_next else None,
            len(self.rows) if self.counts else None,
        )

    bridges_page = pipelines_page = pipeline_jobs_page

    def _called(self, per_page: int) -> None:
        assert 1 <= per_page <= 100
        self.before_call()
        self.calls += 1
        self.scope.tally.calls += 1

    def read(self, way: str, window: Window, *, statuses: tuple[str, ...] = ()) -> Listing[Job]:
        """The window's listing; `way` is "keyset", "offset", or the list's own name."""
        client: Any = self
        if way == "bridges":
            return settle(walk_bridges(client, self.scope, 1, 6, statuses, window))
        if way == "pipelines":
            status = statuses[0] if statuses else None
            return settle(walk_pipelines(client, self.scope, 1, status, (), window))
        if way == "keyset":
            return settle(walk_project_jobs(client, self.scope, 1, statuses, window))
        return settle(walk_pipeline_jobs(client, self.scope, 1, 6, statuses, window))


@pytest.fixture
def one_list() -> type[OneList]:
    return OneList
