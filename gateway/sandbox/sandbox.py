"""A Jobs API server to embed: state, time, faults and the ASGI application of one sandbox."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gateway.sandbox import demo, people
from gateway.sandbox.admin import admin_app
from gateway.sandbox.app import Api, Received, make_app
from gateway.sandbox.artifacts import artifact, columns
from gateway.sandbox.auth import job_token
from gateway.sandbox.clock import EPOCH, Clock, timestamp
from gateway.sandbox.instance import Instance
from gateway.sandbox.jsontext import compact
from gateway.sandbox.rows import JobRow, PipelineRow, ProjectRow, UserRow
from gateway.sandbox.store import Store
from gateway.sandbox.world import Builder, status_columns
from gateway.sandbox.world_file import load as load_world

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from starlette.types import ASGIApp

    from gateway.sandbox.faults import Fault
    from gateway.sandbox.limits import Limits
    from gateway.sandbox.profile import Profile

__all__ = ["Sandbox"]

_MAX_RECEIVED = 10_000
_TRAFFIC_S = 90.0


class Sandbox:
    """A GitLab to test against, in this process.

        with closing(Sandbox(profile="17")) as sandbox:
            serve(sandbox.app)                          # /api/v4 below any ASGI server
            token = sandbox.tokens["developer"]
            sandbox.advance(60)                         # a minute of runners at work

    `jobs` is how many builds project 6 has (1,200). `data` keeps the state in a file. `world`
    replaces the demo's projects (a mapping, or a JSON or YAML file: see `world_file`). Time stands
    still and moves by `advance` only, unless `live`: then it is the wall clock's, runners work
    while the app is served, and new pipelines come.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        jobs: int | None = None,
        data: Path | None = None,
        world: Path | Mapping[str, Any] | None = None,
        profile: Profile | str = "18",
        live: bool = False,
        now: Callable[[], datetime] | None = None,
        external_url: str = "http://127.0.0.1:8001",
        faults: Sequence[Fault] = (),
        admin: bool = False,
        record: bool = True,
    ) -> None:
        self._options = (seed, jobs, world)
        self._live = live
        source = now if now is not None or not live else lambda: datetime.now(UTC)
        self.store = Store(data)
        self._clock = Clock(EPOCH if source is None else source(), source)
        self._clock.skip(float(self.store.meta("skipped_s") or 0.0))
        self.faults: list[Fault] = list(faults)
        """What strikes requests, the first match first. Change it at any time."""
        self.landmarks: Mapping[str, int] = {}
        """Ids of the demo world's remarkable things by name, such as `debug_job` (see `demo`)."""
        if self.store.meta("seed") is None:
            self._build()
        else:
            self.store.index()
            self._read_landmarks()
        self._instance = Instance(
            self.store, self._clock, profile=profile, external_url=external_url
        )
        api = Api(self._instance, faults=lambda: self.faults, chance=Random(seed))  # noqa: S311 - seeded on purpose
        self.received: deque[Received] = deque(maxlen=_MAX_RECEIVED)
        """Every request, oldest first; the last 10,000. Empty with `record=False`."""
        if record:
            api.received = self.received
        self.app: ASGIApp = make_app(
            api, tick=self._tick if live else None, admin=admin_app(self) if admin else None
        )
        self._next_traffic = self._clock.now() + _TRAFFIC_S

    def close(self) -> None:
        self.store.close()

    # Settings that may change while it runs

    @property
    def tokens(self) -> Mapping[str, str]:
        """A credential for each role.

        admin, maintainer, developer, reporter, guest, outsider; read_only, expired, revoked and
        oauth (all the developer's); job_token (of a running job of project 1) and
        finished_job_token.
        """
        found = {token.role: token.text for token in self._instance.tokens.values()}
        for role in ("running", "finished"):
            if (job := self.store.meta(f"{role}_job")) is not None:
                name = "job_token" if role == "running" else "finished_job_token"
                found[name] = job_token(job)
        return MappingProxyType(found)

    @property
    def profile(self) -> Profile:
        """The GitLab version it answers as; set it by name or object."""
        return self._instance.profile

    @profile.setter
    def profile(self, profile: Profile | str) -> None:
        with self.store.lock:
            self._instance.profile = profile

    @property
    def limits(self) -> Limits:
        """The endpoint limiters, off until one is set: `sandbox.limits.project_jobs = 600`."""
        return self._instance.limits

    @property
    def object_storage(self) -> str | None:
        """Origin that artifact downloads are redirected to (302); None, the default, serves
        them.
        """
        return self._instance.object_storage

    @object_storage.setter
    def object_storage(self, origin: str | None) -> None:
        self._instance.object_storage = origin

    @property
    def now(self) -> datetime:
        """The world's time."""
        return datetime.fromtimestamp(self._clock.now(), UTC)

    # Time

    def advance(self, seconds: float) -> int:
        """Let this much time pass, runners at work; how many steps they took."""
        with self.store.lock:
            until = self._clock.now() + seconds
            steps = self._instance.runner.work_until(until)
            self._clock.skip(seconds)
            self.store.set_meta("skipped_s", self._clock.skipped_s)
            self.store.commit()
        return steps

    def _tick(self) -> None:
        with self.store.lock:
            self._instance.runner.work_until(self._clock.now())
            if self._clock.now() >= self._next_traffic and self._options[2] is None:
                self._next_traffic = self._clock.now() + _TRAFFIC_S
                self._push()
            self.store.commit()

    def _push(self) -> None:
        """Somebody pushed to project 1: a live demo never runs dry."""
        pipeline = self.create_pipeline(1, ref="main", user="developer")
        for name, stage in (
            ("compile", "build"),
            ("rspec", "test"),
            ("jest", "test"),
            ("deploy", "deploy"),
        ):
            first = stage == "build"
            self.create_job(
                1, pipeline, name=name, stage=stage, status="pending" if first else "created",
                planned_s=25.0, log_lines=200, moves=first,
            )  # fmt: skip

    # The world, for tests that need another one

    def create_pipeline(self, project: int = 1, **columns: Any) -> int:
        """A new pipeline and its commit; its id. `user` is a username, other names are
        PipelineRow's.
        """
        with self.store.lock:
            now = self._clock.now()
            user = self._user(columns.pop("user", "developer"))
            world = Builder(self.store, now=now, seed=self._options[0])
            given = {"status": "created", "user_id": user} | columns
            row = world.pipeline(
                project, created=now, id=self.store.next_id(PipelineRow), **given
            )._replace(iid=self.store.next_iid(project))
            world.close_pipeline(row)
            world.flush()
            self.store.commit()
        return row.id

    def create_job(
        self,
        project: int = 1,
        pipeline: int = 6,
        *,
        name: str = "job",
        status: str = "success",
        log: bytes | None = None,
        moves: bool = False,
        **columns: Any,
    ) -> int:
        """A new job, looking as one of this status does; its id.

        Names are JobRow's columns, and: `user` (a username or None), `artifacts` (file types),
        `tags`, `when`, `started` (whether it had started), `waited` and `worked` (seconds). A `log`
        is stored as given. Unless it `moves`, the simulated runner leaves it alone.
        """
        with self.store.lock:
            of = self.store.require(PipelineRow, pipeline)
            if of.project_id != project:
                raise ValueError(
                    f"pipeline {pipeline} is of project {of.project_id}, not {project}"
                )
            world = Builder(self.store, now=self._clock.now(), seed=self._options[0])
            given = {"created": self._clock.now(), "waited": 0.0, "worked": 0.0} | columns
            if "user" in given:
                given["user_id"] = self._user(given.pop("user"))
            if "when" in given:
                given["run_when"] = given.pop("when")
            if "tags" in given:
                given["tag_list_json"] = compact(sorted(given.pop("tags")))
            if given.get("bridge"):
                given.setdefault("tag_list_json", '["bridge"]')
                given["bridge"] = 1
            if moves:
                given["next_at"] = self._clock.now() + 3.0
            shown = self.profile.shown(status)
            row = world.job(
                of, name, status=shown, id=given.pop("id", self.store.next_id(JobRow)), **given
            )
            world.flush()
            if log is not None:
                self.store.set_log(row.id, log)
                if row.finished_at:
                    kept = columns_with_log(given.get("artifacts") or (), log)
                    self.store.update(JobRow, row.id, kept)
            self.store.commit()
        return row.id

    def set_status(self, job: int, status: str, **columns: Any) -> None:
        """Put a job into a status, with the times such a job has; its pipeline follows."""
        with self.store.lock:
            row = self.store.require(JobRow, job)
            now = self._clock.now()
            found = dict.fromkeys(
                ("queued_at", "started_at", "finished_at", "duration", "queued_duration",
                 "failure_reason", "next_at")
            )  # fmt: skip
            found |= status_columns(status, created=now, waited=0.0, worked=0.0)
            if status == "failed":
                found["failure_reason"] = "script_failure"
            changes = found | {"status": self.profile.shown(status)} | columns
            self._instance.actions.change(row, **changes)
            self.store.commit()

    def update_job(self, job: int, **columns: Any) -> None:
        """Write columns of JobRow as they are."""
        with self.store.lock:
            self.store.update(JobRow, job, columns)
            self.store.commit()

    def update_project(self, project: int, **columns: Any) -> None:
        """Write columns of ProjectRow, such as `refreshing=1` or `public_pipelines=0`."""
        with self.store.lock:
            self.store.update(ProjectRow, project, columns)
            self._instance.profile = self._instance.profile
            self.store.commit()

    def set_log(self, job: int, log: bytes | None) -> None:
        """Replace a job's log; None goes back to the written one."""
        with self.store.lock:
            self.store.set_log(job, log)
            self.store.commit()

    def retry(self, job: int, *, user: str = "developer") -> int:
        """Retry a job as the API does; the new job's id."""
        with self.store.lock:
            by = self.store.require(UserRow, self._user(user) or 0)
            made = self._instance.actions.retry(self.store.require(JobRow, job), by, inputs={})
            self.store.commit()
        return made.id

    def delete_job(self, job: int) -> None:
        """As if it had never been: lists close the gap, its id is unknown."""
        with self.store.lock:
            self.store.delete_job(job)
            self.store.commit()

    def jobs(
        self, project: int | None = None, pipeline: int | None = None, **columns: Any
    ) -> list[JobRow]:
        """Rows of builds and bridges as stored, id descending; `columns` must be equal."""
        with self.store.lock:
            wanted = {"project_id": project, "pipeline_id": pipeline}
            wanted = {name: value for name, value in wanted.items() if value is not None} | columns
            return self.store.find_jobs(wanted)

    def job_token(self, job: int) -> str:
        """The job token of any job; it is valid while the job runs."""
        return job_token(job)

    def reset(self) -> None:
        """Back to the fresh world; settings and faults stay, what was received is forgotten."""
        with self.store.lock:
            self.store.clear()
            self._clock.skip(-self._clock.skipped_s)
            self._build()
            self._instance.reload()
            self.received.clear()

    def _user(self, name: str | None) -> int | None:
        if name is None:
            return None
        if (user := self.store.user_named(name)) is None:
            raise LookupError(f"no such user: {name}")
        return user.id

    def _build(self) -> None:
        seed, jobs, world = self._options
        start = self._clock.now()
        people.populate(self.store, now=start)
        builder = Builder(self.store, now=start, seed=seed)
        if world is None:
            demo.build(builder, jobs=jobs)
        else:
            load_world(builder, world)
        self.store.index()
        self.store.set_meta("seed", seed)
        self.store.set_meta("built_at", timestamp(start))
        for name, number in builder.landmarks.items():
            self.store.set_meta(f"landmark {name}", number)
        running, finished = (
            builder.landmarks.get("running_job"),
            builder.landmarks.get("manual_finished_job"),
        )
        self.store.set_meta("running_job", running)
        self.store.set_meta("finished_job", finished)
        self.store.commit()
        self._read_landmarks()

    def _read_landmarks(self) -> None:
        self.landmarks = MappingProxyType(self.store.landmarks())


def columns_with_log(kinds: Sequence[str], log: bytes) -> dict[str, Any]:
    entries = [artifact(kind, 186) for kind in kinds]
    return columns([*entries, artifact("trace", len(log))])
