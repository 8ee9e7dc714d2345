"""Random actions by random roles: the sandbox and a small model (upstream.md, 7) never disagree.

The model knows the table, the roles (upstream.md, 4) and not the sandbox. It compares the answer of
every action, then the job itself, its log and its pipeline's list; at the end every job once more.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.sandbox.callers import Lab

FORBIDDEN = (403, "403 Forbidden")
UNAUTHORIZED = (401, "401 Unauthorized")
NOT_FOUND = (404, "404 Not found")
PROJECT_UNKNOWN = (404, "404 Project Not Found")

WAITING = {"created", "waiting_for_resource", "preparing", "waiting_for_callback", "pending"}
CANCELABLE = WAITING | {"running", "scheduled", "manual"}
COMPLETE = {"success", "failed", "canceled", "skipped"}
RETRYABLE = {"success", "failed", "canceled", "canceling"}
STATUSES = sorted(CANCELABLE | COMPLETE | {"canceling"})
ACTIONS = ("cancel", "force", "retry", "play", "erase")
SUCCESS = {"cancel": 201, "force": 201, "retry": 201, "play": 200, "erase": 201}

LEVELS = {"guest": 10, "reporter": 20, "developer": 30, "oauth": 30, "maintainer": 40, "admin": 60}
ROLES = (*LEVELS, "outsider", "read_only", "expired", "revoked", None)
OAUTH_USER = "developer"


@dataclass(frozen=True)
class Job:
    """What the model knows of one job or bridge."""

    id: int
    status: str
    when: str
    by: str
    pipeline: int
    bridge: bool = False
    has_files: bool = False
    retried: bool = False
    archived: bool = False
    graceful: bool = False
    writes: bool = False
    """It leaves a log when it ends: jobs the sandbox made by itself do."""

    def ended(self, status: str) -> "Job":
        ran = self.status in {"running", "canceling"}
        return replace(self, status=status, has_files=self.has_files or (ran and self.writes))


@dataclass(frozen=True)
class Outcome:
    """What an action gives: a refusal, or the job as it is after and the clone if one was made."""

    refusal: tuple[int, str] | None = None
    job: Job | None = None
    clone_by: str | None = None


def expected(job: Job, action: str, role: str | None) -> Outcome:
    """The answer that is due. The lab's project is private, its ref unprotected."""
    if refusal := refused_access(role):
        return Outcome(refusal)
    return {"cancel": cancel, "force": force, "retry": retry, "play": play, "erase": erase}[action](
        job, role
    )


def refused_access(role: str | None) -> tuple[int, str] | None:
    if role is None:
        return UNAUTHORIZED
    if role in {"expired", "revoked"}:
        return 401, "invalid_token"
    if role == "read_only":
        return 403, "insufficient_scope"
    if role == "outsider":
        return PROJECT_UNKNOWN
    return None


def cancel(job: Job, role: str) -> Outcome:
    if LEVELS[role] < LEVELS["developer"]:
        return Outcome(FORBIDDEN)
    if job.bridge:
        return Outcome(NOT_FOUND)
    if job.status == "running" and job.graceful:
        return Outcome(job=replace(job, status="canceling"))
    if job.status in CANCELABLE:
        return Outcome(job=job.ended("canceled"))
    return Outcome(job=job)


def force(job: Job, role: str) -> Outcome:
    if LEVELS[role] < LEVELS["developer"]:
        return Outcome(FORBIDDEN)
    if job.bridge:
        return Outcome(NOT_FOUND)
    if LEVELS[role] < LEVELS["maintainer"]:
        return Outcome(FORBIDDEN)
    return Outcome(job=job.ended("canceled") if job.status == "canceling" else job)


def retry(job: Job, role: str) -> Outcome:
    if LEVELS[role] < LEVELS["developer"] or job.archived:
        return Outcome(FORBIDDEN)
    if job.status not in RETRYABLE or job.retried:
        return Outcome((403, "403 Forbidden - Job is not retryable"))
    return Outcome(job=replace(job, retried=True), clone_by=role)


def play(job: Job, role: str) -> Outcome:
    if LEVELS[role] < LEVELS["developer"] or job.archived:
        return Outcome(FORBIDDEN)
    unplayable = Outcome((400, "400 Bad request - Unplayable Job"))
    if job.bridge:
        waits = job.when == "manual" and job.status == "manual"
        return Outcome(job=replace(job, status="started", by=role)) if waits else unplayable
    if job.when not in {"manual", "delayed"}:
        return unplayable
    if job.status in {"manual", "scheduled"}:
        return Outcome(job=replace(job, status="pending", by=role))
    if job.status in RETRYABLE and not job.retried:
        return Outcome(job=replace(job, retried=True), clone_by=role)
    return unplayable


def erase(job: Job, role: str) -> Outcome:
    if job.bridge:
        return Outcome(NOT_FOUND)
    owns = LEVELS[role] == LEVELS["developer"] and job.by in {"developer", "oauth"}
    if job.archived or not (LEVELS[role] >= LEVELS["maintainer"] or owns):
        return Outcome(FORBIDDEN)
    if job.status not in COMPLETE or not job.has_files:
        return Outcome((403, "403 Forbidden - Job is not erasable!"))
    return Outcome(job=replace(job, has_files=False))


