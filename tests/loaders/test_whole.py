"""Whole lists of a pipeline: each page is read once, side by side, whatever is asked of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.context import Context
from gateway.errors import BadInput, Forbidden, UpstreamTimeout
from gateway.loaders.flight import outcomes
from gateway.upstream.entities import Bridge, Job, Pipeline
from gateway.upstream.pages import OffsetPage
from gateway.upstream.paging import window_of
from tests.harness.over import make_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

pytestmark = pytest.mark.anyio

# Without retried jobs.
LATEST = False


class Tree:
    """An upstream that answers in rounds: what was asked meanwhile is answered together, one round
    after the other. `rounds` names the calls of each.

    Pipelines hold ids of jobs and bridges; `started` maps bridges to pipelines. `before(call)` is
    run before each call is answered.
    """

    def __init__(self) -> None:
        self.jobs: dict[int, list[int]] = {}
        self.retried: set[int] = set()
        self.bridges: dict[int, list[int]] = {}
        self.started: dict[int, tuple[int, int]] = {}
        self.failing: dict[int, Exception] = {}
        self.counts = True
        self.rounds: list[list[str]] = []
        self.before: Callable[[str], None] = lambda _: None
        self._waiting: list[asyncio.Future[None]] = []
        self._asked: list[str] = []

    @property
    def calls(self) -> list[str]:
        return [call for calls in self.rounds for call in calls]

    async def run(self, read: Coroutine[Any, Any, Any]) -> Any:
        """What a read comes to."""
        reading = asyncio.ensure_future(read)
        while not reading.done():
            for _ in range(20):
                await asyncio.sleep(0)
            if self._waiting:
                self.rounds.append(self._asked)
                waiting, self._waiting, self._asked = self._waiting, [], []
                for future in waiting:
                    if not future.done():
                        future.set_result(None)
        return await reading

    async def pipeline_jobs_page(
        self,
        scope: Any,
        project: Any,
        pipeline_id: int,
        *,
        statuses: Any = (),
        include_retried: bool = False,
        page: int,
        per_page: int,
        readers: Any,
    ) -> OffsetPage[Any]:
        listed = "all" if include_retried else "jobs"
        await self._call(scope, pipeline_id, f"{listed} {page}/{per_page}")
        rows = [
            Job(
                number,
                "success",
                f"job {number % 1000}",
                pipeline=Pipeline(pipeline_id, project_id=1),
            )
            for number in self.jobs.get(pipeline_id, [])
            if include_retried or number not in self.retried
        ]
        return self._page(rows, page, per_page)

    async def bridges_page(
        self,
        scope: Any,
        project: Any,
        pipeline_id: int,
        *,
        statuses: Any = (),
        page: int,
        per_page: int,
        readers: Any,
    ) -> OffsetPage[Any]:
        await self._call(
            scope, pipeline_id, f"bridges {page}/{per_page} of {project}:{pipeline_id}"
        )
        rows = []
        for number in self.bridges.get(pipeline_id, []):
            to = self.started.get(number)
            started = Pipeline(to[1], project_id=to[0]) if to else None
            own = Pipeline(pipeline_id, project_id=project)
            rows.append(
                Bridge(number, "success", "bridge", pipeline=own, downstream_pipeline=started)
            )
        return self._page(rows, page, per_page)

    async def _call(self, scope: Any, pipeline_id: int, name: str) -> None:
        scope.tally.calls += 1
        self._asked.append(name)
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future
        self.before(name)
        if pipeline_id in self.failing:
            raise self.failing[pipeline_id]

    def _page(self, rows: list[Any], page: int, per_page: int) -> OffsetPage[Any]:
        rows.sort(key=lambda row: -row.id)
        end = page * per_page
        following = page + 1 if end < len(rows) else None
        total = len(rows) if self.counts else None
        return OffsetPage(rows[end - per_page : end], following, total)


@pytest.fixture
def tree() -> Tree:
    return Tree()


def made(tree: Tree, **options: Any) -> Context:
    client: Any = tree
    urls: Any = None
    return Context(client, make_scope(), urls, **options)


def ids(rows: Any) -> list[int]:
    return [row.id for row in rows.items]


class TestCalls:
    async def test_one_pipeline_is_read_once_in_two_rounds(self, tree: Tree) -> None:
        tree.jobs[6] = list(range(1, 251))
        tree.bridges[6] = list(range(301, 313))
        context = made(tree)
        window = window_of(20)

        async def read() -> list[Any]:
            lists = context.whole(1, 6)
            return await outcomes(
                [
                    context.items(1, 6, (), LATEST, window),
                    context.pipeline_jobs(1, 6, (), LATEST, window),
                    context.bridges(1, 6, (), window),
                    lists.jobs(),
                    lists.bridges(),
                    lists.all_jobs(),
                ]
            )

        items, jobs, bridges, *whole = await tree.run(read())

        assert [sorted(calls) for calls in tree.rounds] == [
            ["all 1/100", "bridges 1/100 of 1:6", "jobs 1/100"],
            ["jobs 2/100", "jobs 3/100"],
        ]
        assert ids(items) == [*range(312, 300, -1), *range(250, 242, -1)]
        assert ids(jobs) == list(range(250, 230, -1))
        assert ids(bridges) == list(range(312, 300, -1))
        assert [len(rows.items) for rows in whole] == [250, 12, 250]
        assert (items.total, jobs.total, bridges.total) == (262, 250, 12)

    async def test_retried_jobs_take_the_pages_they_are_on(self, tree: Tree) -> None:
        tree.jobs[6] = [*range(1, 251), 1003]
        tree.retried = {3}
        lists = made(tree).whole(1, 6)

        jobs, every = await tree.run(outcomes([lists.jobs(), lists.all_jobs()]))

        assert [sorted(calls) for calls in tree.rounds] == [
            ["all 1/100", "jobs 1/100"],
            ["all 2/100", "all 3/100", "jobs 2/100", "jobs 3/100"],
        ]
        assert 3 not in ids(jobs)
        assert [job.id for job in every.named("job 3")] == [1003, 3]

    async def test_a_project_has_one_set_of_lists_by_both_its_names(self, tree: Tree) -> None:
        tree.jobs[6] = [1, 2]
        context = made(tree)

        await tree.run(outcomes([context.whole("lab/open", 6).jobs()]))
        await tree.run(outcomes([context.whole(1, 6).jobs()]))

        assert tree.calls == ["jobs 1/100"]

    async def test_a_list_that_fails_fails_what_needs_it_only(self, tree: Tree) -> None:
        tree.jobs[6] = [1]
        tree.failing[7] = Forbidden("no", endpoint="GET", status=403)
        context = made(tree)

        fine, failed = await tree.run(
            outcomes([context.whole(1, 6).jobs(), context.whole(1, 7).jobs()])
        )

        assert ids(fine) == [1]
        assert isinstance(failed, Forbidden)


class TestLimit:
    async def test_it_cuts_and_says_so(self, tree: Tree) -> None:
        tree.jobs[6] = list(range(1, 10_001))
        context = made(tree, max_list_rows=300)

        (rows,) = await tree.run(outcomes([context.whole(1, 6).jobs()]))

        assert (len(rows.items), rows.total, rows.is_cut) == (300, 10_000, True)
        assert len(tree.calls) == 3

    async def test_it_cuts_a_list_that_nobody_counts(self, tree: Tree) -> None:
        tree.jobs[6] = list(range(1, 10_001))
        tree.counts = False
        context = made(tree, max_list_rows=300)

        (rows,) = await tree.run(outcomes([context.whole(1, 6).jobs()]))

        assert (ids(rows), rows.is_cut) == (list(range(10_000, 9_700, -1)), True)
        # The first page was read in vain: what the walk takes on top counts as retried.
        assert len(tree.calls) == 3 + context.tally.retried

    async def test_a_window_beyond_it_is_read_for_itself(self, tree: Tree) -> None:
        tree.jobs[6] = list(range(1, 251))
        context = made(tree, max_list_rows=100)
        oldest = window_of(last=10)

        async def read() -> list[Any]:
            return await outcomes(
                [context.whole(1, 6).jobs(), context.pipeline_jobs(1, 6, (), LATEST, oldest)]
            )

        _, found = await tree.run(read())

        assert ids(found) == list(range(10, 0, -1))


class TestMovingList:
    async def test_nothing_is_lost_when_a_job_is_retried_between_pages(self, tree: Tree) -> None:
        tree.jobs[6] = list(range(1, 251))

        def retry(call: str) -> None:
            if call == "jobs 2/100" and not tree.retried:
                tree.retried.add(10)
                tree.jobs[6].append(1010)

        tree.before = retry
        context = made(tree)

        (rows,) = await tree.run(outcomes([context.whole(1, 6).jobs()]))

        found = ids(rows)
        assert found == sorted(set(found), reverse=True)
        assert set(found) >= set(range(1, 251)) - {10}
        assert len(tree.calls) <= 5 + context.tally.retried

    async def test_cursors_of_another_list_are_refused(self, tree: Tree) -> None:
        tree.jobs[6] = list(range(1, 30))
        context = made(tree)
        (page,) = await tree.run(outcomes([context.pipeline_jobs(1, 6, (), LATEST, window_of(5))]))
        window = window_of(5, after=page.cursor_of(page.items[0]))

        async def read() -> list[Any]:
            lists = context.whole(1, 6)
            return await outcomes(
                [lists.jobs(), lists.bridges(), context.items(1, 6, (), LATEST, window)]
            )

        *_, refused = await tree.run(read())

        assert isinstance(refused, BadInput)


class TestDescendants:
    async def test_a_tree_takes_a_call_a_pipeline_and_a_round_a_level(self, tree: Tree) -> None:
        # Three generations below pipeline 1, two children each, in three projects.
        for parent in range(1, 8):
            tree.bridges[parent] = [parent * 10, parent * 10 + 1]
            for child in (0, 1):
                number = parent * 2 + child
                tree.started[parent * 10 + child] = (number % 3 + 1, number)
        context = made(tree)

        (found,) = await tree.run(outcomes([context.descendants(1, 1, 5, 50)]))

        assert len(tree.calls) == 15
        assert [len(calls) for calls in tree.rounds] == [1, 2, 4, 8]
        assert [node.depth for node in found.items] == [1] * 2 + [2] * 4 + [3] * 8
        assert {node.pipeline.id for node in found.items} == set(range(2, 16))
        assert not found.is_partial

    async def test_a_hidden_project_costs_its_own_place(self, tree: Tree) -> None:
        tree.bridges[1] = [10, 11]
        tree.started = {10: (1, 2), 11: (9, 3)}
        tree.failing[3] = UpstreamTimeout("no", endpoint="GET")
        context = made(tree)

        (found,) = await tree.run(outcomes([context.descendants(1, 1, 5, 50)]))

        assert [type(node.pipeline) for node in found.items] == [UpstreamTimeout, Pipeline]

    async def test_limits_of_depth_and_number_hold(self, tree: Tree) -> None:
        for parent in range(1, 10):
            tree.bridges[parent] = [parent * 10]
            tree.started[parent * 10] = (1, parent + 1)
        context = made(tree)

        shallow, few = await tree.run(
            outcomes([context.descendants(1, 1, 2, 50), context.descendants(1, 1, 50, 3)])
        )

        assert ([node.pipeline.id for node in shallow.items], shallow.is_partial) == ([2, 3], False)
        assert ([node.pipeline.id for node in few.items], few.is_partial) == ([2, 3, 4], True)

    async def test_a_circle_ends(self, tree: Tree) -> None:
        tree.bridges = {1: [10], 2: [20]}
        tree.started = {10: (1, 2), 20: (1, 1)}

        (found,) = await tree.run(outcomes([made(tree).descendants(1, 1, 50, 50)]))

        assert [node.pipeline.id for node in found.items] == [2]
