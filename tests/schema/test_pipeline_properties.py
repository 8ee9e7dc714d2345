"""Whatever happens to a pipeline while it is read: pages of its items, and of filtered jobs, repeat
and skip nothing; stages keep their order; figures and attempts are those of the world.

Jobs are created, retried and finished before each upstream call, by a life made at random.
"""

from collections import Counter, defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.execution.engine import Engine
from gateway.execution.running import Budget
from gateway.testing.server import serve
from gateway.upstream.client import Client
from tests.harness.over import DrivenOver, over_driven

STAGES = ["build", "test", "package", "deploy"]
lives = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
randoms = st.randoms(use_true_random=False)
rates = st.sampled_from([0.0, 0.3, 1.0])


class Living:
    """A layer of the client, before whose calls something may happen."""

    def __init__(self, below):
        self.before = lambda: None
        self._below = below

    async def send(self, call):
        self.before()
        return await self._below.send(call)


class Life:
    """One pipeline. `stayed` are the ids of the latest runs that nobody has retried."""

    def __init__(self, sandbox, random, rate, sizes):
        self.sandbox = sandbox
        self.random = random
        self.rate = rate
        self.pipeline = sandbox.create_pipeline(10)
        self.names = 0
        self.left = 15
        # The definition: stage after stage.
        self.stages = STAGES[: random.randint(1, len(STAGES))]
        for stage in self.stages:
            for _ in range(random.randint(1, sizes)):
                self.create(stage)
        self.stayed = {job.id for job in self.latest}

    @property
    def latest(self):
        return [job for job in self.every if not job.retried]

    @property
    def every(self):
        """All runs, newest first, but for the retried bridges, which nobody shows."""
        jobs = self.sandbox.jobs(10, self.pipeline)
        return [job for job in jobs if not (job.bridge and job.retried)]

    def create(self, stage):
        self.names += 1
        is_bridge = self.random.random() < 0.2
        fits = "unit" if self.random.random() < 0.3 else "other"
        self.sandbox.create_job(
            10,
            self.pipeline,
            name=f"{fits} {self.names}",
            stage=stage,
            status=self.random.choice(["success", "failed", "failed", "manual"]),
            bridge=is_bridge,
            worked=float(self.random.randint(0, 9)),
        )

    def go_on(self):
        if not self.left or self.random.random() >= self.rate:
            return
        self.left -= 1
        for _ in range(self.random.randint(1, 4)):
            self.change()

    def change(self):
        job = self.random.choice(self.latest)
        match self.random.choice(["create", "retry", "retry", "finish"]):
            case "create":
                self.create(self.random.choice(self.stages))
            case "finish":
                if not job.bridge:
                    ended = self.random.choice(["success", "failed"])
                    self.sandbox.set_status(job.id, ended)
            case _ if job.status in {"success", "failed"} and not job.bridge:
                self.stayed.discard(job.id)
                self.sandbox.retry(job.id)


class Asking:
    """Asks for one pipeline. Documents stay the same from page to page, so each is planned once."""

    def __init__(self, over):
        self._layer = Living(over.client._chain)
        engine = Engine(Client.over(self._layer), over.urls, budget=Budget(calls=5_000))
        self._over = DrivenOver(
            over.server, over.client, over.urls, engine, over.seconds, over.runner
        )
        self.sandbox = over.server.sandbox

    def pipeline(self, life, selected, *, living=False, cursor=None):
        self._layer.before = life.go_on if living else lambda: None
        asked = (
            f"query($p: PipelineRef!, $at: String) {{ pipeline(by: $p) {{ {selected} }} }}"
            if "$at" in selected
            else f"query($p: PipelineRef!) {{ pipeline(by: $p) {{ {selected} }} }}"
        )
        ref = {"path": {"project": "10", "pipeline": str(life.pipeline)}}
        given = {"p": ref} | ({"at": cursor} if cursor else {})
        response = self._over.run(self._over.execute(asked, given))
        assert not response.errors
        tally = response.tally
        assert tally.calls <= response.estimated_calls + tally.retried
        return response.data["pipeline"]

    def pages(self, life, field, arguments, *, backward):
        """The ids of all pages, newest first."""
        size, side, has, edge = (
            ("last", "before", "hasPreviousPage", "startCursor")
            if backward
            else ("first", "after", "hasNextPage", "endCursor")
        )
        selected = (
            f"{field}({size}: 7, {side}: $at{arguments})"
            f" {{ nodes {{ databaseId }} pageInfo {{ {has} {edge} }} }}"
        )
        cursor, found = None, []
        while True:
            page = self.pipeline(life, selected, living=True, cursor=cursor)[field]
            ids = [row["databaseId"] for row in page["nodes"]]
            found = ids + found if backward else found + ids
            if not page["pageInfo"][has]:
                return found
            cursor = page["pageInfo"][edge]


