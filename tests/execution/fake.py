"""A context over a made-up upstream: every entity and every failure is a function of a seed and a
key.

Two contexts of equal `World`s answer alike, whatever is asked of them first. A rank made of the
seed and the key decides when an answer settles (`settling`). In the world of seed 0 all is well:
everything is there and nothing fails, but for what `outcomes` says.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

from msgspec import UNSET, Struct
from msgspec.structs import replace

from gateway.errors import (
    BadInput,
    Conflict,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    RequestRefused,
    UpstreamInvalid,
    UpstreamTimeout,
)
from gateway.schema.enums import Status
from gateway.upstream import entities
from gateway.upstream.logs import LogFormat, LogPiece, format_log
from gateway.upstream.pruning import WHOLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from tests.execution.settling import SettlingLoop

__all__ = ["FakeContext", "World"]

T = TypeVar("T")
Key = tuple[Any, ...]

STATUSES = ("success", *(status.value for status in Status if status.value), "mystery")
REASONS = (None, "script_failure", "runner_system_failure", "a_reason_of_tomorrow")
WHEN = "2026-11-0{}T09:00:00.000+02:00"
ENDPOINT = "GET /made/up"


@dataclass(frozen=True, slots=True)
class World:
    """What the upstream holds. `failing` of 100 loads fail or give nothing; `sparse` of 100
    optional values are null.

    `outcomes` overrides single loads: a value, an exception to fail with, or a function to call
    with the made-up value.
    """

    seed: int = 0
    failing: int = 0
    sparse: int = 0
    outcomes: Mapping[Key, Any] = field(default_factory=dict)
    # How loads give their answers: all as futures that settle later, or at times already settled
    # ones, coroutines and immediate failures.
    is_varied: bool = False

    def roll(self, sides: int, *key: Any) -> int:
        """A die of the world: for one key always the same, 0 in the world of seed 0."""
        return crc32(repr((self.seed, key)).encode()) % sides if self.seed else 0

    def chance(self, percent: int, *key: Any) -> bool:
        return percent > 0 and crc32(repr((self.seed, key)).encode()) % 100 < percent

    def maybe(self, value: T, *key: Any) -> T | None:
        """The value, or null in a sparse world."""
        return None if self.chance(self.sparse, "null", *key) else value

    def outcome(self, key: Key, make: Callable[[], Any]) -> Any:
        """What a load gives; an exception is what it fails with."""
        override = self.outcomes.get(key, self)
        if override is not self:
            return override(make()) if callable(override) else override
        if not self.chance(self.failing, "fails", *key):
            return make()
        what = f"{key[0]} {key[-1]}"
        failures: tuple[Any, ...] = (
            NotFound(f"no {what}", endpoint=ENDPOINT, status=404),
            Forbidden(f"hidden {what}", endpoint=ENDPOINT, status=403),
            UpstreamTimeout(f"{what} took too long", endpoint=ENDPOINT),
            UpstreamInvalid(f"{what} makes no sense", endpoint=ENDPOINT, status=200),
            ValueError(f"a bug around {what}"),
            None,
        )
        # A handle is hydrated to something, or not at all.
        count = len(failures) - (key[0] == "hydrate")
        return failures[self.roll(count, "failure", *key)]

    def user(self, number: int) -> entities.User | None:
        user = entities.User(
            number,
            f"user{number}",
            f"Ünal {number}",
            state=self.maybe("active", "state", number),
            created_at=self.maybe(WHEN.format(1), "user created", number),
        )
        return self.maybe(user, "user", number)

    def commit(self, sha: str) -> entities.Commit:
        return entities.Commit(
            sha,
            sha[:4],
            f"title of {sha}",
            message=self.maybe(f"title of {sha}\r\n\r\nmore", "message", sha),
            author_name=self.maybe("Zoë", "author", sha),
            author_email="zoe@example.com",
            parent_ids=self.maybe([f"{sha}0", f"{sha}1"][: self.roll(3, "parents", sha)], sha),
        )

    def pipeline(self, project: entities.ProjectKey, number: int) -> entities.Pipeline:
        is_numbered = isinstance(project, int)
        return entities.Pipeline(
            number,
            sha=self.maybe(f"sha{number % 3}", "sha", number),
            ref=self.maybe("main", "ref", number),
            status=self.maybe(STATUSES[self.roll(len(STATUSES), "status", number)], number),
            source="push",
            created_at=WHEN.format(2),
            web_url=self.maybe(f"https://gitlab.test/a/b/-/pipelines/{number}", "url", number),
            iid=self.maybe(2**33 + number, "iid", number),
            project_id=project if is_numbered else None,
            asked_project=None if is_numbered else project,
        )

    def listed(self, project: entities.ProjectKey, number: int) -> entities.Pipeline:
        """A row of the pipelines list: with its name, but for older upstreams'."""
        name = UNSET if self.roll(3, "has no name", number) == 1 else self.name(number)
        return replace(self.pipeline(project, number), name=name)

    def name(self, number: int) -> str | None:
        return self.maybe(f"pipeline {number}", "name", number)

    def detail(self, short: entities.Pipeline) -> entities.PipelineDetail:
        """The long form, which agrees with the short one; so does its name with a list's."""
        number = short.id
        known = {name: getattr(short, name) for name in short.__struct_fields__ if name != "name"}
        return entities.PipelineDetail(
            **known,
            name=self.name(number),
            tag=False,
            user=self.user(number),
            started_at=self.maybe(WHEN.format(3), "started", number),
            duration=self.maybe(number + 0.5, "duration", number),
            coverage=self.maybe("71.80", "coverage", number),
        )

    def job(self, project: entities.ProjectKey, number: int) -> entities.Job:
        maybe = self.maybe

        def roll(sides: int, what: str) -> int:
            return self.roll(sides, what, number)

        pipeline = self.pipeline(project, 1 + number % 4)
        return entities.Job(
            number,
            STATUSES[roll(len(STATUSES), "status")],
            f"job {number}",
            ref=maybe("main", "ref of job", number),
            stage=maybe("test", "stage", number),
            tag=bool(roll(2, "tag")),
            coverage=maybe(12.5, "coverage of job", number),
            created_at=maybe(WHEN.format(4), "created", number),
            duration=0.173,
            failure_reason=REASONS[roll(len(REASONS), "reason")],
            web_url=maybe(f"https://gitlab.test/a/b/-/jobs/{number}", "job url", number),
            user=self.user(number % 3),
            commit=maybe(self.commit(f"sha{number % 3}"), "commit", number),
            pipeline=maybe(pipeline, "pipeline", number),
            project=maybe(entities.ProjectFlags(ci_job_token_scope_enabled=True), "flags", number),
            artifacts=maybe(self.artifacts(number), "artifacts", number),
            artifacts_file=entities.ArchiveFile("a.zip", 2**34) if roll(2, "file") else None,
            runner=maybe(entities.Runner(number, paused=False), "runner", number),
            runner_manager=maybe(
                entities.RunnerManager(number, maybe("s_1", "system", number)), "manager", number
            ),
            archived=(None, False, True)[roll(3, "archived")],
            tag_list=(["linux", "ünï"], [], None)[roll(3, "tags")],
            asked_project=project,
        )

    def bridge(self, project: entities.ProjectKey, number: int) -> entities.Bridge:
        return entities.Bridge(
            number,
            STATUSES[self.roll(len(STATUSES), "bridge", number)],
            f"bridge {number}",
            ref="main",
            created_at=WHEN.format(5),
            user=self.user(number % 3),
            pipeline=self.pipeline(project, 1 + number % 4),
            downstream_pipeline=self.maybe(self.pipeline(5, 4), "downstream", number),
            asked_project=project,
        )

    def artifacts(self, number: int) -> list[entities.Artifact]:
        kinds = ("archive", "trace", "junit")
        return [
            entities.Artifact(
                kind,
                2**32 + number,
                self.maybe(f"{kind}.x", "file", kind, number),
                job=(1, number),
            )
            for kind in kinds[self.roll(4, "files", number) :]
        ]

    def agents(self) -> entities.AllowedAgents:
        project = entities.AgentProject(4, name="agents", path_with_namespace="a/agents")
        return entities.AllowedAgents(
            [
                entities.AllowedAgent(
                    number,
                    self.maybe(project, "config", number),
                    {"access_as": {"agent": {}}, "names": ["ü", None, 1.5]},
                )
                for number in (1, 2)
            ],
            project=self.maybe(entities.AgentsProject(3, [entities.NumberOnly(8)]), "of agents"),
            user=self.maybe(entities.AgentUser(2, "zoe", roles_in_project=["guest"]), "agent user"),
            environment=self.maybe(entities.AgentEnvironment("prod"), "environment"),
        )

    def rows(self, size: int, key: Key, make: Callable[[int], T]) -> list[T | UpstreamInvalid]:
        """At most four rows, newest first, at times with one that cannot be read."""
        count = min(size, self.roll(5, "count", *key) if self.seed else 3)
        offset = self.roll(6, "offset", *key)
        return [
            UpstreamInvalid(f"row {number} is broken", endpoint=ENDPOINT, status=200)
            if self.chance(self.failing, "row", number, *key)
            else make(number)
            for number in range(offset + count, offset, -1)
        ]


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

    def byte_count(self) -> Any:
        return self._context.load((*self._key, "bytes"), lambda: 2**35)

    def line_count(self) -> Any:
        return self._context.load((*self._key, "lines"), lambda: 7)


