"""A made-up upstream: every entity and every failure is a function of a seed and a key.

In the world of seed 0 all is well: everything is there and nothing fails, but for what `outcomes`
says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

from msgspec import UNSET
from msgspec.structs import replace

from gateway.errors import (
    Forbidden,
    NotFound,
    UpstreamInvalid,
    UpstreamTimeout,
)
from gateway.schema.enums import Status
from gateway.upstream import entities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ENDPOINT", "Key", "World"]

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
        # A handle, as the upstream's is, is hydrated to something, or not at all.
        count = len(failures) - (key[0] in {"hydrate", "version"})
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

    def variables(self, number: int) -> list[entities.PipelineVariable]:
        kinds = (None, "env_var", "file")
        return [
            entities.PipelineVariable(
                f"KEY_{place}",
                self.maybe("value", "variable", number, place),
                kinds[self.roll(3, "kind of variable", number, place)],
            )
            for place in range(2)
        ]

    def tests(self, project: entities.ProjectKey, number: int) -> entities.ReportedTests:
        counts = entities.ReportedCounts(7, 4, 1, self.maybe(2, "skipped", number), 0, 1.5)
        suite = entities.ReportedSuite(
            self.maybe("rspec", "suite", number),
            7,
            4,
            1,
            self.maybe(2, "skipped in suite", number),
            0,
            1.5,
            # One of a pipeline's list, and one that is not there.
            [self.job(project, 1).id, 999],
            self.maybe("too long", "suite error", number),
            (project, number),
        )
        return entities.ReportedTests(
            self.maybe(counts, "total of tests", number), [suite][: 1 + self.roll(2, "no suites")]
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
