"""A Jobs API server to embed: its world, time, faults and ASGI application."""

from __future__ import annotations

import sqlite3
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gateway.sandbox.demo import build as build_demo
from gateway.sandbox.editor import Editor
from gateway.sandbox.http.admin import Admin
from gateway.sandbox.http.app import Api, Received, make_app
from gateway.sandbox.http.credentials import JOB_TOKEN_ROLES, job_token
from gateway.sandbox.http.instance import Instance
from gateway.sandbox.world import people
from gateway.sandbox.world.builder import Builder
from gateway.sandbox.world.clock import EPOCH, Clock
from gateway.sandbox.world.file import load as load_world
from gateway.sandbox.world.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from starlette.types import ASGIApp

    from gateway.sandbox.http.faults import Fault
    from gateway.sandbox.http.limits import Limits
    from gateway.sandbox.profile import Profile

__all__ = ["Sandbox"]

_MAX_RECEIVED = 10_000
_TRAFFIC_S = 90.0
# Of a world that is kept to be copied: images of larger ones would take more than megabytes.
_MAX_COPIED_JOBS = 2_000
# Not every build of SQLite has images.
_HAS_IMAGES = hasattr(sqlite3.Connection, "deserialize")


class Sandbox(Editor):
    """A GitLab to test against, in this process.

        with closing(Sandbox(profile="17")) as sandbox:
            serve(sandbox.app)                  # /api/v4, under any ASGI server
            token = sandbox.tokens["developer"]
            sandbox.advance(60)                 # a minute of runners at work

    `seed` varies the demo world. `jobs` is how many builds its project 6 has (1,200). `data` is a
    file to keep the state in. `world` replaces the demo's projects: a mapping, or a JSON or YAML
    file (see `world.file_format`). Time stands still and moves by `advance` alone. With `live` it
    is the wall clock's: while the app is served, runners work and people push. `now` is another
    source of time. `admin` adds the admin endpoint at /sandbox.
    """

    def __init__(  # noqa: PLR0913 - options, each by keyword
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
        self._seed, self._jobs, self._world, self._data = seed, jobs, world, data
        source = _wall_clock if live and now is None else now
        self.store = Store(data)
        self._clock = Clock(EPOCH if source is None else source(), source)
        try:
            self._clock.skip(float(self.store.meta("skipped_s") or 0.0))
            if self.store.meta("seed") is None:
                self._build()
            self._instance = Instance(
                self.store, self._clock, profile=profile, external_url=external_url
            )
        except BaseException:
            # A mistake in the world, or of the profile's name.
            self.store.rollback()
            self.store.close()
            raise
        self.landmarks: Mapping[str, int] = MappingProxyType(self.store.landmarks())
        """Ids by name of what a test may look for in the demo, such as `debug_job` (see `demo`)."""
        self.faults: list[Fault] = list(faults)
        """The faults in force; the first that matches strikes. Change the list at any time."""
        self.received: deque[Received] = deque(maxlen=_MAX_RECEIVED)
        """The last 10,000 requests, oldest first. Empty with `record=False`."""
        chance = Random(seed)
        api = Api(
            self._instance,
            faults=lambda: self.faults,
            chance=chance,
            received=self.received if record else None,
            after_write=self._restock,
        )
        self.app: ASGIApp = make_app(
            api, tick=self._tick if live else None, admin=Admin(self).app if admin else None
        )
        """The ASGI application. It also runs in process, without a server or its lifespan."""
        self._next_push = self._clock.now() + _TRAFFIC_S

    def close(self) -> None:
        """Close the state. The app cannot answer any more."""
        self.store.close()

    # Settings that may change at any time

    @property
    def tokens(self) -> Mapping[str, str]:
        """A credential for each role, the same in every world.

        admin, maintainer, developer, reporter, guest, outsider; read_only, expired, revoked and
        oauth, all the developer's; job_token of a running job (the demo's job 8),
        finished_job_token.
        """
        roles = {token.role: token.text for token in self._instance.tokens.values()}
        return MappingProxyType(roles | JOB_TOKEN_ROLES)

    def job_token(self, job: int) -> str:
        """The job token of any job; it is valid while the job runs."""
        return job_token(job)

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
        """Origin to redirect artifact downloads to (302). None, the default, serves them."""
        return self._instance.object_storage

    @object_storage.setter
    def object_storage(self, origin: str | None) -> None:
        self._instance.object_storage = origin

    # Time

    @property
    def now(self) -> datetime:
        """The world's time."""
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def advance(self, seconds: float) -> int:
        """Let time pass while runners work, and return how many steps they took."""
        with self.store.lock:
            steps = self._instance.runner.work_until(self._clock.now() + seconds)
            self._clock.skip(seconds)
            self.store.set_meta("skipped_s", self._clock.skipped_s)
            self.store.commit()
        return steps

    def reset(self) -> None:
        """Go back to the fresh world. Settings and faults stay; `received` is emptied."""
        with self.store.lock:
            self.store.clear()
            self._clock.skip(-self._clock.skipped_s)
            self._build()
            self._instance.reload()
            self.received.clear()

    def _tick(self) -> None:
        """A moment of a live world."""
        with self.store.lock:
            now = self._clock.now()
            self._instance.runner.work_until(now)
            if now >= self._next_push and self._world is None:
                self._next_push = now + _TRAFFIC_S
                self._push()
            self.store.commit()

    def _push(self) -> None:
        """Somebody pushed to project 1: a live demo never runs dry."""
        pipeline = self.create_pipeline(1)
        working: dict[str, Any] = {"planned_s": 25.0, "log_lines": 100}
        self.create_job(
            1, pipeline, name="compile", stage="build", status="pending", moves=True, **working
        )
        for name, stage in (("rspec", "test"), ("jest", "test"), ("deploy", "deploy")):
            self.create_job(1, pipeline, name=name, stage=stage, status="created", **working)
        by_hand: dict[str, Any] = {"status": "manual", "when": "manual", "allow_failure": 1}
        self.create_job(1, pipeline, name="review app", stage="deploy", **by_hand, **working)

    def _restock(self) -> None:
        """Project 1 of the demo always has a job that waits for a person: where the last one was
        started or canceled, somebody pushes.
        """
        waiting = {"project_id": 1, "status": "manual", "bridge": 0, "archived": 0}
        if self._world is None and not self.store.find_jobs(waiting, limit=1):
            self._push()

    def _build(self) -> None:
        now = self._clock.now()
        is_demo = self._world is None and now == EPOCH.timestamp()
        if _HAS_IMAGES and is_demo and not self._data and (self._jobs or 0) <= _MAX_COPIED_JOBS:
            self.store.restore(_demo_image(self._seed, self._jobs))
        else:
            _make(self.store, self._world, seed=self._seed, jobs=self._jobs, now=now)


@lru_cache(maxsize=4)
def _demo_image(seed: int, jobs: int | None) -> bytes:
    """The demo at the epoch. It is made once: whoever tests with it wants it afresh for each."""
    store = Store()
    _make(store, None, seed=seed, jobs=jobs, now=EPOCH.timestamp())
    image = store.image()
    store.close()
    return image


def _make(
    store: Store,
    world: Path | Mapping[str, Any] | None,
    *,
    seed: int,
    jobs: int | None,
    now: float,
) -> None:
    people.populate(store, now=now)
    builder = Builder(store, now=now, seed=seed)
    if world is None:
        build_demo(builder, jobs=jobs)
    else:
        load_world(builder, world)
    store.index()
    store.set_meta("seed", seed)
    for name, number in builder.landmarks.items():
        store.set_meta(f"landmark {name}", number)
    store.commit()


def _wall_clock() -> datetime:
    return datetime.now(UTC)