DRAFTS = st.lists(
    st.builds(
        Job,
        id=st.just(0),
        status=st.sampled_from(STATUSES),
        when=st.sampled_from(["on_success", "manual", "delayed"]),
        by=st.sampled_from(["developer", "maintainer"]),
        pipeline=st.just(0),
        has_files=st.booleans(),
        archived=st.integers(0, 5).map(lambda number: number == 5),
        graceful=st.booleans(),
    ),
    min_size=6,
    max_size=16,
)
BRIDGE_DRAFTS = st.lists(
    st.builds(
        Job,
        id=st.just(0),
        status=st.sampled_from([word for word in STATUSES if word != "canceling"]),
        when=st.sampled_from(["on_success", "manual"]),
        by=st.just("maintainer"),
        pipeline=st.just(0),
        bridge=st.just(value=True),
    ),
    min_size=1,
    max_size=4,
)
PLACES = st.integers(0, 10_000)  # taken modulo the number of jobs there are


class SandboxAgainstModel(RuleBasedStateMachine):
    """Jobs of one project, each in a pipeline of its own. `make_lab` is set by the test below."""

    make_lab: Callable[[], Lab]

    def __init__(self):
        super().__init__()
        self.lab = self.make_lab()
        self.known: dict[int, Job] = {}
        self.touched: set[int] = set()

    @initialize(jobs=DRAFTS, bridges=BRIDGE_DRAFTS)
    def start(self, jobs, bridges):
        for draft in [*jobs, *bridges]:
            pipeline = self.lab.pipeline(project=11)
            facts = {"project": 11, "pipeline": pipeline, "when": draft.when, "user": draft.by}
            if draft.bridge:
                number = self.lab.bridge(draft.status, **facts)
            else:
                number = self.lab.job(
                    draft.status,
                    archived=int(draft.archived),
                    graceful=draft.graceful,
                    log="x" if draft.has_files else None,
                    **facts,
                )
            self.remember(replace(draft, id=number, pipeline=pipeline))

    @rule(
        place=PLACES,
        action=st.sampled_from(ACTIONS),
        role=st.sampled_from(["maintainer", "developer", "oauth", "admin"]),
    )
    def act(self, place, action, role):
        self.compare_action(self.at(place), action, role)

    @rule(place=PLACES, action=st.sampled_from(ACTIONS), role=st.sampled_from(ROLES))
    def act_as_anybody(self, place, action, role):
        self.compare_action(self.at(place), action, role)

    @rule(place=PLACES, word=st.sampled_from(["success", "failed"]))
    def run_it(self, place, word):
        """The runner takes a pending job, or reports the end of a running one."""
        job = self.at(place)
        step = {"pending": "running", "running": word, "canceling": "canceled"}.get(job.status)
        if step is None or job.bridge:
            return
        self.lab.sandbox.set_status(job.id, step)
        # A pending job has no runner yet, and is given none here: nobody cancels it gracefully.
        running = replace(job, status="running", graceful=False)
        self.remember(running if step == "running" else job.ended(step))

    @invariant()
    def what_was_touched_is_as_the_model_says(self):
        while self.touched:
            self.compare(self.known[self.touched.pop()])

    def teardown(self):
        """Nothing else has changed behind the model's back."""
        for job in self.known.values():
            self.compare(job)

    def compare_action(self, job: Job, action: str, role: str | None) -> None:
        outcome = expected(job, action, role)
        route = "cancel?force=true" if action == "force" else action

        answer = self.lab.as_(role).post(f"/projects/11/jobs/{job.id}/{route}")

        body = answer.json()
        if outcome.refusal is not None:
            assert (answer.status, body.get("message", body.get("error"))) == outcome.refusal
            return
        assert answer.status == SUCCESS[action]
        if outcome.clone_by is None:
            assert body["id"] == job.id
            self.remember(started(outcome.job, body))
            return
        assert body["id"] > max(self.known)
        self.remember(outcome.job)
        clone = replace(
            job,
            id=body["id"],
            status="started" if job.bridge else "pending",
            by=outcome.clone_by,
            has_files=False,
            retried=False,
            graceful=False,
            writes=True,
        )
        self.remember(started(clone, body))

    def compare(self, job: Job) -> None:
        answer = self.lab.get(f"/projects/11/jobs/{job.id}")
        if job.bridge:
            assert answer.said == (404, {"message": "404 Not found"})
        else:
            body = answer.json()
            assert body["status"] == job.status
            assert body["user"]["username"] == self.lab.username(job.by)
            assert job.has_files or body["artifacts"] == []
            log = self.lab.get(f"/projects/11/jobs/{job.id}/trace")
            assert (log.status, bool(log.body)) == (200, job.has_files)
        kind = "bridges" if job.bridge else "jobs"
        listed = self.lab.get(f"/projects/11/pipelines/{job.pipeline}/{kind}").ids
        assert (job.id in listed) == (not job.retried)

    def at(self, place: int) -> Job:
        return list(self.known.values())[place % len(self.known)]

    def remember(self, job: Job) -> None:
        self.known[job.id] = job
        self.touched.add(job.id)


def started(job: Job, body: dict) -> Job:
    """The job as answered. A started bridge goes on by itself: any of its first states will do."""
    if job.status != "started":
        assert body["status"] == job.status
        return job
    assert body["status"] in {"created", "pending", "running", "success"}
    return replace(job, status=body["status"])


@pytest.mark.hypothesis
@pytest.mark.dear
def test_the_sandbox_and_the_model_never_disagree(make_lab):
    class Machine(SandboxAgainstModel):
        @staticmethod
        def make_lab():
            return make_lab()

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=70,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            report_multiple_bugs=False,
            phases=[Phase.generate, Phase.shrink],  # explaining takes minutes
        ),
    )