class FakeContext:
    """What resolvers ask; the methods of `gateway.context.Context`. `asked` are the keys of all
    loads, in order, each once.

    Entities come as `readers` would have read them: pruned to what a plan takes.
    """

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

    def load(self, key: Key, make: Callable[[], Any]) -> Any:
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
        if world.is_varied and world.roll(4, "coroutine", *key) == 1:
            return _await(answer)
        return answer

    def _prune(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._prune(item) for item in value]
        if isinstance(value, Listing):
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
        handle = entities.ProjectHandle(key if isinstance(key, int) else 77, f"{key}/path")
        return self.load(("project", key), lambda: handle)

    def commit(self, project: Any, sha: str, pipeline_id: int | None = None) -> Any:
        return self.load(("commit", project, sha), lambda: self.world.commit(sha))

    def artifacts(self, job: entities.Job) -> Any:
        return self.load(("artifacts", job.id), lambda: self.world.artifacts(job.id))

    def hydrate(self, entity: Any) -> Any:
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

    def project_jobs(self, project: Any, statuses: tuple[str, ...], window: Any) -> Any:
        make = partial(self.world.job, project)
        return self._listing(("project jobs", project, statuses), window, make)

    def pipeline_jobs(
        self,
        project: Any,
        pipeline_id: int,
        statuses: tuple[str, ...],
        include_retried: bool,  # noqa: FBT001 - the signature
        window: Any,
    ) -> Any:
        key = ("jobs", project, pipeline_id, statuses, include_retried)
        return self._listing(key, window, partial(self.world.job, project))

    def bridges(
        self, project: Any, pipeline_id: int, statuses: tuple[str, ...], window: Any
    ) -> Any:
        key = ("bridges", project, pipeline_id, statuses)
        return self._listing(key, window, partial(self.world.bridge, project))

    def pipelines(
        self,
        project: Any,
        ref: str | None,
        sha: str | None,
        status: str | None,
        source: str | None,
        window: Any,
    ) -> Any:
        key = ("pipelines", project, ref, sha, status, source)
        return self._listing(key, window, partial(self.world.listed, project))

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