@pytest.fixture(scope="module")
def asking():
    world = {"projects": [{"id": 10, "path": "lab/open", "visibility": "public"}]}
    with serve(world=world) as server, over_driven(server) as over:
        yield Asking(over)


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@lives
@given(random=randoms, rate=rates)
def test_pages_of_items_repeat_and_skip_nothing(asking, backward, random, rate):
    life = Life(asking.sandbox, random, rate, 8)

    found = asking.pages(life, "items", "", backward=backward)

    assert found == sorted(set(found), reverse=True)
    assert life.stayed <= set(found)


@pytest.mark.parametrize("scan_limit", [5])
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@lives
@given(random=randoms, rate=rates)
def test_pages_of_filtered_jobs_do_neither(asking, backward, scan_limit, random, rate):
    life = Life(asking.sandbox, random, rate, 8)
    fitting = {job.id for job in life.latest if not job.bridge and job.name.startswith("unit")}

    arguments = f', filter: {{names: ["unit *"]}}, scanLimit: {scan_limit}'
    found = asking.pages(life, "jobs", arguments, backward=backward)

    assert found == sorted(set(found), reverse=True)
    assert life.stayed & fitting <= set(found)
    names = {job.id: job.name for job in life.every}
    assert all(names[job].startswith("unit") for job in found)


@lives
@given(random=randoms, changes=st.integers(0, 40))
def test_the_summary_is_a_count_over_the_world(asking, random, changes):
    life = Life(asking.sandbox, random, 1.0, 12)
    for _ in range(changes):
        life.change()

    summary = asking.pipeline(
        life,
        "summary { total partial failedCount computeTime longest { duration }"
        " byStatus { status count } failed(first: 1000) { databaseId } }",
    )["summary"]

    latest = life.latest
    counts = Counter(job.status.upper() for job in latest)
    failed = [job.id for job in latest if job.status == "failed"]
    durations = [job.duration for job in latest if job.duration is not None]
    assert {each["status"]: each["count"] for each in summary["byStatus"]} == counts
    assert (summary["total"], summary["partial"]) == (len(latest), False)
    assert [row["databaseId"] for row in summary["failed"]] == failed
    assert summary["failedCount"] == len(failed)
    assert summary["computeTime"] == pytest.approx(sum(durations))
    assert (summary["longest"] or {}).get("duration") == max(durations, default=None)


@lives
@given(random=randoms, rate=rates, changes=st.integers(0, 30))
def test_stages_keep_the_order_of_the_definition(asking, random, rate, changes):
    life = Life(asking.sandbox, random, rate, 40)
    for _ in range(changes):
        life.change()

    stages = asking.pipeline(life, "stages { nodes { name items { databaseId } } }", living=True)

    nodes = stages["stages"]["nodes"]
    found = [row["databaseId"] for stage in nodes for row in stage["items"]]
    assert [stage["name"] for stage in nodes] == life.stages
    assert len(found) == len(set(found))
    assert life.stayed <= set(found)


@lives
@given(random=randoms, changes=st.integers(0, 40))
def test_attempts_are_those_of_the_world(asking, random, changes):
    life = Life(asking.sandbox, random, 1.0, 8)
    for _ in range(changes):
        life.change()

    jobs = asking.pipeline(
        life,
        "jobs(first: 100, includeRetried: true)"
        " { nodes { databaseId attempts { nodes { databaseId } } retried flaky } }",
    )["jobs"]["nodes"]

    runs = defaultdict(list)
    for job in life.every:
        runs[job.name].append(job)
    expected = []
    for job in [job for job in life.every if not job.bridge][:100]:
        statuses = [run.status for run in reversed(runs[job.name])]
        flaky = "failed" in statuses and "success" in statuses[statuses.index("failed") :]
        expected.append(
            {
                "databaseId": job.id,
                "attempts": {"nodes": [{"databaseId": run.id} for run in runs[job.name]]},
                "retried": bool(job.retried),
                "flaky": flaky,
            }
        )
    assert jobs == expected
