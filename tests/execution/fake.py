"""A context over a made-up upstream (`fake_world`).

Two contexts of equal `World`s answer alike, whatever is asked of them first. A rank made of the
seed and the key decides when an answer settles (`settling`). In the world of seed 0 all is well:
everything is there and nothing fails, but for what `outcomes` says.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from gateway.errors import (
    BadInput,
    Conflict,
    Forbidden,
    OutcomeUnknown,
    RequestRefused,
)
from gateway.loaders.descendants import Descendant, Descendants
from gateway.loaders.logs import ShownMatch
from gateway.upstream import entities
from gateway.upstream.calls.allowance import Allowance
from gateway.upstream.logs import LogFormat, LogPiece, LogSection, Search, format_log
from gateway.upstream.paging import WholeRows
from gateway.upstream.pruning import WHOLE
from tests.execution.fake_world import ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.execution.fake_world import Key, World
    from tests.execution.settling import SettlingLoop

__all__ = ["FakeContext"]

T = TypeVar("T")


class Listing(Struct, eq=False):
    items: list[Any]
    has_next: bool
    has_previous: bool
    total: int | None
    scanned: int = 0

    def cursor_of(self, item: Any) -> str:
        place = next(place for place, known in enumerate(self.items) if known is item)
        return f"cursor-{place}"


class Answer(asyncio.Future[Any]):
    """A load's answer; as with the gateway's own, one waiter's leaving does not cancel the
    others'.
    """

    def cancel(self, msg: Any | None = None) -> bool:
        return False


class Urls:
    """As `WebUrls`, as far as the schema asks."""

    web_url = "https://gitlab.test"

    def job(self, text: str) -> tuple[entities.ProjectKey, int]:
        return self._parse(text, "/-/jobs/")

    def pipeline(self, text: str) -> tuple[entities.ProjectKey, int]:
        return self._parse(text, "/-/pipelines/")

    def _parse(self, text: str, mark: str) -> tuple[entities.ProjectKey, int]:
        project, found, number = text.removeprefix("https://gitlab.test/").partition(mark)
        if not found:
            raise BadInput(f"webUrl: no such page: {text}")
        return project, int(number)

    def path_of(self, web_url: str | None) -> str | None:
        if web_url is None:
            return None
        return web_url.removeprefix("https://gitlab.test/").partition("/-/")[0]

    def artifact(self, project: entities.ProjectKey, job_id: int, file_type: str) -> str | None:
        return f"https://gitlab.test/{project}/{job_id}" if file_type == "archive" else None


class LogReader:
    def __init__(self, context: FakeContext, key: Key) -> None:
        self._context = context
        self._key = key

    def tail(self, lines: int, max_bytes: int) -> Any:
        piece = LogPiece(b"\x1b[32mthe end\x1b[0m", 5, 5 + max_bytes, truncated=False)
        return self._context.load((*self._key, "tail", lines, max_bytes), lambda: piece)

    def slice(self, from_byte: int, max_bytes: int) -> Any:
        piece = LogPiece(b"a piece", from_byte, from_byte + max_bytes, truncated=True)
        return self._context.load((*self._key, "slice", from_byte, max_bytes), lambda: piece)

    def text(self, piece: LogPiece, form: LogFormat) -> Any:
        key = (*self._key, "text", piece.raw, form)
        return self._context.load(key, lambda: format_log(piece.raw, form))

    def search(self, want: Search, form: LogFormat | None) -> Any:
        text = "" if form is None else format_log(b"\x1b[32ma line\x1b[0m", form)
        found = ShownMatch(7, 2**35, 2**35 + 7, text, [text] * want.before, [text] * want.after)
        return self._context.load((*self._key, want, form), lambda: [found] * want.first)

    def sections(self, first: int) -> Any:
        ended = LogSection(
            "a", "Title", 1, 0, 10, is_collapsed=True, end_line=2, end_byte=9, duration_s=5
        )
        begun = LogSection("b", None, 3, 2**35, 10, is_collapsed=False)
        return self._context.load((*self._key, "sections", first), lambda: [ended, begun][:first])

    def byte_count(self) -> Any:
        return self._context.load((*self._key, "bytes"), lambda: 2**35)

    def line_count(self) -> Any:
        return self._context.load((*self._key, "lines"), lambda: 7)


class Lists:
    """The whole lists of a pipeline."""

    def __init__(self, context: FakeContext, project: Any, pipeline_id: int) -> None:
        self._context = context
        self._project = project
        self._pipeline_id = pipeline_id

    def jobs(self) -> Any:
        return self._rows("jobs", self._context.world.job)

    def all_jobs(self) -> Any:
        return self._rows("all jobs", self._context.world.job)

    def bridges(self) -> Any:
        return self._rows("bridges", self._context.world.bridge)

    def _rows(self, name: str, make: Callable[[Any, int], Any]) -> Any:
        world, key = self._context.world, ("whole", self._project, self._pipeline_id, name)

        def rows() -> WholeRows[Any]:
            items = world.rows(4, key, partial(make, self._project))
            return WholeRows(items, len(items), is_cut=bool(world.roll(2, "cut", *key)))

        return self._context.load(key, rows, as_future=True)


class FakeContext:
    """What resolvers ask; the methods of `gateway.context.Context`. `asked` are the keys of all
    loads, in order, each once.

    Entities come as `readers` would have read them: pruned to what a plan takes.
    """

    cost = 3
    max_cost = 250
    max_page_size = 100
    readers = WHOLE

    def __init__(self, world: World, loop: SettlingLoop) -> None:
        self.world = world
        self.loop = loop
        self.urls = Urls()
        self.answers: dict[Key, Answer] = {}
        # What pruned pipelines were, by their `id`.
        self._whole: dict[int, tuple[Any, entities.Pipeline]] = {}

    @property
    def asked(self) -> list[Key]:
        return list(self.answers)

    def load(self, key: Key, make: Callable[[], Any], *, as_future: bool = False) -> Any:
        """The answer for a key: the same future for equal keys, or a coroutine that awaits it."""
        world = self.world
        if world.is_varied and world.chance(world.failing // 2, "at once", *key):
            raise BadInput(f"not with {key[-1]}")
        answer = self.answers.get(key)
        if answer is None:
            outcome = self._prune(world.outcome(key, make))
            answer = self.answers[key] = Answer(loop=self.loop)
            settle = partial(_settle, answer, outcome)
            if world.is_varied and world.roll(5, "settled", *key) == 1:
                settle()
            else:
                self.loop.settle((world.roll(1000, "rank", *key), repr(key)), settle)
        if world.is_varied and world.roll(4, "coroutine", *key) == 1 and not as_future:
            return _await(answer)
        return answer

    def _prune(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._prune(item) for item in value]
        if isinstance(value, Descendant):
            return replace(
                value, bridge=self._prune(value.bridge), pipeline=self._prune(value.pipeline)
            )
        if isinstance(value, Listing | WholeRows | Descendants):
            return replace(value, items=self._prune(value.items))
        class_: Any = self.readers.classes.get(value.__class__)
        if class_ is None:
            return value
        pruned = class_(
            **{name: self._prune(getattr(value, name)) for name in class_.__struct_fields__}
        )
        if isinstance(value, entities.Pipeline):
            self._whole[id(pruned)] = (pruned, value)
        return pruned

    def job(self, project: Any, job_id: int, pipeline_id: int | None = None) -> Any:
        return self.load(("job", project, job_id), lambda: self.world.job(project, job_id))

    def bridge(self, project: Any, pipeline_id: int, bridge_id: int) -> Any:
        key = ("bridge", project, pipeline_id, bridge_id)
        return self.load(key, lambda: self.world.bridge(project, bridge_id))

    def pipeline(self, project: Any, pipeline_id: int) -> Any:
        world = self.world
        key = ("pipeline", project, pipeline_id)
        return self.load(key, lambda: world.detail(world.pipeline(project, pipeline_id)))

    def project(self, key: Any) -> Any:
        number = key if isinstance(key, int) else 77
        project = entities.ProjectDetail(
            number, f"{key}/path", name=f"Project {key}", default_branch="main"
        )
        return self.load(("project", key), lambda: project)

    def commit(self, project: Any, sha: str, pipeline_id: int | None = None) -> Any:
        return self.load(("commit", project, sha), lambda: self.world.commit(sha))

    def artifacts(self, job: entities.Job) -> Any:
        return self.load(("artifacts", job.id), lambda: self.world.artifacts(job.id))

    def hydrate(self, entity: Any) -> Any:
        if isinstance(entity, entities.UpstreamHandle):
            return self.version()
        if isinstance(entity, entities.ProjectHandle):
            number = 1 + self.world.roll(9, "number", entity.key)
            key = ("hydrate", entity.key, entity.page_url)
            return self.load(key, lambda: replace(entity, number=number))
        key = ("hydrate", entity.project, entity.id)
        return self.load(key, lambda: self.world.detail(self._short(entity)))

    def _short(self, entity: Any) -> entities.Pipeline:
        if isinstance(entity, entities.Pipeline):
            return entity
        if id(entity) in self._whole:
            return self._whole[id(entity)][1]
        return self.world.pipeline(entity.project, entity.id)

    def project_jobs(
        self, project: Any, statuses: tuple[str, ...], window: Any, test: Any = None
    ) -> Any:
        make = partial(self.world.job, project)
        key: Key = ("project jobs", project, statuses)
        if test is not None:
            key = (*key, repr(test))
        return self._listing(key, window, make)

    def pipeline_jobs(
        self,
        project: Any,
        pipeline_id: int,
        statuses: tuple[str, ...],
        include_retried: bool,  # noqa: FBT001 - the signature
        window: Any,
        test: Any = None,
    ) -> Any:
        key: Key = ("jobs", project, pipeline_id, statuses, include_retried)
        if test is not None:
            key = (*key, repr(test))
        return self._listing(key, window, partial(self.world.job, project))

    def bridges(
        self, project: Any, pipeline_id: int, statuses: tuple[str, ...], window: Any
    ) -> Any:
        key = ("bridges", project, pipeline_id, statuses)
        return self._listing(key, window, partial(self.world.bridge, project))

    def items(
        self,
        project: Any,
        pipeline_id: int,
        statuses: tuple[str, ...],
        include_retried: bool,  # noqa: FBT001 - the signature
        window: Any,
    ) -> Any:
        key = ("items", project, pipeline_id, statuses, include_retried)

        def make(number: int) -> Any:
            world = self.world
            is_job = number % 2 or not world.seed
            return world.job(project, number) if is_job else world.bridge(project, number)

        return self._listing(key, window, make)

    def whole(self, project: Any, pipeline_id: int) -> Lists:
        return Lists(self, project, pipeline_id)

    def descendants(self, project: Any, pipeline_id: int, max_depth: int, at_most: int) -> Any:
        world, key = self.world, ("descendants", project, pipeline_id, max_depth, at_most)

        def below() -> Descendants:
            bridges = [world.bridge(project, number) for number in range(world.roll(3, *key), 3)]
            nodes = [
                Descendant(1 + place, bridge, world.outcome((*key, place), lambda: started))
                for place, bridge in enumerate(bridges)
                if (started := bridge.downstream_pipeline) is not None
            ]
            return Descendants(nodes, is_partial=bool(world.roll(2, "partial", *key)))

        return self.load(key, below)

    def pipelines(
        self,
        project: Any,
        status: str | None,
        filters: tuple[tuple[str, str], ...],
        window: Any,
    ) -> Any:
        key = ("pipelines", project, status, filters)
        return self._listing(key, window, partial(self.world.listed, project))

    def latest_pipeline(self, project: Any, ref: str | None) -> Any:
        world = self.world
        key = ("latest pipeline", project, ref)
        return self.load(key, lambda: world.detail(world.pipeline(project, 3)))

    def pipeline_variables(self, project: Any, pipeline_id: int) -> Any:
        key = ("variables", project, pipeline_id)
        return self.load(key, lambda: self.world.variables(pipeline_id))

    def tests(self, project: Any, pipeline_id: int) -> Any:
        key = ("tests", project, pipeline_id)
        return self.load(key, lambda: self.world.tests(project, pipeline_id))

    def _listing(self, key: Key, window: Any, make: Callable[[int], Any]) -> Any:
        world = self.world
        # What is asked of the rows beyond is told in the answer.
        beyond = (window.wants_next, window.wants_previous)

        def listing() -> Listing:
            total = world.maybe(2**31 - 1, "total", *key)
            return Listing(world.rows(window.size, key, make), *beyond, total)

        return self.load((*key, window.size, *beyond), listing)

    def log(self, project: Any, job_id: int) -> LogReader:
        return LogReader(self, ("log", project, job_id))

    def current_job(self) -> Any:
        return self.load(("current job",), lambda: self.world.job(1, 7))

    def current_user(self) -> Any:
        return self.load(("current user",), lambda: entities.User(7, "zoe", "Zoë"))

    def version(self) -> Any:
        return self.load(("version",), lambda: entities.UpstreamVersion("18.1.0", "abc"))

    def allowance(self) -> Allowance:
        return Allowance(60, 7, None)

    def allowed_agents(self) -> Any:
        return self.load(("agents",), self.world.agents)

    async def cancel(self, project: Any, job_id: int, *, force: bool = False) -> Any:
        return await self._write("cancel", project, job_id, force)

    async def retry(
        self, project: Any, job_id: int, *, is_bridge: bool | None = None, inputs: Any = None
    ) -> Any:
        return await self._write("retry", project, job_id, is_bridge, inputs)

    async def erase(self, project: Any, job_id: int) -> Any:
        return await self._write("erase", project, job_id)

    async def play(
        self,
        project: Any,
        job_id: int,
        *,
        variables: Sequence[tuple[str, str]] = (),
        inputs: Any = None,
    ) -> Any:
        return await self._write("play", project, job_id, *variables, inputs)

    async def retry_pipeline(self, project: Any, pipeline_id: int) -> Any:
        return await self._write_pipeline("retry", project, pipeline_id)

    async def cancel_pipeline(self, project: Any, pipeline_id: int) -> Any:
        return await self._write_pipeline("cancel", project, pipeline_id)

    def _write_pipeline(self, action: str, project: Any, pipeline_id: int) -> Awaitable[Any]:
        world, key = self.world, (action, "pipeline", project, pipeline_id)
        choices: list[Callable[[], Any]] = [
            lambda: world.detail(world.pipeline(project, pipeline_id)),
            lambda: Forbidden("no", endpoint=ENDPOINT, status=403),
            lambda: OutcomeUnknown("lost", endpoint=ENDPOINT),
        ]
        return _await(self.load(key, choices[world.roll(len(choices), "write", *key)]))

    def _write(self, action: str, project: Any, job_id: int, *how: Any) -> Awaitable[Any]:
        world = self.world
        key = (action, project, job_id, *map(repr, how))

        def answer() -> Any:
            refused = partial(RequestRefused, endpoint=ENDPOINT, status=400)
            choices: list[Callable[[], Any]] = [
                lambda: world.job(project, job_id),
                lambda: world.bridge(project, job_id),
                # As the oldest upstreams answer.
                lambda: replace(world.job(project, job_id), pipeline=None, artifacts=None),
                lambda: Forbidden("no", endpoint=ENDPOINT, status=403, reason="Job not retryable"),
                lambda: Conflict("busy", endpoint=ENDPOINT, status=409),
                lambda: refused("bad", reason="unknown input"),
                lambda: OutcomeUnknown("lost", endpoint=ENDPOINT),
            ]
            return choices[world.roll(len(choices), "write", *key)]()

        return _await(self.load(key, answer))


def _settle(answer: Answer, outcome: Any) -> None:
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
        # Nobody has to have waited for it.
        answer.exception()
    else:
        answer.set_result(outcome)


async def _await(answer: Any) -> Any:
    return await answer
