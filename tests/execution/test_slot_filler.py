"""How a run goes about it: what is asked for when, what is shared, what is left in the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import Forbidden
from gateway.execution.documents import Documents
from gateway.execution.executor import PlanExecution, PlannedExecutor, execute_plan
from gateway.execution.limits import Limits
from gateway.execution.schema import make_schema
from gateway.execution.variables import NO_VARIABLES
from gateway.loaders.flight import offer
from gateway.schema.log import LogFormat
from gateway.upstream import entities
from tests.execution.corpus import global_id
from tests.execution.fake import FakeContext
from tests.execution.fake_world import ENDPOINT, World
from tests.harness.turns import turns

if TYPE_CHECKING:
    from tests.execution.comparison import Comparison
    from tests.execution.settling import SettlingLoop

JOB = f'job(by: {{id: "{global_id("Job:1:3:6")}"}})'
TAIL = "log { tail(lines: 5) { text } }"
DOCUMENTS = Documents(make_schema(PlannedExecutor), Limits())


def execute(text: str, context: Any) -> Any:
    operation = DOCUMENTS.get(text).operation(None)
    variables = operation.variables({})
    return execute_plan(PlanExecution(operation, operation.plan(variables), variables, context))


class TestOrder:
    def test_mutations_run_one_after_the_other(self, comparison: Comparison) -> None:
        cancel = """jobCancel(input: {job: {path: {project: "1", job: "%s"}}}) {
                      job { log { byteCount } } }"""

        answer = comparison.check(f"mutation {{ a: {cancel % 9} b: {cancel % 5} c: {cancel % 7} }}")

        assert [key[:3] for key in answer.asked] == [
            (what, 1, number) for number in (9, 5, 7) for what in ("cancel", "log")
        ]

    def test_a_mutation_that_fails_holds_no_other(self, comparison: Comparison) -> None:
        cancel = 'jobErase(input: {job: {path: {project: "1", job: "%s"}}}) { job { name } }'
        world = World(outcomes={("erase", 1, 9): ValueError("a bug")})

        answer = comparison.check(f"mutation {{ a: {cancel % 9} b: {cancel % 5} }}", world=world)

        assert answer.data == {"a": None, "b": {"job": {"name": "job 5"}}}

    @pytest.mark.parametrize(
        ("query", "log_of"),
        [
            (f"{{ {JOB} {{ {TAIL} }} }}", 6),
            (
                "mutation { jobErase(input: {job: {path: {project: 1, job: 9}}}) { job { %s } } }"
                % TAIL,
                9,
            ),
        ],
        ids=["query", "mutation"],
    )
    def test_resolvers_get_the_arguments_that_are_known_already(
        self, loop: SettlingLoop, query: str, log_of: int
    ) -> None:
        operation = DOCUMENTS.get(query).operation(None)
        plan = operation.plan(NO_VARIABLES)
        (tail,) = (slot for slot in plan.slots if slot.key == "tail")
        known = {tail.number: {"lines": 7, "max_bytes": 10, "format": LogFormat.RAW}}
        context = FakeContext(World(), loop)
        execution = PlanExecution(operation, plan, NO_VARIABLES, context, arguments=known)

        async def run() -> Any:
            executing: Any = execute_plan(execution)
            return await executing

        result = loop.run_until_complete(run())

        assert result.errors is None
        assert ("log", 1, log_of, "tail", 7, 10) in context.asked

    def test_what_needs_no_waiting_needs_no_loop(self) -> None:
        """No task, no future, no executor: the answer is there when `execute_plan` returns."""
        result = execute('{ __typename project(id: "7") { databaseId } }', None)

        assert result.data == {
            "__typename": "Query",
            "project": {"databaseId": 7},
        }
        assert result.errors is None


class Waiting:
    """A context whose loads never settle."""

    urls = None

    def __init__(self) -> None:
        self.futures: list[asyncio.Future[Any]] = []

    def job(self, *_: Any, **__: Any) -> asyncio.Future[Any]:
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]

    current_job = allowed_agents = cancel = job


class TestCancellation:
    @pytest.mark.parametrize(
        "query",
        [
            f"{{ {JOB} {{ name }} currentJob {{ id }} }}",
            f"{{ a: {JOB} {{ name }} b: {JOB} {{ name }} allowedAgents {{ groupIds }} }}",
            'mutation { jobCancel(input: {job: {path: {project: "1", job: "1"}}}) { __typename } }',
        ],
    )
    def test_a_run_that_is_cancelled_cancels_what_it_waits_for(self, query: str) -> None:
        context = Waiting()

        async def run() -> None:
            running = asyncio.ensure_future(execute(query, context))
            await turns()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

        asyncio.run(run())

        assert context.futures
        assert all(future.cancelled() for future in context.futures)

    def test_all_of_a_level_is_asked_for_and_cancelled_at_once(self, loop: SettlingLoop) -> None:
        waiting = Waiting()

        class Below(FakeContext):
            def log(self, project: Any, job_id: int) -> Any:
                reader = super().log(project, job_id)
                reader.byte_count = waiting.job
                return reader

        query = '{ project(id: "1") { jobs { nodes { name log { byteCount } } } } }'

        async def run() -> None:
            running = asyncio.ensure_future(execute(query, Below(World(), loop)))
            await loop.when_settled()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

        loop.run_until_complete(run())

        assert [future.cancelled() for future in waiting.futures] == [True] * 3

    def test_a_read_that_somebody_else_cancelled_is_an_error_of_its_field(self) -> None:
        context = Waiting()

        async def run() -> Any:
            running = asyncio.ensure_future(execute(f"{{ {JOB} {{ name }} __typename }}", context))
            await asyncio.sleep(0)
            context.futures[0].cancel()
            return await running

        result = asyncio.run(run())

        assert result.data == {"job": None, "__typename": "Query"}
        assert [error.path for error in result.errors] == [["job"]]


class Offering:
    """A context whose reads are offered; `tasks` are the names of those that did them."""

    urls = None

    def __init__(self) -> None:
        self.tasks: list[str] = []

    def current_job(self) -> Any:
        return offer(asyncio.get_running_loop(), self._read())

    def job(self, *_: Any, **__: Any) -> Any:
        return self.current_job()

    async def _read(self) -> entities.Job:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task.get_name())
        await asyncio.sleep(0)
        return entities.Job(1, "success", "rspec", ref="main", pipeline=entities.Pipeline(2))


class TestOffers:
    @pytest.mark.parametrize(
        ("query", "by_itself"),
        [
            ("{ currentJob { name } }", [True]),
            (f"{{ {JOB} {{ name }} currentJob {{ name }} }}", [False, False]),
        ],
    )
    def test_a_read_is_done_by_the_operation_itself_where_it_waits_for_no_other(
        self, query: str, by_itself: list[bool]
    ) -> None:
        context = Offering()

        async def run() -> Any:
            return await execute(query, context)

        async def named() -> Any:
            return await asyncio.create_task(run(), name="operation")

        result = asyncio.run(named())

        assert result.errors is None
        assert [name == "operation" for name in context.tasks] == by_itself

    def test_an_operation_that_is_cancelled_ends_the_read_it_does(self) -> None:
        context = Offering()

        async def run() -> None:
            await execute("{ currentJob { name } }", context)

        async def cancel() -> None:
            running = asyncio.create_task(run(), name="operation")
            await asyncio.sleep(0)
            assert context.tasks == ["operation"]
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert len(asyncio.all_tasks()) == 1

        asyncio.run(cancel())


class TestSharing:
    QUERY = """{ project(id: "1") { jobs { nodes {
                   name pipeline { jobs { nodes { id name } } } } } } }"""

    def test_parents_of_one_future_share_one_completion(self, comparison: Comparison) -> None:
        world = World(outcomes={("project jobs", 1, (), 20, False, True): with_one_pipeline})

        answer = comparison.check(self.QUERY, world=world)

        lists = [job["pipeline"]["jobs"] for job in answer.data["project"]["jobs"]["nodes"]]
        assert len(lists) == 3
        assert lists[0] is lists[1] is lists[2]
        assert [key[0] for key in answer.asked] == ["project jobs", "jobs"]

    def test_a_shared_failure_is_told_at_each_place_by_itself(self, comparison: Comparison) -> None:
        failure = Forbidden("hidden", endpoint=ENDPOINT, status=403)
        world = World(outcomes={("current job",): failure})

        answer = comparison.check("{ a: currentJob { id } b: currentJob { name } }", world=world)

        assert sorted(error.path for error in answer.failures) == [("a",), ("b",)]


def with_one_pipeline(listing: Any) -> Any:
    for item in listing.items:
        item.pipeline = World().pipeline(1, 9)
    return listing
